"""Coming in through the council's own sign-in, an OpenID Connect provider."""

import json
import secrets

import structlog
from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from api.rest.allowed import note_refusal
from api.rest.problems import Problem
from api.rest.service import Serving
from api.services.access.caller import AccessError
from api.services.access.openid import OpenIdProvider, Pending, sign_in_by_openid
from api.settings import Settings
from api.web import sessions
from api.web.access import page_router
from api.web.pages import see
from api.web.refusals import local

router = page_router()

AWAY = "openid"
# How long somebody may take at the provider.
_AWAY_SECONDS = 600

_LOG = structlog.get_logger("matcher.openid")


@router.get("/sign-in/openid")
def go_to_provider(request: Request, next: str = "/") -> Response:
    """Sends the browser to the provider."""
    provider = _provider(request)
    try:
        url, pending = provider.begin(_return_to(request))
    except AccessError as error:
        return _refused(request, error)
    response = see(request, url)
    kept = [pending.state, pending.nonce, pending.verifier, local(next)]
    sessions.set_cookie(request, response, AWAY, _sealed(request).dumps(kept))
    return response


@router.get("/sign-in/openid/return")
def come_back(request: Request, service: Serving) -> Response:
    """Begins a sign-in for whoever the provider says has come back."""
    provider = _provider(request)
    try:
        kept = _sealed(request).loads(sessions.cookie(request, AWAY) or "", max_age=_AWAY_SECONDS)
        *pending, next = kept
        query = dict(request.query_params)
        identity = provider.finish(Pending(*pending), query, _return_to(request))
        found = sign_in_by_openid(service.engine, service.aside, identity, now=service.now())
    except BadSignature:
        note_refusal(service, request, 303)
        return _refused(request, AccessError("it took too long, or was not begun here"))
    except AccessError as error:
        note_refusal(service, request, 303)
        return _refused(request, error)
    response = see(request, local(next))
    sessions.set_cookie(request, response, sessions.SIGN_IN, found.token)
    for name in (AWAY, sessions.VISIT):
        sessions.drop_cookie(request, response, name)
    return response


def _provider(request: Request) -> OpenIdProvider:
    """The provider of the settings, asked for its description once."""
    settings: Settings = request.app.state.pages.settings
    if not settings.openid_issuer:
        raise Problem("not-found")
    known: OpenIdProvider | None = getattr(request.app.state, "openid", None)
    if known is None:
        known = OpenIdProvider(
            settings.openid_issuer,
            settings.openid_client_id,
            settings.openid_client_secret,
            settings.openid_roles_claim,
            settings.openid_purposes_claim,
        )
        request.app.state.openid = known
    return known


def _return_to(request: Request) -> str:
    settings: Settings = request.app.state.pages.settings
    address = settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    return f"{address}/sign-in/openid/return"


def _sealed(request: Request) -> URLSafeTimedSerializer:
    """Seals what a browser keeps while it is away, for as long as this process lives."""
    known: str | None = getattr(request.app.state, "openid_seal", None)
    if known is None:
        known = request.app.state.openid_seal = secrets.token_hex(32)
    return URLSafeTimedSerializer(known, serializer=json)


def _refused(request: Request, error: AccessError) -> Response:
    _LOG.warning("nobody came in through the provider", why=str(error))
    response = see(request, "/sign-in?why=provider")
    sessions.drop_cookie(request, response, AWAY)
    return response
