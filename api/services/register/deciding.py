"""A person decides on a pair of records, or takes a decision back; entered, never changed.

Both take effect with the next run. Of several decisions on one pair the last counts that was
not taken back.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert, select

from api.db.models import Decision
from api.services.register.acts import (
    ActError,
    Key,
    UnknownError,
    audit,
    find_record,
    passes,
    require_reason,
)
from api.services.register.decisions import CANNOT_TELL, MATCH, NON_MATCH, UNDO, decisions_in_force
from api.services.register.severances import are_severed
from api.services.register.values import kept, values_now

KINDS = (MATCH, NON_MATCH, CANNOT_TELL)

# Kind, and the record.id of both sides.
Made = tuple[str, int, int]


def decide(
    connection: Connection, *, kind: str, one: Key, other: Key, why: str, by: str, now: datetime
) -> int:
    """Enter what a person says of two records, with what they say now; the decision's number.

    ``kind`` is match, non_match or cannot_tell. Raises ActError, see `check_can_decide`.
    """
    l, r = check_can_decide(connection, kind=kind, one=one, other=other, why=why)
    said = values_now(connection, (l, r))
    entry = {
        "kind": kind,
        "record_l": l,
        "record_r": r,
        "values_l": kept(said[l]),
        "values_r": kept(said[r]),
    }
    return _enter(connection, entry, f"decided_{kind}", why=why, by=by, now=now)


@dataclass(frozen=True, slots=True)
class Held:
    """The decision that holds on a pair; ``stale`` if the records say something else by now."""

    id: int
    kind: str
    by: str
    stale: bool


def held_decision(connection: Connection, *, one: Key, other: Key) -> Held | None:
    """What was decided last on two records and not taken back. Raises ActError."""
    ends = sorted((find_record(connection, one), find_record(connection, other)))
    found = decisions_in_force(connection, np.array(ends, dtype=np.int64))
    mine = found[(found["l"] == ends[0]) & (found["r"] == ends[1])]
    if mine.empty:
        return None
    number = int(mine["id"].iloc[0])
    row = connection.execute(
        select(Decision.kind, Decision.by, Decision.stale_run).where(Decision.id == number)
    ).one()
    return Held(number, row.kind, row.by, row.stale_run is not None)


def undo_decision(
    connection: Connection, decision: int, *, why: str, by: str, now: datetime
) -> int:
    """Take a decision back; the number of the entry that does. Raises ActError."""
    _, l, r = check_can_undo(connection, decision, why=why)
    nothing: dict[str, Any] = {}
    entry = {
        "kind": UNDO,
        "record_l": l,
        "record_r": r,
        "values_l": nothing,
        "values_r": nothing,
        "undoes": decision,
    }
    return _enter(connection, entry, "decision_undone", why=why, by=by, now=now)


def check_can_decide(
    connection: Connection, *, kind: str, one: Key, other: Key, why: str
) -> tuple[int, int]:
    """Two different records that are current and may be looked at together; their record.id.

    Raises ActError.
    """
    if kind not in KINDS:
        raise ActError(f"a decision is one of {', '.join(KINDS)}")
    require_reason(why)
    if one == other:
        raise ActError("a decision is about two records, and this is one")
    l, r = find_record(connection, one), find_record(connection, other)
    if are_severed(connection, l, r):
        # Nothing more is told, for whoever asks may not know that there is anything to tell.
        raise ActError("these two records may not be decided on; ask the register's guardian")
    return l, r


def can_decide(connection: Connection, *, kind: str, one: Key, other: Key, why: str) -> bool:
    """Whether this can be decided now."""
    return passes(check_can_decide, connection, kind=kind, one=one, other=other, why=why)


def check_can_undo(connection: Connection, decision: int, *, why: str) -> Made:
    """A decision that was not taken back yet. Raises UnknownError, ActError.

    One on a severed pair is told to nobody, so it is not there to be taken back either.
    """
    require_reason(why)
    made = connection.execute(
        select(Decision.kind, Decision.record_l, Decision.record_r).where(Decision.id == decision)
    ).one_or_none()
    if made is None or are_severed(connection, made.record_l, made.record_r):
        raise UnknownError(f"there is no decision {decision}")
    if made.kind == UNDO:
        raise ActError(f"entry {decision} takes a decision back; decide again instead")
    undone = select(Decision.id).where(Decision.undoes == decision).limit(1)
    if connection.scalar(undone) is not None:
        raise ActError(f"decision {decision} was taken back already")
    return made.kind, made.record_l, made.record_r


def can_undo(connection: Connection, decision: int, *, why: str) -> bool:
    """Whether the decision can be taken back now."""
    return passes(check_can_undo, connection, decision, why=why)


def _enter(
    connection: Connection, entry: dict[str, Any], action: str, *, why: str, by: str, now: datetime
) -> int:
    entered = entry | {"why": why, "by": by, "at": now}
    number: int = connection.execute(
        insert(Decision).values(entered).returning(Decision.id)
    ).scalar_one()
    audit(connection, action, f"decision {number}", by=by, now=now)
    return number
