"""Every route names the permission that it needs; this holds callers to it.

`reads` and `writes` give a route its access: who asks, what may be shown to them, and one
connection for all of the request. What was seen is entered into the access log before the
answer is sent; if it cannot be, there is no answer.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItemPerMinute
from pydantic import BaseModel
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from api.db.engine import is_sqlite, reading, writing
from api.db.models import KeptReply
from api.rest.problems import KINDS, Problem, kind_of
from api.rest.requests import template_of
from api.rest.service import Service, Serving
from api.rest.text import Key, Short
from api.services.access.access_log import AccessEntry
from api.services.access.caller import AccessError, Caller, CredentialsError, PurposeError
from api.services.access.keys import caller_of_key, is_key
from api.services.access.policy import View, read_terms, view_of
from api.services.access.purposes import choose_purpose
from api.services.access.roles import Permission
from api.services.access.signing_in import caller_of_token
from api.services.register.lookalikes import lookalikes
from api.services.register.shields import shielded_children
from matcher.register.ids import is_child_id

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
_KEPT_FOR = timedelta(hours=24)
# Requests of one permission that may write, or wait to, at a time: each holds a thread.
_WRITERS = 6


@dataclass
class Access:
    """One request that may read. ``seen`` are ids that the answer tells of.

    ``status`` is what it is answered with unless it fails. Only requests for something
    personal have a view of it.
    """

    service: Service
    caller: Caller
    connection: Connection
    now: datetime
    request: Request
    personal_view: View | None = None
    seen: list[str] = field(default_factory=list)
    status: int = 200

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
        self.status = status
        if self.kept is not None:
            self.kept.keep(status, dict(headers or {}), body, self.seen)
        return reply(status, headers or {}, body)


def reply(status: int, headers: Mapping[str, str], body: str | None) -> Response:
    """An answer of JSON that is written already, or of nothing."""
    if body is None:
        return Response(status_code=status, headers=dict(headers))
    return Response(body, status, dict(headers), media_type="application/json")


class AnsweredError(Exception):
    """Ends a request with an answer that needs no more to be done for it."""

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
        caller = None
        try:
            caller = _identify(service, bearer.credentials, on, now)
            request.state.caller = caller.name
            _hold_to_pace(service, caller)
            if purpose is not None:
                purpose = choose_purpose(caller.purposes, purpose)
                caller = replace(caller, purpose=purpose)
            if self.permission is not None:
                caller.require(self.permission)
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
            if self.personal:
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
    return 500


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


class _Kept:
    """The answer kept for one request, by its caller and key."""

    def __init__(self, access: Write, key: str) -> None:
        self.access, self.connection = access, access.connection
        by, hashed = access.caller.name, hashlib.sha256(key.encode()).hexdigest()
        self.mine = (KeptReply.by == by) & (KeptReply.key == hashed)
        asked = _fingerprint(access.request, access.caller.purpose)
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
        row = self.connection.execute(select(KeptReply.__table__).where(self.mine)).one()
        if row.request != asked:
            raise Problem("key-reused")
        if row.told != _may_be_told(self.access, row.about):
            raise Problem(
                "key-reused",
                "This request was done before. What you may see has changed since, so that its "
                "answer is not told again; ask for what you need of it.",
            )
        self.access.saw(*row.about)
        headers = {**row.headers, "Idempotency-Replayed": "true"}
        raise AnsweredError(reply(row.status, headers, row.body))

    def keep(
        self, status: int, headers: dict[str, str], body: str | None, about: list[str]
    ) -> None:
        """Keep the answer, in the transaction that it tells of."""
        told = _may_be_told(self.access, about)
        values = {"status": status, "headers": headers, "body": body, "about": about, "told": told}
        self.connection.execute(update(KeptReply).where(self.mine).values(values))


def _may_be_told(access: Access, about: Sequence[str]) -> str:
    """A hash of what somebody may be told of these ids: sources, fields, and who is shielded."""
    view = access.personal_view
    if view is None:
        return hashlib.sha256().hexdigest()
    children = [one for one in about if is_child_id(one)]
    hidden = set() if view.cleared else shielded_children(access.connection, children)
    unlike = {f"record {one}" for one in lookalikes(access.connection, view).records}
    terms = [
        [one.source, sorted(one.purposes), {k: sorted(v) for k, v in sorted(one.fields.items())}]
        for one in view.terms
    ]
    limits = [{k: sorted(v) for k, v in sorted(some.items())} for some in (view.limits, view.ids)]
    said = [view.purpose, view.cleared, terms, limits, sorted(hidden), sorted(unlike & set(about))]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _fingerprint(request: Request, purpose: str | None) -> str:
    """A hash of all that is asked: address, purpose, the state it is decided on, content."""
    headers = [request.headers.get(name) for name in ("If-Match", "If-None-Match")]
    asked = [request.method, request.url.path, request.url.query, purpose, *headers]
    return hashlib.sha256(json.dumps([*asked, _content(request)]).encode()).hexdigest()


def _content(request: Request) -> Any:
    """What stands for the content: it has been taken in by now, in one of three ways."""
    upload = getattr(request.state, "upload", None)
    if upload is not None:
        return [upload.digest, upload.file and upload.file.suffix, sorted(upload.fields.items())]
    form = getattr(request, "_form", None)
    if isinstance(form, FormData):
        return [[name, _part(value)] for name, value in form.multi_items()]
    return hashlib.sha256(getattr(request, "_body", b"")).hexdigest()


def _part(value: str | UploadFile) -> str:
    if isinstance(value, str):
        return value
    value.file.seek(0)
    digest = hashlib.file_digest(value.file, "sha256").hexdigest()  # type: ignore[arg-type]
    value.file.seek(0)
    return digest
