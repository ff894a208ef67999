"""Linking every record of the register."""

import numpy as np
import pandas as pd
from sqlalchemy import Connection, delete, select

from api.db.bulk import insert
from api.db.models import BlockingKey, Claim, ClaimCount, EvidenceCount, Membership, Pair
from api.services.extracts.current import current_records
from api.services.register.children import update_children
from api.services.register.columns import Numbers, columns
from api.services.register.conflicts import update_conflicts
from api.services.register.counts import TOTAL
from api.services.register.linker import Linker, LinkOutcome
from api.services.register.pairs import findings, in_parts, keep_pairs
from api.services.register.planning import Clustered
from api.services.register.state import BETWEEN, Given
from matcher.classify import EvidenceCounts
from matcher.deciding import Linked, Scored, decide
from matcher.keys import ShownKeys
from matcher.pipeline import score
from matcher.population import Population, joined
from matcher.prepared import Prepared
from matcher.scoring import ScoredPairs

# Keys are hashes in 64 bits, about as many in any part of these.
_HALF_OF_KEYS = 2**63
_RANGE_OF_KEYS = 2**62


def link_whole(linker: Linker) -> LinkOutcome:
    """Link all current records anew, whatever was kept before."""
    connection, observer = linker.connection, linker.observer
    for table in (BlockingKey, Claim, ClaimCount, EvidenceCount, Pair):
        connection.execute(delete(table))
    with observer.stage("read the register"):
        records = current_records(connection)
    found = compute_whole(linker, records)
    del records
    if found is None:
        gone = members(connection)
        update_conflicts(connection, linker.run, None, gone)
        children = update_children(linker.rules, connection, linker.run, None, gone)
        return LinkOutcome(True, gone[:0], 0, children, Given({}, 0.0, {BETWEEN: 0.0}))
    scored, linked = found
    record = linked.prepared.records["id"].to_numpy(np.int64)
    with observer.stage("keep keys, counts and pairs"):
        group = linker.groups(linked.prepared)[
            linked.prepared.group(linked.pairs.l, linked.pairs.r)
        ]
        _keep_keys(linker, linked.prepared, record)
        _keep_counts(linker, linked.prepared, linked.population)
        _keep_evidence(connection, linked.pairs, group)
        # As compared: whether a person keeps the two apart, or joins them, is kept elsewhere.
        keep_pairs(connection, linker.matching, scored.pairs, record, group, findings(linked))
    with observer.stage("children"):
        gone = np.setdiff1d(members(connection), record)
        update_conflicts(connection, linker.run, linked, gone)
        clustered = Clustered.of(linked)
        children = update_children(linker.rules, connection, linker.run, clustered, gone)
    population = linked.population
    given = Given(dict(population.held), linker.floor(population), linker.priors(population))
    return LinkOutcome(True, record, linked.candidates, children, given, linked.blocks)


def compute_whole(linker: Linker, records: pd.DataFrame) -> tuple[Scored, Linked] | None:
    """Records of the register weighed, and then clustered; nothing if no child is among them.

    Writes nothing, so that it can tell what a run would find.
    """
    if not (records["role"] == "child").any():
        return None
    scored = score(
        records, linker.rules, linker.model, single_sources=linker.single, observer=linker.observer
    )
    decisions = linker.decisions(scored.prepared.records["id"].to_numpy(np.int64))
    thresholds = linker.matching.thresholds
    return scored, decide(scored, thresholds, decisions, observer=linker.observer)


def members(connection: Connection) -> Numbers:
    """Every record that belongs to a child until now."""
    query = select(Membership.record).where(Membership.to_run.is_(None))
    return np.unique(columns(connection, query)[0])


def _keep_keys(linker: Linker, prepared: Prepared, record: Numbers) -> None:
    """In the order of the table, a range of keys at a time: all at once take most memory."""
    shown = ShownKeys(prepared.table, linker.lists)
    parts = [(keys, at.astype(np.int32)) for keys, at in map(shown.of_list, linker.lists)]
    for low in range(-_HALF_OF_KEYS, _HALF_OF_KEYS, _RANGE_OF_KEYS):
        inside = [(keys >= low) & (keys <= low + (_RANGE_OF_KEYS - 1)) for keys, _ in parts]
        pieces = list(zip(parts, inside, strict=True))
        key = np.concatenate([keys[some] for (keys, _), some in pieces])
        of = record[np.concatenate([at[some] for (_, at), some in pieces])]
        for some in in_parts(np.lexsort((of, key))):
            insert(linker.connection, BlockingKey, {"key": key[some], "record": of[some]})


def _keep_counts(linker: Linker, prepared: Prepared, population: Population) -> None:
    for claims in linker.claims(prepared):
        kind = linker.number_of(claims.kind)
        of, what = claims.of[claims.present], claims.what[claims.present]
        distinct, records = np.unique(joined([of, what]).view(np.int64), return_counts=True)
        insert(linker.connection, Claim, {"kind": kind, "what": distinct, "records": records})
        tally = population.tallies[claims.kind]
        _keep_tally(linker.connection, kind, tally.of.view(np.int64), tally.children)
    totals = np.array([population.totals[kind] for kind in linker.kinds], dtype=np.int64)
    _keep_tally(linker.connection, TOTAL, np.arange(1, len(totals) + 1), totals)


def _keep_tally(connection: Connection, kind: int, of: Numbers, children: Numbers) -> None:
    some = children > 0
    insert(connection, ClaimCount, {"kind": kind, "of": of[some], "children": children[some]})


def _keep_evidence(connection: Connection, pairs: ScoredPairs, group: Numbers) -> None:
    counts = EvidenceCounts.of(group, pairs.evidence)
    rows = {"group": counts.group, "bin": counts.bin, "pairs": counts.pairs}
    insert(connection, EvidenceCount, rows)
