"""Disclosure control: counts that could identify a child are hidden before anything is shown.

A percentage next to its denominator gives the exact count away, so a numerator, what is left
of its denominator and their percentage are protected together: if any of the first two is
small, all that would tell it is hidden. Percentages and intervals are those of the rounded
counts, and hidden where rounding could move them by more than five points. Where one side
alone of a comparison is hidden, another is hidden with it, since the total would give it away.

Children of a cohort are counted or left out, so that what is hidden of them could be found by
subtracting all that is told from the cohort. Then the cohort is told by no measure of its
reception year; or, where others count its children too, a further count is hidden.

Profiles are those of published guidance: NHS England's for statistics on children (1 to 7
hidden, others to the nearest 5), rounding to 5 with 1 to 4 hidden, and a threshold of 10.
"""

from collections import Counter
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

    def span(self, count: int) -> tuple[int, int]:
        """Between what a count lies that is told, as anybody can tell who knows the profile."""
        told, off = self.count(count), self.base // 2
        if not told:
            return count, count
        return max(self.hidden + 1, told - off), told + off


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


def protect_all(results: Sequence[Mapping[str, Any]], profile: Profile) -> list[dict[str, Any]]:
    """Results that are told together, as `matcher.outcomes.as_dict` gives them, as they may be.

    The same keys; counts, values and intervals are None where they are hidden, and
    ``suppressed`` says that some are. ``disclosure`` is the profile's name.
    """
    if profile.name == "none":
        return [{**one, "suppressed": False, "disclosure": profile.name} for one in results]
    counted = Counter((one["unit"], one["reception_year"]) for one in results)
    plans = [
        _Plan(one, profile, alone=counted[one["unit"], one["reception_year"]] == 1)
        for one in results
    ]
    for year in {plan.result["reception_year"] for plan in plans}:
        _keep_apart([plan for plan in plans if plan.result["reception_year"] == year])
    return [plan.told() for plan in plans]


def _keep_apart(plans: Sequence["_Plan"]) -> None:
    """See to it that nothing hidden is what is left of the year's cohort."""
    found_out = [plan for plan in plans if plan.is_found_out()]
    if not found_out:
        return
    for plan in plans:
        plan.cohort_told = False
    for plan in found_out:
        if plan.alone:
            continue
        while plan.is_found_out() and plan.hide_another():
            pass
        if plan.is_found_out():
            plan.hide_left_out()


class _Plan:
    """What of one result is told. ``alone`` says that no other counts the same children."""

    def __init__(self, result: Mapping[str, Any], profile: Profile, *, alone: bool) -> None:
        self.result, self._profile, self.alone = result, profile, alone
        self._sides = _sides(result, profile, alone=alone)
        self._whole = _Share(result["numerator"], result["denominator"], profile)
        self.cohort_told = self._left_out_told = True
        # The counts of whom the cohort consists, but for those left out.
        self._counted = [
            side
            for part, side in zip(result["parts"], self._sides, strict=True)
            if part["name"] != "unknown"
        ] or [self._whole]
        self._left_out = [
            one["count"] for one in result["excluded"] if one["code"] != "no_date_of_birth"
        ]
        in_all = sum(side.exact.denominator for side in self._counted) + sum(self._left_out)
        self._others = result["cohort"] - in_all
        # Whether they are its parts: no family is a child.
        self.parted = result["unit"] == "child" and result["cohort"] > 0
        self._hide_unknown()

    def _hide_unknown(self) -> None:
        """Those of unknown status are among those left out, who would be told by them."""
        told = [self._profile.count(count) for count in self._left_out]
        for part, side in zip(self.result["parts"], self._sides, strict=True):
            known = self._profile.count(side.exact.denominator)
            if part["name"] == "unknown" and None in told and known not in told:
                side.hide()

    def is_found_out(self) -> bool:
        """Whether what is left of the cohort tells something that is hidden, or is small."""
        hidden = self._hidden()
        if not self.parted or not hidden:
            return False
        told = [side.exact.denominator for side in self._counted if side.denominator is not None]
        told += [count for count in self._left_out if not self._profile.hides(count)]
        spans = [self._profile.span(count) for count in told]
        lowest, highest = self._profile.span(self.result["cohort"])
        lowest -= sum(high for _, high in spans)
        highest -= sum(low for low, _ in spans)
        if highest <= self._profile.hidden:
            return True
        low, high = (sum(ends) for ends in zip(*hidden, strict=True))
        return any(
            max(one[0], lowest - (high - one[1])) >= min(one[1], highest - (low - one[0]))
            for one in hidden
        )

    def _hidden(self) -> list[tuple[int, int]]:
        """Between what the parts of the cohort lie that are not told."""
        anything, small = (0, self.result["cohort"]), (1, self._profile.hidden)
        found = [small for count in self._left_out if self._profile.hides(count)]
        found += [
            small if self._profile.hides(side.exact.denominator) else anything
            for side in self._counted
            if side.denominator is None
        ]
        return found + [anything] * (self._others > 0)

    def hide_another(self) -> bool:
        """Hide the smallest count of the cohort that is told; False if there is none."""
        told = [side for side in self._counted if side.denominator]
        if not told:
            return False
        min(told, key=lambda side: side.exact.denominator).hide()
        return True

    def hide_left_out(self) -> None:
        """Hide who was left out, whatever their number."""
        self._left_out_told = False
        for part, side in zip(self.result["parts"], self._sides, strict=True):
            if part["name"] == "unknown":
                side.hide()

    def told(self) -> dict[str, Any]:
        result, profile, sides, whole = self.result, self._profile, self._sides, self._whole
        shown = dict(result)
        if result["compared"]:
            shown["parts"] = [
                {**part, "share": side.as_dict()}
                for part, side in zip(result["parts"], sides, strict=True)
            ]
            value, interval = _gap(result["parts"], sides)
        else:
            value, interval = whole.value, whole.interval
        suppressed = whole.hidden or any(side.hidden for side in sides)
        in_all = all(side.denominator is not None for side in self._counted)
        shown["numerator"] = None if suppressed else whole.numerator
        shown["denominator"] = whole.denominator if in_all else None
        shown["cohort"] = profile.count(result["cohort"]) if self.cohort_told else None
        shown |= _value(value, interval)
        shown["range"] = _range(result, profile, hidden=value is None)
        shown["excluded"] = [
            {**one, "count": profile.count(one["count"]) if self._left_out_told else None}
            for one in result["excluded"]
        ]
        shown |= self._unlinked()
        counts = (
            shown["cohort"],
            shown["unlinked"],
            shown["unlinked_in_denominator"],
            *(one["count"] for one in (*shown["excluded"], *shown["unlinked_by_source"])),
        )
        suppressed |= None in counts
        return shown | {"suppressed": bool(suppressed), "disclosure": profile.name}

    def _unlinked(self) -> dict[str, Any]:
        """Those not linked, where neither they nor the others are few."""
        result = self.result
        by_source = [
            {**one, "count": self._of(one["count"], result["cohort"])}
            for one in result["unlinked_by_source"]
        ]
        in_all = self._of(result["unlinked"], result["cohort"])
        return {
            "unlinked_by_source": by_source,
            "unlinked": None if any(one["count"] is None for one in by_source) else in_all,
            "unlinked_in_denominator": self._of(
                result["unlinked_in_denominator"], result["denominator"]
            ),
        }

    def _of(self, count: int, whole: int) -> int | None:
        return None if self._profile.hides(whole - count) else self._profile.count(count)


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

    def hide(self) -> None:
        """Tell nothing of it."""
        self.hidden, self.denominator = True, None

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


def _sides(result: Mapping[str, Any], profile: Profile, *, alone: bool) -> list[_Share]:
    """The sides of a comparison; never is one alone hidden, for the total would tell it.

    Those of unknown status are in no total of the comparison, but could be in another result's.
    """
    sides = [
        _Share(part["share"]["numerator"], part["share"]["denominator"], profile)
        for part in result["parts"]
    ]
    hidden = [side for side in sides if side.hidden]
    open_ = [side for side in sides if not side.hidden and side.exact.denominator]
    unknown = any(
        part["name"] == "unknown" and side.hidden
        for part, side in zip(result["parts"], sides, strict=True)
    )
    if len(hidden) == 1 and open_ and not (alone and unknown):
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
