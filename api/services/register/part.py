"""Linking the part of the register that a change can reach.

First the counts are brought up to date. Records are *touched* that changed, that show a
key whose block became too large or no longer is, or a name that is now commoner or rarer
by half a bit; their pairs are found and weighed again. Then clusters are made again of
all that the touched records, or a moved prior or coverage, can reach.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, delete, select, tuple_

from api.db.bulk import insert, temporary_table
from api.db.models import BlockingKey, EvidenceCount
from api.services.extracts.current import current_records, records_around
from api.services.register.children import update_children
from api.services.register.closure import closure, fellows, joined_otherwise
from api.services.register.columns import Numbers, among, columns
from api.services.register.conflicts import update_conflicts
from api.services.register.counts import (
    TOTALS,
    Moved,
    adjust,
    adjust_claims,
    blocking_counts,
)
from api.services.register.decisions import as_positions
from api.services.register.linker import Linker, LinkOutcome
from api.services.register.pairs import (
    KeptPairs,
    forget_pairs,
    keep_pairs,
    move_prior,
    open_pairs_of,
    pairs_within,
    update_findings,
    weighed_pairs,
)
from api.services.register.state import BETWEEN, Given
from matcher.classify import evidence_bin
from matcher.company import coverage_bits
from matcher.keys import BIRTH_YEAR, ShownKeys, kept_keys, moved_blocks, searches, sized_keys
from matcher.pipeline import MARGIN_BELOW, Linked, Prepared, Scored, Sources, decide, weigh
from matcher.population import COHORT, HELD, Claims, Hashes, Population, coarse
from matcher.scoring import ScoredPairs
from matcher.table import Table

_CHUNK = 500_000
_NONE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Side:
    """Some records of children as they are at one time, coded; ``record`` is record.id."""

    record: Numbers
    table: Table
    source: Sources
    sources: list[str]

    @classmethod
    def of(cls, prepared: Prepared) -> "Side":
        """Records that were prepared."""
        return cls(_ids(prepared), prepared.table, prepared.source, prepared.sources)

    def take(self, at: npt.NDArray[np.intp]) -> "Side":
        """Some of the records."""
        return Side(self.record[at], self.table.take(at), self.source[at], self.sources)


NOBODY = Side(_NONE, Table({}, 0), np.empty(0, dtype=np.int32), [])


@dataclass(frozen=True)
class Part:
    """What moved: records to be compared again, and those whose company says something else.

    ``touched`` are current; ``gone`` were children's records until now; ``seeds`` are the
    records of pairs for which company counts. ``new`` are the changed records as they are.
    """

    touched: Numbers
    gone: Numbers
    seeds: Numbers
    held: dict[str, int]
    new: Side


def find_moved(linker: Linker, before: Given, changed: Numbers) -> Part | None:
    """Bring keys and counts up to date, and find what depends on what moved.

    Nothing if so much moved that everything must be linked: a total, or the floor.
    """
    connection = linker.connection
    old, new = _around(linker, changed)
    coverage = _coverage(linker)
    keys = _update_keys(linker, old, new)
    moved = adjust_claims(connection, linker.kinds, *(_claims(linker, side) for side in (old, new)))
    linker.forget_counts()
    held = _held(before.held, old, new)
    if _coarsely(moved[TOTALS]).any() or linker.floor(Population(held, {}, {})) != before.floor:
        return None
    rarer = [_keys_of_term(linker, term, moved[term]) for term in linker.terms]
    touched = np.union1d(new.record, _showing(connection, np.concatenate([keys, *rarer])))
    years = _years_moved(coverage, _coverage(linker))
    born = kept_keys(linker.lists.index(BIRTH_YEAR), years)
    seeds = open_pairs_of(connection, born) if len(born) else _NONE
    return Part(touched, np.setdiff1d(changed, new.record), seeds, held, new)


def _around(linker: Linker, changed: Numbers) -> tuple[Side, Side]:
    """Changed records of children as they were until now, and as they are."""
    prepared = linker.prepared(records_around(linker.connection, changed, linker.run))
    if prepared is None:
        return NOBODY, NOBODY
    ended = (prepared.records["ended"] == 1).to_numpy()
    side = Side.of(prepared)
    return side.take(np.flatnonzero(ended)), side.take(np.flatnonzero(~ended))


def _claims(linker: Linker, side: Side) -> list[Claims]:
    """What these records claim."""
    if not len(side.record):
        return []
    return linker.claims(side.table, side.source, side.sources)


def _ids(prepared: Prepared) -> Numbers:
    return prepared.records["id"].to_numpy(np.int64)


def _update_keys(linker: Linker, old: Side, new: Side) -> Numbers:
    """Write the keys that records show now; the keys of blocks whose pairs are others now."""
    connection = linker.connection
    shown = [ShownKeys(side.table, linker.lists) for side in (old, new) if len(side.record)]
    wanted = [sized_keys(linker.matching, own) for own in shown]
    sized = np.unique(np.concatenate([_NONE, *wanted]))
    before = blocking_counts(connection, sized)
    if len(old.record):
        _forget_keys(connection, *_shown(old, shown[0]))
    if len(new.record):
        key, record = _shown(new, shown[-1])
        insert(connection, BlockingKey, {"key": key, "record": record})
    after = blocking_counts(connection, sized)
    moved = [moved_blocks(linker.matching, own, before, after) for own in shown]
    return np.unique(np.concatenate([_NONE, *moved]))


def _shown(side: Side, shown: ShownKeys) -> tuple[Numbers, Numbers]:
    """Every key with the record that shows it."""
    key, at = shown.all()
    return key, side.record[at]


def _forget_keys(connection: Connection, key: Numbers, record: Numbers) -> None:
    rows = temporary_table(connection, "keys", {"key": key, "record": record}, ("key", "record"))
    mine = tuple_(BlockingKey.key, BlockingKey.record)
    connection.execute(delete(BlockingKey).where(mine.in_(select(rows.c.key, rows.c.record))))


def _held(before: Mapping[str, int], old: Side, new: Side) -> dict[str, int]:
    held = dict(before)
    for sign, side in ((-1, old), (1, new)):
        counts = np.bincount(side.source, minlength=len(side.sources)).tolist()
        for name, records in zip(side.sources, counts, strict=True):
            held[name] = held.get(name, 0) + sign * records
    return {name: records for name, records in held.items() if records > 0}


def _coarsely(moved: Moved) -> npt.NDArray[np.bool_]:
    """Which counts moved so far that weights do."""
    return np.asarray(coarse(moved.before) != coarse(moved.after))


def _keys_of_term(linker: Linker, term: str, moved: Moved) -> Numbers:
    """Keys that show the values which are commoner or rarer now."""
    values = moved.keys[_coarsely(moved)].view(np.uint64)
    return kept_keys(linker.lists.index((term,)), values)


def _showing(connection: Connection, keys: Numbers) -> Numbers:
    """Records that show one of the keys."""
    shown = among(connection, BlockingKey.key, np.unique(keys))
    return np.unique(columns(connection, select(BlockingKey.record).where(shown))[0])


def _coverage(linker: Linker) -> pd.DataFrame:
    """Bits that each source's coverage is worth, by hash of the year."""
    tallies = {kind: linker.counted(kind) for kind in (COHORT, HELD)}
    names = sorted(linker.numbers)
    year = tallies[COHORT].of
    share = Population({}, tallies, {}).coverage(year, names)
    return pd.DataFrame(coverage_bits(share), index=year, columns=names)


def _years_moved(before: pd.DataFrame, after: pd.DataFrame) -> Hashes:
    """Hashes of the years for which some source's coverage is worth more or less now."""
    years = before.index.union(after.index)
    was, now = (side.reindex(years, fill_value=0.0) for side in (before, after))
    return years.to_numpy(dtype=np.uint64)[(was != now).any(axis=1).to_numpy()]


@dataclass(frozen=True)
class _Found:
    """Pairs of touched records, weighed, with the records in them.

    ``group`` is as it is kept; ``candidates`` counts the pairs that were compared.
    """

    prepared: Prepared
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
        _ids(found.prepared),
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
    shown = ShownKeys(touched.table, linker.lists)
    sized = blocking_counts(connection, sized_keys(linker.matching, shown))
    rows, keys = searches(linker.matching, shown, sized)
    one, other = _partners(connection, touched.record[rows], keys)
    everyone = np.union1d(part.touched, other)
    prepared = linker.prepared(current_records(connection, everyone))
    if prepared is None:
        return None
    return _score(linker, part, prepared, one, other)


def _side_of(linker: Linker, part: Part) -> Side:
    """The touched records, which mostly are those that changed."""
    if len(part.touched) == len(part.new.record):
        return part.new
    prepared = linker.prepared(current_records(linker.connection, part.touched))
    return NOBODY if prepared is None else Side.of(prepared)


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


def _score(linker: Linker, part: Part, prepared: Prepared, one: Numbers, other: Numbers) -> _Found:
    place = pd.Index(_ids(prepared))
    a, b = place.get_indexer(pd.Index(one)), place.get_indexer(pd.Index(other))
    size = len(place)
    number = np.unique(np.minimum(a, b) * size + np.maximum(a, b))
    l, r = (number // size).astype(np.int32), (number % size).astype(np.int32)
    source, single = prepared.source, prepared.single
    allowed = (l != r) & ((source[l] != source[r]) | ~single[source[l]])
    l, r = l[allowed], r[allowed]
    population = linker.population(prepared, part.held)
    scorer = weigh(prepared, linker.matching, linker.model, population)
    floor = linker.floor(population)
    chunks = [(l[at : at + _CHUNK], r[at : at + _CHUNK]) for at in range(0, len(l), _CHUNK)]
    pairs = scorer.score_all(prepared.table, chunks, floor, threads=1)
    group = linker.groups(prepared)[prepared.group(pairs.l, pairs.r)]
    return _Found(prepared, pairs, group, len(l))


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
    record = _NONE if linked is None else _ids(linked.prepared)
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
        prepared = linker.prepared(current_records(connection, records))
        if prepared is None:
            return None
        record = _ids(prepared)
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
    scored = Scored(prepared, here, len(pairs), (), pairs, prior, scorer)
    decisions = as_positions(linker.connection, _ids(prepared))
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
