"""Dates as people type them."""

from datetime import date

import pytest

from api.web.dates import date_of_birth, typed_date


@pytest.mark.parametrize("month", ["10", "October", "oct", " OCT "])
def test_a_month_is_a_number_or_a_name(month: str) -> None:
    assert typed_date("17", month, "2017") == date(2017, 10, 17)
    assert date_of_birth("17", month, "2017") == ("2017-10-17", None)


@pytest.mark.parametrize(
    "typed",
    [
        ("31", "2", "2017"),
        ("1", "2", "17"),
        ("\u0661", "2", "2017"),
        ("1", "Octember", "2017"),
        ("1", "", "2017"),
        ("-1", "2", "2017"),
        ("1", "2", "99999"),
    ],
    ids=ascii,
)
def test_what_is_no_date_is_said(typed: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match=r"date|day|year"):
        typed_date(*typed)
    assert date_of_birth(*typed) == (None, "Enter a date of birth such as 27 3 2019")


def test_nothing_typed_is_no_date() -> None:
    assert typed_date("", " ", "") is None
    assert date_of_birth("", "", "") == (None, None)
