"""What is done for every request: its id, a line in the log, metrics, patience, safe headers."""

import asyncio
import secrets
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote_to_bytes

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.rest.manners import Manner
from api.rest.problems import BY_STATUS, refusal

_LOG = structlog.get_logger("matcher.requests")

# Seconds that a client may pause within a request.
_PATIENCE = 30.0

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


class Metrics:
    """Counters by route template, method and status: no id and no value can get in."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "matcher_request_seconds",
            "Seconds that requests took",
            ("route", "method"),
            registry=self.registry,
            buckets=(0.005, 0.015, 0.05, 0.15, 0.3, 0.5, 1, 2.5, 5, 10, 60),
        )
        self.requests = Counter(
            "matcher_requests",
            "Requests answered",
            ("route", "method", "status"),
            registry=self.registry,
        )


def template_of(scope: Scope) -> str:
    """The address of the route that was chosen, with names in place of ids; "none" if none was."""
    path = getattr(scope.get("route"), "path_format", None)
    if path is None:
        return "none"
    prefixes: Mapping[object, str] = getattr(scope["app"].state, "prefixes", {})
    return prefixes.get(scope.get("endpoint"), "") + str(path)


class _TooSlow(HTTPException):
    """The client paused for too long.

    Whoever reads a request hands on errors of this kind, and takes any other for bad content.
    """

    def __init__(self) -> None:
        super().__init__(408, headers={"Connection": "close"})


class Requests:
    """Outermost around the application: nothing that goes wrong inside gets past it."""

    def __init__(self, app: ASGIApp, metrics: Metrics, patience: float = _PATIENCE) -> None:
        self.app, self.metrics, self.patience = app, metrics, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = secrets.token_hex(16)
        scope.setdefault("state", {})["request_id"] = request_id
        request = Request(scope)
        answered = _Answered(send, request)
        began = time.perf_counter()
        try:
            if wrong := _not_text(scope):
                refused = refusal(request, "bad-request", errors=wrong)
                await refused(scope, receive, answered)
            else:
                await self.app(scope, self._patient(receive), answered)
        except _TooSlow:
            await self._end(request, answered, "too-slow", receive)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            _LOG.error("fault", error=type(error).__name__, at=where, request_id=request_id)
            await self._end(request, answered, "fault", receive)
        finally:
            self._note(scope, answered.status, time.perf_counter() - began, request_id)

    def _patient(self, receive: Receive) -> Receive:
        whole = False

        async def patient() -> Message:
            nonlocal whole
            if whole:  # from here on only word that the client has gone can come
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self.patience)
            except TimeoutError:
                raise _TooSlow from None
            whole = not message.get("more_body", False)
            return message

        return patient

    async def _end(
        self, request: Request, answered: "_Answered", kind: str, receive: Receive
    ) -> None:
        if answered.status is None:
            response = refusal(request, kind, headers={"Connection": "close"})
            await response(request.scope, receive, answered)

    def _note(self, scope: Scope, status: int | None, seconds: float, request_id: str) -> None:
        route = template_of(scope)
        method = scope["method"] if route != "none" else "other"
        said = str(status or 499)
        self.metrics.seconds.labels(route, method).observe(seconds)
        self.metrics.requests.labels(route, method, said).inc()
        who = scope["state"].get("caller")
        _LOG.info(
            "request",
            route=route,
            method=method,
            status=said,
            ms=round(seconds * 1000, 1),
            request_id=request_id,
            by=who,
        )


class _Answered:
    """Sends an answer on, with the headers that every answer has.

    What the framework refuses by itself it says in a line of text; ours takes its place.
    """

    _LINES: Mapping[bytes, str] = {b"Invalid host header": "unknown-host"}

    def __init__(self, send: Send, request: Request) -> None:
        self.send, self.request = send, request
        self.status: int | None = None
        self.instead: str | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            plain = (b"content-type", b"text/plain; charset=utf-8") in message["headers"]
            if plain and message["status"] in BY_STATUS:
                self.instead = BY_STATUS[message["status"]]
                return
            self._complete(message)
        elif self.instead is not None:
            if not message.get("more_body", False):
                kind, self.instead = self._LINES.get(message.get("body", b""), self.instead), None
                await refusal(self.request, kind)(self.request.scope, self.request.receive, self)
            return
        await self.send(message)

    def _complete(self, message: Message) -> None:
        if message["status"] == 204:  # the framework says of what type nothing is
            of_content = (b"content-type", b"content-length")
            message["headers"] = [
                one for one in message["headers"] if one[0].lower() not in of_content
            ]
        had = {name.lower() for name, _ in message["headers"]}
        own = {
            "X-Request-Id": self.request.state.request_id,
            "Cache-Control": "no-store",
            **HEADERS,
        }
        message["headers"] = [
            *message["headers"],
            *(
                (name.lower().encode(), value.encode())
                for name, value in own.items()
                if name.lower().encode() not in had
            ),
        ]


def _not_text(scope: Scope) -> list[dict[str, str]]:
    """Where path and query are no characters: of other bytes two ids could be made one."""
    parts = [("path", scope.get("raw_path") or b"")]
    for pair in (scope.get("query_string") or b"").split(b"&"):
        name, _, value = pair.partition(b"=")
        parts += [("query", name), (_place_of(scope, name), value)]
    wrong = {place: message for place, part in parts if (message := _why_not_text(part))}
    return [{"place": place, "message": message} for place, message in wrong.items()]


def _place_of(scope: Scope, name: bytes) -> str:
    """A parameter by its name, if any route has it: another name is what somebody wrote."""
    manners: Mapping[object, Manner] = getattr(scope["app"].state, "manners", {})
    said = name.decode("ascii", "replace")
    return f"query.{said}" if any(said in one.parameters for one in manners.values()) else "query"


def _why_not_text(part: bytes) -> str | None:
    try:
        text = unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        return "this is not UTF-8"
    return "the character NUL (%00) is in no id and no value" if "\x00" in text else None
