"""Extracts: brought, looked over, let in or not, and what of them could not be read."""

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.db.models import ExtractState
from api.rest.access import Access, Allowed, Write, reads, writes
from api.rest.etags import IfMatch, etag, require_match
from api.rest.jobs import JobModel, job_model
from api.rest.paging import Cursor, Limit, Page, next_page, place_of
from api.rest.problems import Problem, acting, asking
from api.rest.text import Said, SourceName
from api.rest.uploads import ANY_SIZE, Upload, Uploads
from api.services.access.roles import Permission
from api.services.extracts import StateError, accept, refuse, withdraw
from api.services.extracts.listing import (
    ExtractView,
    RejectView,
    all_rejects,
    find_extract,
    list_extracts,
    list_rejects,
)
from api.services.jobs import queue_linking, receive_and_queue
from matcher.errors import ExtractRefused

router = APIRouter(tags=["extracts"])

Number = Annotated[int, Path(ge=0, lt=2**63)]
_COLUMNS = ("file", "row", "column", "code", "message")
_READS = reads(Permission.READ_EXTRACTS, personal=False)
_BRINGS = writes(Permission.BRING_EXTRACTS, personal=False)
_DECIDES = writes(Permission.DECIDE_EXTRACTS, personal=False)
Reading = Annotated[Access, _READS]
Deciding = Annotated[Write, _DECIDES]
Sent = Annotated[
    Upload, Depends(Uploads(Allowed(Permission.BRING_EXTRACTS, personal=False)), scope="request")
]
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["source", "as_of", "file"],
                    "properties": {
                        "source": {
                            "type": "string",
                            "pattern": "^[a-z][a-z0-9_]{0,63}$",
                            "description": "The system that it is of, see /v1/sources.",
                            "examples": ["estart"],
                        },
                        "as_of": {
                            "type": "string",
                            "format": "date",
                            "description": "The day on which the system was exported.",
                            "examples": ["2024-09-01"],
                        },
                        "mode": {
                            "type": "string",
                            "enum": ["snapshot", "delta"],
                            "default": "snapshot",
                            "description": "snapshot: it lists all that the source holds. "
                            "delta: it lists what changed.",
                        },
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "CSV, a workbook, XML, or a zip of such. Of its name "
                            "only the ending is looked at.",
                        },
                    },
                }
            }
        },
    }
}


class NewExtract(BaseModel):
    """The fields of the form that an extract comes with."""

    model_config = ConfigDict(extra="forbid")

    source: SourceName
    as_of: date
    mode: Literal["snapshot", "delta"] = "snapshot"


class ExtractModel(BaseModel):
    """An extract as it stands."""

    id: int = Field(examples=[12])
    source: str = Field(examples=["estart"])
    state: ExtractState = Field(
        description="received → validated → accepted → current → superseded; or refused, or "
        "withdrawn. One that stays validated waits for a person: see `stops` in the report."
    )
    mode: Literal["snapshot", "delta"]
    as_of: date
    received_at: datetime
    received_by: str
    decided_at: datetime | None = Field(description="When it was accepted, refused or withdrawn.")
    decided_by: str | None
    refusal: str | None = Field(description="Why it was refused.")
    run: int | None = Field(description="The run that linked it.")
    undone_run: int | None = Field(description="The run that took back what it did.")
    job: JobModel | None = Field(description="The last work that was queued for it.")


class ExtractInFull(ExtractModel):
    """With its data-quality report."""

    report: dict[str, Any] | None = Field(
        description="Counts: rows, records, rejects by code, fields filled and usable, changes "
        "against what is current, and what speaks against accepting it (`stops`).",
        examples=[{"rows": 997, "records": 995, "rejects": 2, "stops": []}],
    )


class ExtractPage(Page):
    """Extracts, newest first."""

    extracts: list[ExtractModel]


class RejectModel(BaseModel):
    """A row that could not become a record. It tells the place and the reason, no value."""

    file: str = Field(examples=["extract.csv"])
    row: int = Field(examples=[17])
    column: str = Field(examples=["date_of_birth"])
    code: str = Field(examples=["bad_date"])
    message: str = Field(examples=["this is not a date"])


class RejectPage(Page):
    """Rejects in the order of the extract."""

    rejects: list[RejectModel]


class Refusal(BaseModel):
    """Why an extract is refused."""

    model_config = ConfigDict(extra="forbid")

    why: Said = Field(examples=["another area's list"])


@router.post(
    "/extracts",
    summary="Bring an extract",
    status_code=202,
    max_body_size=ANY_SIZE,
    openapi_extra=_FORM,
    response_model=ExtractModel,
    responses={
        200: {"model": ExtractModel, "description": "The same content is there already"},
        **acting("media-type", "refused", "unknown-source", "conflict"),
    },
)
def post_extract(sent: Sent, write: Annotated[Write, _BRINGS]) -> Response:
    """It is kept at once and answered with 202; a worker then validates it and, unless
    something speaks against it, links it. Watch the extract at `Location`.

    The same content for the same day, in the same mode, is not taken twice: 200 then names
    the extract that is there.
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
        )
    except ExtractRefused as error:
        kind = "unknown-source" if error.code == "unknown_source" else "refused"
        raise Problem(kind, _plainly(error)) from None
    except StateError as error:
        raise Problem("conflict", str(error)) from None
    view = _require(write, received.extract)
    headers = {"Location": f"/v1/extracts/{view.id}", "ETag": _etag(view)}
    return write.answer(_model(view), 200 if received.unchanged else 202, headers)


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
    place = place_of(cursor, int)
    found = list_extracts(
        access.connection,
        sources=access.caller.sources,
        source=source,
        state=state,
        before=place[0] if place else None,
        limit=limit + 1,
    )
    page, link = next_page(request, response, found, limit, lambda one: [one.id])
    return ExtractPage(next=link, extracts=[_model(view) for view in page])


@router.get("/extracts/{extract}", summary="Get an extract", responses=asking("not-found"))
def get_extract(extract: Number, access: Reading, response: Response) -> ExtractInFull:
    """Its state, the progress of its job, and its data-quality report. Send its ETag back as
    If-Match with what is decided on it.
    """
    view = _require(access, extract)
    response.headers["ETag"] = _etag(view)
    return ExtractInFull(**_values(view), report=view.report)


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
    _require(access, extract)
    place = place_of(cursor, int)
    found = list_rejects(
        access.connection, extract, after=place[0] if place else 0, limit=limit + 1
    )
    page, link = next_page(request, response, found, limit, lambda one: [one.id])
    rejects = [RejectModel(**{name: getattr(one, name) for name in _COLUMNS}) for one in page]
    return RejectPage(next=link, rejects=rejects)


@router.get(
    "/extracts/{extract}/rejects.csv",
    summary="Download the rows that could not be read",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "A file"},
        **asking("not-found"),
    },
)
def download_rejects(extract: Number, access: Reading) -> StreamingResponse:
    """All of them, with a line of names first."""
    _require(access, extract)
    return StreamingResponse(
        rejects_as_csv(all_rejects(access.service.engine, extract)),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="rejects-{extract}.csv"'},
    )


@router.post(
    "/extracts/{extract}/accept",
    summary="Let an extract in",
    status_code=202,
    response_model=ExtractModel,
    responses=acting("not-found", "conflict", "stale", "precondition-required"),
)
def accept_extract(extract: Number, write: Deciding, if_match: IfMatch = None) -> Response:
    """It is linked by queued work; watch the extract at `Location`."""
    _decided(write, extract, if_match)
    try:
        accept(write.connection, extract, by=write.caller.name, now=write.now)
    except StateError as error:
        raise Problem("conflict", str(error)) from None
    queue_linking(write.connection, extract=extract, by=write.caller.name)
    return _answer(write, extract, 202)


@router.post(
    "/extracts/{extract}/refuse",
    summary="Have nothing to do with an extract",
    response_model=ExtractModel,
    responses=acting("not-found", "conflict", "stale", "precondition-required"),
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
    responses=acting("not-found", "conflict", "stale", "precondition-required"),
)
def withdraw_extract(extract: Number, write: Deciding, if_match: IfMatch = None) -> Response:
    """What it did, if it was current, is undone by queued work. It must be the latest one of
    its source.
    """
    _decided(write, extract, if_match)
    try:
        withdraw(write.connection, extract, by=write.caller.name, now=write.now)
    except StateError as error:
        raise Problem("conflict", str(error)) from None
    queue_linking(write.connection, extract=extract, by=write.caller.name)
    return _answer(write, extract, 202)


def _fields(sent: Upload) -> NewExtract:
    try:
        new = NewExtract(**sent.fields)  # type: ignore[arg-type]
    except ValidationError as error:
        errors = [
            {"place": ".".join(["body", *map(str, one["loc"])]), "message": _wrong(one)}
            for one in error.errors()
        ]
        raise Problem("invalid", errors=errors) from None
    if sent.file is None:
        missing = {"place": "body.file", "message": "this is needed"}
        raise Problem("invalid", errors=[missing])
    return new


def _wrong(error: Any) -> str:
    return {"missing": "this is needed", "extra_forbidden": "there is no such field"}.get(
        error["type"], "this does not have the form described"
    )


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
    require_match(if_match, _etag(_require(write, extract)))


def _etag(view: ExtractView) -> str:
    return etag("extract", view.id, view.state, view.decided_at, view.report)


def _answer(write: Write, extract: int, status: int) -> Response:
    view = _require(write, extract)
    headers = {"Location": f"/v1/extracts/{extract}", "ETag": _etag(view)}
    return write.answer(_model(view), status, headers)


def _model(view: ExtractView) -> ExtractModel:
    return ExtractModel(**_values(view))


def _values(view: ExtractView) -> dict[str, Any]:
    names = [name for name in ExtractModel.model_fields if name != "job"]
    job = None if view.job is None else job_model(view.job)
    return {**{name: getattr(view, name) for name in names}, "job": job}


def rejects_as_csv(pieces: Iterator[list[RejectView]]) -> Iterator[str]:
    """Lines of names and of rejects, which hold no value of the extract."""
    yield _lines([_COLUMNS])
    for rejects in pieces:
        yield _lines(tuple(getattr(one, name) for name in _COLUMNS) for one in rejects)


def _lines(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
