"""A register, what is kept aside of it, and people who may come in."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from api.db.aside import open_aside
from api.db.engine import writing
from api.services.access.accounts import accept_invitation, add_person, invite
from api.services.access.roles import Role

NOW = datetime(2024, 9, 2, 9, tzinfo=UTC)
PASSWORD = "a heron by the canal"


@pytest.fixture
def aside(engine: Engine) -> Iterator[Engine]:
    found = open_aside(engine)
    yield found
    found.dispose()


@pytest.fixture
def ada(engine: Engine) -> int:
    """A steward who has set a password; person.id."""
    with writing(engine) as connection:
        person = add_person(
            connection,
            "ada",
            roles=[Role.STEWARD],
            purposes=["early_years", "education"],
            by="root",
            now=NOW,
        )
        token = invite(connection, "ada", by="root", now=NOW)
        accept_invitation(connection, token, PASSWORD, now=NOW)
    return person
