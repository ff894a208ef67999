"""Shares as they may be told, each by itself; and counts that add up to a known total."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from matcher.intervals import Interval, Proportion
from matcher.outcomes.profiles import Profile

# As a share of one.
_COARSEST = 0.05


@dataclass(frozen=True, slots=True)
class ToldShare:
    """A share as it may be told: its counts; or a limit, in whole per cent; or nothing."""

    proportion: Proportion | None = None
    at_least: int | None = None
    at_most: int | None = None


def tell_share(share: Proportion, profile: Profile) -> ToldShare:
    """A share by itself. If only one side of it is too small to be told, it has a limit.

    >>> tell_share(Proportion(196, 200), PROFILES["threshold10"]).at_least
    95
    """
    side = Share(share.numerator, share.denominator, profile)
    if side.told is not None:
        return ToldShare(side.told)
    if not side.denominator:
        return ToldShare()
    limit = 100 * (side.denominator - profile.hidden) // side.denominator
    small = profile.hides(share.numerator), profile.hides(share.denominator - share.numerator)
    if limit < 50 or all(small):
        return ToldShare()
    return ToldShare(at_most=100 - limit) if small[0] else ToldShare(at_least=limit)


def tell_parts(counts: Sequence[int], profile: Profile) -> list[int | None]:
    """Counts that add up to a known total: never is one alone hidden, for the others tell it.

    Nor are several that are few together.
    """
    told = [profile.count(count) for count in counts]
    others = [at for at, count in enumerate(counts) if count and told[at] is not None]
    for at in sorted(others, key=lambda at: counts[at]):
        hidden = [count for count, shown in zip(counts, told, strict=True) if shown is None]
        if not hidden or (len(hidden) > 1 and not profile.hides(sum(hidden))):
            break
        told[at] = None
    return told


class Share:
    """A numerator of a denominator, as it may be told."""

    def __init__(self, numerator: int, denominator: int, profile: Profile) -> None:
        self.exact = Proportion(numerator, denominator)
        counts = (numerator, denominator - numerator, denominator)
        self.hidden = any(profile.hides(count) for count in counts)
        self.denominator = profile.count(denominator)
        rounded = profile.count(numerator)
        if rounded is not None and self.denominator is not None:
            rounded = min(rounded, self.denominator)
        self._rounded = rounded
        # How far rounding its numerator may move the share.
        self._coarse = (profile.base // 2) / max(denominator, 1)

    def hide(self) -> None:
        """Tell nothing of it."""
        self.hidden, self.denominator = True, None

    @property
    def numerator(self) -> int | None:
        """None if it may not be told."""
        return None if self.hidden else self._rounded

    @property
    def told(self) -> Proportion | None:
        """The share of the rounded counts; none if it is hidden, of nothing, or too coarse."""
        if self.numerator is None or not self.denominator:
            return None
        if self._coarse > _COARSEST:
            return None
        return Proportion(self.numerator, self.denominator)

    @property
    def value(self) -> Fraction | None:
        """In per cent."""
        told = self.told
        return None if told is None else Fraction(100 * told.numerator, told.denominator)

    @property
    def interval(self) -> Interval | None:
        """In per cent, as the value."""
        found = None if self.told is None else self.told.interval
        return None if found is None else found.scaled(100)

    def as_dict(self) -> dict[str, Any]:
        """As `matcher.outcomes.as_dict` has shares."""
        told = self.told
        return {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "value": None if told is None else told.value,
            "interval": None if told is None else limits(told.interval),
        }


def limits(interval: Interval | None) -> dict[str, float] | None:
    """As `matcher.outcomes.as_dict` has intervals."""
    return None if interval is None else {"lower": interval.lower, "upper": interval.upper}
