"""Loading rules: when an extract is accepted, and which changes are implausible."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from matcher.rules.document import Rule

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class Stops(Rule):
    """Bounds that a plausible extract keeps. What each means stands in the file."""

    rejects: Share
    gone: Share
    changed: Share
    another_person: Share = 0.05
    fewest: Share
    most: Annotated[float, Field(ge=1)]
    completeness: Share
    same_date: bool


class ActivityFound(Rule):
    """Rows of one kind of activity before and now, without those of records that are gone."""

    current: Count
    now: Count


class Found(Rule):
    """What is known of an extract when it is judged, as counts.

    ``current`` are the records of its source before it, and ``listed_before`` those of them that
    it lists, of which ``another_person`` have another name and another date of birth at once.
    ``completeness`` is how far the share of records with a field filled has fallen, by field.
    ``activity`` is by kind; of a delta, of the records that it lists.
    """

    rows: Count
    rejects: Count
    records: Count
    current: Count = 0
    gone: Count = 0
    changed: Count = 0
    listed_before: Count = 0
    another_person: Count = 0
    delta: bool = False
    same_date: bool = False
    completeness: dict[str, float] = Field(default_factory=dict)
    activity: dict[str, ActivityFound] = Field(default_factory=dict)


class Stop(Rule):
    """One reason why a person must look. ``field`` is empty unless it is about a field, or a kind
    of activity.
    """

    code: str
    found: float
    bound: float
    field: str = ""


class LoadingExample(Rule):
    """What was found of an extract, and the codes of the stops that it must meet."""

    title: str
    found: Found
    expect: list[str]


class LoadingRules(Rule):
    """The whole of ``loading.yaml``."""

    version: int
    accept: Literal["at_once", "by_a_person"]
    smallest: Count
    smallest_gone: Count
    smallest_another_person: Count = 5
    overdue_after: Annotated[int, Field(ge=1)] = 365
    stops: Stops
    examples: list[LoadingExample] = Field(default_factory=list)

    def judge(self, found: Found) -> list[Stop]:
        """Every stop that the extract meets; none if it is plausible."""
        return [stop for stop in self._judged(found) if stop is not None]

    def _judged(self, found: Found) -> Iterator[Stop | None]:
        bounds, current = self.stops, found.current
        if not found.records and not found.delta:
            yield Stop(code="empty", found=0, bound=1)
        yield self._above("rejects", found.rejects, found.rows, bounds.rejects)
        yield self._above("gone", found.gone, current, bounds.gone, enough=self.smallest_gone)
        yield from self._activity_gone(found)
        yield self._above("changed", found.changed, current, bounds.changed)
        yield self._another_person(found)
        if not found.delta and current >= self.smallest:
            share = round(found.records / current, 4)
            if share < bounds.fewest:
                yield Stop(code="fewest", found=share, bound=bounds.fewest)
            yield self._above("most", found.records, current, bounds.most)
        for field, fall in found.completeness.items():
            if fall > bounds.completeness and found.records >= self.smallest:
                yield Stop(
                    code="completeness",
                    found=round(fall, 4),
                    bound=bounds.completeness,
                    field=field,
                )
        if found.same_date and bounds.same_date:
            yield Stop(code="same_date", found=1, bound=0)

    def _activity_gone(self, found: Found) -> Iterator[Stop | None]:
        """A stop for each kind of activity of which so much is gone as records may not be."""
        bound, enough = self.stops.gone, self.smallest_gone
        for kind, rows in found.activity.items():
            stop = self._above(
                "activity_gone", rows.current - rows.now, rows.current, bound, enough=enough
            )
            yield stop and stop.model_copy(update={"field": kind})

    def _another_person(self, found: Found) -> Stop | None:
        """A stop if many of the ids that were there before name somebody else now."""
        another, bound = found.another_person, self.stops.another_person
        if another < max(1, self.smallest_another_person) or another / found.listed_before <= bound:
            return None
        share = round(another / found.listed_before, 4)
        return Stop(code="another_person", found=share, bound=bound)

    def _above(
        self, code: str, part: int, whole: int, bound: float, *, enough: int | None = None
    ) -> Stop | None:
        """A stop if the part is too large; where the whole is small, only if it is ``enough``."""
        tells = whole >= self.smallest or (enough is not None and part >= enough)
        if not whole or not tells or part / whole <= bound:
            return None
        return Stop(code=code, found=round(part / whole, 4), bound=bound)


def failing_examples(rules: LoadingRules) -> Iterator[tuple[int, str]]:
    """Number and message of each example that meets other stops than it should."""
    for number, example in enumerate(rules.examples):
        met = list(dict.fromkeys(stop.code for stop in rules.judge(example.found)))
        if met != example.expect:
            shown = [", ".join(codes) or "none" for codes in (met, example.expect)]
            yield number, f"{example.title}: the stops met are {shown[0]}, expected {shown[1]}"
