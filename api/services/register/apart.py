"""Decisions that keep records of a child apart from those of others: by them a split is undone."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Decision, Membership
from api.db.tables import in_utc
from api.services.access.policy import View
from api.services.register.acts import keys_of
from api.services.register.decisions import NON_MATCH, decisions_in_force
from api.services.register.history import Member, members_of
from api.services.register.lookalikes import lookalikes
from api.services.register.severances import severed_between
from api.services.register.viewing import seen_members


@dataclass(frozen=True, slots=True)
class KeptApart:
    """A non-match in force on a record of a child, ``own``, and one of the child ``child``.

    ``change`` is that of all decisions that were entered with it and end with it, if any were.
    """

    id: int
    own: Member
    other: Member
    child: str
    by: str
    at: datetime
    why: str
    values_changed: bool
    change: int | None


def kept_apart(
    connection: Connection,
    view: View,
    child_id: str,
    *,
    record: int | None = None,
    limit: int = 100,
) -> list[KeptApart]:
    """Those of whose two records both may be seen, the last first, so many at most.

    ``record`` (record.id) leaves only those on this one of the child's. Nothing of severed
    children.
    """
    untold = lookalikes(connection, view).records
    members, _ = members_of(connection, child_id)
    if record is not None:
        members = [one for one in members if one.record == record]
    mine = {one.record: one for one in seen_members(view, members, untold)}
    numbers = np.array(sorted(mine), dtype=np.int64)
    said = decisions_in_force(connection, numbers)
    own, other = said["l"].isin(numbers), said["r"].isin(numbers)
    said = said[(said["kind"] == NON_MATCH) & (own != other)]
    l, r = said["l"].to_numpy(np.int64), said["r"].to_numpy(np.int64)
    said = said[~severed_between(connection, l, r)]
    ends = np.union1d(said["l"].to_numpy(np.int64), said["r"].to_numpy(np.int64))
    of = dict(
        iter(
            connection.execute(
                select(Membership.record, Membership.child).where(
                    among(Membership.record, ends), Membership.to_run.is_(None)
                )
            )
        )
    )
    keys = keys_of(connection, sorted(set(of) - set(mine)))
    named = [Member(source, record_id, number) for number, (source, record_id) in keys.items()]
    others = {one.record: one for one in seen_members(view, named, untold)}
    rows = connection.execute(
        select(Decision.__table__)
        .where(among(Decision.id, said["id"].to_numpy(np.int64)))
        .order_by(Decision.id.desc())
    )
    found = []
    for row in rows:
        first = row.record_l in mine
        one, two = (row.record_l, row.record_r) if first else (row.record_r, row.record_l)
        if two in others and of[two] != child_id:
            found.append(
                KeptApart(
                    row.id,
                    mine[one],
                    others[two],
                    of[two],
                    row.by,
                    in_utc(row.at),
                    row.why,
                    row.stale_run is not None,
                    row.change,
                )
            )
    return found[:limit]
