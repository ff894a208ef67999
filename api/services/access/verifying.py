"""Verifying both logs as queued work, each time against the heads that were found before."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from api.db.aside import reading_aside
from api.db.models import Job, JobState
from api.db.tables import in_utc
from api.services.access.audit import note_act
from api.services.access.chain import Broken, Head
from api.services.access.reading_logs import verify_logs
from api.services.work import Task, enqueue, unfinished
from matcher.progress import Observer

VERIFY = "verify_logs"


@dataclass(frozen=True, slots=True)
class Verification:
    """When both logs were last gone through, how far each is good, and where it is not."""

    at: datetime
    by: str
    heads: Mapping[str, Head]
    broken: tuple[Broken, ...]


def queue_verification(connection: Connection, *, by: str) -> int:
    """Have both logs gone through; the job, which may wait already."""
    waiting = unfinished(connection, VERIFY)
    return waiting[0] if waiting else enqueue(connection, VERIFY, {}, by)


def is_verifying(connection: Connection) -> bool:
    """Whether that is queued or under way."""
    return bool(unfinished(connection, VERIFY))


def last_verification(connection: Connection) -> Verification | None:
    """The last one that came to its end."""
    query = (
        select(Job.finished_at, Job.by, Job.outcome)
        .where(Job.kind == VERIFY, Job.state == JobState.DONE)
        .order_by(Job.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Verification(
        at=in_utc(row.finished_at),
        by=row.by,
        heads={log: Head.parse(text) for log, text in row.outcome["heads"].items()},
        broken=tuple(Broken(**one) for one in row.outcome["broken"]),
    )


@contextmanager
def prepare_verification(
    connection: Connection, task: Task, observer: Observer
) -> Iterator[Callable[[Connection], Mapping[str, Any]]]:
    """Go through both logs; what is yielded enters what was found."""
    before = last_verification(connection)
    known = {log: [head] for log, head in before.heads.items()} if before else {}
    with (
        observer.stage("verify the logs"),
        reading_aside(connection.engine, connection) as aside,
    ):
        found = verify_logs(connection, aside, known)
    outcome = {
        "heads": {log: str(head) for log, head in found.heads.items()},
        "broken": [asdict(one) for one in found.broken],
    }

    def finish(into: Connection) -> Mapping[str, Any]:
        note_act(into, "logs_verified", f"job {task.id}", by=task.by, now=datetime.now(UTC),
                 detail=outcome)  # fmt: skip
        return outcome

    yield finish
