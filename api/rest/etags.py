"""Which state of a thing a client saw, and that it still is in it (RFC 9110, section 13)."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import Header, Response

from api.rest.access import AnsweredError
from api.rest.problems import Problem
from api.rest.text import Text

IfMatch = Annotated[
    Text | None,
    Header(description="The ETag of the state that this is decided on; or several, or `*`."),
]
IfChanged = Annotated[
    Text | None,
    Header(
        alias="If-None-Match",
        description="The ETag of the state that you know: 304 if it is still so.",
    ),
]

# For the OpenAPI document.
_ETAG = {"ETag": {"description": "The state that is told.", "schema": {"type": "string"}}}
UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "It is as you know it", "headers": _ETAG},
    200: {"headers": _ETAG},
}


LOCATED: dict[str, Any] = {
    "Location": {
        "description": "Where it is, and its state can be asked for.",
        "schema": {"type": "string"},
    }
}
FILED: dict[str, Any] = {
    "Content-Disposition": {
        "description": "That it is to be kept as a file, and under which name.",
        "schema": {"type": "string"},
    }
}
TAGGED: dict[str, Any] = _ETAG


def etag(*state: Any) -> str:
    """A strong validator of a state that JSON can hold."""
    text = json.dumps(state, sort_keys=True, default=str)
    return '"' + hashlib.sha256(text.encode()).hexdigest()[:20] + '"'


def names(header: str, state: str | None, *, weakly: bool = False) -> bool:
    """Whether a header's list of ETags has that of a state; a weak one says so only `weakly`."""
    if state is None:
        return False
    named = {one.strip() for one in header.split(",")}
    return "*" in named or state in named or (weakly and f"W/{state}" in named)


def tell_state(response: Response, state: str, known: str | None) -> None:
    """Give an answer its ETag; if that is the one that the client knows, that is the answer."""
    if known is not None and names(known, state, weakly=True):
        raise AnsweredError(Response(status_code=304, headers={"ETag": state}))
    response.headers["ETag"] = state


def require_match(if_match: str | None, current: str, changes: list[str] | None = None) -> None:
    """Raises Problem: 428 if no state is named, 412 if it is another by now."""
    if if_match is None:
        raise Problem("precondition-required")
    if names(if_match, current):
        return
    more = {} if changes is None else {"changes": changes}
    raise Problem("stale", None, headers={"ETag": current}, **more)
