"""People who may come in: adding them, what they may do, new links, and ending."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Row

from api.rest.access import Access
from api.rest.problems import Problem
from api.services.access.accounts import (
    INVITATION_LASTS,
    add_person,
    change_person,
    end_person,
    invite,
    list_people,
)
from api.services.access.caller import AccessError
from api.services.access.names import check_name_is_free, tidy_name
from api.services.access.roles import Role
from api.services.access.signing_in import end_sign_ins, last_sign_ins
from api.web.access import page_router
from api.web.administration_parts import (
    Change,
    Chosen,
    Number,
    Once,
    Typed,
    Visit,
    address_of,
    chosen_purposes,
    chosen_roles,
    purposes_there_are,
)
from api.web.pages import Instead, page, see
from api.web.terms import see_once, shown_once
from api.web.text import sentence

router = page_router()

_LIST = "/administration/people"

# What each role is trusted with, as the form says it.
ROLES: Mapping[Role, str] = {
    Role.ANALYST: "brings extracts in, looks at children, exports",
    Role.REVIEWER: "decides on pairs of records",
    Role.SENIOR_REVIEWER: "settles what was referred, corrects values, shields and severs",
    Role.MEASURES_READER: "reads measures, and nothing about any child",
    Role.STEWARD: "does everything except read the logs",
    Role.AUDITOR: "reads the logs, and nothing about any child",
    Role.SYSTEM: "another system that reads and writes records",
}
# A person is no system.
_OF_PEOPLE = {role: text for role, text in ROLES.items() if role is not Role.SYSTEM}


@router.get(_LIST)
def people_page(request: Request, visit: Visit) -> Response:
    """Everybody who was ever added."""
    seen = last_sign_ins(visit.service.aside)
    people = [
        {**row._asdict(), "state": _state(row), "last": seen.get(row.id)}
        for row in list_people(visit.connection)
    ]
    people.sort(key=lambda one: (one["state"] == "ended", one["name"]))
    return page(request, "administration/people.html", title="People", people=people)


@router.get(f"{_LIST}/new")
def new_person_page(request: Request, visit: Visit) -> Response:
    """Asks for a name and what they may do."""
    return _new_page(request, visit, "", [], [], cleared=False)


@router.post(f"{_LIST}/new")
def add_person_here(
    request: Request,
    change: Change,
    roles: Chosen,
    purposes: Chosen,
    name: Typed = "",
    cleared: Typed = "",
) -> Response:
    """Adds somebody, and shows the link with which they choose a password, once."""
    may: dict[str, Any] = {"roles": chosen_roles(roles), "cleared": cleared == "yes"}
    wanted = chosen_purposes(change, purposes)
    errors = {} if may["roles"] else {"roles": "Select what they may do"}
    if not name.strip():
        errors = {"name": "Enter a name to sign in with", **errors}
    elif errors:
        try:
            check_name_is_free(change.connection, name, now=change.now)
        except AccessError as error:
            errors = {"name": sentence(str(error)), **errors}
    if not errors:
        try:
            add_person(change.connection, name, purposes=wanted, by=change.caller.name,
                       now=change.now, **may)  # fmt: skip
        except AccessError as error:
            errors = {"name": sentence(str(error))}
    if errors:
        raise Instead(_new_page(request, change, name, purposes=wanted, errors=errors, **may))
    return _see_link(request, change, tidy_name(name))


@router.get(f"{_LIST}/link")
def link_page(
    request: Request,
    visit: Visit,  # noqa: ARG001 - only stewards
    shown: Once = "",
) -> Response:
    """Shows a link that was just made."""

    def made(told: Mapping[str, str]) -> Response:
        return page(
            request,
            "administration/link.html",
            title="Give this link to them" if told else "This link is not shown again",
            made=told,
            days=INVITATION_LASTS.days,
        )

    return shown_once(request, shown, made)


@router.get(f"{_LIST}/{{number}}")
def person_page(request: Request, visit: Visit, number: Number) -> Response:
    """What somebody may do, to be changed."""
    person = _person(visit, number)
    return _person_page(request, visit, person, person.roles, person.purposes, person.cleared)


@router.post(f"{_LIST}/{{number}}")
def change_person_here(
    request: Request,
    change: Change,
    number: Number,
    roles: Chosen,
    purposes: Chosen,
    cleared: Typed = "",
) -> Response:
    """Counts from their next request."""
    person = _current(change, number)
    may, clear = chosen_roles(roles), cleared == "yes"
    wanted = chosen_purposes(change, purposes)
    try:
        change_person(change.connection, person.name, roles=may, purposes=wanted, cleared=clear,
                      by=change.caller.name, now=change.now)  # fmt: skip
    except AccessError as error:
        message = sentence(str(error)) if may else "Select what they may do"
        errors = {"roles": message}
        raise Instead(_person_page(request, change, person, may, wanted, clear, errors)) from None
    return see(request, f"{_LIST}/{number}", said="What this person may do is changed.")


@router.post(f"{_LIST}/{{number}}/link")
def new_link(request: Request, change: Change, number: Number) -> Response:
    """Shows another link to choose a password, once; earlier ones end."""
    return _see_link(request, change, _current(change, number).name)


@router.get(f"{_LIST}/{{number}}/end")
def end_person_page(request: Request, visit: Visit, number: Number) -> Response:
    """Asks whether somebody's access is to end."""
    return _end_page(request, visit, _current(visit, number))


@router.post(f"{_LIST}/{{number}}/end")
def end_person_here(request: Request, change: Change, number: Number) -> Response:
    """Lets somebody in no more, and signs them out."""
    person = _current(change, number)
    try:
        end_person(change.connection, person.name, by=change.caller.name, now=change.now)
    except AccessError as error:
        errors = {"": sentence(str(error))}
        raise Instead(_end_page(request, change, person, errors)) from None
    # A sign-in counts for nothing once its person has ended, so this need not be in one piece.
    end_sign_ins(change.service.aside, number, now=change.now)
    if number == change.caller.person:
        return see(request, "/sign-in?why=closed")
    return see(request, _LIST, said="This person’s access has ended.")


def _person(visit: Access, number: int) -> Row[Any]:
    for row in list_people(visit.connection):
        if row.id == number:
            return row
    raise Problem("not-found")


def _current(visit: Access, number: int) -> Row[Any]:
    person = _person(visit, number)
    if not person.active:
        raise Problem("not-found")
    return person


def _state(person: Row[Any]) -> str:
    if not person.active:
        return "ended"
    return "active" if person.has_password or person.issuer else "invited"


def _new_page(
    request: Request,
    visit: Access,
    name: str,
    roles: Sequence[str],
    purposes: Sequence[str],
    cleared: bool,
    errors: Mapping[str, str] | None = None,
) -> Response:
    return page(
        request,
        "administration/new_person.html",
        title="Add a person",
        errors=errors,
        status=422 if errors else 200,
        name=name,
        roles=roles,
        purposes=purposes,
        cleared=cleared,
        all_roles=_OF_PEOPLE,
        all_purposes=purposes_there_are(visit),
    )


def _person_page(
    request: Request,
    visit: Access,
    person: Row[Any],
    roles: Sequence[str],
    purposes: Sequence[str],
    cleared: bool,
    errors: Mapping[str, str] | None = None,
) -> Response:
    return page(
        request,
        "administration/person.html",
        title=f"Person {person.id}",
        errors=errors,
        status=422 if errors else 200,
        person_shown=person,
        state=_state(person),
        last=last_sign_ins(visit.service.aside).get(person.id),
        roles=roles,
        purposes=purposes,
        cleared=cleared,
        all_roles=_OF_PEOPLE,
        all_purposes=purposes_there_are(visit),
    )


def _end_page(
    request: Request, visit: Access, person: Row[Any], errors: Mapping[str, str] | None = None
) -> Response:
    return page(
        request,
        "administration/end_person.html",
        title=f"End the access of person {person.id}",
        errors=errors,
        status=422 if errors else 200,
        person_shown=person,
        own=person.id == visit.caller.person,
    )


def _see_link(request: Request, change: Change, name: str) -> Response:
    token = invite(change.connection, name, by=change.caller.name, now=change.now)
    link = address_of(request, f"/invitations/{token}")
    return see_once(request, f"{_LIST}/link", {"name": name, "link": link})
