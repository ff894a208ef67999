"""Linking the part of the register that a change can reach.

The pairs of all that is touched (see `moved`) are found and weighed again. Then clusters are
made again of all that the touched records, or a moved prior or coverage, can reach.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import BlockingKey, EvidenceCount
from api.services.register.children import update_children
from api.services.register.closure import Bounds, fellows, reach
from api.services.register.columns import Numbers, columns
from api.services.register.conflicts import update_conflicts
from api.services.register.counts import adjust, blocking_counts
from api.services.register.linker import Linker, LinkOutcome
from api.services.register.moved import Part
from api.services.register.pairs import (
    NO_PAIRS,
    Changed,
    Weighed,
    changed_findings,
    forget_pairs,
    forget_these,
    keep_pairs,
    move_prior,
    pairs_within,
    weighed_pairs,
)
from api.services.register.planning import Clustered
from api.services.register.settled import unsettled
from api.services.register.sides import Side, ids_of, prepared_of, side_of
from api.services.register.state import BETWEEN, Given
from matcher.classify import evidence_bin
from matcher.deciding import MARGIN_BELOW, Linked, Scored, decide
from matcher.keys import KeyIndex, proposed_within, searches
from matcher.pipeline import weigh
from matcher.population import Population
from matcher.prepared import Prepared
from matcher.scoring import ScoredPairs
from matcher.table import Mask

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

    def weighed(self, bounds: Bounds) -> Weighed:
        """By record.id, without company."""
        pairs, evidence = self.pairs, self.pairs.evidence
        l, r, apart = self.record[pairs.l], self.record[pairs.r], pairs.apart.astype(np.int64)
        weight = evidence + bounds.prior(self.group)
        return Weighed(l, r, self.group, evidence, apart, weight)


@dataclass(frozen=True)
class Rescored:
    """What came of weighing pairs again.

    ``reached`` are the touched records, those whose pair with one is possible or was, and those
    named of whom something may follow;
    ``given`` is what follows for all pairs; ``candidates`` counts the pairs that were compared.
    """

    reached: Numbers
    given: Given
    candidates: int


def rescore(linker: Linker, before: Given, part: Part) -> Rescored:
    """Find and weigh the pairs of touched records again."""
    connection, lower = linker.connection, linker.matching.thresholds.lower
    away = np.union1d(part.touched, part.gone)
    kept = pairs_within(connection, part.named)
    named, old = kept.weighed, weighed_pairs(connection, away)
    forget_pairs(connection, away)
    forget_these(connection, named)
    ends = old.ends(linker.bounds(before.priors).possible(old))
    found = _pairs_of_touched(linker, part)
    _count_evidence(connection, [old, named], found)
    given = Given(part.held, before.floor, linker.priors(Population(part.held, {}, {})))
    bounds, now = linker.bounds(given.priors), NO_PAIRS
    if found is not None:
        now = found.weighed(bounds)
        last = kept.findings_of(now)
        keep_pairs(connection, linker.matching, found.pairs, found.record, found.group, last)
        inside = np.isin(now.l, part.named) & np.isin(now.r, part.named)
        ends += now.ends(~inside & (now.weight >= lower))
        now = now.take(inside)
    named_too = unsettled(connection, part.named, named, now, bounds)
    reached = np.setdiff1d(np.concatenate([part.touched, named_too, *ends]), part.gone)
    return Rescored(reached, given, 0 if found is None else found.candidates)


def _count_evidence(connection: Connection, old: list[Weighed], found: _Found | None) -> None:
    """Count pairs that are no more out, and those that are found in."""
    by = [(one.group, evidence_bin(one.evidence), -1) for one in old]
    if found is not None:
        by.append((found.group, evidence_bin(found.pairs.evidence), 1))
    group, bins = (np.concatenate([each[at] for each in by]) for at in (0, 1))
    sign = np.repeat([each[2] for each in by], [len(each[0]) for each in by])
    for one in np.unique(group).tolist():
        own = group == one
        adjust(connection, EvidenceCount, one, bins[own], sign[own])


def _pairs_of_touched(linker: Linker, part: Part) -> _Found | None:
    """Pairs that a rule proposes for a touched record, or for two of those named.

    Nothing if there is no such record.
    """
    touched = _side_of(linker, part.touched, part)
    named = _side_of(linker, part.named, part)
    one, other = _proposed(linker, touched, part)
    mine, theirs = _proposed_within(linker, named)
    one, other = np.append(one, mine), np.append(other, theirs)
    if not len(one):
        return None
    everyone = side_of(linker, np.unique(np.append(one, other)))
    return _score(linker, part, everyone, one, other)


def _side_of(linker: Linker, records: Numbers, part: Part) -> Side:
    """Some records, which mostly are those that changed."""
    return part.new if np.array_equal(records, part.new.record) else side_of(linker, records)


def _proposed(linker: Linker, side: Side, part: Part) -> tuple[Numbers, Numbers]:
    """Each record of a side with every record that a rule proposes for it, as record.id."""
    if not len(side.record):
        return _NONE, _NONE
    connection, matching = linker.connection, linker.matching
    rows, keys = searches(matching, side.shown, part.shown(linker, side))
    query = select(BlockingKey.key, BlockingKey.record).where(
        among(BlockingKey.key, np.unique(keys))
    )
    return KeyIndex(*columns(connection, query)).met(side.record[rows], keys)


def _proposed_within(linker: Linker, side: Side) -> tuple[Numbers, Numbers]:
    """Each record of a side with every other of it that a rule proposes for it, as record.id."""
    if not len(side.record):
        return _NONE, _NONE
    one, other = proposed_within(
        linker.matching, side.shown, lambda keys: blocking_counts(linker.connection, keys)
    )
    return side.record[one], side.record[other]


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


@dataclass(frozen=True)
class _Decided:
    """What linking some records says; ``core`` are those of which all that it says holds."""

    record: Numbers
    linked: Linked
    core: Mask
    changed: Changed

    @property
    def whole(self) -> Numbers:
        """The core, as record.id."""
        return self.record[self.core]

    @property
    def ends(self) -> Numbers:
        """Records that join or leave somebody, or that no longer wait to, or begin to."""
        moved = self.changed.moved
        return np.union1d(self.changed.l[moved], self.changed.r[moved])

    @property
    def astray(self) -> Numbers:
        """Records of clusters that are only in part of the core."""
        label = self.linked.clusters.label
        both = np.intersect1d(label[self.core], label[~self.core])
        return self.record[np.isin(label, both)]

    def without(self, records: Numbers) -> "_Decided":
        """The same, but for some records of the core and their pairs."""
        core = self.core & ~np.isin(self.record, records)
        return replace(self, core=core, changed=self.changed.without(records))


def decide_part(
    linker: Linker, before: Given, part: Part, rescored: Rescored, recheck: Numbers
) -> LinkOutcome:
    """Make clusters again of all that these records, or a moved prior, can reach."""
    connection, run, gone, given = linker.connection, linker.run, part.gone, rescored.given
    seeds = [
        rescored.reached,
        recheck,
        part.seeds,
        _moved_priors(linker, before, given),
        fellows(connection, gone),
    ]
    decided = _decide(linker, given, np.setdiff1d(np.concatenate(seeds), gone))
    if not decided:
        update_conflicts(connection, run, None, gone, core=np.empty(0, dtype=bool))
        children = update_children(linker.rules, connection, run, None, gone)
        return LinkOutcome(False, _NONE, rescored.candidates, children, given)
    for one in decided:
        one.changed.write(connection)
        update_conflicts(connection, run, one.linked, gone, core=one.core)
    clustered = _together(decided)
    children = update_children(linker.rules, connection, run, clustered, gone)
    return LinkOutcome(False, clustered.record, rescored.candidates, children, given)


def cluster_around(linker: Linker, given: Given, seeds: Numbers) -> Clustered | None:
    """Clusters of all that the seeds can reach, as linking would make them; nothing is written."""
    decided = _decide(linker, given, seeds)
    return _together(decided) if decided else None


def _decide(linker: Linker, given: Given, seeds: Numbers) -> list[_Decided]:
    """Pairs and clusters of all that the seeds can reach; nothing if that is nobody.

    Who joins or leaves somebody beside the reached, or no longer waits to, reaches it as well.
    Those few, with all who are bound to them, are linked again by themselves, as long as they
    are among the records that were read at first.
    """
    bounds = linker.bounds(given.priors)
    while len(seeds):
        first = _decided(linker, given, bounds, seeds)
        if first is None:
            break
        found = [first]
        while True:
            core = np.concatenate([one.whole for one in found])
            seeds = np.union1d(np.setdiff1d(found[-1].ends, core), found[-1].astray)
            if not len(seeds):
                return found
            beside = _decided(linker, given, bounds, seeds)
            if beside is None or not np.isin(beside.whole, first.record).all():
                seeds = np.union1d(core, seeds)
                break
            found = [*(one.without(beside.whole) for one in found), beside]
    return []


def _decided(linker: Linker, given: Given, bounds: Bounds, seeds: Numbers) -> _Decided | None:
    reached = reach(linker.connection, seeds, bounds)
    prepared = prepared_of(linker, reached.records)
    if prepared is None:
        return None
    record = ids_of(prepared)
    kept = reached.pairs.take(np.isin(reached.pairs.l, record) & np.isin(reached.pairs.r, record))
    pairs = kept.scored(linker.matching, record)
    linked = _linked(linker, given, prepared, pairs, np.isin(record, reached.complete))
    changed = changed_findings(kept, linked, record, reached.core)
    return _Decided(record, linked, np.isin(record, reached.core), changed)


def _together(decided: list[_Decided]) -> Clustered:
    """The clusters of all cores. The first has read the records of all."""
    first = decided[0]
    core, label = first.core.copy(), first.linked.clusters.label.copy()
    place = pd.Index(first.record)
    for one in decided[1:]:
        at = place.get_indexer(pd.Index(one.whole))
        label[at] = label.max() + 1 + one.linked.clusters.label[one.core]
        core[at] = True
    prepared = first.linked.prepared
    return Clustered(prepared if core.all() else prepared.take(np.flatnonzero(core)), label[core])


def _linked(
    linker: Linker, given: Given, prepared: Prepared, pairs: ScoredPairs, complete: Mask
) -> Linked:
    by_group = np.array([*(given.priors[name] for name in prepared.sources), given.priors[BETWEEN]])
    prior = by_group[prepared.group(pairs.l, pairs.r)]
    here = linker.population(prepared, dict(given.held))
    scorer = weigh(prepared, linker.matching, linker.model, here)
    scored = Scored(prepared, here, len(pairs), (), (), pairs, prior, scorer)
    decisions = linker.decisions(ids_of(prepared))
    thresholds, observer = linker.matching.thresholds, linker.observer
    return decide(scored, thresholds, decisions, complete=complete, observer=observer)


def _moved_priors(linker: Linker, before: Given, given: Given) -> Numbers:
    """Records in pairs whose prior is another than before, and that may count."""
    lowest = linker.matching.thresholds.lower - MARGIN_BELOW
    found = [
        move_prior(linker.connection, linker.group_of(name), before.priors[name], bits, lowest)
        for name, bits in given.priors.items()
        if before.priors.get(name, bits) != bits
    ]
    return np.unique(np.concatenate([_NONE, *found]))
