"""How a worker shows that it lives, how far it is, and hears that it should stop.

All of this happens while the job's own transaction is open. On PostgreSQL it goes through
a connection of its own into the job's row. On SQLite that transaction holds the only
write lock, so it goes into small files beside the database instead: one that the living
worker has locked (the system lets go of it however the worker ends), one that says how far
it is, and one that asks it to cancel. They hold ids, counts and names of stages.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select, update

from api.db.engine import is_sqlite, writing
from api.db.errors import DatabaseError
from api.db.work import Job, JobState

# The number under which workers on PostgreSQL show that they live, all at once.
_LIVES = 7_205_759_404


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is."""

    stage: str | None = None
    done: int | None = None
    total: int | None = None
    seconds_left: int | None = None


@contextmanager
def worker_lock(engine: Engine) -> Iterator[None]:
    """Be seen to live, and be the only worker where there can be only one.

    Raises DatabaseError if another one is there.
    """
    if not is_sqlite(engine):
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(select(func.pg_advisory_lock_shared(_LIVES)))
            try:
                yield
            finally:
                connection.invalidate()  # ends the session, and so the lock
        return
    with _beside(engine, "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DatabaseError(
                "a worker runs on this database already; SQLite takes one, PostgreSQL several"
            ) from None
        yield


def worker_lives(engine: Engine) -> bool:
    """Whether some worker runs on this database."""
    if not is_sqlite(engine):
        with engine.connect() as connection:
            alone = select(func.pg_try_advisory_xact_lock(_LIVES))
            return not connection.execute(alone).scalar_one()
    with _beside(engine, "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def beat(engine: Engine, job: int, attempt: int, progress: Progress) -> bool:
    """Show life and progress; whether somebody asked to cancel."""
    if is_sqlite(engine):
        _write(_beside(engine, "progress"), {"job": job, **asdict(progress)})
        return _read(_beside(engine, "cancel")).get("job") == job
    mine = (Job.id == job) & (Job.attempts == attempt) & (Job.state == JobState.RUNNING)
    with writing(engine) as connection:
        asked = connection.scalar(
            update(Job)
            .where(mine)
            .values(heartbeat_at=func.clock_timestamp(), **asdict(progress))
            .returning(Job.cancel_asked)
        )
    return bool(asked)


def clear(engine: Engine) -> None:
    """Forget what was shown of, and asked of, a job that is over."""
    if is_sqlite(engine):
        for name in ("progress", "cancel"):
            _beside(engine, name).unlink(missing_ok=True)


def ask_beside(engine: Engine, job: int) -> bool:
    """Ask the worker to cancel the job it is at, without the database; False if it cannot."""
    if not is_sqlite(engine) or _read(_beside(engine, "progress")).get("job") != job:
        return False
    _write(_beside(engine, "cancel"), {"job": job})
    return True


def seen_beside(engine: Engine, job: int) -> dict[str, Any]:
    """Progress of a running job as far as it is not in its row."""
    if not is_sqlite(engine):
        return {}
    found = _read(_beside(engine, "progress"))
    return found if found.pop("job", None) == job else {}


def _beside(engine: Engine, name: str) -> Path:
    assert engine.url.database, "a worker needs a database that others can open too"
    return Path(f"{engine.url.database}-worker-{name}")


def _write(path: Path, content: dict[str, Any]) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content), encoding="utf-8")
    draft.replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
