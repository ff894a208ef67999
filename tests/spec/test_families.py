"""Brothers, sisters and twins among the records of a town: who is joined with whom."""

from datetime import date
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.strategies import steady
from tests.spec.linking import verdicts

LINK, APART = "link", "apart"


def test_twins_whom_two_systems_hold_are_two_children_each_found_twice() -> None:
    found = verdicts("""
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | aisha 1   | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | aisha 2   | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        school | zara 1    | Zara     | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | zara 2    | Zara     | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
    """)
    assert found["aisha 1", "aisha 2"] == found["zara 1", "zara 2"] == LINK
    assert LINK not in {verdict for pair, verdict in found.items() if crosses(pair)}


def test_twins_with_names_alike_are_two_children_where_a_system_holds_both() -> None:
    found = verdicts("""
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | amina 1   | Amina    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | amina 2   | Amina    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        school | amira 1   | Amira    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | amira 2   | Amira    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
    """)
    assert LINK not in {verdict for pair, verdict in found.items() if crosses(pair)}


def test_a_newborn_without_a_name_does_not_join_twins_into_one() -> None:
    found = verdicts("""
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | aisha 1   | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        school | zara 1    | Zara     | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | baby 1    | Baby     | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
    """)
    assert LINK not in found.values()


def test_a_newborn_without_a_name_does_not_join_twins_of_two_systems_into_one() -> None:
    found = verdicts("""
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | aisha 1   | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        social | zara 1    | Zara     | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | baby 1    | Baby     | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
    """)
    assert found["aisha 1", "zara 1"] != LINK


def test_twins_stay_two_when_one_moves() -> None:
    found = verdicts("""
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | aisha 1   | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | zara 1    | Zara     | Malik   | 2014-05-03    | F   | 80 Dale Road | OL9 5BB
    """)
    assert found["aisha 1", "zara 1"] != LINK


def test_siblings_whom_two_systems_hold_are_two_children_each_found_twice() -> None:
    found = verdicts("""
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | aisha 1   | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | aisha 2   | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        school | bilal 1   | Bilal    | Malik   | 2016-11-20    | M   | 12 Mill Lane | OL1 1AA
        clinic | bilal 2   | Bilal    | Malik   | 2016-11-20    | M   | 12 Mill Lane | OL1 1AA
    """)
    assert found["aisha 1", "aisha 2"] == found["bilal 1", "bilal 2"] == LINK
    assert LINK not in {verdict for pair, verdict in found.items() if crosses(pair)}


def test_a_source_that_holds_each_child_once_has_two_children_in_two_records() -> None:
    drawn = """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | lily 1    | Lily     | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        school | lily 2    | Lily     | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
    """
    assert verdicts(drawn, single_sources=["school"])["lily 1", "lily 2"] == APART


FORENAMES = ["Aisha", "Zara", "Bilal", "Omar", "Edward", "Grace", "Kuba", "Hollie", "Niamh", "Tess"]


@settings(steady, max_examples=12)
@given(
    st.lists(st.sampled_from(FORENAMES), min_size=2, max_size=2, unique=True),
    st.sampled_from(["Malik", "Khan", "Lees", "Smith-Jones", "Begum"]),
    st.dates(date(2010, 1, 2), date(2022, 12, 31)),
    st.sampled_from(["FF", "FM", "MM"]),
    st.sampled_from(["12 Mill Lane | OL1 1AA", "12 Mill Lane |", "| OL1 1AA"]),
)
def test_another_forename_with_the_same_surname_birthday_and_address_is_never_a_link(
    forenames: list[str], surname: str, born: object, sexes: str, home: str
) -> None:
    one, other = forenames
    found = verdicts(f"""
        source | record_id | forename | surname   | date_of_birth | sex        | address | postcode
        school | a         | {one}    | {surname} | {born}        | {sexes[0]} | {home}
        clinic | b         | {other}  | {surname} | {born}        | {sexes[1]} | {home}
    """)
    assert found["a", "b"] != LINK


@pytest.mark.parametrize("order", list(permutations(range(3)))[:3])
def test_triplets_are_three_children(order: tuple[int, ...]) -> None:
    names = [["Aisha", "Zara", "Grace"][at] for at in order]
    drawn = "source | record_id | forename | surname | date_of_birth | postcode" + "".join(
        f"\n{source} | {name} {number} | {name} | Malik | 2014-05-03 | OL1 1AA"
        for number, source in enumerate(["school", "clinic"], start=1)
        for name in names
    )
    found = verdicts(drawn)
    assert all((verdict == LINK) != crosses(pair) for pair, verdict in found.items())


def crosses(pair: tuple[str, str]) -> bool:
    """Whether the two records are of two children: their ids begin with the child's name."""
    return pair[0].split()[0] != pair[1].split()[0]
