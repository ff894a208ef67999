"""A process that does queued work until it is told to stop.

Told by SIGTERM or SIGINT it puts back what it is at, undone, and ends; what it is at goes
on elsewhere, or when it runs again. Killed in any other way, it costs no more than that.
"""

import json
import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from api.db.models import JobState
from api.services.work import Handlers, Pace, Task, find, run_next, worker_lock

_LOG = logging.getLogger("matcher.worker")
_PACE = Pace()
# After a failure outside of any job, such as a database that is away.
_REST = 5.0
# Seconds that a thread beside the jobs has to end.
_LAST = 15.0
# Seconds between two times of tidying up.
_TIDY_EVERY = 600.0


def work(
    engine: Engine,
    handlers: Handlers,
    stop: threading.Event,
    pace: Pace = _PACE,
    *,
    beside: Callable[[threading.Event], None] | None = None,
    tidy: Callable[[], None] | None = None,
) -> None:
    """Do queued work until ``stop`` is set. Raises DatabaseError if another worker has it.

    ``beside`` runs in a thread of its own meanwhile, until ``stop``; ``tidy`` is called now and
    then while no job waits. To be called where the database is at the migration that this
    version works with.
    """
    name = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(3)}"
    tidied = -_TIDY_EVERY
    with worker_lock(engine), _beside(beside, stop):
        _LOG.info("worker %s begins", name)
        while not stop.is_set():
            try:
                task = run_next(engine, handlers, name, stop, pace)
                if task is None and tidy is not None and time.monotonic() > tidied + _TIDY_EVERY:
                    tidy()
                    tidied = time.monotonic()
            except Exception as error:
                # Only its kind: the text might quote somebody's details.
                _LOG.error("worker %s: %s; going on", name, type(error).__name__)
                stop.wait(_REST)
                continue
            if task is None:
                stop.wait(pace.poll)
            else:
                _tell(engine, task)
        _LOG.info("worker %s ends", name)


def _tell(engine: Engine, task: Task) -> None:
    """Log what became of a job: its state, ids and counts."""
    found = find(engine, task.id)
    state = "gone" if found is None else found.state
    outcome = "" if found is None or found.outcome is None else json.dumps(found.outcome)
    level = logging.WARNING if state == JobState.FAILED else logging.INFO
    _LOG.log(level, "job %d (%s), attempt %d: %s %s", task.id, task.kind, task.attempt, state,
             outcome)  # fmt: skip


@contextmanager
def _beside(
    beside: Callable[[threading.Event], None] | None, stop: threading.Event
) -> Iterator[None]:
    if beside is None:
        yield
        return
    thread = threading.Thread(target=beside, args=(stop,), name="beside", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_LAST)


@contextmanager
def told_by_signals() -> Iterator[threading.Event]:
    """An event that is set when this process is asked to end."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
