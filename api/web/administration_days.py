"""First and last days that people type in three fields each, and days as moments."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from api.web.dates import typed_date

_LOCAL = ZoneInfo("Europe/London")


def typed_day(typed: Mapping[str, str], name: str) -> date | None:
    """The date in ``<name>_day``, ``_month`` and ``_year``; None if nothing was typed.

    Raises ValueError if it is none.
    """
    day, month, year = (typed.get(f"{name}_{part}", "") for part in ("day", "month", "year"))
    return typed_date(day, month, year)


def as_typed(value: date | None, name: str) -> dict[str, str]:
    """What would have been typed for a date."""
    parts = ("", "", "") if value is None else (str(value.day), str(value.month), str(value.year))
    return {
        f"{name}_{part}": text for part, text in zip(("day", "month", "year"), parts, strict=True)
    }


def begin_of(day: date) -> datetime:
    """The moment at which a day begins in England, in UTC."""
    return datetime.combine(day, time(), _LOCAL).astimezone(UTC)


def end_of(day: date) -> datetime:
    """The moment at which the next day begins."""
    return begin_of(day + timedelta(days=1))
