"""Connections of the server, and how long they may take to say what they want."""

import asyncio
import re
import secrets
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import h11
import structlog
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.rest.problems import MEDIA_TYPE, written_problem
from api.rest.requests import HEADERS

# Seconds until the head of a request must be there; what pauses later, the application ends.
PATIENCE = 30.0
_LOG = structlog.get_logger("matcher.requests")
_ORIGIN = re.compile(rb"https?://([^/]*)", re.IGNORECASE)


class WholeAddresses:
    """Hands a request for a whole address (``GET http://host/path``) on as one for its path.

    The host in it counts, whatever the header says (RFC 9112, 3.2.2).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and (origin := _ORIGIN.match(scope["raw_path"])):
            scope["raw_path"] = scope["raw_path"][origin.end() :] or b"/"
            scope["path"] = unquote(scope["raw_path"].decode("ascii"))
            others = [one for one in scope["headers"] if one[0] != b"host"]
            scope["headers"] = [(b"host", origin[1]), *others]
        await self.app(scope, receive, send)


class OneReading(h11.Connection):
    """Takes no head that others on its way may read as the head of another request."""

    def next_event(self) -> Any:
        """What has come. Raises RemoteProtocolError."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            names = {name for name, _ in event.headers}
            older = event.http_version < b"1.1"
            if not event.http_version.startswith(b"1."):
                raise h11.RemoteProtocolError("another version of HTTP")
            if b"transfer-encoding" in names and (older or b"content-length" in names):
                raise h11.RemoteProtocolError("two lengths of one content")
        return event


class PatientProtocol(H11Protocol):
    """Ends connections on which no whole head of a request comes, or one that cannot be read.

    The application has no part in these: it is not asked before the head is there.
    """

    patience = PATIENCE

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.app = WholeAddresses(self.app)
        self.conn = OneReading(h11.SERVER)
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has come."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """They have said something."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, error: Exception | None) -> None:
        """They have gone."""
        self._wait_no_more()
        super().connection_lost(error)

    def _wait(self) -> None:
        """Until the head is there; not anew with each piece of it."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait_no_more()
        elif self._late is None:
            self._late = self.loop.call_later(self.patience, self._end)

    def _wait_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self) -> None:
        self._late = None
        # Between two requests a connection is ended by the server when it has been idle.
        if self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self._refuse("too-slow")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - what h11 says of it
        """The head cannot be read."""
        self._refuse("bad-request")

    def _refuse(self, kind: str) -> None:
        """Answer with a problem document, and end the connection."""
        request_id = secrets.token_hex(16)
        status, content = written_problem(kind, request_id)
        headers = {
            "Content-Type": MEDIA_TYPE,
            "Content-Length": str(len(content)),
            "Connection": "close",
            "Cache-Control": "no-store",
            "X-Request-Id": request_id,
            **HEADERS,
        }
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = h11.Response(
                status_code=status,
                headers=list(headers.items()),
                reason=HTTPStatus(status).phrase,
            )
            for part in (answer, h11.Data(data=content), h11.EndOfMessage()):
                self.transport.write(self.conn.send(part) or b"")
        _LOG.info(
            "request", route="none", method="other", status=str(status), request_id=request_id
        )
        self.transport.close()
