"""A register to load extracts into; nothing of it is committed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.databases import Databases
from tests.register_service.extracts import Loader
from tests.register_service.reviewed import Reviewed, reviewed


@pytest.fixture
def loader(engine: Engine, tmp_path: Path) -> Iterator[Loader]:
    with engine.connect() as connection:
        yield Loader(connection, tmp_path)
        connection.rollback()


@pytest.fixture
def register(databases: Databases, tmp_path: Path) -> Iterator[Reviewed]:
    """A linked register that people act on."""
    with reviewed(databases, tmp_path) as found:
        yield found
