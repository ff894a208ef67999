"""The home page: what needs somebody, for those who may do something about it."""

from typing import Annotated

from fastapi import Request, Response

from api.rest.access import Access
from api.services.attention import oldest_waiting, overdue
from api.services.status import status
from api.web.access import page_router, signed_in
from api.web.pages import page

router = page_router()


@router.get("/")
def home_page(request: Request, visit: Annotated[Access, signed_in(personal=False)]) -> Response:
    """Counts, ages and dates; nothing personal."""
    found = status(visit.connection)
    since = oldest_waiting(visit.connection)
    return page(
        request,
        "home/home.html",
        title="Home",
        found=found,
        waiting_seconds=(visit.now - since).total_seconds() if since else None,
        overdue=overdue(visit.connection, visit.now.date()),
    )
