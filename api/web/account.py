"""What somebody sets for themselves: purpose, password, single keys, other sign-ins."""

from typing import Annotated

from fastapi import Form, Request, Response

from api.rest.access import Access
from api.services.access.caller import CredentialsError, LockedError
from api.services.access.passwords import PasswordError
from api.services.access.signing_in import (
    change_password,
    end_sign_ins,
    keep_purpose,
    sign_ins_of,
)
from api.web import sessions
from api.web.access import page_router, signed_in
from api.web.pages import page, see
from api.web.refusals import local
from api.web.text import sentence

router = page_router()

_MYSELF = signed_in(personal=False)
Myself = Annotated[Access, _MYSELF]
Typed = Annotated[str, Form()]

# Of somebody's sign-ins the last ones are shown.
_SIGN_INS = 10


@router.get("/account")
def account_page(request: Request, visit: Myself) -> Response:
    """What can be set, and where one is signed in."""
    return _account_page(request, visit)


@router.post("/account/password")
def change_password_here(
    request: Request, visit: Myself, old: Typed = "", password: Typed = ""
) -> Response:
    """Changes the password; other sign-ins end."""
    service, token = visit.service, sessions.sign_in_token(request)
    assert token is not None, "nobody gets here without one"
    missing = {"old": "Enter the password you use now", "password": "Enter a new password"}
    typed = {"old": old, "password": password}
    errors = {name: missing[name] for name in typed if not typed[name]}
    if errors:
        return _account_page(request, visit, errors, status=422)
    try:
        change_password(service.engine, service.aside, token, old, password, now=visit.now)
    except PasswordError as error:
        return _account_page(request, visit, {"password": sentence(str(error))}, status=422)
    except LockedError as error:
        return _account_page(request, visit, {"old": sentence(str(error))}, status=429)
    except CredentialsError as error:
        return _account_page(request, visit, {"old": sentence(str(error))}, status=422)
    return see(request, "/account", said="Your password was changed")


@router.post("/account/shortcuts", dependencies=[_MYSELF])
def set_shortcuts(request: Request, shortcuts: Typed = "on") -> Response:
    """Single keys on or off, in this browser."""
    off = shortcuts == "off"
    said = "Single-key shortcuts are off" if off else "Single-key shortcuts are on"
    response = see(request, "/account", said=said)
    value = "off" if off else "on"
    sessions.set_cookie(request, response, sessions.SHORTCUTS, value, keeps=True)
    return response


@router.post("/account/sign-ins")
def end_other_sign_ins(request: Request, visit: Myself) -> Response:
    """Signs out everywhere else."""
    assert visit.caller.person is not None, "only people have sign-ins"
    token = sessions.sign_in_token(request)
    end_sign_ins(visit.service.aside, visit.caller.person, now=visit.now, without=token)
    return see(request, "/account", said="You are signed out everywhere else")


@router.get("/purpose")
def purpose_page(request: Request, visit: Myself, next: str = "/") -> Response:
    """Asks what personal data is needed for."""
    return _purpose_page(request, visit, next)


@router.post("/purpose")
def choose_purpose_here(
    request: Request, visit: Myself, purpose: Typed = "", next: Typed = "/"
) -> Response:
    """Keeps the purpose for this sign-in."""
    token = sessions.sign_in_token(request)
    if purpose not in visit.caller.purposes or token is None:
        errors = {"purpose": "Select what you need personal data for"}
        return _purpose_page(request, visit, next, errors, status=422)
    keep_purpose(visit.service.aside, token, purpose)
    return see(request, local(next))


def _account_page(
    request: Request, visit: Access, errors: dict[str, str] | None = None, status: int = 200
) -> Response:
    token = sessions.sign_in_token(request)
    assert visit.caller.person is not None and token is not None, "only people have sign-ins"
    return page(
        request,
        "account/account.html",
        title="Your account",
        errors=errors,
        status=status,
        sign_ins=sign_ins_of(
            visit.service.aside, visit.caller.person, token, now=visit.now, limit=_SIGN_INS
        ),
    )


def _purpose_page(
    request: Request,
    visit: Access,
    next: str,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    return page(
        request,
        "account/purpose.html",
        title="What do you need personal data for?",
        errors=errors,
        status=status,
        purposes=sorted(visit.caller.purposes),
        chosen=visit.caller.purpose,
        next=local(next),
    )
