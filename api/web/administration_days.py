"""First and last days that people type in three fields each, and days as moments."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_LOCAL = ZoneInfo("Europe/London")


def typed_day(typed: Mapping[str, str], name: str) -> date | None:
    """The date in ``<name>_day``, ``_month`` and ``_year``; None if nothing was typed.

    Raises ValueError if it is none.
    """
    parts = [typed.get(f"{name}_{part}", "").strip() for part in ("year", "month", "day")]
    if not any(parts):
        return None
    if not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
        raise ValueError("this is no date")
    year, month, day = (int(part) for part in parts)
    if year < 1000:
        raise ValueError("write the year in four digits")
    return date(year, month, day)


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
