"""Who may come in, who has, and what they looked at.

Rows of tables that are kept ``ASIDE`` are in a database file of their own beside a SQLite
register (see `api.db.aside`), so they refer to no row of other tables.
"""

from typing import Annotated, Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.db.append_only import APPEND_ONLY
from api.db.tables import Hash, Id, Moment, Name, Number, Table, Written

ASIDE = "aside"

Names = Annotated[list[str], mapped_column(JSON(none_as_null=True))]


class Person(Table):
    """Somebody who signs in, by password or through an OpenID Connect issuer, or both."""

    __tablename__ = "person"

    id: Mapped[Id]
    name: Mapped[Name] = mapped_column(unique=True)
    password_hash: Mapped[Written | None]
    issuer: Mapped[Written | None]
    subject: Mapped[Written | None]
    roles: Mapped[Names]
    purposes: Mapped[Names]
    cleared: Mapped[bool]
    active: Mapped[bool]
    created_at: Mapped[Moment]
    created_by: Mapped[Name]

    __table_args__ = (UniqueConstraint("issuer", "subject"),)


class Invitation(Table):
    """A one-time link to set a password; ``person`` is none where it makes a new person."""

    __tablename__ = "invitation"

    id: Mapped[Id]
    token_hash: Mapped[Hash] = mapped_column(unique=True)
    person: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    roles: Mapped[Names]
    purposes: Mapped[Names]
    cleared: Mapped[bool]
    created_at: Mapped[Moment]
    created_by: Mapped[Name]
    expires_at: Mapped[Moment]
    used_at: Mapped[Moment | None]


class ApiKey(Table):
    """What a system shows to be let in. Its secret is kept as a hash only."""

    __tablename__ = "api_key"

    id: Mapped[Id]
    name: Mapped[Name] = mapped_column(index=True)
    prefix: Mapped[Name] = mapped_column(unique=True)
    secret_hash: Mapped[Hash]
    roles: Mapped[Names]
    purposes: Mapped[Names]
    sources: Mapped[Names | None]
    cleared: Mapped[bool]
    unattended: Mapped[bool]
    per_minute: Mapped[int | None] = mapped_column(Number)
    created_at: Mapped[Moment]
    created_by: Mapped[Name]
    expires_at: Mapped[Moment]
    revoked_at: Mapped[Moment | None]
    replaced_by: Mapped[int | None] = mapped_column(ForeignKey("api_key.id"))


class SignIn(Table):
    """That a person signed in, until that expires or ended. ``person`` is person.id."""

    __tablename__ = "sign_in"

    token_hash: Mapped[Hash] = mapped_column(primary_key=True)
    person: Mapped[int] = mapped_column(Number, index=True)
    purpose: Mapped[Name | None]
    created_at: Mapped[Moment]
    seen_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    ended_at: Mapped[Moment | None]

    __table_args__ = {"info": {ASIDE: True}}  # noqa: RUF012


class SignInFailure(Table):
    """Failed sign-ins under a name. The name is hashed: a password may have been typed there."""

    __tablename__ = "sign_in_failure"

    name_hash: Mapped[Hash] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(Number)
    last_at: Mapped[Moment]

    __table_args__ = {"info": {ASIDE: True}}  # noqa: RUF012


class Access(Table):
    """That somebody saw, or asked for, personal data. Ids only; each seals those before it."""

    __tablename__ = "access"

    id: Mapped[Id]
    at: Mapped[Moment]
    by: Mapped[Name]
    key: Mapped[int | None] = mapped_column(Number)
    purpose: Mapped[Name | None]
    route: Mapped[Written]
    about: Mapped[Names]
    status: Mapped[int] = mapped_column(Number)
    request: Mapped[Name]
    previous: Mapped[Hash]
    hash: Mapped[Hash]

    __table_args__: Any = (Index(None, "by", "at"), {"info": {ASIDE: True, APPEND_ONLY: True}})
