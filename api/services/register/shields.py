"""Children whose whereabouts must not be told: which those are, and what is not told of them.

A shield on a record hides where all of its child lives; `shielding` sets and spreads shields. A
record that is shielded only because it is like the child's hides nothing but itself.
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, func, not_, select

from api.db.among import among
from api.db.models import Membership, Shield
from api.services.register.closure import fellows
from api.services.register.columns import Numbers, columns

# Columns, of golden values, records and activity, that tell where a child can be found. A
# family id does, since it leads to relatives whose address is told.
PLACES = ("address", "postcode")
WHEREABOUTS = (*PLACES, "family_id")
LOCATION = (
    *WHEREABOUTS, *(f"{name}_source" for name in PLACES), "centre", "setting", "organisation",
)  # fmt: skip
HIDDEN = "location_hidden"


def shielded_records(connection: Connection) -> Numbers:
    """Records under a shield, and all that are of one child with one that leads on."""
    return np.union1d(*_shielded(connection))


def _shielded(connection: Connection) -> tuple[Numbers, Numbers]:
    """Records of shielded children, and those that are shielded as lookalikes alone."""
    own, lookalike = columns(
        connection, select(Shield.record, Shield.lookalike).where(Shield.lifted_at.is_(None))
    )
    leading = own[~lookalike]
    of_children = np.union1d(leading, fellows(connection, leading))
    return of_children, np.setdiff1d(own, of_children)


def was_shielded(connection: Connection, record: int) -> bool:
    """Whether a record ever was of a child that held one which is shielded by now.

    It may be gone since, or another's: what it said before may tell where the child lived.
    """
    held = select(Membership.child).where(Membership.record == record).distinct()
    return bool(shielded_children(connection, list(connection.scalars(held)), at_any_time=True))


def hides_place(role: str, *, shielded: bool) -> bool:
    """Whether only those who are cleared are told the place that a version of a record names.

    That is so of a shielded child, and of every carer: a carer lives where the children do, and
    one whose place is hidden because a child is shielded would lead to its brothers and sisters.
    """
    return shielded or role != "child"


def shielded_children(
    connection: Connection, ids: Collection[str], *, at_any_time: bool = False
) -> set[str]:
    """Which of these children are shielded.

    ``at_any_time`` adds those that held, in any past run, a record that is under a shield by
    now: needed wherever values of the past are shown.
    """
    of_children, alone = _shielded(connection)
    if not ids or not len(of_children) + len(alone):
        return set()
    found = _children_of(connection, of_children, ids, at_any_time=at_any_time)
    if len(alone):
        # A child that has nothing but lookalikes may be the shielded one, held twice.
        maybe = sorted(_children_of(connection, alone, ids, at_any_time=at_any_time) - found)
        query = select(Membership.child).where(
            Membership.to_run.is_(None),
            among(Membership.child, maybe),
            not_(among(Membership.record, alone)),
        )
        found |= set(maybe) - set(connection.scalars(query.distinct()))
    return found


def _children_of(
    connection: Connection, records: Numbers, ids: Collection[str], *, at_any_time: bool
) -> set[str]:
    """Which of these children hold, or ever held, one of these records."""
    query = select(Membership.child).where(
        among(Membership.record, records),
        among(Membership.child, sorted(ids)),
    )
    if not at_any_time:
        query = query.where(Membership.to_run.is_(None))
    return set(connection.scalars(query.distinct()))


class InForce(NamedTuple):
    """A shield on a record: the number of the one that a person set, and what it is of."""

    root: int
    record: int
    lookalike: bool


def shields_in_force(connection: Connection) -> list[InForce]:
    """Every shield that is not lifted."""
    root = func.coalesce(Shield.inherited_from, Shield.id)
    query = select(root, Shield.record, Shield.lookalike).where(Shield.lifted_at.is_(None))
    return [InForce(*row) for row in connection.execute(query)]


def leading_records(connection: Connection) -> Numbers:
    """Records under a shield that leads on."""
    found = [one.record for one in shields_in_force(connection) if not one.lookalike]
    return np.unique(np.array(found, dtype=np.int64))


def hide_location(frame: pd.DataFrame, hidden: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """The frame without what tells a place, in the rows that are ``hidden``.

    A column ``location_hidden`` marks them, so that nobody takes the values for missing and
    fills them in from a brother or sister.
    """
    result = frame.copy()
    for name in LOCATION:
        if name in result:
            result[name] = result[name].mask(hidden)
    result[HIDDEN] = np.asarray(hidden, dtype=bool)
    return result
