"""Signing in through an OpenID Connect provider: the authorization code flow with PKCE.

`begin` gives the address at the provider to which the browser is sent, and what must be
known when it comes back; `finish` then says who it is, as the provider proves it. Who that
is here, and whether they may come in, `sign_in_by_openid` decides.
"""

import hmac
import secrets
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from sqlalchemy import Connection, Engine, Row, or_, select, update

from api.db.engine import writing
from api.db.models import Person
from api.services.access import accounts
from api.services.access.audit import note_act
from api.services.access.caller import AccessError, CredentialsError
from api.services.access.names import tidy_name
from api.services.access.policy import known_purposes, read_terms
from api.services.access.roles import Role
from api.services.access.signing_in import SignedIn, start_sign_in

SCOPE = "openid profile email"
PROVIDER = "openid provider"

# A provider signs with a key of its own that nobody else has; never with what both know.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
# How far its clock may be from ours, and how long it may take to answer.
_LEEWAY_SECONDS = 60
_TIMEOUT_SECONDS = 10.0
_JSON = {"Accept": "application/json"}
# What a provider takes that does not say.
_BASIC = ("client_secret_basic",)


class ProviderError(AccessError):
    """The provider could not be asked, or what it says does not hold. Quotes nothing of it."""

    type = "provider"


@dataclass(frozen=True, slots=True)
class Pending:
    """What a browser that was sent away must come back to; for its eyes only."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is at the provider; ``names`` are those they may have been added by here.

    ``roles`` and ``purposes`` are none where the provider is not asked for them.
    """

    issuer: str
    subject: str
    names: tuple[str, ...]
    roles: frozenset[Role] | None
    purposes: frozenset[str] | None = None


@dataclass
class OpenIdProvider:
    """A provider, as it describes itself at its address. Safe to use from many threads."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    roles_claim: str = ""
    purposes_claim: str = ""
    _described: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin(self, return_to: str) -> tuple[str, Pending]:
        """Where to send the browser, and what to keep for it. Raises ProviderError."""
        pending = Pending(*(secrets.token_urlsafe(48) for _ in range(3)))
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": return_to,
            "scope": SCOPE,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": create_s256_code_challenge(pending.verifier),
            "code_challenge_method": "S256",
        }
        url = add_params_to_uri(self._endpoint("authorization_endpoint"), asked.items())
        return str(url), pending

    def finish(self, pending: Pending, came_with: Mapping[str, str], return_to: str) -> Identity:
        """Who came back with this query. Raises ProviderError, also if they were refused."""
        if not hmac.compare_digest(pending.state.encode(), came_with.get("state", "").encode()):
            raise ProviderError("this sign-in was not begun here; begin again")
        if came_with.get("iss", self.issuer) != self.issuer:
            raise ProviderError("somebody else than the provider answered; begin again")
        if "code" not in came_with:
            raise ProviderError("the provider did not let you in; begin again")
        try:
            token = self._token(came_with["code"], pending.verifier, return_to)
            claims = self._claims(token, pending.nonce)
            if not _names(claims) and "userinfo_endpoint" in self._description():
                claims = _joined(claims, self._told_of_user(token["access_token"]))
        except (JoseError, httpx.HTTPError, ValueError, KeyError) as error:
            raise ProviderError(
                f"what the provider says does not hold ({type(error).__name__}); begin again"
            ) from None
        roles = _listed(claims, self.roles_claim)
        return Identity(
            self.issuer,
            str(claims["sub"]),
            _names(claims),
            None if roles is None else frozenset(role for role in Role if role in roles),
            _listed(claims, self.purposes_claim),
        )

    def _token(self, code: str, verifier: str, return_to: str) -> dict[str, Any]:
        """What the provider gives for the code that the browser brought."""
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": return_to,
        }
        supported = self._description().get("token_endpoint_auth_methods_supported", _BASIC)
        by_header = "client_secret_basic" in supported
        # By RFC 6749 both are encoded as in a form before they are put into the header.
        own = (quote(self.client_id, safe=""), quote(self.client_secret, safe=""))
        if not by_header:
            sent |= {"client_id": self.client_id, "client_secret": self.client_secret}
        return _asked(
            httpx.post(
                self._endpoint("token_endpoint"),
                data=sent,
                auth=own if by_header else None,
                headers=_JSON,
                timeout=_TIMEOUT_SECONDS,
            )
        )

    def _told_of_user(self, access_token: str) -> dict[str, Any]:
        headers = {**_JSON, "Authorization": f"Bearer {access_token}"}
        address = self._endpoint("userinfo_endpoint")
        return _asked(httpx.get(address, headers=headers, timeout=_TIMEOUT_SECONDS))

    def _claims(self, token: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """Claims of the id token, checked: signature, issuer, audience, times, nonce."""
        said = self._description().get("id_token_signing_alg_values_supported", ["RS256"])
        registry = JWSRegistry(
            algorithms=[name for name in said if name in _ALGORITHMS], strict_check_header=False
        )
        try:
            decoded = jwt.decode(token["id_token"], self._keys(), registry=registry)
        except (InvalidKeyIdError, BadSignatureError):
            # It signs with a new key since it was last asked, which may have no name.
            decoded = jwt.decode(token["id_token"], self._keys(anew=True), registry=registry)
        checked = CodeIDToken(
            decoded.claims,
            decoded.header,
            {"iss": {"essential": True, "value": self.issuer},
             "aud": {"essential": True, "value": self.client_id}},
            {"nonce": nonce, "client_id": self.client_id,
             "access_token": token.get("access_token")},
        )  # fmt: skip
        checked.validate(leeway=_LEEWAY_SECONDS)
        return dict(checked)

    def _description(self) -> dict[str, Any]:
        with self._lock:
            if not self._described:
                address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
                found = _fetch(address)
                if found.get("issuer") != self.issuer:
                    raise ProviderError(
                        "the provider calls itself by another address than MATCHER_OPENID_ISSUER"
                    )
                self._described.update(found)
            return self._described

    def _endpoint(self, name: str) -> str:
        found = self._description().get(name)
        if not isinstance(found, str):
            raise ProviderError(f"the provider describes no {name}")
        return found

    def _keys(self, *, anew: bool = False) -> KeySet:
        described = self._description()
        if anew or "keys" not in described:
            described["keys"] = _fetch(self._endpoint("jwks_uri"))
        return KeySet.import_key_set(described["keys"])


def sign_in_by_openid(
    engine: Engine, aside: Engine, identity: Identity, *, now: datetime
) -> SignedIn:
    """Let somebody in whom the provider knows.

    They are whoever came with the same subject before, or else the person who was added by
    one of the names and has not come in from a provider yet. Where the provider tells roles,
    these count from now on, and who has one is added; and so do purposes that an agreement has,
    where it tells them. The last steward stays one. Raises CredentialsError.
    """
    with writing(engine) as connection:
        purposes = _known_of(connection, identity.purposes)
        person = _known(connection, identity)
        if person is None and identity.roles and identity.names:
            name = identity.names[0]
            accounts.add_person(
                connection,
                name,
                roles=identity.roles,
                purposes=purposes or (),
                by=PROVIDER,
                now=now,
            )
            person = _known(connection, identity)
        if person is None or not person.active:
            raise CredentialsError("nobody has given you access here; ask a steward to add you")
        roles = identity.roles
        if roles is not None and accounts.is_last_steward(connection, person):
            # Or there would be nobody to ask.
            roles |= {Role.STEWARD}
        if roles is not None and not roles:
            raise CredentialsError("the provider tells no role of yours that is known here")
        if person.subject is None:
            values = {"issuer": identity.issuer, "subject": identity.subject}
            connection.execute(update(Person).where(Person.id == person.id).values(values))
            note_act(connection, "person_bound", f"person {person.id}", by=person.name, now=now)
        _take_over(connection, person, roles, purposes, now)
    return start_sign_in(aside, person.id, person.name, now=now)


def _take_over(
    connection: Connection,
    person: Row[Any],
    roles: frozenset[Role] | None,
    purposes: list[str] | None,
    now: datetime,
) -> None:
    """Let what the provider tells count from now on, if it is something else than before."""
    changed: dict[str, Any] = {}
    if roles and sorted(roles) != person.roles:
        changed["roles"] = roles
    if purposes is not None and purposes != person.purposes:
        changed["purposes"] = purposes
    if changed:
        accounts.change_person(connection, person.name, **changed, by=PROVIDER, now=now)


def _known(connection: Connection, identity: Identity) -> Row[Any] | None:
    same = (Person.issuer == identity.issuer) & (Person.subject == identity.subject)
    named = Person.name.in_(identity.names) & Person.subject.is_(None)
    found = connection.execute(select(Person.__table__).where(or_(same, named))).all()
    bound = [row for row in found if row.subject is not None]
    if bound:
        return bound[0]
    # Two people by two names of one: nobody can say who this is.
    return found[0] if len(found) == 1 else None


def _known_of(connection: Connection, purposes: Collection[str] | None) -> list[str] | None:
    """Those that some agreement has, in order; none where the provider is not asked for them."""
    if purposes is None:
        return None
    return [one for one in known_purposes(read_terms(connection)) if one in purposes]


def _listed(claims: Mapping[str, Any], claim: str) -> frozenset[str] | None:
    """What a claim holds, as a list or as words; none if no claim is named."""
    if not claim:
        return None
    said = claims.get(claim, [])
    return frozenset(str(one) for one in (said if isinstance(said, list) else str(said).split()))


def _names(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Names that a person may have been added by, the likeliest first."""
    found = [claims.get("preferred_username")]
    if claims.get("email_verified") is True:
        found.append(claims.get("email"))
    return tuple(dict.fromkeys(tidy_name(name) for name in found if isinstance(name, str) and name))


def _joined(claims: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    if told.get("sub") != claims["sub"]:
        raise ProviderError("the provider tells of somebody else; begin again")
    return {**told, **claims}


def _fetch(address: str) -> dict[str, Any]:
    try:
        return _asked(httpx.get(address, headers=_JSON, timeout=_TIMEOUT_SECONDS))
    except (httpx.HTTPError, ValueError) as error:
        raise ProviderError(
            f"the provider cannot be asked ({type(error).__name__}); try again later"
        ) from None


def _asked(answer: httpx.Response) -> dict[str, Any]:
    """What an answer says. Raises HTTPError or ValueError."""
    found: Any = answer.raise_for_status().json()
    if not isinstance(found, dict):
        raise ValueError("not an object of JSON")
    return found
