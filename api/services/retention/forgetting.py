"""Forgetting what records said, wherever it is kept.

A test looks for values of erased records in every table, so that none is overlooked.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import (
    Connection,
    Engine,
    bindparam,
    case,
    delete,
    exists,
    func,
    null,
    or_,
    select,
    update,
)

from api.db.among import among
from api.db.engine import is_sqlite, writing
from api.db.models import (
    ACTIVITY,
    Correction,
    Decision,
    Erasure,
    Event,
    Extract,
    Golden,
    KeptReply,
    Membership,
    Record,
    RecordVersion,
    Referral,
    Reject,
    ReviewAnswer,
    Run,
    Severance,
    Shield,
    Source,
)
from api.services.exports import drop_contents
from api.services.register.acts import keys_of
from api.services.register.columns import Numbers, columns
from api.services.register.corrections import BY_HAND, left_with
from api.services.retention.holds import came_of
from matcher.frames import RECORD_TEXT_COLUMNS
from matcher.rules.survivorship import GOLDEN_FIELDS

# Stands where people wrote something of an erased record.
ERASED = "erased"
# For so long the change feed names an erased record by its source's key, so that those who
# keep a copy learn which one to erase.
KEYS_KEPT_FOR = timedelta(days=30)

_LINKS = ("record_linked", "record_unlinked")
# As tables, so that many rows are each updated by their own values.
_EVENTS: Any = Event.__table__
_RECORDS: Any = Record.__table__


def end_corrections(
    connection: Connection, records: Numbers, *, by: str, now: datetime, run: int
) -> Numbers:
    """Release what was corrected on these records; records of children that it shows on."""
    mine = among(Correction.record, records)
    holding = select(Correction.record).where(mine, Correction.released_at.is_(None))
    left = left_with(connection, connection.scalars(holding.distinct()).all())
    connection.execute(
        update(Correction)
        .where(mine, Correction.released_at.is_(None))
        .values(released_by=by, released_at=now, released_why=ERASED, run=run)
    )
    return np.setdiff1d(np.array(left, dtype=np.int64), records)


def forget(connection: Connection, records: Numbers, run: int, *, now: datetime) -> datetime | None:
    """Clear what these records said; when the feed has to forget their keys, if it knows any.

    They say nothing any more, and were linked so, as of ``run``.
    """
    _forget_golden(connection, records)
    _forget_versions(connection, records)
    _forget_acts(connection, records)
    _forget_rejects(connection, records)
    # These hold what somebody was told. Both are gone within a day by themselves.
    connection.execute(delete(KeptReply))
    drop_contents(connection)
    return _forget_keys(connection, records, run, now=now)


def _forget_golden(connection: Connection, records: Numbers) -> None:
    """Values that survived of these records in the past, or were set by hand on them."""
    ever = select(Membership.child).where(among(Membership.record, records))
    children = sorted(set(connection.scalars(ever)))
    sources = select(Source.number, Source.name).join(Record).distinct()
    for number, name in connection.execute(sources.where(among(Record.id, records))):
        held = (
            select(Membership.record)
            .join(Record, Record.id == Membership.record)
            .where(
                Membership.child == Golden.child,
                among(Membership.record, records),
                Record.source == number,
                Membership.from_run < Golden.to_run,
                or_(Membership.to_run.is_(None), Membership.to_run > Golden.from_run),
            )
            .correlate(Golden)
        )
        _blank_golden(connection, children, name, GOLDEN_FIELDS, held.exists())
    by_hand = select(Correction.field).where(among(Correction.record, records))
    fields = set(connection.scalars(by_hand))
    _blank_golden(connection, came_of(connection, children), BY_HAND, sorted(fields))


def _blank_golden(
    connection: Connection, children: list[str], source: str, fields: Iterable[str], *which: Any
) -> None:
    """Blank these fields in golden values of the past, where they come from this source.

    What holds now was picked without the erased records.
    """
    blank = {
        column: case((getattr(Golden, f"{field}_source") == source, null()),
                     else_=getattr(Golden, column))
        for field in fields
        for column in (field, f"{field}_source")
    }  # fmt: skip
    if blank:
        past = (Golden.to_run.is_not(None), among(Golden.child, children))
        connection.execute(update(Golden).where(*past, *which).values(blank))


def _forget_versions(connection: Connection, records: Numbers) -> None:
    """That there were versions, and when, stays known; activity goes."""
    texts = [name for name in RECORD_TEXT_COLUMNS if name != "role"]
    nothing = dict.fromkeys((*texts, "date_of_birth", "as_of"))
    connection.execute(
        update(RecordVersion)
        .where(among(RecordVersion.record, records))
        .values(nothing | {"content_hash": 0})
    )
    activity: list[Any] = [*ACTIVITY.values()]
    for table in activity:
        connection.execute(delete(table).where(among(table.record, records)))


def _forget_acts(connection: Connection, records: Numbers) -> None:
    """What people quoted or wrote of these records; that they did, and what, stays known."""

    def about(column: Any) -> Any:
        return among(column, records)

    for record, said in (
        (Decision.record_l, Decision.values_l),
        (Decision.record_r, Decision.values_r),
    ):
        of_side = update(Decision).where(about(record))
        connection.execute(of_side.values({said.key: {}, "why": ERASED}))
    for table in (ReviewAnswer, Referral):
        written: dict[str, Any] = {"note": ERASED}
        if table is ReviewAnswer:
            written = {"read": "", "why": ERASED, "weighed": None}
        of_pair = or_(about(table.low), about(table.high))
        connection.execute(update(table).where(of_pair).values(written))
    let_go = case((Correction.released_at.is_(None), null()), else_=ERASED)
    corrected = update(Correction).where(about(Correction.record))
    connection.execute(corrected.values(value="", why=ERASED, released_why=let_go))
    of_either = or_(about(Severance.record_l), about(Severance.record_r))
    connection.execute(update(Severance).where(of_either).values(why=ERASED))
    lifted = case((Shield.lifted_at.is_(None), null()), else_=ERASED)
    shielded = update(Shield).where(about(Shield.record))
    connection.execute(shielded.values(why=ERASED, lifted_why=lifted))


def _forget_rejects(connection: Connection, records: Numbers) -> None:
    """Which rows of extracts were about these records; that they were rejected stays known."""
    ids = select(Record.record_id).where(among(Record.id, records), Record.source == Extract.source)
    of_them = (Extract.id == Reject.extract) & Reject.record_id.in_(ids)
    connection.execute(update(Reject).where(exists().where(of_them)).values(record_id=""))


def _forget_keys(
    connection: Connection, records: Numbers, run: int, *, now: datetime
) -> datetime | None:
    """Name the records otherwise than their sources do.

    In the feed only where that says of each for long that it is unlinked, or where it must
    not be told in full; the others' events are marked for `forget_keys`.
    """
    key = keys_of(connection, records)
    later = _told_of_lately(connection, records, run, now)
    held = select(Membership.record, Membership.child).where(among(Membership.record, records))
    links = {(record, child) for record, child in connection.execute(held)}
    told = [
        {"of": child, "its_source": key[record][0], "its_key": key[record][1],
         "named": key[record][1] if record in later else key_of(record),
         "mark": {"erased": record}}
        for record, child in sorted(links)
    ]  # fmt: skip
    if told:
        events = update(_EVENTS).where(
            Event.child == bindparam("of"),
            Event.source == bindparam("its_source"),
            Event.record_id == bindparam("its_key"),
            Event.run <= run,
        )
        values: Any = {"record_id": bindparam("named"), "detail": bindparam("mark")}
        connection.execute(events.values(values), told)
    renamed = update(_RECORDS).where(Record.id == bindparam("number"))
    connection.execute(
        renamed.values(record_id=bindparam("named"), erased_run=run),
        [{"number": record, "named": key_of(record)} for record in records.tolist()],
    )
    return now + KEYS_KEPT_FOR if later else None


def key_of(record: int) -> str:
    """The key of an erased record."""
    return f"erased-{record}"


def _told_of_lately(
    connection: Connection, records: Numbers, run: int, now: datetime
) -> frozenset[int]:
    """Records that left their child not long ago and that the feed tells of in full."""
    left = (
        select(Membership.record)
        .join(Run, Run.id == Membership.to_run)
        .where(
            among(Membership.record, records),
            or_(Run.at > now - KEYS_KEPT_FOR, Run.id == run),
        )
    )
    severed = columns(connection, select(Severance.record_l, Severance.record_r))
    return frozenset(connection.scalars(left)) - set(np.concatenate(severed).tolist())


def forget_keys(connection: Connection, now: datetime) -> None:
    """Let the feed forget the keys that it had to tell for a while longer."""
    over = select(Erasure.run).where(Erasure.keys_until <= now)
    for run in connection.scalars(over).all():
        children = (
            select(Membership.child)
            .join(Record, Record.id == Membership.record)
            .where(Record.erased_run == run)
        )
        rows = connection.execute(
            select(Event.id, Event.record_id, Event.detail).where(
                Event.child.in_(children), Event.kind.in_(_LINKS)
            )
        ).all()
        mine = [
            {"number": row.id, "named": key_of(row.detail["erased"])}
            for row in rows
            if row.detail and "erased" in row.detail
        ]
        if mine:
            one = update(_EVENTS).where(Event.id == bindparam("number"))
            connection.execute(one.values(record_id=bindparam("named")), mine)
        done = update(Erasure).where(Erasure.run == run)
        connection.execute(done.values(keys_until=None))


def sweep(engine: Engine, now: datetime) -> None:
    """Clear the database's files of what erasures deleted, and keys whose time is over.

    What is deleted stays in a file until its place is taken. So SQLite writes its file anew,
    and PostgreSQL gives the places free.
    """
    unswept = Erasure.swept_at.is_(None)
    with writing(engine) as connection:
        forget_keys(connection, now)
        waits = connection.scalar(select(func.count()).select_from(Erasure).where(unswept))
    if not waits:
        return
    _at_once(engine, "VACUUM")
    with writing(engine) as connection:
        connection.execute(update(Erasure).where(unswept, Erasure.at <= now).values(swept_at=now))
    if is_sqlite(engine):
        _at_once(engine, "PRAGMA wal_checkpoint(TRUNCATE)")


def _at_once(engine: Engine, statement: str) -> None:
    """Do what no transaction may do."""
    connection = engine.raw_connection()
    try:
        if not is_sqlite(engine):
            connection.driver_connection.autocommit = True  # type: ignore[union-attr]
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()
    finally:
        connection.invalidate()
