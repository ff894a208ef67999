"""The kinds of queued work, and what does each.

An extract that was received is validated and, if it was accepted and so asked for, linked:
all in the transaction that ends its job, so that nothing of it is seen before it is done.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from api.db.engine import writing
from api.db.models import Extract, ExtractState, Job, JobState
from api.services.access.verifying import VERIFY, prepare_verification
from api.services.exports import EXPORT, prepare_export
from api.services.extracts import Mode, Received, receive
from api.services.extracts.listing import find_extract
from api.services.extracts.states import check_exported_on, extract_row, require
from api.services.extracts.validation import validate
from api.services.measures_kept import MEASURES, prepare_measures
from api.services.previews import COMMIT, PREVIEW, do_commit, prepare_preview
from api.services.register.kept_rules import InForce, rules_in_force
from api.services.register.running import RunResult, run_register
from api.services.retention.erasing import ERASE, do_erase
from api.services.review.ending import end_settled_leases
from api.services.review.sampling import DRAW, prepare_draw
from api.services.work import Handlers, JobView, ReadsFirst, Task, enqueue, jobs_by_id, retry
from matcher.progress import Observer
from matcher.read import ReadResult

INGEST = "ingest"
LINK = "link"


def queue_extract(
    engine: Engine,
    offered: InForce,
    *,
    source: str,
    path: Path,
    as_of: date,
    mode: Mode,
    by: str,
    new_source: bool,
) -> tuple[Received, int | None]:
    """`receive_and_queue` in a transaction of its own."""
    with writing(engine) as connection:
        return receive_and_queue(
            connection,
            offered,
            source=source,
            path=path,
            as_of=as_of,
            mode=mode,
            by=by,
            now=_now(),
            new_source=new_source,
        )


def receive_and_queue(
    connection: Connection,
    offered: InForce,
    *,
    source: str,
    path: Path,
    as_of: date,
    mode: Mode,
    by: str,
    now: datetime,
    new_source: bool = True,
    known_to: Collection[str] | None = None,
) -> tuple[Received, int | None]:
    """Receive an extract and queue the rest of the work; the job, unless nothing is to do.

    A refusal names no other sources than those of ``known_to``, if it is given. The same content
    again takes up work on it that failed or was cancelled.
    Raises what `receive` does; nothing is written then.
    """
    received = receive_today(
        connection,
        offered,
        source=source,
        path=path,
        as_of=as_of,
        mode=mode,
        by=by,
        now=now,
        new_source=new_source,
        known_to=known_to,
    )
    job = _unfinished(connection, received.extract) if received.unchanged else None
    if job is None and _is_on_its_way(connection, received.extract):
        job = queue_ingest(connection, extract=received.extract, by=by)
    return received, job


def receive_today(
    connection: Connection,
    offered: InForce,
    *,
    source: str,
    path: Path,
    as_of: date,
    mode: Mode,
    by: str,
    now: datetime,
    any_columns: bool = False,
    new_source: bool = True,
    known_to: Collection[str] | None = None,
) -> Received:
    """Receive an extract of a day that can be, by the rules in force. Raises as `receive` does."""
    check_exported_on(as_of, now)
    return receive(
        connection,
        source=source,
        path=path,
        as_of=as_of,
        mode=mode,
        by=by,
        book=rules_in_force(connection, offered).book,
        now=now,
        any_columns=any_columns,
        new_source=new_source,
        known_to=known_to,
    )


def queue_ingest(connection: Connection, *, extract: int, by: str) -> int:
    """Have a received extract looked over and, if it is accepted, linked; the job."""
    job = enqueue(connection, INGEST, {"extract": extract}, by)
    _followed_by(connection, extract, job)
    return job


def _is_on_its_way(connection: Connection, extract: int) -> bool:
    """Whether a worker is to bring it on; else a person is, or it has arrived."""
    state = extract_row(connection, extract).state
    return state in (ExtractState.RECEIVED, ExtractState.ACCEPTED)


def _unfinished(connection: Connection, extract: int) -> int | None:
    """The job that an extract on its way waits for, queued again if it was given up."""
    job = extract_row(connection, extract).job
    if job is None or not _is_on_its_way(connection, extract):
        return None
    view = jobs_by_id(connection, [job])[job]
    if retry(connection, job) or view.state != JobState.DONE:
        return int(job)
    return None


def queue_linking(connection: Connection, *, extract: int, by: str) -> int:
    """Have what an extract's acceptance or withdrawal asks for done; the job.

    One that waits already might begin before this transaction ends, and miss it.
    """
    job = enqueue(connection, LINK, {"extract": extract}, by)
    _followed_by(connection, extract, job)
    return job


def _followed_by(connection: Connection, extract: int, job: int) -> None:
    connection.execute(update(Extract).where(Extract.id == extract).values(job=job))


def find_job(
    connection: Connection, job: int, *, sources: Collection[str] | None
) -> JobView | None:
    """A job as it stands, unless it is about an extract of none of these sources, if not None."""
    asked = connection.scalar(select(Job.request).where(Job.id == job)) or {}
    extract = None if sources is None else asked.get("extract")
    if extract is not None and find_extract(connection, extract, sources=sources) is None:
        return None
    return jobs_by_id(connection, [job]).get(job)


def handlers(offered: InForce) -> Handlers:
    """What does each kind of work. ``offered`` are rules for a register that has none yet."""

    def ingest(connection: Connection, task: Task, observer: Observer) -> Mapping[str, Any]:
        extract = int(task.request["extract"])
        row = require(connection, extract, *ExtractState)
        reads: dict[int, ReadResult] = {}
        state = ExtractState(row.state)
        if state == ExtractState.RECEIVED:
            with observer.stage("read and validate"):
                book = rules_in_force(connection, offered).book
                found = validate(
                    connection, extract, book=book, by=row.received_by, now=_now(), links=True
                )
            state = found.state
            if found.read is not None:
                reads[extract] = found.read
        runs = []
        if state == ExtractState.ACCEPTED:
            runs = run_register(
                connection, offered, by=row.received_by, now=_now(), reads=reads, observer=observer
            )
            end_settled_leases(connection, _now())
            state = ExtractState(require(connection, extract, *ExtractState).state)
        return {"extract": extract, "state": state, **_outcome(runs)}

    def link(connection: Connection, task: Task, observer: Observer) -> Mapping[str, Any]:
        runs = run_register(connection, offered, by=task.by, now=_now(), observer=observer)
        end_settled_leases(connection, _now())
        return _outcome(runs)

    return {
        INGEST: ingest,
        LINK: link,
        EXPORT: ReadsFirst(prepare_export),
        MEASURES: ReadsFirst(prepare_measures),
        PREVIEW: ReadsFirst(prepare_preview),
        COMMIT: do_commit,
        VERIFY: ReadsFirst(prepare_verification),
        DRAW: ReadsFirst(prepare_draw),
        ERASE: partial(do_erase, offered),
    }


def _outcome(runs: list[RunResult]) -> dict[str, Any]:
    return {"runs": [result.run for result in runs]}


def _now() -> datetime:
    return datetime.now(UTC)
