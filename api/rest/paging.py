"""Lists in pages: keyset cursors that clients pass back unread, and the link to the next page.

Cursors are enciphered, by the key of the change feed: a place in a list may hold a number that
counts what is not told (see `api.services.register.feed_places`), or a day of somebody's life.
"""

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from api.rest.problems import Problem
from api.rest.service import Service, service_of

T = TypeVar("T")

_LONGEST = 2_000
# Stands for an address of the list itself, which the OpenAPI document puts in its place.
LEADS_ON = "(address of the list)"
# The register makes its key with the first run.
_UNTIL_THERE_IS_ONE = secrets.token_bytes(16)

Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
# Any text: whatever is not one of ours is the same problem.
Cursor = Annotated[
    str | None, Query(description="Where the page begins: the `next` of the page before.")
]


class Page(BaseModel):
    """What every list has."""

    next: str | None = Field(
        None,
        description="Address of the next page; none at the end.",
        examples=[LEADS_ON],
    )


def written(request: Request, place: Sequence[Any]) -> str:
    """A cursor for a place in the list that is asked for: numbers and texts in its order."""
    text = json.dumps(list(place), separators=(",", ":"))
    sealed = _cipher(service_of(request)).encrypt(text.encode(), _list_of(request))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def place_of(request: Request, cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The place that a cursor of this list names, in parts of these kinds. Raises Problem."""
    if cursor is None:
        return None
    if len(cursor) > _LONGEST:
        raise Problem("bad-cursor")
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        sealed = base64.b64decode(padded, altchars=b"-_", validate=True)
        found = json.loads(_cipher(service_of(request)).decrypt(sealed, _list_of(request)))
    except (ValueError, binascii.Error, InvalidTag):
        raise Problem("bad-cursor") from None
    # Whoever has it may have it of the same list in another order.
    fits = [isinstance(part, (int, float) if kind is float else kind)
            for part, kind in zip(found, kinds, strict=False)]  # fmt: skip
    if len(found) != len(kinds) or not all(fits):
        raise Problem("bad-cursor")
    return tuple(found)


def _list_of(request: Request) -> list[bytes]:
    """What a cursor is good for: the address of its list, without what is asked of that."""
    return [request.scope["raw_path"]]


def _cipher(service: Service) -> AESSIV:
    key = service.feed_key or _UNTIL_THERE_IS_ONE
    return AESSIV(hashlib.sha256(b"cursors" + key).digest())


def next_page(
    request: Request,
    response: Response,
    items: Sequence[T],
    limit: int,
    place: Callable[[T], Sequence[Any]],
) -> tuple[list[T], str | None]:
    """Of one item more than wanted: the page, and the address of the next one.

    The address is also put into the response's Link header.
    """
    if len(items) <= limit:
        return list(items), None
    page = list(items[:limit])
    url = request.url.include_query_params(cursor=written(request, place(page[-1])), limit=limit)
    # As it was asked for: an id in it may hold what must stay encoded.
    address = f"{request.scope['raw_path'].decode('ascii')}?{url.query}"
    response.headers["Link"] = f'<{address}>; rel="next"'
    return page, address
