"""Work on an extract that is under way or was given up: stopping it, and doing it again."""

from typing import Annotated

from fastapi import Request, Response
from sqlalchemy.exc import OperationalError

from api.db.models import JobState
from api.rest.access import Access, Write
from api.rest.problems import Problem
from api.services.access.roles import Permission
from api.services.work import cancel, retry
from api.web.access import page_router, signed_in
from api.web.extracts import Number, find, is_under_way
from api.web.pages import Instead, see

router = page_router()

# Without a transaction: what runs may hold the only one that there is.
Stopping = Annotated[Access, signed_in(Permission.BRING_EXTRACTS, personal=False)]
Bringing = Annotated[Write, signed_in(Permission.BRING_EXTRACTS, personal=False, writes=True)]


@router.post("/extracts/{extract}/cancel")
def cancel_here(request: Request, extract: Number, visit: Stopping) -> Response:
    """Stops work that this person asked for, or any of those who decide on extracts."""
    view = find(visit, extract)
    where = f"/extracts/{extract}"
    if view.job is None or not is_under_way(view):
        return see(request, where, said="There was nothing left to stop.")
    if view.job.by != visit.caller.name and not visit.caller.may(Permission.DECIDE_EXTRACTS):
        raise Problem("forbidden")
    try:
        stopped = cancel(visit.service.engine, view.job.id)
    except OperationalError as error:
        if "locked" not in str(error.orig):
            raise
        raise Problem("busy") from None
    said = "The work is being stopped." if stopped else "There was nothing left to stop."
    return see(request, where, said=said)


@router.post("/extracts/{extract}/retry")
def retry_here(request: Request, extract: Number, change: Bringing) -> Response:
    """Has work done again that failed or was stopped."""
    view = find(change, extract)
    where = f"/extracts/{extract}"
    given_up = (JobState.FAILED, JobState.CANCELLED)
    if view.job is None or view.job.state not in given_up:
        raise Instead(see(request, where))
    retry(change.connection, view.job.id)
    return see(request, where, said="The work is done again.")
