"""Which state of a thing a client saw, and that it still is in it (RFC 9110, section 13)."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import Header

from api.rest.problems import Problem
from api.rest.text import Text

IfMatch = Annotated[
    Text | None, Header(description="The ETag of the state that this is decided on.")
]


def etag(*state: Any) -> str:
    """A strong validator of a state that JSON can hold."""
    text = json.dumps(state, sort_keys=True, default=str)
    return '"' + hashlib.sha256(text.encode()).hexdigest()[:20] + '"'


def require_match(if_match: str | None, current: str, changes: list[str] | None = None) -> None:
    """Raises Problem: 428 if no state is named, 412 if it is another by now."""
    if if_match is None:
        raise Problem("precondition-required")
    named = {one.strip() for one in if_match.split(",")}
    if "*" in named or current in named:
        return
    more = {} if changes is None else {"changes": changes}
    raise Problem("stale", None, headers={"ETag": current}, **more)
