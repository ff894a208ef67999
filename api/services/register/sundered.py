"""What must not be shown together any more: the two identities of an adopted child.

They may once have been one child of the register. What is shown of that time leaves out
the records that are the other child's now.
"""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Membership, Severance

Severed = set[frozenset[str]]


def severed_children(connection: Connection, children: Collection[str] | None = None) -> Severed:
    """Pairs of current children that are severed: all, or those with one among some."""
    l, r = aliased(Membership), aliased(Membership)
    query = (
        select(l.child, r.child)
        .join(Severance, Severance.record_l == l.record)
        .join(r, r.record == Severance.record_r)
        .where(l.to_run.is_(None), r.to_run.is_(None), l.child != r.child)
    )
    if children is None:
        return {frozenset(pair) for pair in connection.execute(query).all()}
    some = sorted(children)
    return {
        frozenset(pair)
        for side in (l.child, r.child)
        for pair in connection.execute(query.where(among(side, some))).all()
    }


def hidden_records(severed: Severed, child: str, now: Mapping[int, str | None]) -> set[int]:
    """Records that must not be shown with the child that they belonged to once, by record.id.

    ``now`` gives the child that each record of the child belongs to by now. If it held
    records of two that are severed since, only what it holds still is shown of those.
    """
    found = set(now.values())
    apart = {other for pair in severed if pair <= found for other in pair if other != child}
    return {record for record, other in now.items() if other in apart}
