"""One request that is let in: what it may see, what it saw, and what is kept of its answer."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from starlette.datastructures import FormData, UploadFile

from api.db.engine import is_sqlite
from api.db.models import KeptReply
from api.rest.problems import Problem
from api.rest.service import Service
from api.services.access.caller import Caller, PurposeError
from api.services.access.policy import View, read_terms, view_of
from api.services.access.roles import Permission
from api.services.register.lookalikes import lookalikes
from api.services.register.shields import shielded_children
from matcher.register.ids import is_child_id

_KEPT_FOR = timedelta(hours=24)


@dataclass
class Access:
    """One request that may read. ``seen`` are ids that the answer tells of.

    ``status`` is what it is answered with unless it fails. Only requests for something
    personal have a view of it, and these are in the access log.
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

    def may_name(self, source: str) -> bool:
        """Whether to tell by which ids a source knows its records, where else nothing is personal.

        It needs the right to look at children, and a purpose for which the source is seen.
        """
        if not self.caller.may(Permission.READ_CHILDREN):
            return False
        try:
            view = view_of(read_terms(self.connection), self.caller, self.now.date())
        except PurposeError:
            return False
        if view.may_name(source):
            self.personal_view = view
        return view.may_name(source)

    def saw(self, *ids: str) -> None:
        """Let the access log know what the answer tells of: ids of children, records, extracts."""
        self.seen += ids


@dataclass
class Write(Access):
    """One request that may write, in one transaction; committed before the answer is sent."""

    kept: "Kept | None" = None

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


class Kept:
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
