"""What must not be shown together any more: the two identities of an adopted child.

They may once have been one child of the register. What is shown of that time leaves out
the records that are the other child's now.
"""

from collections.abc import Collection, Mapping

import numpy as np
from sqlalchemy import Connection, select
from sqlalchemy.orm import aliased

from api.db.models import Membership, Severance
from api.services.register.columns import Numbers, among, columns


def severed_children(
    connection: Connection, children: Collection[str] | None = None
) -> set[frozenset[str]]:
    """Pairs of current children that are severed; all, or those among some."""
    one, other = aliased(Membership), aliased(Membership)
    query = (
        select(one.child, other.child)
        .join(Severance, Severance.record_l == one.record)
        .join(other, other.record == Severance.record_r)
        .where(one.to_run.is_(None), other.to_run.is_(None), one.child != other.child)
    )
    if children is not None:
        query = query.where(among(connection, one.child, sorted(children)))
    return {frozenset(pair) for pair in connection.execute(query).all()}


def hidden_records(connection: Connection, then: Mapping[int, str]) -> set[int]:
    """Records that must not be shown with the child that they belonged to then, by record.id.

    Where a child held records of two that are severed now, only what it holds still is shown.
    """
    records = np.fromiter(then, np.int64, len(then))
    now = _current(connection, records)
    hidden: set[int] = set()
    for pair in severed_children(connection, set(now.values())):
        held: dict[str, dict[str, list[int]]] = {}
        for record, child in now.items():
            if child in pair:
                held.setdefault(then[record], {}).setdefault(child, []).append(record)
        for child, sides in held.items():
            if len(sides) == len(pair):
                hidden.update(r for own, side in sides.items() if own != child for r in side)
    return hidden


def _current(connection: Connection, records: Numbers) -> dict[int, str]:
    query = select(Membership.record, Membership.child).where(
        Membership.to_run.is_(None), among(connection, Membership.record, records)
    )
    record, child = columns(connection, query)
    return dict(zip(record.tolist(), child.tolist(), strict=True))
