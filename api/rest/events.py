"""The change feed: what happened to children and records, in order, from any place on."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.db.engine import reading
from api.rest.access import Access
from api.rest.allowed import Allowed, Bearer, PurposeHeader, check, reads
from api.rest.guarding import GuardedRoute
from api.rest.newest import LOOK_EVERY
from api.rest.problems import Problem, asking
from api.rest.service import Service, Serving
from api.services.access.roles import Permission
from api.services.register.feed import EVENT_KINDS, read_feed
from api.services.register.feed_places import START, Place, Places, UnknownPlaceError
from api.services.register.seen_events import FeedEvent

router = APIRouter(route_class=GuardedRoute, tags=["events"])

LONGEST_POLL = 30.0

EventKind = StrEnum("EventKind", {kind.upper(): kind for kind in EVENT_KINDS})  # type: ignore[misc]
# Any text: whatever is not one of ours is the same problem.
After = Annotated[
    str | None,
    Query(
        description="Only events after this place: the `after` of an answer, or the id of an "
        "event. Leave it out to begin at the start.",
    ),
]
Kinds = Annotated[
    list[EventKind], Query(max_length=8, description="Only of this kind; may be repeated.")
]
LongPoll = Annotated[
    float,
    Query(
        alias="long-poll",
        ge=0,
        le=LONGEST_POLL,
        allow_inf_nan=False,
        description="If nothing happened since, wait up to so many seconds until something does.",
    ),
]


class EventDetail(BaseModel):
    """What more there is to say: ids of children, names of fields; no values."""

    fields: list[str] | None = Field(None, description="Of values_changed: which fields.")
    successor: str | None = Field(None, description="Of child_split: the child split off.")
    successors: list[str] | None = Field(None, description="Of child_merged: where to.")
    erased: int | None = Field(
        None, description="The record was erased, as this number: erase what you keep of it."
    )


class EventModel(BaseModel):
    """One event. `source` and `record_id` are those of record_linked and record_unlinked.

    `id` tells events apart, and stays; it says nothing of their order or number.
    """

    id: str = Field(
        description="Tells events apart; an `after` too.",
        examples=["5d41402abc4b2a76b9719d911017c592"],
    )
    run: int = Field(description="The run in which it happened.", examples=[5])
    at: datetime = Field(description="When that run was, in UTC.")
    kind: EventKind = Field(
        description="What happened. `record_linked` and `record_unlinked`: a record came to the "
        "child, or left it. `child_split`: some of its records went to `successor`. "
        "`child_merged`: all went to `successors`. `child_emptied`: it has no record "
        "any more. `child_restored`: it came back. `values_changed`: its golden record "
        "did."
    )
    child_id: str = Field(description="The child that it is about.", examples=["7K3M9QX2RT4VA"])
    source: str | None = Field(
        None, description="The source of the record; null of other kinds.", examples=["estart"]
    )
    record_id: str | None = Field(
        None, description="The record's id there; null of other kinds.", examples=["10482"]
    )
    detail: EventDetail | None = Field(None, description="Null if there is no more to say.")


class EventPage(BaseModel):
    """Events in their order, which may be none although there are newer ones.

    Keep ``after`` and ask from there the next time, whether or not the page has any.
    """

    items: list[EventModel]
    after: str | None = Field(
        description="Up to where this goes; null while nothing was ever linked.",
        examples=["7d793037a0760186574b0282f2f435e7"],
    )
    next: str | None = Field(
        None,
        description="Address of the next page; none if there are no more for now.",
        examples=["/v1/events?after=7d793037a0760186574b0282f2f435e7&limit=100"],
    )


class Waits:
    """A dependency that waits for a run, with neither thread nor connection meanwhile."""

    def __init__(self, allowed: Allowed) -> None:
        self.allowed = allowed

    async def __call__(
        self,
        request: Request,
        service: Serving,
        bearer: Bearer,
        purpose: PurposeHeader = None,
        after: After = None,
        long_poll: LongPoll = 0,
    ) -> AsyncIterator[None]:
        """FastAPI calls this before the route's function."""
        if long_poll:
            await run_in_threadpool(check, self.allowed, request, service, bearer, purpose)
            place = await run_in_threadpool(_looked_up, service, after)
            until = time.monotonic() + long_poll
            while await service.newest_run.number() <= place.run and time.monotonic() < until:
                await asyncio.sleep(min(LOOK_EVERY, max(0.0, until - time.monotonic())))
        yield


def _looked_up(service: Service, after: str | None) -> Place:
    with reading(service.engine) as connection:
        return _place(Places.of(connection), after)


def _place(places: Places | None, after: str | None) -> Place:
    """Raises Problem if it is none."""
    if after is None:
        return START
    try:
        if places is not None:
            return places.read(after)
    except UnknownPlaceError:
        pass
    raise Problem("bad-cursor")


@router.get("/events", summary="Follow the change feed", responses=asking("bad-cursor"))
def get_events(
    _waited: Annotated[None, Depends(Waits(Allowed(Permission.READ_EVENTS, personal=True)))],
    access: Annotated[Access, reads(Permission.READ_EVENTS)],
    request: Request,
    response: Response,
    after: After = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 100,
    kind: Kinds = [],  # noqa: B006 - FastAPI copies it
) -> EventPage:
    """Events come in their order and at least once: keep `after` only once what it leads to
    is done. Replaying all from the start gives the register, if a record that is linked is
    taken from the child that it was linked to before.

    Left out are events of records of sources that may not be seen for the purpose, or whose
    record ids may not be told for it. Of children all is told as if they had no records but those
    that may be seen: they begin and end with these, and a value changed if it did as it is shown.
    Left out as well is what would tell that two children, severed since (an adopted child's two
    identities), were once one: of their records only the link to the child that they belong to
    now is told.
    """
    places = Places.of(access.connection)
    place = _place(places, after)
    feed = read_feed(
        access.connection,
        after=place.number,
        ahead=place.ahead,
        limit=limit,
        kinds=[str(one) for one in kind],
        view=access.view,
    )
    access.saw(*(one.child_id for one in feed.events))
    link = None
    until = None if places is None else places.after(feed.until)
    if feed.more:
        url = request.url.include_query_params(after=until, limit=limit)
        link = f"{url.path}?{url.query}"
        response.headers["Link"] = f'<{link}>; rel="next"'
    ids = [] if places is None else places.events(feed.events)
    items = [_model(one, name) for one, name in zip(feed.events, ids, strict=True)]
    return EventPage(items=items, after=until, next=link)


def _model(event: FeedEvent, name: str) -> EventModel:
    values: dict[str, Any] = {
        name: getattr(event, name)
        for name in EventModel.model_fields
        if name not in ("id", "detail")
    }
    detail = None if event.detail is None else EventDetail(**event.detail)
    return EventModel(id=name, **values, detail=detail)
