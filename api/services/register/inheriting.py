"""Whoever joins one side of a severance is severed from the other side as well.

Else the two identities would be one again as soon as those who were named are gone: what came
later stayed, and nothing would keep it from the other side. So at the end of each run the
records of a child on one side are severed from all of the other side's, as if they had been
named. The next run holds it. Like any severance this cannot be taken back: what was with one
identity once must not be seen with the other.
"""

from itertools import product

import numpy as np
from sqlalchemy import Connection, or_, select

from api.db.among import among
from api.db.bulk import insert
from api.db.models import Membership, Run, Severance
from api.services.register.acts import audit
from api.services.register.closure import fellows
from api.services.register.columns import Numbers, columns

REGISTER = "register"
SPREAD = "of one child with a severed one"

# A child, or a record that is of none now.
_Side = str | int


def spread_severances(connection: Connection, *, run: int, around: Numbers | None = None) -> int:
    """Sever what was joined in a run from what its new fellows are severed from; how many pairs.

    If nothing has changed but children of the records ``around``, no others are looked at.
    """
    if connection.scalar(select(Severance.id).limit(1)) is None:
        return 0
    query = select(
        Severance.id, Severance.record_l, Severance.record_r, Severance.inherited_from
    ).order_by(Severance.id)
    if around is not None:
        near = np.union1d(around, fellows(connection, around))
        query = query.where(or_(among(Severance.record_l, near), among(Severance.record_r, near)))
    rows = connection.execute(query).all()
    if not rows:
        return 0
    ends = np.unique(np.array([end for row in rows for end in row[1:3]], dtype=np.int64))
    child, members = _children(connection, ends)
    known = {frozenset(row[1:3]) for row in rows}
    members |= {end: [end] for end in ends.tolist() if end not in child}
    roots: dict[tuple[_Side, _Side], int] = {}
    for number, l, r, inherited_from in rows:
        sides = child.get(l, l), child.get(r, r)
        # Those of one child still are parted by the next run.
        if sides[0] != sides[1]:
            roots.setdefault(sides, inherited_from or number)
    new: dict[frozenset[int], tuple[int, int, int]] = {}
    for (one, other), root in roots.items():
        for mine, theirs in product(members[one], members[other]):
            pair = frozenset((mine, theirs))
            if pair not in known:
                new.setdefault(pair, (mine, theirs, root))
    if new:
        _enter(connection, list(new.values()), set(ends.tolist()), run)
    return len(new)


def _children(
    connection: Connection, records: Numbers
) -> tuple[dict[int, str], dict[_Side, list[int]]]:
    """The child of each of these records that is of one, and all records of those children."""
    query = select(Membership.record, Membership.child).where(Membership.to_run.is_(None))
    own = query.where(among(Membership.record, records))
    child = dict(zip(*(part.tolist() for part in columns(connection, own)), strict=True))
    members: dict[_Side, list[int]] = {}
    every = query.where(among(Membership.child, sorted(set(child.values()))))
    for record, one in connection.execute(every.order_by(Membership.record)):
        members.setdefault(one, []).append(record)
    return child, members


def _enter(
    connection: Connection, new: list[tuple[int, int, int]], named: set[int], run: int
) -> None:
    moment = connection.execute(select(Run.at).where(Run.id == run)).scalar_one()
    l, r, root = (list(part) for part in zip(*new, strict=True))
    pairs = {"record_l": l, "record_r": r, "inherited_from": root}
    insert(connection, Severance, {**pairs, "why": SPREAD, "by": REGISTER, "at": moment})
    for record in sorted({*l, *r} - named):
        audit(connection, "record_severed", f"record {record}", by=REGISTER, now=moment)
