"""Retention rules: until when the personal values of a record are kept."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated

from pydantic import Field

from matcher.rules.document import Rule

Years = Annotated[int, Field(ge=0, le=150)]


class WhileListed(Rule):
    """For a record that its source lists: until this birthday, or for as long as it is listed."""

    until_age: Years | None = None


class Closed(Rule):
    """For one that is listed no more: so many years after that, and not before this birthday."""

    years: Years
    until_age: Years | None = None


class Schedule(Rule):
    """What holds for the records of one source."""

    current: WhileListed
    closed: Closed


class RetentionExample(Rule):
    """A record, and the day on which it must be due; none if it is not by these rules."""

    title: str
    source: str
    closed: date | None = None
    born: date | None = None
    carer: bool = False
    due: date | None


class RetentionRules(Rule):
    """The whole of ``retention.yaml``."""

    version: int
    default: Schedule
    sources: dict[str, Schedule] = Field(default_factory=dict)
    examples: list[RetentionExample] = Field(default_factory=list)

    def due_on(
        self, source: str, *, closed: date | None, born: date | None, carer: bool = False
    ) -> date | None:
        """The first day on which a record may be erased; none if it is not due by itself.

        ``closed`` is the day since which the source lists it no more, none while it does. A
        carer's own age says nothing of how long a child's papers are needed.
        """
        schedule = self.sources.get(source, self.default)
        if closed is None:
            age = schedule.current.until_age
            return None if age is None or born is None or carer else birthday(born, age)
        due, age = birthday(closed, schedule.closed.years), schedule.closed.until_age
        if age is None or carer:
            return due
        return max(due, birthday(born or closed, age))


def birthday(day: date, years: int) -> date:
    """The same day so many years later; 1 March for 29 February where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def failing_examples(rules: RetentionRules) -> Iterator[tuple[int, str]]:
    """Number and message of each example that is due on another day than it should be."""
    for number, one in enumerate(rules.examples):
        due = rules.due_on(one.source, closed=one.closed, born=one.born, carer=one.carer)
        if due != one.due:
            found, wanted = ((day.isoformat() if day else "never") for day in (due, one.due))
            yield number, f"{one.title}: by these rules it is due {found}, expected {wanted}"
