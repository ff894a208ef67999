"""Dates as systems write them, decided once per column of a file.

What 03/04/2014 means cannot be seen from the value, so the column is asked. Values that
read one way only are evidence: 25/12/2014 for day first, 12/25/2014 for month first.
``DateRules`` says what follows; nothing is guessed in silence.

A column of this form alone is as the source writes it: day first. Beside dates of other
forms it has passed through other hands, so there day first needs its evidence too.

A spreadsheet that reads the wrong way round turns 03/04/2014 into a date cell of another
day and leaves 25/12/2014 as text. A column whose cells are split like that is suspect.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from matcher.read.cells import RawCell
from matcher.rules.tables import DateFormat, DateRules

EARLIEST, LATEST = date(1900, 1, 1), date(2100, 12, 31)
# So many different cells all have a day of at most 12 by chance in one column of a hundred.
_BEYOND_CHANCE = 5
_EXCEL_RANGE = range(3_654, 73_415)  # 1910 to 2100: a bare year such as 2014 is no serial

_TIME = (
    r"(?:[T,\s]\s*\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:[.,]\d+)?)?\s*(?:[ap]m)?\s*(?:Z|[+-]\d\d:?\d\d)?)?"
)
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?"
_SHAPES: tuple[tuple[DateFormat, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern + _TIME, re.IGNORECASE))  # type: ignore[misc]
    for name, pattern in (
        ("day/month/year", r"(\d{1,2})\s*[/.-]\s*(\d{1,2})\s*[/.-]\s*(\d{4}|\d{2})"),
        ("yyyy-mm-dd", r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})"),
        (
            "dd mon yyyy",
            _WEEKDAY + r"(\d{1,2})(?:st|nd|rd|th)?[\s-]*([a-z]{3,9})\.?,?[\s-]*(\d{4}|\d{2})",
        ),
        ("yyyy-mon-dd", r"(\d{4})[\s-]([a-z]{3,9})[\s-](\d{1,2})"),
    )
)
_NUMBER = re.compile(r"(\d{1,8})(?:\.\d+)?")
# The number of each month by its names, in small letters.
MONTHS = {
    name: 1 + index
    for index, names in enumerate(
        (
            ("jan", "january"),
            ("feb", "february"),
            ("mar", "march"),
            ("apr", "april"),
            ("may",),
            ("jun", "june"),
            ("jul", "july"),
            ("aug", "august"),
            ("sep", "sept", "september"),
            ("oct", "october"),
            ("nov", "november"),
            ("dec", "december"),
        )
    )
    for name in names
}


@dataclass(frozen=True, slots=True)
class DateColumn:
    """What each distinct value of a column means.

    ``dates`` holds a date, or None with the reason in ``problems`` (None if the cell was
    empty). ``notes`` tell how an order other than day first was dealt with.
    """

    dates: list[date | None]
    problems: list[str | None]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Numeric:
    """A date written in three numbers, with its readings."""

    day_first: date | None
    month_first: date | None

    @property
    def speaks_for(self) -> str | None:
        """The order of day and month that this value shows, if only one is possible."""
        if self.day_first and self.month_first:
            return None
        return "day_first" if self.day_first else "month_first" if self.month_first else None

    @property
    def is_ambiguous(self) -> bool:
        """Whether it can mean two days."""
        return self.speaks_for is None and self.day_first != self.month_first


@dataclass(frozen=True, slots=True)
class _Counted:
    """A date that a spreadsheet holds as a number of days: a date cell, or a serial."""

    day: date


_Found = date | _Numeric | _Counted | str | None


def read_dates(
    values: Sequence[RawCell],
    rules: DateRules,
    *,
    excel_epoch: int = 1900,
    latest_year: int | None = None,
) -> DateColumn:
    """Dates of the distinct values of one column.

    Args:
        values: distinct cells without white space around them; "" is an empty cell.
        rules: formats accepted, and what settles the order of day and month.
        excel_epoch: 1900 or 1904, from the workbook if it says so.
        latest_year: no two-digit year lies after it, where it is known.
    """
    century = min(latest_year or rules.two_digit_years_to, rules.two_digit_years_to)
    read = [_read(value, rules.formats, excel_epoch, century) for value in values]
    order, notes = _decide_order(read, rules)
    if swapped := _swapped_cells(read):
        notes.append("dates_perhaps_swapped")
    suspect = rules.order == "infer" and len(swapped) >= _BEYOND_CHANCE
    dates: list[date | None] = []
    problems: list[str | None] = []
    for item in read:
        found = _settle(item, order)
        if isinstance(found, date) and not EARLIEST <= found <= LATEST:
            found = "date_implausible"
        elif suspect and item in swapped:
            found = "date_perhaps_swapped"
        dates.append(found if isinstance(found, date) else None)
        problems.append(found if isinstance(found, str) else None)
    return DateColumn(dates, problems, tuple(notes))


def _decide_order(read: Sequence[_Found], rules: DateRules) -> tuple[str, list[str]]:
    """``day_first``, ``month_first`` or ``either``, and a note if it was not plain."""
    if rules.order != "infer":
        return rules.order, []
    numeric = [item for item in read if isinstance(item, _Numeric)]
    shown = {item.speaks_for for item in numeric}
    if "month_first" in shown:
        if "day_first" in shown:
            return "either", ["mixed_date_orders"]
        if rules.month_first_permitted:
            return "month_first", ["read_month_first"]
        return "either", ["month_first_not_permitted"]
    other_forms = any(isinstance(item, date | _Counted) for item in read)
    if other_forms and "day_first" not in shown and any(item.is_ambiguous for item in numeric):
        return "either", ["mixed_date_forms"]
    return "day_first", []


def _swapped_cells(read: Sequence[_Found]) -> set[_Counted]:
    """Date cells that another day may have become, by what was left as text beside them.

    None unless every cell has a day that could be a month, and every date in text reads
    one way only.
    """
    cells = {item for item in read if isinstance(item, _Counted)}
    texts = [item for item in read if isinstance(item, _Numeric)]
    shown = {item.speaks_for for item in texts if item.day_first or item.month_first}
    if not shown or None in shown or any(cell.day.day > 12 for cell in cells):
        return set()
    return {cell for cell in cells if cell.day.day != cell.day.month}


def _settle(item: _Found, order: str) -> date | str | None:
    """The one reading that the order allows, or why there is none."""
    if isinstance(item, _Counted):
        return item.day
    if not isinstance(item, _Numeric):
        return item
    if order == "day_first":
        return item.day_first or "date_impossible"
    if order == "month_first":
        return item.month_first or "date_impossible"
    if item.is_ambiguous:
        return "date_ambiguous"
    return item.day_first or item.month_first or "date_impossible"


def _read(
    value: RawCell, formats: tuple[DateFormat, ...], excel_epoch: int, century: int
) -> _Found:
    """A date, its two readings, a reject code, or None for an empty cell."""
    if isinstance(value, datetime):
        return _Counted(value.date())
    if isinstance(value, date):
        return _Counted(value)
    if not value:
        return None
    number = _NUMBER.fullmatch(value)
    if number:
        return _read_number(number[1], formats, excel_epoch)
    for name, pattern in _SHAPES:
        match = pattern.fullmatch(value)
        if match and name in formats:
            return _read_parts(name, match, century)
    return "date_unreadable"


def _read_parts(name: DateFormat, match: re.Match[str], century: int) -> date | _Numeric | str:
    first, second, third = match.groups()
    if name == "day/month/year":
        return _numeric(_year(third, century), int(first), int(second))
    if name == "yyyy-mm-dd":
        return _date(int(first), int(second), int(third)) or "date_impossible"
    month = MONTHS.get(second.casefold())
    if month is None:
        return "date_unreadable"
    if name == "dd mon yyyy":
        return _date(_year(third, century), month, int(first)) or "date_impossible"
    return _date(int(first), month, int(third)) or "date_impossible"


def _read_number(digits: str, formats: tuple[DateFormat, ...], excel_epoch: int) -> _Found:
    """Digits only: ddmmyyyy (its leading zero perhaps lost), yyyymmdd, or a serial.

    Serials 1 and 2 are the placeholder 1 January 1900, by the two ways of counting that
    spreadsheets and programs have; other small numbers are no dates.
    """
    if digits in ("1", "2") and "excel" in formats:
        return _Counted(EARLIEST)
    if len(digits) <= 5 and "excel" in formats and int(digits) in _EXCEL_RANGE:
        start = date(1904, 1, 1) if excel_epoch == 1904 else date(1899, 12, 30)
        return _Counted(start + timedelta(days=int(digits)))
    found: _Found = "date_unreadable"
    if len(digits) in (7, 8) and "ddmmyyyy" in formats:
        padded = digits.zfill(8)
        first, second, year = int(padded[:2]), int(padded[2:4]), int(padded[4:])
        if EARLIEST.year <= year <= LATEST.year:
            return _numeric(year, first, second)
        found = _date(year, second, first) or "date_impossible"
    if len(digits) == 8 and "yyyymmdd" in formats:
        whole = _date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
        return whole or (found if isinstance(found, date) else "date_impossible")
    return found


def _numeric(year: int, first: int, second: int) -> _Numeric:
    return _Numeric(_date(year, second, first), _date(year, first, second))


def _year(digits: str, century: int) -> int:
    """Two digits mean the last such year up to ``century``."""
    if len(digits) == 4:
        return int(digits)
    year = century - century % 100 + int(digits)
    return year if year <= century else year - 100


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
