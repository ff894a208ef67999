"""Who sees a page and what for, as `api.rest.allowed` has it, by the browser's sign-in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from fastapi.security import HTTPAuthorizationCredentials

from api.rest.access import Access, Write
from api.rest.allowed import Reads, Room, Writes
from api.rest.problems import Problem
from api.rest.service import Serving
from api.services.access.roles import Permission
from api.web import sessions

# Requests of one permission that may write, or wait to, at a time: each holds a thread.
_WRITERS = 6
_SAFE = ("GET", "HEAD", "OPTIONS")

RouteT = TypeVar("RouteT", bound=Callable[..., Any])
_STREAMED: set[Callable[..., Any]] = set()


class PageReads(Reads):
    """Gives a page one state of the register, and notes what it told."""

    def __call__(  # type: ignore[override]
        self, request: Request, service: Serving, _room: Room
    ) -> Iterator[Access]:
        """FastAPI calls this around the route's function."""
        begin = contextmanager(super().__call__)
        with begin(request, service, bearer_of(request), None) as access:
            request.state.person = access.caller
            _mask(access)
            yield access


class PageWrites(Writes):
    """Gives what a form asks for a transaction."""

    def __call__(self, request: Request, service: Serving) -> Iterator[Write]:  # type: ignore[override]
        """FastAPI calls this around the route's function."""
        begin = contextmanager(super().__call__)
        with begin(request, service, bearer_of(request)) as access:
            request.state.person = access.caller
            _mask(access)
            yield access


def _mask(access: Access) -> None:
    if access.personal_view is not None:
        access.personal_view = access.personal_view.masking_ids


@cache
def signed_in(
    permission: Permission | None = None, *, personal: bool = True, writes: bool = False
) -> Any:
    """For a parameter of a route, ``visit: Annotated[Access, signed_in(...)]``.

    Whoever is not signed in, or has not said for what purpose, is asked first.
    """
    if writes:
        allowed = PageWrites(permission, personal=personal)
        return Depends(allowed, scope="function", max_concurrency=_WRITERS)
    return Depends(PageReads(permission, personal=personal), scope="function")


def page_router() -> APIRouter:
    """A router for pages. What is sent to it must come from a form of ours."""
    return APIRouter(
        include_in_schema=False,
        default_response_class=HTMLResponse,
        dependencies=[Depends(from_our_form)],
    )


def streamed(route: RouteT) -> RouteT:
    """Marks a route that takes a file: its form is not read here, and `PageUploads` must be
    among its parameters, which checks the form's token as it comes.
    """
    _STREAMED.add(route)
    return route


async def from_our_form(request: Request) -> None:
    """Refuse what another site, or nobody we know, lets this browser send."""
    if request.method in _SAFE:
        return
    if not _is_from_here(request):
        raise Problem("form-expired")
    if request.scope.get("endpoint") in _STREAMED:
        return
    token: object = request.headers.get("X-CSRF-Token")
    if token is None:
        form = await request.form()
        token = form.get("csrf")
        # Given back if nobody is signed in any more.
        request.state.reason = form.get("why")
    if not sessions.is_form_token(request, token):
        raise Problem("form-expired")


def _is_from_here(request: Request) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        return False
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    known = urlsplit(request.app.state.pages.settings.public_url).netloc
    return urlsplit(origin).netloc in {known, request.headers.get("Host")} - {"", None}


def bearer_of(request: Request) -> HTTPAuthorizationCredentials | None:
    """The browser's sign-in, as systems would show theirs."""
    token = sessions.sign_in_token(request)
    return HTTPAuthorizationCredentials(scheme="Bearer", credentials=token) if token else None
