"""Linking the part of the register that a change can reach.

The pairs of all that is touched (see `moved`) are found and weighed again. Then clusters are
made again of all that the touched records, or a moved prior or coverage, can reach.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from api.db.models import BlockingKey, EvidenceCount
from api.services.register.children import update_children
from api.services.register.closure import closure, fellows, joined_otherwise
from api.services.register.columns import Numbers, among, columns
from api.services.register.conflicts import update_conflicts
from api.services.register.counts import adjust, blocking_counts
from api.services.register.decisions import as_positions
from api.services.register.linker import Linker, LinkOutcome
from api.services.register.moved import Part
from api.services.register.pairs import (
    KeptPairs,
    forget_pairs,
    keep_pairs,
    move_prior,
    pairs_within,
    update_findings,
    weighed_pairs,
)
from api.services.register.sides import Side, ids_of, prepared_of, side_of
from api.services.register.state import BETWEEN, Given
from matcher.classify import evidence_bin
from matcher.deciding import MARGIN_BELOW, Linked, Scored, decide
from matcher.keys import searches, sized_keys
from matcher.pipeline import weigh
from matcher.population import Population
from matcher.prepared import Prepared
from matcher.scoring import ScoredPairs

_CHUNK = 500_000
_NONE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class _Found:
    """Pairs of touched records, weighed, as positions in ``record`` (record.id).

    ``group`` is as it is kept; ``candidates`` counts the pairs that were compared.
    """

    record: Numbers
    pairs: ScoredPairs
    group: Numbers
    candidates: int


@dataclass(frozen=True)
class Rescored:
    """What came of weighing pairs again.

    ``reached`` are the touched records and those that were bound to one of them until now;
    ``given`` is what follows for all pairs; ``candidates`` counts the pairs that were compared.
    """

    reached: Numbers
    given: Given
    candidates: int


def rescore(linker: Linker, before: Given, part: Part) -> Rescored:
    """Find and weigh the pairs of touched records again."""
    connection = linker.connection
    away = np.union1d(part.touched, part.gone)
    old = weighed_pairs(connection, away)
    forget_pairs(connection, away)
    # What waited until now has to be told of as waiting no more.
    waited = old.weight >= linker.matching.thresholds.lower
    bound = old.ends(linker.bounds(before.priors).binding(old) | waited)
    reached = np.setdiff1d(np.concatenate([part.touched, *bound]), part.gone)
    found = _pairs_of_touched(linker, part)
    by = [(old.group, evidence_bin(old.evidence), np.full(len(old.l), -1, dtype=np.int64))]
    if found is not None:
        bins = evidence_bin(found.pairs.evidence)
        by.append((found.group, bins, np.ones(len(bins), dtype=np.int64)))
    groups, bins, signs = (np.concatenate(parts) for parts in zip(*by, strict=True))
    for one in np.unique(groups).tolist():
        at = groups == one
        adjust(connection, EvidenceCount, one, bins[at], signs[at])
    given = Given(part.held, before.floor, linker.priors(Population(part.held, {}, {})))
    if found is None:
        return Rescored(reached, given, 0)
    pairs, prior = found.pairs, linker.bounds(given.priors).prior(found.group)
    keep_pairs(
        connection,
        linker.matching,
        pairs,
        found.record,
        found.group,
        {"weight": pairs.evidence + prior},
    )
    return Rescored(reached, given, found.candidates)


def _pairs_of_touched(linker: Linker, part: Part) -> _Found | None:
    """Pairs that a rule proposes for a touched record; nothing if there is no such record."""
    connection = linker.connection
    touched = _side_of(linker, part)
    if not len(touched.record):
        return None
    sized = part.shown_by
    if touched is not part.new:
        sized = blocking_counts(connection, sized_keys(linker.matching, touched.shown))
    rows, keys = searches(linker.matching, touched.shown, sized)
    one, other = _partners(connection, touched.record[rows], keys)
    everyone = side_of(linker, np.union1d(part.touched, other))
    return _score(linker, part, everyone, one, other) if len(everyone.record) else None


def _side_of(linker: Linker, part: Part) -> Side:
    """The touched records, which mostly are those that changed."""
    if len(part.touched) == len(part.new.record):
        return part.new
    return side_of(linker, part.touched)


def _partners(connection: Connection, records: Numbers, keys: Numbers) -> tuple[Numbers, Numbers]:
    """Each record with every record that shows the key it looks for."""
    query = select(BlockingKey.key, BlockingKey.record).where(
        among(connection, BlockingKey.key, np.unique(keys))
    )
    key, record = columns(connection, query)
    order = np.argsort(key, kind="stable")
    sorted_keys, sorted_records = key[order], record[order]
    start = np.searchsorted(sorted_keys, keys, side="left")
    size = np.searchsorted(sorted_keys, keys, side="right") - start
    offset = np.cumsum(size) - size
    at = np.repeat(start - offset, size) + np.arange(size.sum())
    return np.repeat(records, size), sorted_records[at]


def _score(linker: Linker, part: Part, side: Side, one: Numbers, other: Numbers) -> _Found:
    coded, place = side.coded, pd.Index(side.record)
    a, b = place.get_indexer(pd.Index(one)), place.get_indexer(pd.Index(other))
    size = len(place)
    number = np.unique(np.minimum(a, b) * size + np.maximum(a, b))
    l, r = (number // size).astype(np.int32), (number % size).astype(np.int32)
    source, single = coded.source, coded.single
    allowed = (l != r) & ((source[l] != source[r]) | ~single[source[l]])
    l, r = l[allowed], r[allowed]
    population = linker.population(coded, part.held)
    scorer = weigh(coded, linker.matching, linker.model, population)
    floor = linker.floor(population)
    chunks = [(l[at : at + _CHUNK], r[at : at + _CHUNK]) for at in range(0, len(l), _CHUNK)]
    pairs = scorer.score_all(coded.table, chunks, floor, threads=1)
    group = linker.groups(coded)[coded.group(pairs.l, pairs.r)]
    return _Found(side.record, pairs, group, len(l))


def decide_part(
    linker: Linker, before: Given, part: Part, rescored: Rescored, recheck: Numbers
) -> LinkOutcome:
    """Make clusters again of all that these records, or a moved prior, can reach."""
    connection, gone, given = linker.connection, part.gone, rescored.given
    seeds = [
        rescored.reached,
        recheck,
        _moved_priors(linker, before, given),
        fellows(connection, gone),
    ]
    found = _decide(linker, given, part, np.setdiff1d(np.concatenate(seeds), gone))
    kept, linked = found or (None, None)
    record = _NONE if linked is None else ids_of(linked.prepared)
    if linked is not None and kept is not None:
        update_findings(connection, kept, linked, record)
    update_conflicts(connection, linker.run, linked, gone, whole=False)
    children = update_children(linker.rules, connection, linker.run, linked, gone)
    return LinkOutcome(False, len(record), rescored.candidates, children, given)


def _decide(
    linker: Linker, given: Given, part: Part, seeds: Numbers
) -> tuple[KeptPairs, Linked] | None:
    """Pairs and clusters of all that is bound to the seeds, and of what is beside it."""
    connection, bounds = linker.connection, linker.bounds(given.priors)
    core = closure(connection, seeds, bounds)
    while True:
        beside = closure(connection, np.union1d(core.beside, part.seeds), bounds, core)
        records = np.setdiff1d(np.union1d(core.records, beside.records), part.gone)
        prepared = prepared_of(linker, records)
        if prepared is None:
            return None
        record = ids_of(prepared)
        kept = pairs_within(connection, record)
        linked = _linked(linker, given, prepared, kept.scored(linker.matching, record))
        more = joined_otherwise(connection, record, linked.clusters.label, core.records)
        if not len(more):
            return kept, linked
        core = core.with_more(closure(connection, more, bounds, core))


def _linked(linker: Linker, given: Given, prepared: Prepared, pairs: ScoredPairs) -> Linked:
    by_group = np.array([*(given.priors[name] for name in prepared.sources), given.priors[BETWEEN]])
    prior = by_group[prepared.group(pairs.l, pairs.r)]
    here = linker.population(prepared, dict(given.held))
    scorer = weigh(prepared, linker.matching, linker.model, here)
    scored = Scored(prepared, here, len(pairs), (), (), pairs, prior, scorer)
    decisions = as_positions(linker.connection, ids_of(prepared))
    return decide(scored, linker.matching.thresholds, decisions, observer=linker.observer)


def _moved_priors(linker: Linker, before: Given, given: Given) -> Numbers:
    """Records in pairs whose prior is another than before, and that may count."""
    lowest = linker.matching.thresholds.lower - MARGIN_BELOW
    found = [
        move_prior(linker.connection, linker.group_of(name), before.priors[name], bits, lowest)
        for name, bits in given.priors.items()
        if before.priors.get(name, bits) != bits
    ]
    return np.unique(np.concatenate([_NONE, *found]))
