"""Queued work: asking for it, doing the next piece of it, and following it.

What a job does and that it is done commit together, so it has exactly one effect however
often it is begun. A handler is given the connection of that transaction, the task, and an
observer that it tells its stages to. It must write through that connection only.
"""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from api.db import pulse, queue
from api.db.engine import reading, writing
from api.db.pulse import Progress, worker_lives, worker_lock
from api.db.queue import (
    ClaimLostError,
    JobView,
    Task,
    ask_to_cancel,
    enqueue,
    find,
    jobs_by_id,
    recent,
    retry,
    unfinished,
    unsettled,
)
from matcher.errors import MatcherError
from matcher.progress import Advance, Observer

__all__ = [
    "Handler",
    "Handlers",
    "JobView",
    "Pace",
    "ReadsFirst",
    "Task",
    "ask_to_cancel",
    "cancel",
    "enqueue",
    "find",
    "jobs_by_id",
    "recent",
    "retry",
    "run_next",
    "unfinished",
    "unsettled",
    "worker_lives",
    "worker_lock",
]

_LOG = logging.getLogger("matcher.worker")

# What it returns becomes the job's outcome: ids and counts.
Outcome = Mapping[str, Any] | None
Handler = Callable[[Connection, Task, Observer], Outcome]


@dataclass(frozen=True, slots=True)
class ReadsFirst:
    """Work that reads for long and writes for a moment, so that other writers need not wait.

    ``prepare`` is given a connection that sees one state of the database, and yields what
    writes the result, in a transaction of its own, before it cleans up.
    """

    prepare: Callable[
        [Connection, Task, Observer], AbstractContextManager[Callable[[Connection], Outcome]]
    ]


Handlers = Mapping[str, Handler | ReadsFirst]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things happen, in seconds, and how often a job is tried.

    ``attempts`` counts those that end in a fault of the software, ``losses`` those whose
    worker is killed or cut off, which is mostly no doing of the job.
    """

    poll: float = 0.5
    beat: float = 2.0
    stale_after: float = 30.0
    attempts: int = 3
    losses: int = 20


# Seconds after which a heartbeat that hangs is left to itself.
_LAST_BEAT = 10.0


class CancelAskedError(Exception):
    """Ends the work on a job that somebody wants cancelled."""


class StopAskedError(Exception):
    """Ends the work on a job since the worker is to stop; another will do it."""


def cancel(engine: Engine, job: int) -> bool:
    """Cancel a job, at once or as soon as its worker hears of it; False if it is closed."""
    if pulse.ask_beside(engine, job):
        return True
    with writing(engine) as connection:
        return queue.ask_to_cancel(connection, job)


def run_next(
    engine: Engine,
    handlers: Handlers,
    worker: str,
    stop: threading.Event,
    pace: Pace,
) -> Task | None:
    """Claim a job and bring it to an end, whichever; None if none waits.

    Work that fails by a fault of the software is tried again later; what the data or the
    rules refuse is not. Neither ends the worker.
    """
    task = queue.claim(
        engine, worker, handlers.keys(), stale_after=pace.stale_after, losses=pace.losses
    )
    if task is None:
        return None
    try:
        with _Following(engine, task, stop, pace.beat) as following:
            _do(engine, handlers[task.kind], task, following)
    except ClaimLostError:
        pass  # whoever has it now brings it to an end
    except CancelAskedError:
        queue.cancelled(engine, task)
    except StopAskedError:
        queue.release(engine, task, fault=False)
    except MatcherError as error:
        queue.fail(engine, task, str(error))
    except Exception as error:
        _LOG.error("job %d (%s), attempt %d: %s", task.id, task.kind, task.attempt, _fault(error))
        if task.faults + 1 < pace.attempts:
            queue.release(engine, task, fault=True)
        else:
            queue.fail(engine, task, _fault(error))
    finally:
        pulse.clear(engine)
    return task


def _do(engine: Engine, handler: Handler | ReadsFirst, task: Task, observer: Observer) -> None:
    """The work, and that it is done, in one transaction."""
    if isinstance(handler, ReadsFirst):
        with (
            reading(engine) as seen,
            handler.prepare(seen, task, observer) as finish,
            writing(engine) as connection,
        ):
            queue.finish(connection, task, finish(connection))
        return
    with writing(engine) as connection:
        queue.finish(connection, task, handler(connection, task, observer))


def _fault(error: Exception) -> str:
    """Kind and place of an unforeseen error; its text might quote somebody's details."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return f"this is a fault of the software: {type(error).__name__} at {where}"


class _Following:
    """Tells the world of a job's progress from a thread, and the job of the world's wishes.

    As an observer it is what the handler tells its stages to; being told is when it may
    end the work.
    """

    def __init__(self, engine: Engine, task: Task, stop: threading.Event, every: float) -> None:
        self._engine, self._task, self._stop, self._every = engine, task, stop, every
        self._progress = Progress()
        self._cancel = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"job-{task.id}", daemon=True)

    def __enter__(self) -> "_Following":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Only now that the job's transaction is over: until then it may be what the
        # thread waits for.
        self._over.set()
        self._thread.join(_LAST_BEAT)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Tell of a stage, and end the work here if that is wished."""
        self._heed()
        began, done = time.monotonic(), 0
        self._progress = Progress(name[:64], 0, total)

        def advance(units: int) -> None:
            nonlocal done
            done += units
            left = None
            if total and done:
                left = round((time.monotonic() - began) * max(total - done, 0) / done)
            self._progress = Progress(name[:64], done, total, left)
            self._heed()

        yield advance
        self._heed()

    def _heed(self) -> None:
        if self._cancel:
            raise CancelAskedError
        if self._stop.is_set():
            raise StopAskedError

    def _run(self) -> None:
        while True:
            # A database that cannot be reached now may be soon; if not, the job is lost
            # to another worker, which finding out at the end is early enough.
            with suppress(Exception):
                if pulse.beat(self._engine, self._task.id, self._task.attempt, self._progress):
                    self._cancel = True
            if self._over.wait(self._every):
                return
