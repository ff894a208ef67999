"""Precision and recall from a sample of pairs that people judged, drawn at random by stratum.

A stratum is a part of the candidate pairs, for example the links of one band of weight. The
share of matches in it is estimated from its answered pairs alone, and each answer stands for
stratum size / answers pairs (weights by inverse probability). What is not answered is taken
to be like what is.

Limits of one stratum are exact ones for a sample without replacement, so that a stratum
that was judged whole has no doubt left. Limits of sums of strata combine each stratum's
distance from its limits (the method of variance estimates recovery, MOVER). Recall is a
ratio of such sums; its limits are the ratios at which the limits of
(1 - recall) x linked - recall x missed pass zero, as Fieller did for normal variables.

Sources: Buonaccorsi, American Statistician 41 (1987) 215-218, for the exact limits; Zou,
Huang and Zhang, Computational Statistics and Data Analysis 53 (2009) 1080-1085, for their
combination; Bankier, American Statistician 42 (1988) 174-177, for the allocation by roots.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt

from scipy.stats import hypergeom

from matcher.intervals import Interval

# Answers that a stratum needs before it says anything, if it has as many pairs.
FEWEST_ANSWERS = 5
# Pairs that are drawn of each stratum at least: some will not be answered.
FEWEST_DRAWN = 2 * FEWEST_ANSWERS

_TAIL = 0.025
_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Stratum:
    """Pairs, how many of those drawn were answered, and how many of these were called a match.

    ``linked`` says that the pairs are links. Raises ValueError if the counts cannot be.
    """

    size: int
    answered: int
    matches: int
    linked: bool

    def __post_init__(self) -> None:
        if not 0 <= self.matches <= self.answered <= self.size:
            raise ValueError(f"{self.matches} of {self.answered} of {self.size} cannot be")

    @property
    def says_enough(self) -> bool:
        """Whether there are answers enough to estimate by."""
        return self.answered >= min(self.size, FEWEST_ANSWERS)

    @property
    def total(self) -> float:
        """Matches that it is estimated to hold."""
        return self.size * self.matches / self.answered if self.answered else 0.0

    @property
    def limits(self) -> Interval:
        """95% interval of the matches that it holds, as whole pairs."""
        n, k, size = self.answered, self.matches, self.size

        def too_few(matches: int) -> bool:
            return bool(hypergeom.sf(k - 1, size, matches, n) <= _TAIL)

        def too_many(matches: int) -> bool:
            return bool(hypergeom.cdf(k, size, matches, n) <= _TAIL)

        most = size - (n - k)
        lower = _first(lambda one: not too_few(one), k, most) if k else 0
        upper = _first(too_many, k, most + 1) - 1 if k < n else most
        return Interval(lower, upper)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share in [0, 1] with its 95% interval."""

    value: float
    interval: Interval


def allocate(sizes: Sequence[int], total: int) -> list[int]:
    """How many pairs to draw of each stratum, ``total`` together, or all if there are fewer.

    By the square root of the size, so that large strata say much and small ones enough; no
    fewer than `FEWEST_DRAWN` of each and no more than it has.

    >>> allocate([1_000_000, 10_000, 100, 3], 300)
    [270, 17, 10, 3]
    """
    drawn = [min(size, FEWEST_DRAWN) for size in sizes]
    while (left := total - sum(drawn)) > 0:
        room = [size - own for size, own in zip(sizes, drawn, strict=True)]
        roots = [sqrt(size) if free else 0.0 for size, free in zip(sizes, room, strict=True)]
        if not any(roots):
            break
        # The one that lacks most of its share gets the next ones, all that it lacks by itself.
        wanted = [total * root / sum(roots) - own for root, own in zip(roots, drawn, strict=True)]
        at = max(range(len(sizes)), key=lambda one: (room[one] > 0, wanted[one]))
        drawn[at] += min(room[at], left, max(1, int(wanted[at])))
    return drawn


def precision(strata: Sequence[Stratum]) -> Estimate | None:
    """Share of matches among the pairs of these strata; None without answers enough."""
    size = sum(one.size for one in strata)
    if not size or not all(one.says_enough for one in strata):
        return None
    found = _Sum.of(strata)
    limits = Interval(max(0.0, found.value - found.below), min(size, found.value + found.above))
    return Estimate(found.value / size, limits.scaled(1 / size))


def recall(strata: Sequence[Stratum], linked: int = 0, missed: int = 0) -> Estimate | None:
    """Share of the matches in all strata that are links; None without answers enough.

    ``linked`` and ``missed`` are matches beside the strata of which it is known what they are.
    """
    if not all(one.says_enough for one in strata):
        return None
    right = _Sum.of([one for one in strata if one.linked], linked)
    wrong = _Sum.of([one for one in strata if not one.linked], missed)
    if right.value + wrong.value == 0:
        return None

    def at_least(share: float) -> float:
        doubt = sqrt(((1 - share) * right.below) ** 2 + (share * wrong.above) ** 2)
        return (1 - share) * right.value - share * wrong.value - doubt

    def at_most(share: float) -> float:
        doubt = sqrt(((1 - share) * right.above) ** 2 + (share * wrong.below) ** 2)
        return (1 - share) * right.value - share * wrong.value + doubt

    value = right.value / (right.value + wrong.value)
    return Estimate(value, Interval(_zero(at_least, 0.0, value), _zero(at_most, value, 1.0)))


@dataclass(frozen=True, slots=True)
class _Sum:
    """Matches in several strata, and how far below and above they may well be."""

    value: float
    below: float
    above: float

    @classmethod
    def of(cls, strata: Sequence[Stratum], known: int = 0) -> "_Sum":
        parts = [(one.total, one.limits) for one in strata]
        value = known + sum(total for total, _ in parts)
        below = sqrt(sum((total - limits.lower) ** 2 for total, limits in parts))
        above = sqrt(sum((limits.upper - total) ** 2 for total, limits in parts))
        # Matches are whole pairs. Of a few that were judged nearly whole, the limits would be
        # too narrow by up to one, and never lie beyond what the answers leave open.
        seen = known + sum(one.matches for one in strata)
        open_ = known + sum(one.size - one.answered + one.matches for one in strata)
        least = max(seen, floor(value - below) - 1)
        most = min(open_, ceil(value + above) + 1)
        return cls(value, value - least, most - value)


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The first whole number in [low, high] from which on something holds; high if none."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _zero(falling: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that falls passes zero; an end, if it does not."""
    if falling(low) <= 0:
        return low
    if falling(high) >= 0:
        return high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2
