"""One record put or deleted, linked at once.

For systems that tell of each change as it happens. What an extract later says of the
record counts as usual: a snapshot that does not list it ends it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from sqlalchemy import Connection, insert, select, update

from api.db.models import Membership, Record, RecordVersion, RunKind, Source
from api.services.access.audit import note_act
from api.services.extracts.changes import CONTENT_COLUMNS
from api.services.extracts.dates import extract_dates
from api.services.extracts.hashes import row_hash
from api.services.extracts.receiving import did_you_mean
from api.services.extracts.states import is_ahead, written_day
from api.services.register.kept_rules import InForce
from api.services.register.linker import LinkOutcome
from api.services.register.linking import link_register
from api.services.register.lookalikes import shields_for
from api.services.register.running import begin_run, end_run, lock_register
from api.services.register.shielding import spread_to
from api.services.text import tidy_id
from matcher.errors import DataError
from matcher.frames import RECORD_COLUMNS, RECORD_TEXT_COLUMNS
from matcher.read.records import KNOWN_BY


class RecordRefusedError(DataError):
    """A record says what an extract's row is rejected or not believed for.

    ``field`` is the one at fault, if it is one; ``code`` is that of a reject or note.
    """

    def __init__(self, code: str, field: str | None, message: str) -> None:
        self.code, self.field = code, field
        super().__init__(message)


class OlderDayError(DataError):
    """A record says what its source held on a later day: a put that comes late changes nothing."""


@dataclass(frozen=True)
class Put:
    """What became of a record: whether it is new, whether it says something else now.

    One that says the same on a later day has a ``run`` and is not ``changed``. ``child`` is the
    child that it belongs to; none for a carer, or a record that is gone.
    """

    created: bool
    changed: bool
    child: str | None
    run: int | None
    outcome: LinkOutcome | None


def put_record(
    connection: Connection,
    rules: InForce,
    *,
    source: str,
    record_id: str,
    values: Mapping[str, str],
    as_of: date | None,
    by: str,
    now: datetime,
    anew: bool = False,
) -> Put:
    """Let a record say ``values`` (columns of RECORDS as text) from now on, and link it.

    ``as_of`` is the day on which the source held them, that of ``now`` if it is not known.
    One that says the same changes nothing but the day, and that only if a later one is given.
    ``anew`` enters them also if it says so already: whoever may not see what it says is not
    to learn that a guess was right.

    Raises DataError if the source is not one of the register's, RecordRefusedError if an
    extract would not bring such a record, OlderDayError if it says by now what the source
    held on a day after ``as_of``.
    """
    said = _said(values)
    _check_id(record_id)
    _check(said, as_of, now)
    lock_register(connection)
    number = _source(connection, source)
    content = row_hash(said, CONTENT_COLUMNS)
    record, version, before = _current(connection, number, record_id)
    day = None if version is None or as_of is None else _day_of(connection, number, version)
    if before == content and not anew:
        if record is None or version is None or as_of is None or day is None or as_of <= day:
            return Put(False, False, _child(connection, record), None, None)
        return _redate(connection, rules, record, version, as_of, by=by, now=now)
    _check_not_older(
        as_of,
        day,
        "leave the record as it is, or give the date on which the source held these values",
    )
    like = shields_for(connection, record, {**values, "source": source})
    run = begin_run(connection, rules, kind=RunKind.RECORD, by=by, now=now)
    if record is None:
        record = connection.execute(
            insert(Record).values(source=number, record_id=record_id).returning(Record.id)
        ).scalar_one()
    _close(connection, version, run)
    spread_to(connection, record, like.new, now=now)
    version_of = {"record": record, "from_run": run, "content_hash": content,
                  "as_of": as_of or now.date(), "unplaced": like.unplaced,
                  "unaccompanied": like.nearly}  # fmt: skip
    connection.execute(insert(RecordVersion), [{**said, **version_of}])
    outcome = _link(connection, rules, run, record, by, now, "record_put")
    return Put(version is None, True, _child(connection, record), run, outcome)


def _redate(
    connection: Connection,
    rules: InForce,
    record: int,
    version: int,
    as_of: date,
    *,
    by: str,
    now: datetime,
) -> Put:
    """Let a record say what it says as of a later day, which counts where golden values are chosen.

    Its place counts as it did: a day tells nothing of where a child lives.
    """
    run = begin_run(connection, rules, kind=RunKind.RECORD, by=by, now=now)
    other = {"from_run": run, "to_run": None, "as_of": as_of, "extract": None}
    table = RecordVersion.__table__
    kept = [column.name for column in table.columns if column.name not in ("id", *other)]
    row = connection.execute(select(*(table.c[name] for name in kept)).where(table.c.id == version))
    said = dict(row.mappings().one())
    _close(connection, version, run)
    connection.execute(insert(RecordVersion), [{**said, **other}])
    again = [record] if said["role"] == "child" else []
    outcome = _link(connection, rules, run, record, by, now, "record_put", redated=again)
    return Put(False, False, _child(connection, record), run, outcome)


def delete_record(
    connection: Connection,
    rules: InForce,
    *,
    source: str,
    record_id: str,
    by: str,
    now: datetime,
    as_of: date | None = None,
) -> Put:
    """Let a record say nothing any more.

    ``as_of`` is a day on which the source had it no more. Raises DataError if the source has no
    such record, RecordRefusedError if that day is yet to come, OlderDayError if the record says
    by now what the source held on a day after it.
    """
    _check_days({"as_of": as_of}, now)
    lock_register(connection)
    number = _source(connection, source)
    record, version, _ = _current(connection, number, record_id)
    if record is None:
        raise DataError(f"{source} has no record with this id; check both")
    if version is None:
        raise DataError(f"{source} does not list this record any more")
    _check_not_older(as_of, _day_of(connection, number, version), "leave the record as it is")
    run = begin_run(connection, rules, kind=RunKind.RECORD, by=by, now=now)
    _close(connection, version, run)
    outcome = _link(connection, rules, run, record, by, now, "record_deleted")
    return Put(False, True, None, run, outcome)


def _said(values: Mapping[str, str]) -> dict[str, str | date | None]:
    """What a version says, by column; a record is a child's if nothing else is said."""
    unknown = values.keys() - {*RECORD_COLUMNS}
    if unknown:
        raise KeyError(f"no such column: {', '.join(sorted(unknown))}")
    texts = {name: values.get(name) or None for name in RECORD_TEXT_COLUMNS}
    born = values.get("date_of_birth")
    day = date.fromisoformat(born) if born else None
    return {**texts, "role": texts["role"] or "child", "date_of_birth": day}


def _check_id(record_id: str) -> None:
    try:
        tidy_id(record_id)
    except ValueError as error:
        raise RecordRefusedError("missing_record_id", "record_id", f"its id: {error}") from None


def _check(said: Mapping[str, str | date | None], as_of: date | None, now: datetime) -> None:
    if not any(said[name] for name in KNOWN_BY):
        message = "the record has neither a name nor a date of birth or identifier to know a "
        raise RecordRefusedError("no_name", None, message + "person by")
    _check_days({"date_of_birth": said["date_of_birth"], "as_of": as_of}, now)


def _check_days(days: Mapping[str, str | date | None], now: datetime) -> None:
    codes = {"date_of_birth": "birth_in_future", "as_of": "day_in_future"}
    for name, day in days.items():
        if isinstance(day, date) and is_ahead(day, now):
            raise RecordRefusedError(codes[name], name, "this day is yet to come")


def _source(connection: Connection, name: str) -> int:
    number = connection.scalar(select(Source.number).where(Source.name == name))
    if number is None:
        meant = did_you_mean(name, connection.scalars(select(Source.name)))
        remedy = meant.strip() or "ingest an extract of it first"
        raise DataError(f"the register has no source {name!r}; {remedy}")
    return int(number)


def _current(
    connection: Connection, source: int, record_id: str
) -> tuple[int | None, int | None, int | None]:
    """record.id, the id of its current version, and the hash of what that says."""
    found = connection.execute(
        select(Record.id, RecordVersion.id, RecordVersion.content_hash)
        .outerjoin(
            RecordVersion,
            (RecordVersion.record == Record.id) & RecordVersion.to_run.is_(None),
        )
        .where(Record.source == source, Record.record_id == record_id)
    ).one_or_none()
    return (None, None, None) if found is None else (found[0], found[1], found[2])


def _day_of(connection: Connection, source: int, version: int) -> date:
    """The day on which the source held what a version says, as far as is known."""
    own, extract = connection.execute(
        select(RecordVersion.as_of, RecordVersion.extract).where(RecordVersion.id == version)
    ).one()
    (day,) = extract_dates(connection).of(
        np.array([own], dtype="datetime64[D]"), np.array([source]), np.array([extract or 0])
    )
    found: date = day.item()
    return found


def _check_not_older(as_of: date | None, day: date | None, remedy: str) -> None:
    """As for extracts, what is older is not written over what is newer. Raises OlderDayError."""
    if as_of is not None and day is not None and as_of < day:
        raise OlderDayError(
            f"the as-of date {written_day(as_of)} is older than that of what the record says "
            f"now, {written_day(day)}; {remedy}"
        )


def _close(connection: Connection, version: int | None, run: int) -> None:
    if version is not None:
        connection.execute(
            update(RecordVersion).where(RecordVersion.id == version).values(to_run=run)
        )


def _link(
    connection: Connection,
    rules: InForce,
    run: int,
    record: int,
    by: str,
    now: datetime,
    action: str,
    *,
    redated: Sequence[int] | None = None,
) -> LinkOutcome:
    """Link what changed; ``redated`` is given where nothing did but a day, of these records."""
    outcome = link_register(
        connection,
        run=run,
        rules=rules.book.linkage,
        model=rules.model,
        changed=np.array([record] if redated is None else [], dtype=np.int64),
        recheck=np.array(redated or [], dtype=np.int64),
    )
    end_run(connection, run, outcome)
    note_act(connection, action, f"record {record}", by=by, now=now)
    return outcome


def _child(connection: Connection, record: int | None) -> str | None:
    return connection.scalar(
        select(Membership.child).where(Membership.record == record, Membership.to_run.is_(None))
    )
