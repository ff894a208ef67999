"""Worked examples in the rule files of measures: a small case and what must come of it."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt

from matcher.rules.document import Rule


class ExampleContact(Rule):
    """One contact. ``by`` says who attended; a plain date is the child's attendance."""

    day: date
    by: Literal["child", "carer", "sibling"] = "child"
    activity: str = "Stay and play"
    attended: bool = True


class ExamplePeriod(Rule):
    """A period, its last day included; without an end it is still open."""

    start: date
    end: date | None = None


def _as_contact(value: object) -> object:
    return value if isinstance(value, Mapping | ExampleContact) else {"day": value}


def _as_score(value: object) -> str | None:
    return None if value is None else str(value)


Contacts = tuple[Annotated[ExampleContact, BeforeValidator(_as_contact)], ...]
Score = Annotated[str | None, BeforeValidator(_as_score)]


class ContactExample(Rule):
    """Contacts of a family, and whether they are sustained before the anchor date."""

    title: str
    born: date
    before: date
    contacts: Contacts
    expect: bool


class GoodLevelExample(Rule):
    """Scores of a child: ``scores`` in every goal of the year's framework except ``but``.

    A goal in ``but`` without a score has no result.
    """

    title: str
    reception_year: int
    scores: Score
    but: dict[str, Score] = Field(default_factory=dict)
    expect: Literal["reached", "not_reached", "unknown"]


class ExampleChild(Rule):
    """A child of the cohort, or ``count`` of them alike, each of a family of its own.

    ``family`` puts children into one family. ``scores`` and ``but`` as in GoodLevelExample.
    ``linked_to``: the sources, beside the cohort's, in which it has a linked record.
    """

    count: PositiveInt = 1
    born: date
    family: str | None = None
    scores: Score
    but: dict[str, Score] = Field(default_factory=dict)
    linked_to: tuple[str, ...]
    meals: tuple[ExamplePeriod, ...] = ()
    contacts: Contacts = ()


class MeasureExpectation(Rule):
    """What an example must give; only what is stated is checked.

    ``value`` is in per cent or percentage points, rounded half up to one decimal.
    """

    numerator: NonNegativeInt | None = None
    denominator: NonNegativeInt | None = None
    value: float | None = None
    unlinked: NonNegativeInt | None = None
    excluded: dict[str, NonNegativeInt] | None = None


class MeasureExample(Rule):
    """Children and the result of the measure over them.

    Beside them, every source holds one child without results, so that it counts as given.
    """

    title: str
    reception_year: int | None = None
    children: Annotated[tuple[ExampleChild, ...], Field(min_length=1)]
    expect: MeasureExpectation
