"""Previews: what other rules, another model or other thresholds would do, before they do it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Path, Response, UploadFile
from pydantic import BaseModel, Field
from starlette.datastructures import FormData

from api.db.models import JobState
from api.rest.access import Access, Write
from api.rest.allowed import reads, writes
from api.rest.asking import invalid
from api.rest.etags import (
    LOCATED,
    TAGGED,
    UNCHANGED,
    IfChanged,
    IfMatch,
    etag,
    require_match,
    tell_state,
)
from api.rest.guarding import GuardedRoute
from api.rest.jobs import JobModel, is_over, job_model, state_of_job
from api.rest.manners import FORMS
from api.rest.measures import MeasureModel, disclosure_of, measure_models
from api.rest.problems import Problem, acting, asking
from api.services.access.roles import Permission
from api.services.previews import (
    PreviewError,
    PreviewView,
    Wanted,
    ask_for_preview,
    commit_preview,
    discard_preview,
    find_preview,
    read_rules_zip,
)
from api.services.register.standing import Standing
from matcher.errors import DataError

router = APIRouter(route_class=GuardedRoute, tags=["previews"])

Number = Annotated[
    int,
    Path(
        ge=0,
        lt=2**63,
        description="Its number, as it was told when it was asked for.",
        examples=[12],
    ),
]
Writing = Annotated[Write, writes(Permission.CHANGE_RULES, personal=False)]
_LARGEST_MODEL = 1024**2
_BITS: dict[str, Any] = {"ge": -100, "le": 100, "allow_inf_nan": False}
_TRIED = ("rules", "model", "lower", "upper")
_SAID_OF = {"lower": "The lower threshold, in bits.", "upper": "The upper threshold, in bits."}
_SHOWN = {"lower": -3, "upper": 4}
# What FastAPI does not say: that a form without files may be sent in the other way too.
_WITHOUT_FILES: dict[str, Any] = {
    "schema": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: {
                "type": "number",
                "minimum": -100,
                "maximum": 100,
                "description": said,
                "examples": [_SHOWN[name]],
            }
            for name, said in _SAID_OF.items()
        },
    },
    "example": _SHOWN,
}


class Moved(BaseModel):
    """How many there are and would be, and how many more and fewer that makes."""

    before: int = Field(description="How many there are now.", examples=[34])
    gained: int = Field(description="How many there would be that are not now.", examples=[4])
    lost: int = Field(description="How many that there are now would not be.", examples=[1])
    after: int = Field(description="How many there would be.", examples=[37])


class Pairs(BaseModel):
    """Children and those that take records of theirs; the first hundred pairs of ids."""

    count: int = Field(description="How many there are in all.", examples=[1])
    of: int = Field(
        description="Of how many children: one has a pair for each other that takes records of it.",
        examples=[1],
    )
    children: list[tuple[str, str]] = Field(
        description="From which child, and to which.",
        examples=[[["7K3M9QX2RT4VA", "HFC5TSQANDRY9"]]],
    )


class MeasureMoved(BaseModel):
    """A measure as it is and as it would be; null where the rules do not have it."""

    name: str = Field(description="Its name in the rules.", examples=["good_level_of_development"])
    moves: bool = Field(description="Whether its value would be another.")
    before: MeasureModel | None = Field(description="As it is.")
    after: MeasureModel | None = Field(description="As it would be.")


class Found(BaseModel):
    """What putting it in force would do, and what it would not (`agreements`)."""

    rules: str = Field(examples=["9d41e0"], description="Hash of the rules.")
    model: str = Field(examples=["5f2b9c"], description="Hash of the model.")
    counts: dict[str, int] = Field(
        description="Children that would be founded, come back (`restored`), end, or be left "
        "without a record (`emptied`); records that would join or leave a child; children with "
        "other values.",
        examples=[
            {
                "founded": 3,
                "restored": 0,
                "ended": 1,
                "emptied": 0,
                "joined": 6,
                "left": 2,
                "values_changed": 4,
            }
        ],
    )
    founded: int = Field(examples=[3], description="Children that would begin.")
    restored: int = Field(description="Children that would come back.", examples=[0])
    retired: int = Field(description="Children that would be no more.", examples=[1])
    merges: Pairs = Field(description="Children all of whose records would go to another.")
    splits: Pairs = Field(description="Children some of whose records would become another.")
    moves: Pairs = Field(
        description="Records that would go from one child to another that is there already."
    )
    links: Moved = Field(description="Pairs that would be linked.")
    possible: Moved = Field(description="Possible links that would wait for a person.")
    conflicts: Moved = Field(description="Conflicts that would wait for a person.")
    queue_growth: int = Field(
        examples=[-12], description="How many more possible links would wait."
    )
    contradicted: list[int] = Field(
        examples=[[]], description="Decisions that it newly speaks against."
    )
    contradicted_already: int = Field(
        0,
        examples=[2],
        description="How many decisions it speaks against that what is in force does too.",
    )
    measures: list[MeasureMoved] = Field(description="Each as it is and as it would be.")
    agreements: list[str] = Field(
        description="Sources of whose use the rules say something else than before: purposes, "
        "basis or last day. Their agreements in the register stay as they are, whether or not "
        "this is put in force; a steward changes them.",
        examples=[["swift"]],
    )


class PreviewModel(BaseModel):
    """A preview as it stands."""

    id: int = Field(description="Its number.", examples=[2])
    after_run: int = Field(description="The run that it is made at.", examples=[5])
    last_run: int = Field(
        examples=[5], description="Once this is another, it can only be made again."
    )
    by: str = Field(description="Who asked for it.", examples=["a.steward"])
    created_at: datetime = Field(description="When, in UTC.")
    rules_sent: bool = Field(description="Whether other rules were sent with it.")
    model_sent: bool = Field(description="Whether another model was sent with it.")
    lower: float | None = Field(description="The lower threshold that was sent, in bits.")
    upper: float | None = Field(description="The upper threshold that was sent, in bits.")
    found: Found | None = Field(description="What it would do, once its job is done.")
    job: JobModel = Field(description="The work that makes it.")
    commit_job: JobModel | None = Field(description="The work that puts it in force.")


@router.post(
    "/previews",
    summary="Try other rules",
    status_code=202,
    response_model=PreviewModel,
    responses={**acting("refused"), 202: {"headers": {**LOCATED, **TAGGED}}},
    openapi_extra={"requestBody": {"content": {FORMS[1]: _WITHOUT_FILES}}},
)
def post_preview(
    write: Writing,
    rules: Annotated[
        UploadFile | None,
        File(description="A zip of a whole directory of rules, without models."),
    ] = None,
    model: Annotated[UploadFile | None, File(description="A trained model, YAML.")] = None,
    lower: Annotated[
        float | None,
        Form(**_BITS, description=_SAID_OF["lower"], examples=[_SHOWN["lower"]]),
    ] = None,
    upper: Annotated[
        float | None,
        Form(**_BITS, description=_SAID_OF["upper"], examples=[_SHOWN["upper"]]),
    ] = None,
) -> Response:
    """What is not sent stays as it is in force. Queued work links everything by it in memory
    and changes nothing; watch it at `Location`.
    """
    _check_names(write)
    _check_order(write, lower, upper, other_rules=rules is not None)
    with _told_of("rules"):
        files = None if rules is None else read_rules_zip(rules.file.read())
    with _told_of("model"):
        text = None if model is None else _text(model)
    wanted = Wanted(files=files, model=text, lower=lower, upper=upper)
    if wanted == Wanted():
        message = "send at least one of rules, model, lower and upper"
        errors = [{"place": f"body.{name}", "message": message} for name in _TRIED]
        raise Problem("refused", "Nothing is to be tried.", errors=errors)
    try:
        number = ask_for_preview(write.connection, wanted, by=write.caller.name, now=write.now)
    except DataError as error:
        raise Problem("refused", str(error)) from None
    view = _require(write, number)
    headers = {"Location": f"/v1/previews/{number}", "ETag": _etag(view)}
    return write.answer(_model(write, view), 202, headers)


@router.get(
    "/previews/{preview}",
    summary="Get a preview",
    responses={**asking("not-found"), **UNCHANGED},
)
def get_preview(
    preview: Number,
    access: Annotated[Access, reads(Permission.CHANGE_RULES, personal=False)],
    response: Response,
    known: IfChanged = None,
) -> PreviewModel:
    """Send the ETag that it has once it is done back to commit it."""
    view = _require(access, preview)
    over = is_over(view.job) and is_over(view.commit_job)
    tell_state(response, _etag(view), known if over else None)
    return _model(access, view)


@router.post(
    "/previews/{preview}/commit",
    summary="Put what was tried in force",
    status_code=202,
    response_model=PreviewModel,
    responses={
        **acting("not-found", "conflict", "stale", "precondition-required"),
        202: {"headers": {**LOCATED, **TAGGED}},
    },
)
def commit_previewed(preview: Number, write: Writing, if_match: IfMatch = None) -> Response:
    """Queued work links everything by it, in one run; watch it at `Location`. 412 if there was
    another run since the preview was made: make it again.
    """
    view = _require(write, preview)
    if if_match is None:
        raise Problem("precondition-required")
    if view.last_run != view.after_run:
        raise Problem("stale", "There was another run since; make another preview.")
    if view.job.state != JobState.DONE or view.found is None:
        raise Problem("conflict", "The preview is not done, or failed; see its job.")
    if view.commit_job is not None and view.commit_job.state not in (
        JobState.FAILED,
        JobState.CANCELLED,
    ):
        raise Problem("conflict", "This was committed already.")
    require_match(if_match, _etag(view))
    commit_preview(write.connection, preview, by=write.caller.name, now=write.now)
    view = _require(write, preview)
    location = {"Location": f"/v1/previews/{preview}", "ETag": _etag(view)}
    return write.answer(_model(write, view), 202, location)


@router.delete(
    "/previews/{preview}",
    summary="Discard a preview",
    status_code=204,
    responses=acting("not-found", "conflict"),
)
def delete_preview(preview: Number, write: Writing) -> Response:
    """Work on it is stopped. One that is being put in force cannot be discarded; cancel its
    job first.
    """
    view = _require(write, preview)
    if view.commit_job is not None and view.commit_job.state in (
        JobState.QUEUED,
        JobState.RUNNING,
    ):
        raise Problem("conflict", "This is being put in force.")
    discard_preview(write.connection, preview, by=write.caller.name, now=write.now)
    return write.answer(None, 204)


def _check_names(access: Access) -> None:
    """Raises Problem for a field that would be passed over: an unknown one, or a second."""
    form = getattr(access.request, "_form", None)
    names = [name for name, _ in form.multi_items()] if isinstance(form, FormData) else []
    unknown = [name for name in dict.fromkeys(names) if name not in _TRIED]
    if unknown:
        message = "there is no such field"
        errors = [{"place": f"body.{name}", "message": message} for name in unknown]
        raise Problem("invalid", errors=errors)
    if len(set(names)) < len(names):
        raise Problem("bad-request", "Name each field of the form once.")


def _check_order(
    access: Access, lower: float | None, upper: float | None, *, other_rules: bool
) -> None:
    """Raises Problem if the thresholds cross; those of rules that are sent are not known yet."""
    standing = Standing.at(access.connection)
    if standing is not None and not other_rules:
        known = standing.matching.thresholds
        lower = known.lower if lower is None else lower
        upper = known.upper if upper is None else upper
    if lower is not None and upper is not None and lower > upper:
        invalid("body.lower", "the lower threshold would be above the upper one")


@contextmanager
def _told_of(part: str) -> Iterator[None]:
    """Raises Problem, about this part of the form, if it cannot be read."""
    try:
        yield
    except PreviewError as error:
        errors = [{"place": f"body.{part}", "message": str(error)}]
        raise Problem("refused", str(error), errors=errors) from None


def _text(model: UploadFile) -> str:
    content = model.file.read(_LARGEST_MODEL + 1)
    if len(content) > _LARGEST_MODEL:
        raise Problem("too-large")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise PreviewError("a model is written in UTF-8") from None
    if "\x00" in text or not text.strip():
        raise PreviewError("send a model as YAML")
    return text


def _require(access: Access, preview: int) -> PreviewView:
    found = find_preview(access.connection, preview)
    if found is None:
        raise Problem("not-found")
    return found


def _etag(view: PreviewView) -> str:
    jobs = [state_of_job(job) for job in (view.job, view.commit_job)]
    return etag("preview", view.id, view.last_run, jobs)


def _model(access: Access, view: PreviewView) -> PreviewModel:
    names = set(PreviewModel.model_fields) - {"found", "job", "commit_job"}
    return PreviewModel(
        **{name: getattr(view, name) for name in names},
        found=None if view.found is None else _found(access, dict(view.found)),
        job=job_model(view.job),
        commit_job=None if view.commit_job is None else job_model(view.commit_job),
    )


def _found(access: Access, found: dict[str, Any]) -> Found:
    profile, measures = disclosure_of(access), [dict(one) for one in found["measures"]]
    for side in ("before", "after"):
        known = [one for one in measures if one[side]]
        for one, model in zip(
            known, measure_models([one[side] for one in known], profile), strict=True
        ):
            one[side] = model
    return Found(**{**found, "measures": measures})
