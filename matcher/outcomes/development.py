"""Good level of development: from scores to reached, not reached or unknown."""

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.outcomes.verdicts import Verdicts
from matcher.rules.measures import Framework, GoodLevel

_AREA_PREFIX = re.compile(r"^(?:FSP_)?(?:[A-Z]{3}_(?=[EG]\d\d$))?")


def good_level(
    results: pd.DataFrame, count: int, framework: Framework, rule: GoodLevel
) -> Verdicts:
    """Whether each of ``count`` children reached a good level of development.

    results: columns ``member`` (0 to count - 1), ``goal``, ``score``, as coded in the extract;
    COM_E01 and E01 are the same goal. A child with two scores for one goal that differ is
    unknown (results_disagree), as is one without a score in each goal (results_incomplete,
    or results_of_other_framework if it has those of another framework).
    """
    table = _tidy(results)
    here = table[table["goal"].isin(framework.goals)]
    others = {name for each in rule.frameworks if each is not framework for name in each.goals}
    not_assessed = here["score"].isin(framework.not_assessed)
    usable = here.assign(points=here["points"].where(~not_assessed, 0.0))
    usable = usable[usable["points"].notna()]
    each = usable[usable["goal"].isin(framework.each_of or framework.goals)]
    lowest = _filled(each.groupby("member")["points"].min(), count)
    total = _filled(usable.groupby("member")["points"].sum(), count)
    reached = lowest >= framework.each_at_least
    if framework.total_at_least is not None:
        reached &= total >= framework.total_at_least

    verdicts = Verdicts.of(reached)
    complete = _filled(usable.groupby("member")["goal"].nunique(), count) == len(framework.goals)
    verdicts.set_unknown(~complete, "results_incomplete")
    elsewhere = _among(table.loc[table["goal"].isin(others), "member"], count)
    verdicts.set_unknown(elsewhere & ~_among(here["member"], count), "results_of_other_framework")
    twice = here[here.duplicated(["member", "goal"])]
    verdicts.set_unknown(_among(twice["member"], count), "results_disagree")
    return verdicts


def _tidy(results: pd.DataFrame) -> pd.DataFrame:
    """One row per member, goal and score that is given: member, goal, score, points."""
    score = _by_distinct(results["score"], lambda code: code.strip().upper() or None)
    goal = _by_distinct(
        results["goal"], lambda name: _AREA_PREFIX.sub("", name.strip().upper()) or None
    )
    table = pd.DataFrame({"member": results["member"], "goal": goal, "score": score})
    table = table.dropna().drop_duplicates()
    return table.assign(points=pd.to_numeric(table["score"], errors="coerce"))


def _by_distinct(values: pd.Series, change: Callable[[str], str | None]) -> "pd.Series[str]":
    """Each value changed, working once per distinct value; missing stays missing."""
    codes, distinct = pd.factorize(values)
    changed = np.array([*(change(str(value)) for value in distinct), None], dtype=object)
    return pd.Series(changed[codes], index=values.index)


def _among(members: "pd.Series[int]", count: int) -> npt.NDArray[np.bool_]:
    result = np.zeros(count, dtype=bool)
    result[members.to_numpy(dtype=np.int64)] = True
    return result


def _filled(values: pd.Series, count: int) -> npt.NDArray[np.float64]:
    return values.reindex(np.arange(count)).to_numpy(dtype=np.float64, na_value=np.nan)
