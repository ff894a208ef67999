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
from matcher.classify import Designations, EvidenceCounts, designate, estimate_prior
from matcher.cluster import Clusters, cluster
from matcher.company import company_weight
from matcher.errors import DataError
from matcher.families import FAMILY_COLUMNS
from matcher.neighbours import neighbours
from matcher.population import Population, hashed
from matcher.progress import Advance, Observer, Silent
from matcher.register import child_ids, golden_values
from matcher.rules.library import LinkageRules
from matcher.rules.matching import MatchingRules, Thresholds
from matcher.rules.model import Model
from matcher.scoring import NOT_AGAINST, Pairs, ScoredPairs, Scorer
from matcher.standardise import standardise
from matcher.table import Mask, Positions, Table
from matcher.weigh import Weights

Sources = npt.NDArray[np.int32]
Bits = npt.NDArray[np.float64]

# Bits below the lower threshold beyond which nothing could make a pair possible, neither
# another prior nor the sources' company; bounds what is kept and looked at.
MARGIN_BELOW = 4.0
# Bits that stand for what a person said, so that no evidence outweighs it.
_SETTLED = 1_000.0
_FLOOR_STEP = 0.5

# Columns that counting children and telling families need, whatever the rules compare.
_ALWAYS = {"forename", "forename_4", "prefix_only"} | FAMILY_COLUMNS


def compared_columns(rules: MatchingRules) -> set[str]:
    """Standardised columns that linking by these rules looks at."""
    return rules.columns | _ALWAYS


@dataclass(frozen=True)
class Coded:
    """Records of children in key order, standardised and coded.

    ``source`` is the number of each record's source in ``sources``; ``single`` says, by
    that number, whether the source holds each child once.
    """

    table: Table
    source: Sources
    sources: list[str]
    single: Mask

    @property
    def single_sources(self) -> set[str]:
        """Names of the sources that hold each child once."""
        return {name for name, once in zip(self.sources, self.single, strict=True) if once}

    def group(self, l: Positions, r: Positions) -> npt.NDArray[np.int64]:
        """The group of each pair: the source that holds both, or the last one."""
        within = self.source[l] == self.source[r]
        return np.where(within, self.source[l], len(self.single)).astype(np.int64)


@dataclass(frozen=True)
class Prepared(Coded):
    """The same, with the records and what they say as frames, row by row."""

    records: pd.DataFrame
    standardised: pd.DataFrame


@dataclass(frozen=True)
class Scored:
    """Pairs compared and weighed, before anything is decided; ``prior`` is in bits, per pair.

    Pairs are positions in ``prepared.records``. ``candidates`` counts all that were proposed;
    ``scorer`` is what weighed them.
    """

    prepared: Prepared
    population: Population
    candidates: int
    given_up: tuple[GivenUp, ...]
    pairs: ScoredPairs
    prior: Bits
    scorer: Scorer


_NO_PAIRS: Pairs = (np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32))


@dataclass(frozen=True)
class Decisions:
    """What people said of pairs of records, as positions l < r: one child, or two."""

    must: Pairs = _NO_PAIRS
    cannot: Pairs = _NO_PAIRS


@dataclass(frozen=True)
class Linked(Scored):
    """All that one run found out.

    ``company`` and ``weight`` are in bits, one per pair: the weight is the evidence of the
    comparisons plus the prior plus what the sources' company says. ``said`` is 1 for pairs
    that a person said are one child, -1 for two, 0 for all others. ``open`` marks pairs
    for which company counts. ``fitting`` are pairs of one source that may be one child.
    """

    decisions: Decisions
    said: npt.NDArray[np.int8]
    open: Mask
    company: Bits
    weight: Bits
    designations: Designations
    clusters: Clusters
    fitting: Pairs


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
    wanted = compared_columns(rules.matching)
    table = Table.of(standardised, wanted, rules.matching.crossings)
    sources = [str(name) for name in children["source"].cat.categories]
    single = np.array([name in single_sources for name in sources])
    return Prepared(table, number, sources, single, children, standardised)


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


def terms(rules: MatchingRules) -> list[str]:
    """Columns whose rarity counts."""
    levels = (level for comparison in rules.comparisons for level in comparison.levels)
    return sorted({level.term_frequency for level in levels if level.term_frequency})


def count_population(prepared: Prepared, rules: MatchingRules) -> Population:
    """The population that these records tell of."""
    return Population.of(prepared.table, prepared.source, prepared.sources, terms(rules))


def weigh(coded: Coded, rules: MatchingRules, model: Model, population: Population) -> Scorer:
    """What compares and weighs pairs of these records."""
    frequencies = {name: population.shares(coded.table, name) for name in terms(rules)}
    return Scorer(rules.comparisons, Weights(rules.comparisons, model, frequencies))


def possible_pairs(population: Population, single: Collection[str]) -> npt.NDArray[np.float64]:
    """Numbers of pairs that could be matches: within each source, then between sources.

    Sources in order of name; those in ``single`` hold each child once.
    """
    names = sorted(population.held)
    held = np.array([population.held[name] for name in names], dtype=np.float64)
    within = held * (held - 1) / 2
    between = held.sum() * (held.sum() - 1) / 2 - within.sum()
    return np.append(
        [0.0 if n in single else w for n, w in zip(names, within, strict=True)], between
    )


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
        population = count_population(prepared, matching)
        scorer = weigh(prepared, matching, model, population)
    totals = possible_pairs(population, prepared.single_sources)
    floor = evidence_floor(lower, totals, model, population)
    counted = _Counted(proposed(prepared, keys))
    with observer.stage("compare and weigh") as advance:
        pairs = scorer.score_all(prepared.table, counted.through(advance), floor, threads)
        group = prepared.group(pairs.l, pairs.r)
        counts = EvidenceCounts.of(group, pairs.evidence)
        prior = estimate_prior(counts, totals, first_guess(totals, model, population))[group]
    given_up = tuple(block for key in keys for block in key.given_up)
    return Scored(prepared, population, counted.pairs, given_up, pairs, prior, scorer)


def first_guess(totals: Bits, model: Model, population: Population) -> Bits:
    """Matches to expect in each group of pairs, before any are weighed."""
    return np.full(len(totals), model.matches_per_record * sum(population.held.values()) / 2)


def evidence_floor(lower: float, totals: Bits, model: Model, population: Population) -> float:
    """Evidence, in bits, below which no prior could make a pair possible.

    In whole steps, so that a few more records leave it as it was.
    """
    # The prior can hardly exceed what follows from four times the expected matches.
    most = 4 * float(first_guess(totals, model, population)[-1])
    highest_prior = np.log2(max(most, 1.0) / max(totals[-1], totals[:-1].sum(), 1.0))
    highest_prior = np.ceil(highest_prior / _FLOOR_STEP) * _FLOOR_STEP
    return float(lower - MARGIN_BELOW - min(highest_prior, 0.0))


def decide(
    scored: Scored,
    thresholds: Thresholds,
    decisions: Decisions | None = None,
    *,
    observer: Observer | None = None,
) -> Linked:
    """Designations and clusters of weighed pairs under two thresholds and people's decisions."""
    observer = observer or Silent()
    decisions = decisions or Decisions()
    prepared, pairs = scored.prepared, scored.pairs
    weight = pairs.evidence + scored.prior
    said = _said(pairs, decisions)
    pairs = replace(pairs, apart=np.where(said == 0, pairs.apart, said < 0))
    with observer.stage("classify"):
        settled = np.select([said > 0, said < 0], [_SETTLED, -_SETTLED], weight)
        fitting = _fitting(scored, pairs, settled, thresholds)
        found = designate(
            pairs.l, pairs.r, settled, pairs.apart, fitting, prepared.source, thresholds
        )
        found = replace(found, link=found.link | (said > 0), rival=found.rival & (said == 0))
    with observer.stage("cluster"):
        clusters = _cluster(prepared, pairs, weight, found, fitting, decisions)
        near = weight >= thresholds.lower - MARGIN_BELOW
        open_ = _open(pairs, clusters, found) & near & (said == 0)
        company = _company(scored, clusters, open_)
        weight = weight + company
        lifted = company > 0
        found = replace(
            found,
            link=found.link | lifted & (weight >= thresholds.upper),
            possible=found.possible | lifted & (weight >= thresholds.lower),
        )
        clusters = _cluster(prepared, pairs, weight, found, fitting, decisions)
    return Linked(
        prepared=prepared,
        population=scored.population,
        candidates=scored.candidates,
        given_up=scored.given_up,
        pairs=pairs,
        prior=scored.prior,
        scorer=scored.scorer,
        decisions=decisions,
        said=said,
        open=open_,
        company=company,
        weight=weight,
        designations=found,
        clusters=clusters,
        fitting=fitting,
    )


def _fitting(scored: Scored, pairs: ScoredPairs, weight: Bits, thresholds: Thresholds) -> Pairs:
    """Pairs of one source that nothing speaks against, so that they may be one child.

    Those that strong pairs to others would join are compared for this, whether or not a rule
    proposed them; weaker pairs are neither links nor rivals of one.
    """
    prepared, source = scored.prepared, scored.prepared.source
    fits = (source[pairs.l] == source[pairs.r]) & ~pairs.apart
    fits &= (pairs.evidence >= NOT_AGAINST) | (weight >= thresholds.upper)
    strong = (weight >= thresholds.upper - thresholds.rival_margin) & ~pairs.apart
    more = neighbours(
        (pairs.l[strong], pairs.r[strong]), source, prepared.single, (pairs.l, pairs.r)
    )
    others = scored.scorer.score_all(prepared.table, more, NOT_AGAINST, threads=1)
    others = others.take(~others.apart)
    return np.concatenate([pairs.l[fits], others.l]), np.concatenate([pairs.r[fits], others.r])


def _cluster(
    prepared: Prepared,
    pairs: ScoredPairs,
    weight: Bits,
    found: Designations,
    fitting: Pairs,
    decisions: Decisions,
) -> Clusters:
    apart = _held_apart(prepared, pairs, found)
    return cluster(
        prepared.source,
        (pairs.l[found.link], pairs.r[found.link]),
        weight[found.link],
        apart=(pairs.l[apart], pairs.r[apart]),
        fitting=fitting,
        must=decisions.must,
        cannot=decisions.cannot,
    )


def _said(pairs: ScoredPairs, decisions: Decisions) -> npt.NDArray[np.int8]:
    """What people said of each scored pair: 1 for one child, -1 for two, 0 for nothing."""
    result = np.zeros(len(pairs), dtype=np.int8)
    span = np.int64(max(pairs.r.max(initial=0), *(d.max(initial=0) for d in _ends(decisions)))) + 1
    number = pairs.l * span + pairs.r
    result[np.isin(number, decisions.must[0] * span + decisions.must[1])] = 1
    result[np.isin(number, decisions.cannot[0] * span + decisions.cannot[1])] = -1
    return result


def _ends(decisions: Decisions) -> tuple[Positions, ...]:
    return (*decisions.must, *decisions.cannot)


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


def _open(pairs: ScoredPairs, clusters: Clusters, found: Designations) -> Mask:
    """Pairs between two clusters for which the sources' company counts.

    They have no rival, and no level says that they are two children of one family.
    """
    label = clusters.label
    return np.asarray(~found.rival & ~pairs.apart & (label[pairs.l] != label[pairs.r]))


def _company(scored: Scored, clusters: Clusters, open_: Mask) -> Bits:
    """Partial weight of each open pair from the sources that hold the two clusters."""
    prepared, pairs, label = scored.prepared, scored.pairs, clusters.label
    years = prepared.table.columns["birth_year"]
    at = np.flatnonzero(open_)
    result = np.zeros(len(pairs))
    result[at] = company_weight(
        label[pairs.l[at]],
        label[pairs.r[at]],
        label,
        prepared.source,
        years.codes,
        scored.population.coverage(hashed(years.values), prepared.sources),
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
