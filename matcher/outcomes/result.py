"""What a measure gives: never a figure alone, always with what it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from matcher.intervals import Interval, Proportion, newcombe
from matcher.outcomes.rounding import round_half_up

NOTHING = Proportion(0, 0)


@dataclass(frozen=True, slots=True)
class Count:
    """A number of children or families, and what they have in common."""

    code: str
    text: str
    count: int


@dataclass(frozen=True, slots=True)
class Part:
    """One side of a comparison: those who meet the condition, do not, or are unknown."""

    name: Literal["yes", "no", "unknown"]
    text: str
    share: Proportion


@dataclass(frozen=True, slots=True)
class LinkRange:
    """The value with every possible link refused and with every one accepted.

    In the unit of the value. Accepting only some can, rarely, give a value outside.
    """

    refused: float | None
    accepted: float | None
    accepted_numerator: int | None
    accepted_denominator: int | None
    accepted_unlinked: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """What those meet whom a result counts, each condition as a text that is the same wherever
    it is the same: those of the denominator with the cohort's source, those of the numerator,
    and the one by which sides are compared.
    """

    denominator: tuple[str, ...]
    numerator: tuple[str, ...]
    compare: str | None


@dataclass(frozen=True, slots=True)
class MeasureResult:
    """One measure over one reception year.

    ``why_not`` says why it was not computed; then counts are 0 and values None. ``unit`` is
    what is counted. ``cohort`` counts children; ``numerator`` and ``denominator`` count units,
    for a comparison those of both sides together. ``parts`` hold the sides of a comparison,
    those of unknown status last. ``value`` and ``interval`` are unrounded, in per cent, or in
    percentage points for a comparison. ``unlinked``: children of the cohort that have no linked
    record in a source that the measure needs, also by source. ``unlinked_in_denominator``: units
    of the denominator that cannot be in the numerator because nothing is linked to them.
    ``conditions`` tell which measures count parts of what others count.
    ``definition`` are the sentences to show; ``definitions`` the names and versions used.
    """

    name: str
    version: int
    title: str
    better: Literal["higher", "lower", "neither"]
    unit: Literal["child", "family"]
    definition: tuple[str, ...]
    definitions: tuple[str, ...]
    conditions: Conditions
    why_not: str | None = None
    reception_year: int | None = None
    framework: str | None = None
    cohort: int = 0
    whole: Proportion = NOTHING
    compared: bool = False
    parts: tuple[Part, ...] = ()
    excluded: tuple[Count, ...] = ()
    unlinked: int = 0
    unlinked_by_source: tuple[Count, ...] = ()
    unlinked_in_denominator: int = 0
    range: LinkRange | None = None

    @property
    def computed(self) -> bool:
        """Whether there was anything to compute it from."""
        return self.why_not is None

    @property
    def numerator(self) -> int:
        """Units of the denominator that meet the numerator's conditions."""
        return self.whole.numerator

    @property
    def denominator(self) -> int:
        """Units that meet the denominator's conditions and are not left out."""
        return self.whole.denominator

    @property
    def exact(self) -> Fraction | None:
        """The value as a fraction, for rounding; None over nothing."""
        shares = self._sides() if self.compared else (self.whole,)
        if any(share.denominator == 0 for share in shares):
            return None
        first, *rest = (Fraction(100 * share.numerator, share.denominator) for share in shares)
        return first - sum(rest)

    @property
    def value(self) -> float | None:
        """Per cent or percentage points, unrounded."""
        return None if self.exact is None else float(self.exact)

    @property
    def value_unit(self) -> str:
        """What value, interval and range are measured in."""
        return "percentage points" if self.compared else "%"

    @property
    def interval(self) -> Interval | None:
        """95% interval: Wilson's for a share, Newcombe's for a gap."""
        found = newcombe(*self._sides()) if self.compared else self.whole.interval
        return None if found is None else found.scaled(100)

    def rounded(self, places: int = 1) -> Decimal | None:
        """The value rounded half up, from the exact counts."""
        return None if self.exact is None else round_half_up(self.exact, places)

    def _sides(self) -> tuple[Proportion, Proportion]:
        shares = {part.name: part.share for part in self.parts}
        return shares.get("yes", NOTHING), shares.get("no", NOTHING)


def as_dict(result: MeasureResult) -> dict[str, Any]:
    """The result as dicts, lists, numbers and None, ready for ``json.dumps``."""
    plain: dict[str, Any] = {
        field.name: _plain(getattr(result, field.name))
        for field in fields(result)
        if field.name != "whole"
    }
    rounded = result.rounded()
    return plain | {
        "numerator": result.numerator,
        "denominator": result.denominator,
        "value": result.value,
        "value_rounded": None if rounded is None else str(rounded),
        "value_unit": result.value_unit,
        "interval": _plain(result.interval),
    }


def empty_groups(result: Mapping[str, Any]) -> tuple[bool, ...]:
    """Of each group that the value rests on, whether nobody is in it: then there is no value.

    The two sides of a comparison, or all that are counted. Of a result as `as_dict` gives it,
    or `protect_all`: a count that is hidden is not empty.
    """
    shares = [result]
    if result["compared"]:
        shares = [part["share"] for part in result["parts"] if part["name"] != "unknown"]
    return tuple(share["denominator"] == 0 for share in shares)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Proportion):
        return {
            "numerator": value.numerator,
            "denominator": value.denominator,
            "value": value.value,
            "interval": _plain(value.interval),
        }
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value
