"""What happens when two connections act on a register at the same time."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, text

from api.db.engine import is_sqlite, writing

T = TypeVar("T")

_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def overtaken(
    engine: Engine,
    late: Callable[[], T],
    first: Callable[[Connection], Any],
    then: Callable[[Connection], Any] = lambda _: None,
) -> T:
    """What ``late`` gives that begins once ``first`` is done and before that is committed.

    ``then`` is done in the same transaction once ``late`` waits.
    """
    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            first(connection)
            begun = pool.submit(late)
            _let_it_wait(engine, begun)
            then(connection)
        return begun.result(timeout=60)


def _let_it_wait(engine: Engine, begun: Future[Any]) -> None:
    """Until it waits for the other; on SQLite it does so with its first statement."""
    if is_sqlite(engine):
        time.sleep(0.3)
        return
    end = time.monotonic() + 30
    while not begun.done() and time.monotonic() < end:
        with engine.connect() as connection:
            if connection.scalar(_WAITING):
                return
        time.sleep(0.01)
