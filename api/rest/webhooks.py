"""Webhooks: being told of events as they come, instead of asking."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from api.db.aside import writing_aside
from api.db.engine import reading
from api.rest.access import Access, Write
from api.rest.allowed import reads, writes
from api.rest.bodies import Body, named, whole
from api.rest.etags import LOCATED
from api.rest.events import EventKind
from api.rest.guarding import GuardedRoute
from api.rest.paging import Cursor, Limit, Page, next_page, place_of
from api.rest.problems import Problem, acting, asking
from api.rest.text import Text
from api.services.access.roles import Permission
from api.services.register.feed_places import Places
from api.services.targets import TargetError
from api.services.webhooks import (
    DeliveryView,
    TooManyWebhooksError,
    WebhookView,
    dead_letters,
    drop_webhook,
    find_webhook,
    how_far,
    keep_webhook,
    list_webhooks,
    retry_dead_letters,
    send_now,
)

router = APIRouter(route_class=GuardedRoute, tags=["webhooks"])

Number = Annotated[
    int, Path(ge=0, lt=2**63, description="Its number, as the list has it.", examples=[12])
]
DeliveryNumber = Annotated[
    int,
    Path(
        ge=0, lt=2**63, description="Its number, as the list of dead letters has it.", examples=[12]
    ),
]
Reading = Annotated[Access, reads(Permission.KEEP_WEBHOOKS, personal=False)]
Writing = Annotated[Write, writes(Permission.KEEP_WEBHOOKS, personal=False)]
Keeping = Annotated[Write, writes(Permission.KEEP_WEBHOOKS)]


class NewWebhook(Body):
    """Where to, and what of."""

    model_config = whole(
        {
            "url": "https://nursery.example.org/register-events",
            "kinds": ["record_linked", "record_unlinked"],
        }
    )

    url: Text = Field(
        description="An https:// address outside of this service's own network.",
        examples=["https://nursery.example.org/register-events"],
    )
    kinds: list[Annotated[EventKind, named]] = Field(
        [], max_length=8, description="Kinds of events; all if none is named."
    )


class WebhookModel(BaseModel):
    """A webhook of the caller."""

    id: int = Field(description="Its number.", examples=[3])
    url: str = Field(
        description="Where deliveries are sent to.",
        examples=["https://nursery.example.org/register-events"],
    )
    kinds: list[EventKind] = Field(
        description="Kinds of events that it is told of; all if none is named."
    )
    purpose: str = Field(
        description="It is told of what you may see for this purpose.", examples=["early_years"]
    )
    after_event: str | None = Field(
        description="It is told of events after this place, an `after` of `/v1/events`; null if "
        "nothing had been linked.",
        examples=["b4c2e1f09a7d4386a15bd0c3f8e27196"],
    )
    created_at: datetime = Field(description="When, in UTC.")


class WebhookInFull(WebhookModel):
    """With how far it is."""

    last_tried_at: datetime | None = Field(description="When something was last sent.")
    last_problem: str | None = Field(
        description="What went wrong then; null if nothing did.", examples=["answered 500"]
    )
    waiting: int = Field(
        description="Deliveries that are under way or to be tried again.", examples=[1]
    )
    next_attempt_at: datetime | None = Field(description="Of the first that waits.")
    dead_letters: int = Field(description="Deliveries that were given up.", examples=[0])
    events_ahead: int = Field(
        description="Events to be told that are in no delivery yet, among the next 1000.",
        examples=[12],
    )


class WebhookWithSecret(WebhookModel):
    """With what its deliveries are signed with; this is told once."""

    secret: str = Field(
        description="All of it, with `whsec_`, is the key of the signatures.",
        examples=["whsec_hC4uKBrrmbGiDvNnRZo8pXkqLkzb0R5zk0pMQ5yUj2s"],
    )


class WebhookPage(Page):
    """Webhooks of the caller, oldest first."""

    items: list[WebhookModel]


class DeadLetter(BaseModel):
    """Events after one place, until another, that could not be delivered and were given up."""

    id: int = Field(examples=[9], description="The delivery's number, as in its header Webhook-Id.")
    after_event: str = Field(
        description="An `after` of `/v1/events`, with which to ask for them.",
        examples=["03f1a86e5bd24c79b0e5d41c8a97f263"],
    )
    until_event: str = Field(
        description="An `after` too: of what comes next.",
        examples=["e29d70b45c8e4f1f86a3c5b7d1049f32"],
    )
    attempts: int = Field(description="How often it was sent.", examples=[12])
    tried_at: datetime | None = Field(description="When last, in UTC.")
    problem: str | None = Field(description="What went wrong then.", examples=["answered 500"])


class DeadLetterPage(Page):
    """Dead letters, oldest first."""

    items: list[DeadLetter]


class Retried(BaseModel):
    """How many deliveries are sent again now."""

    retried: int = Field(description="How many there were.", examples=[2])


@router.post(
    "/webhooks",
    summary="Be told of events",
    status_code=201,
    response_model=WebhookWithSecret,
    responses={**acting("refused", "conflict"), 201: {"headers": LOCATED}},
)
def post_webhook(new: NewWebhook, write: Keeping) -> Response:
    """From now on events are sent to the address, in their order and at least once, signed
    with the secret that this tells, once. They are those that `/v1/events` would tell you of for
    the purpose of this request, decided anew when each delivery is sent.

    A delivery holds ids only: `{"webhook": 3, "delivery": 9, "events": [{"id":
    "5d41402abc4b2a76b9719d911017c592", "run": 5, "kind": "record_linked", "child_id":
    "7K3M9QX2RT4VA"}]}`. Its header `Webhook-Signature` is
    `t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA256 of `SECONDS.BODY` with the secret. Answer
    with a status from 200 to 299 within ten seconds.
    """
    try:
        view, secret = keep_webhook(
            write.connection,
            url=new.url,
            kinds=[str(kind) for kind in new.kinds],
            by=write.caller,
            now=write.now,
            local=write.service.local,
        )
    except TargetError as error:
        raise Problem("refused", str(error)) from None
    except TooManyWebhooksError:
        raise Problem("conflict", "You keep as many webhooks as you may; drop one.") from None
    model = WebhookWithSecret(**_model(view, _places(write)).model_dump(), secret=secret)
    return write.answer(model, 201, {"Location": f"/v1/webhooks/{view.id}"})


@router.get("/webhooks", summary="List your webhooks", responses=asking("bad-cursor"))
def get_webhooks(
    access: Reading, request: Request, response: Response, cursor: Cursor = None, limit: Limit = 50
) -> WebhookPage:
    """Those of the caller."""
    places = _places(access)
    place = place_of(access.request, cursor, int)
    found = list_webhooks(
        access.connection, access.caller.name, place[0] if place else 0, limit + 1
    )
    page, link = next_page(request, response, found, limit, lambda one: [one.id])
    return WebhookPage(next=link, items=[_model(view, places) for view in page])


@router.get("/webhooks/{webhook}", summary="Get a webhook", responses=asking("not-found"))
def get_webhook(webhook: Number, access: Reading) -> WebhookInFull:
    """With what became of the last delivery, and what is still to come; without its secret."""
    view = _require(access, webhook)
    with reading(access.service.aside) as aside:
        found = how_far(access.connection, aside, view, access.now)
    return WebhookInFull(
        **_model(view, _places(access)).model_dump(),
        last_tried_at=found.tried_at,
        last_problem=found.problem,
        waiting=found.waiting,
        next_attempt_at=found.next_at,
        dead_letters=found.dead,
        events_ahead=found.ahead,
    )


@router.delete(
    "/webhooks/{webhook}",
    summary="Be told no more",
    status_code=204,
    responses=acting("not-found"),
)
def delete_webhook(webhook: Number, write: Writing) -> Response:
    """What is on its way may still arrive."""
    if not drop_webhook(write.connection, webhook, by=write.caller.name, now=write.now):
        raise Problem("not-found")
    return write.answer(None, 204)


@router.get(
    "/webhooks/{webhook}/dead-letters",
    summary="List what could not be delivered",
    responses=asking("not-found", "bad-cursor"),
)
def get_dead_letters(
    webhook: Number,
    access: Reading,
    request: Request,
    response: Response,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DeadLetterPage:
    """Deliveries that failed twelve times. Newer events have gone on meanwhile."""
    _require(access, webhook)
    places = _places(access)
    place = place_of(access.request, cursor, int)
    with reading(access.service.aside) as aside:
        found = dead_letters(aside, webhook, place[0] if place else 0, limit + 1)
    page, link = next_page(request, response, found, limit, lambda one: [one.id])
    return DeadLetterPage(next=link, items=[_letter(one, places) for one in page])


@router.post(
    "/webhooks/{webhook}/retry",
    summary="Send now what could not be delivered",
    status_code=202,
    response_model=Retried,
    responses={**acting("not-found"), 202: {"headers": LOCATED}},
)
def retry_webhook(webhook: Number, write: Writing) -> Response:
    """Dead letters, and what waits for its next attempt: in their order, before what is newer."""
    _require(write, webhook)
    with writing_aside(write.service.engine, write.connection) as aside:
        count = send_now(aside, webhook, write.now)
        count += retry_dead_letters(aside, webhook, write.now)
    return write.answer(Retried(retried=count), 202, {"Location": f"/v1/webhooks/{webhook}"})


@router.post(
    "/webhooks/{webhook}/dead-letters/{delivery}/retry",
    summary="Try one again that could not be delivered",
    status_code=202,
    response_model=Retried,
    responses={**acting("not-found"), 202: {"headers": LOCATED}},
)
def retry_dead_letter(webhook: Number, delivery: DeliveryNumber, write: Writing) -> Response:
    """Before what is newer."""
    _require(write, webhook)
    with writing_aside(write.service.engine, write.connection) as aside:
        count = retry_dead_letters(aside, webhook, write.now, only=delivery)
    if count == 0:
        raise Problem("not-found")
    return write.answer(Retried(retried=count), 202, {"Location": f"/v1/webhooks/{webhook}"})


def _require(access: Access, webhook: int) -> WebhookView:
    found = find_webhook(access.connection, webhook, access.caller.name)
    if found is None:
        raise Problem("not-found")
    return found


def _places(access: Access) -> Places | None:
    return Places.of(access.connection)


def _model(view: WebhookView, places: Places | None) -> WebhookModel:
    said = {name: getattr(view, name) for name in WebhookModel.model_fields}
    after = None if places is None else places.of_webhook(view.after_event, view.id)
    return WebhookModel(**{**said, "after_event": after})


def _letter(view: DeliveryView, places: Places | None) -> DeadLetter:
    assert places is not None, "there are events that were not delivered"
    said = {name: getattr(view, name) for name in DeadLetter.model_fields}
    for name in ("after_event", "until_event"):
        said[name] = places.of_delivery(said[name], view.id)
    return DeadLetter(**said)
