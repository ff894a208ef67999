"""Lists in pages: keyset cursors that clients pass back unread, and the link to the next page."""

import base64
import binascii
import json
import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from api.rest.problems import Problem

T = TypeVar("T")

_LONGEST = 2_000

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
        examples=["/v1/events?cursor=WzEyXQ"],
    )


def written(place: Sequence[Any]) -> str:
    """A cursor for a place: numbers and texts in the order of the list."""
    text = json.dumps(list(place), separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The place that a cursor names, whose parts are of these kinds. Raises Problem."""
    if cursor is None:
        return None
    if len(cursor) > _LONGEST:
        raise Problem("bad-cursor")
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise Problem("bad-cursor") from None
    if not isinstance(found, list) or len(found) != len(kinds):
        raise Problem("bad-cursor")
    for part, kind in zip(found, kinds, strict=True):
        wrong = isinstance(part, float) and not math.isfinite(part)
        wrong = (
            wrong
            or isinstance(part, bool)
            or not isinstance(part, (int, float) if kind is float else kind)
        )
        if wrong or (isinstance(part, int) and abs(part) >= 2**63):
            raise Problem("bad-cursor")
        if isinstance(part, str) and ("\x00" in part or not part.isprintable()):
            raise Problem("bad-cursor")
    return tuple(found)


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
    url = request.url.include_query_params(cursor=written(place(page[-1])), limit=limit)
    # As it was asked for: an id in it may hold what must stay encoded.
    address = f"{request.scope['raw_path'].decode('ascii')}?{url.query}"
    response.headers["Link"] = f'<{address}>; rel="next"'
    return page, address
