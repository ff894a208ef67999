"""What holds of every address: its methods, the parameters it knows, the content it reads."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any, get_args, get_origin

from fastapi import Request, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Sent

from api.rest.problems import Problem

JSON = "application/json"
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True)
class Manner:
    """What a route looks at: its query parameters, and types of content; none if it reads none.

    ``lists`` are parameters that may be given several times.
    """

    parameters: frozenset[str]
    lists: frozenset[str]
    content: tuple[str, ...]

    @classmethod
    def of(cls, route: APIRoute) -> "Manner":
        """As the route and what it depends on declare it."""
        content: tuple[str, ...] = ()
        if route.body_field is not None:
            of_form = isinstance(route.body_field.field_info, params.Form)
            content = FORMS if of_form else (JSON,)
        found = list(_parameters(route.dependant))
        lists = (one.alias for one in found if _is_list(one.field_info.annotation))
        return cls(frozenset(one.alias for one in found), frozenset(lists), content)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(map(_is_list, get_args(annotation)))


def _parameters(dependant: Dependant) -> Iterator[Any]:
    yield from dependant.query_params
    for inner in dependant.dependencies:
        yield from _parameters(inner)


async def check_manners(request: Request) -> None:
    """A dependency of every route. Raises Problem for what its route would not look at:

    a parameter that it does not know, or content of another type than it reads.
    """
    manner: Manner = request.app.state.manners[request.scope["endpoint"]]
    unknown = set(request.query_params) - manner.parameters
    if unknown:
        # What they are called is what somebody wrote, so it is not repeated.
        may = ", ".join(sorted(manner.parameters)) or "none"
        message = f"there is no such parameter; those that are known here: {may}"
        raise Problem("invalid", errors=[{"place": "query", "message": message}])
    several = {one for one, n in Counter(_names(request)).items() if n > 1} - manner.lists
    if several:
        errors = [
            {"place": f"query.{name}", "message": "give this once"} for name in sorted(several)
        ]
        raise Problem("invalid", errors=errors)
    if manner.content and await _has_content(request, manner):
        require_content(request, *manner.content)


def _names(request: Request) -> list[str]:
    return [name for name, _ in request.query_params.multi_items()]


async def _has_content(request: Request, manner: Manner) -> bool:
    if manner.content is FORMS:  # which are taken in elsewhere, so their bytes are not kept
        return request.headers.get("content-length") != "0" and "content-type" in request.headers
    return bool(await request.body())


def require_content(request: Request, *taken: str) -> None:
    """Raises Problem unless the content is of one of these types, and in UTF-8."""
    header = Message()
    header["content-type"] = request.headers.get("content-type", "none/none")
    charset = str(header.get_param("charset", "utf-8")).lower()
    if header.get_content_type() not in taken or charset not in ("utf-8", "utf8"):
        raise Problem("media-type", f"Send {' or '.join(taken)}, in UTF-8.")


class Heads:
    """Answers HEAD as GET, without the content."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def without_content(message: Sent) -> None:
            # What serves us goes by the method that was asked.
            scope["method"] = "HEAD"
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        scope["method"] = "GET"
        await self.app(scope, receive, without_content)
