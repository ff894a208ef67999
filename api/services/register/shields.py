"""Children whose whereabouts must not be told: shields, how they spread, and how they hide.

A shield on a record hides where all of its child lives. At the end of each run it spreads
to every record that is linked to such a child or waits to be, since an unshielded double of
a shielded child gives it away. Each stays until a person who may lifts it for that child;
what was lifted does not come back from the same shield.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, func, insert, or_, select, update
from sqlalchemy.orm import aliased

from api.db.models import Membership, Pair, RecordVersion, Run, Shield
from api.services.register.acts import ActError, Key, audit, find_record, passes, require_reason
from api.services.register.closure import fellows
from api.services.register.columns import Numbers, among, columns

# Who is named where a shield spread.
REGISTER = "register"
SPREAD = "plausibly the same child as a shielded one"

# Columns, of golden values, records and activity, that tell where a child can be found. A
# family id does, since it leads to relatives whose address is told.
PLACES = ("address", "postcode")
WHEREABOUTS = (*PLACES, "family_id")
LOCATION = (
    *WHEREABOUTS, *(f"{name}_source" for name in PLACES), "centre", "setting", "organisation",
)  # fmt: skip
HIDDEN = "location_hidden"


def shield(connection: Connection, *, record: Key, why: str, by: str, now: datetime) -> int:
    """Hide at once where the record's child lives; the shield's number. Raises ActError."""
    found = check_can_shield(connection, record=record, why=why)
    number = _enter(connection, found, why=why, by=by, now=now, action="shielded")
    spread_shields(connection, now=now)
    return number


def check_can_shield(connection: Connection, *, record: Key, why: str) -> int:
    """A record that is current; its record.id. Raises ActError."""
    require_reason(why)
    return find_record(connection, record)


def can_shield(connection: Connection, *, record: Key, why: str) -> bool:
    """Whether the record can be shielded."""
    return passes(check_can_shield, connection, record=record, why=why)


def lift_shields(connection: Connection, *, record: Key, why: str, by: str, now: datetime) -> int:
    """Lift every shield from the record's child; how many. Other children keep theirs.

    Raises ActError, see `check_can_lift`.
    """
    numbers = check_can_lift(connection, record=record, why=why)
    where = among(connection, Shield.id, numbers)
    values = {"lifted_by": by, "lifted_at": now, "lifted_why": why}
    connection.execute(update(Shield).where(where).values(values))
    for number in numbers.tolist():
        audit(connection, "shield_lifted", f"shield {number}", by=by, now=now)
    return len(numbers)


def check_can_lift(connection: Connection, *, record: Key, why: str) -> Numbers:
    """A record whose child is shielded; the shields. Raises ActError."""
    require_reason(why)
    own = np.array([find_record(connection, record)], dtype=np.int64)
    child = np.union1d(own, fellows(connection, own))
    query = select(Shield.id).where(
        Shield.lifted_at.is_(None), among(connection, Shield.record, child)
    )
    numbers = np.unique(columns(connection, query)[0])
    if not len(numbers):
        raise ActError("no shield is on this record's child")
    return numbers


def can_lift(connection: Connection, *, record: Key, why: str) -> bool:
    """Whether there is a shield to lift."""
    return passes(check_can_lift, connection, record=record, why=why)


def shielded_records(connection: Connection) -> Numbers:
    """Records under a shield, and all that are of one child with one."""
    (own,) = columns(connection, select(Shield.record).where(Shield.lifted_at.is_(None)))
    return np.union1d(own, fellows(connection, own)) if len(own) else own


def has_hidden_place(connection: Connection, record: int) -> bool:
    """Whether only those who are cleared are told where a record's person lives.

    That is so of a shielded child, and of every carer: a carer lives where the children do, and
    one whose place is hidden because a child is shielded would lead to its brothers and sisters.
    """
    carer = select(RecordVersion.id).where(
        RecordVersion.record == record, RecordVersion.role != "child"
    )
    is_carer = connection.scalar(carer.limit(1)) is not None
    return is_carer or record in shielded_records(connection)


def shielded_children(
    connection: Connection, ids: Collection[str], *, at_any_time: bool = False
) -> set[str]:
    """Which of these children are shielded.

    ``at_any_time`` adds those that held, in any past run, a record that is under a shield by
    now: needed wherever values of the past are shown.
    """
    records = shielded_records(connection)
    if not len(records) or not ids:
        return set()
    query = select(Membership.child).where(
        among(connection, Membership.record, records),
        among(connection, Membership.child, sorted(ids)),
    )
    if not at_any_time:
        query = query.where(Membership.to_run.is_(None))
    return set(connection.scalars(query.distinct()))


def active_shields(connection: Connection) -> list[tuple[int, int]]:
    """Each shield that is not lifted: the one that a person set, and the record it is on."""
    root = func.coalesce(Shield.inherited_from, Shield.id)
    query = select(root, Shield.record).where(Shield.lifted_at.is_(None))
    return [(number, record) for number, record in connection.execute(query)]


def spread_to(
    connection: Connection, record: int, roots: Collection[int], *, now: datetime
) -> None:
    """Spread shields that people set to a record, but those that were lifted from it."""
    root = func.coalesce(Shield.inherited_from, Shield.id)
    had = set(connection.scalars(select(root).where(Shield.record == record)))
    for number in sorted(set(roots) - had):
        _enter(connection, record, why=SPREAD, by=REGISTER, now=now, action="shield_spread",
               inherited_from=number)  # fmt: skip


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


def spread_shields(
    connection: Connection, *, now: datetime | None = None, run: int | None = None
) -> int:
    """Shield all that is plausibly a shielded child's, near and far; how many records.

    One that was lifted from a child does not come back to it by the same shield. ``now``
    may be left out for a ``run``, whose moment it then is.
    """
    rows = connection.execute(
        select(Shield.id, Shield.record, Shield.inherited_from, Shield.lifted_at)
    ).all()
    if not rows:
        return 0
    # By the shield that a person set and the record that it is on, in this or another way.
    lifted = _frame((r.inherited_from or r.id, r.record) for r in rows if r.lifted_at)
    active = _frame((r.inherited_from or r.id, r.record) for r in rows if not r.lifted_at)
    if active.empty:
        return 0
    done = pd.concat([active, lifted, _led(lifted, _fellowship(connection, lifted))])
    frontier, new = active, []
    while len(frontier):
        frontier = _without(_led(frontier, _plausible(connection, frontier)), done)
        done = pd.concat([done, frontier])
        new.append(frontier)
    found = pd.concat(new).sort_values(["root", "record"])
    if len(found):
        moment = now or connection.execute(select(Run.at).where(Run.id == run)).scalar_one()
        for root, record in zip(found["root"].tolist(), found["record"].tolist(), strict=True):
            _enter(connection, record, why=SPREAD, by=REGISTER, now=moment,
                   action="shield_spread", inherited_from=root)  # fmt: skip
    return len(found)


def _frame(rows: Iterable[tuple[int, int]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["root", "record"], dtype=np.int64)


def _led(frontier: pd.DataFrame, ways: pd.DataFrame) -> pd.DataFrame:
    """Where the ways, from ``record`` to ``to``, lead from here."""
    led = frontier.merge(ways, on="record")[["root", "to"]]
    return led.rename(columns={"to": "record"}).drop_duplicates()


def _without(some: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    known = pd.MultiIndex.from_frame(others)
    return some[~pd.MultiIndex.from_frame(some).isin(known)]


def _plausible(connection: Connection, frontier: pd.DataFrame) -> pd.DataFrame:
    """Ways to records of the same children, and on to those linked to one or waiting to be."""
    within = _fellowship(connection, frontier)
    inside = np.union1d(frontier["record"], within["to"])
    query = select(Pair.l, Pair.r).where(
        or_(among(connection, Pair.l, inside), among(connection, Pair.r, inside)),
        or_(Pair.link == 1, Pair.waiting == 1),
    )
    l, r = columns(connection, query)
    ways = pd.DataFrame({"record": np.concatenate([l, r]), "to": np.concatenate([r, l])})
    return pd.concat([within, ways])


def _fellowship(connection: Connection, some: pd.DataFrame) -> pd.DataFrame:
    """Ways to the records that are of one child with these."""
    one, other = aliased(Membership), aliased(Membership)
    query = (
        select(one.record, other.record)
        .join(other, other.child == one.child)
        .where(
            one.to_run.is_(None),
            other.to_run.is_(None),
            among(connection, one.record, np.unique(some["record"])),
        )
    )
    record, to = columns(connection, query)
    return pd.DataFrame({"record": record, "to": to})


def _enter(
    connection: Connection,
    record: int,
    *,
    why: str,
    by: str,
    now: datetime,
    action: str,
    inherited_from: int | None = None,
) -> int:
    entry = {"record": record, "inherited_from": inherited_from, "why": why, "by": by, "at": now}
    number: int = connection.execute(insert(Shield).values(entry).returning(Shield.id)).scalar_one()
    audit(connection, action, f"shield {number}", by=by, now=now)
    return number
