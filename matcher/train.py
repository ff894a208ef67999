"""Estimating a model: u from random pairs, m by EM over counts of agreement patterns.

Candidate pairs are nearly all pairs whose pattern could be a match's, so for each pattern
the expected counts are known: ``matches * P(pattern | match)`` and
``pairs * P(pattern | non-match)``. EM alternates between the share of matches in each
pattern (E) and m, u and the number of matches (M). Interaction weights need labelled pairs.

Fellegi and Sunter (1969); Winkler (1988) for EM.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.block import candidate_pairs, sampled_pairs
from matcher.compare import LevelComparison, ReachedLevels, reached_levels
from matcher.errors import DataError
from matcher.families import are_children, twins_explained
from matcher.patterns import packed, unpacked
from matcher.pipeline import allowed_of, block, count_population, possible_pairs
from matcher.prepared import Prepared, prepare
from matcher.progress import Observer, Silent
from matcher.rules.library import LinkageRules
from matcher.rules.matching import Comparison
from matcher.rules.model import LevelModel, Model
from matcher.scoring import Pairs
from matcher.table import MISSING, Levels, Sides, Table
from matcher.threads import on_threads

Floats = npt.NDArray[np.float64]
Patterns = npt.NDArray[np.int8]
Numbers = npt.NDArray[np.int64]

# As many as Splink takes by default.
RANDOM_PAIRS = 1_000_000
# Proposals of all rules; a pair that several propose is compared once.
PROPOSED_PAIRS = 3_000_000
# Below this share of twins among the pairs that look like twins, the records show no families.
FAMILIES_SEEN = 0.1
THREADS = 2
_CHUNK = 250_000
_FEWEST = 0.5
_LARGEST_INTERACTION = 40.0
_LEAST_AGAINST = -0.1
_ITERATIONS = 60


@dataclass
class Counts:
    """Distinct agreement patterns (rows: patterns, columns: comparisons) and their counts.

    ``matched`` is how many of each are known to be matches, where truth was given.
    """

    patterns: Patterns
    count: Floats
    matched: Floats | None = None


@dataclass
class Estimate:
    """Probabilities by comparison number: of each level, with missing last."""

    m: list[Floats]
    u: list[Floats]
    matches: float
    interactions: dict[int, Floats] = field(default_factory=dict)


def train(
    records: pd.DataFrame,
    rules: LinkageRules,
    *,
    single_sources: Collection[str] = (),
    truth: "pd.Series[str] | None" = None,
    base: Model | None = None,
    seed: int = 0,
    name: str = "extracts",
    observer: Observer | None = None,
) -> Model:
    """A model estimated from RECORDS, without labels unless ``truth`` is given.

    ``truth`` holds a person id by (source, record_id); records that it lacks are left out.
    ``base`` is the model to start from; without labels its interaction weights are kept.
    Raises DataError if no two records are candidates, or the truth knows none of them.
    """
    observer = observer or Silent()
    with observer.stage("standardise"):
        prepared = prepare(records, rules, single_sources)
    person = None if truth is None else _persons(prepared.records, truth)
    if person is not None and not (person >= 0).any():
        raise DataError("the truth knows none of these records")
    comparisons = [LevelComparison(rule) for rule in rules.matching.comparisons]
    with observer.stage("random pairs"):
        sampled = _count(prepared.table, _random_pairs(prepared, seed), comparisons, person)
    with observer.stage("candidate pairs") as advance:
        learned = [rule for rule in rules.matching.blocking if rule.learn or person is not None]
        keys = block(prepared, rules.matching.model_copy(update={"blocking": learned}), THREADS)
        share = min(1.0, PROPOSED_PAIRS / max(sum(key.pairs for key in keys), 1))
        some = sampled_pairs(keys, share, seed + 1) if share < 1 else candidate_pairs(keys)
        candidates = _count(prepared.table, allowed_of(prepared, some), comparisons, person)
        if not len(candidates.count):
            why = "no blocking rule pairs any two records"
            if any(key.given_up for key in keys):
                why += " but in blocks that are too large to compare"
            raise DataError(f"{why}, so there is nothing to learn")
        advance(int(candidates.count.sum()))
        candidates.count /= share
        if candidates.matched is not None:
            candidates.matched /= share
    if person is None and base is not None:
        base = _fitting(base, rules.matching.comparisons, prepared.table)
    with observer.stage("estimate"):
        estimate = _expectation_maximisation(
            rules.matching.comparisons,
            candidates,
            sampled,
            float(
                possible_pairs(
                    count_population(prepared, rules.matching), prepared.single_sources
                ).sum()
            ),
            len(prepared.records),
            base,
        )
    return _model(rules.matching.comparisons, estimate, len(prepared.records), name)


def _fitting(base: Model, comparisons: list[Comparison], table: Table) -> Model:
    """The model without what it knows of families or of children, where there are none.

    Interaction weights say what families do to pairs. Records of another population do not
    tell, without labels, what to put in their place, so that there they weigh nothing.
    """
    families = twins_explained(table) >= FAMILIES_SEEN
    children = are_children(table)
    fitting = dict(base.comparisons)
    for rule in comparisons:
        known = dict(base.comparisons.get(rule.name, {}))
        for level in rule.levels:
            has_weight = level.name in known and known[level.name].weight is not None
            if has_weight and not (families and (children or not level.children_only)):
                known[level.name] = LevelModel(weight=0.0)
        fitting[rule.name] = known
    return base.model_copy(update={"comparisons": fitting})


def _persons(records: pd.DataFrame, truth: "pd.Series[str]") -> npt.NDArray[np.int64]:
    keys = pd.MultiIndex.from_arrays([records["source"].astype(object), records["record_id"]])
    return pd.factorize(truth.reindex(keys))[0].astype(np.int64)


def _random_pairs(prepared: Prepared, seed: int) -> Iterator[Pairs]:
    size = len(prepared.records)
    numbers = np.random.default_rng(seed)
    l = numbers.integers(0, size, RANDOM_PAIRS, dtype=np.int32)
    r = numbers.integers(0, size, RANDOM_PAIRS, dtype=np.int32)
    source = prepared.source
    kept = (l != r) & ((source[l] != source[r]) | ~prepared.single[source[l]])
    l, r = l[kept], r[kept]
    for start in range(0, len(l), _CHUNK):
        yield l[start : start + _CHUNK], r[start : start + _CHUNK]


def _count(
    table: Table,
    chunks: Iterable[Pairs],
    comparisons: list[LevelComparison],
    person: npt.NDArray[np.int64] | None,
) -> Counts:
    """Counts of distinct patterns over all chunks."""
    rules = [comparison.rule for comparison in comparisons]

    def counted(pairs: Pairs) -> tuple[Numbers, Numbers, Numbers]:
        l, r = pairs
        if person is not None:
            known = (person[l] >= 0) & (person[r] >= 0)
            l, r = l[known], r[known]
        levels = _levels(Sides(table, table, l, r), comparisons)
        pattern, which, size = np.unique(
            packed(rules, levels), return_inverse=True, return_counts=True
        )
        same = person[l] == person[r] if person is not None else np.zeros(len(l), dtype=bool)
        return pattern, size, np.bincount(which[same], minlength=len(pattern))

    none = np.empty(0, dtype=np.int64)
    parts = [(none, none, none), *on_threads(counted, chunks, THREADS)]
    found, size, matched = (np.concatenate(own) for own in zip(*parts, strict=True))
    pattern, which = np.unique(found, return_inverse=True)
    count, known_matches = (
        np.bincount(which, own, len(pattern)).astype(np.float64) for own in (size, matched)
    )
    return Counts(
        np.stack(list(unpacked(rules, pattern).values()), axis=1),
        count,
        known_matches if person is not None else None,
    )


def _levels(sides: Sides, comparisons: list[LevelComparison]) -> dict[str, Levels]:
    """The levels of all pairs, by comparison."""
    found: dict[str, Levels] = {}
    reached: dict[str, ReachedLevels] = {}
    for comparison in comparisons:
        name = comparison.rule.name
        found[name] = comparison.levels(sides, reached)
        reached[name] = reached_levels(comparison.rule, found[name])
    return found


def _expectation_maximisation(
    rules: list[Comparison],
    candidates: Counts,
    sampled: Counts,
    total: float,
    size: int,
    base: Model | None,
) -> Estimate:
    plain = [number for number, rule in enumerate(rules) if not rule.is_interaction]
    estimate = _start(rules, sampled, float(size), base)
    for _ in range(_ITERATIONS):
        share = _share(rules, plain, estimate, candidates, total)
        before = estimate.matches
        estimate = _maximise(rules, plain, estimate, candidates, sampled, share, total)
        if candidates.matched is None and abs(estimate.matches - before) < 1e-6 * before:
            break
    return estimate


def _start(
    rules: list[Comparison], sampled: Counts, matches: float, base: Model | None
) -> Estimate:
    """A first guess: most matches reach the first level, few the last."""
    m, interactions = [], {}
    for number, rule in enumerate(rules):
        count = len(rule.levels)
        guess = np.full(count + 1, 0.15 / max(count - 1, 1))
        guess[0], guess[count - 1], guess[count] = 0.8, 0.05, 0.2
        m.append(guess / guess.sum())
        if rule.is_interaction:
            known = base.comparisons[rule.name] if base else {}
            start = [known[x.name].weight or 0.0 if x.name in known else 0.0 for x in rule.levels]
            interactions[number] = np.array([*start, 0.0])
    u = [
        _shares(sampled.patterns[:, number], sampled.count, len(rule.levels))
        for number, rule in enumerate(rules)
    ]
    return Estimate(m, u, matches, interactions)


def _shares(levels: npt.NDArray[np.int8], weight: Floats, count: int) -> Floats:
    """Share of each level with missing last, never quite zero."""
    places = np.where(levels == MISSING, count, levels)
    found = np.bincount(places, weights=weight, minlength=count + 1) + _FEWEST
    return np.asarray(found / found.sum())


def _log_likelihood_ratio(
    rules: list[Comparison],
    plain: list[int],
    estimate: Estimate,
    patterns: Patterns,
    without: Collection[int] = (),
) -> Floats:
    """Evidence of each pattern in bits; missing values and levels without evidence add none."""
    result = np.zeros(len(patterns))
    for number in plain:
        weights = np.log2(_observed(estimate.m[number]) / _observed(estimate.u[number]))
        silent = [not level.evidence for level in rules[number].levels]
        weights[np.flatnonzero([*silent, True])] = 0.0
        result += weights[patterns[:, number]]
    for number, weights in estimate.interactions.items():
        if number not in without:
            result += weights[patterns[:, number]]
    return result


def _observed(shares: Floats) -> Floats:
    """Shares among pairs that could be compared; the last entry is for missing."""
    return np.append(shares[:-1] / shares[:-1].sum(), 1.0)


def _share(
    rules: list[Comparison], plain: list[int], estimate: Estimate, counts: Counts, total: float
) -> Floats:
    """Expected share of matches in each pattern, or the true one."""
    if counts.matched is not None:
        return np.asarray(counts.matched / counts.count)
    evidence = _log_likelihood_ratio(rules, plain, estimate, counts.patterns)
    odds = np.exp2(np.clip(evidence, -200, 200)) * estimate.matches / (total - estimate.matches)
    return np.asarray(odds / (1 + odds))


def _maximise(
    rules: list[Comparison],
    plain: list[int],
    estimate: Estimate,
    candidates: Counts,
    sampled: Counts,
    share: Floats,
    total: float,
) -> Estimate:
    matched = share * candidates.count
    matches = min(max(float(matched.sum()), 1.0), total / 2)
    random_share = _share(rules, plain, estimate, sampled, total)
    m, u = [], []
    for number, rule in enumerate(rules):
        count = len(rule.levels)
        m.append(_shares(candidates.patterns[:, number], matched, count))
        unmatched = sampled.count * (1 - random_share)
        u.append(_shares(sampled.patterns[:, number], unmatched, count))
    new = Estimate(m, u, matches, dict(estimate.interactions))
    if candidates.matched is not None:
        for number, weights in estimate.interactions.items():
            new.interactions[number] = _calibrated(
                rules, plain, number, weights, new, candidates, total
            )
    return new


def _calibrated(
    rules: list[Comparison],
    plain: list[int],
    number: int,
    weights: Floats,
    estimate: Estimate,
    candidates: Counts,
    total: float,
) -> Floats:
    """Interaction weights with which as many matches are expected as there are.

    For each level, the weight at which the sum of match probabilities over its pairs equals
    the matches among them: the moment condition of a logistic regression. Only labelled
    pairs can tell, because brothers and sisters are themselves a class that EM would find.
    """
    evidence = _log_likelihood_ratio(rules, plain, estimate, candidates.patterns, (number,))
    evidence += np.log2(estimate.matches / (total - estimate.matches))
    matched = candidates.count if candidates.matched is None else candidates.matched
    result = weights.copy()
    for at, level in enumerate(rules[number].levels):
        inside = candidates.patterns[:, number] == at
        pairs = float(candidates.count[inside].sum())
        if not level.evidence or pairs == 0:
            continue
        # Half a match and half a non-match more: no level is ever certain.
        goal = (float(matched[inside].sum()) + _FEWEST) * pairs / (pairs + 2 * _FEWEST)
        low, high = -_LARGEST_INTERACTION, _LARGEST_INTERACTION
        for _ in range(50):
            middle = (low + high) / 2
            odds = np.exp2(np.clip(evidence[inside] + middle, -200, 200))
            expected = float((candidates.count[inside] * odds / (1 + odds)).sum())
            low, high = (middle, high) if expected < goal else (low, middle)
        found = (low + high) / 2
        # A level that keeps apart never speaks for a pair, or it would no longer keep apart.
        result[at] = min(found, _LEAST_AGAINST) if level.keeps_apart else found
    return result


def _model(rules: list[Comparison], estimate: Estimate, size: int, name: str) -> Model:
    comparisons: dict[str, dict[str, LevelModel]] = {}
    for number, rule in enumerate(rules):
        m, u = _observed(estimate.m[number]), _observed(estimate.u[number])
        weights = estimate.interactions.get(number)
        comparisons[rule.name] = {
            level.name: LevelModel(m=_rounded(m[at]), u=_rounded(u[at]))
            if weights is None
            else LevelModel(weight=round(float(weights[at]), 3))
            for at, level in enumerate(rule.levels)
            if level.evidence
        }
    return Model(
        version=1,
        trained_on=name,
        matches_per_record=_rounded(2 * estimate.matches / size),
        comparisons=comparisons,
    ).sealed()


def _rounded(value: float) -> float:
    """Four significant digits: what the counts can support and a person can read."""
    return float(f"{value:.4g}")
