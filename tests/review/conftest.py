"""A register with pairs that wait, and people who review them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import Databases
from tests.register_service.reviewed import Reviewed, reviewed
from tests.review.desk import Desk


@pytest.fixture
def register(databases: Databases, tmp_path: Path) -> Iterator[Reviewed]:
    """A linked register: half a town, Aisha in three systems, an unsure record, and Noah."""
    with reviewed(databases, tmp_path) as found:
        yield found


@pytest.fixture
def desk(register: Reviewed) -> Iterator[Desk]:
    """Where reviewers sit, under rules by which one person decides and nothing is known."""
    found = Desk(register)
    yield found
    found.close()
