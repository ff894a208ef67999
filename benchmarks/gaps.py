"""Why the recall of ethnic groups differs: missed pairs by what kept their records apart.

A pair is missed because its records are in two clusters. The strongest pair between those
clusters says why they were not joined, so its cause counts for all pairs between them.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.patterns import pairs_within, persons, was_proposed
from benchmarks.sets import LabelledSet
from benchmarks.tables import Table
from matcher.deciding import Linked
from matcher.rules.matching import MatchingRules
from matcher.table import Positions, Sides

# Groups with fewer true pairs say more about chance than about the linkage.
FEWEST_PAIRS = 1_000

_UNSEEN = "never proposed"
_REFUSED = "a link that clustering refused"
_FORENAME = "another forename with one birthday, as twins have (kept apart)"
_APART = "other levels that keep apart"
_RIVAL = "another record fits nearly as well"
_WEAK = "weight below the upper threshold"


@dataclass(frozen=True)
class Missed:
    """Pairs across sources: ``missed`` by cause (rows) and group, ``actual`` true ones by group."""

    missed: pd.DataFrame
    actual: pd.Series

    def __add__(self, other: "Missed") -> "Missed":
        """Two towns as one."""
        return Missed(
            self.missed.add(other.missed, fill_value=0),
            self.actual.add(other.actual, fill_value=0),
        )


def missed_by_cause(labelled: LabelledSet, linked: Linked, rules: MatchingRules) -> Missed:
    """Missed pairs of a town, counted by cause and ethnic group."""
    person, known = persons(labelled, linked)
    groups = labelled.truth.drop_duplicates("person_id").set_index("person_id")["ethnic_group"]
    group = groups.reindex(known).to_numpy()
    label, source = linked.clusters.label, linked.prepared.source
    l, r = pairs_within(person, label, source)
    sides = Sides(linked.prepared.table, linked.prepared.table, l, r)
    frame = pd.DataFrame(
        {
            "one": np.minimum(label[l], label[r]),
            "other": np.maximum(label[l], label[r]),
            "group": group[person[l]],
            "weight": np.sum(list(linked.scorer.explain(sides)[1].values()), axis=0),
            "cause": _causes(linked, rules, l, r),
        }
    )
    strongest = frame.sort_values("weight", kind="stable").groupby(["one", "other"])["cause"]
    frame["cause"] = strongest.transform("last")
    alone = np.arange(len(label))
    actual = pd.Series(group[person[pairs_within(person, alone, source)[0]]]).value_counts()
    return Missed(pd.crosstab(frame["cause"], frame["group"]), actual)


def gap_table(found: Missed) -> Table:
    """Missed pairs per 1,000 true ones: a column per group, the most missed first."""
    enough = found.actual[found.actual >= FEWEST_PAIRS].index
    rates = 1_000 * found.missed.reindex(columns=enough).fillna(0) / found.actual[enough]
    rates = rates[rates.sum().sort_values(ascending=False).index]
    kept_apart = rates.index == _FORENAME
    without, alone = (_gap(rates[chosen].sum()) for chosen in (~kept_apart, kept_apart))
    rates["widest"] = rates.iloc[:, 0] - rates.iloc[:, -1]
    rates = rates.sort_values("widest", ascending=False)
    rates.loc["all"] = rates.sum()
    return Table(
        "Missed pairs across sources per 1,000 true ones, by what kept the records apart",
        ["cause", *rates.columns[:-1], "first less last"],
        [[str(cause), *(f"{rate:.1f}" for rate in row)] for cause, row in rates.iterrows()],
        [
            "The strongest pair between two clusters gives the cause of all pairs between them.",
            f"Gap in recall if no pair of another forename were missed: {without:.4f};"
            f" if no others were: {alone:.4f}.",
        ],
    )


def _gap(rates: pd.Series) -> float:
    return float(rates.max() - rates.min()) / 1_000


def _causes(linked: Linked, rules: MatchingRules, l: Positions, r: Positions) -> np.ndarray:
    """What kept each pair of records from being joined."""
    pairs, found = linked.pairs, linked.designations
    scored = pd.MultiIndex.from_arrays([pairs.l, pairs.r])
    at = scored.get_indexer(pd.MultiIndex.from_arrays([l, r]))
    known = at >= 0
    different = _is_different_forename(rules, pairs.levels["forename"])
    return np.select(
        [
            ~was_proposed(linked.prepared, rules, l, r),
            known & found.link[at],
            known & pairs.apart[at] & different[at],
            known & pairs.apart[at],
            known & found.rival[at],
        ],
        [_UNSEEN, _REFUSED, _FORENAME, _APART, _RIVAL],
        _WEAK,
    )


def _is_different_forename(rules: MatchingRules, levels: np.ndarray) -> np.ndarray:
    forename = next(rule for rule in rules.comparisons if rule.name == "forename")
    return np.asarray(levels == [level.name for level in forename.levels].index("different"))
