"""Names of people and of keys: how logs know them, so one name is one of them."""

import re
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select

from api.db.models import ApiKey, Person
from api.services.access.caller import AccessError
from api.services.access.roles import Role

# Whom the logs name where nobody who came in did something: the register itself, and whoever has
# the machine that it runs on.
_RESERVED = frozenset({"register", "root"})
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


def tidy_name(name: str) -> str:
    """As names are kept: in small letters, without spaces around."""
    return name.strip().lower()


def check_name_is_free(connection: Connection, name: str, *, now: datetime) -> str:
    """The name as it is kept. Raises AccessError if it cannot be one or is taken."""
    name = tidy_name(name)
    if not _NAME.fullmatch(name):
        raise AccessError(
            "use letters without accents, digits, and the characters . _ @ + and -, without "
            "spaces, at most 64 in all"
        )
    if name in _RESERVED:
        raise AccessError(f"{name} is how the logs name another; choose a name of its own")
    person = select(Person.id).where(Person.name == name)
    key = select(ApiKey.id).where(
        ApiKey.name == name,
        ApiKey.revoked_at.is_(None),
        ApiKey.expires_at > now,
    )
    if connection.execute(person).first() is not None:
        raise AccessError(f"there is a person called {name} already; names are not used twice")
    if connection.execute(key).first() is not None:
        raise AccessError(f"there is a key called {name} already; end or rotate it")
    return name


def check_roles(roles: Collection[Role]) -> None:
    """Raises AccessError if there is none."""
    if not roles:
        raise AccessError(f"name a role: {', '.join(Role)}")
