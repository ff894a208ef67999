"""Where the id of a child that ended leads to.

A child that ended in a merge leads to where its records went then. If its last records were
gone and come back to other children, or come back from one of these to another, it leads to
those from then on: an id that was quoted somewhere must not lead nowhere while its records
are there.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Membership, Succession
from api.services.register.columns import Numbers
from matcher.register import Carried


def leads_on(child: Any, ended: Any) -> ColumnElement[bool]:
    """That a succession is of those that hold for a ``child`` that run ``ended`` ended."""
    later = aliased(Succession)
    last = select(func.max(later.run)).where(later.child == child, later.run >= ended)
    return and_(Succession.child == child, Succession.run == last.scalar_subquery())


def forwarded(
    connection: Connection,
    record: Numbers,
    before: Sequence[str | None],
    once: Mapping[int, Collection[str]],
    carried: Carried,
    gone: Numbers,
) -> dict[str, list[str]]:
    """Children that ended before, whose last records come back; by child those that have them.

    Args:
        connection: sees the memberships until now.
        record: record.id of the records of whole clusters.
        before: the child that each belonged to until now.
        once: by position, children ended before that a record belonged to.
        carried: the children from now on.
        gone: records that belong to nobody any more.
    """
    back = [at for at in once if before[at] is None]
    wanted = {child for at in back for child in once[at]} - set(carried.restored)
    if not wanted:
        return {}
    going: dict[int, str | None] = dict.fromkeys(gone.tolist())
    going |= dict(zip(record.tolist(), carried.child, strict=True))
    returned = {int(record[at]) for at in back}
    hit: set[str] = set()
    found: dict[str, set[str]] = {}
    for child, number, current in _last_records(connection, wanted):
        successor = going.get(number, current)
        if successor is not None:
            found.setdefault(child, set()).add(successor)
        if number in returned:
            hit.add(child)
    return {child: sorted(found[child]) for child in sorted(hit)}


def _last_records(
    connection: Connection, children: Collection[str]
) -> list[tuple[str, int, str | None]]:
    """The records that were the last to leave these children, and the child of each until now."""
    left, now = aliased(Membership), aliased(Membership)
    last = select(func.max(left.to_run)).where(left.child == Membership.child)
    query = (
        select(Membership.child, Membership.record, now.child)
        .outerjoin(now, and_(now.record == Membership.record, now.to_run.is_(None)))
        .where(
            among(Membership.child, sorted(children)),
            Membership.to_run == last.scalar_subquery(),
        )
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]
