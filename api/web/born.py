"""A date of birth as people type it: day, month and year."""

from datetime import date


def date_of_birth(day: str, month: str, year: str) -> tuple[str | None, str | None]:
    """A date of birth as YYYY-MM-DD, or what is wrong with it; neither if nothing was typed."""
    if not (day or month or year):
        return None, None
    try:
        return date(int(year), int(month), int(day)).isoformat(), None
    except (ValueError, OverflowError):
        return None, "Enter a date of birth such as 27 3 2019"
