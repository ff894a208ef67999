"""Every route names the permission that it needs; this holds callers to it.

`reads` and `writes` give a route its access: who asks, what may be shown to them, and one
connection for all of the request. What was seen is entered into the access log before the
answer is sent; if it cannot be, there is no answer.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItemPerMinute
from pydantic import BaseModel
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from api.db.engine import is_sqlite, reading, writing
from api.db.models import KeptReply
from api.rest.problems import KINDS, Problem
from api.rest.requests import template_of
from api.rest.service import Service, Serving
from api.rest.text import Short
from api.services.access.access_log import AccessEntry
from api.services.access.caller import AccessError, Caller, CredentialsError, PurposeError
from api.services.access.keys import caller_of_key
from api.services.access.policy import View, read_terms, view_of
from api.services.access.roles import Permission
from api.services.access.signing_in import caller_of_token

_BEARER = HTTPBearer(
    auto_error=False,
    description="A key made with `matcher keys create`, or the token of a sign-in.",
)
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
PurposeHeader = Annotated[
    Short | None,
    Header(
        alias="Purpose",
        description="What this is needed for; may be left out by a key that has one purpose only.",
        examples=["early_years"],
    ),
]
KeyHeader = Annotated[
    Short | None,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        description="Of your choice; the same request with the same key has no second effect.",
    ),
]

_DEFAULT_PER_MINUTE = 6000
_KEPT_FOR = timedelta(hours=24)
# Requests of one permission that may write, or wait to, at a time: each holds a thread.
_WRITERS = 6


@dataclass
class Access:
    """One request that may read. ``seen`` are ids that the answer tells of.

    Only requests for something personal have a view of it.
    """

    service: Service
    caller: Caller
    connection: Connection
    now: datetime
    request: Request
    personal_view: View | None = None
    seen: list[str] = field(default_factory=list)

    @property
    def view(self) -> View:
        """What may be shown."""
        assert self.personal_view is not None, "the route says that nothing personal is told"
        return self.personal_view

    def saw(self, *ids: str) -> None:
        """Let the access log know what the answer tells of: ids of children, records, extracts."""
        self.seen += ids


@dataclass
class Write(Access):
    """One request that may write, in one transaction; committed before the answer is sent."""

    kept: "_Kept | None" = None

    def answer(
        self, content: BaseModel | None, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """The answer, kept for when the same request comes again."""
        body = None if content is None else content.model_dump_json()
        if self.kept is not None:
            self.kept.keep(status, dict(headers or {}), body)
        return reply(status, headers or {}, body)


def reply(status: int, headers: Mapping[str, str], body: str | None) -> Response:
    """An answer of JSON that is written already, or of nothing."""
    if body is None:
        return Response(status_code=status, headers=dict(headers))
    return Response(body, status, dict(headers), media_type="application/json")


class ReplayedError(Exception):
    """Ends a request with the answer that was given to it before."""

    def __init__(self, response: Response) -> None:
        self.response = response
        super().__init__()


class Allowed:
    """A dependency of routes that names the permission they need.

    ``personal`` routes need a purpose and are in the access log.
    """

    def __init__(self, permission: Permission | None, *, personal: bool) -> None:
        self.permission, self.personal = permission, personal

    def begin(
        self,
        request: Request,
        service: Service,
        bearer: Bearer,
        purpose: str | None,
        on: Connection,
    ) -> Access:
        """Who asks, and what for. Raises Problem unless they may."""
        if bearer is None:
            raise Problem("not-signed-in")
        now = service.now()
        try:
            caller = _identify(service, bearer.credentials, purpose, on, now)
            request.state.caller = caller.name
            _hold_to_pace(service, caller)
            if self.permission is not None:
                caller.require(self.permission)
            view = view_of(read_terms(on), caller, now.date()) if self.personal else None
        except CredentialsError:
            raise Problem("not-signed-in") from None
        except PurposeError as error:
            raise Problem("purpose", str(error)) from None
        except AccessError as error:
            raise Problem("forbidden", str(error)) from None
        return Access(service, caller, on, now, request, view)

    @contextmanager
    def _logged(self, access: Access) -> Iterator[None]:
        status = 200
        try:
            yield
        except Problem as problem:
            status = KINDS[problem.kind].status
            raise
        except ReplayedError as replayed:
            status = replayed.response.status_code
            raise
        except BaseException:
            status = 500
            raise
        finally:
            if self.personal:
                _enter(access, status)


class Reads(Allowed):
    """Gives a route one state of the register, and notes what it told."""

    def __call__(
        self,
        request: Request,
        service: Serving,
        bearer: Bearer,
        purpose: PurposeHeader = None,
    ) -> Iterator[Access]:
        """FastAPI calls this around the route's function."""
        with reading(service.engine) as connection:
            access = self.begin(request, service, bearer, purpose, connection)
            with self._logged(access):
                yield access


class Writes(Allowed):
    """Gives a route a transaction, and answers a request that was made before as before."""

    def __call__(
        self,
        request: Request,
        service: Serving,
        bearer: Bearer,
        purpose: PurposeHeader = None,
        key: KeyHeader = None,
    ) -> Iterator[Write]:
        """FastAPI calls this around the route's function."""
        with reading(service.engine) as connection:
            known = self.begin(request, service, bearer, purpose, connection)
        try:
            with writing(service.engine) as connection:
                access = Write(
                    service, known.caller, connection, known.now, request, known.personal_view
                )
                with self._logged(access):
                    if key is not None:
                        access.kept = _Kept(access, key)
                    yield access
        except OperationalError as error:
            if "locked" not in str(error.orig):
                raise
            raise Problem("busy", headers={"Retry-After": "10"}) from None


@cache
def reads(permission: Permission, *, personal: bool = True) -> Any:
    """For a parameter of a route, ``access: Annotated[Access, reads(...)]``."""
    return Depends(Reads(permission, personal=personal), scope="function")


@cache
def writes(permission: Permission, *, personal: bool = True) -> Any:
    """For a parameter of a route, ``write: Annotated[Write, writes(...)]``."""
    return Depends(
        Writes(permission, personal=personal), scope="function", max_concurrency=_WRITERS
    )


def _hold_to_pace(service: Service, caller: Caller) -> None:
    pace = RateLimitItemPerMinute(caller.per_minute or _DEFAULT_PER_MINUTE)
    if not service.pace.hit(pace, caller.name):
        until = service.pace.get_window_stats(pace, caller.name).reset_time
        wait = max(1, round(until - service.now().timestamp()))
        raise Problem("too-many", headers={"Retry-After": str(wait)})


def _identify(
    service: Service, credentials: str, purpose: str | None, on: Connection, now: datetime
) -> Caller:
    if credentials.startswith("mk_"):
        return caller_of_key(on, credentials, purpose, now=now)
    return caller_of_token(service.aside, on, credentials, purpose, now=now)


def _enter(access: Access, status: int) -> None:
    access.service.access_log.enter(
        AccessEntry(
            at=access.now,
            by=access.caller.name,
            key=access.caller.key,
            route=f"{access.request.method} {template_of(access.request.scope)}",
            about=tuple(dict.fromkeys(access.seen)),
            purpose=access.caller.purpose,
            status=status,
            request=access.request.state.request_id,
        )
    )


class _Kept:
    """The answer kept for one request, by its caller and key."""

    def __init__(self, access: Write, key: str) -> None:
        self.connection = access.connection
        by, hashed = access.caller.name, hashlib.sha256(key.encode()).hexdigest()
        self.mine = (KeptReply.by == by) & (KeptReply.key == hashed)
        asked = _fingerprint(access.request)
        self.connection.execute(delete(KeptReply).where(KeptReply.at < access.now - _KEPT_FOR))
        dialect = sqlite if is_sqlite(self.connection) else postgresql
        entered = self.connection.execute(
            dialect.insert(KeptReply)
            .values(by=by, key=hashed, request=asked, at=access.now)
            .on_conflict_do_nothing()
            .returning(KeptReply.at)
        )
        if entered.first() is None:
            self._replay(asked)

    def _replay(self, asked: str) -> None:
        row = self.connection.execute(
            select(KeptReply.request, KeptReply.status, KeptReply.headers, KeptReply.body).where(
                self.mine
            )
        ).one()
        if row.request != asked:
            raise Problem("key-reused")
        headers = {**row.headers, "Idempotency-Replayed": "true"}
        raise ReplayedError(reply(row.status, headers, row.body))

    def keep(self, status: int, headers: dict[str, str], body: str | None) -> None:
        """Keep the answer, in the transaction that it tells of."""
        self.connection.execute(
            update(KeptReply).where(self.mine).values(status=status, headers=headers, body=body)
        )


def _fingerprint(request: Request) -> str:
    """A hash of what is asked: method, address, and the body if it is JSON.

    Of an uploaded file its name in the form and its length stand for it; its content is
    recognised when it is received.
    """
    body = getattr(request, "_body", None)
    said = hashlib.sha256(body).hexdigest() if body else request.headers.get("content-length", "")
    parts = [request.method, request.url.path, request.url.query, said]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
