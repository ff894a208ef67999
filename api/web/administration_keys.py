"""Keys of systems: making them, replacing them with a time for both, and ending them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Row

from api.db.tables import in_utc
from api.rest.access import Access
from api.rest.problems import Problem
from api.services.access.agreements import agreed_sources
from api.services.access.caller import AccessError
from api.services.access.keys import (
    GRACE,
    NewKey,
    create_key,
    list_keys,
    revoke_key,
    rotate_key,
)
from api.web.access import page_router
from api.web.administration_parts import (
    Change,
    Chosen,
    Number,
    Once,
    Typed,
    Visit,
    chosen_purposes,
    chosen_roles,
    purposes_there_are,
)
from api.web.administration_people import ROLES
from api.web.pages import Instead, page, see
from api.web.terms import see_once, shown_once
from api.web.text import sentence

router = page_router()

_LIST = "/administration/keys"
_LONGEST, _LONGEST_GRACE, _MOST = 1100, 90, 100_000


@router.get(_LIST)
def keys_page(request: Request, visit: Visit) -> Response:
    """Every key ever made, without its secret; first those that work."""
    keys = sorted(known_keys(visit), key=lambda key: (key["state"] == "ended", -key["id"]))
    return page(request, "administration/keys.html", title="Keys", keys=keys)


@router.get(f"{_LIST}/new")
def new_key_page(request: Request, visit: Visit) -> Response:
    """Asks what a system may do."""
    return _new_page(request, visit, {"roles": ["system"], "days": "365"})


@router.post(f"{_LIST}/new")
def create_key_here(
    request: Request,
    change: Change,
    roles: Chosen,
    purposes: Chosen,
    sources: Chosen,
    name: Typed = "",
    days: Typed = "",
    per_minute: Typed = "",
    attended: Typed = "",
    cleared: Typed = "",
) -> Response:
    """Makes a key and shows it; it is not shown again."""
    typed: dict[str, Any] = {
        "name": name,
        "roles": chosen_roles(roles),
        "purposes": chosen_purposes(change, purposes),
        "sources": [one for one in _sources(change) if one in sources],
        "days": days,
        "per_minute": per_minute,
        "attended": attended == "yes",
        "cleared": cleared == "yes",
    }
    errors = _mistakes(typed)
    if errors:
        raise Instead(_new_page(request, change, typed, errors))
    try:
        made = create_key(
            change.connection,
            name,
            roles=typed["roles"],
            purposes=typed["purposes"],
            sources=typed["sources"] or None,
            cleared=typed["cleared"],
            unattended=False if typed["attended"] else None,
            per_minute=int(per_minute) if per_minute.strip() else None,
            lasts=timedelta(days=int(days)),
            by=change.caller.name,
            now=change.now,
        )
    except AccessError as error:
        errors = {"name": sentence(str(error))}
        raise Instead(_new_page(request, change, typed, errors)) from None
    return _see_key(request, made)


@router.get(f"{_LIST}/made")
def made_key_page(
    request: Request,
    visit: Visit,  # noqa: ARG001 - only stewards
    shown: Once = "",
) -> Response:
    """Shows a key that was just made."""

    def made(told: Mapping[str, str]) -> Response:
        ends = datetime.fromisoformat(told["expires_at"]) if told else None
        return page(
            request,
            "administration/key_made.html",
            title="Copy the key now" if told else "This key is not shown again",
            made=told,
            expires_at=ends,
        )

    return shown_once(request, shown, made)


@router.get(f"{_LIST}/{{number}}")
def key_page(request: Request, visit: Visit, number: Number) -> Response:
    """What a key is for, to be replaced or ended."""
    return _key_page(request, _key(visit, number), str(GRACE.days))


@router.post(f"{_LIST}/{{number}}/rotate")
def rotate_key_here(
    request: Request, change: Change, number: Number, grace: Typed = ""
) -> Response:
    """Makes a key that takes its place; the old one goes on for some days."""
    key = _key(change, number)
    if not _is_from(grace, 0, _LONGEST_GRACE):
        errors = {"grace": f"Enter days as a number from 0 to {_LONGEST_GRACE}"}
        raise Instead(_key_page(request, key, grace, errors))
    if key["state"] != "works":
        raise Problem("conflict")
    made = rotate_key(change.connection, key["name"], by=change.caller.name, now=change.now,
                      grace=timedelta(days=int(grace)))  # fmt: skip
    return _see_key(request, made, days=int(grace))


@router.post(f"{_LIST}/{{number}}/end")
def end_key_here(request: Request, change: Change, number: Number) -> Response:
    """Ends a key at once, with those that it replaced and that replaced it."""
    key = _key(change, number)
    if key["state"] == "ended":
        raise Problem("conflict")
    revoke_key(change.connection, key["name"], by=change.caller.name, now=change.now)
    return see(request, _LIST, said="The key is ended.")


def known_keys(visit: Access) -> list[dict[str, Any]]:
    """All keys as they are shown; ``state`` is works, replaced (and works still) or ended."""
    return [_shown(row, visit.now) for row in list_keys(visit.connection)]


def _shown(row: Row[Any], now: datetime) -> dict[str, Any]:
    over = row.revoked_at is not None or in_utc(row.expires_at) <= now
    state = "replaced" if row.replaced_by is not None else "works"
    return {**row._asdict(), "state": "ended" if over else state}


def _key(visit: Access, number: int) -> dict[str, Any]:
    for key in known_keys(visit):
        if key["id"] == number:
            return key
    raise Problem("not-found")


def _sources(visit: Access) -> dict[str, str]:
    """Titles of the sources by name."""
    return {one.name: one.title for one in agreed_sources(visit.connection, visit.now.date())}


def _mistakes(typed: Mapping[str, Any]) -> dict[str, str]:
    errors = {}
    if not typed["name"].strip():
        errors["name"] = "Enter a name for the key"
    if not typed["roles"]:
        errors["roles"] = "Select what the key may do"
    if not _is_from(typed["days"], 1, _LONGEST):
        errors["days"] = f"Enter days as a number from 1 to {_LONGEST:,}"
    if typed["per_minute"].strip() and not _is_from(typed["per_minute"], 1, _MOST):
        errors["per_minute"] = f"Enter requests as a number from 1 to {_MOST:,}"
    return errors


def _is_from(text: str, least: int, most: int) -> bool:
    text = text.strip()
    return text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most


def _new_page(
    request: Request,
    visit: Access,
    typed: Mapping[str, Any],
    errors: Mapping[str, str] | None = None,
) -> Response:
    return page(
        request,
        "administration/new_key.html",
        title="Make a key",
        errors=errors,
        status=422 if errors else 200,
        typed=typed,
        all_roles=ROLES,
        all_purposes=purposes_there_are(visit),
        all_sources=_sources(visit),
    )


def _key_page(
    request: Request, key: Mapping[str, Any], grace: str, errors: Mapping[str, str] | None = None
) -> Response:
    return page(
        request,
        "administration/key.html",
        title=f"Key {key['id']}",
        errors=errors,
        status=422 if errors else 200,
        key=key,
        grace=grace,
    )


def _see_key(request: Request, made: NewKey, days: int | None = None) -> Response:
    told = {"name": made.name, "key": made.key, "expires_at": made.expires_at.isoformat()}
    if days is not None:
        told["days"] = str(days)
    return see_once(request, f"{_LIST}/made", told)
