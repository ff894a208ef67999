"""The queue of work: jobs are rows, and a claim on one is a number that it alone has.

A job is queued in the transaction of what asks for it, and done in the transaction of what
it does. Between the two somebody may claim it, die, and somebody else claim it again; the
number of the attempt tells them apart, so that only the last one's work is kept.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, insert, or_, select, update

from api.db.engine import is_sqlite, reading, writing
from api.db.errors import DatabaseError
from api.db.pulse import seen_beside
from api.db.work import Job, JobState


@dataclass(frozen=True, slots=True)
class Task:
    """A claimed job. ``attempt`` counts from 1 and is what the claim is known by.

    ``faults`` counts earlier attempts that ended in a fault of the software.
    """

    id: int
    kind: str
    request: Mapping[str, Any]
    by: str
    attempt: int
    faults: int


@dataclass(frozen=True, slots=True)
class JobView:
    """Where a job stands. ``done`` of ``total`` belong to ``stage``; moments are in UTC."""

    id: int
    kind: str
    state: JobState
    by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int
    stage: str | None
    done: int | None
    total: int | None
    seconds_left: int | None
    cancel_asked: bool
    outcome: Mapping[str, Any] | None
    problem: str | None


class ClaimLostError(DatabaseError):
    """Somebody else has claimed the job since, or it was closed; this work must be undone."""


def enqueue(connection: Connection, kind: str, request: Mapping[str, Any], by: str) -> int:
    """Queue a job in the caller's transaction; its id. ``request`` holds ids, no values."""
    added = connection.execute(
        insert(Job).values(
            kind=kind,
            request=dict(request),
            state=JobState.QUEUED,
            by=by,
            created_at=datetime.now(UTC),
            attempts=0,
            faults=0,
            losses=0,
            cancel_asked=False,
        )
    )
    assert added.inserted_primary_key is not None
    return int(added.inserted_primary_key[0])


def claim(
    engine: Engine,
    worker: str,
    kinds: Collection[str],
    *,
    stale_after: float,
    losses: int,
) -> Task | None:
    """The next job to work on, if there is one; the attempt is on record before the work.

    A running job is claimed again if its worker is gone: on PostgreSQL when it has not
    been heard of for ``stale_after`` seconds, on SQLite at once, as whoever may ask here
    holds the lock of the only worker. After ``losses`` of its workers it is closed as failed
    instead: that a worker was killed is seldom the job's doing, but may be.
    """
    waiting = (
        select(Job.id, Job.state, Job.losses, Job.stage, Job.cancel_asked)
        .where(Job.kind.in_(kinds), _waits(engine, stale_after))
        .order_by(Job.id)
        .limit(1)
    )
    while True:
        with reading(engine) as connection:  # mostly there is none, and nobody is kept waiting
            if connection.execute(waiting).first() is None:
                return None
        with writing(engine) as connection:
            found = connection.execute(waiting.with_for_update(skip_locked=True)).first()
            if found is None:
                return None
            if found.cancel_asked:
                _close(connection, Job.id == found.id, JobState.CANCELLED)
            elif found.state == JobState.RUNNING and found.losses + 1 >= losses:
                problem = f"the worker ended {found.losses + 1} times"
                problem += f", last while at: {found.stage}" if found.stage else ""
                _close(connection, Job.id == found.id, JobState.FAILED, problem=problem)
            else:
                lost = found.state == JobState.RUNNING
                return _claim(connection, found.id, worker, lost=lost)


def finish(connection: Connection, task: Task, outcome: Mapping[str, Any] | None) -> None:
    """Mark a job done in the transaction of what it did. Raises ClaimLostError."""
    closed = _close(
        connection, _mine(task), JobState.DONE, outcome=None if outcome is None else dict(outcome)
    )
    if not closed:
        raise ClaimLostError(f"job {task.id} was claimed by another worker; this work is undone")


def fail(engine: Engine, task: Task, problem: str) -> None:
    """Close a job as failed, with a reason that anybody may read."""
    with writing(engine) as connection:
        _close(connection, _mine(task), JobState.FAILED, problem=problem)


def cancelled(engine: Engine, task: Task) -> None:
    """Close a job whose work was stopped because somebody asked for it."""
    with writing(engine) as connection:
        _close(connection, _mine(task), JobState.CANCELLED)


def release(engine: Engine, task: Task, *, fault: bool) -> None:
    """Put a job back, for a ``fault`` of the software or since the worker was told to stop."""
    with writing(engine) as connection:
        connection.execute(
            update(Job)
            .where(_mine(task))
            .values(
                state=JobState.QUEUED,
                claimed_by=None,
                heartbeat_at=None,
                stage=None,
                done=None,
                total=None,
                seconds_left=None,
                attempts=task.attempt if fault else task.attempt - 1,
                faults=task.faults + fault,
            )
        )


def retry(connection: Connection, job: int) -> bool:
    """Queue a job again that failed or was cancelled, as if for the first time; else False."""
    closed = (Job.id == job) & Job.state.in_((JobState.FAILED, JobState.CANCELLED))
    again: dict[str, Any] = {"state": JobState.QUEUED, "faults": 0, "losses": 0}
    again |= dict.fromkeys(("claimed_by", "heartbeat_at", "finished_at", "problem"))
    again |= dict.fromkeys(("stage", "done", "total", "seconds_left"))
    done = connection.execute(update(Job).where(closed).values(**again, cancel_asked=False))
    return done.rowcount == 1


def ask_to_cancel(connection: Connection, job: int) -> bool:
    """Cancel a job that waits or failed, or ask the worker to stop one that runs; else False.

    On SQLite this waits for a running job, which is why the service asks beside the
    database first: see `api.services.work.cancel`.
    """
    waiting = (Job.id == job) & Job.state.in_((JobState.QUEUED, JobState.FAILED))
    if _close(connection, waiting, JobState.CANCELLED):
        return True
    running = (Job.id == job) & (Job.state == JobState.RUNNING)
    return connection.execute(update(Job).where(running).values(cancel_asked=True)).rowcount == 1


def find(engine: Engine, job: int) -> JobView | None:
    """A job as it stands, or None if there never was one."""
    found = recent(engine, only=job)
    return found[0] if found else None


def recent(engine: Engine, limit: int = 100, *, only: int | None = None) -> list[JobView]:
    """The last jobs, newest first."""
    chosen = select(Job.__table__).order_by(Job.id.desc()).limit(limit)
    if only is not None:
        chosen = chosen.where(Job.id == only)
    with reading(engine) as connection:
        return [_view(engine, dict(row._mapping)) for row in connection.execute(chosen)]


def jobs_by_id(connection: Connection, jobs: Collection[int]) -> dict[int, JobView]:
    """Some jobs as they stand, within the caller's transaction."""
    if not jobs:
        return {}
    chosen = select(Job.__table__).where(Job.id.in_(sorted(set(jobs))))
    views = [
        _view(connection.engine, dict(row._mapping)) for row in connection.execute(chosen).all()
    ]
    return {view.id: view for view in views}


def unsettled(connection: Connection) -> list[JobView]:
    """Jobs that wait, run or failed, the oldest first; a failed one until somebody settles it."""
    states = (JobState.QUEUED, JobState.RUNNING, JobState.FAILED)
    chosen = select(Job.__table__).where(Job.state.in_(states)).order_by(Job.id)
    rows = connection.execute(chosen).all()
    return [_view(connection.engine, dict(row._mapping)) for row in rows]


def unfinished(connection: Connection, kind: str) -> list[int]:
    """Jobs of a kind that wait or run, first the oldest."""
    states = (JobState.QUEUED, JobState.RUNNING)
    query = select(Job.id).where(Job.state.in_(states), Job.kind == kind)
    return list(connection.scalars(query.order_by(Job.id)))


def _waits(engine: Engine, stale_after: float) -> ColumnElement[bool]:
    running = Job.state == JobState.RUNNING
    if not is_sqlite(engine):
        # By the database's clock, since those of several machines may differ.
        running &= Job.heartbeat_at < func.clock_timestamp() - timedelta(seconds=stale_after)
    return or_(Job.state == JobState.QUEUED, running)


def _claim(connection: Connection, job: int, worker: str, *, lost: bool) -> Task:
    now = datetime.now(UTC) if is_sqlite(connection) else func.clock_timestamp()
    claimed = connection.execute(
        update(Job)
        .where(Job.id == job)
        .values(
            state=JobState.RUNNING,
            claimed_by=worker,
            started_at=now,
            heartbeat_at=now,
            attempts=Job.attempts + 1,
            losses=Job.losses + int(lost),
        )
        .returning(Job.kind, Job.request, Job.by, Job.attempts, Job.faults)
    ).one()
    return Task(job, claimed.kind, claimed.request, claimed.by, claimed.attempts, claimed.faults)


def _mine(task: Task) -> ColumnElement[bool]:
    return (Job.id == task.id) & (Job.state == JobState.RUNNING) & (Job.attempts == task.attempt)


def _close(
    connection: Connection, which: ColumnElement[bool], state: JobState, **values: Any
) -> bool:
    closed = connection.execute(
        update(Job)
        .where(which)
        .values(state=state, finished_at=datetime.now(UTC), seconds_left=None, **values)
    )
    return closed.rowcount == 1


def _view(engine: Engine, row: Mapping[str, Any]) -> JobView:
    shown = {name: row[name] for name in JobView.__slots__}
    shown["state"] = JobState(row["state"])
    for name in ("created_at", "started_at", "finished_at"):
        if row[name] is not None and row[name].tzinfo is None:
            shown[name] = row[name].replace(tzinfo=UTC)
    if shown["state"] == JobState.RUNNING:
        shown |= seen_beside(engine, row["id"])
    return JobView(**shown)
