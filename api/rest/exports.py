"""Exports: parts of the register as files, written by queued work and fetched within a day."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from api.db.models import JobState
from api.rest.access import Access, Write
from api.rest.allowed import reads, writes
from api.rest.asking import require_run
from api.rest.bodies import Body, named, whole
from api.rest.etags import FILED, LOCATED
from api.rest.guarding import GuardedRoute
from api.rest.jobs import JobModel, job_model
from api.rest.problems import Problem, acting, asking
from api.services.access.roles import Permission
from api.services.exports import ExportView, ask_for_export, content_of, find_export
from api.services.register.exporting import Export
from matcher.errors import DataError

router = APIRouter(route_class=GuardedRoute, tags=["exports"])

Number = Annotated[
    int,
    Path(
        ge=0,
        lt=2**63,
        description="Its number, as it was told when it was asked for.",
        examples=[12],
    ),
]
Reading = Annotated[Access, reads(Permission.EXPORT)]
_MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
_BINARY = {"schema": {"type": "string", "format": "binary"}}


class NewExport(Body):
    """Which part, in which form, as of when."""

    model_config = whole({"what": "crosswalk", "format": "csv"})

    what: Annotated[Export, named] = Field(
        description="Which part of the register.", examples=["crosswalk"]
    )
    format: Literal["csv", "parquet"] = Field("csv", description="The form of the file.")
    as_of: int | None = Field(
        None,
        ge=1,
        lt=2**63,
        description="As it was after this run, instead of now. Links are found again from what is "
        "kept of that run, which takes as long as linking everything.",
        examples=[5],
    )


class ExportModel(BaseModel):
    """An export as it stands. There is something to fetch once its job is done."""

    id: int = Field(description="Its number.", examples=[4])
    what: Export = Field(description="Which part of the register.")
    format: Literal["csv", "parquet"] = Field(description="The form of the file.")
    as_of: int | None = Field(description="The run that it is as of; null if none was asked for.")
    created_at: datetime = Field(description="When it was asked for, in UTC.")
    expires_at: datetime = Field(description="When it can be fetched no more.")
    rows: int | None = Field(description="How many rows it has, once it is done.")
    size: int | None = Field(description="In bytes.")
    job: JobModel = Field(description="The work that writes it.")


@router.post(
    "/exports",
    summary="Ask for an export",
    status_code=202,
    response_model=ExportModel,
    responses={**acting("refused"), 202: {"headers": LOCATED}},
)
def post_export(new: NewExport, write: Annotated[Write, writes(Permission.EXPORT)]) -> Response:
    """Queued work writes it; watch it at `Location`, then fetch its `content` within a day.

    It holds what may be seen for the purpose that is named with this request: records of
    sources whose agreement has it, golden values of such sources and fields. Where shielded
    children live is in none.
    """
    require_run(write, new.as_of, "body.as_of")
    try:
        number = ask_for_export(
            write.connection,
            write.caller,
            what=new.what,
            format=new.format,
            as_of=new.as_of,
            now=write.now,
        )
    except DataError as error:
        raise Problem("refused", str(error)) from None
    write.saw(f"export {number}")
    view = _require(write, number)
    return write.answer(_model(view), 202, {"Location": f"/v1/exports/{number}"})


@router.get("/exports/{export}", summary="Get an export", responses=asking("not-found", "gone"))
def get_export(export: Number, access: Reading) -> ExportModel:
    """One that the same caller asked for, for the same purpose."""
    return _model(_require(access, export))


@router.get(
    "/exports/{export}/content",
    summary="Fetch an export's file",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"text/csv": _BINARY, "application/vnd.apache.parquet": _BINARY},
            "description": "The file",
            "headers": FILED,
        },
        **asking("not-found", "gone", "conflict"),
    },
)
def get_export_content(export: Number, access: Reading) -> StreamingResponse:
    """CSV is UTF-8 with a line of names first; in Parquet missing values are null. CSV is for
    programs: values are as they are, also such as a spreadsheet would take for a formula.

    410 once a child was shielded or severed, or an agreement ended, since the file was made:
    it may hold what may not be told any more, so ask for it again.
    """
    view = _require(access, export)
    if view.job.state != JobState.DONE or view.size is None:
        raise Problem("conflict", "The export is not done, or failed; see its job.")
    access.saw(f"export {export}")
    return StreamingResponse(
        content_of(access.service.engine, export),
        media_type=_MEDIA[view.format],
        headers={
            "Content-Length": str(view.size),
            "Content-Disposition": f'attachment; filename="{view.what}.{view.format}"',
        },
    )


def _require(access: Access, export: int) -> ExportView:
    found = find_export(access.connection, export, access.caller, access.view, access.now)
    if found is None:
        raise Problem("not-found")
    if found.overtaken:
        raise Problem(
            "gone",
            "Since it was made a child was shielded or severed, or an agreement ended. "
            "Ask for the export again.",
        )
    return found


def _model(view: ExportView) -> ExportModel:
    names = [name for name in ExportModel.model_fields if name != "job"]
    return ExportModel(**{name: getattr(view, name) for name in names}, job=job_model(view.job))
