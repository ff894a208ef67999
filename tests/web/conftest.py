"""The application over a register that is empty, and people to use it."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api.db.engine import writing
from api.rest.service import Service, opened
from api.services.access.accounts import add_person
from api.services.access.roles import Role
from api.services.access.signing_in import start_sign_in
from tests.applications import as_shipped, lent
from tests.register_service.registers import shipped

SignIn = Callable[..., TestClient]


@pytest.fixture
def service(engine: Engine) -> Iterator[Service]:
    with opened(engine, shipped()) as found:
        yield found


@pytest.fixture
def application(service: Service) -> Iterator[FastAPI]:
    with lent(as_shipped, service) as found:
        yield found


@pytest.fixture
def client(application: FastAPI) -> Iterator[TestClient]:
    """Somebody who is not signed in."""
    with TestClient(application, follow_redirects=False) as found:
        yield found


@pytest.fixture(scope="session")
def loop() -> Iterator[BlockingPortal]:
    """Where requests are answered: a client would otherwise start and end a loop for each."""
    with start_blocking_portal() as found:
        yield found


@pytest.fixture
def sign_in(application: FastAPI, service: Service, loop: BlockingPortal) -> SignIn:
    """The browser of somebody with a role: ``sign_in(Role.ANALYST, purposes=[...])``."""

    def sign_in_(
        role: Role,
        purposes: tuple[str, ...] = ("early_years",),
        *,
        cleared: bool = False,
        name: str | None = None,
    ) -> TestClient:
        now = datetime.now(UTC)
        name = name or f"{role}.{'.'.join(purposes)}{'.cleared' if cleared else ''}"[:60]
        with writing(service.engine) as connection:
            person = add_person(
                connection,
                name,
                roles=[role],
                purposes=purposes,
                by="test",
                now=now,
                cleared=cleared,
            )
        token = start_sign_in(service.aside, person, name, now=now).token
        found = TestClient(application, follow_redirects=False, cookies={"sign-in": token})
        found.portal = loop
        return found

    return sign_in_


def token_in(text: str) -> str:
    """What forms of a page carry."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', text)
    assert found is not None
    return found[1]
