"""What each way of writing a date means, alone and in company."""

from datetime import date, datetime
from typing import Any

import pytest

from matcher.read.dates import DateColumn, read_dates
from matcher.rules.tables import DateRules


def read(
    *values: Any, excel_epoch: int = 1900, latest_year: int | None = None, **rules: Any
) -> DateColumn:
    return read_dates(values, DateRules(**rules), excel_epoch=excel_epoch, latest_year=latest_year)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("25/12/2014", date(2014, 12, 25)),
        ("5/1/2014", date(2014, 1, 5)),
        ("25-12-2014", date(2014, 12, 25)),
        ("25.12.2014", date(2014, 12, 25)),
        ("25/12/2014 13:05", date(2014, 12, 25)),
        ("25/12/14", date(2014, 12, 25)),
        ("2014-12-25", date(2014, 12, 25)),
        ("2014-12-25T10:11:12Z", date(2014, 12, 25)),
        ("2014-12-25 00:00:00.000", date(2014, 12, 25)),
        ("2025-Feb-16 00:00:00", date(2025, 2, 16)),
        ("29 Sep 2011 14:53:28", date(2011, 9, 29)),
        ("29 September 2011", date(2011, 9, 29)),
        ("29-Sep-11", date(2011, 9, 29)),
        ("Thu 29th Sept, 2011", date(2011, 9, 29)),
        ("25122014", date(2014, 12, 25)),
        ("5122014", date(2014, 12, 5)),
        ("20141225", date(2014, 12, 25)),
        ("42063", date(2015, 2, 28)),
        ("42063.5", date(2015, 2, 28)),
        ("1", date(1900, 1, 1)),
        ("2", date(1900, 1, 1)),
        (date(2014, 12, 25), date(2014, 12, 25)),
        (datetime(2014, 12, 25, 9, 30), date(2014, 12, 25)),
    ],
)
def test_a_date_is_read_however_it_is_written(written: Any, meant: date) -> None:
    assert read(written).dates == [meant]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("31/02/2015", "date_impossible"),
        ("2015-02-30", "date_impossible"),
        ("31 Apr 2015", "date_impossible"),
        ("32132015", "date_impossible"),
        ("00/01/2015", "date_impossible"),
        ("Oldham", "date_unreadable"),
        ("5 Foo 2015", "date_unreadable"),
        ("2015", "date_unreadable"),
        ("12/2015", "date_unreadable"),
        ("99", "date_unreadable"),
        ("01/01/1066", "date_implausible"),
        ("3015-01-01", "date_implausible"),
    ],
)
def test_what_is_no_date_says_why(written: str, code: str) -> None:
    column = read(written)
    assert (column.dates, column.problems) == ([None], [code])


def test_an_empty_cell_is_missing_and_no_problem() -> None:
    assert read("") == DateColumn([None], [None], ())


def test_day_comes_first_while_nothing_speaks_against_it() -> None:
    assert read("03/04/2014", "05/05/2014").dates == [date(2014, 4, 3), date(2014, 5, 5)]


def test_a_column_of_mixed_orders_guesses_nothing() -> None:
    column = read("03/04/2014", "12/25/2014", "25/12/2014", "05/05/2014", "2014-04-03")
    assert column.problems == ["date_ambiguous", None, None, None, None]
    assert column.dates[1:] == [
        date(2014, 12, 25),
        date(2014, 12, 25),
        date(2014, 5, 5),
        date(2014, 4, 3),
    ]
    assert column.notes == ("mixed_date_orders",)


def test_month_first_alone_is_not_believed_unless_permitted() -> None:
    column = read("03/04/2014", "12/25/2014")
    assert column.problems == ["date_ambiguous", None]
    assert column.notes == ("month_first_not_permitted",)


def test_month_first_alone_is_believed_where_permitted_and_noted() -> None:
    column = read("03/04/2014", "12/25/2014", month_first_permitted=True)
    assert column.dates == [date(2014, 3, 4), date(2014, 12, 25)]
    assert column.notes == ("read_month_first",)


OTHER_FORMS = [
    "2014-12-25",
    "2014-04-03",
    "29 Sep 2011",
    "2011-Sep-29 00:00:00",
    "20141225",
    "42063",
    date(2014, 12, 25),
    datetime(2014, 12, 25, 9, 30),
    date(2014, 4, 3),
]


@pytest.mark.parametrize("other", OTHER_FORMS)
def test_beside_another_form_what_can_be_read_two_ways_is_not_guessed(other: Any) -> None:
    column = read("03/04/2014", other, "05/05/2014", "")
    assert column.problems == ["date_ambiguous", None, None, None]
    assert column.dates[1:] == [read(other).dates[0], date(2014, 5, 5), None]
    assert column.notes == ("mixed_date_forms",)


@pytest.mark.parametrize("other", OTHER_FORMS)
def test_beside_another_form_a_day_that_is_no_month_is_evidence(other: Any) -> None:
    column = read("03/04/2014", other, "25/12/2014")
    assert column.dates[0] == date(2014, 4, 3)
    assert column.problems == [None] * 3


@pytest.mark.parametrize("other", ["soon", "", "31/02/2014", "2014-02-30", "3 Foo 2014"])
def test_what_is_no_date_is_no_other_form(other: str) -> None:
    assert read("03/04/2014", other).dates[0] == date(2014, 4, 3)


def test_beside_another_form_month_first_still_needs_its_evidence() -> None:
    assert read("03/04/2014", "2014-12-25", month_first_permitted=True).dates[0] is None
    column = read("03/04/2014", "2014-12-25", "12/25/2014", month_first_permitted=True)
    assert column.dates[0] == date(2014, 3, 4)


def test_beside_another_form_a_declared_order_still_settles() -> None:
    assert read("03/04/2014", "2014-12-25", order="day_first").dates[0] == date(2014, 4, 3)


def test_eight_digits_are_evidence_and_ambiguous_like_any_others() -> None:
    assert read("03042014", "12/25/2014").problems == ["date_ambiguous", None]
    assert read("03/04/2014", "12252014").problems == ["date_ambiguous", None]
    assert read("03042014", "25122014").dates[0] == date(2014, 4, 3)


LEFT_AS_TEXT = ("25/12/2014", "13/01/2014", "31/03/2014")
EARLY_DAYS = tuple(date(2014, month, 12 - month) for month in (1, 2, 3, 4, 5))


@pytest.mark.parametrize("text", [LEFT_AS_TEXT, ("12/25/2014", "01/13/2014")])
def test_date_cells_that_a_spreadsheet_has_probably_swapped_are_rejects(
    text: tuple[str, ...],
) -> None:
    column = read(*EARLY_DAYS, date(2014, 6, 6), *text)
    assert column.problems == ["date_perhaps_swapped"] * 5 + [None] * (1 + len(text))
    assert column.dates[5] == date(2014, 6, 6)
    assert "dates_perhaps_swapped" in column.notes


def test_few_date_cells_with_early_days_may_be_chance_and_are_noted() -> None:
    column = read(*EARLY_DAYS[:4], *LEFT_AS_TEXT)
    assert column.dates[:4] == list(EARLY_DAYS[:4])
    assert column.notes == ("dates_perhaps_swapped",)


@pytest.mark.parametrize("beside", [date(2014, 1, 13), "41652", "03/04/2014", "05/05/2014"])
def test_a_late_day_in_a_cell_or_an_early_one_in_text_clears_the_spreadsheet(beside: Any) -> None:
    column = read(*EARLY_DAYS, *LEFT_AS_TEXT, beside)
    assert None not in column.dates
    assert column.notes == ()


def test_date_cells_are_not_suspect_where_the_order_is_declared_but_still_noted() -> None:
    column = read(*EARLY_DAYS, *LEFT_AS_TEXT, order="day_first")
    assert None not in column.dates
    assert column.notes == ("dates_perhaps_swapped",)


def test_a_declared_order_settles_everything() -> None:
    day_first = read("03/04/2014", "12/25/2014", order="day_first")
    assert (day_first.dates, day_first.problems) == (
        [date(2014, 4, 3), None],
        [None, "date_impossible"],
    )
    assert read("03/04/2014", order="month_first").dates == [date(2014, 3, 4)]


def test_a_format_that_is_not_declared_is_not_read() -> None:
    column = read("42063", "2014-12-25", formats=("yyyy-mm-dd",))
    assert column.problems == ["date_unreadable", None]


def test_two_digit_years_end_as_spreadsheets_have_them() -> None:
    assert read("01/02/29", "01/02/30").dates == [date(2029, 2, 1), date(1930, 2, 1)]


def test_two_digit_years_never_pass_a_latest_year_that_is_known() -> None:
    assert read("01/02/18", "01/02/19", latest_year=2018).dates == [
        date(2018, 2, 1),
        date(1919, 2, 1),
    ]


def test_serials_count_from_where_the_workbook_says() -> None:
    assert read("40601", excel_epoch=1904).dates == [date(2015, 2, 28)]
