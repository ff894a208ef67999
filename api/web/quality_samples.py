"""Precision and recall, estimated from pairs that were drawn at random and reviewed."""

import secrets
from typing import Annotated

from fastapi import Form, Request, Response

from api.db.models import JobState
from api.rest.access import Access, Write
from api.services.access.roles import Permission
from api.services.register.acts import ActError
from api.services.register.reading import last_run
from api.services.review.sampling import FEWEST, MOST, last_draw, quality_samples, queue_draw
from api.services.work import JobView, worker_lives
from api.web.access import page_router, signed_in
from api.web.pages import Instead, page, see
from api.web.quality import Visit
from api.web.text import sentence
from api.web.typed import Written
from matcher.evaluate.sampled import FEWEST_ANSWERS

router = page_router()

Draw = Annotated[Write, signed_in(Permission.SETTLE_REVIEWS, personal=False, writes=True)]

_USUAL = "300"
_STRATA = {
    "links_near": "Links, less than 3 bits above the upper threshold",
    "links_clear": "Links, 3 to 8 bits above the upper threshold",
    "links_strong": "Links, 8 bits above the upper threshold or more",
    "together": "Of one child, but linked through other records only",
    "waiting_low": "Possible links, in the lower half between the thresholds",
    "waiting_high": "Possible links, in the upper half between the thresholds or above",
    "apart": "Above the lower threshold, but kept apart by what they say",
    "behind": "Above the lower threshold, but behind another pair or with a rival",
    "below_near": "Less than 2 bits below the lower threshold",
    "below_far": "Further below the lower threshold, as far as pairs are kept",
}


@router.get("/quality/samples")
def samples_page(request: Request, visit: Visit) -> Response:
    """What the samples say, stratum by stratum, and drawing another one.

    htmx asks for it again while one is being drawn, and is sent here anew once it is there.
    """
    job = last_draw(visit.connection)
    if not _is_drawing(job) and request.headers.get("HX-Request") == "true":
        return see(request, "/quality/samples")
    return _page(request, visit, _USUAL)


@router.post("/quality/samples")
def draw(request: Request, change: Draw, size: Annotated[Written, Form()] = "") -> Response:
    """Have a sample drawn, which reviewers are handed from then on."""
    digits = size.strip().replace(",", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        errors = {"size": f"Enter how many pairs to draw, from {FEWEST} to {MOST:,}"}
        raise Instead(_page(request, change, size, errors))
    try:
        queue_draw(
            change.connection,
            size=int(digits),
            seed=secrets.randbelow(2**31),
            by=change.caller.name,
        )
    except ActError as error:
        raise Instead(_page(request, change, size, {"size": sentence(str(error))})) from None
    return see(request, "/quality/samples")


def _is_drawing(job: JobView | None) -> bool:
    return job is not None and job.state in (JobState.QUEUED, JobState.RUNNING)


def _page(
    request: Request, visit: Access, size: str, errors: dict[str, str] | None = None
) -> Response:
    job = last_draw(visit.connection)
    drawing = _is_drawing(job)
    return page(
        request,
        "quality/samples.html",
        title="Linkage quality: precision and recall",
        status=422 if errors else 200,
        errors=errors,
        latest=last_run(visit.connection),
        samples=quality_samples(visit.connection),
        job=job,
        drawing=drawing,
        no_worker=drawing and not worker_lives(visit.connection.engine),
        strata=_STRATA,
        size=size,
        fewest=FEWEST_ANSWERS,
        limits=(FEWEST, MOST),
    )
