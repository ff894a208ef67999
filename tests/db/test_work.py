"""Queued work has exactly one effect, however often it is begun and however it ends."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, insert, select, update

from api.db import pulse, queue
from api.db.engine import open_database, reading, writing
from api.db.errors import DatabaseError
from api.db.models import Audit, Job, JobState, Source
from api.services.work import (
    Handler,
    Pace,
    Task,
    cancel,
    enqueue,
    find,
    recent,
    retry,
    run_next,
    unsettled,
)
from api.worker import work
from matcher.errors import DataError
from matcher.progress import Observer
from tests.databases import PostgresServer, SqliteFiles
from tests.db.toy_worker import STEPS, write_rows

PACE = Pace(poll=0.01, beat=0.01, stale_after=0.2, attempts=3)
ROOT = Path(__file__).parents[2]


def queued(engine: Engine, kind: str = "toy", **request: Any) -> int:
    with writing(engine) as connection:
        return enqueue(connection, kind, request, "analyst")


def do_next(engine: Engine, handler: Handler, stop: threading.Event | None = None) -> Task | None:
    return run_next(engine, {"toy": handler}, "w1", stop or threading.Event(), PACE)


def add_source(connection: Connection, task: Task, observer: Observer) -> Mapping[str, Any]:
    with observer.stage("add", 2) as advance:
        advance(1)
        connection.execute(
            insert(Source).values(name=f"s{task.id}", title="A", one_record_per_child=True)
        )
        advance(1)
    return {"sources": 1}


def sources(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.scalar(select(func.count()).select_from(Source)) or 0


def state(engine: Engine, job: int) -> JobState:
    found = find(engine, job)
    assert found is not None
    return found.state


def test_a_job_is_done_with_its_outcome_in_the_order_of_asking(engine: Engine) -> None:
    first, second = queued(engine, n=1), queued(engine, n=2)
    task = do_next(engine, add_source)
    assert task is not None
    assert (task.id, task.kind, task.request, task.by, task.attempt) == (
        first,
        "toy",
        {"n": 1},
        "analyst",
        1,
    )
    done = find(engine, first)
    assert done is not None
    assert (done.state, done.outcome, done.attempts) == (JobState.DONE, {"sources": 1}, 1)
    assert done.created_at <= done.finished_at  # type: ignore[operator]
    assert done.created_at.tzinfo is not None
    assert state(engine, second) == JobState.QUEUED
    assert do_next(engine, add_source).id == second  # type: ignore[union-attr]
    assert do_next(engine, add_source) is None
    assert sources(engine) == 2
    assert [job.id for job in recent(engine)] == [second, first]
    assert find(engine, 99) is None


def test_a_job_is_queued_only_if_what_asks_for_it_is_kept(engine: Engine) -> None:
    with pytest.raises(RuntimeError), writing(engine) as connection:
        enqueue(connection, "toy", {}, "analyst")
        raise RuntimeError
    assert do_next(engine, add_source) is None


def test_kinds_that_a_worker_has_no_handler_for_are_left(engine: Engine) -> None:
    job = queued(engine, "another")
    assert do_next(engine, add_source) is None
    assert state(engine, job) == JobState.QUEUED


def test_what_the_data_refuse_fails_at_once_with_the_reason(engine: Engine) -> None:
    def refuse(connection: Connection, task: Task, observer: Observer) -> None:
        add_source(connection, task, observer)
        raise DataError("no record of a child in it")

    job = queued(engine)
    do_next(engine, refuse)
    found = find(engine, job)
    assert found is not None
    assert (found.state, found.problem) == (JobState.FAILED, "no record of a child in it")
    assert sources(engine) == 0
    assert do_next(engine, add_source) is None


def test_a_fault_is_tried_again_and_then_fails_without_quoting_anything(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(connection: Connection, task: Task, observer: Observer) -> None:
        add_source(connection, task, observer)
        raise ValueError("Quillfeather")

    job = queued(engine)
    for attempt in (1, 2, 3):
        task = do_next(engine, stumble)
        assert task is not None
        assert task.attempt == attempt
        assert sources(engine) == 0
    found = find(engine, job)
    assert found is not None
    assert found.state == JobState.FAILED
    assert found.problem is not None
    assert found.problem.startswith("this is a fault of the software: ValueError at test_work.py:")
    told = [entry.getMessage() for entry in caplog.records]
    begun = [f"job {job} (toy), attempt {attempt}: " for attempt in (1, 2, 3)]
    assert told == [one + found.problem for one in begun]
    assert do_next(engine, stumble) is None


def test_a_fault_that_passes_costs_nothing(engine: Engine) -> None:
    def stumble_once(connection: Connection, task: Task, observer: Observer) -> Any:
        found = add_source(connection, task, observer)
        if task.attempt == 1:
            raise ValueError
        return found

    job = queued(engine)
    do_next(engine, stumble_once)
    assert state(engine, job) == JobState.QUEUED
    do_next(engine, stumble_once)
    assert state(engine, job) == JobState.DONE
    assert sources(engine) == 1


def wait_for(what: Callable[[], Any], seconds: float = 60) -> Any:
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.005)
    return found


class Held:
    """A handler that writes, tells how far it is, and goes on only when it is let."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __call__(self, connection: Connection, task: Task, observer: Observer) -> Any:
        with observer.stage("read", 1000) as advance:
            found = add_source(connection, task, observer)
            with observer.stage("hold", 1000) as advance:
                while not self.go.is_set():
                    advance(1)
                    time.sleep(0.005)
        return found


@contextmanager
def running(engine: Engine, handler: Handler, stop: threading.Event) -> Iterator[None]:
    thread = threading.Thread(target=do_next, args=(engine, handler, stop))
    thread.start()
    try:
        yield
    finally:
        if isinstance(handler, Held):
            handler.go.set()
        thread.join()


@contextmanager
def working(engine: Engine, handler: Handler, workers: int = 1) -> Iterator[None]:
    stop = threading.Event()
    threads = [
        threading.Thread(target=work, args=(engine, {"toy": handler}, stop, PACE))
        for _ in range(workers)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_progress_and_life_are_seen_while_the_work_is_not(engine: Engine) -> None:
    job, held = queued(engine), Held()
    with running(engine, held, threading.Event()):
        seen = wait_for(lambda: (now := find(engine, job)) and (now.done or 0) > 5 and now)
        assert (seen.state, seen.stage, seen.total) == (JobState.RUNNING, "hold", 1000)
        assert seen.seconds_left is not None
        assert sources(engine) == 0
    done = find(engine, job)
    assert done is not None
    assert (done.state, done.seconds_left) == (JobState.DONE, None)
    assert sources(engine) == 1


def test_a_waiting_job_is_cancelled_at_once(engine: Engine) -> None:
    job = queued(engine)
    assert cancel(engine, job)
    assert state(engine, job) == JobState.CANCELLED
    assert do_next(engine, add_source) is None
    assert not cancel(engine, job)


def test_a_running_job_is_cancelled_and_leaves_nothing(engine: Engine) -> None:
    job, held, later = queued(engine), Held(), queued(engine)
    with running(engine, held, threading.Event()):
        wait_for(lambda: (now := find(engine, job)) and now.done)
        assert cancel(engine, job)
        wait_for(lambda: state(engine, job) == JobState.CANCELLED)
    assert sources(engine) == 0
    do_next(engine, add_source)
    assert state(engine, later) == JobState.DONE
    assert not cancel(engine, later)


def test_a_worker_that_is_told_to_stop_puts_its_job_back(engine: Engine) -> None:
    job, held, stop = queued(engine), Held(), threading.Event()
    with running(engine, held, stop):
        wait_for(lambda: (now := find(engine, job)) and now.done)
        stop.set()
        wait_for(lambda: state(engine, job) == JobState.QUEUED)
    assert sources(engine) == 0
    task = do_next(engine, add_source)
    assert task is not None
    assert task.attempt == 1


def forget_heartbeat(engine: Engine, job: int) -> None:
    long_ago = func.now() if engine.dialect.name == "sqlite" else func.to_timestamp(0)
    with writing(engine) as connection:
        connection.execute(update(Job).where(Job.id == job).values(heartbeat_at=long_ago))


def claim(engine: Engine, worker: str) -> Task | None:
    return queue.claim(engine, worker, ["toy"], stale_after=5, losses=3)


def test_a_job_whose_worker_is_gone_is_claimed_again_and_counted(engine: Engine) -> None:
    job = queued(engine)
    for attempt in (1, 2, 3):
        task = claim(engine, f"w{attempt}")
        assert task is not None
        assert task.attempt == attempt
        pulse.beat(engine, job, attempt, pulse.Progress("read"))
        forget_heartbeat(engine, job)
    assert claim(engine, "w4") is None
    found = find(engine, job)
    assert found is not None
    assert found.state == JobState.FAILED
    assert str(found.problem).startswith("the worker ended 3 times")


def test_workers_that_are_killed_count_apart_from_faults(engine: Engine) -> None:
    def stumble(connection: Connection, task: Task, observer: Observer) -> None:
        raise ValueError

    job = queued(engine)
    for _ in range(5):
        queue.claim(engine, "killed", ["toy"], stale_after=0, losses=Pace().losses)
    for left in (JobState.QUEUED, JobState.QUEUED, JobState.FAILED):
        forget_heartbeat(engine, job)
        do_next(engine, stumble)
        assert state(engine, job) == left


def test_a_job_that_failed_is_done_when_somebody_asks_again(engine: Engine) -> None:
    def refuse(connection: Connection, task: Task, observer: Observer) -> None:
        raise DataError("no record of a child in it")

    job = queued(engine)
    do_next(engine, refuse)
    with writing(engine) as connection:
        assert [one.id for one in unsettled(connection)] == [job]
        assert retry(connection, job)
        assert not retry(connection, job)
    assert do_next(engine, add_source) is not None
    found = find(engine, job)
    assert found is not None
    assert (found.state, found.problem, sources(engine)) == (JobState.DONE, None, 1)
    with writing(engine) as connection:
        assert unsettled(connection) == []
        assert not retry(connection, job)


def test_a_job_that_failed_is_settled_by_cancelling_it(engine: Engine) -> None:
    def refuse(connection: Connection, task: Task, observer: Observer) -> None:
        raise DataError("no record of a child in it")

    job = queued(engine)
    do_next(engine, refuse)
    assert cancel(engine, job)
    with writing(engine) as connection:
        assert unsettled(connection) == []


def test_work_of_a_worker_that_was_given_up_too_early_is_undone(engine: Engine) -> None:
    job = queued(engine)

    def lose_the_claim(connection: Connection, task: Task, observer: Observer) -> Any:
        found = add_source(connection, task, observer)
        # As another worker would have done; on SQLite there is no other.
        connection.execute(update(Job).where(Job.id == job).values(attempts=Job.attempts + 1))
        return found

    do_next(engine, lose_the_claim)
    assert sources(engine) == 0
    assert state(engine, job) == JobState.RUNNING


def test_several_workers_on_postgresql_never_take_the_same_job(postgres: PostgresServer) -> None:
    engine = open_database(postgres.prepared())
    jobs = [queued(engine) for _ in range(20)]
    began: list[int] = []

    def note(connection: Connection, task: Task, observer: Observer) -> Any:
        began.append(task.id)
        return add_source(connection, task, observer)

    with working(engine, note, workers=3):
        wait_for(lambda: all(state(engine, job) == JobState.DONE for job in jobs))
    assert sorted(began) == jobs
    assert sources(engine) == 20
    engine.dispose()


def test_a_second_worker_on_sqlite_is_refused(sqlite_files: SqliteFiles) -> None:
    engine = open_database(sqlite_files.prepared())
    with pulse.worker_lock(engine), pytest.raises(DatabaseError, match="SQLite takes one"):
        work(engine, {}, threading.Event())
    stop = threading.Event()
    stop.set()
    work(engine, {}, stop)
    engine.dispose()


def test_a_worker_goes_on_after_a_failure_outside_of_any_job(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, claims = queued(engine), queue.claim

    def fail_once(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(queue, "claim", claims)
        raise ConnectionError

    monkeypatch.setattr(queue, "claim", fail_once)
    monkeypatch.setattr("api.worker._REST", 0.01)
    with working(engine, add_source):
        wait_for(lambda: state(engine, job) == JobState.DONE)


@contextmanager
def toy_worker(url: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.db.toy_worker", url],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def rows_by_job(engine: Engine) -> dict[str, int]:
    counted = select(Audit.about, func.count()).group_by(Audit.about)
    with reading(engine) as connection:
        return dict(connection.execute(counted).all())


def test_workers_killed_at_any_point_lose_and_double_nothing(engine: Engine) -> None:
    chance = random.Random(3)
    url = engine.url.render_as_string(hide_password=False)
    jobs = [queued(engine, "write", pause=0.01) for _ in range(8)]
    for _ in range(5):
        with toy_worker(url) as worker:
            time.sleep(chance.uniform(0, 0.3))
            worker.send_signal(signal.SIGKILL)
        assert set(rows_by_job(engine).values()) <= {STEPS}
    with toy_worker(url) as worker:
        wait_for(lambda: all(state(engine, job) == JobState.DONE for job in jobs))
        worker.send_signal(signal.SIGTERM)
        assert worker.communicate(timeout=60)[0] == "ended\n"
    assert worker.returncode == 0
    assert rows_by_job(engine) == {f"job {job}": STEPS for job in jobs}
    assert all(job.outcome == {"rows": STEPS} for job in recent(engine))


def test_a_terminated_worker_puts_its_job_back_and_ends(engine: Engine) -> None:
    job = queued(engine, "write", pause=0.2)
    with toy_worker(engine.url.render_as_string(hide_password=False)) as worker:
        wait_for(lambda: (now := find(engine, job)) and now.done)
        worker.send_signal(signal.SIGTERM)
        assert worker.communicate(timeout=60)[0] == "ended\n"
    assert state(engine, job) == JobState.QUEUED
    assert rows_by_job(engine) == {}
    run_next(engine, {"write": write_rows}, "w", threading.Event(), PACE)
    assert rows_by_job(engine) == {f"job {job}": STEPS}
