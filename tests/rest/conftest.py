"""The application over a real register that people act on, and keys to ask it with."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.db.engine import writing
from api.rest.app import create_app
from api.rest.service import Service, opened
from api.services.access.keys import create_key
from api.services.access.roles import Role
from tests.applications import lent
from tests.databases import Databases
from tests.register_service.registers import shipped
from tests.register_service.reviewed import Reviewed, reviewed

Headers = dict[str, str]
MakeKey = Callable[..., Headers]


@pytest.fixture
def register(databases: Databases, tmp_path: Path) -> Iterator[Reviewed]:
    """A linked register: half a town, Aisha in three systems, an unsure record, and Noah."""
    with reviewed(databases, tmp_path) as found:
        yield found


@pytest.fixture
def service(register: Reviewed) -> Iterator[Service]:
    with opened(register.engine, shipped()) as found:
        yield found


@pytest.fixture
def application(service: Service) -> Iterator[FastAPI]:
    with lent(create_app, service) as found:
        yield found


@pytest.fixture
def client(application: FastAPI) -> Iterator[TestClient]:
    with TestClient(application, follow_redirects=False) as found:
        yield found


@pytest.fixture
def key(service: Service) -> MakeKey:
    """Makes a key; headers to ask with. Attended unless said otherwise, and for one purpose."""
    made = 0

    def make(role: Role = Role.SYSTEM, purpose: str = "early_years", **more: Any) -> Headers:
        nonlocal made
        made += 1
        with writing(service.engine) as connection:
            new = create_key(
                connection,
                f"key-{made}",
                roles=[role],
                purposes=more.pop("purposes", [purpose]),
                unattended=more.pop("unattended", False),
                by="steward",
                now=datetime.now(UTC),
                **more,
            )
        return {"Authorization": f"Bearer {new.key}", "Purpose": purpose}

    return make
