"""Who a child is and was: ids followed through merges and splits, as of now or any run.

Each call is a few look-ups by index, however large the register and long its history.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Select, and_, select
from sqlalchemy.orm import aliased

from api.db.models import Child, Membership, Record, Severance, Source, Succession
from api.services.extracts.current import held
from api.services.register.severances import hidden_from
from api.services.register.sundered import severed_children

Key = tuple[str, str]


class Standing(StrEnum):
    """What became of a child's id."""

    CURRENT = "current"
    MERGED = "merged"  # all that is left of it is of one other child
    SPLIT = "split"  # what is left of it is of several
    ENDED = "ended"  # none of its records is left, or nothing may be told of them


@dataclass(frozen=True, slots=True)
class ChildStanding:
    """A child by its id. ``successors`` are current, and empty if it is current itself.

    ``from_run`` founded it; ``to_run`` ended it.
    """

    child_id: str
    standing: Standing
    from_run: int
    to_run: int | None
    successors: tuple[str, ...]


def find_child(connection: Connection, child_id: str) -> ChildStanding | None:
    """What became of an id, followed through any number of merges; None if it was never given."""
    found = connection.execute(
        select(Child.from_run, Child.to_run).where(Child.id == child_id)
    ).one_or_none()
    if found is None:
        return None
    if found.to_run is None:
        return ChildStanding(child_id, Standing.CURRENT, found.from_run, None, ())
    successors = tuple(sorted(connection.scalars(_survivors(child_id))))
    if len(successors) > 1 and any(
        pair <= set(successors) for pair in severed_children(connection, successors)
    ):
        successors = ()
    standing = (Standing.ENDED, Standing.MERGED, Standing.SPLIT)[min(len(successors), 2)]
    return ChildStanding(child_id, standing, found.from_run, found.to_run, successors)


def _survivors(child_id: str) -> Select[str]:
    """Current children that all records of an ended one went to, step by step.

    Of a child that ended more than once, only the last time counts. A successor ends in a
    later run than those it followed, so this comes to an end.
    """
    steps = select(Child.id, Child.to_run).where(Child.id == child_id).cte(recursive=True)
    after = aliased(Child)
    steps = steps.union(
        select(after.id, after.to_run)
        .select_from(steps)
        .join(Succession, and_(Succession.child == steps.c.id, Succession.run == steps.c.to_run))
        .join(after, after.id == Succession.successor)
    )
    return select(steps.c.id).where(steps.c.to_run.is_(None))


def child_of(
    connection: Connection, source: str, record_id: str, *, as_of_run: int | None = None
) -> str | None:
    """The child that a record belongs to, or did after a run; None if to nobody."""
    # Looked up by itself, so that the latest membership is read off the end of its index.
    record = (
        select(Record.id)
        .join(Source, Source.number == Record.source)
        .where(Source.name == source, Record.record_id == record_id)
        .scalar_subquery()
    )
    query = (
        select(Membership.record, Membership.child, Membership.to_run)
        .where(Membership.record == record)
        .order_by(Membership.from_run.desc())
        .limit(1)
    )
    if as_of_run is not None:
        query = query.where(Membership.from_run <= as_of_run)
    found = connection.execute(query).one_or_none()
    if found is None or _ended(found.to_run, as_of_run):
        return None
    child: str = found.child
    left = found.to_run is not None
    return None if left and found.record in _hidden(connection, child) else child


def _ended(to_run: int | None, as_of_run: int | None) -> bool:
    return to_run is not None and (as_of_run is None or to_run <= as_of_run)


def records_of(connection: Connection, child_id: str, *, as_of_run: int | None = None) -> list[Key]:
    """Source and record id of a child's records, now or after a run, in order."""
    now = aliased(Membership)
    query = (
        select(Membership.record, Source.name, Record.record_id, now.child)
        .join(Record, Record.id == Membership.record)
        .join(Source, Source.number == Record.source)
        .outerjoin(now, and_(now.record == Membership.record, now.to_run.is_(None)))
        .where(Membership.child == child_id, held(Membership, as_of_run))
    )
    found = connection.execute(query).all()
    if any(other != child_id for _, _, _, other in found):
        hidden = _hidden(connection, child_id)
        found = [row for row in found if row[0] not in hidden]
    return sorted((name, key) for _, name, key, _ in found)


def same_child(
    connection: Connection,
    source: str,
    record_id: str,
    *,
    into: str,
    as_of_run: int | None = None,
) -> list[str]:
    """Record ids by which another source, or the same, knows the child of a record."""
    child = child_of(connection, source, record_id, as_of_run=as_of_run)
    if child is None:
        return []
    known = records_of(connection, child, as_of_run=as_of_run)
    return [key for name, key in known if name == into]


def _hidden(connection: Connection, child_id: str) -> frozenset[int]:
    """Records that adoption severed from a child; asked in full only where there may be any."""
    for side in (Severance.record_l, Severance.record_r):
        query = (
            select(Severance.id)
            .join(Membership, Membership.record == side)
            .where(Membership.child == child_id)
        )
        if connection.execute(query.limit(1)).first() is not None:
            return hidden_from(connection, child_id).records
    return frozenset()
