"""What those may do by now who asked for something that goes on by itself, such as a webhook."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from api.db.models import ApiKey, Person
from api.db.tables import in_utc
from api.services.access.caller import Caller, PurposeError
from api.services.access.keys import key_holder
from api.services.access.signing_in import somebody

# A name, the api_key.id that was shown, if one was, and a purpose.
Keeper = tuple[str, int | None, str]


def keepers(
    connection: Connection, asked: Sequence[Keeper], *, now: datetime
) -> list[Caller | None]:
    """Each as a caller for its purpose, in order. Two queries.

    None where the person may not come in any more, neither the key nor one that took its place
    works, or they may not act for the purpose.
    """
    names = sorted({name for name, _, _ in asked})
    keys = {
        row.id: row
        for row in connection.execute(select(ApiKey.__table__).where(ApiKey.name.in_(names)))
    }
    people = {
        row.name: row
        for row in connection.execute(
            select(Person.__table__).where(Person.name.in_(names), Person.active)
        )
    }
    found: list[Caller | None] = []
    for name, key, purpose in asked:
        try:
            if key is None:
                person = people.get(name)
                found.append(None if person is None else somebody(person, purpose))
            else:
                row = _working(keys, key, now)
                found.append(None if row is None else key_holder(row, purpose))
        except PurposeError:
            found.append(None)
    return found


def _working(keys: dict[int, Row[Any]], key: int | None, now: datetime) -> Row[Any] | None:
    """The last that works of a key and those that took its place, one after another."""
    found = None
    while key is not None:
        row = keys[key]
        if row.revoked_at is None and in_utc(row.expires_at) > now:
            found = row
        key = row.replaced_by
    return found


def may_know_places(connection: Connection, name: str) -> bool:
    """Whether somebody, by name, may know where shielded children live.

    A person or key who is cleared, or somebody at the command line, who has the register itself.
    """
    found = [
        *connection.scalars(select(Person.cleared).where(Person.name == name)),
        *connection.scalars(select(ApiKey.cleared).where(ApiKey.name == name)),
    ]
    return all(found)
