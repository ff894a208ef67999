"""What of one measure's result is told, and what is hidden with what is small."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from matcher.intervals import Interval, newcombe
from matcher.outcomes.profiles import Profile
from matcher.outcomes.rounding import round_half_up
from matcher.outcomes.shares import Share, limits


@dataclass(frozen=True, slots=True)
class ToldCount:
    """A count that is told: of those who meet all these conditions, by ``share``."""

    met: frozenset[str]
    exact: int
    share: Share


class Plan:
    """What of one result is told. ``alone`` says that no other counts the same children."""

    def __init__(self, result: Mapping[str, Any], profile: Profile, *, alone: bool) -> None:
        self.result, self._profile, self.alone = result, profile, alone
        self._sides = _sides(result, profile, alone=alone)
        self._whole = Share(result["numerator"], result["denominator"], profile)
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
        # Whom it neither counts nor leaves out, its conditions tell; that matters if they are few.
        others = [(0, self.result["cohort"])] * (self._others > 0)
        if self._profile.hides(self._others):
            hidden += others
            others = []
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
        low, high = (sum(ends) for ends in zip(*hidden, *others, strict=True))
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
        return found

    def hide_another(self) -> bool:
        """Hide the smallest count of the cohort that is told; False if there is none."""
        told = [side for side in self._counted if side.denominator]
        if not told:
            return False
        min(told, key=lambda side: side.exact.denominator).hide()
        return True

    def told_counts(self) -> Iterator[ToldCount]:
        """All that is told of whom the measure counts, and what that leaves of each."""
        of = self.result.get("conditions")
        if of is None:
            return
        within, numerator = frozenset(of["denominator"]), frozenset(of["numerator"])
        others = f"not all of {sorted(numerator)}"
        if not self.result["compared"]:
            yield from _counts_of(self._whole, within, numerator, others)
            return
        for part, side in zip(self.result["parts"], self._sides, strict=True):
            met = of["compare"] if part["name"] == "yes" else f"{part['name']}: {of['compare']}"
            yield from _counts_of(side, within | {met}, numerator, others)
        if all(side.denominator is not None for side in self._counted) and self._counted:
            least = min(self._counted, key=lambda side: side.exact.denominator)
            yield ToldCount(within, sum(s.exact.denominator for s in self._counted), least)

    def hide_left_out(self) -> None:
        """Hide who was left out, whatever their number."""
        self._left_out_told = False
        for part, side in zip(self.result["parts"], self._sides, strict=True):
            if part["name"] == "unknown":
                side.hide()

    def told(self) -> dict[str, Any]:
        """The result as it may be told."""
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


def _counts_of(
    share: Share, within: frozenset[str], numerator: frozenset[str], others: str
) -> Iterator[ToldCount]:
    if share.denominator is not None:
        yield ToldCount(within, share.exact.denominator, share)
    if share.numerator is not None:
        yield ToldCount(within | numerator, share.exact.numerator, share)
        rest = share.exact.denominator - share.exact.numerator
        yield ToldCount(within | {others}, rest, share)


def _sides(result: Mapping[str, Any], profile: Profile, *, alone: bool) -> list[Share]:
    """The sides of a comparison; never is one alone hidden, for the total would tell it.

    Those of unknown status are in no total of the comparison, but could be in another result's.
    """
    sides = [
        Share(part["share"]["numerator"], part["share"]["denominator"], profile)
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
    parts: Sequence[Mapping[str, Any]], sides: Sequence[Share]
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
        "interval": limits(interval),
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
    refused = Share(result["numerator"], result["denominator"], profile)
    accepted = refused
    if found["accepted_numerator"] is not None and found["accepted_denominator"] is not None:
        accepted = Share(found["accepted_numerator"], found["accepted_denominator"], profile)
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
