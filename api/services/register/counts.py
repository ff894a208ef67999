"""Counts that are kept: of records by key, children by name and year, pairs by evidence."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Text, cast, delete, func, select

from api.db.among import among
from api.db.bulk import insert
from api.db.engine import is_sqlite
from api.db.models import BlockingKey, Claim, ClaimCount, EvidenceCount
from api.services.register.columns import Numbers, columns
from matcher.classify import EvidenceCounts
from matcher.keys import Count
from matcher.population import Claims, Tally, joined

# The kind under which the totals of all kinds are kept.
TOTAL = 0
# The name under which `adjust_claims` tells how those moved.
TOTALS = ""


def blocking_counts(connection: Connection, keys: Numbers) -> Count:
    """How many records show each of some keys, as of now."""
    query = (
        select(BlockingKey.key, func.count())
        .where(among(BlockingKey.key, keys))
        .group_by(BlockingKey.key)
    )
    return looked_up(*columns(connection, query))


def looked_up(keys: Numbers, values: Numbers) -> Count:
    """A function from keys to their values; 0 for a key that is not there."""
    order = np.argsort(keys)
    keys, values = keys[order], values[order]

    def count(wanted: Numbers) -> Numbers:
        if not len(keys):
            return np.zeros(len(wanted), dtype=np.int64)
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[at] == wanted, values[at], 0)

    return count


@dataclass(frozen=True)
class Moved:
    """Counts before and after, of those keys that were adjusted."""

    keys: Numbers
    before: Numbers
    after: Numbers


def adjust(connection: Connection, table: Any, kind: int, keys: Numbers, by: Numbers) -> Moved:
    """Add to the counts of one kind; a count of nothing is not kept.

    ``table`` has three columns: a kind, a key, a count.
    """
    key_of, net = _summed(keys, by)
    key_of, net = key_of[net != 0], net[net != 0]
    if not len(key_of):
        return Moved(key_of, net, net)
    kinds, key, value = table.__table__.columns
    mine = (kinds == kind) & among(key, key_of)
    before = looked_up(*columns(connection, select(key, value).where(mine)))(key_of)
    after = before + net
    connection.execute(delete(table).where(mine))
    kept = after > 0
    rows = {kinds.name: kind, key.name: key_of[kept], value.name: after[kept]}
    insert(connection, table, rows)
    return Moved(key_of, before, after)


def _summed(keys: Numbers, by: Numbers) -> tuple[Numbers, Numbers]:
    distinct, inverse = np.unique(keys, return_inverse=True)
    return distinct, np.bincount(inverse, by, len(distinct)).astype(np.int64)


def adjust_claims(
    connection: Connection, kinds: Sequence[str], old: Sequence[Claims], new: Sequence[Claims]
) -> dict[str, Moved]:
    """Take back the claims of old versions and add those of new ones: children by group.

    ``kinds`` numbers all kinds of claims. What moved is by kind; those of all
    kinds together are under `TOTALS`.
    """
    moved: dict[str, Moved] = {}
    totals = np.zeros(len(kinds), dtype=np.int64)
    for number, kind in enumerate(kinds, start=1):
        of, what, by = _signed(kind, old, new)
        claims = adjust(connection, Claim, number, what, by)
        gained = (claims.after > 0).astype(np.int64) - (claims.before > 0)
        group = of[pd.Index(what).get_indexer(pd.Index(claims.keys))] if len(what) else what
        moved[kind] = adjust(connection, ClaimCount, number, group, gained)
        totals[number - 1] = gained.sum()
    numbers = np.arange(1, len(kinds) + 1, dtype=np.int64)
    moved[TOTALS] = adjust(connection, ClaimCount, TOTAL, numbers, totals)
    return moved


def _signed(
    kind: str, old: Sequence[Claims], new: Sequence[Claims]
) -> tuple[Numbers, Numbers, Numbers]:
    """Groups, claims, and 1 or -1 for each claim of one kind; each claim once."""
    groups: list[Numbers] = [np.empty(0, dtype=np.int64)]
    claims, signs = list(groups), list(groups)
    for sign, side in ((-1, old), (1, new)):
        for own in side:
            if own.kind == kind:
                group, said = own.of[own.present], own.what[own.present]
                groups.append(group.view(np.int64))
                claims.append(joined([group, said]).view(np.int64))
                signs.append(np.full(len(group), sign, dtype=np.int64))
    what, by = np.concatenate(claims), np.concatenate(signs)
    distinct, first, inverse = np.unique(what, return_index=True, return_inverse=True)
    of = np.concatenate(groups)[first]
    return of, distinct, np.bincount(inverse, by, len(distinct)).astype(np.int64)


def tallies(
    connection: Connection, kinds: Sequence[int], groups: Numbers | None = None
) -> dict[int, Tally]:
    """Children by group of some kinds, of all groups or some."""
    query = select(ClaimCount.kind, ClaimCount.of, ClaimCount.children).where(
        among(ClaimCount.kind, np.array(kinds, dtype=np.int64))
    )
    if groups is not None:
        query = query.where(among(ClaimCount.of, groups))
    kind, of, children = columns(connection, query)
    hashes = of.view(np.uint64)
    order = np.argsort(hashes)
    kind, hashes, children = kind[order], hashes[order], children[order]
    return {one: Tally(hashes[kind == one], children[kind == one]) for one in kinds}


def evidence_counts(connection: Connection, position: Mapping[int, int]) -> EvidenceCounts:
    """Pairs by group and evidence; ``position`` gives the place of each kept group."""
    # A row for each group, since some thousand rows would take longer than all that is
    # done with them.
    listed = func.json_group_array if is_sqlite(connection) else func.json_agg
    query = select(
        EvidenceCount.group,
        cast(listed(EvidenceCount.bin), Text),
        cast(listed(EvidenceCount.pairs), Text),
    ).group_by(EvidenceCount.group)
    none = np.empty(0, dtype=np.int64)
    parts = [(none, none, none)]
    for group, *texts in connection.execute(query):
        bins, pairs = (np.array(json.loads(text), dtype=np.int64) for text in texts)
        parts.append((np.full(len(bins), position[group], dtype=np.int64), bins, pairs))
    place, bins, pairs = (np.concatenate(own) for own in zip(*parts, strict=True))
    order = np.lexsort((bins, place))
    return EvidenceCounts(place[order], bins[order], pairs[order])
