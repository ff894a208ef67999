"""Intervals for proportions, their differences and F1.

Wilson's score interval, because it behaves where early-years figures live: small
denominators and shares near 0 or 1. It is what the Office for Health Improvement and
Disparities publishes with.

Sources: Wilson, JASA 22 (1927) 209-212; Newcombe, Statistics in Medicine 17 (1998)
873-890, method 10; Hand, Christen and Kirielle, Machine Learning 110 (2021) 451-456,
for F* = TP / (TP + FP + FN) and F1 = 2F* / (1 + F*).
"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Interval:
    """Two limits, in the unit of the figure that they belong to."""

    lower: float
    upper: float

    def scaled(self, factor: float) -> "Interval":
        """Both limits times a positive factor, for example 100 for per cent."""
        return Interval(self.lower * factor, self.upper * factor)


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share with the two counts that it came from. Without a denominator it has no value.

    >>> Proportion(353, 663).value
    0.5324283559577677
    """

    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        _check(self.numerator, self.denominator)

    @property
    def value(self) -> float | None:
        """Numerator over denominator in [0, 1], or None over nothing."""
        return self.numerator / self.denominator if self.denominator else None

    @property
    def interval(self) -> Interval | None:
        """Wilson 95% interval."""
        return wilson(self.numerator, self.denominator)


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval | None:
    """Wilson score interval of ``successes`` out of ``n``, in [0, 1]; None when n is 0.

    Raises ValueError unless 0 <= successes <= n.

    >>> found = wilson(5, 100)
    >>> round(found.lower, 7), round(found.upper, 7)
    (0.0215437, 0.1117505)
    """
    _check(successes, n)
    if n == 0:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / n
    centre = share + z * z / (2 * n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return Interval(
        0.0 if successes == 0 else (centre - half) / scale,
        1.0 if successes == n else (centre + half) / scale,
    )


def newcombe(first: Proportion, second: Proportion, confidence: float = 0.95) -> Interval | None:
    """Interval of ``first`` minus ``second``, in [-1, 1]; None when either has no value.

    The two must be of different people. Each limit combines the Wilson limits of both.
    """
    one = wilson(first.numerator, first.denominator, confidence)
    two = wilson(second.numerator, second.denominator, confidence)
    if one is None or two is None:
        return None
    a = first.numerator / first.denominator
    b = second.numerator / second.denominator
    below = sqrt((a - one.lower) ** 2 + (two.upper - b) ** 2)
    above = sqrt((one.upper - a) ** 2 + (b - two.lower) ** 2)
    return Interval(a - b - below, a - b + above)


def f1_interval(correct: int, false: int, missed: int) -> Interval | None:
    """95% interval of F1 from the counts of correct, false and missed pairs.

    F1 itself is no proportion, but F* = correct / (correct + false + missed) is one, and F1
    is an increasing function of it; so the limits are those of F*, transformed.
    """
    star = wilson(correct, correct + false + missed)
    if star is None:
        return None
    return Interval(2 * star.lower / (1 + star.lower), 2 * star.upper / (1 + star.upper))


def _check(successes: int, n: int) -> None:
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} out of {n} is not a proportion")
