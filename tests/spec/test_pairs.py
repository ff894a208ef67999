"""Two records as systems hold them: how they compare, and what becomes of them in a town.

``found`` means a link or a possible link: nobody has to know of it to find it. ``not linked``
means a possible link or none: no two records are joined without a person.
"""

import pytest

from tests.spec.linking import levels, proposed, verdicts

FOUND = {"link", "possible"}
NOT_LINKED = {"possible", "apart"}
LINKED = {"link"}
APART = {"apart"}


def verdict(drawn: str) -> str:
    (found,) = verdicts(drawn).values()
    return found


SAME_CHILD = {
    "the same in both": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | AISHA    | MALIK   | 2014-05-03    | F   | 12 Mill Ln   | ol11aa
    """,
    "moved house": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | Aisha    | Malik   | 2014-05-03    | F   | 80 Dale Road | OL9 5BB
    """,
    "no address on one side": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | Aisha    | Malik   | 2014-05-03    | F   |              |
    """,
    "another spelling": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Yusuf    | Hussain | 2014-05-03    | M   | 12 Mill Lane | OL1 1AA
        clinic | b         | Yousuf   | Hussein | 2014-05-03    | M   | 12 Mill Lane | OL1 1AA
    """,
    "one field for the name, surname first": """
        source | record_id | forename | surname | name            | date_of_birth | postcode
        school | a         | Aisha    | Malik   |                 | 2014-05-03    | OL1 1AA
        clinic | b         |          |         | MALIK, Aisha    | 2014-05-03    | OL1 1AA
    """,
    "a former surname": """
        source | record_id | forename | surname | former_surname | date_of_birth | postcode
        school | a         | Aisha    | Lees    | Malik          | 2014-05-03    | OL1 1AA
        clinic | b         | Aisha    | Malik   |                | 2014-05-03    | OL1 1AA
    """,
}

FOUND_CHILD = {
    "day and month swapped": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | Aisha    | Malik   | 2014-03-05    | F   | 12 Mill Lane | OL1 1AA
    """,
    "names swapped": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | Malik    | Aisha   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
    """,
    "the day of birth is a stand-in": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | Aisha    | Malik   | 2014-05-15    | F   | 12 Mill Lane | OL1 1AA
    """,
    "no date of birth": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | Aisha    | Malik   |               | F   | 12 Mill Lane | OL1 1AA
    """,
    "a placeholder for the date of birth": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | Aisha    | Malik   | 2014-01-01    | F   | 12 Mill Lane | OL1 1AA
    """,
    "the prefix left out": """
        source | record_id | forename       | surname | date_of_birth | sex | postcode
        school | a         | Mohammed Yusuf | Malik   | 2014-05-03    | M   | OL1 1AA
        clinic | b         | Yousuf         | Malik   | 2014-05-03    | M   | OL1 1AA
    """,
    "the prefix written short": """
        source | record_id | forename       | surname | date_of_birth | sex | postcode
        school | a         | Mohammed Yusuf | Malik   | 2014-05-03    | M   | OL1 1AA
        clinic | b         | Md Yusuf       | Malik   | 2014-05-03    | M   | OL1 1AA
    """,
    "the mother's last name, later the father's": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Aisha    | Begum   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
    """,
    "a changed surname": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Aisha    | Dyson   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
    """,
    "names cut short": """
        source | record_id | forename    | surname      | date_of_birth | address        | postcode
        school | a         | Christopher | Featherstone | 2014-05-03    | 12 Abbey Hills | OL1 1AA
        clinic | b         | Christo     | Feathers     | 2014-05-03    | 12 Abbey Hil   | OL1 1AA
    """,
    "one number, everything else at odds": """
        source | record_id | forename | surname | date_of_birth | nhs_number | postcode
        school | a         | Aisha    | Malik   | 2014-05-03    | 9434765919 | OL1 1AA
        clinic | b         | Aisha    | Dyson   | 2014-05-04    | 9434765919 | OL9 5BB
    """,
}

OTHER_CHILD = {
    "twins": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | Zara     | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
    """,
    "twins under one prefix": """
        source | record_id | forename         | surname | date_of_birth | sex | postcode
        school | a         | Mohammed Yusuf   | Malik   | 2014-05-03    | M   | OL1 1AA
        clinic | b         | Mohammed Ibrahim | Malik   | 2014-05-03    | M   | OL1 1AA
    """,
    "twins with numbers of their own": """
        source | record_id | forename | surname | date_of_birth | nhs_number | postcode
        school | a         | Aisha    | Malik   | 2014-05-03    | 9434765919 | OL1 1AA
        clinic | b         | Zara     | Malik   | 2014-05-03    | 9990000018 | OL1 1AA
    """,
    "a twin without a name": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Twin 1   | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | Zara     | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
    """,
    "siblings": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | Zara     | Malik   | 2016-11-20    | F   | 12 Mill Lane | OL1 1AA
    """,
    "another child born that day": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Aisha    | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | Zara     | Dyson   | 2014-05-03    | F   | 80 Dale Road | OL9 5BB
    """,
    "neighbours whose dates are both the first of January": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Aisha    | Malik   | 2014-01-01    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | Zara     | Dyson   | 2014-01-01    | F   | 14 Mill Lane | OL1 1AA
    """,
    "two newborns without a name": """
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | a         | Baby     | Malik   | 2014-05-03    | F   | 12 Mill Lane | OL1 1AA
        clinic | b         | Baby     | Dyson   | 2014-05-03    | F   | 80 Dale Road | OL9 5BB
    """,
}


@pytest.mark.parametrize("case", SAME_CHILD)
def test_the_same_child_is_linked(case: str) -> None:
    assert proposed(SAME_CHILD[case])
    assert verdict(SAME_CHILD[case]) in LINKED


@pytest.mark.parametrize("case", FOUND_CHILD)
def test_a_child_whose_record_is_wrong_in_one_way_is_found(case: str) -> None:
    assert proposed(FOUND_CHILD[case])
    assert verdict(FOUND_CHILD[case]) in FOUND


@pytest.mark.parametrize("case", OTHER_CHILD)
def test_another_child_is_never_linked_without_a_person(case: str) -> None:
    assert verdict(OTHER_CHILD[case]) in NOT_LINKED


@pytest.mark.parametrize(
    ("case", "comparison", "level"),
    [
        ("day and month swapped", "date_of_birth", "swapped"),
        ("the day of birth is a stand-in", "date_of_birth", "uncertain"),
        ("no date of birth", "date_of_birth", "missing"),
        ("a placeholder for the date of birth", "date_of_birth", "missing"),
        ("names swapped", "forename", "swapped"),
        ("the mother's last name, later the father's", "surname", "honorific"),
        ("the prefix written short", "forename", "same"),
        ("names cut short", "home", "same"),
        ("one number, everything else at odds", "nhs_number", "same"),
    ],
)
def test_what_is_wrong_with_a_record_is_a_level_of_its_own(
    case: str, comparison: str, level: str
) -> None:
    assert levels(FOUND_CHILD[case])[comparison] == level


@pytest.mark.parametrize("case", [name for name in OTHER_CHILD if "twin" in name])
def test_twins_are_a_named_case(case: str) -> None:
    assert levels(OTHER_CHILD[case])["household"].startswith("twin")


def test_siblings_are_a_named_case() -> None:
    assert levels(OTHER_CHILD["siblings"])["household"].startswith("sibling")
