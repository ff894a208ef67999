"""API keys, for systems. A key is ``mk_<prefix>_<secret>`` and is shown once, when made."""

import hmac
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from api.db.models import ApiKey
from api.db.tables import in_utc
from api.services.access.audit import note_act
from api.services.access.caller import AccessError, Caller, CredentialsError
from api.services.access.names import check_name_is_free, check_roles
from api.services.access.purposes import choose_purpose
from api.services.access.roles import Role
from api.services.access.tokens import hash_of, new_secret

# How long a key that is replaced goes on, so that no system is cut off meanwhile.
GRACE = timedelta(days=7)
YEAR = timedelta(days=365)

_START = "mk_"
_REFUSED = "the key is not known, has expired or was ended"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is shown, this once."""

    id: int
    name: str
    key: str
    expires_at: datetime


def is_key(credentials: str) -> bool:
    """Whether this is meant to be a key, and not the token of a sign-in."""
    return credentials.startswith(_START)


def create_key(
    connection: Connection,
    name: str,
    *,
    roles: Collection[Role],
    purposes: Collection[str],
    sources: Collection[str] | None = None,
    cleared: bool = False,
    unattended: bool | None = None,
    per_minute: int | None = None,
    lasts: timedelta = YEAR,
    by: str,
    now: datetime,
) -> NewKey:
    """Make a key. Raises AccessError if the name is taken or nothing could be done with it.

    ``unattended``, unless said, is so if system is the only role.
    """
    name = check_name_is_free(connection, name, now=now)
    check_roles(roles)
    row = {
        "name": name,
        "roles": sorted(roles),
        "purposes": sorted(purposes),
        "sources": None if sources is None else sorted(sources),
        "cleared": cleared,
        "unattended": set(roles) == {Role.SYSTEM} if unattended is None else unattended,
        "per_minute": per_minute,
        "expires_at": now + lasts,
    }
    made = _enter(connection, row, by=by, now=now)
    note_act(connection, "key_created", f"key {made.id}", by=by, now=now, detail=_scope(row))
    return made


def rotate_key(
    connection: Connection,
    name: str,
    *,
    by: str,
    now: datetime,
    grace: timedelta = GRACE,
) -> NewKey:
    """Make a key that may do the same; earlier ones go on for ``grace``. Raises AccessError.

    The new one lasts as long as the last one was made for. One that was replaced before, and
    still works, does so no longer than this one.
    """
    old = _current(connection, name, now)
    copied = ("name", "roles", "purposes", "sources", "cleared", "unattended", "per_minute")
    old_end = in_utc(old.expires_at)
    lasts = old_end - in_utc(old.created_at)
    row = {column: getattr(old, column) for column in copied} | {"expires_at": now + lasts}
    made = _enter(connection, row, by=by, now=now)
    mine = update(ApiKey).where(ApiKey.id == old.id)
    connection.execute(mine.values(replaced_by=made.id))
    earlier = update(ApiKey).where(ApiKey.name == name, ApiKey.id != made.id, _works(now))
    outlasting = earlier.where(ApiKey.expires_at > now + grace)
    connection.execute(outlasting.values(expires_at=now + grace))
    detail = {"replaces": old.id}
    note_act(connection, "key_rotated", f"key {made.id}", by=by, now=now, detail=detail)
    return made


def revoke_key(connection: Connection, name: str, *, by: str, now: datetime) -> int:
    """End a key at once, those that it replaced too; how many. Raises AccessError if none."""
    query = select(ApiKey.id).where(ApiKey.name == name, _works(now)).order_by(ApiKey.id)
    numbers = list(connection.scalars(query))
    if not numbers:
        raise AccessError("there is no key of this name that works")
    where = ApiKey.id.in_(numbers)
    connection.execute(update(ApiKey).where(where).values(revoked_at=now))
    for number in numbers:
        note_act(connection, "key_ended", f"key {number}", by=by, now=now)
    return len(numbers)


def list_keys(connection: Connection) -> Sequence[Row[Any]]:
    """Every key ever made, in order of making, without its hash."""
    shown = [column for column in ApiKey.__table__.columns if column.name != "secret_hash"]
    return connection.execute(select(*shown).order_by(ApiKey.id)).all()


def caller_of_key(
    connection: Connection, key: str, purpose: str | None, *, now: datetime
) -> Caller:
    """Who shows this key. Raises CredentialsError, or PurposeError if it may not act for that.

    A key that is for one purpose only acts for it without saying so.
    """
    mark, _, rest = key.partition("_")
    prefix, _, secret = rest.partition("_")
    if mark != "mk" or not prefix.isascii() or not prefix.isalnum():
        raise CredentialsError(_REFUSED)
    row = connection.execute(
        select(ApiKey.__table__).where(ApiKey.prefix == prefix, _works(now))
    ).one_or_none()
    if row is None or not hmac.compare_digest(row.secret_hash, hash_of(secret)):
        raise CredentialsError(_REFUSED)
    return key_holder(row, purpose)


def key_holder(row: Row[Any], purpose: str | None) -> Caller:
    """Whose key this is, for a purpose. Raises PurposeError if it may not act for that."""
    purposes = frozenset(row.purposes)
    return Caller(
        name=row.name,
        roles=frozenset(Role(role) for role in row.roles),
        purposes=purposes,
        purpose=choose_purpose(purposes, purpose),
        cleared=row.cleared,
        sources=None if row.sources is None else frozenset(row.sources),
        unattended=row.unattended,
        per_minute=row.per_minute,
        key=row.id,
    )


def _enter(connection: Connection, row: dict[str, Any], *, by: str, now: datetime) -> NewKey:
    prefix, secret = secrets.token_hex(6), new_secret()
    made = {"prefix": prefix, "secret_hash": hash_of(secret), "created_at": now, "created_by": by}
    number: int = connection.execute(
        insert(ApiKey).values(row | made).returning(ApiKey.id)
    ).scalar_one()
    return NewKey(number, row["name"], f"{_START}{prefix}_{secret}", row["expires_at"])


def _current(connection: Connection, name: str, now: datetime) -> Row[Any]:
    query = select(ApiKey.__table__).where(
        ApiKey.name == name, _works(now), ApiKey.replaced_by.is_(None)
    )
    found = connection.execute(query).one_or_none()
    if found is None:
        raise AccessError("there is no key of this name that works")
    return found


def _works(now: datetime) -> Any:
    return ApiKey.revoked_at.is_(None) & (ApiKey.expires_at > now)


def _scope(row: dict[str, Any]) -> dict[str, Any]:
    told = ("name", "roles", "purposes", "sources", "cleared", "unattended", "per_minute")
    return {name: row[name] for name in told}
