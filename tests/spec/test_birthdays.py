"""Records that say little but when somebody was born."""

import pytest

from tests.spec.linking import verdicts


@pytest.mark.parametrize(
    "said",
    [
        "         |         | 2019-02-27    |  ",
        "         |         | 2019-02-27    | F",
        "         | Zebedee | 2019-02-27    | F",
        "Ottoline | Zebedee | 2019-02-27    | F",
    ],
)
def test_a_birthday_that_nobody_else_has_does_not_say_whose_a_record_is(said: str) -> None:
    """Every system holds nearly every child: the company of systems speaks for one child."""
    found = verdicts(f"""
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | 1         | Aisha    | Malik   | 2019-02-27    | F   | 12 Mill Lane | OL1 1AA
        clinic | 2         | Aisha    | Malik   | 2019-02-27    | F   | 12 Mill Lane | OL1 1AA
        social | 3         | {said}   |              |
    """)
    assert found["1", "2"] == "link"
    assert "link" not in {found["1", "3"], found["2", "3"]}


def test_a_birthday_with_a_home_says_whose_a_record_is() -> None:
    found = verdicts("""
        source | record_id | forename | surname | date_of_birth | sex | address      | postcode
        school | 1         | Aisha    | Malik   | 2019-02-27    | F   | 12 Mill Lane | OL1 1AA
        clinic | 2         | Aisha    | Malik   | 2019-02-27    | F   | 12 Mill Lane | OL1 1AA
        social | 3         |          | Malik   | 2019-02-27    | F   | 12 Mill Lane | OL1 1AA
    """)
    assert set(found.values()) == {"link"}
