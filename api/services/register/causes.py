"""Which decision brought a merge or a split of a child's history about, and where it is undone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Decision, Membership
from api.services.access.policy import View
from api.services.register.acts import keys_of
from api.services.register.changes import ChildChange, Place
from api.services.register.decisions import MATCH, NON_MATCH, decisions_in_force
from api.services.register.history import Member
from api.services.register.lookalikes import lookalikes
from api.services.register.severances import severed_between
from api.services.register.viewing import seen_members

_BY = {
    "child_merged": MATCH,
    "child_absorbed": MATCH,
    "child_split": NON_MATCH,
    "child_split_off": NON_MATCH,
    "child_emptied": NON_MATCH,
}


@dataclass(frozen=True, slots=True)
class Cause:
    """A decision in force, by whom, and the current child that holds one of its records."""

    decision: int
    by: str
    child: str


def causes(
    connection: Connection, view: View, child_id: str, changes: Iterable[ChildChange]
) -> dict[Place, Cause]:
    """By the place of a merge or split the first decision that its run followed, if one did.

    Only decisions in force both of whose records may be seen, on records that both sides of the
    change hold or held. Nothing of severed children.
    """
    asked = [one for one in changes if one.kind in _BY and one.children]
    if not asked:
        return {}
    named = sorted({child_id, *(child for one in asked for child in one.children)})
    query = select(Membership.record, Membership.child, Membership.to_run)
    rows = connection.execute(query.where(among(Membership.child, named))).all()
    records = np.unique(np.array([row.record for row in rows], dtype=np.int64))
    decisions = _decisions(connection, view, records, {one.run for one in asked})
    ever: dict[int, set[str]] = {}
    for row in rows:
        ever.setdefault(row.record, set()).add(row.child)
    now = _children_now(connection, decisions)
    found: dict[Place, Cause] = {}
    for one in asked:
        sides = {child_id, *one.children}
        for said in decisions:
            ends = [said.record_l, said.record_r]
            held = [ever.get(end, set()) & sides for end in ends]
            if (said.run, said.kind) == (one.run, _BY[one.kind]) and all(held):
                places = [now[end] for end in ends if end in now]
                if places:
                    place = child_id if child_id in places else places[0]
                    found.setdefault(one.place, Cause(said.id, said.by, place))
    return found


def _decisions(connection: Connection, view: View, records: Any, runs: set[int]) -> Sequence[Any]:
    """Decisions in force that these runs followed, both of whose records may be seen."""
    ids = decisions_in_force(connection, records)["id"].to_numpy(np.int64)
    query = select(Decision.id, Decision.kind, Decision.by, Decision.run,
                   Decision.record_l, Decision.record_r)  # fmt: skip
    query = query.where(among(Decision.id, ids), Decision.run.in_(sorted(runs)))
    rows = connection.execute(query.order_by(Decision.id)).all()
    if not rows:
        return []
    l, r = (np.array([getattr(row, f"record_{side}") for row in rows], np.int64) for side in "lr")
    keys = keys_of(connection, np.union1d(l, r).tolist())
    members = [Member(source, record_id, number) for number, (source, record_id) in keys.items()]
    untold = lookalikes(connection, view).records
    seen = {one.record for one in seen_members(view, members, untold)}
    hidden = severed_between(connection, l, r).tolist()
    return [
        row
        for row, severed in zip(rows, hidden, strict=True)
        if not severed and {row.record_l, row.record_r} <= seen
    ]


def _children_now(connection: Connection, decisions: Sequence[Any]) -> Mapping[int, str]:
    ends = {end for said in decisions for end in (said.record_l, said.record_r)}
    query = select(Membership.record, Membership.child).where(
        Membership.to_run.is_(None), among(Membership.record, np.array(sorted(ends), np.int64))
    )
    return dict(iter(connection.execute(query)))
