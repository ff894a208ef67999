"""What must not be shown together any more: the two identities of an adopted child.

They may once have been one child of the register. What is shown of that time leaves out
the records that are the other child's now.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, or_, select
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Membership, Severance
from api.services.register.columns import Numbers
from matcher.register.golden import GOLDEN_COLUMNS

Severed = set[frozenset[str]]


def severed_children(connection: Connection, children: Collection[str] | None = None) -> Severed:
    """Pairs of children that are severed: all, or those with one among some.

    Those that hold a record of either side, and those that did after they were severed: what
    was severed stays so when its last record is gone.
    """
    l, r = aliased(Membership), aliased(Membership)
    query = (
        select(l.child, r.child)
        .join(Severance, Severance.record_l == l.record)
        .join(r, r.record == Severance.record_r)
        .where(held_since(l), held_since(r), l.child != r.child)
    )
    if children is None:
        return {frozenset(pair) for pair in connection.execute(query).all()}
    some = sorted(children)
    return {
        frozenset(pair)
        for side in (l.child, r.child)
        for pair in connection.execute(query.where(among(side, some))).all()
    }


def held_since(membership: Any) -> ColumnElement[bool]:
    """That a record belongs to a child, or did after the severance that it is joined with."""
    return or_(membership.to_run.is_(None), membership.to_run > Severance.run)


def unclaimed(
    connection: Connection, children: Collection[str] | None = None
) -> dict[str, set[int]]:
    """Records, by record.id, that were gone before their child was severed, by that child's id.

    Nobody knows of which of the two identities such a record is, so it is shown with neither:
    unless it was named on a side of the severance that the child holds since.
    """
    gone, l, r, now = (aliased(Membership) for _ in range(4))
    query = (
        select(gone.child, gone.record)
        .select_from(Severance)
        .join(l, l.record == Severance.record_l)
        .join(r, (r.record == Severance.record_r) & (r.child == l.child))
        .join(gone, (gone.child == l.child) & (gone.to_run <= Severance.run))
        .outerjoin(now, (now.record == gone.record) & now.to_run.is_(None))
        .where(now.record.is_(None))
        .distinct()
    )
    if children is not None:
        query = query.where(among(l.child, sorted(children)))
    found: dict[str, set[int]] = {}
    for child, record in connection.execute(query):
        found.setdefault(child, set()).add(record)
    if not found:
        return found
    claimed = _claimed(connection, found)
    return {child: records - claimed.get(child, set()) for child, records in found.items()}


def _claimed(connection: Connection, gone: Mapping[str, set[int]]) -> dict[str, set[int]]:
    """Of records that are gone, those that were severed from nothing that the child holds since."""
    numbers = np.array(sorted(set().union(*gone.values())), dtype=np.int64)
    either = (Severance.record_l, Severance.record_r)
    pairs = connection.execute(select(*either).where(or_(*(among(one, numbers) for one in either))))
    partners: dict[int, set[int]] = {}
    for l, r in pairs:
        partners.setdefault(l, set()).add(r)
        partners.setdefault(r, set()).add(l)
    held = (
        select(Membership.child, Membership.record)
        .join(Severance, or_(*(Membership.record == one for one in either)))
        .where(held_since(Membership), among(Membership.child, sorted(gone)))
    )
    present: dict[str, set[int]] = {}
    for child, record in connection.execute(held):
        present.setdefault(child, set()).add(record)

    def is_claimed(one: int, child: str) -> bool:
        return one in partners and not partners[one] & present.get(child, set())

    return {
        child: {one for one in records if is_claimed(one, child)} for child, records in gone.items()
    }


def latest_children(connection: Connection, records: Numbers) -> dict[int, str]:
    """The child that each record belongs to, or did before it was gone, by record.id."""
    query = (
        select(Membership.record, Membership.child)
        .where(among(Membership.record, records))
        .order_by(Membership.from_run)
    )
    return dict(iter(connection.execute(query)))


# From which run and until which a child held something; None until now.
Span = tuple[int, int | None]


def mixed_spans(connection: Connection, children: Collection[str]) -> dict[str, list[Span]]:
    """When each child held a record that is not shown with it any more: of those that ever did."""
    if not children:
        return {}
    query = (
        select(Membership.child, Membership.record, Membership.from_run, Membership.to_run)
        .where(among(Membership.child, sorted(children)))
        .order_by(Membership.from_run)
    )
    rows = connection.execute(query).all()
    now = latest_children(connection, np.array(sorted({row.record for row in rows}), np.int64))
    severed = severed_children(connection, {*children, *now.values()})
    lost = unclaimed(connection, children)
    held: dict[str, dict[int, str]] = {}
    for row in rows:
        held.setdefault(row.child, {})[row.record] = now[row.record]
    hidden = {
        child: hidden_records(severed, child, own) | lost.get(child, set())
        for child, own in held.items()
    }
    found: dict[str, list[Span]] = {}
    for row in rows:
        if row.record in hidden[row.child]:
            found.setdefault(row.child, []).append((row.from_run, row.to_run))
    return found


def told_fields(spans: Collection[Span], run: int, fields: Collection[str]) -> list[str]:
    """Which values of a child a run may be told to have changed; none where not even that.

    While it held what is not shown with it any more, which of its values changed would tell of
    that. Where the last of it left, all are named, whichever changed: whoever keeps the child's
    values asks for them anew, and learns from none of the names what was there before.
    """
    if any(since <= run and (until is None or run < until) for since, until in spans):
        return []
    return list(GOLDEN_COLUMNS) if names_all(spans, run) else list(fields)


def names_all(spans: Collection[Span], run: int) -> bool:
    """Whether the last of what is not shown with a child any more left it in a run."""
    return any(until == run for _, until in spans)


def hidden_records(severed: Severed, child: str, now: Mapping[int, str]) -> set[int]:
    """Records that must not be shown with the child that they belonged to once, by record.id.

    ``now`` gives the child that each record of the child belongs to by now, see
    `latest_children`. Of records of two that are severed since, only those are shown that
    belong to the child itself; none, if it is neither.
    """
    found = {child, *now.values()}
    apart = {other for pair in severed if pair <= found for other in pair if other != child}
    return {record for record, other in now.items() if other in apart}
