"""What holds of every address: its methods, the parameters it knows, the content it reads."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Any, get_args, get_origin

from fastapi import APIRouter, Request, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.middleware.body_limit import RequestBodyLimitMiddleware, RequestBodyLimitResponder
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Sent

from api.rest.errors import packed, unreadable
from api.rest.problems import Problem

JSON = "application/json"
_WHOLE = re.compile(r"-?[0-9]+", re.ASCII)
# What would be taken for a whole number all the same; anything else is refused where it is read.
_NEARLY = re.compile(r"[-+._\s0-9]+")
# Headers that say one thing, so that a second one would be passed over.
_ONCE = ("purpose", "idempotency-key", "authorization")
_DIGITS = 40
# Levels of JSON, of which what reads it into models takes several hundred.
_DEEPEST = 64
# What to give where a whole number is wanted.
_ASKED = {
    "": "give a whole number, in digits",
    "query.as_of": "give the number of a run, as /v1/runs lists them; it is no day",
}
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True)
class Manner:
    """What a route looks at: its query parameters, and types of content; none if it reads none.

    ``lists`` are parameters that may be given several times, ``numbers`` and ``ids`` those of
    the query and of the path that are whole numbers.
    """

    parameters: frozenset[str]
    lists: frozenset[str]
    numbers: frozenset[str]
    ids: frozenset[str]
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
        numbers = (one.alias for one in found if _is_whole(one.field_info.annotation))
        path = route.dependant.path_params
        ids = (one.alias for one in path if _is_whole(one.field_info.annotation))
        names = frozenset(one.alias for one in found)
        return cls(names, frozenset(lists), frozenset(numbers), frozenset(ids), content)


def manners_of(router: APIRouter) -> dict[Any, Manner]:
    """By the function of each route what it looks at."""
    routes = (route for route in router.routes if isinstance(route, APIRoute))
    return {route.endpoint: Manner.of(route) for route in routes}


def given_twice(request: Request, manner: Manner) -> set[str]:
    """Names of parameters that were given several times where one counts."""
    counts = Counter(name for name, _ in request.query_params.multi_items())
    return {name for name, count in counts.items() if count > 1} - manner.lists


def _is_whole(annotation: Any) -> bool:
    return annotation is int or any(map(_is_whole, get_args(annotation)))


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
    several = given_twice(request, manner)
    if several:
        errors = [
            {"place": f"query.{name}", "message": "give this once"} for name in sorted(several)
        ]
        raise Problem("invalid", errors=errors)
    _check_numbers(request, manner)
    _check_headers(request)
    if manner.content and await _has_content(request, manner):
        require_content(request, *manner.content)


def _check_numbers(request: Request, manner: Manner) -> None:
    """Raises Problem for a whole number that is written as anything else: 1.0, 1_0, +1."""
    query = [(f"query.{name}", value) for name, value in request.query_params.multi_items()
             if name in manner.numbers]  # fmt: skip
    path = [(f"path.{name}", str(value)) for name, value in request.path_params.items()
            if name in manner.ids]  # fmt: skip
    wrong = [
        place
        for place, value in (*path, *query)
        if _NEARLY.fullmatch(value) and not _WHOLE.fullmatch(value)
    ]
    if wrong:
        errors = [{"place": one, "message": _ASKED.get(one, _ASKED[""])} for one in wrong]
        raise Problem("invalid", errors=errors)


def _check_headers(request: Request) -> None:
    several = [name for name in _ONCE if len(request.headers.getlist(name)) > 1]
    if several:
        errors = [{"place": f"header.{name}", "message": "give this once"} for name in several]
        raise Problem("invalid", errors=errors)


class RepeatedNameError(ValueError):
    """An object of JSON says one name twice."""


class JsonRequest(Request):
    """A request whose JSON is read by `read_json`."""

    async def json(self) -> Any:
        """What the content says. Raises Problem."""
        return read_json(await self.body())


def read_json(content: bytes) -> Any:
    """What UTF-8 says as JSON, each name of an object once. Raises Problem."""
    try:
        return as_json(content)
    except RepeatedNameError:
        message = "an object says the same name twice"
        raise Problem("bad-request", errors=[{"place": "body", "message": message}]) from None
    except json.JSONDecodeError as error:
        errors = [{"place": f"body.{error.pos}", "message": "this is not JSON from here on"}]
        raise Problem("bad-request", errors=errors) from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise Problem("bad-request", errors=[unreadable(error)]) from None


def as_json(content: bytes) -> Any:
    """The same; raises RepeatedNameError, or what Python does."""
    found = json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_int=_bounded)
    _check_depth(found)
    return found


def _check_depth(said: Any) -> None:
    """Raises RecursionError, as Python does of JSON that is deeper still."""
    level = [said]
    for _ in range(_DEEPEST):
        parts = [one.values() if isinstance(one, dict) else one
                 for one in level if isinstance(one, dict | list)]  # fmt: skip
        level = [one for some in parts for one in some]
    if level:
        raise RecursionError


def _bounded(digits: str) -> int:
    """A whole number; of one longer than any that is taken, its beginning, which is too long too:
    Python reads none of over 4,300 digits.
    """
    return int(digits[:_DIGITS])


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, by its pairs. Raises RepeatedNameError."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RepeatedNameError
    return found


async def _has_content(request: Request, manner: Manner) -> bool:
    if manner.content is FORMS:  # which are taken in elsewhere, so their bytes are not kept
        return request.headers.get("content-length") != "0" and "content-type" in request.headers
    return bool(await request.body())


def require_content(request: Request, *taken: str) -> None:
    """Raises Problem unless the content is of one of these types, and in UTF-8."""
    require_as_it_is(request)
    header = Message()
    header["content-type"] = request.headers.get("content-type", "none/none")
    charset = str(header.get_param("charset", "utf-8")).lower()
    if header.get_content_type() not in taken or charset not in ("utf-8", "utf8"):
        raise Problem("media-type", f"Send {' or '.join(taken)}, in UTF-8.")


def require_as_it_is(request: Request) -> None:
    """Raises Problem if the content is said to be packed in some way."""
    if (why := packed(request)) is not None:
        raise Problem("media-type", why)


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


class BodyLimit(RequestBodyLimitMiddleware):
    """Refuses content that is too large when it is read, not before it is known who sent it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        app = self.app if scope["type"] != "http" else _Limited(self.app, self.max_body_size)
        await app(scope, receive, send)


class _Limited(RequestBodyLimitResponder):
    async def send_with_limit(self, message: Sent) -> None:
        """A refusal is sent as it is."""
        if message["type"] == "http.response.start" and message["status"] >= 400:
            self.content_length = None
        await super().send_with_limit(message)
