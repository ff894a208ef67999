"""Review: what waits, and how those who review do."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.rest.access import Access
from api.rest.allowed import reads
from api.rest.asking import invalid
from api.rest.guarding import GuardedRoute
from api.rest.paging import Cursor, Limit, next_page, place_of
from api.rest.problems import asking
from api.rest.review_list_models import (
    QueuePage,
    ReviewerList,
    queued_model,
    reviewer_model,
)
from api.rest.review_models import (
    Kind,
)
from api.rest.reviewing import reviewer_of
from api.rest.text import SourceName
from api.services.access.roles import Permission
from api.services.review.listing import queued
from api.services.review.reviewers import ReviewerWeek, reviewer_weeks, reviewers_overall
from api.services.review.waiting import Wanted

router = APIRouter(route_class=GuardedRoute, prefix="/review", tags=["review"])

_WEEKS = timedelta(weeks=26)
_BITS: dict[str, Any] = {"ge": -1000, "le": 1000, "allow_inf_nan": False}
AtLeast = Annotated[float | None, Query(description="Of this weight or more, in bits.", **_BITS)]
AtMost = Annotated[float | None, Query(description="Of this weight or less, in bits.", **_BITS)]


@router.get("/queue", summary="List what waits", responses=asking("bad-cursor"))
def list_queue(
    request: Request,
    response: Response,
    access: Annotated[Access, reads(Permission.REVIEW_PAIRS)],
    kind: Annotated[Kind | None, Query(description="Only what waits for this reason.")] = None,
    source: Annotated[SourceName | None, Query(description="One record is of it.")] = None,
    at_least: AtLeast = None,
    at_most: AtMost = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> QueuePage:
    """What waits for you, in the order in which it is handed out, where others may come between
    that measure quality: for senior reviewers what was
    referred to them and answers that differ; conflicts; decisions on values that changed;
    possible links of which a decision is worth most. `at_least` and `at_most` bound the
    weight, in bits.
    """
    if at_least is not None and at_most is not None and at_most < at_least:
        invalid("query.at_most", "this is less than at_least, so that nothing can be between")
    items = queued(
        access.connection,
        access.service.aside,
        reviewer_of(access),
        now=access.now,
        wanted=Wanted(kind=kind, source=source, at_least=at_least, at_most=at_most),
        after=place_of(access.request, cursor, int, float, int, int),
        limit=limit + 1,
    )
    page, address = next_page(request, response, items, limit, lambda item: item.place)
    access.saw(*(f"record {record}" for item in page for record in item.records))
    return QueuePage(items=[queued_model(item) for item in page], next=address)


@router.get("/reviewers", summary="See how reviewers do", responses=asking("bad-cursor"))
def list_reviewers(
    request: Request,
    response: Response,
    access: Annotated[Access, reads(Permission.SETTLE_REVIEWS, personal=False)],
    cursor: Cursor = None,
    limit: Limit = 100,
) -> ReviewerList:
    """Pace, agreement with a second person, and answers to known pairs, of the last 26 weeks."""
    after = place_of(access.request, cursor, int, str)
    since = access.now - _WEEKS
    weeks = reviewer_weeks(access.connection, since=since)
    rest = [one for one in weeks if after is None or _place(one) > after]
    page, link = next_page(request, response, rest[: limit + 1], limit, _place)
    named = {one.by for one in page}
    overall = reviewers_overall(access.connection, since=since)
    return ReviewerList(
        next=link,
        items=[reviewer_model(one) for one in page],
        overall=[reviewer_model(one) for one in overall if one.by in named],
    )


def _place(one: ReviewerWeek) -> tuple[int, str]:
    """Where a reviewer's week stands in the list: the latest first, then by name."""
    return (0 if one.week is None else -one.week.toordinal(), one.by)
