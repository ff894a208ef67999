"""What people see when something cannot be done; systems get a problem document."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from starlette.datastructures import URL
from starlette.routing import Match

from api.db.engine import reading
from api.rest.problems import KINDS, MEDIA_TYPE, problem_response
from api.rest.service import Service
from api.services.access.caller import AccessError
from api.services.access.signing_in import caller_of_token, why_signed_out
from api.web import sessions
from api.web.pages import page, see

# Addresses that are for systems.
FOR_SYSTEMS = ("/v1/", "/healthz", "/readyz", "/metrics")

_TITLES = {
    "not-signed-in": "You are not signed in any more",
    "purpose": "Choose what you need personal data for",
    "forbidden": "You do not have access to this page",
    "form-expired": "Your page has expired",
    "not-found": "Page not found",
    "method": "Page not found",
    "gone": "This is no longer here",
    "too-large": "The file is too large",
    "too-many": "You have made too many requests",
    "busy": "Sorry, the register is busy",
    "fault": "Sorry, there is a problem with the service",
}
# Nothing is wrong with the service then, so it can be asked who this is.
_CALM = ("forbidden", "form-expired", "not-found", "method", "gone")
# Types of content that are pages.
_PAGES = {"text/html", "application/xhtml+xml"}
_OTHER = "Sorry, this could not be done"


def refuse(
    request: Request,
    kind: str,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """A page at addresses for people, and a document at those for systems.

    So it is to a client that takes JSON and no page, wherever it asks.
    """
    # Of slashes in a row one would have been enough.
    path = re.sub("/+", "/", request.scope["path"])
    for_systems = path == "/v1" or path.startswith(FOR_SYSTEMS)
    if for_systems or _wants_json(request):
        return problem_response(request, kind, detail, headers, **more)
    if any(one["place"].startswith("path.") for one in more.get("errors", ())):
        kind = "not-found"
    if kind == "method" and request.method == "GET":
        return see(request, _page_of_form(request))
    reason = getattr(request.state, "reason", None)
    reason = reason.strip() if isinstance(reason, str) else ""
    on = None
    if kind == "not-signed-in":
        on = f"/sign-in?next={_next(request)}{_why(request)}"
    elif kind == "purpose":
        on = f"/purpose?next={_next(request)}"
    if on and not reason:
        return see(request, on)
    if kind in _CALM:
        _recognise(request)
    if kind == "form-expired" and not hasattr(request.state, "person"):
        on = f"/sign-in?next={_next(request)}"
    own = {"Cache-Control": "no-store", **(headers or {})} if reason else dict(headers or {})
    if request.headers.get("HX-Request") == "true":
        # Not into the part of a page that was asked for.
        own |= {"HX-Retarget": "body", "HX-Reswap": "innerHTML"}
    return page(
        request,
        "layout/refusal.html",
        title=_TITLES.get(kind, _OTHER),
        status=KINDS[kind].status,
        headers=own,
        kind=kind,
        detail=detail,
        reason=reason if on or kind == "form-expired" else "",
        on=on,
        request_id=getattr(request.state, "request_id", ""),
    )


def _wants_json(request: Request) -> bool:
    """Whether the client names JSON among what it takes, and pages not."""
    named = ",".join(request.headers.getlist("Accept")).lower().split(",")
    kinds = {one.partition(";")[0].strip() for one in named}
    return bool(kinds & {"application/json", MEDIA_TYPE}) and not kinds & _PAGES


def local(address: str | None) -> str:
    """The address, if it is one of ours; otherwise that of the home page."""
    if not address or not address.startswith("/") or address[1:2] in ("/", "\\"):
        return "/"
    return address if address.isprintable() and address.isascii() else "/"


def _recognise(request: Request) -> None:
    """Let the page have its navigation."""
    token = sessions.sign_in_token(request)
    if token is None or hasattr(request.state, "person"):
        return
    service: Service = request.app.state.service
    with suppress(AccessError), reading(service.engine) as connection:
        request.state.person = caller_of_token(
            service.aside, connection, token, None, now=service.now()
        )


def _page_of_form(request: Request) -> str:
    """The page from whose form this address is sent to: the nearest one above it."""
    path = request.url.path
    while path := path.rpartition("/")[0]:
        scope = {**request.scope, "path": path, "raw_path": path.encode()}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes):
            return path
    return "/"


def _next(request: Request) -> str:
    """Where to go on: the page that was asked for, or that had the form."""
    asked = request.url
    if request.method != "GET":
        asked = URL(request.headers.get("Referer", "/"))
        if asked.netloc != request.headers.get("Host"):
            return "/"
    query = f"?{asked.query}" if asked.query else ""
    return quote(local(asked.path + query), safe="/")


def _why(request: Request) -> str:
    token = sessions.sign_in_token(request)
    if token is None:
        return ""
    service: Service = request.app.state.service
    return f"&why={why_signed_out(service.engine, service.aside, token)}"
