"""Disclosure control: counts that could identify a child are hidden before anything is shown.

A percentage next to its denominator gives the exact count away, so a numerator, what is left
of its denominator and their percentage are protected together: if any of the first two is
small, all that would tell it is hidden. Percentages and intervals are those of the rounded
counts, and hidden where rounding could move them by more than five points. Where one side
alone of a comparison is hidden, another is hidden with it, since the total would give it away.

Profiles are those of published guidance: NHS England's for statistics on children (1 to 7
hidden, others to the nearest 5), rounding to 5 with 1 to 4 hidden, and a threshold of 10.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from matcher.intervals import Interval, Proportion, newcombe
from matcher.outcomes.rounding import round_half_up

# As a share of one.
_COARSEST = 0.05

ProfileName = Literal["none", "nhs_digital", "round5", "threshold10"]


@dataclass(frozen=True, slots=True)
class Profile:
    """Counts from 1 to ``hidden`` are hidden; others are rounded to a multiple of ``base``."""

    name: ProfileName
    hidden: int
    base: int
    sentence: str

    def hides(self, count: int) -> bool:
        """Whether a count is too small to be told."""
        return 1 <= count <= self.hidden

    def count(self, count: int) -> int | None:
        """The count as it may be told; None if it may not."""
        if self.hides(count):
            return None
        return (count + self.base // 2) // self.base * self.base


PROFILES: Mapping[ProfileName, Profile] = {
    profile.name: profile
    for profile in (
        Profile("none", 0, 1, "Counts are exact."),
        Profile(
            "nhs_digital",
            7,
            5,
            "Counts from 1 to 7 are hidden and others rounded to the nearest 5; percentages are "
            "of the rounded counts.",
        ),
        Profile(
            "round5",
            4,
            5,
            "Counts from 1 to 4 are hidden and others rounded to the nearest 5; percentages are "
            "of the rounded counts.",
        ),
        Profile("threshold10", 9, 1, "Counts from 1 to 9 are hidden."),
    )
}


def protect(result: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    """A result, as `matcher.outcomes.as_dict` gives it, as it may be shown.

    The same keys; counts, values and intervals are None where they are hidden, and
    ``suppressed`` says that some are. ``disclosure`` is the profile's name.
    """
    if profile.name == "none":
        return {**result, "suppressed": False, "disclosure": profile.name}
    shown = dict(result)
    sides = _sides(result, profile)
    whole = _Share(result["numerator"], result["denominator"], profile)
    if result["compared"]:
        shown["parts"] = [
            {**part, "share": side.as_dict()}
            for part, side in zip(result["parts"], sides, strict=True)
        ]
        value, interval = _gap(result["parts"], sides)
    else:
        value, interval = whole.value, whole.interval
    suppressed = whole.hidden or any(side.hidden for side in sides)
    shown["numerator"] = None if suppressed else whole.numerator
    shown["denominator"] = profile.count(result["denominator"])
    shown["cohort"] = profile.count(result["cohort"])
    shown |= _value(value, interval)
    shown["range"] = _range(result, profile, hidden=value is None)
    for name in ("excluded", "unlinked_by_source"):
        shown[name] = [{**one, "count": profile.count(one["count"])} for one in result[name]]
        suppressed |= any(one["count"] is None for one in shown[name])
    for name in ("unlinked", "unlinked_in_denominator"):
        shown[name] = profile.count(result[name])
        suppressed |= shown[name] is None
    return shown | {"suppressed": bool(suppressed), "disclosure": profile.name}


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
    side = _Share(share.numerator, share.denominator, profile)
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
    """Counts that add up to a known total: never is one alone hidden, for the others tell it."""
    told = [profile.count(count) for count in counts]
    others = [at for at, count in enumerate(counts) if count and told[at] is not None]
    if told.count(None) == 1 and others:
        told[min(others, key=lambda at: counts[at])] = None
    return told


class _Share:
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

    @property
    def numerator(self) -> int | None:
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
        found = None if self.told is None else self.told.interval
        return None if found is None else found.scaled(100)

    def as_dict(self) -> dict[str, Any]:
        told = self.told
        return {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "value": None if told is None else told.value,
            "interval": None if told is None else _limits(told.interval),
        }


def _sides(result: Mapping[str, Any], profile: Profile) -> list[_Share]:
    """The sides of a comparison; never is one alone hidden, for the total would tell it."""
    sides = [
        _Share(part["share"]["numerator"], part["share"]["denominator"], profile)
        for part in result["parts"]
    ]
    hidden = [side for side in sides if side.hidden]
    open_ = [side for side in sides if not side.hidden and side.exact.denominator]
    if len(hidden) == 1 and open_:
        min(open_, key=lambda side: side.exact.numerator).hidden = True
    return sides


def _gap(
    parts: Sequence[Mapping[str, Any]], sides: Sequence[_Share]
) -> tuple[Fraction | None, Interval | None]:
    found = {part["name"]: side for part, side in zip(parts, sides, strict=True)}
    yes, no = found.get("yes"), found.get("no")
    if yes is None or no is None or yes.told is None or no.told is None:
        return None, None
    assert yes.value is not None
    assert no.value is not None
    interval = newcombe(yes.told, no.told)
    return yes.value - no.value, None if interval is None else interval.scaled(100)


def _value(value: Fraction | None, interval: Interval | None) -> dict[str, Any]:
    return {
        "value": None if value is None else float(value),
        "value_rounded": None if value is None else str(round_half_up(value)),
        "interval": _limits(interval),
    }


def _range(result: Mapping[str, Any], profile: Profile, *, hidden: bool) -> dict[str, Any] | None:
    """The range, of which nothing is told that is not told of the value itself."""
    found = result["range"]
    if found is None:
        return None
    nothing = dict.fromkeys(found, None)
    if hidden:
        return nothing
    unlinked = profile.count(found["accepted_unlinked"])
    if result["compared"]:
        # In whole points: more would tell the counts that they come from.
        points = {name: _whole(found[name]) for name in ("refused", "accepted")}
        return nothing | points | {"accepted_unlinked": unlinked}
    refused = _Share(result["numerator"], result["denominator"], profile)
    accepted = refused
    if found["accepted_numerator"] is not None and found["accepted_denominator"] is not None:
        accepted = _Share(found["accepted_numerator"], found["accepted_denominator"], profile)
    return {
        "refused": _float(refused.value),
        "accepted": _float(accepted.value),
        "accepted_numerator": accepted.numerator,
        "accepted_denominator": accepted.denominator,
        "accepted_unlinked": unlinked,
    }


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _whole(value: float | None) -> float | None:
    return None if value is None else float(round_half_up(Fraction(value), 0))


def _limits(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else {"lower": interval.lower, "upper": interval.upper}
