"""What the browser holds: the sign-in, a visit before it, and a message for the next page.

Cookies are kept from script and from other sites. Over https their names begin with
``__Host-``, so that no other host of the council's domain can set them. Forms carry a token
made from the sign-in's (or, before it, the visit's) that nobody else can make.
"""

import hashlib
import hmac
import secrets
from typing import Any

from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeSerializer

from api.services.access.keys import is_key

SIGN_IN, VISIT, SAID, SHORTCUTS = "sign-in", "visit", "said", "shortcuts"

_YEAR = 365 * 24 * 3600


def cookie(request: Request, name: str) -> str | None:
    """What the browser holds under this name."""
    return request.cookies.get(_named(request, name))


def cookies_named(request: Request, start: str) -> list[str]:
    """Names, beginning so, under which the browser holds something."""
    prefix = _named(request, "")
    names = [name.removeprefix(prefix) for name in request.cookies if name.startswith(prefix)]
    return [name for name in names if name.startswith(start)]


def set_cookie(
    request: Request, response: Response, name: str, value: str, *, keeps: bool = False
) -> None:
    """Let the browser hold a value until it is closed, or for a year if it ``keeps`` it."""
    response.set_cookie(
        _named(request, name),
        value,
        max_age=_YEAR if keeps else None,
        path="/",
        secure=_is_https(request),
        httponly=True,
        samesite="lax",
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    """Let the browser forget it."""
    response.delete_cookie(
        _named(request, name), path="/", secure=_is_https(request), httponly=True, samesite="lax"
    )


def sign_in_token(request: Request) -> str | None:
    """The token of the sign-in. A system's key is none, wherever it is put."""
    token = cookie(request, SIGN_IN)
    return None if token is None or is_key(token) else token


def begin_visit(request: Request) -> str:
    """The secret that forms are bound to: the sign-in's, the visit's, or a new visit's."""
    known = sign_in_token(request) or cookie(request, VISIT)
    if known is None:
        known = getattr(request.state, "visit", None) or secrets.token_urlsafe(32)
        request.state.visit = known
    return known


def keep_visit(request: Request, response: Response) -> None:
    """Let the browser hold a visit that has just begun."""
    if hasattr(request.state, "visit"):
        set_cookie(request, response, VISIT, request.state.visit)


def form_token(request: Request) -> str:
    """What forms of this page carry."""
    return _derived(begin_visit(request), "form")


def is_form_token(request: Request, token: object) -> bool:
    """Whether a form is one that this browser was given by us."""
    secret = sign_in_token(request) or cookie(request, VISIT)
    if secret is None or not isinstance(token, str):
        return False
    return hmac.compare_digest(_derived(secret, "form").encode(), token.encode())


def say_next(request: Request, response: Response, text: str) -> None:
    """Say this on the next page. It holds nothing personal."""
    set_cookie(request, response, SAID, _notes(begin_visit(request)).dumps(text))


def said_before(request: Request) -> str | None:
    """What the page before wanted to be said."""
    note = cookie(request, SAID)
    if note is None:
        return None
    try:
        text: Any = _notes(begin_visit(request)).loads(note)
    except BadSignature:
        return None
    return str(text)


def shortcuts_are_on(request: Request) -> bool:
    """Whether single keys do something in this browser."""
    return cookie(request, SHORTCUTS) != "off"


def _notes(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(_derived(secret, "said"))


def _derived(secret: str, use: str) -> str:
    return hmac.new(secret.encode("utf-8", "replace"), use.encode(), hashlib.sha256).hexdigest()


def _named(request: Request, name: str) -> str:
    return f"__Host-{name}" if _is_https(request) else name


def _is_https(request: Request) -> bool:
    known: bool = request.app.state.pages.https
    return known
