"""Dates as people type them: day, month and year; the month as a number or by its name."""

from datetime import date

from matcher.read.dates import MONTHS


def typed_date(day: str, month: str, year: str) -> date | None:
    """The date; None if nothing was typed. Raises ValueError if it is none."""
    day, month, year = (part.strip() for part in (day, month, year))
    if not (day or month or year):
        return None
    month = str(MONTHS.get(month.casefold(), month))
    if not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in (day, month, year)):
        raise ValueError("this is no date")
    if len(year) < 4:
        raise ValueError("write the year in four digits")
    return date(int(year), int(month), int(day))


def date_of_birth(day: str, month: str, year: str) -> tuple[str | None, str | None]:
    """A date of birth as YYYY-MM-DD, or what is wrong with it; neither if nothing was typed."""
    try:
        found = typed_date(day, month, year)
    except ValueError:
        return None, "Enter a date of birth such as 27 3 2019"
    return None if found is None else found.isoformat(), None
