"""The queue of pairs that wait for a person, and taking one of it."""

from typing import Annotated

from fastapi import Query, Request, Response

from api.db.engine import reading
from api.rest.paging import place_of, written
from api.rest.reviewing import reviewer_of, rules_of
from api.services.attention import oldest_waiting
from api.services.register.viewing import sources_with_records
from api.services.review import leases
from api.services.review.listing import queued
from api.services.review.sections import ADJUDICATION, REFERRED
from api.services.review.taking import take_pair
from api.services.review.waiting import counts_for
from api.web.access import page_router
from api.web.pages import page, see
from api.web.review_part import (
    CHOSEN,
    PartOfQueue,
    Visit,
    go_on,
    needed_rules,
    pair_of,
    words_for_templates,
)

router = page_router()

_PAGE = 25


@router.get("/review")
def queue_page(
    request: Request,
    visit: Visit,
    part: PartOfQueue,
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """How much waits and for how long, and the list of it in the order of handing out."""
    reviewer = reviewer_of(visit)
    # Forms send what is empty, too.
    place = place_of(request, after or None, int, float, int, int)
    items = []
    if rules_of(visit) is not None:
        items = queued(
            visit.connection,
            visit.service.aside,
            reviewer,
            now=visit.now,
            wanted=part.wanted,
            after=place,
            limit=_PAGE + 1,
        )
    shown = items[:_PAGE]
    visit.saw(*(f"record {record}" for item in shown for record in item.records))
    with reading(visit.service.aside) as beside:
        lease = leases.in_hand(beside, reviewer.by, visit.now)
    since = oldest_waiting(visit.connection)
    return page(
        request,
        "review/queue.html",
        title="Review queue",
        part=part,
        kinds=[kind for kind in CHOSEN if reviewer.senior or kind not in (REFERRED, ADJUDICATION)],
        sources=sources_with_records(visit.connection, visit.view.sources),
        counts=counts_for(visit.connection, reviewer),
        senior=reviewer.senior,
        waiting_seconds=(visit.now - since).total_seconds() if since else None,
        in_hand=lease.pair if lease else None,
        items=shown,
        later=bool(place),
        next=_address(part.query, written(request, shown[-1].place))
        if len(items) > _PAGE
        else None,
        **words_for_templates(),
    )


@router.post("/review/next")
def take_next_pair(request: Request, visit: Visit, part: PartOfQueue) -> Response:
    """The pair of which a decision is worth most; the one that they have, if they have one."""
    return go_on(request, visit, part)


@router.post("/review/pairs/{pair}/take")
def take_one_pair(request: Request, pair: str, visit: Visit, part: PartOfQueue) -> Response:
    """One pair of the queue; the one that they have is given back for it."""
    wanted = pair_of(pair)
    lease = take_pair(
        visit.connection,
        visit.service.aside,
        needed_rules(visit)[1],
        reviewer_of(visit),
        wanted,
        now=visit.now,
    )
    if lease is None:
        with reading(visit.service.aside) as beside:
            anothers = leases.is_anothers(beside, wanted, visit.caller.name, visit.now)
        return page(
            request,
            "review/lost.html",
            title="Somebody else has this pair now" if anothers else "This pair cannot be taken",
            status=409,
            part=part,
            pair=None,
            anothers=anothers,
            answered=None,
            decisions=[],
            why="",
        )
    return see(request, f"/review/pairs/{wanted}{part.query}")


def _address(query: str, after: str) -> str:
    return f"/review{query}{'&' if query else '?'}after={after}"
