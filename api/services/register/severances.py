"""Two identities of an adopted child, severed: never one child again, and never shown together.

A severance stands between every record of one side and every record of the other, so that
it holds when some of them are gone. It cannot be taken back. What the two sides held before is
entered; linking keeps whatever comes later on one side at most, where `inheriting` enters it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, or_, select

from api.db.among import among
from api.db.bulk import insert
from api.db.models import Membership, Severance, Succession
from api.services.register.acts import (
    ActError,
    Key,
    audit,
    find_record,
    keys_of,
    passes,
    require_reason,
)
from api.services.register.columns import Numbers, columns
from api.services.register.sundered import (
    held_since,
    latest_children,
    severed_children,
    unclaimed,
)


class UnnamedError(ActError):
    """A child has records on both sides, and ``records`` of it are on neither, by their keys."""

    def __init__(self, records: list[Key]) -> None:
        self.records = records
        super().__init__(
            f"one child has records on both sides, and {len(records)} of its records on neither; "
            "name each on the side that it is of"
        )


_NONE = np.empty(0, dtype=np.int64)
_SIDES = (Severance.record_l, Severance.record_r)


def sever(
    connection: Connection,
    *,
    one: Collection[Key],
    other: Collection[Key],
    why: str,
    by: str,
    now: datetime,
) -> int:
    """Sever two groups of records, and those of one child with them; how many pairs.

    None if all are severed already; then nothing is entered.

    Where both groups are of one child until now, each of its records has to be named. One that
    its source does not list any more may be: those of which nobody says whose they are, are shown
    with neither. Takes effect with the next run. Raises ActError, UnnamedError if not all are
    named.
    """
    mine, theirs = check_can_sever(connection, one=one, other=other, why=why)
    known = set(connection.execute(_severances(np.union1d(mine, theirs))).all())
    new = [
        pair
        for pair in product(mine.tolist(), theirs.tolist())
        if pair not in known and pair[::-1] not in known
    ]
    pairs = {"record_l": [l for l, _ in new], "record_r": [r for _, r in new]}
    rows = {**pairs, "why": why, "by": by, "at": now}
    insert(connection, Severance, rows)
    for record in sorted([*mine.tolist(), *theirs.tolist()]) if new else ():
        # Each on its own: the log must not lead from one side to the other.
        audit(connection, "record_severed", f"record {record}", by=by, now=now)
    return len(new)


def check_can_sever(
    connection: Connection, *, one: Collection[Key], other: Collection[Key], why: str
) -> tuple[Numbers, Numbers]:
    """Records on both sides, none on both, a reason; record.id of each side.

    Raises ActError, UnnamedError if a child has records on both sides and others on neither.
    """
    require_reason(why)
    if not one or not other:
        raise ActError("name records on both sides")
    mine, theirs = (
        np.array(sorted({find_record(connection, key, gone=True) for key in side}), dtype=np.int64)
        for side in (one, other)
    )
    if len(np.intersect1d(mine, theirs)):
        raise ActError("a record is on both sides")
    children = _children_of(connection, mine), _children_of(connection, theirs)
    both = children[0] & children[1]
    unnamed = np.setdiff1d(_records_of(connection, both), np.union1d(mine, theirs))
    if len(unnamed):
        raise UnnamedError(sorted(keys_of(connection, unnamed.tolist()).values()))
    return (
        np.union1d(mine, _records_of(connection, children[0] - both)),
        np.union1d(theirs, _records_of(connection, children[1] - both)),
    )


def can_sever(
    connection: Connection, *, one: Collection[Key], other: Collection[Key], why: str
) -> bool:
    """Whether the two groups can be severed."""
    return passes(check_can_sever, connection, one=one, other=other, why=why)


def severed_from(connection: Connection, records: Numbers) -> Numbers:
    """Records that are severed from any of these."""
    l, r = columns(connection, _severances(records))
    return np.unique(np.concatenate([r[np.isin(l, records)], l[np.isin(r, records)]]))


def are_severed(connection: Connection, one: int, other: int) -> bool:
    """Whether two records, or any of the children that they belong to, are severed."""
    pair = (np.array([one], dtype=np.int64), np.array([other], dtype=np.int64))
    return bool(severed_between(connection, *pair)[0])


def severed_between(connection: Connection, l: Numbers, r: Numbers) -> npt.NDArray[np.bool_]:
    """For each pair of records whether they, or the children that they belong to, are severed.

    Such a pair is nobody's to look at: no queue, page or export may hold it.
    """
    one, other = columns(connection, select(Severance.record_l, Severance.record_r))
    if not len(one):
        return np.zeros(len(l), dtype=bool)
    direct = {frozenset(pair) for pair in zip(one.tolist(), other.tolist(), strict=True)}
    everyone = np.union1d(l, r)
    query = select(Membership.record, Membership.child).where(
        Membership.to_run.is_(None), among(Membership.record, everyone)
    )
    child = dict(zip(*(part.tolist() for part in columns(connection, query)), strict=True))
    apart = severed_children(connection, sorted(set(child.values())))
    return np.array(
        [
            frozenset(pair) in direct or frozenset(map(child.get, pair)) in apart
            for pair in zip(l.tolist(), r.tolist(), strict=True)
        ],
        dtype=bool,
    )


@dataclass(frozen=True, slots=True)
class Hidden:
    """What must not be shown with a child: records, and the children that hold or held them."""

    records: frozenset[int] = frozenset()
    children: frozenset[str] = frozenset()


def hidden_from(connection: Connection, child: str) -> Hidden:
    """What the history of a child must not show.

    Of the records that it held at any time, those that are severed from what it holds now, or
    held after they were severed, with all that is of one child with them. Of a child that was
    no more by then, what is severed from what it held last; if that is of both sides, neither
    side's.
    """
    held = select(Membership.record, Membership.to_run).where(Membership.child == child)
    record, until = columns(connection, held)
    l, r = columns(connection, _severances(record))
    if not len(l):
        return Hidden()
    after = (
        select(Membership.record)
        .join(Severance, or_(*(Membership.record == side for side in _SIDES)))
        .where(Membership.child == child, held_since(Membership))
    )
    present = np.union1d(record[until < 0], columns(connection, after)[0])
    within = np.isin(l, record) & np.isin(r, record)
    both = np.concatenate([l[within], r[within]])
    if not len(present):
        present = np.setdiff1d(record[until == until.max(initial=0)], both)
    records = np.union1d(severed_from(connection, present), both)
    records = np.union1d(records, _records_of(connection, _children_of(connection, records)))
    records = np.setdiff1d(records, present)
    query = select(Membership.child).where(among(Membership.record, records)).distinct()
    children = set(connection.scalars(query)) - {child}
    children -= set(latest_children(connection, present).values())
    lost = unclaimed(connection, [child]).get(child, set())
    return Hidden(frozenset(records.tolist()) | lost, frozenset(children))


def shown_successions(
    connection: Connection, child: str, hidden: Hidden | None = None
) -> list[tuple[int, str, str, str]]:
    """Run, kind, child and successor of the merges and splits of a child, in their order.

    ``hidden`` is what `hidden_from` finds, where it is known already.
    """
    hidden = hidden_from(connection, child) if hidden is None else hidden
    query = (
        select(Succession.run, Succession.kind, Succession.child, Succession.successor)
        .where(or_(Succession.child == child, Succession.successor == child))
        .order_by(Succession.id)
    )
    return [
        (run, kind, old, new)
        for run, kind, old, new in connection.execute(query)
        if not {old, new} & hidden.children
    ]


def _severances(records: Numbers) -> Any:
    return select(Severance.record_l, Severance.record_r).where(
        or_(
            among(Severance.record_l, records),
            among(Severance.record_r, records),
        )
    )


def _children_of(connection: Connection, records: Numbers) -> set[str]:
    query = select(Membership.child).where(
        Membership.to_run.is_(None), among(Membership.record, records)
    )
    return set(connection.scalars(query))


def _records_of(connection: Connection, children: Collection[str]) -> Numbers:
    """Records of current children."""
    if not children:
        return _NONE
    query = select(Membership.record).where(
        Membership.to_run.is_(None), among(Membership.child, sorted(children))
    )
    return np.unique(columns(connection, query)[0])
