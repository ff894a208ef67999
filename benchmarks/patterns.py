"""The commonest level patterns of our false and missed pairs: where to look for better rules."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from api.services.rules import RuleBook
from benchmarks.engines import ours_with_linked
from benchmarks.sets import LabelledSet
from benchmarks.tables import Table
from matcher.compare import LevelComparison, reached_levels
from matcher.deciding import Linked
from matcher.pipeline import block, count_population, proposed, weigh
from matcher.prepared import Prepared
from matcher.rules.matching import MatchingRules
from matcher.rules.model import Model
from matcher.table import MISSING, Levels, Mask, Sides


def pattern_tables(
    labelled: LabelledSet, book: RuleBook, model: Model, most: int
) -> Iterable[Table]:
    """One table of false pairs, one of missed pairs."""
    linked = ours_with_linked(labelled, book, model, "shipped")[1]
    person = persons(labelled, linked)[0]
    across = len(labelled.sources) > 1
    rules = book.linkage.matching
    for title, one, other in (
        ("false", linked.clusters.label, person),
        ("missed", person, linked.clusters.label),
    ):
        l, r = pairs_within(one, other, linked.prepared.source if across else None)
        yield _table(
            f"{labelled.name}: patterns of {title} pairs", linked, rules, model, l, r, most
        )


def persons(labelled: LabelledSet, linked: Linked) -> tuple[np.ndarray, pd.Index]:
    """The number of each record's person, in the order of the run, and their ids by number."""
    records = linked.prepared.records
    keys = pd.DataFrame(
        {"source": records["source"].astype(str), "record_id": records["record_id"].astype(str)}
    )
    truth = labelled.truth.astype({"record_id": str})
    person_id = keys.merge(truth, on=["source", "record_id"], how="left")["person_id"]
    numbers, known = pd.factorize(person_id)
    return numbers, known


def pairs_within(
    one: np.ndarray, other: np.ndarray, source: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of records alike in ``one`` but not in ``other``, from different sources if given."""
    at = pd.DataFrame({"one": one, "at": np.arange(len(one))})
    both = at.merge(at, on="one", suffixes=("_l", "_r"))
    l, r = both["at_l"].to_numpy(), both["at_r"].to_numpy()
    kept = (l < r) & (other[l] != other[r])
    if source is not None:
        kept &= source[l] != source[r]
    return l[kept].astype(np.int32), r[kept].astype(np.int32)


def _table(
    title: str,
    linked: Linked,
    rules: MatchingRules,
    model: Model,
    l: np.ndarray,
    r: np.ndarray,
    most: int,
) -> Table:
    prepared = linked.prepared
    scorer = weigh(prepared, rules, model, count_population(prepared, rules))
    scored = scorer.score(prepared.table, (l, r), -np.inf)
    evidence = pd.Series(scored.evidence, index=pd.MultiIndex.from_arrays([scored.l, scored.r]))
    sides = Sides(prepared.table, prepared.table, l, r)
    frame = pd.DataFrame(_level_names(sides, rules))
    frame["proposed"] = was_proposed(prepared, rules, l, r)
    prior = float(np.median(linked.prior)) if len(linked.prior) else 0.0
    frame["weight"] = (
        evidence.reindex(pd.MultiIndex.from_arrays([l, r])).to_numpy(dtype=float) + prior
    )
    columns = [name for name in frame if name != "weight"]
    counted = frame.groupby(columns, sort=False)["weight"].agg(["size", "median"]).reset_index()
    counted = counted.sort_values("size", ascending=False).head(most)
    rows = []
    for row in counted.to_dict("records"):
        parts = [f"{name}:{row[name]}" for name in columns[:-1] if row[name] != "missing"]
        rows.append(
            [
                " ".join(parts),
                f"{row['size']:,}",
                "yes" if row["proposed"] else "no",
                f"{row['median']:.1f}",
            ]
        )
    return Table(
        f"{title} ({len(l):,} in all, {int((~frame['proposed']).sum()):,} never proposed)",
        ["pattern (missing left out)", "pairs", "proposed", "median weight"],
        rows,
    )


def _level_names(sides: Sides, rules: MatchingRules) -> dict[str, np.ndarray]:
    reached: dict[str, dict[str, Mask]] = {}
    found: dict[str, np.ndarray] = {}
    for rule in rules.comparisons:
        levels: Levels = LevelComparison(rule).levels(sides, reached)
        reached[rule.name] = reached_levels(rule, levels)
        names = np.array([*(level.name for level in rule.levels), "missing"], dtype=object)
        found[rule.name] = names[np.where(levels == MISSING, len(rule.levels), levels)]
    return found


def was_proposed(
    prepared: Prepared, rules: MatchingRules, l: np.ndarray, r: np.ndarray
) -> np.ndarray:
    """Whether a blocking rule proposes each pair (positions l < r)."""
    size = np.int64(len(prepared.records))
    asked = l.astype(np.int64) * size + r
    result = np.zeros(len(asked), dtype=bool)
    for one, other in proposed(prepared, block(prepared, rules)):
        low, high = np.minimum(one, other), np.maximum(one, other)
        result |= np.isin(asked, low.astype(np.int64) * size + high)
    return result
