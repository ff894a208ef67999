"""What pages of administration share: who may open them, what forms send, and purposes."""

from typing import Annotated

from fastapi import Form, Path, Query, Request

from api.rest.access import Access, Write
from api.services.access.policy import known_purposes, read_terms
from api.services.access.purposes import purposes_of
from api.services.access.roles import Permission, Role
from api.services.register.kept_rules import rules_in_force
from api.web.access import signed_in
from api.web.typed import Written

Visit = Annotated[Access, signed_in(Permission.ADMINISTER, personal=False)]
Change = Annotated[Write, signed_in(Permission.ADMINISTER, personal=False, writes=True)]
Number = Annotated[int, Path(ge=0, lt=2**63)]
Typed = Annotated[Written, Form()]
# The number of what a page shows once.
Once = Annotated[str, Query(max_length=32)]
Chosen = Annotated[list[Written], Form(max_length=100, default_factory=list)]


def purposes_there_are(visit: Access) -> list[str]:
    """Every purpose of an agreement, or that the rules let something be used for."""
    agreed = known_purposes(read_terms(visit.connection))
    book = rules_in_force(visit.connection, visit.service.offered).book
    return sorted({*agreed, *purposes_of(book)})


def chosen_roles(names: list[str]) -> list[Role]:
    """The roles of these names; others are left out."""
    return [role for role in Role if role in names]


def chosen_purposes(visit: Access, names: list[str]) -> list[str]:
    """Those of these that are purposes."""
    return [purpose for purpose in purposes_there_are(visit) if purpose in names]


def address_of(request: Request, path: str) -> str:
    """The whole address of a page of ours, to be sent to somebody."""
    known: str = request.app.state.pages.settings.public_url
    return (known or str(request.base_url)).rstrip("/") + path
