"""Two children whose records look like one child's: no weight alone joins them."""

import pytest

from tests.spec.linking import verdicts

LINK = "link"
NAMES = "source | record_id | forename | middle_names | surname"
HEAD = f"{NAMES} | date_of_birth | sex | address | postcode | nhs_number"
HOME, AWAY = "12 Mill Lane | OL1 1AA", "80 Dale Road | OL9 5BB"


def between(one: str, other: str, numbers: tuple[str, str] = ("", "")) -> str:
    """What becomes of two records, of the school and of the clinic; NHS numbers if given."""
    found = verdicts(f"""
        {HEAD}
        school | a | {one} | {numbers[0]}
        clinic | b | {other} | {numbers[1]}
    """)
    verdict: str = found["a", "b"]
    return verdict


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Harry | | Malik | 2014-05-03 | M", "Harriet | | Malik | 2014-05-03 | F"),
        ("Louis | | Malik | 2014-05-03 | M", "Louise | | Malik | 2014-05-03 | F"),
        ("Baby Boy | | Malik | 2014-05-03 | M", "Baby Girl | | Malik | 2014-05-03 | F"),
        ("Mohammed | | Malik | 2014-05-03 | M", "Aisha | | Malik | 2014-05-03 | F"),
    ],
)
def test_a_twin_brother_and_sister_with_names_alike_or_none(one: str, other: str) -> None:
    assert between(f"{one} | {HOME}", f"{other} | {HOME}") != LINK


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hassan |", "Hussain |"),
        ("Mohammed Hasan |", "Mohammed Hussein |"),
        ("Anna Maria |", "Anna Sofia |"),
        ("Noor | Fatima", "Noor | Ayesha"),
        ("Abdul Rahman |", "Abdul Rahim |"),
    ],
)
def test_twins_with_two_names_that_begin_or_sound_alike(one: str, other: str) -> None:
    same = "| Malik | 2014-05-03 | | 12 Mill Lane | OL1 1AA"
    assert between(one + same, other + same) != LINK


@pytest.mark.parametrize(
    ("one", "other"),
    [("Hassan |", "Hasan |"), ("Anna | Maria Rose", "Anna | Rose"), ("Anna | M", "Anna | Maria")],
)
def test_one_child_whose_names_two_systems_write_otherwise(one: str, other: str) -> None:
    same = "| Malik | 2014-05-03 | F | 12 Mill Lane | OL1 1AA"
    assert between(one + same, other + same) == LINK


@pytest.mark.parametrize("forename", ["", "Baby"])
@pytest.mark.parametrize("other", [" | | Corvanet |", "Isaac | | Corvanet | 2014-05-03"])
def test_nothing_but_a_surname_and_a_home(forename: str, other: str) -> None:
    assert between(f"{forename} | | Corvanet | | M | {HOME}", f"{other} | M | {HOME}") != LINK


def test_siblings_with_spellings_of_one_name() -> None:
    one, other = "Maryam | | Malik | 2014-05-24", "Mariam | | Malik | 2015-07-13"
    assert between(f"{one} | F | {HOME}", f"{other} | F | {HOME}") != LINK


def test_a_number_that_stands_in_the_record_of_a_sister() -> None:
    one, other = "Leo | | Malik | 2014-05-24 | M", "Isla | | Malik | 2016-02-20 | F"
    assert between(f"{one} | {HOME}", f"{other} | {HOME}", ("9434765919",) * 2) != LINK


def test_a_number_joins_what_was_damaged_in_one_place() -> None:
    one, other = "Leo | | Malik | 2014-05-24 | M", "Teddy | | Malik | 2014-05-24 | M"
    assert between(f"{one} | {HOME}", f"{other} | {HOME}", ("9434765919",) * 2) == LINK


def test_one_name_and_birthday_with_two_numbers_and_two_homes() -> None:
    said = "Mohammed | | Khan | 2014-05-24 | M"
    assert between(f"{said} | {HOME}", f"{said} | {AWAY}", ("9434765919", "9434765870")) != LINK
    # Who moved has one number.
    assert between(f"{said} | {HOME}", f"{said} | {HOME}", ("9434765919", "9434765870")) == LINK


def test_an_adopted_childs_identities_at_houses_of_one_number() -> None:
    one, other = "Thaddeus | | Netherby", "Thaddeus | | Ogdenshaw"
    found = between(
        f"{one} | 2014-05-24 | M | 12 Mill Lane | OL1 9AA",
        f"{other} | 2014-05-24 | M | 12 Miller Road | M1 9BB",
    )
    assert found != LINK
