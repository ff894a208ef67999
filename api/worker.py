"""A process that does queued work until it is told to stop.

Told by SIGTERM or SIGINT it puts back what it is at, undone, and ends; what it is at goes
on elsewhere, or when it runs again. Killed in any other way, it costs no more than that.
"""

import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Engine

from api.services.work import Handler, Pace, run_next, worker_lock

_LOG = logging.getLogger("matcher.worker")
_PACE = Pace()
# After a failure outside of any job, such as a database that is away.
_REST = 5.0


def work(
    engine: Engine,
    handlers: Mapping[str, Handler],
    stop: threading.Event,
    pace: Pace = _PACE,
) -> None:
    """Do queued work until ``stop`` is set. Raises DatabaseError if another worker has it.

    To be called where the database is at the migration that this version works with.
    """
    name = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(3)}"
    with worker_lock(engine):
        _LOG.info("worker %s begins", name)
        while not stop.is_set():
            try:
                task = run_next(engine, handlers, name, stop, pace)
            except Exception as error:
                # Only its kind: the text might quote somebody's details.
                _LOG.error("worker %s: %s; going on", name, type(error).__name__)
                stop.wait(_REST)
                continue
            if task is None:
                stop.wait(pace.poll)
            else:
                _LOG.info("job %d (%s), attempt %d: over", task.id, task.kind, task.attempt)
        _LOG.info("worker %s ends", name)


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
