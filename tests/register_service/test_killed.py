"""A worker that is killed at any point of an ingest and link costs nothing."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

from sqlalchemy import Engine, func, select

from api.db.engine import open_database, reading
from api.db.models import Event, Extract, Job, JobState, Membership, Record, RecordVersion
from api.services.jobs import handlers, queue_extract
from api.services.work import Pace
from api.worker import told_by_signals, work
from tests.register_service.registers import DAY, Register, shipped
from tests.register_service.test_same_register import PEOPLE, half_a_town

KILLS = 50
PACE = Pace(poll=0.02, beat=0.03, stale_after=0.15, attempts=10_000)
# Forks of a process that has loaded everything: a worker is at work a moment after it starts.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.register_service.test_killed"])


def work_until_killed(url: str) -> None:
    with told_by_signals() as stop:
        work(open_database(url), handlers(shipped()), stop, PACE)


def start_worker(url: str) -> multiprocessing.process.BaseProcess:
    process = _FORKS.Process(target=work_until_killed, args=(url,), daemon=True)
    process.start()
    return process


def jobs_left(engine: Engine) -> int:
    with reading(engine) as connection:
        open_ = select(func.count()).select_from(Job).where(Job.state != JobState.DONE)
        return connection.scalar(open_) or 0


def extracts() -> dict[str, list[dict[str, str]]]:
    town = half_a_town()
    return {
        "registry": town[:100],
        "school": [{"record_id": f"s{n}", **row} for n, row in enumerate(PEOPLE)],
        "clinic": [{**row, "record_id": f"c{n}"} for n, row in enumerate(town[40:] + PEOPLE[:5])],
    }


def counts(engine: Engine) -> dict[str, int]:
    with reading(engine) as connection:
        tables = (Record, RecordVersion, Membership, Event, Extract)
        return {
            table.__tablename__: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in tables
        }


def queue_all(register: Register) -> None:
    for source, rows in extracts().items():
        queue_extract(
            register.engine,
            shipped(),
            source=source,
            path=register.write(rows),
            as_of=DAY,
            mode="snapshot",
            by="analyst",
        )


def finish(engine: Engine) -> float:
    """Let a worker do all that waits, unharmed; seconds it took."""
    worker = start_worker(engine.url.render_as_string(hide_password=False))
    began = time.monotonic()
    while jobs_left(engine) and time.monotonic() < began + 120:
        time.sleep(0.02)
    took = time.monotonic() - began
    os.kill(worker.pid, signal.SIGTERM)
    worker.join()
    assert jobs_left(engine) == 0
    return took


def test_a_worker_killed_at_any_point_leaves_the_register_that_an_unharmed_one_makes(
    engine: Engine, databases, tmp_path: Path
) -> None:
    unharmed = Register(open_database(databases.prepared()), tmp_path)
    queue_all(unharmed)
    a_job = finish(unharmed.engine) / len(extracts())

    killed = Register(engine, tmp_path)
    queue_all(killed)
    url = engine.url.render_as_string(hide_password=False)
    chance = random.Random(8)
    left = set()
    for _ in range(KILLS):
        worker = start_worker(url)
        # A job that was left is taken up when its heartbeat is stale.
        time.sleep(chance.uniform(0.0, PACE.stale_after + 1.5 * a_job))
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        left.add(jobs_left(engine))
    finish(engine)

    assert len(left) > 1, "no job came to its end between two kills"
    assert killed.children() == unharmed.children() == killed.linked_at_once()
    assert counts(engine) == counts(unharmed.engine)
    unharmed.engine.dispose()
