"""The number of the last run, looked up for all who wait for events together.

Not of the last event: whether a run made one may be what somebody must not learn.
"""

import asyncio
import time

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from api.db.engine import reading
from api.services.register.reading import last_run

# Seconds between two looks at the database, however many wait.
LOOK_EVERY = 0.25


class NewestRun:
    """The number of the last run, looked up for all who wait together."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = asyncio.Lock()
        self._known, self._at = 0, -1.0

    async def number(self) -> int:
        """As of a moment ago."""
        if time.monotonic() - self._at > LOOK_EVERY:
            async with self._lock:
                if time.monotonic() - self._at > LOOK_EVERY:
                    self._known = await run_in_threadpool(self._look)
                    self._at = time.monotonic()
        return self._known

    def _look(self) -> int:
        with reading(self._engine) as connection:
            return last_run(connection)
