"""Administration: where everything that stewards look after is found."""

from fastapi import Request, Response

from api.db.engine import reading
from api.db.models import JobState
from api.services.access.accounts import list_people
from api.services.access.agreements import agreed_sources
from api.services.webhooks import count_dead_letters, every_webhook
from api.services.work import unsettled
from api.web.access import page_router
from api.web.administration_keys import known_keys
from api.web.administration_parts import Visit
from api.web.pages import page

router = page_router()


@router.get("/administration")
def administration_page(request: Request, visit: Visit) -> Response:
    """Counts, and links to everything."""
    sources = agreed_sources(visit.connection, visit.now.date())
    jobs = unsettled(visit.connection)
    with reading(visit.service.aside) as aside:
        dead = sum(count_dead_letters(aside).values())
    return page(
        request,
        "administration/administration.html",
        title="Administration",
        people=sum(row.active for row in list_people(visit.connection)),
        keys=sum(key["state"] != "ended" for key in known_keys(visit)),
        sources=len(sources),
        closed=[one for one in sources if not one.is_open],
        webhooks=len(every_webhook(visit.connection)),
        dead=dead,
        waiting=sum(job.state != JobState.FAILED for job in jobs),
        failed=sum(job.state == JobState.FAILED for job in jobs),
    )
