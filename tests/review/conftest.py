"""A register with pairs that wait, and people who review them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.register_service.reviewed import Reviewed
from tests.review.desk import Desk


@pytest.fixture
def register(engine: Engine, tmp_path: Path) -> Reviewed:
    """A linked register: half a town, Aisha in three systems, an unsure record, and Noah."""
    found = Reviewed(engine, tmp_path)
    found.begin()
    return found


@pytest.fixture
def desk(register: Reviewed) -> Iterator[Desk]:
    """Where reviewers sit, under rules by which one person decides and nothing is known."""
    found = Desk(register)
    yield found
    found.close()
