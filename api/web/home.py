"""The home page: what needs somebody, for those who may do something about it."""

from typing import Annotated

from fastapi import Request, Response

from api.rest.access import Access
from api.services.access.roles import Permission
from api.services.attention import dates_of_sources, oldest_waiting
from api.services.register.kept_rules import rules_in_force
from api.services.review.waiting import waiting_for_seniors
from api.services.status import status
from api.web.access import page_router, signed_in
from api.web.pages import page
from api.web.review_part import COUNTED

router = page_router()


@router.get("/")
def home_page(request: Request, visit: Annotated[Access, signed_in(personal=False)]) -> Response:
    """Counts, ages and dates; nothing personal."""
    settles = visit.caller.may(Permission.SETTLE_REVIEWS)
    found = status(visit.connection, doubted=settles)
    since = oldest_waiting(visit.connection)
    senior = None
    if settles:
        senior = waiting_for_seniors(visit.connection, visit.caller.name, at_most=COUNTED)
    loading = rules_in_force(visit.connection, visit.service.offered).book.loading
    return page(
        request,
        "home/home.html",
        title="Home",
        found=found,
        waiting_seconds=(visit.now - since).total_seconds() if since else None,
        senior=senior,
        counted=COUNTED,
        overdue_after=loading.overdue_after,
        dates=dates_of_sources(
            visit.connection, visit.now.date(), overdue_after=loading.overdue_after
        ),
    )
