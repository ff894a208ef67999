"""Queued work: how far it is, and stopping it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError

from api.db.models import JobState
from api.rest.access import Access
from api.rest.allowed import KeyHeader, reads
from api.rest.guarding import GuardedRoute
from api.rest.problems import Problem, acting, asking
from api.services.access.roles import Permission
from api.services.jobs import find_job
from api.services.work import JobView, cancel, jobs_by_id

router = APIRouter(route_class=GuardedRoute, tags=["jobs"])

Number = Annotated[
    int,
    Path(
        ge=0,
        lt=2**63,
        description="Its number, as `job` of what it was queued for has it.",
        examples=[12],
    ),
]


class JobModel(BaseModel):
    """A piece of queued work. It holds ids and counts, nothing personal."""

    id: int = Field(description="Its number.", examples=[7])
    kind: str = Field(
        description="What is done: `ingest` an extract, `link`, `export`, `measures`, `preview`, "
        "and so on.",
        examples=["ingest"],
    )
    state: JobState = Field(
        description="`done`, `failed` and `cancelled` are ends; `problem` says why it failed."
    )
    by: str = Field(examples=["nursery-system"], description="Who asked for it.")
    created_at: datetime = Field(description="When it was asked for, in UTC.")
    started_at: datetime | None = Field(
        description="When its last attempt began; null before the first."
    )
    finished_at: datetime | None = Field(description="When it came to its end; null before.")
    attempts: int = Field(description="How often it was begun.", examples=[1])
    stage: str | None = Field(description="What it is at.", examples=["compare and weigh"])
    done: int | None = Field(description="How much of the stage is done, of `total`.")
    total: int | None = Field(
        description="How much there is to do in the stage; null where it cannot be told."
    )
    seconds_left: int | None = Field(description="Of the stage, as far as can be told.")
    cancel_asked: bool = Field(description="Whether somebody wants it stopped.")
    outcome: dict[str, Any] | None = Field(
        description="What came of it, by its kind: ids and counts. Null until it is done.",
        examples=[{"extract": 12, "runs": [5]}],
    )
    problem: str | None = Field(description="Why it failed.")


def job_model(view: JobView) -> JobModel:
    """As it is told."""
    return JobModel(**{name: getattr(view, name) for name in JobModel.model_fields})


def is_over(job: JobView | None) -> bool:
    """Whether nothing more comes of it."""
    return job is None or job.state not in (JobState.QUEUED, JobState.RUNNING)


def state_of_job(job: JobView | None) -> list[Any]:
    """What of a job makes another state of what it was queued for: that it is over, not how far."""
    if job is None:
        return []
    return [job.id, str(job.state), job.finished_at] if is_over(job) else [job.id]


@router.get("/jobs/{job}", summary="Get queued work", responses=asking("not-found"))
def get_job(
    job: Number, access: Annotated[Access, reads(Permission.READ_RUNS, personal=False)]
) -> JobModel:
    """Where it stands; ask again until its state is done, failed or cancelled. A key for some
    sources is told of no work on extracts of others.
    """
    return job_model(_require(access, job))


@router.post(
    "/jobs/{job}/cancel",
    summary="Cancel queued work",
    status_code=202,
    responses=acting("not-found", "conflict"),
)
def cancel_job(
    job: Number,
    access: Annotated[Access, reads(Permission.BRING_EXTRACTS, personal=False)],
    _key: KeyHeader = None,
) -> JobModel:
    """At once if it waits, else as soon as its worker hears of it; nothing of it is kept then.

    Work that somebody else asked for can be cancelled by who may decide on extracts (403). What is
    cancelled already stays so, so the same request again has no second effect.
    """
    found = _require(access, job)
    if found.by != access.caller.name and not access.caller.may(Permission.DECIDE_EXTRACTS):
        detail = "Whoever asked for this work may cancel it, and who may decide on extracts."
        raise Problem("forbidden", detail)
    if found.state != JobState.CANCELLED and not found.cancel_asked:
        _cancel(access, job)
    # What is known of it now is in another state of the database than this request sees.
    with access.service.engine.connect() as connection:
        return job_model(jobs_by_id(connection, [job])[job])


def _cancel(access: Access, job: int) -> None:
    try:
        cancelled = cancel(access.service.engine, job)
    except OperationalError as error:
        if "locked" not in str(error.orig):
            raise
        raise Problem("busy", headers={"Retry-After": "10"}) from None
    if not cancelled:
        raise Problem("conflict", "This work is over.")


def _require(access: Access, job: int) -> JobView:
    found = find_job(access.connection, job, sources=access.caller.sources)
    if found is None:
        raise Problem("not-found")
    return found
