"""Applications are made once and lent to tests: making one takes longer than most tests do."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from api.rest.service import Service
from api.settings import Settings
from api.web.app import create_application

_FREE: dict[Callable[[Service], FastAPI], list[FastAPI]] = defaultdict(list)


@contextmanager
def lent(make: Callable[[Service], FastAPI], service: Service) -> Iterator[FastAPI]:
    """What ``make`` makes, over this register; nobody else has it meanwhile."""
    free = _FREE[make]
    app = free.pop() if free else make(service)
    app.state.service = service
    try:
        yield app
    finally:
        free.append(app)


def as_shipped(service: Service) -> FastAPI:
    """The pages and the API as they are set if nobody sets anything."""
    return create_application(service, Settings())
