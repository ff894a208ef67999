"""Extracts: brought, looked over, let in or not, and what of them could not be read."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError

from api.db.models import ExtractState
from api.rest.access import Access, Write
from api.rest.allowed import Allowed, reads, writes
from api.rest.errors import plainly
from api.rest.etags import (
    FILED,
    LOCATED,
    TAGGED,
    UNCHANGED,
    IfChanged,
    IfMatch,
    etag,
    require_match,
    tell_state,
)
from api.rest.extract_schemas import (
    EXTRACT_FORM,
    BroughtExtract,
    ExtractInFull,
    ExtractModel,
    ExtractPage,
    NewExtract,
    Refusal,
    RejectModel,
    RejectPage,
    Withdrawal,
    extract_model,
    extract_values,
)
from api.rest.guarding import GuardedRoute
from api.rest.jobs import is_over, state_of_job
from api.rest.paging import Cursor, Limit, next_page, place_of
from api.rest.problems import Problem, acting, asking, problem_response
from api.rest.text import SourceName
from api.rest.uploads import ANY_SIZE, Upload, Uploads
from api.services.access.roles import Permission
from api.services.extracts import DayAheadError, NewSourceError, StateError, refuse, withdraw
from api.services.extracts.changes import changed_one_by_one
from api.services.extracts.listing import (
    ExtractView,
    RejectView,
    all_rejects,
    find_extract,
    list_extracts,
    list_rejects,
)
from api.services.extracts.states import hold_extract
from api.services.extracts.validation import accept_as_reported
from api.services.jobs import queue_linking, receive_and_queue
from api.services.register.kept_rules import rules_in_force
from api.services.spreadsheets import harmless
from matcher.errors import ExtractRefused

router = APIRouter(route_class=GuardedRoute, tags=["extracts"])

_REPORTED_AGAIN = (
    "The register has changed, and the extract's report with it: read the report again and decide."
)
Number = Annotated[
    int, Path(ge=0, lt=2**63, description="Its number, as the list has it.", examples=[12])
]
_COLUMNS = ("file", "row", "record_id", "column", "code", "message")
_READS = reads(Permission.READ_EXTRACTS, personal=False)
_BRINGS = writes(Permission.BRING_EXTRACTS, personal=False)
_DECIDES = writes(Permission.DECIDE_EXTRACTS, personal=False)
Reading = Annotated[Access, _READS]
Deciding = Annotated[Write, _DECIDES]
Sent = Annotated[
    Upload, Depends(Uploads(Allowed(Permission.BRING_EXTRACTS, personal=False)), scope="request")
]


@router.post(
    "/extracts",
    summary="Bring an extract",
    status_code=202,
    max_body_size=ANY_SIZE,
    openapi_extra=EXTRACT_FORM,
    response_model=BroughtExtract,
    responses={
        200: {
            "model": BroughtExtract,
            "description": "The same content is there already",
            "headers": {**LOCATED, **TAGGED},
        },
        202: {"headers": {**LOCATED, **TAGGED}},
        **acting("media-type", "refused", "unknown-source", "conflict"),
    },
)
def post_extract(sent: Sent, write: Annotated[Write, _BRINGS]) -> Response:
    """It is kept at once and answered with 202; a worker then validates it and, unless
    something speaks against it, links it. Watch the extract at `Location`.

    The same content for the same day, in the same mode, is not taken twice: 200 then names
    the extract that is there, and says how many records were put or deleted alone since.
    """
    new = _fields(sent)
    _require_source(write, new.source)
    assert sent.file is not None
    try:
        received, _ = receive_and_queue(
            write.connection,
            write.service.offered,
            source=new.source,
            path=sent.file,
            as_of=new.as_of,
            mode=new.mode,
            by=write.caller.name,
            now=write.now,
            new_source=new.new_source == "true",
            known_to=write.caller.sources,
        )
    except DayAheadError as error:
        errors = [{"place": "body.as_of", "message": str(error)}]
        raise Problem("refused", str(error), errors=errors) from None
    except NewSourceError as error:
        raise Problem("unknown-source", f"{error}: new_source=true") from None
    except ExtractRefused as error:
        kind = "unknown-source" if error.code == "unknown_source" else "refused"
        raise Problem(kind, _plainly(error)) from None
    except StateError as error:
        raise Problem("conflict", str(error)) from None
    view = _require(write, received.extract)
    headers = {"Location": f"/v1/extracts/{view.id}", "ETag": _etag(view)}
    since = changed_one_by_one(write.connection, view.id) if received.unchanged else 0
    brought = BroughtExtract(**extract_values(view), changed_since=since)
    return write.answer(brought, 200 if received.unchanged else 202, headers)


@router.get("/extracts", summary="List extracts", responses=asking("bad-cursor"))
def get_extracts(
    access: Reading,
    request: Request,
    response: Response,
    source: Annotated[SourceName | None, Query(description="Only of this source.")] = None,
    state: Annotated[ExtractState | None, Query(description="Only in this state.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ExtractPage:
    """Newest first; of a key that is scoped to some sources, only theirs."""
    place = place_of(access.request, cursor, int)
    found = list_extracts(
        access.connection,
        sources=access.caller.sources,
        source=source,
        state=state,
        before=place[0] if place else None,
        limit=limit + 1,
    )
    page, link = next_page(request, response, found, limit, lambda one: [one.id])
    return ExtractPage(next=link, items=[extract_model(view) for view in page])


@router.get(
    "/extracts/{extract}",
    summary="Get an extract",
    responses={**asking("not-found"), **UNCHANGED},
)
def get_extract(
    extract: Number, access: Reading, response: Response, known: IfChanged = None
) -> ExtractInFull:
    """Its state, the progress of its job, and its data-quality report. Send its ETag back as
    If-Match with what is decided on it.
    """
    view = _require(access, extract)
    tell_state(response, _etag(view), known if is_over(view.job) else None)
    return ExtractInFull(**extract_values(view), report=view.report)


@router.get(
    "/extracts/{extract}/rejects",
    summary="List the rows that could not be read",
    responses={**asking("not-found", "bad-cursor")},
)
def get_rejects(
    extract: Number,
    access: Reading,
    request: Request,
    response: Response,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> RejectPage:
    """In the order of the extract. All of them as CSV: `/v1/extracts/{extract}/rejects.csv`."""
    named = may_name(access, _require(access, extract))
    place = place_of(access.request, cursor, int)
    found = list_rejects(
        access.connection, extract, after=place[0] if place else 0, limit=limit + 1
    )
    page, link = next_page(request, response, found, limit, lambda one: [one.id])
    rejects = [
        RejectModel(
            **{name: getattr(one, name) for name in _COLUMNS if name != "record_id"},
            record_id=one.record_id or None,
        )
        for one in as_told(page, named=named)
    ]
    return RejectPage(next=link, items=rejects)


@router.get(
    "/extracts/{extract}/rejects.csv",
    summary="Download the rows that could not be read",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"text/csv": {"schema": {"type": "string"}}},
            "description": "A file",
            "headers": FILED,
        },
        **asking("not-found"),
    },
)
def download_rejects(extract: Number, access: Reading) -> StreamingResponse:
    """All of them, with a line of names first."""
    named = may_name(access, _require(access, extract))
    return StreamingResponse(
        rejects_as_csv(all_rejects(access.service.engine, extract), named=named),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="rejects-{extract}.csv"'},
    )


@router.post(
    "/extracts/{extract}/accept",
    summary="Let an extract in",
    status_code=202,
    response_model=ExtractModel,
    responses={
        **acting("not-found", "conflict", "stale", "precondition-required"),
        202: {"headers": {**LOCATED, **TAGGED}},
    },
)
def accept_extract(extract: Number, write: Deciding, if_match: IfMatch = None) -> Response:
    """It is linked by queued work; watch the extract at `Location`. If the register has changed so
    that its report does not hold any more, that is made again and this answers 412.
    """
    _decided(write, extract, if_match)
    book = rules_in_force(write.connection, write.service.offered).book
    try:
        holds = accept_as_reported(
            write.connection,
            extract,
            book=book,
            by=write.caller.name,
            now=write.now,
            cleared=write.caller.cleared,
        )
    except StateError as error:
        raise Problem("conflict", str(error)) from None
    if not holds:
        write.status = 412
        return problem_response(write.request, "stale", _REPORTED_AGAIN)
    queue_linking(write.connection, extract=extract, by=write.caller.name)
    return _answer(write, extract, 202)


@router.post(
    "/extracts/{extract}/refuse",
    summary="Have nothing to do with an extract",
    response_model=ExtractModel,
    responses={
        **acting("not-found", "conflict", "stale", "precondition-required"),
        200: {"headers": {**LOCATED, **TAGGED}},
    },
)
def refuse_extract(
    extract: Number, refusal: Refusal, write: Deciding, if_match: IfMatch = None
) -> Response:
    """Before it is accepted. Its file is dropped at once."""
    _decided(write, extract, if_match)
    try:
        refuse(write.connection, extract, by=write.caller.name, now=write.now, why=refusal.why)
    except StateError as error:
        raise Problem("conflict", str(error)) from None
    return _answer(write, extract, 200)


@router.post(
    "/extracts/{extract}/withdraw",
    summary="Take an extract back",
    status_code=202,
    response_model=ExtractModel,
    responses={
        **acting("not-found", "conflict", "stale", "precondition-required"),
        202: {"headers": {**LOCATED, **TAGGED}},
    },
)
def withdraw_extract(
    extract: Number, withdrawal: Withdrawal, write: Deciding, if_match: IfMatch = None
) -> Response:
    """What it did, if it was current, is undone by queued work. It must be the latest one of
    its source.
    """
    _decided(write, extract, if_match)
    try:
        withdraw(write.connection, extract, by=write.caller.name, now=write.now, why=withdrawal.why)
    except StateError as error:
        raise Problem("conflict", str(error)) from None
    queue_linking(write.connection, extract=extract, by=write.caller.name)
    return _answer(write, extract, 202)


def _fields(sent: Upload) -> NewExtract:
    try:
        new = NewExtract(**sent.fields)  # type: ignore[arg-type]
    except ValidationError as error:
        errors = [
            {"place": ".".join(["body", *map(str, one["loc"])]), "message": plainly(one)}
            for one in error.errors()
        ]
        raise Problem("invalid", errors=errors) from None
    if sent.file is None:
        missing = {"place": "body.file", "message": "this is needed"}
        raise Problem("invalid", errors=[missing])
    return new


def _require_source(access: Access, source: str) -> None:
    scope = access.caller.sources
    if scope is not None and source not in scope:
        raise Problem("forbidden", "This key is not for this source.")


def _plainly(error: ExtractRefused) -> str:
    """Why, without the name under which the file lies here."""
    return str(error).rpartition(f"{error.file}: ")[2] if error.file else str(error)


def _require(access: Access, extract: int) -> ExtractView:
    found = find_extract(access.connection, extract, sources=access.caller.sources)
    if found is None:
        raise Problem("not-found")
    return found


def _decided(write: Write, extract: int, if_match: str | None) -> None:
    """Raises Problem unless the extract is as it was decided on; it stays so until it is done."""
    _require(write, extract)
    hold_extract(write.connection, extract)
    require_match(if_match, _etag(_require(write, extract)))


def _etag(view: ExtractView) -> str:
    return etag(
        "extract", view.id, view.state, view.decided_at, view.report, state_of_job(view.job)
    )


def _answer(write: Write, extract: int, status: int) -> Response:
    view = _require(write, extract)
    headers = {"Location": f"/v1/extracts/{extract}", "ETag": _etag(view)}
    return write.answer(extract_model(view), status, headers)


def may_name(access: Access, view: ExtractView) -> bool:
    """Whether to tell by its id which record each reject of an extract is about; it is noted."""
    named = access.may_name(view.source)
    if named:
        access.saw(f"extract {view.id}")
    return named


def as_told(rejects: Iterable[RejectView], *, named: bool) -> list[RejectView]:
    """Rejects, without the ids of records unless these may be told."""
    return [one if named else replace(one, record_id="") for one in rejects]


def rejects_as_csv(pieces: Iterator[list[RejectView]], *, named: bool) -> Iterator[str]:
    """Lines of names and of rejects, which hold no value of the extract but ids of records."""
    yield _lines([_COLUMNS])
    for rejects in pieces:
        told = as_told(rejects, named=named)
        yield _lines(tuple(getattr(one, name) for name in _COLUMNS) for one in told)


def _lines(rows: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue()
