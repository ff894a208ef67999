"""Addresses that are told of events: who keeps them, and what is sent to them.

What is sent are ids: of events, their runs and their children, of those events that the keeper
would be told of by the feed at that moment. Whoever wants to know more asks for it and is shown
what it may see.
"""

import hashlib
import hmac
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from api.db.models import Webhook, WebhookDelivery
from api.db.tables import in_utc
from api.services.access.audit import note_act
from api.services.access.caller import Caller
from api.services.access.keepers import keepers
from api.services.access.policy import read_terms, view_of
from api.services.access.roles import Permission
from api.services.access.tokens import new_secret
from api.services.register.feed import newest_event, read_feed
from api.services.register.feed_places import Places
from api.services.register.seen_events import FeedEvent
from api.services.targets import check_url

WAITING, DELIVERED, DEAD = "waiting", "delivered", "dead"
# Events that one delivery tells of at most.
BATCH = 100
# Webhooks that one caller may keep: each costs the worker a look at each event.
MOST = 20
# As far as is counted how many events a webhook is to be told of.
COUNTED = 1000


@dataclass(frozen=True, slots=True)
class WebhookView:
    """A webhook without its secret; its events are those that are told for its ``purpose``."""

    id: int
    url: str
    kinds: tuple[str, ...]
    purpose: str
    after_event: int
    by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One delivery: the events after one until another, and what became of it."""

    id: int
    after_event: int
    until_event: int
    attempts: int
    tried_at: datetime | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class HowFar:
    """How far a webhook is with its events.

    ``problem`` is what went wrong with the delivery that was tried last, none if nothing did.
    ``waiting`` deliveries are under way or to be tried again, the next at ``next_at``; ``ahead``
    counts events to be told that are in no delivery yet, among the next `COUNTED`.
    """

    tried_at: datetime | None
    problem: str | None
    waiting: int
    next_at: datetime | None
    dead: int
    ahead: int


class TooManyWebhooksError(Exception):
    """The caller keeps as many webhooks as it may."""


def keep_webhook(
    connection: Connection,
    *,
    url: str,
    kinds: Collection[str],
    by: Caller,
    now: datetime,
    local: bool,
) -> tuple[WebhookView, str]:
    """Tell an address of events from now on; the webhook, and its secret, told this once.

    It is told what the caller may see for its purpose, which it must have. Raises TargetError if
    the address is not one that may be told.
    """
    check_url(url, local=local)
    mine = select(func.count()).select_from(Webhook).where(Webhook.by == by.name)
    if (connection.scalar(mine) or 0) >= MOST:
        raise TooManyWebhooksError
    secret = f"whsec_{new_secret()}"
    row = {
        "url": url,
        "kinds": sorted(set(kinds)),
        "secret": secret,
        "after_event": newest_event(connection),
        "by": by.name,
        "key": by.key,
        "purpose": by.purpose,
        "created_at": now,
    }
    added = connection.execute(insert(Webhook).values(row).returning(Webhook.__table__)).one()
    note_act(connection, "webhook_kept", f"webhook {added.id}", by=by.name, now=now)
    return _view(added), secret


def list_webhooks(connection: Connection, by: str, after: int, limit: int) -> list[WebhookView]:
    """A caller's own, in order."""
    table = Webhook.__table__
    query = select(table).where(table.c.by == by, table.c.id > after).order_by(table.c.id)
    return [_view(row) for row in connection.execute(query.limit(limit))]


def every_webhook(connection: Connection) -> list[WebhookView]:
    """Those of all callers, in order."""
    table = Webhook.__table__
    return [_view(row) for row in connection.execute(select(table).order_by(table.c.id))]


def count_dead_letters(aside: Connection) -> dict[int, int]:
    """How many deliveries of each webhook were given up; none of those without any."""
    query = select(WebhookDelivery.webhook, func.count()).where(WebhookDelivery.state == DEAD)
    return dict(iter(aside.execute(query.group_by(WebhookDelivery.webhook))))


def find_webhook(connection: Connection, number: int, by: str) -> WebhookView | None:
    """One of a caller's own."""
    table = Webhook.__table__
    query = select(table).where(table.c.by == by, table.c.id == number)
    found = connection.execute(query).one_or_none()
    return None if found is None else _view(found)


def how_far(connection: Connection, aside: Connection, hook: WebhookView, now: datetime) -> HowFar:
    """What became of the deliveries of a webhook, and what is still to come."""
    mine = WebhookDelivery.webhook == hook.id
    tried = aside.execute(
        select(WebhookDelivery.tried_at, WebhookDelivery.problem)
        .where(mine, WebhookDelivery.tried_at.is_not(None))
        .order_by(WebhookDelivery.tried_at.desc(), WebhookDelivery.id.desc())
        .limit(1)
    ).one_or_none()
    counts = dict(
        iter(
            aside.execute(
                select(WebhookDelivery.state, func.count())
                .where(mine)
                .group_by(WebhookDelivery.state)
            )
        )
    )
    # They go out in their order, so that the first that waits says when.
    next_at = aside.scalar(
        select(WebhookDelivery.next_at)
        .where(mine, WebhookDelivery.state == WAITING)
        .order_by(WebhookDelivery.id)
        .limit(1)
    )
    furthest = aside.scalar(select(func.max(WebhookDelivery.until_event)).where(mine))
    after = hook.after_event if furthest is None else furthest
    return HowFar(
        tried_at=None if tried is None else in_utc(tried.tried_at),
        problem=None if tried is None else tried.problem,
        waiting=counts.get(WAITING, 0),
        next_at=None if next_at is None else in_utc(next_at),
        dead=counts.get(DEAD, 0),
        ahead=_ahead(connection, hook.id, after, now),
    )


def _ahead(connection: Connection, number: int, after: int, now: datetime) -> int:
    """How many of the next events it is to be told of, as far as `COUNTED` are looked at."""
    for one in told_webhooks(connection, now):
        if one.hook.id == number:
            view = view_of(read_terms(connection), one.keeper, now.date())
            kinds = one.hook.kinds
            feed = read_feed(connection, after=after, limit=COUNTED, kinds=kinds, view=view)
            return len(feed.events)
    return 0


def drop_webhook(connection: Connection, number: int, *, by: str, now: datetime) -> bool:
    """Tell an address no more; False if it is none of the caller's."""
    mine = delete(Webhook).where(Webhook.id == number, Webhook.by == by)
    if connection.execute(mine).rowcount == 0:
        return False
    note_act(connection, "webhook_dropped", f"webhook {number}", by=by, now=now)
    return True


def dead_letters(
    aside: Connection, webhook: int, after: int, limit: int, *, only: int | None = None
) -> list[DeliveryView]:
    """Deliveries that were given up, in order. ``aside`` is where they are kept."""
    table = WebhookDelivery.__table__
    query = select(table).where(
        table.c.webhook == webhook, table.c.state == DEAD, table.c.id > after
    )
    if only is not None:
        query = query.where(table.c.id == only)
    return [
        DeliveryView(
            row.id,
            row.after_event,
            row.until_event,
            row.attempts,
            None if row.tried_at is None else in_utc(row.tried_at),
            row.problem,
        )
        for row in aside.execute(query.order_by(table.c.id).limit(limit))
    ]


def retry_dead_letters(
    aside: Connection, webhook: int, now: datetime, *, only: int | None = None
) -> int:
    """Have those that were given up tried again, before whatever is newer; how many."""
    dead = update(WebhookDelivery).where(
        WebhookDelivery.webhook == webhook, WebhookDelivery.state == DEAD
    )
    if only is not None:
        dead = dead.where(WebhookDelivery.id == only)
    return aside.execute(dead.values(state=WAITING, attempts=0, next_at=now)).rowcount


def send_now(aside: Connection, webhook: int, now: datetime) -> int:
    """Have those sent at once that wait to be tried again; how many. They count on as before."""
    waits = update(WebhookDelivery).where(
        WebhookDelivery.webhook == webhook,
        WebhookDelivery.state == WAITING,
        WebhookDelivery.next_at > now,
    )
    return aside.execute(waits.values(next_at=now)).rowcount


@dataclass(frozen=True, slots=True)
class Told:
    """The row of a webhook that may be told of events, and who keeps it, as they are now."""

    hook: Row[Any]
    keeper: Caller


def told_webhooks(connection: Connection, now: datetime) -> list[Told]:
    """Those whose keeper may still come in, follow events, and act for the webhook's purpose."""
    table = Webhook.__table__
    hooks = connection.execute(select(table).order_by(table.c.id)).all()
    found = keepers(connection, [(one.by, one.key, one.purpose) for one in hooks], now=now)
    needed = (Permission.KEEP_WEBHOOKS, Permission.READ_EVENTS)
    return [
        Told(hook, keeper)
        for hook, keeper in zip(hooks, found, strict=True)
        if keeper is not None and all(keeper.may(one) for one in needed)
    ]


@dataclass(frozen=True)
class Batch:
    """Events after one until another, those of them that a webhook is told of, by their names."""

    until: int
    events: tuple[FeedEvent, ...]
    names: tuple[str, ...]


def batch_after(
    connection: Connection, told: Told, after: int, *, now: datetime, until: int | None = None
) -> Batch | None:
    """The next events, or those until one, as far as the keeper may see them now.

    None if there are none yet.
    """
    # All of those that a delivery began with, also if more of them may be seen by now.
    limit = BATCH if until is None else max(1, 2 * (until - after))
    view = view_of(read_terms(connection), told.keeper, now.date())
    kinds = told.hook.kinds
    feed = read_feed(connection, after=after, until=until, limit=limit, kinds=kinds, view=view)
    last, events = feed.until.number, feed.events
    if feed.until.ahead:
        # What is told ahead of an event goes with it.
        last, events = last - 1, events[:-1]
    if last == after:
        return None
    places = Places.of(connection)
    assert places is not None, "there are events"
    return Batch(last, events, tuple(places.events(events)))


def payload(webhook: int, delivery: int, batch: Batch) -> bytes:
    """What is sent: the same for the same delivery while the keeper may see the same."""
    body = {
        "webhook": webhook,
        "delivery": delivery,
        "events": [
            {"id": name, "run": one.run, "kind": one.kind, "child_id": one.child_id}
            for name, one in zip(batch.names, batch.events, strict=True)
        ],
    }
    return json.dumps(body, separators=(",", ":")).encode()


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """``t=SECONDS,v1=HEX``: HMAC-SHA256 of ``SECONDS.BODY`` with the webhook's secret."""
    signed = f"{timestamp}.".encode() + body
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def _view(row: Row[Any]) -> WebhookView:
    return WebhookView(
        id=row.id,
        url=row.url,
        kinds=tuple(row.kinds),
        purpose=row.purpose,
        after_event=row.after_event,
        by=row.by,
        created_at=in_utc(row.created_at),
    )
