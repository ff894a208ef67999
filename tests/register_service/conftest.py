"""A register to load extracts into; nothing of it is committed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.register_service.extracts import Loader
from tests.register_service.reviewed import Reviewed


@pytest.fixture
def loader(engine: Engine, tmp_path: Path) -> Iterator[Loader]:
    with engine.connect() as connection:
        yield Loader(connection, tmp_path)
        connection.rollback()


@pytest.fixture
def register(engine: Engine, tmp_path: Path) -> Reviewed:
    """A linked register that people act on."""
    found = Reviewed(engine, tmp_path)
    found.begin()
    return found
