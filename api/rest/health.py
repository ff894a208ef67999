"""Whether the service lives and is ready, and its metrics; nothing personal, no key needed."""

import shutil
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from api.db.errors import DatabaseError
from api.db.schema import current, head
from api.rest.service import Serving
from api.services.work import worker_lives

router = APIRouter(tags=["health"])

_SHOWN = 'matcher_requests_total{method="GET",route="/v1/runs",status="200"} 1.0'
# Less free space than this, in bytes, and the service says it is not ready.
_SPACE = 512 * 1024**2


class Health(BaseModel):
    """That the process answers."""

    status: str = Field(default="ok", description="`ok`.")


class Readiness(BaseModel):
    """Each thing that work depends on, and whether it is in order."""

    ready: bool = Field(description="Whether all of it is.")
    migration: bool = Field(description="Whether the database's tables are those of this version.")
    worker: bool = Field(description="Whether a worker lives.")
    disk: bool = Field(description="Whether there is space for uploads.")


@router.get("/healthz", summary="Whether the process answers")
def healthz() -> Health:
    """Always the same while the process lives."""
    return Health()


def readiness(service: Serving) -> Readiness:
    """Looks at the database's tables, the worker's heartbeat, and free space."""
    try:
        migration = current(service.engine) == head()
        worker = worker_lives(service.engine)
    except DatabaseError:
        migration = worker = False
    disk = shutil.disk_usage(service.uploads).free > _SPACE
    return Readiness(
        ready=migration and worker and disk, migration=migration, worker=worker, disk=disk
    )


@router.get(
    "/readyz",
    summary="Whether the service can do its work",
    responses={503: {"model": Readiness, "description": "Something is not in order"}},
)
def readyz(found: Annotated[Readiness, Depends(readiness)], response: Response) -> Readiness:
    """503 while something is missing; the answer says what."""
    response.status_code = 200 if found.ready else 503
    return found


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": _SHOWN}}}},
)
def metrics(request: Request) -> Response:
    """Counts and times by route template."""
    return Response(
        generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST
    )
