"""The order of the stages: standardise → block → compare → weigh → classify → cluster → register.

The only module that knows them all. Records are put in the order of their keys first, so
that nothing depends on the order in which extracts arrived.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.block import EffectiveKey, GivenUp, candidate_pairs, effective_key
from matcher.classify import Designations, designate, estimate_prior
from matcher.cluster import Clusters, cluster
from matcher.errors import DataError
from matcher.progress import Advance, Observer, Silent
from matcher.register import child_ids, golden_values
from matcher.rules.library import LinkageRules
from matcher.rules.matching import MatchingRules
from matcher.rules.model import Model
from matcher.scoring import Pairs, ScoredPairs, Scorer
from matcher.standardise import standardise
from matcher.table import Table
from matcher.weigh import Weights, term_frequencies

Sources = npt.NDArray[np.int32]

# Evidence below which no prior could make a pair possible; bounds what is kept in memory.
MARGIN_BELOW = 4.0


@dataclass(frozen=True)
class Prepared:
    """Records of children in key order, standardised and coded.

    ``single`` is, per record, the number of a source that holds each child once, or -1.
    """

    records: pd.DataFrame
    standardised: pd.DataFrame
    table: Table
    single: Sources


@dataclass(frozen=True)
class Linked:
    """All that one run found out. Pairs are positions in ``prepared.records``."""

    prepared: Prepared
    candidates: int
    given_up: tuple[GivenUp, ...]
    prior: float
    pairs: ScoredPairs
    weight: npt.NDArray[np.float64]
    designations: Designations
    clusters: Clusters


def prepare(
    records: pd.DataFrame, rules: LinkageRules, single_sources: Collection[str]
) -> Prepared:
    """Children's records in order of (source, record_id), standardised and coded.

    Raises DataError if a key occurs twice or no child is left.
    """
    children = records[(records["role"] == "child").to_numpy()]
    if children.empty:
        raise DataError("no record of a child was read, so there is nothing to link")
    source = children["source"].astype("category")
    source = source.cat.reorder_categories(sorted(source.cat.categories))
    keys = pd.Series(children["record_id"].to_numpy(), dtype=object)
    order = np.lexsort((pd.factorize(keys, sort=True)[0], source.cat.codes.to_numpy()))
    children = children.iloc[order].reset_index(drop=True)
    children["source"] = source.iloc[order].array
    if children.duplicated(["source", "record_id"]).any():
        raise DataError("a record id occurs twice in one source")
    standardised = standardise(children, rules.names, rules.values)
    wanted = rules.matching.columns | {"date_of_birth", "postcode"}
    table = Table.of(standardised, wanted, rules.matching.crossings)
    once = [name in single_sources for name in children["source"].cat.categories]
    number = np.where(once, np.arange(len(once)), -1).astype(np.int32)
    return Prepared(children, standardised, table, number[children["source"].cat.codes.to_numpy()])


def block(prepared: Prepared, rules: MatchingRules) -> list[EffectiveKey]:
    """The effective key of every blocking rule."""
    return [effective_key(rule, prepared.table) for rule in rules.blocking]


def proposed(prepared: Prepared, keys: list[EffectiveKey]) -> Iterator[Pairs]:
    """Candidate pairs, without two records of a source that holds each child once."""
    single = prepared.single
    for l, r in candidate_pairs(keys):  # noqa: E741
        allowed = (single[l] != single[r]) | (single[l] < 0)
        yield l[allowed], r[allowed]


def weigh(prepared: Prepared, rules: MatchingRules, model: Model) -> Scorer:
    """What compares and weighs pairs of these records."""
    columns = {x.term_frequency for c in rules.comparisons for x in c.levels if x.term_frequency}
    frequencies = {name: term_frequencies(prepared.table, name) for name in sorted(columns)}
    return Scorer(rules.comparisons, Weights(rules.comparisons, model, frequencies))


def possible_pairs(single: Sources) -> float:
    """Number of pairs that could be matches at all."""
    once = np.bincount(single[single >= 0]).astype(np.float64)
    size = float(len(single))
    return float(size * (size - 1) / 2 - (once * (once - 1) / 2).sum())


def link(
    records: pd.DataFrame,
    rules: LinkageRules,
    model: Model,
    *,
    single_sources: Collection[str] = (),
    threads: int = 2,
    observer: Observer | None = None,
) -> Linked:
    """Link RECORDS (see `matcher.frames`) into clusters, one per child."""
    observer = observer or Silent()
    matching = rules.matching
    with observer.stage("standardise"):
        prepared = prepare(records, rules, single_sources)
    with observer.stage("block"):
        keys = block(prepared, matching)
        scorer = weigh(prepared, matching, model)
    size = len(prepared.records)
    total = possible_pairs(prepared.single)
    expected = max(model.matches_per_record * size / 2, 1.0)
    # The prior can hardly exceed what follows from each record matching each source.
    highest_prior = np.log2(max(4 * expected, 1.0) / max(total, 1.0))
    floor = matching.thresholds.lower - MARGIN_BELOW - min(highest_prior, 0.0)
    counted = _Counted(proposed(prepared, keys))
    with observer.stage("compare and weigh") as advance:
        pairs = scorer.score_all(prepared.table, counted.through(advance), floor, threads)
    with observer.stage("classify"):
        prior = estimate_prior(pairs.evidence, total, expected)
        weight = pairs.evidence + prior
        designations = designate(
            pairs.l, pairs.r, weight, pairs.apart, prepared.single, matching.thresholds
        )
    with observer.stage("cluster"):
        chosen = designations.link
        apart = pairs.apart & ~designations.possible
        found = cluster(
            size,
            (pairs.l[chosen], pairs.r[chosen]),
            weight[chosen],
            apart=(pairs.l[apart], pairs.r[apart]),
            single=prepared.single,
        )
    given_up = tuple(block for key in keys for block in key.given_up)
    return Linked(
        prepared, counted.pairs, given_up, prior, pairs, weight, designations, found
    )


class _Counted:
    """Pairs counted as they pass."""

    def __init__(self, chunks: Iterable[Pairs]) -> None:
        self.chunks, self.pairs = chunks, 0

    def through(self, advance: Advance) -> Iterator[Pairs]:
        for chunk in self.chunks:
            self.pairs += len(chunk[0])
            yield chunk
            advance(len(chunk[0]))


def crosswalk(linked: Linked) -> pd.DataFrame:
    """source, record_id, child_id for every record of a child, in key order."""
    records, label = linked.prepared.records, linked.clusters.label
    founders = np.unique(label)
    source = records["source"].astype(object).to_numpy()
    record_id = records["record_id"].to_numpy()
    ids = np.array(
        child_ids(zip(source[founders], record_id[founders], strict=True)), dtype=object
    )
    return pd.DataFrame(
        {
            "source": records["source"],
            "record_id": record_id,
            "child_id": ids[np.searchsorted(founders, label)],
        }
    )


def register(linked: Linked, rules: LinkageRules) -> pd.DataFrame:
    """child_id and the golden values, each with its source; one row per child."""
    golden = golden_values(
        linked.prepared.records,
        linked.prepared.standardised,
        linked.clusters.label,
        rules.survivorship,
    )
    first = crosswalk(linked)["child_id"].to_numpy()[golden.index.to_numpy()]
    result = golden.reset_index(drop=True)
    result.insert(0, "child_id", first)
    return result
