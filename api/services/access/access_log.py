"""The log of accesses to personal data, reads included.

Many requests are under way at once and each must wait until its entry is kept. So one
thread writes, and takes all entries that wait into one transaction: the cost of making
sure is shared by those who wait for it.
"""

import queue
import secrets
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from api.db.aside import aside_of
from api.db.engine import writing
from api.db.errors import DatabaseError
from api.db.models import Access
from api.services.access import chain

# How many entries one transaction takes at most.
LARGEST_BATCH = 500


class AccessLogError(DatabaseError):
    """An access could not be written down, so it must not be given."""


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """Who asked for what. ``about`` holds ids, never values; ``route`` no ids.

    ``key`` is the number of the API key, if one was shown; ``request`` the request's id.
    ``status`` is that of the answer; 0 for a command.
    """

    at: datetime
    by: str
    route: str
    about: Sequence[str]
    status: int
    request: str
    purpose: str | None = None
    key: int | None = None

    def as_row(self) -> dict[str, Any]:
        """Columns of the table."""
        return {
            "at": self.at,
            "by": self.by,
            "key": self.key,
            "purpose": self.purpose,
            "route": self.route,
            "about": list(self.about),
            "status": self.status,
            "request": self.request,
        }


_Waiting = tuple[AccessEntry, "Future[None]"]


class AccessLog:
    """Writes entries; ``aside`` is the database of `api.db.aside`. Close it at the end."""

    def __init__(self, aside: Engine) -> None:
        self._aside = aside
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closed = False
        # Nothing is put after the end mark.
        self._putting = threading.Lock()
        self._thread = threading.Thread(target=self._write, name="access-log", daemon=True)
        self._thread.start()

    def __enter__(self) -> "AccessLog":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def enter(self, entry: AccessEntry) -> None:
        """Return when the entry is kept. Raises AccessLogError if it cannot be."""
        self.submit(entry).result()

    def submit(self, entry: AccessEntry) -> "Future[None]":
        """The same without waiting: done when the entry is kept, or AccessLogError."""
        future: Future[None] = Future()
        with self._putting:
            if self._closed:
                raise AccessLogError("the access log is closed")
            self._waiting.put((entry, future))
        return future

    def close(self) -> None:
        """Write what waits, then end."""
        with self._putting:
            if not self._closed:
                self._closed = True
                self._waiting.put(None)
        self._thread.join()

    def _write(self) -> None:
        going = True
        while going:
            batch: list[_Waiting] = []
            found = self._waiting.get()
            while found is not None:
                # A request that gave up has been answered by nothing.
                if found[1].set_running_or_notify_cancel():
                    batch.append(found)
                if len(batch) == LARGEST_BATCH or self._waiting.empty():
                    break
                found = self._waiting.get()
            going = found is not None
            self._keep(batch)

    def _keep(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        try:
            with writing(self._aside) as connection:
                chain.append(connection, Access, [entry.as_row() for entry, _ in batch])
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, OperationalError):
                self._keep_each(batch)
                return
            self._fail(batch, error)
            return
        for _, future in batch:
            future.set_result(None)

    def _keep_each(self, batch: list[_Waiting]) -> None:
        """One entry that cannot be written must not take the others with it."""
        for one in batch:
            self._keep([one])

    @staticmethod
    def _fail(batch: list[_Waiting], error: Exception) -> None:
        for _, future in batch:
            problem = AccessLogError(
                f"the access log cannot be written ({type(error).__name__}); "
                "nothing personal is shown until it can"
            )
            future.set_exception(problem)


def enter_command(
    engine: Engine,
    command: str,
    *,
    by: str,
    now: datetime,
    purpose: str | None = None,
    about: Sequence[str] = (),
) -> None:
    """Write down that a command, named without its arguments, gives out personal data.

    ``about`` are the ids of the children and records that it tells of, as in any entry.
    """
    entry = AccessEntry(
        at=now,
        by=by,
        route=command,
        about=list(dict.fromkeys(about)),
        status=0,
        request=secrets.token_hex(8),
        purpose=purpose,
    )
    with aside_of(engine) as aside, writing(aside) as connection:
        chain.append(connection, Access, [entry.as_row()])
