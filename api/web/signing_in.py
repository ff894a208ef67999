"""Coming in and leaving: by name and password, by a one-time link, and out again."""

from typing import Annotated

from fastapi import Form, Request, Response

from api.db.engine import reading, writing
from api.rest.allowed import note_refusal
from api.rest.service import Serving
from api.services.access.accounts import Invited, accept_invitation, open_invitation
from api.services.access.caller import AccessError, CredentialsError, LockedError
from api.services.access.passwords import PasswordError
from api.services.access.signing_in import sign_in, sign_out
from api.web import sessions
from api.web.access import page_router
from api.web.pages import Instead, page, see
from api.web.refusals import local
from api.web.text import sentence

router = page_router()

# Anything longer is no name.
_LONGEST_NAME = 64

_WHY = {
    "away": "You were signed out because you did nothing for 30 minutes, or were signed in for 12"
    " hours. Sign in again to go on.",
    "ended": "You were signed out in another window, or everywhere. Sign in again to go on.",
    "closed": "Your access has ended. If you still need it, ask a steward of the register.",
    "out": "You are signed out.",
    "provider": "You could not come in with your work account. Try again, or ask a steward"
    " whether you have been given access.",
    "set": "Your password is set. Sign in with it.",
}
_WRONG = "Enter the name and password of your account"

Typed = Annotated[str, Form()]


@router.get("/sign-in")
def sign_in_page(request: Request, next: str = "/", why: str = "") -> Response:
    """Asks for name and password."""
    return _sign_in_page(request, next, notice=_WHY.get(why))


@router.post("/sign-in")
def sign_in_here(
    request: Request,
    service: Serving,
    name: Typed = "",
    password: Typed = "",
    next: Typed = "/",
) -> Response:
    """Begins a sign-in."""
    try:
        missing = {"name": "Enter your name", "password": "Enter your password"}
        typed = {"name": name.strip(), "password": password}
        errors = {field: missing[field] for field in typed if not typed[field]}
        if errors:
            return _sign_in_page(request, next, name=name, errors=errors, status=422)
        if len(name) > _LONGEST_NAME or not name.isprintable():
            raise CredentialsError(_WRONG)
        found = sign_in(service.engine, service.aside, name, password, now=service.now())
    except LockedError as error:
        note_refusal(service, request, 429)
        errors = {"name": sentence(str(error))}
        headers = {"Retry-After": str(error.seconds)}
        return _sign_in_page(request, next, name=name, errors=errors, status=429, headers=headers)
    except CredentialsError as error:
        note_refusal(service, request, 422)
        errors = {"name": sentence(str(error))}
        return _sign_in_page(request, next, name=name, errors=errors, status=422)
    response = see(request, local(next))
    sessions.set_cookie(request, response, sessions.SIGN_IN, found.token)
    sessions.drop_cookie(request, response, sessions.VISIT)
    return response


@router.post("/sign-out")
def sign_out_here(request: Request, service: Serving) -> Response:
    """Ends the sign-in, if there still is one."""
    token = sessions.sign_in_token(request)
    if token is not None:
        sign_out(service.aside, token, now=service.now())
    response = see(request, "/sign-in?why=out")
    sessions.drop_cookie(request, response, sessions.SIGN_IN)
    return response


@router.get("/invitations/{token}")
def invitation_page(request: Request, service: Serving, token: str) -> Response:
    """Asks for a new password, and for a name where the link names nobody."""
    return _invitation_page(request, _opened(request, service, token))


@router.post("/invitations/{token}")
def accept_here(
    request: Request,
    service: Serving,
    token: str,
    name: Typed = "",
    password: Typed = "",
) -> Response:
    """Sets the password."""
    invited = _opened(request, service, token)
    try:
        with writing(service.engine) as connection:
            accept_invitation(connection, token, password, name=name, now=service.now())
    except PasswordError as error:
        errors = {"password": sentence(str(error))}
        return _invitation_page(request, invited, errors=errors, name=name, status=422)
    except CredentialsError:
        return _no_invitation(request)
    except AccessError as error:
        errors = {"name": sentence(str(error))}
        return _invitation_page(request, invited, errors=errors, name=name, status=422)
    return see(request, "/sign-in?why=set")


def _sign_in_page(
    request: Request,
    next: str,
    *,
    name: str = "",
    notice: str | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    return page(
        request,
        "account/sign_in.html",
        title="Sign in",
        status=status,
        errors=errors,
        headers=headers,
        next=local(next),
        name=name[:_LONGEST_NAME],
        notice=notice,
        issuer=request.app.state.pages.settings.openid_issuer,
    )


def _invitation_page(
    request: Request,
    invited: Invited,
    *,
    errors: dict[str, str] | None = None,
    name: str = "",
    status: int = 200,
) -> Response:
    return page(
        request,
        "account/invitation.html",
        title="Choose a password",
        status=status,
        errors=errors,
        invited=invited,
        name=name,
    )


def _opened(request: Request, service: Serving, token: str) -> Invited:
    try:
        with reading(service.engine) as connection:
            return open_invitation(connection, token, now=service.now())
    except CredentialsError:
        raise Instead(_no_invitation(request)) from None


def _no_invitation(request: Request) -> Response:
    title = "This link cannot be used"
    return page(request, "account/no_invitation.html", title=title, status=404)
