"""Disclosure control: counts that could identify a child are hidden before anything is shown.

A percentage next to its denominator gives the exact count away, so a numerator, what is left
of its denominator and their percentage are protected together: if any of the first two is
small, all that would tell it is hidden. Percentages and intervals are those of the rounded
counts, and hidden where rounding could move them by more than five points. Where one side
alone of a comparison is hidden, another is hidden with it, since the total would give it away.

Where one measure counts a part of whom another counts, as their conditions say, the rest could
be found by subtraction. If the rest is small, the share that the part belongs to is hidden. So
it is with two measures of the same children who leave out others.

Children of a cohort are counted or left out, so that what is hidden of them could be found by
subtracting all that is told from the cohort. Then the cohort is told by no measure of its
reception year; or, where others count its children too, a further count is hidden.

What needs more than two counts of several measures to be found, or figures that were published
elsewhere or for another run, is not seen here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from matcher.outcomes.plans import Plan, ToldCount
from matcher.outcomes.profiles import Profile


def protect_all(results: Sequence[Mapping[str, Any]], profile: Profile) -> list[dict[str, Any]]:
    """Results that are told together, as `matcher.outcomes.as_dict` gives them, as they may be.

    The same keys; counts, values and intervals are None where they are hidden, and
    ``suppressed`` says that some are. ``disclosure`` is the profile's name.
    """
    if profile.name == "none":
        return [{**one, "suppressed": False, "disclosure": profile.name} for one in results]
    counted = Counter((one["unit"], one["reception_year"]) for one in results)
    plans = [
        Plan(one, profile, alone=counted[one["unit"], one["reception_year"]] == 1)
        for one in results
    ]
    for year in {plan.result["reception_year"] for plan in plans}:
        of_year = [plan for plan in plans if plan.result["reception_year"] == year]
        _hide_differences(of_year, profile)
        _keep_apart(of_year)
    return [plan.told() for plan in plans]


def _hide_differences(plans: Sequence[Plan], profile: Profile) -> None:
    """See to it that no two counts of different measures differ by a few, who would be told."""
    for whole in plans:
        for part in plans:
            if part is whole or part.result["unit"] != whole.result["unit"]:
                continue
            while small := _small_difference(whole, part, profile):
                small.share.hide()


def _small_difference(whole: Plan, part: Plan, profile: Profile) -> ToldCount | None:
    """The first count of a part of those whom another counts that tells how few the rest are."""
    for one in whole.told_counts():
        for other in part.told_counts():
            if not other.met >= one.met or not profile.hides(one.exact - other.exact):
                continue
            if profile.span(one.exact)[1] - profile.span(other.exact)[0] <= profile.hidden:
                return other
    return None


def _keep_apart(plans: Sequence[Plan]) -> None:
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
