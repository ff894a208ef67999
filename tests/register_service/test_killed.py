"""A worker that is killed at any point of an ingest and link costs nothing."""

import multiprocessing
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, func, select

from api.db.engine import open_database, reading
from api.db.models import Event, Extract, Membership, Record, RecordVersion
from api.services.jobs import handlers, queue_extract
from api.services.work import Handler, Pace, Task, run_next
from matcher.progress import Observer
from tests.databases import Databases
from tests.register_service.registers import DAY, Register, shipped
from tests.register_service.test_same_register import PEOPLE, half_a_town

# At random points of each extract's ingest and link: 51 in all.
KILLS_A_JOB = 17
# One works at a time, so whose job runs is gone. If the next one had to wait for that, it would
# take the next extract meanwhile, and its job would be killed at points of another one's.
PACE = Pace(poll=0.02, beat=0.03, stale_after=0)
# Forks of a process that has loaded everything: a worker is at work a moment after it starts.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.register_service.test_killed"])


def do_next(url: str, last: int, counted: Any) -> None:
    """Do one job; be killed before its statement or commit of number ``last``, 0 is never.

    ``counted`` is told how many there were, without those of the heartbeat: how many of these
    there are hangs on the machine.
    """
    engine = open_database(url)

    def count(*_: Any) -> None:
        counted.value += 1
        if counted.value == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def counting(handler: Handler) -> Handler:
        def counted_handler(connection: Connection, task: Task, observer: Observer) -> Any:
            event.listen(connection, "before_cursor_execute", count)
            event.listen(connection, "commit", count)
            return handler(connection, task, observer)

        return counted_handler

    mine = {kind: counting(handler) for kind, handler in handlers(shipped()).items()}
    while run_next(engine, mine, f"worker {os.getpid()}", threading.Event(), PACE) is None:
        time.sleep(PACE.poll)


def work_on(engine: Engine, last: int = 0) -> tuple[int, int]:
    """Let a worker do one job, or be killed in it: its exit code, and statements it took."""
    counted = _FORKS.RawValue("i", 0)
    url = engine.url.render_as_string(hide_password=False)
    worker = _FORKS.Process(target=do_next, args=(url, last, counted), daemon=True)
    worker.start()
    worker.join(60)
    assert worker.exitcode is not None
    return worker.exitcode, int(counted.value)


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
            new_source=True,
        )


def test_a_worker_killed_at_any_point_leaves_the_register_that_an_unharmed_one_makes(
    engine: Engine, databases: Databases, tmp_path: Path
) -> None:
    unharmed = Register(open_database(databases.prepared()), tmp_path)
    killed = Register(engine, tmp_path)
    queue_all(unharmed)
    queue_all(killed)
    chance = random.Random(8)
    for _ in extracts():
        _, statements = work_on(unharmed.engine)
        for _ in range(KILLS_A_JOB):
            code, _ = work_on(engine, last=chance.randint(1, statements))
            assert code == -signal.SIGKILL
        code, _ = work_on(engine)
        assert code == 0

    assert killed.children() == unharmed.children() == killed.linked_at_once()
    assert counts(engine) == counts(unharmed.engine)
    unharmed.engine.dispose()
