"""Who a child is and was: ids followed through merges and splits, as of now or any run.

Each call is a few look-ups by index, however large the register and long its history.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, select
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Child, Membership, Record, Severance, Source, Succession
from api.services.extracts.current import held
from api.services.register.forwarding import leads_on
from api.services.register.severances import hidden_from
from api.services.register.sundered import severed_children

Key = tuple[str, str]


class Member(NamedTuple):
    """A record of a child; ``record`` is record.id."""

    source: str
    record_id: str
    record: int


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


def find_child(
    connection: Connection, child_id: str, *, as_of_run: int | None = None
) -> ChildStanding | None:
    """What became of an id, by now or until a run, followed through any number of merges.

    None if it was never given, or not yet.
    """
    found = connection.execute(
        select(Child.from_run, Child.to_run).where(Child.id == child_id)
    ).one_or_none()
    if found is None or (as_of_run is not None and found.from_run > as_of_run):
        return None
    if as_of_run is not None:
        return _stood(connection, child_id, found.from_run, as_of_run)
    if found.to_run is None:
        return ChildStanding(child_id, Standing.CURRENT, found.from_run, None, ())
    successors = survivors(connection, [child_id])
    return gone(connection, child_id, found.from_run, found.to_run, successors, successors)


def _stood(connection: Connection, child_id: str, from_run: int, run: int) -> ChildStanding:
    """The same as it was after a run: where the records went that were the last to leave."""
    mine = Membership.child == child_id
    ended = connection.execute(
        select(
            select(Membership.record).where(mine, held(Membership, run)).exists(),
            select(func.max(Membership.to_run))
            .where(mine, Membership.to_run <= run)
            .scalar_subquery(),
        )
    ).one()
    if ended[0]:
        return ChildStanding(child_id, Standing.CURRENT, from_run, None, ())
    then, now = aliased(Membership), aliased(Membership)
    went = connection.execute(
        select(then.child, now.child)
        .select_from(Membership)
        .outerjoin(then, and_(then.record == Membership.record, held(then, run)))
        .outerjoin(now, and_(now.record == Membership.record, now.to_run.is_(None)))
        .where(mine, Membership.to_run == ended[1])
    ).all()
    after = sorted({child for child, _ in went if child is not None})
    by_now = sorted({child for _, child in went if child is not None})
    return gone(connection, child_id, from_run, ended[1], after, by_now)


def gone(
    connection: Connection,
    child_id: str,
    from_run: int,
    to_run: int,
    successors: list[str],
    by_now: list[str],
) -> ChildStanding:
    """A child that ended; of successors that are of two severed children ``by_now``, none."""
    if len(by_now) > 1 and any(
        pair <= set(by_now) for pair in severed_children(connection, by_now)
    ):
        successors = []
    standing = (Standing.ENDED, Standing.MERGED, Standing.SPLIT)[min(len(successors), 2)]
    return ChildStanding(child_id, standing, from_run, to_run, tuple(successors))


def survivors(connection: Connection, children: Collection[str]) -> list[str]:
    """Current children that all records of these went to, step by step.

    Of a child that ended more than once, only the last time counts. Each child is gone through
    once, so this comes to an end.
    """
    first = select(Child.id, Child.to_run).where(among(Child.id, sorted(children)))
    steps = first.cte(recursive=True)
    after = aliased(Child)
    steps = steps.union(
        select(after.id, after.to_run)
        .select_from(steps)
        .join(Succession, leads_on(steps.c.id, steps.c.to_run))
        .join(after, after.id == Succession.successor)
    )
    return sorted(connection.scalars(select(steps.c.id).where(steps.c.to_run.is_(None))))


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
    members, _ = members_of(connection, child_id, as_of_run=as_of_run)
    return [(member.source, member.record_id) for member in members]


def members_of(
    connection: Connection, child_id: str, *, as_of_run: int | None = None
) -> tuple[list[Member], bool]:
    """A child's records, now or after a run, in order of key, and whether any is left out.

    Those that adoption severed from the child since are.
    """
    query = (
        select(Source.name, Record.record_id, Membership.record)
        .join(Record, Record.id == Membership.record)
        .join(Source, Source.number == Record.source)
        .where(Membership.child == child_id, held(Membership, as_of_run))
    )
    found = [Member(*row) for row in connection.execute(query)]
    if as_of_run is None:
        return sorted(found), False
    hidden = _hidden(connection, child_id)
    return sorted(one for one in found if one.record not in hidden), any(
        one.record in hidden for one in found
    )


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
