"""What people entered of pairs: decisions, with what became of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Conflict, Decision, Membership
from api.db.tables import in_utc
from api.services.register.acts import Key, keys_of
from api.services.register.columns import Numbers
from api.services.register.decisions import MATCH, UNDO, decisions_in_force
from api.services.register.severances import severed_between

HOLDS, NOT_FOLLOWED, WAITS, OLD_VALUES, REPLACED, TAKEN_BACK = (
    "holds",
    "in conflict, not followed",
    "waits for a run",
    "holds, made on other values",
    "replaced by a later one",
    "taken back",
)


@dataclass(frozen=True, slots=True)
class EnteredDecision:
    """A decision with its ``standing``: one of the texts above."""

    id: int
    kind: str
    l: Key
    r: Key
    by: str
    at: datetime
    why: str
    standing: str


@dataclass(frozen=True, slots=True)
class ArisenConflict:
    """A conflict, named by two records. ``kind``: see `conflicts`."""

    kind: str
    l: Key
    r: Key


def entered_decisions(connection: Connection, *, limit: int) -> list[EnteredDecision]:
    """The latest decisions, newest first, without pairs that nobody may see together."""
    rows = connection.execute(
        select(Decision.__table__)
        .where(Decision.kind != UNDO)
        .order_by(Decision.id.desc())
        .limit(limit)
    ).all()
    l = np.array([row.record_l for row in rows], dtype=np.int64)
    r = np.array([row.record_r for row in rows], dtype=np.int64)
    severed = severed_between(connection, l, r)
    keys = keys_of(connection, np.union1d(l, r))
    standing = standings(connection, [row.id for row in rows])
    return [
        EnteredDecision(
            row.id,
            row.kind,
            keys[row.record_l],
            keys[row.record_r],
            row.by,
            in_utc(row.at),
            row.why,
            standing[row.id],
        )
        for row, hidden in zip(rows, severed.tolist(), strict=True)
        if not hidden
    ]


def standings(connection: Connection, decisions: Sequence[int]) -> dict[int, str]:
    """What became of these decisions, by their numbers: one of the texts above."""
    rows = connection.execute(
        select(Decision.__table__).where(among(Decision.id, np.array(decisions, dtype=np.int64)))
    ).all()
    ends = {record for row in rows for record in (row.record_l, row.record_r)}
    records = np.array(sorted(ends), dtype=np.int64)
    holding = set(decisions_in_force(connection, records)["id"].tolist())
    undone = set(
        connection.scalars(select(Decision.undoes).where(Decision.undoes.is_not(None))).all()
    )
    child = _children(connection, records)
    waiting = _waiting(connection, records)
    found = {}
    for row in rows:
        found[row.id] = REPLACED
        if row.id in undone:
            found[row.id] = TAKEN_BACK
        elif row.id in holding:
            if frozenset((row.record_l, row.record_r)) in waiting:
                found[row.id] = WAITS
                continue
            found[row.id] = OLD_VALUES if row.stale_run else HOLDS
            held = {child.get(row.record_l), child.get(row.record_r)} - {None}
            if row.kind == MATCH and len(held) == 2:
                found[row.id] = NOT_FOLLOWED
    return found


def _waiting(connection: Connection, records: Numbers) -> set[frozenset[int]]:
    """Pairs of which the next run will learn something: a decision, or that one is taken back."""
    query = select(Decision.record_l, Decision.record_r).where(
        Decision.run.is_(None), among(Decision.record_l, records), among(Decision.record_r, records)
    )
    return {frozenset(pair) for pair in connection.execute(query)}


def conflicts_since(connection: Connection, run: int) -> list[ArisenConflict]:
    """Open conflicts that runs from this one on were the first to see."""
    rows = connection.execute(
        select(Conflict.kind, Conflict.record_l, Conflict.record_r)
        .where(Conflict.to_run.is_(None), Conflict.from_run >= run)
        .order_by(Conflict.id)
    ).all()
    l = np.array([row.record_l for row in rows], dtype=np.int64)
    r = np.array([row.record_r for row in rows], dtype=np.int64)
    severed = severed_between(connection, l, r)
    keys = keys_of(connection, np.union1d(l, r))
    return [
        ArisenConflict(row.kind, keys[row.record_l], keys[row.record_r])
        for row, hidden in zip(rows, severed.tolist(), strict=True)
        if not hidden
    ]


def _children(connection: Connection, records: Numbers) -> dict[int, str]:
    query = select(Membership.record, Membership.child).where(
        Membership.to_run.is_(None), among(Membership.record, records)
    )
    return dict(iter(connection.execute(query)))
