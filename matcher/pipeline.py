"""The order of the stages: standardise → block → compare → weigh → classify → cluster → register.

The only module that knows them all. Records are put in the order of their keys first, so
that nothing depends on the order in which extracts arrived.
"""

from collections.abc import Collection, Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.block import EffectiveKey, RuleBlocks, candidate_pairs, effective_key
from matcher.classify import EvidenceCounts, estimate_prior
from matcher.deciding import MARGIN_BELOW, Linked, Scored, decide
from matcher.population import Population
from matcher.prepared import Coded, Prepared, prepare
from matcher.progress import Advance, Observer, Silent
from matcher.register import child_ids, golden_values
from matcher.rules.library import LinkageRules
from matcher.rules.matching import BlockingRule, MatchingRules
from matcher.rules.model import Model
from matcher.scoring import Pairs, Scorer
from matcher.threads import on_threads
from matcher.weigh import Weights
from matcher.weigh.weights import Bits

_FLOOR_STEP = 0.5
# Up to so many records, one thread is done before others have started.
_FEW = 10_000


def block(prepared: Prepared, rules: MatchingRules, threads: int = 1) -> list[EffectiveKey]:
    """The effective key of every blocking rule."""

    def key_of(rule: BlockingRule) -> EffectiveKey:
        return effective_key(rule, prepared.table)

    return list(on_threads(key_of, rules.blocking, threads))


def proposed(prepared: Prepared, keys: list[EffectiveKey]) -> Iterator[Pairs]:
    """Candidate pairs, without two records of a source that holds each child once."""
    return allowed_of(prepared, candidate_pairs(keys))


def allowed_of(prepared: Prepared, pairs: Iterable[Pairs]) -> Iterator[Pairs]:
    """Pairs without two records of a source that holds each child once."""
    source, single = prepared.source, prepared.single
    for l, r in pairs:
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
    threads = threads if len(records) > _FEW else 1
    matching = rules.matching
    lower = matching.thresholds.lower if lower is None else lower
    with observer.stage("standardise"):
        prepared = prepare(records, rules, single_sources)
    with observer.stage("block"):
        keys = block(prepared, matching, threads)
        blocks = tuple(map(RuleBlocks.of, matching.blocking, keys))
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
    return Scored(prepared, population, counted.pairs, given_up, blocks, pairs, prior, scorer)


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
