"""Every route names the permission that it needs; this holds callers to it.

`reads` and `writes` give a route its access: who asks, what may be shown to them, and one
connection for all of the request. What was seen is entered into the access log before the
answer is sent; if it cannot be, there is no answer.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItemPerMinute
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from starlette.exceptions import HTTPException

from api.db.engine import reading, writing
from api.db.turns import acting
from api.rest.access import Access, AnsweredError, Kept, Write
from api.rest.errors import kind_of
from api.rest.problems import KINDS, Problem
from api.rest.requests import template_of
from api.rest.service import Service, Serving
from api.rest.text import Key, Short
from api.services.access.access_log import AccessEntry
from api.services.access.caller import AccessError, Caller, CredentialsError, PurposeError
from api.services.access.keys import caller_of_key, is_key
from api.services.access.policy import read_terms, view_of
from api.services.access.purposes import choose_purpose
from api.services.access.roles import Permission
from api.services.access.signing_in import caller_of_token

_BEARER = HTTPBearer(
    auto_error=False,
    description="A key made with `matcher keys create`, or the token of a sign-in.",
)
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
# The same, of a request at hand.
bearer_of = _BEARER.__call__
PurposeHeader = Annotated[
    Short | None,
    Header(
        alias="Purpose",
        description="What this is needed for; may be left out by a key that has one purpose only.",
        examples=["early_years"],
    ),
]
KeyHeader = Annotated[
    Key | None,
    Header(
        alias="Idempotency-Key",
        description="Of your choice; the same request with the same key has no second effect.",
    ),
]

_DEFAULT_PER_MINUTE = 6000
# Refusals of nobody we know that are entered in a minute: more of them would say no more.
_REFUSALS = RateLimitItemPerMinute(60)
# No person and no key can be called so.
NOBODY = "(nobody)"
# Requests that may read at a time. Each holds a connection, and then needs a thread to go on: of
# more than there are connections, those that wait for one would hold all threads.
_READERS = 30
# What is written by these is sent by systems, may take long, or waits for a run to end.
_WITHOUT_TURN = {
    Permission.WRITE_RECORDS,
    Permission.BRING_EXTRACTS,
    Permission.DECIDE_EXTRACTS,
    Permission.EXPORT,
    Permission.READ_AUDIT,
}
# Requests of one permission that may write, or wait to, at a time: each holds a thread.
_WRITERS = 6


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
        request.state.asked = True
        if bearer is None:
            raise Problem("not-signed-in")
        now = service.now()
        caller = None
        try:
            caller = _identify(service, bearer.credentials, on, now)
            request.state.caller = caller.name
            _hold_to_pace(service, caller)
            if purpose in caller.purposes:
                caller = replace(caller, purpose=purpose)
            if self.permission is not None:
                caller.require(self.permission)
            if purpose is not None:
                choose_purpose(caller.purposes, purpose)
            view = view_of(read_terms(on), caller, now.date()) if self.personal else None
        except CredentialsError:
            if is_key(bearer.credentials):
                note_refusal(service, request, 401)
            raise Problem("not-signed-in") from None
        except PurposeError as error:
            self._note(service, request, caller, now, 400)
            raise Problem("purpose", str(error)) from None
        except AccessError as error:
            self._note(service, request, caller, now, 403)
            raise Problem("forbidden", str(error)) from None
        return Access(service, caller, on, now, request, view)

    @staticmethod
    def _note(
        service: Service, request: Request, caller: Caller | None, now: datetime, status: int
    ) -> None:
        """Enter that somebody we know was not let in."""
        if caller is not None:
            _enter(service, request, caller, now, status)

    @contextmanager
    def _logged(self, access: Access) -> Iterator[None]:
        access.status = access.request.scope["route"].status_code or 200
        try:
            yield
        except BaseException as error:
            access.status = _status_of(error)
            raise
        finally:
            if access.personal_view is not None:
                _enter(
                    access.service,
                    access.request,
                    access.caller,
                    access.now,
                    access.status,
                    tuple(dict.fromkeys(access.seen)),
                )


def _status_of(error: BaseException) -> int:
    """What a request is answered with that an error ends."""
    if isinstance(error, AnsweredError):
        return error.response.status_code
    if isinstance(error, Problem):
        return KINDS[error.kind].status
    if isinstance(error, RequestValidationError | HTTPException):
        return KINDS[kind_of(error)].status
    return KINDS["busy" if isinstance(error, NoConnectionError) else "fault"].status


async def _has_room() -> AsyncIterator[None]:
    """Begins once few enough others read."""
    yield


# One for all routes and pages, so that they are counted together.
Room = Annotated[None, Depends(_has_room, scope="function", max_concurrency=_READERS)]


class Reads(Allowed):
    """Gives a route one state of the register, and notes what it told."""

    def __call__(
        self,
        request: Request,
        service: Serving,
        bearer: Bearer,
        _room: Room,
        purpose: PurposeHeader = None,
    ) -> Iterator[Access]:
        """FastAPI calls this around the route's function."""
        with reading(service.engine) as connection:
            access = self.begin(request, service, bearer, purpose, connection)
            with self._logged(access):
                yield access


class Writes(Allowed):
    """Gives a route a transaction, and answers a request that was made before as before.

    What people decide is done one after another; files and records that are sent wait for nobody.
    """

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
            with self._transaction(service.engine) as connection:
                access = Write(
                    service, known.caller, connection, known.now, request, known.personal_view
                )
                with self._logged(access):
                    if key is not None:
                        access.kept = Kept(access, key)
                    yield access
        except OperationalError as error:
            if "locked" not in str(error.orig):
                raise
            raise Problem("busy", headers={"Retry-After": "10"}) from None

    def _transaction(self, engine: Engine) -> AbstractContextManager[Connection]:
        return writing(engine) if self.permission in _WITHOUT_TURN else acting(engine)


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


def check(
    allowed: Allowed,
    request: Request,
    service: Service,
    bearer: Bearer,
    purpose: str | None,
) -> None:
    """Raises Problem unless the caller may use the route; keeps no connection."""
    with reading(service.engine) as connection:
        allowed.begin(request, service, bearer, purpose, connection)


def _hold_to_pace(service: Service, caller: Caller) -> None:
    pace = RateLimitItemPerMinute(caller.per_minute or _DEFAULT_PER_MINUTE)
    if not service.pace.hit(pace, caller.name):
        until = service.pace.get_window_stats(pace, caller.name).reset_time
        wait = max(1, round(until - service.now().timestamp()))
        raise Problem("too-many", headers={"Retry-After": str(wait)})


def _identify(service: Service, credentials: str, on: Connection, now: datetime) -> Caller:
    """For the only purpose that it may act for, or the one chosen last; or none."""
    if is_key(credentials):
        return caller_of_key(on, credentials, None, now=now)
    return caller_of_token(service.aside, on, credentials, None, now=now)


def note_refusal(service: Service, request: Request, status: int) -> None:
    """Enter into the access log that somebody was not let in, without what they showed."""
    if service.pace.hit(_REFUSALS, NOBODY):
        service.access_log.enter(
            AccessEntry(
                at=service.now(),
                by=NOBODY,
                route=f"{request.method} {template_of(request.scope)}",
                about=(),
                status=status,
                request=request.state.request_id,
            )
        )


def _enter(
    service: Service,
    request: Request,
    caller: Caller,
    now: datetime,
    status: int,
    about: tuple[str, ...] = (),
) -> None:
    service.access_log.enter(
        AccessEntry(
            at=now,
            by=caller.name,
            key=caller.key,
            route=f"{request.method} {template_of(request.scope)}",
            about=about,
            purpose=caller.purpose,
            status=status,
            request=request.state.request_id,
        )
    )
