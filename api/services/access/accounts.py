"""People who may come in: who they are and what each may do.

They are added by somebody who may, and set their own password through a link that works
once. What changes here is in the log of acts.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from api.db.models import Invitation, Person
from api.db.tables import in_utc
from api.services.access.audit import note_act
from api.services.access.caller import AccessError, CredentialsError
from api.services.access.names import check_name_is_free, check_roles, tidy_name
from api.services.access.passwords import check_password, hash_password
from api.services.access.roles import Role
from api.services.access.tokens import hash_of, new_secret

INVITATION_LASTS = timedelta(days=7)

# Who is named where nobody has come in yet.
FIRST_START = "first start"


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation that is still open. ``name`` is none where the person chooses it."""

    id: int
    person: int | None
    name: str | None
    expires_at: datetime


def add_person(
    connection: Connection,
    name: str,
    *,
    roles: Collection[Role],
    purposes: Collection[str] = (),
    cleared: bool = False,
    by: str,
    now: datetime,
) -> int:
    """Add somebody, who cannot come in before a password is set or an issuer knows them.

    person.id. Raises AccessError if the name is taken or no role is given.
    """
    name = check_name_is_free(connection, name, now=now)
    check_roles(roles)
    may = _may(roles, purposes, cleared)
    row = {**may, "name": name, "active": True, "created_at": now, "created_by": by}
    number: int = connection.execute(insert(Person).values(row).returning(Person.id)).scalar_one()
    note_act(connection, "person_added", f"person {number}", by=by, now=now,
             detail={"name": name, **may})  # fmt: skip
    return number


def invite(connection: Connection, name: str, *, by: str, now: datetime) -> str:
    """A one-time token with which this person sets a password; earlier ones end.

    Raises AccessError if there is no such person, or they may not come in any more.
    """
    person = require_person(connection, name)
    _end_invitations(connection, Invitation.person == person.id, now)
    token = _enter(connection, by=by, now=now, person=person.id, may=_may((), (), False))
    note_act(connection, "person_invited", f"person {person.id}", by=by, now=now)
    return token


def first_invitation(
    connection: Connection, *, purposes: Collection[str], now: datetime
) -> str | None:
    """Where there is nobody yet: a token for the first steward. The one before it ends.

    ``purposes`` are those that the steward may act for. None as soon as there is anybody,
    so this can be called at every start.
    """
    if _anybody(connection):
        return None
    _end_invitations(connection, Invitation.person.is_(None), now)
    may = _may({Role.STEWARD}, purposes, False)
    return _enter(connection, by=FIRST_START, now=now, person=None, may=may)


def open_invitation(connection: Connection, token: str, *, now: datetime) -> Invited:
    """What an invitation is for.

    Raises CredentialsError if it is unknown, used or expired, or was for the first steward and
    somebody has come in already.
    """
    row = _invitation(connection, token, now)
    return Invited(row.id, row.person, row.name, in_utc(row.expires_at))


def accept_invitation(
    connection: Connection, token: str, password: str, *, name: str | None = None, now: datetime
) -> int:
    """Set a password; ``name`` is of whom it makes, where the invitation names nobody.

    person.id. Raises CredentialsError if the token is no good, PasswordError if the password
    is not, AccessError if the name is not.
    """
    invitation = _invitation(connection, token, now)
    person, known_as = invitation.person, invitation.name
    check_password(password, name=known_as or tidy_name(name or ""))
    if person is None:
        known_as = tidy_name(name or "")
        person = add_person(
            connection,
            known_as,
            roles=[Role(role) for role in invitation.roles],
            purposes=invitation.purposes,
            cleared=invitation.cleared,
            by=FIRST_START,
            now=now,
        )
    connection.execute(update(Invitation).where(Invitation.id == invitation.id).values(used_at=now))
    _set_password(connection, person, password)
    note_act(connection, "password_set", f"person {person}", by=known_as, now=now)
    return int(person)


def set_password(
    connection: Connection, person: int, password: str, *, by: str, now: datetime
) -> None:
    """Replace a password, after whoever asks has shown the old one. Raises PasswordError."""
    check_password(password, name=by)
    _set_password(connection, person, password)
    note_act(connection, "password_set", f"person {person}", by=by, now=now)


def change_person(
    connection: Connection,
    name: str,
    *,
    roles: Collection[Role] | None = None,
    purposes: Collection[str] | None = None,
    cleared: bool | None = None,
    by: str,
    now: datetime,
) -> None:
    """Change what somebody may do; what is not given stays. Counts from their next request.

    Raises AccessError if there is no such person, or nobody would be left who may administer.
    """
    person = require_person(connection, name)
    values: dict[str, Any] = {}
    if roles is not None:
        check_roles(roles)
        values["roles"] = sorted(roles)
    if purposes is not None:
        values["purposes"] = sorted(purposes)
    if cleared is not None:
        values["cleared"] = cleared
    if not values:
        raise AccessError("say what is to change: roles, purposes or clearance")
    if roles is not None and Role.STEWARD not in roles:
        _check_not_the_last_steward(connection, person)
    connection.execute(update(Person).where(Person.id == person.id).values(values))
    note_act(connection, "person_changed", f"person {person.id}", by=by, now=now, detail=values)


def end_person(connection: Connection, name: str, *, by: str, now: datetime) -> int:
    """Let somebody in no more; person.id. Nothing that they did is forgotten.

    End their sign-ins as well, see `signing_in.end_sign_ins`; they count for nothing already.
    Raises AccessError as `change_person` does.
    """
    person = require_person(connection, name)
    _check_not_the_last_steward(connection, person)
    _end_invitations(connection, Invitation.person == person.id, now)
    where = Person.id == person.id
    connection.execute(update(Person).where(where).values(active=False, password_hash=None))
    note_act(connection, "person_ended", f"person {person.id}", by=by, now=now)
    return int(person.id)


def list_people(connection: Connection) -> Sequence[Row[Any]]:
    """Everybody, in order of name, without what is kept of passwords."""
    shown = [c for c in Person.__table__.columns if c.name not in ("password_hash", "subject")]
    by_password = Person.password_hash.is_not(None).label("has_password")
    columns: list[Any] = [*shown, by_password]
    return connection.execute(select(*columns).order_by(Person.name)).all()


def require_person(connection: Connection, name: str) -> Row[Any]:
    """The row of somebody who may come in. Raises AccessError."""
    where = (Person.name == tidy_name(name)) & Person.active.is_(True)
    found = connection.execute(select(Person.__table__).where(where)).one_or_none()
    if found is None:
        raise AccessError("there is nobody of this name who may come in")
    return found


def _anybody(connection: Connection) -> bool:
    return connection.execute(select(Person.id).limit(1)).first() is not None


def _may(roles: Collection[Role], purposes: Collection[str], cleared: bool) -> dict[str, Any]:
    return {"roles": sorted(roles), "purposes": sorted(purposes), "cleared": cleared}


def _set_password(connection: Connection, person: int, password: str) -> None:
    values = {"password_hash": hash_password(password)}
    connection.execute(update(Person).where(Person.id == person).values(values))


def _enter(
    connection: Connection, *, by: str, now: datetime, person: int | None, may: dict[str, Any]
) -> str:
    token = new_secret()
    row = {
        **may,
        "token_hash": hash_of(token),
        "person": person,
        "created_at": now,
        "created_by": by,
        "expires_at": now + INVITATION_LASTS,
    }
    connection.execute(insert(Invitation).values(row))
    return token


def _invitation(connection: Connection, token: str, now: datetime) -> Row[Any]:
    query = (
        select(Invitation.__table__, Person.name)
        .outerjoin(Person, Person.id == Invitation.person)
        .where(
            Invitation.token_hash == hash_of(token),
            Invitation.used_at.is_(None),
            Invitation.expires_at > now,
        )
    )
    found = connection.execute(query).one_or_none()
    if found is None:
        raise CredentialsError("this link has been used or has expired; ask for a new one")
    if found.person is None and _anybody(connection):
        raise CredentialsError("somebody has come in already; ask them to add you")
    return found


def _end_invitations(connection: Connection, whose: Any, now: datetime) -> None:
    open_ = whose & Invitation.used_at.is_(None) & (Invitation.expires_at > now)
    connection.execute(update(Invitation).where(open_).values(expires_at=now))


def is_last_steward(connection: Connection, person: Row[Any]) -> bool:
    """Whether nobody but this person may administer."""
    if Role.STEWARD not in person.roles:
        return False
    others = connection.scalars(
        select(Person.roles).where(Person.active.is_(True), Person.id != person.id)
    )
    return not any(Role.STEWARD in roles for roles in others)


def _check_not_the_last_steward(connection: Connection, person: Row[Any]) -> None:
    if is_last_steward(connection, person):
        raise AccessError("this is the last steward; make somebody else one first")
