"""Signing in and out, and who it is that a sign-in's token stands for.

Sign-ins are kept aside (see `api.db.aside`), so that nobody waits for a link run to come in.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, func, insert, select, update
from sqlalchemy.exc import OperationalError

from api.db.engine import is_sqlite, open_database, reading, writing
from api.db.models import Person, SignIn
from api.db.tables import in_utc
from api.services.access import accounts
from api.services.access.attempts import attempt, succeeded
from api.services.access.caller import Caller, CredentialsError
from api.services.access.names import tidy_name
from api.services.access.passwords import hash_password, is_outdated, verify_password
from api.services.access.purposes import choose_purpose
from api.services.access.roles import Role
from api.services.access.tokens import hash_of, new_secret

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
# A sign-in's last use is noted this often.
_NOTED = timedelta(minutes=1)
# How long it is known who signed in when.
_KEPT = timedelta(days=400)
_IMPATIENT_SECONDS = 0.2

_REFUSED = "the name or the password is not right"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in's token, shown once, and who it stands for."""

    token: str
    person: int
    name: str


def sign_in(engine: Engine, aside: Engine, name: str, password: str, *, now: datetime) -> SignedIn:
    """Let somebody in by password.

    Takes the same time and says the same whether the name is known or not. Raises
    CredentialsError, LockedError after too many failures under the name.
    """
    name = tidy_name(name)
    attempt(aside, name, now=now)
    with reading(engine) as connection:
        person = connection.execute(
            select(Person.id, Person.password_hash).where(
                Person.name == name, Person.active.is_(True)
            )
        ).one_or_none()
    kept = person.password_hash if person else None
    if not verify_password(kept, password) or person is None:
        raise CredentialsError(_REFUSED)
    succeeded(aside, name)
    if kept is not None and is_outdated(kept):
        _keep_anew(engine, person.id, kept, password)
    return start_sign_in(aside, person.id, name, now=now)


def start_sign_in(aside: Engine, person: int, name: str, *, now: datetime) -> SignedIn:
    """Let in somebody who has shown who they are."""
    token = new_secret()
    row = {
        "token_hash": hash_of(token),
        "person": person,
        "created_at": now,
        "seen_at": now,
        "expires_at": now + LONGEST,
    }
    with writing(aside) as connection:
        connection.execute(delete(SignIn).where(SignIn.created_at < now - _KEPT))
        connection.execute(insert(SignIn).values(row))
    return SignedIn(token, person, name)


def caller_of_token(
    aside: Engine, connection: Connection, token: str, purpose: str | None, *, now: datetime
) -> Caller:
    """Who is signed in with this token; ``connection`` reads the register.

    Acts for the purpose given, or else the one chosen last, or else their only one. Raises
    CredentialsError if nobody is, PurposeError if they may not act for that purpose.
    """
    with reading(aside) as beside:
        row = beside.execute(
            select(SignIn.__table__).where(
                SignIn.token_hash == hash_of(token),
                SignIn.ended_at.is_(None),
                SignIn.expires_at > now,
                SignIn.seen_at > now - IDLE,
            )
        ).one_or_none()
    if row is None:
        raise CredentialsError("sign in again; you were signed out, or away for long")
    person = connection.execute(
        select(Person.__table__).where(Person.id == row.person, Person.active.is_(True))
    ).one_or_none()
    if person is None:
        raise CredentialsError("sign in again; this account has ended")
    if now - in_utc(row.seen_at) > _NOTED:
        with writing(aside) as beside:
            where = SignIn.token_hash == row.token_hash
            beside.execute(update(SignIn).where(where).values(seen_at=now))
    purposes = frozenset(person.purposes)
    chosen = row.purpose if row.purpose in purposes else None
    return somebody(person, purpose or chosen)


def why_signed_out(engine: Engine, aside: Engine, token: str) -> Literal["ended", "closed", "away"]:
    """Why a token is none of a sign-in any more: it was ended, with its account, or is over."""
    with reading(aside) as connection:
        row = connection.execute(
            select(SignIn.person, SignIn.ended_at).where(SignIn.token_hash == hash_of(token))
        ).one_or_none()
    if row is None:
        return "away"
    with reading(engine) as connection:
        active = connection.scalar(select(Person.active).where(Person.id == row.person))
    if not active:
        return "closed"
    return "away" if row.ended_at is None else "ended"


def somebody(person: Row[Any], purpose: str | None) -> Caller:
    """A person, for a purpose. Raises PurposeError if they may not act for that."""
    purposes = frozenset(person.purposes)
    return Caller(
        name=person.name,
        roles=frozenset(Role(role) for role in person.roles),
        purposes=purposes,
        purpose=choose_purpose(purposes, purpose),
        cleared=person.cleared,
        person=person.id,
    )


def keep_purpose(aside: Engine, token: str, purpose: str) -> None:
    """Act for this purpose from now on; the caller was found to be one who may."""
    with writing(aside) as connection:
        where = SignIn.token_hash == hash_of(token)
        connection.execute(update(SignIn).where(where).values(purpose=purpose))


def sign_out(aside: Engine, token: str, *, now: datetime) -> None:
    """End a sign-in, if there is one."""
    _end(aside, SignIn.token_hash == hash_of(token), now)


def end_sign_ins(aside: Engine, person: int, *, now: datetime, without: str | None = None) -> None:
    """End all sign-ins of somebody, except the one with this token."""
    where = SignIn.person == person
    if without is not None:
        where &= SignIn.token_hash != hash_of(without)
    _end(aside, where, now)


def change_password(
    engine: Engine, aside: Engine, token: str, old: str, new: str, *, now: datetime
) -> None:
    """Change the password of whoever is signed in; their other sign-ins end.

    Raises CredentialsError if the old one is wrong, PasswordError if the new one is no good.
    """
    with reading(engine) as connection:
        caller = caller_of_token(aside, connection, token, None, now=now)
        assert caller.person is not None
        query = select(Person.password_hash).where(Person.id == caller.person)
        kept = connection.scalar(query)
    attempt(aside, caller.name, now=now)
    if not verify_password(kept, old):
        raise CredentialsError("the old password is not right")
    succeeded(aside, caller.name)
    with writing(engine) as connection:
        accounts.set_password(connection, caller.person, new, by=caller.name, now=now)
    end_sign_ins(aside, caller.person, now=now, without=token)


@dataclass(frozen=True, slots=True)
class SignInView:
    """One sign-in of somebody: when it began and was used last; ``here`` is the one that asks."""

    began_at: datetime
    seen_at: datetime
    is_open: bool
    here: bool


def sign_ins_of(
    aside: Engine, person: int, token: str, *, now: datetime, limit: int
) -> list[SignInView]:
    """The last ones of somebody, newest first; ``token`` is that of the one that asks."""
    own = select(SignIn.__table__).where(SignIn.person == person)
    with reading(aside) as connection:
        rows = connection.execute(own.order_by(SignIn.created_at.desc()).limit(limit)).all()
    return [
        SignInView(
            in_utc(row.created_at),
            in_utc(row.seen_at),
            row.ended_at is None
            and in_utc(row.expires_at) > now
            and in_utc(row.seen_at) > now - IDLE,
            row.token_hash == hash_of(token),
        )
        for row in rows
    ]


def last_sign_ins(aside: Engine) -> dict[int, datetime]:
    """When each person last signed in, as far back as sign-ins are kept; by person.id."""
    query = select(SignIn.person, func.max(SignIn.created_at)).group_by(SignIn.person)
    with reading(aside) as connection:
        return {person: in_utc(at) for person, at in connection.execute(query)}


def _end(aside: Engine, whose: ColumnElement[bool], now: datetime) -> None:
    with writing(aside) as connection:
        still = whose & SignIn.ended_at.is_(None)
        connection.execute(update(SignIn).where(still).values(ended_at=now))


def _keep_anew(engine: Engine, person: int, kept: str | None, password: str) -> None:
    """Keep a password in the present way, unless a run is writing; then the next time."""
    url = engine.url.render_as_string(hide_password=False)
    impatient = open_database(url, patience=_IMPATIENT_SECONDS) if is_sqlite(engine) else engine
    where = (Person.id == person) & (Person.password_hash == kept)
    with suppress(OperationalError), writing(impatient) as connection:
        values = {"password_hash": hash_password(password)}
        connection.execute(update(Person).where(where).values(values))
    if impatient is not engine:
        impatient.dispose()
