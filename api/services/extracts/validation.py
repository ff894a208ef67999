"""Looking an extract over before it is let in: read, count, compare, judge."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Row, delete, func, select, update

from api.db.bulk import insert
from api.db.models import Extract, ExtractState, Record, RecordVersion, Reject, Run
from api.services.access.keepers import may_know_places
from api.services.extracts.ahead import due_of, once_done
from api.services.extracts.another import another_person
from api.services.extracts.arrays import Flags, cells
from api.services.extracts.changes import diff
from api.services.extracts.files import drop_file
from api.services.extracts.mapping import is_first_of_its_mapping
from api.services.extracts.quality import describe, fallen, measured
from api.services.extracts.reading import read_kept
from api.services.extracts.states import (
    StateError,
    accept,
    can_accept,
    check_can_accept,
    extract_row,
    hold_extract,
    note,
    pass_over,
    require,
)
from api.services.register.lookalike_rows import MOST, count_lookalike_rows
from api.services.register.running import lock_register
from api.services.register.shields import shielded_records
from api.services.rules import RuleBook
from matcher.errors import ExtractRefused
from matcher.frames import REJECT_COLUMNS
from matcher.read import Progress, ReadResult
from matcher.rules.loading import Stop

# The code of a stop that only somebody who is cleared may set aside.
SHIELDED = "shielded"


@dataclass(frozen=True)
class Validated:
    """Where the extract stands now: refused (why is told), validated, or accepted at once.

    Superseded, if a later one of its source was accepted before it was looked over.

    ``report`` is the data-quality report and ``read`` the extract, unless it was refused; it was
    not read here if somebody else looked it over meanwhile.
    """

    state: ExtractState
    report: dict[str, Any] | None = None
    read: ReadResult | None = None
    refusal: str | None = None


def validate(
    connection: Connection,
    extract: int,
    *,
    book: RuleBook,
    by: str,
    now: datetime,
    links: bool = False,
    progress: Progress | None = None,
) -> Validated:
    """Read a received extract, keep its rejects and its report, and judge it.

    It is accepted at once if the loading rules say so and nothing speaks against it. It is
    refused, and its file dropped, if it cannot be read as what it is said to be. One that
    was validated can be validated again, for example after rules changed.

    ``links`` says that the same transaction links it if it is accepted: whoever changes the
    register is then waited for before anything is entered into the log of acts, which they need.
    """
    row = require(connection, extract, ExtractState.RECEIVED, ExtractState.VALIDATED)
    try:
        read = read_kept(connection, extract, book, progress=progress)
    except ExtractRefused as refusal:
        return _refused(connection, extract, refusal, by=by, now=now)
    hold_extract(connection, extract)
    stands = extract_row(connection, extract)
    if stands.state != row.state:
        # Somebody else, who was brought the same, looked it over while this was read.
        return Validated(ExtractState(stands.state), stands.report, refusal=stands.refusal)
    if links:
        lock_register(connection)
    report = _look_over(connection, row, read, book, by=by, now=now)
    state = ExtractState.VALIDATED
    if book.loading.accept == "at_once" and not report["stops"] and can_accept(connection, extract):
        accept(connection, extract, by=by, now=now, by_rule=True)
        state = ExtractState.ACCEPTED
    elif not can_accept(connection, extract):
        pass_over(connection, extract, by=by, now=now)
        state = ExtractState.SUPERSEDED
    return Validated(state, report, read)


def accept_as_reported(
    connection: Connection,
    extract: int,
    *,
    book: RuleBook,
    by: str,
    now: datetime,
    cleared: bool,
) -> bool:
    """Accept an extract that a person has read the report of, if the report still holds.

    One with rows that may be of a shielded child only somebody ``cleared`` may accept.
    False if it does not: where anything was linked or withdrawn since, or other rules hold, the
    extract is compared and judged again. If that says something else it waits as before, with its
    new report; it is refused if it cannot be read any more. Raises StateError if it cannot be
    accepted, or while another of its source is, and still to be linked.
    """
    hold_extract(connection, extract)
    check_can_accept(connection, extract)
    row = require(connection, extract, ExtractState.VALIDATED)
    _check_none_is_on_its_way(connection, row)
    if not cleared and SHIELDED in {stop["code"] for stop in row.report["stops"]}:
        raise StateError(
            f"extract {extract} has rows that may be of shielded children; somebody who is cleared "
            "to know where these live must accept it"
        )
    seen = (row.report.get("after_run"), row.report.get("waited", []), row.report["rules"])
    if seen != (_last_run(connection), _due_numbers(connection, row.source), book.content_hash):
        try:
            read = read_kept(connection, extract, book)
        except ExtractRefused as refusal:
            _refused(connection, extract, refusal, by=by, now=now)
            return False
        again = _look_over(connection, row, read, book, by=by, now=now)
        if any(again[part] != row.report[part] for part in ("change", "stops")):
            return False
    accept(connection, extract, by=by, now=now)
    return True


def _check_none_is_on_its_way(connection: Connection, row: Row[Any]) -> None:
    """A person reads what an extract does to the register, and not to what may be in it."""
    other = connection.scalar(
        select(Extract.id)
        .where(Extract.source == row.source, Extract.state == ExtractState.ACCEPTED)
        .order_by(Extract.id)
        .limit(1)
    )
    if other is not None:
        raise StateError(
            f"extract {other} of the same source is accepted and not linked yet; accept this one "
            "once it is, since it is compared with what is in the register then"
        )


def _look_over(
    connection: Connection,
    row: Row[Any],
    read: ReadResult,
    book: RuleBook,
    *,
    by: str,
    now: datetime,
) -> dict[str, Any]:
    """Compare and judge an extract, and keep what was found; the report."""
    judged = {
        "rules": book.content_hash,
        "after_run": _last_run(connection),
        "waited": _due_numbers(connection, row.source),
    }
    with once_done(connection, row.source, book=book, now=now):
        report = _report(connection, row, read, book) | judged
    _keep_rejects(connection, row, read)
    connection.execute(
        update(Extract)
        .where(Extract.id == row.id)
        .values(state=ExtractState.VALIDATED, report=report)
    )
    stops = [stop["code"] for stop in report["stops"]]
    note(connection, row.id, "extract_validated", by=by, now=now, detail={"stops": stops})
    return report


def _refused(
    connection: Connection, extract: int, refusal: ExtractRefused, *, by: str, now: datetime
) -> Validated:
    message = str(refusal)
    connection.execute(
        update(Extract)
        .where(Extract.id == extract)
        .values(
            state=ExtractState.REFUSED,
            refusal=message,
            decided_by=None,
            decided_at=now,
            report=None,
        )
    )
    connection.execute(delete(Reject).where(Reject.extract == extract))
    drop_file(connection, extract)
    detail = {"code": refusal.code}
    note(connection, extract, "extract_refused_by_rule", by=by, now=now, detail=detail)
    return Validated(ExtractState.REFUSED, refusal=message)


def _report(
    connection: Connection, row: Row[Any], read: ReadResult, book: RuleBook
) -> dict[str, Any]:
    """The report, compared with what is current by then, and judged by the loading rules."""
    changes = diff(connection, source=row.source, read=read, mode=row.mode, as_of=row.as_of)
    another = another_person(connection, changes)
    cleared = may_know_places(connection, row.received_by)
    # Else it would tell which of two places is the one that is hidden.
    shielded = np.empty(0, dtype=np.int64) if cleared else shielded_records(connection)
    hidden = ~changes.new & np.isin(changes.record, shielded)
    changes = replace(changes, changed=changes.changed | hidden)
    report = describe(read, book.linkage, changes.content)
    before = _last_snapshot(connection, row.source)
    last = _last_date(connection, row.source)
    report["change"] = {
        "current": _current(connection, row.source),
        **changes.counts(),
        "another_person": another,
        "activity": changes.activity_counts(without=shielded),
    }
    delta = row.mode == "delta"
    report["completeness_fallen"] = {} if delta else fallen(before, report)
    same_date = last == row.as_of and not delta
    found = measured(report, delta=delta, same_date=same_date)
    stops = book.loading.judge(found)
    if is_first_of_its_mapping(connection, row.id):
        stops.append(Stop(code="new_columns", found=1, bound=0))
    if not cleared:
        said = (changes.new | changes.changed) & ~hidden & _of_children(changes.records)
        like = int(hidden.sum()) + count_lookalike_rows(connection, changes.records[said])
        if like:
            stops.append(Stop(code=SHIELDED, found=min(like, MOST), bound=0))
    report["stops"] = [stop.model_dump() for stop in stops]
    return report


def _of_children(records: pd.DataFrame) -> Flags:
    return np.asarray(records["role"].astype(object).to_numpy() == "child", dtype=np.bool_)


def _keep_rejects(connection: Connection, row: Row[Any], read: ReadResult) -> None:
    """Instead of what was kept of this extract before. Older ones are called by no record id any
    more: nobody looks for their rows, and of those that became no record no other rule would tell
    how long to keep it.
    """
    connection.execute(delete(Reject).where(Reject.extract == row.id))
    older = select(Extract.id).where(Extract.source == row.source, Extract.id < row.id)
    known = update(Reject).where(Reject.extract.in_(older), Reject.record_id != "")
    connection.execute(known.values(record_id=""))
    if len(read.rejects):
        columns = {name: cells(read.rejects[name]) for name in REJECT_COLUMNS if name != "source"}
        insert(connection, Reject, {"extract": row.id, **columns})


def _current(connection: Connection, source: int) -> int:
    """Current records of the source, of children and of carers."""
    counted = (
        select(func.count())
        .select_from(RecordVersion)
        .join(Record, Record.id == RecordVersion.record)
        .where(Record.source == source, RecordVersion.to_run.is_(None))
    )
    return connection.execute(counted).scalar_one()


def _due_numbers(connection: Connection, source: int) -> list[int]:
    return [one.extract for one in due_of(connection, source)]


def _last_run(connection: Connection) -> int:
    return connection.scalar(select(func.max(Run.id))) or 0


def _last_snapshot(connection: Connection, source: int) -> dict[str, Any] | None:
    """The report on the snapshot that is current."""
    return connection.scalar(
        select(Extract.report)
        .where(
            Extract.source == source,
            Extract.mode == "snapshot",
            Extract.state == ExtractState.CURRENT,
        )
        .limit(1)
    )


def _last_date(connection: Connection, source: int) -> date | None:
    """The latest as-of date of what is current."""
    return connection.scalar(
        select(func.max(Extract.as_of)).where(
            Extract.source == source, Extract.state == ExtractState.CURRENT
        )
    )
