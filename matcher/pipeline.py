"""The order of the stages: standardise → block → compare → weigh → classify → cluster → register.

The only module that knows them all. Records are put in the order of their keys first, so
that nothing depends on the order in which extracts arrived.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.block import EffectiveKey, GivenUp, candidate_pairs, effective_key
from matcher.classify import Designations, designate, estimate_prior
from matcher.cluster import Clusters, cluster
from matcher.company import company_weight
from matcher.errors import DataError
from matcher.families import FAMILY_COLUMNS
from matcher.neighbours import neighbours
from matcher.progress import Advance, Observer, Silent
from matcher.register import child_ids, golden_values
from matcher.rules.library import LinkageRules
from matcher.rules.matching import MatchingRules, Thresholds
from matcher.rules.model import Model
from matcher.scoring import NOT_AGAINST, Pairs, ScoredPairs, Scorer
from matcher.standardise import standardise
from matcher.table import Mask, Table
from matcher.weigh import Weights, term_frequencies

Sources = npt.NDArray[np.int32]
Bits = npt.NDArray[np.float64]

# Evidence below which no prior could make a pair possible; bounds what is kept in memory.
MARGIN_BELOW = 4.0

# Columns that counting children and telling families need, whatever the rules compare.
_ALWAYS = {"forename", "prefix_only"} | FAMILY_COLUMNS


@dataclass(frozen=True)
class Prepared:
    """Records of children in key order, standardised and coded.

    ``source`` is the number of each record's source; ``single`` says, by that number,
    whether the source holds each child once.
    """

    records: pd.DataFrame
    standardised: pd.DataFrame
    table: Table
    source: Sources
    single: Mask


@dataclass(frozen=True)
class Scored:
    """Pairs compared and weighed, before anything is decided; ``prior`` is in bits, per pair.

    Pairs are positions in ``prepared.records``. ``candidates`` counts all that were proposed.
    """

    prepared: Prepared
    candidates: int
    given_up: tuple[GivenUp, ...]
    pairs: ScoredPairs
    prior: Bits


@dataclass(frozen=True)
class Linked(Scored):
    """All that one run found out.

    ``company`` and ``weight`` are in bits, one per pair: the weight is the evidence of the
    comparisons plus the prior plus what the sources' company says.
    """

    company: Bits
    weight: Bits
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
    children, number = _in_key_order(children)
    standardised = standardise(children, rules.names, rules.values)
    wanted = rules.matching.columns | _ALWAYS
    table = Table.of(standardised, wanted, rules.matching.crossings)
    single = np.array([name in single_sources for name in children["source"].cat.categories])
    return Prepared(children, standardised, table, number, single)


def _in_key_order(records: pd.DataFrame) -> tuple[pd.DataFrame, Sources]:
    """Records by source, then record id, and the number of each one's source."""
    source = records["source"].cat.remove_unused_categories()
    source = source.cat.reorder_categories(sorted(source.cat.categories))
    number = source.cat.codes.to_numpy().astype(np.int32)
    keys: list[str] = records["record_id"].tolist()
    of_source = [np.flatnonzero(number == one) for one in range(len(source.cat.categories))]
    # Python's sort is quick where extracts are in order already, as most are.
    order = np.concatenate(
        [np.array(sorted(at.tolist(), key=keys.__getitem__), dtype=np.intp) for at in of_source]
    )
    ordered = records.iloc[order].reset_index(drop=True)
    ordered["source"] = source.iloc[order].array
    number = number[order]
    ids = ordered["record_id"].to_numpy()
    if np.any((ids[1:] == ids[:-1]) & (number[1:] == number[:-1])):
        raise DataError("a record id occurs twice in one source")
    return ordered, number


def block(prepared: Prepared, rules: MatchingRules) -> list[EffectiveKey]:
    """The effective key of every blocking rule."""
    return [effective_key(rule, prepared.table) for rule in rules.blocking]


def proposed(prepared: Prepared, keys: list[EffectiveKey]) -> Iterator[Pairs]:
    """Candidate pairs, without two records of a source that holds each child once."""
    source, single = prepared.source, prepared.single
    for l, r in candidate_pairs(keys):
        allowed = (source[l] != source[r]) | ~single[source[l]]
        yield l[allowed], r[allowed]


def weigh(prepared: Prepared, rules: MatchingRules, model: Model) -> Scorer:
    """What compares and weighs pairs of these records."""
    columns = {x.term_frequency for c in rules.comparisons for x in c.levels if x.term_frequency}
    frequencies = {name: term_frequencies(prepared.table, name) for name in sorted(columns)}
    return Scorer(rules.comparisons, Weights(rules.comparisons, model, frequencies))


def possible_pairs(prepared: Prepared) -> npt.NDArray[np.float64]:
    """Numbers of pairs that could be matches: within each source, then between sources."""
    held = np.bincount(prepared.source, minlength=len(prepared.single)).astype(np.float64)
    size = float(len(prepared.source))
    within = held * (held - 1) / 2
    between = size * (size - 1) / 2 - within.sum()
    return np.append(np.where(prepared.single, 0.0, within), between)


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
    scored = score(
        records, rules, model, single_sources=single_sources, threads=threads, observer=observer
    )
    return decide(scored, rules.matching.thresholds, observer=observer)


def score(
    records: pd.DataFrame,
    rules: LinkageRules,
    model: Model,
    *,
    single_sources: Collection[str] = (),
    lower: float | None = None,
    threads: int = 2,
    observer: Observer | None = None,
) -> Scored:
    """Candidate pairs of RECORDS, weighed. ``lower`` overrides the rules' lower threshold."""
    observer = observer or Silent()
    matching = rules.matching
    lower = matching.thresholds.lower if lower is None else lower
    with observer.stage("standardise"):
        prepared = prepare(records, rules, single_sources)
    with observer.stage("block"):
        keys = block(prepared, matching)
        scorer = weigh(prepared, matching, model)
    totals = possible_pairs(prepared)
    expected = model.matches_per_record * len(prepared.records) / 2
    # The prior can hardly exceed what follows from four times the expected matches.
    highest_prior = np.log2(max(4 * expected, 1.0) / max(totals[-1], totals[:-1].sum(), 1.0))
    floor = lower - MARGIN_BELOW - min(highest_prior, 0.0)
    counted = _Counted(proposed(prepared, keys))
    with observer.stage("compare and weigh") as advance:
        pairs = scorer.score_all(prepared.table, counted.through(advance), floor, threads)
        group = _prior_group(prepared, pairs)
        start = np.full(len(totals), expected)
        priors = estimate_prior(pairs.evidence, group, totals, start)
        # Weaker pairs are neither links nor rivals of one.
        bounds = matching.thresholds
        near = pairs.evidence + priors[group] >= bounds.upper - bounds.rival_margin
        near &= ~pairs.apart
        more = neighbours(
            (pairs.l[near], pairs.r[near]),
            prepared.source,
            prepared.single,
            (pairs.l, pairs.r),
        )
        others = scorer.score_all(prepared.table, more, min(floor, NOT_AGAINST), threads)
        pairs = ScoredPairs.join([pairs, others])
        prior = priors[_prior_group(prepared, pairs)]
    given_up = tuple(block for key in keys for block in key.given_up)
    return Scored(prepared, counted.pairs, given_up, pairs, prior)


def _prior_group(prepared: Prepared, pairs: ScoredPairs) -> npt.NDArray[np.int32]:
    """Number of the prior of each pair: its source's, or the last for pairs between sources."""
    within = prepared.source[pairs.l] == prepared.source[pairs.r]
    between = np.int32(len(prepared.single))
    return np.where(within, prepared.source[pairs.l], between)


def decide(scored: Scored, thresholds: Thresholds, *, observer: Observer | None = None) -> Linked:
    """Designations and clusters of weighed pairs under two thresholds."""
    observer = observer or Silent()
    prepared, pairs = scored.prepared, scored.pairs
    weight = pairs.evidence + scored.prior
    with observer.stage("classify"):
        found = designate(
            pairs.l, pairs.r, weight, pairs.apart, pairs.fits, prepared.source, thresholds
        )
    with observer.stage("cluster"):
        clusters = _cluster(prepared, pairs, weight, found)
        company = _company(prepared, pairs, clusters, found)
        weight = weight + company
        lifted = company > 0
        found = replace(
            found,
            link=found.link | lifted & (weight >= thresholds.upper),
            possible=found.possible | lifted & (weight >= thresholds.lower),
        )
        clusters = _cluster(prepared, pairs, weight, found)
    return Linked(
        prepared=prepared,
        candidates=scored.candidates,
        given_up=scored.given_up,
        pairs=pairs,
        prior=scored.prior,
        company=company,
        weight=weight,
        designations=found,
        clusters=clusters,
    )


def _cluster(
    prepared: Prepared,
    pairs: ScoredPairs,
    weight: Bits,
    found: Designations,
) -> Clusters:
    apart = _held_apart(prepared, pairs, found)
    return cluster(
        prepared.source,
        (pairs.l[found.link], pairs.r[found.link]),
        weight[found.link],
        apart=(pairs.l[apart], pairs.r[apart]),
        fitting=(pairs.l[pairs.fits], pairs.r[pairs.fits]),
    )


def _held_apart(prepared: Prepared, pairs: ScoredPairs, found: Designations) -> Mask:
    """Pairs that clustering must not join, not even through others.

    Two records that look like children of one family but may be one child are joined where
    others say so. A record without a forename cannot: it could be either child.
    """
    columns = prepared.table.columns
    nameless = (columns["forename"].codes < 0) | (columns["prefix_only"].codes >= 0)
    l, r = pairs.l[found.link], pairs.r[found.link]
    beside = np.zeros(len(nameless), dtype=bool)
    beside[l[nameless[r]]] = True
    beside[r[nameless[l]]] = True
    return np.asarray(pairs.apart & (~found.possible | beside[pairs.l] & beside[pairs.r]))


def _company(
    prepared: Prepared, pairs: ScoredPairs, clusters: Clusters, found: Designations
) -> Bits:
    """Partial weight of each pair from the sources that hold the two clusters.

    Only for pairs between two clusters without a rival, and not for those whose level says
    that they are two children of one family.
    """
    label = clusters.label
    open_ = ~found.rival & ~pairs.apart
    open_ &= label[pairs.l] != label[pairs.r]
    at = np.flatnonzero(open_)
    result = np.zeros(len(pairs))
    result[at] = company_weight(
        label[pairs.l[at]],
        label[pairs.r[at]],
        label,
        prepared.source,
        prepared.table.columns["birth_year"].codes,
    )
    return result


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
    ids = np.array(child_ids(zip(source[founders], record_id[founders], strict=True)), dtype=object)
    return pd.DataFrame(
        {
            "source": records["source"],
            "record_id": record_id,
            "child_id": ids[np.searchsorted(founders, label)],
        }
    )


def register(linked: Linked, ids: pd.DataFrame, rules: LinkageRules) -> pd.DataFrame:
    """child_id and the golden values, each with its source; one row per child.

    ``ids`` is the `crosswalk` of the same run.
    """
    golden = golden_values(
        linked.prepared.records,
        linked.prepared.standardised,
        linked.clusters.label,
        rules.survivorship,
    )
    first = ids["child_id"].to_numpy()[golden.index.to_numpy()]
    result = golden.reset_index(drop=True)
    result.insert(0, "child_id", first)
    return result
