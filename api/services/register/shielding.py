"""Shields set and lifted by people, and how they spread at the end of each run.

A shield spreads to every record that is linked to a shielded child or waits to be, or would if
nobody had said that it is another's, since an unshielded double of a shielded child gives it
away. Each stays until a person who may lifts it for that child; what was lifted does not come
back from the same shield.

A record that was put alone since is shielded as well if it is like the child's, but it hides
nothing but itself and leads nowhere: or whoever may put records could hide any child by one
that is like both.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection, func, insert, or_, select, update
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Membership, Pair, Record, RecordVersion, Run, Shield, Source
from api.db.tables import in_utc
from api.services.register.acts import ActError, Key, audit, find_record, passes, require_reason
from api.services.register.closure import fellows
from api.services.register.columns import Numbers, columns
from api.services.register.decisions import NON_MATCH, decisions_in_force
from api.services.register.severances import severed_between

# Who is named where a shield spread.
REGISTER = "register"
SPREAD = "plausibly the same child as a shielded one"


def shield(connection: Connection, *, record: Key, why: str, by: str, now: datetime) -> int:
    """Hide at once where the record's child lives; the shield's number. Raises ActError."""
    found = check_can_shield(connection, record=record, why=why)
    number = _enter(connection, found, why=why, by=by, now=now, action="shielded")
    spread_shields(connection, now=now)
    return number


def check_can_shield(connection: Connection, *, record: Key, why: str) -> int:
    """A record that is a child's, or was until it was gone; its record.id. Raises ActError."""
    require_reason(why)
    return find_record(connection, record, gone=True)


def can_shield(connection: Connection, *, record: Key, why: str) -> bool:
    """Whether the record can be shielded."""
    return passes(check_can_shield, connection, record=record, why=why)


def lift_shields(connection: Connection, *, record: Key, why: str, by: str, now: datetime) -> int:
    """Lift every shield from the record's child; how many. Other children keep theirs.

    Raises ActError, see `check_can_lift`.
    """
    numbers = check_can_lift(connection, record=record, why=why)
    where = among(Shield.id, numbers)
    values = {"lifted_by": by, "lifted_at": now, "lifted_why": why}
    connection.execute(update(Shield).where(where).values(values))
    for number in numbers.tolist():
        audit(connection, "shield_lifted", f"shield {number}", by=by, now=now)
    return len(numbers)


def still_hidden(connection: Connection, *, record: Key) -> list[Key]:
    """Records that shields hide which were lifted from this record's child, in order.

    They spread there while the two might be one child, and stay until they are lifted there as
    well. Nothing of severed children.
    """
    own = np.array([find_record(connection, record, gone=True)], dtype=np.int64)
    child = np.union1d(own, fellows(connection, own))
    root = func.coalesce(Shield.inherited_from, Shield.id)
    lifted = select(root).where(Shield.lifted_at.is_not(None), among(Shield.record, child))
    query = select(Shield.record).where(Shield.lifted_at.is_(None), root.in_(lifted))
    found = np.unique(columns(connection, query)[0])
    found = found[~severed_between(connection, np.full(len(found), own[0]), found)]
    keys = (
        select(Source.name, Record.record_id)
        .join(Source, Source.number == Record.source)
        .where(among(Record.id, found))
        .order_by(Source.name, Record.record_id)
    )
    return [(source, record_id) for source, record_id in connection.execute(keys)]


def check_can_lift(connection: Connection, *, record: Key, why: str) -> Numbers:
    """A record whose child is shielded; the shields. Raises ActError."""
    require_reason(why)
    own = np.array([find_record(connection, record, gone=True)], dtype=np.int64)
    child = np.union1d(own, fellows(connection, own))
    query = select(Shield.id).where(Shield.lifted_at.is_(None), among(Shield.record, child))
    numbers = np.unique(columns(connection, query)[0])
    if not len(numbers):
        raise ActError("no shield is on this record's child")
    return numbers


def can_lift(connection: Connection, *, record: Key, why: str) -> bool:
    """Whether there is a shield to lift."""
    return passes(check_can_lift, connection, record=record, why=why)


def spread_to(
    connection: Connection, record: int, roots: Collection[int], *, now: datetime
) -> None:
    """Spread shields that people set to a lookalike that is being put.

    Also those that were lifted from it: that was of what it said then.
    """
    for number in sorted(roots):
        _enter(connection, record, why=SPREAD, by=REGISTER, now=now, action="shield_spread",
               inherited_from=number, lookalike=True)  # fmt: skip


def spread_shields(
    connection: Connection,
    *,
    now: datetime | None = None,
    run: int | None = None,
    around: Numbers | None = None,
) -> int:
    """Shield all that is plausibly a shielded child's, near and far; how many records.

    One that was lifted from a child does not come back to it by the same shield. ``now``
    may be left out for a ``run``, whose moment it then is. If nothing has changed since they
    were last spread but children and pairs of the records ``around``, no others are looked at.
    """
    if around is not None:
        around = _shielded_near(connection, around)
        if not len(around):
            return 0
    rows = connection.execute(select(Shield.__table__)).all()
    if any(r.lookalike and not r.lifted_at for r in rows):
        _make_ordinary(connection)
        rows = connection.execute(select(Shield.__table__)).all()
    # By the shield that a person set and the record that it is on, in this or another way.
    lifted = _frame((r.inherited_from or r.id, r.record) for r in rows if r.lifted_at)
    active = _frame((r.inherited_from or r.id, r.record) for r in rows if not r.lifted_at)
    if active.empty:
        return 0
    set_at = {r.id: in_utc(r.at) for r in rows if r.inherited_from is None}
    leading = {r.record for r in rows if not (r.lifted_at or r.lookalike)}
    done = pd.concat([active, lifted, _led(lifted, _fellowship(connection, lifted))])
    frontier = active[active["record"].isin(leading)]
    if around is not None:
        frontier = frontier[frontier["record"].isin(around)]
    new = [frontier[:0].assign(lookalike=False)]
    while len(frontier):
        ways = _plausible(connection, frontier, leading, min(set_at.values()))
        found = _without(_led(frontier, ways), done)
        put_at = _put_alone(connection, found["record"])
        found["lookalike"] = [
            record in put_at and put_at[record] > set_at[root]
            for root, record in zip(found["root"].tolist(), found["record"].tolist(), strict=True)
        ]
        new.append(found)
        frontier = found.loc[~found["lookalike"], ["root", "record"]]
        done = pd.concat([done, found[["root", "record"]]])
    found = pd.concat(new).sort_values(["root", "record"])
    if len(found):
        moment = now or connection.execute(select(Run.at).where(Run.id == run)).scalar_one()
        each = (found[name].tolist() for name in ("root", "record", "lookalike"))
        for root, record, lookalike in zip(*each, strict=True):
            _enter(connection, record, why=SPREAD, by=REGISTER, now=moment,
                   action="shield_spread", inherited_from=root, lookalike=lookalike)  # fmt: skip
    return len(found)


def _shielded_near(connection: Connection, records: Numbers) -> Numbers:
    """Shielded records among these and those that are linked to one or wait to be."""
    if connection.scalar(select(Shield.id).limit(1)) is None:
        return records[:0]
    near = np.union1d(records, np.concatenate(_joined_to(connection, records)))
    query = select(Shield.record).where(Shield.lifted_at.is_(None), among(Shield.record, near))
    return columns(connection, query)[0]


def _joined_to(connection: Connection, records: Numbers) -> list[Numbers]:
    """Both ends of the pairs of these records that are linked or wait to be.

    Also of those for which more speaks than against, but of which somebody decided that they are
    two children: whoever decides on pairs need not be cleared, so a decision keeps no shield away.
    """
    near = or_(among(Pair.l, records), among(Pair.r, records))
    query = select(Pair.l, Pair.r).where(near, or_(Pair.link == 1, Pair.waiting == 1))
    l, r = columns(connection, query)
    said = decisions_in_force(connection, records)
    refused = said.loc[said["kind"] == NON_MATCH, ["l", "r"]].to_numpy(dtype=np.int64)
    if not len(refused):
        return [l, r]
    likely = select(Pair.l, Pair.r).where(near, Pair.weight >= 0, Pair.apart == 0)
    one, other = columns(connection, likely)
    pairs = {tuple(pair) for pair in refused.tolist()}
    found = np.array(
        [tuple(sorted(pair)) in pairs for pair in zip(one.tolist(), other.tolist(), strict=True)],
        dtype=bool,
    )
    found &= ~severed_between(connection, one, other)
    return [np.concatenate([l, one[found]]), np.concatenate([r, other[found]])]


def _make_ordinary(connection: Connection) -> None:
    """A lookalike that an extract has brought since is a record like any other."""
    query = select(Shield.record).where(Shield.lookalike, Shield.lifted_at.is_(None))
    brought = select(RecordVersion.record).where(
        RecordVersion.to_run.is_(None),
        RecordVersion.extract.is_not(None),
        RecordVersion.record.in_(query),
    )
    ordinary = update(Shield).where(Shield.lookalike, Shield.record.in_(brought))
    connection.execute(ordinary.values(lookalike=False))


def _put_alone(connection: Connection, records: Iterable[int]) -> dict[int, datetime]:
    """Of these records those that say what they do since they were put alone, and when."""
    said = aliased(RecordVersion)
    query = (
        select(RecordVersion.record, func.max(Run.at))
        .join(Run, Run.id == RecordVersion.from_run)
        .join(said, (said.record == RecordVersion.record) & said.to_run.is_(None))
        .where(
            said.extract.is_(None),
            RecordVersion.extract.is_(None),
            Run.kind == "record",
            among(RecordVersion.record, np.unique(np.fromiter(records, np.int64))),
        )
        .group_by(RecordVersion.record)
    )
    return {record: in_utc(at) for record, at in connection.execute(query)}


def _frame(rows: Iterable[tuple[int, int]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["root", "record"], dtype=np.int64)


def _led(frontier: pd.DataFrame, ways: pd.DataFrame) -> pd.DataFrame:
    """Where the ways, from ``record`` to ``to``, lead from here."""
    led = frontier.merge(ways, on="record")[["root", "to"]]
    return led.rename(columns={"to": "record"}).drop_duplicates()


def _without(some: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    known = pd.MultiIndex.from_frame(others)
    return some[~pd.MultiIndex.from_frame(some).isin(known)].copy()


def _plausible(
    connection: Connection, frontier: pd.DataFrame, leading: Collection[int], since: datetime
) -> pd.DataFrame:
    """Ways to records of the same children, and on to those linked to one or waiting to be.

    Within a child that holds a record put alone ``since`` then, and not ``leading`` before, only
    a link is a way to a record that was not: that record may be what holds the child together.
    """
    within = _fellowship(connection, frontier)
    put_at = _put_alone(connection, within["to"])
    put = {one for one, at in put_at.items() if at > since and one not in leading}
    inside = np.union1d(frontier["record"], within["to"])
    l, r = _joined_to(connection, inside)
    ways = pd.DataFrame({"record": np.concatenate([l, r]), "to": np.concatenate([r, l])})
    mixed = within["record"].isin(within.loc[within["to"].isin(put), "record"])
    return pd.concat([within[~mixed | within["to"].isin(put)], ways])


def _fellowship(connection: Connection, some: pd.DataFrame) -> pd.DataFrame:
    """Ways to the records that are of one child with these."""
    one, other = aliased(Membership), aliased(Membership)
    query = (
        select(one.record, other.record)
        .join(other, other.child == one.child)
        .where(
            one.to_run.is_(None),
            other.to_run.is_(None),
            among(one.record, np.unique(some["record"])),
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
    lookalike: bool = False,
) -> int:
    entry = {"record": record, "inherited_from": inherited_from, "lookalike": lookalike,
             "why": why, "by": by, "at": now}  # fmt: skip
    number: int = connection.execute(insert(Shield).values(entry).returning(Shield.id)).scalar_one()
    audit(connection, action, f"shield {number}", by=by, now=now)
    return number
