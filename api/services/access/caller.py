"""Who asks, and what for."""

from dataclasses import dataclass

from api.services.access.roles import Permission, Role, permissions_of
from matcher.errors import MatcherError


class AccessError(MatcherError):
    """Somebody asks for what they may not do or see. ``type`` is stable, for programs."""

    type = "forbidden"


class PurposeError(AccessError):
    """The purpose is missing, unknown, or not one that the caller may act for."""

    type = "purpose"


class CredentialsError(AccessError):
    """Nobody, or nobody who may come in now, shows these credentials. Says no more."""

    type = "credentials"


class LockedError(CredentialsError):
    """Too many attempts failed; ``seconds`` until another one is heard."""

    type = "locked"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Caller:
    """A person or a system that has shown who it is, and the purpose of what it asks now.

    ``name`` is how logs know it. ``purposes`` are those it may act for; ``purpose`` is the one
    chosen, none where nothing personal is asked. ``cleared`` may see where shielded children
    live. ``sources`` are those it may see, all if None. ``unattended`` systems get a match
    only if it is the only one. ``per_minute`` is how many requests it may make.
    """

    name: str
    roles: frozenset[Role]
    purposes: frozenset[str] = frozenset()
    purpose: str | None = None
    cleared: bool = False
    sources: frozenset[str] | None = None
    unattended: bool = False
    per_minute: int | None = None
    key: int | None = None
    person: int | None = None

    @property
    def permissions(self) -> frozenset[Permission]:
        """All that it may do."""
        return permissions_of(self.roles)

    def may(self, permission: Permission) -> bool:
        """Whether it may do this."""
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raises AccessError if it may not."""
        if not self.may(permission):
            raise AccessError(f"this needs the permission {permission}")
