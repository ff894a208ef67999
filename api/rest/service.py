"""What the web application holds for all requests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import Engine

from api.db.aside import open_aside
from api.db.engine import reading
from api.rest.newest import NewestRun
from api.services.access.access_log import AccessLog
from api.services.register.feed_places import feed_key
from api.services.register.kept_rules import InForce
from api.services.scratch import scratch_folder


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Service:
    """The register, what is kept aside of it, and the rules it begins with.

    Sizes are in bytes. In a ``local`` environment webhooks may lead to this machine.
    """

    engine: Engine
    aside: Engine
    offered: InForce
    access_log: AccessLog
    uploads: Path
    largest_upload: int = 1024**3
    local: bool = False
    now: Callable[[], datetime] = _now
    pace: MovingWindowRateLimiter = field(
        default_factory=lambda: MovingWindowRateLimiter(MemoryStorage())
    )
    known: dict[str, bytes] = field(default_factory=dict)

    @property
    def feed_key(self) -> bytes | None:
        """By which places in the change feed and in lists are told; none before the first run."""
        if "feed_key" not in self.known:
            with reading(self.engine) as connection:
                key = feed_key(connection)
            if key is None:
                return None
            self.known["feed_key"] = key
        return self.known["feed_key"]

    @cached_property
    def newest_run(self) -> NewestRun:
        """For all who wait for events."""
        return NewestRun(self.engine)


@contextmanager
def opened(
    engine: Engine, offered: InForce, *, largest_upload: int = 1024**3, local: bool = False
) -> Iterator[Service]:
    """What the application needs over an open register, for as long as this is open."""
    aside = open_aside(engine)
    try:
        with (
            AccessLog(aside) as log,
            scratch_folder() as uploads,
        ):
            yield Service(engine, aside, offered, log, uploads, largest_upload, local)
    finally:
        aside.dispose()


def service_of(request: Request) -> Service:
    """The application's."""
    found: Service = request.app.state.service
    return found


Serving = Annotated[Service, Depends(service_of)]
