"""Holds: while one is in force, nothing of its record or child is erased.

A hold on a child is one on every record that was ever of it, or of a child that its records
went to since. That one was put or lifted is never forgotten.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, insert, select
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Hold, Membership, Succession
from api.db.tables import in_utc
from api.services.access.audit import note_act
from api.services.register.acts import ActError, Key, require_reason
from api.services.register.columns import Numbers, columns
from api.services.register.history import find_child
from api.services.register.viewing import record_number


@dataclass(frozen=True, slots=True)
class HoldView:
    """A hold in force, on a record (by record.id) or a child."""

    id: int
    record: int | None
    child_id: str | None
    why: str
    by: str
    at: datetime


def put_hold(connection: Connection, *, on: Key | str, why: str, by: str, now: datetime) -> int:
    """Hold a record by its key, or a child by its id; the hold's number.

    Several may be on one, each for its own reason. Raises ActError.
    """
    require_reason(why)
    record = None if isinstance(on, str) else record_number(connection, *on)
    child = on if isinstance(on, str) else None
    if child is not None and find_child(connection, child) is None:
        raise ActError("there is no child with this id")
    if child is None and record is None:
        raise ActError("the register has no record with this id; check the source too")
    same = [
        one.id
        for one in holds_in_force(connection)
        if (one.record, one.child_id, one.why) == (record, child, why)
    ]
    if same:
        raise ActError(f"hold {same[0]} is in force already, for the same reason")
    row = {"record": record, "child": child, "why": why, "by": by, "at": now}
    number: int = connection.execute(insert(Hold).values(row).returning(Hold.id)).scalar_one()
    _note(connection, "held", number, record, child, by=by, now=now)
    return number


def lift_hold(connection: Connection, hold: int, *, why: str, by: str, now: datetime) -> None:
    """End a hold. Raises ActError."""
    require_reason(why)
    found = [one for one in holds_in_force(connection) if one.id == hold]
    if not found:
        raise ActError(f"no hold {hold} is in force")
    row = {"lifts": hold, "why": why, "by": by, "at": now}
    connection.execute(insert(Hold).values(row))
    _note(connection, "hold_lifted", hold, found[0].record, found[0].child_id, by=by, now=now)


def holds_in_force(connection: Connection) -> list[HoldView]:
    """Those that were put and not lifted, the latest first."""
    lift = aliased(Hold)
    lifted = select(lift.id).where(lift.lifts == Hold.id).exists()
    rows = connection.execute(
        select(Hold.id, Hold.record, Hold.child, Hold.why, Hold.by, Hold.at)
        .where(Hold.lifts.is_(None), ~lifted)
        .order_by(Hold.id.desc())
    )
    return [HoldView(*row[:5], in_utc(row.at)) for row in rows]


def held_records(connection: Connection) -> Numbers:
    """record.id of every record that a hold is on."""
    holds = holds_in_force(connection)
    own = np.array([one.record for one in holds if one.record is not None], dtype=np.int64)
    children = came_of(connection, [one.child_id for one in holds if one.child_id is not None])
    query = select(Membership.record).where(among(Membership.child, children))
    return np.union1d(own, columns(connection, query)[0])


def came_of(connection: Connection, children: Collection[str]) -> list[str]:
    """These children, and all that their records went to by merges and splits, at any time."""
    found, new = set(children), set(children)
    while new:
        query = select(Succession.successor).where(among(Succession.child, sorted(new)))
        new = set(connection.scalars(query)) - found
        found |= new
    return sorted(found)


def _note(
    connection: Connection,
    action: str,
    hold: int,
    record: int | None,
    child: str | None,
    *,
    by: str,
    now: datetime,
) -> None:
    about = f"record {record}" if child is None else f"child {child}"
    note_act(connection, action, about, by=by, now=now, detail={"hold": hold})
