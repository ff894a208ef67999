"""What somebody typed to look for people by, so that an address can name it without telling it.

It is personal, so the browser holds it, sealed by a key made of the sign-in, with which it
ends. Each has an opaque number of its own, so that two tabs do not share one.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from fastapi import Request, Response
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from api.web import sessions
from api.web.pages import see

_NAME = "terms-"
_SEAL = {"alg": "dir", "enc": "A256GCM"}
# So much is held at once, so that no server before this one finds the cookies too long.
_MOST, _LONGEST = 12, 5_000


def keep_terms(request: Request, response: Response, values: Mapping[str, str]) -> str:
    """Let the browser hold what is looked for; the number by which an address names it.

    The oldest are forgotten where there are many.
    """
    number = secrets.token_hex(8)
    text = json.dumps({"at": time.time(), "values": dict(values)}, ensure_ascii=False)
    sealed = jwe.encrypt_compact(_SEAL, text.encode("utf-8", "replace"), _key(request))
    _forget_oldest(request, response, len(sealed))
    sessions.set_cookie(request, response, _NAME + number, sealed)
    return number


def kept_terms(request: Request, number: str) -> dict[str, str]:
    """What is looked for; nothing if the browser holds nothing by that number of this sign-in."""
    return _opened(request, _NAME + number)[1]


def see_once(request: Request, address: str, told: Mapping[str, str]) -> Response:
    """Lead to a page that shows something once, such as a key that was just made."""
    response = see(request, address)
    number = keep_terms(request, response, told)
    response.headers["location"] = f"{address}?{urlencode({'shown': number})}"
    return response


def shown_once(
    request: Request, number: str, made: Callable[[Mapping[str, str]], Response]
) -> Response:
    """The page made of what is shown; nothing is, if it was before. The browser forgets it."""
    response = made(kept_terms(request, number))
    sessions.drop_cookie(request, response, _NAME + number)
    return response


def _forget_oldest(request: Request, response: Response, size: int) -> None:
    names = sessions.cookies_named(request, _NAME)
    newest = sorted(names, key=lambda name: _opened(request, name)[0], reverse=True)
    for place, name in enumerate(newest, start=1):
        size += len(sessions.cookie(request, name) or "")
        if place >= _MOST or size > _LONGEST:
            sessions.drop_cookie(request, response, name)


def _opened(request: Request, name: str) -> tuple[float, dict[str, str]]:
    """When it was kept, and what it is; 0 and nothing if it is not of this sign-in."""
    sealed = sessions.cookie(request, name)
    if sealed is None:
        return 0.0, {}
    try:
        opened = jwe.decrypt_compact(sealed, _key(request), algorithms=list(_SEAL.values()))
        held = json.loads(opened.plaintext or b"{}")
    except (JoseError, ValueError):
        return 0.0, {}
    return held["at"], held["values"]


def _key(request: Request) -> OctKey:
    secret = sessions.sign_in_token(request) or ""
    derived = hmac.new(secret.encode("utf-8", "replace"), b"terms", hashlib.sha256)
    return OctKey.import_key(derived.digest())
