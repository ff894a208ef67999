"""Sending events to webhooks: in their order, at least once, without end unless given up.

What is sent is what the keeper may see at that moment. It is in the access log before it goes.

Runs in a thread of the worker, beside its jobs. Each webhook has one delivery under way at
most, so that it gets events in order; one that is slow or away keeps nobody else waiting. A
delivery that fails is tried again after ever longer waits, then put with the dead letters, and
what is newer goes on.
"""

import logging
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, text, update

from api.db.aside import open_aside
from api.db.engine import is_sqlite, reading, writing
from api.db.models import Access, WebhookDelivery
from api.db.tables import in_utc
from api.services.access import chain
from api.services.access.access_log import AccessEntry
from api.services.register.feed import newest_event
from api.services.targets import Target, TargetError, resolve
from api.services.webhooks import (
    DEAD,
    DELIVERED,
    WAITING,
    Batch,
    Told,
    batch_after,
    payload,
    signature,
    told_webhooks,
)

_LOG = logging.getLogger("matcher.webhooks")
# The number under which workers on PostgreSQL agree on who delivers.
_LOCK = 7_205_759_405
# Seconds after a failure of the database, or while another worker delivers.
_REST = 5.0
_CHANCE = secrets.SystemRandom()
# How the access log calls a delivery.
_ROUTE = "delivery to a webhook"


@dataclass(frozen=True, slots=True)
class DeliveryPace:
    """How often things happen, in seconds, and how often a delivery is tried.

    The first wait after a failure doubles with each further one, up to the longest; a part of
    it is left to chance, so that not all come back at once.
    """

    poll: float = 1.0
    patience: float = 10.0
    first_wait: float = 5.0
    longest_wait: float = 6 * 3600.0
    attempts: int = 12

    def wait(self, attempts: int) -> float:
        """How long to wait after so many failed attempts."""
        whole = min(self.longest_wait, self.first_wait * 2.0 ** (attempts - 1))
        return whole * _CHANCE.uniform(0.5, 1.0)


@dataclass
class Deliverer:
    """Delivers until told to stop. In a ``local`` environment it may send to this machine."""

    engine: Engine
    local: bool = False
    pace: DeliveryPace = DeliveryPace()
    _under_way: dict[int, threading.Thread] = field(default_factory=dict)

    def run(self, stop: threading.Event) -> None:
        """Deliver; whatever happens is no reason to end."""
        while not stop.is_set():
            try:
                aside = open_aside(self.engine)
                try:
                    with _alone(self.engine) as alone:
                        while alone and not stop.is_set():
                            self.round(aside)
                            stop.wait(self.pace.poll)
                finally:
                    self._wait_for_all()
                    if aside is not self.engine:
                        aside.dispose()
            except Exception as error:
                # Only its kind: the text might quote an address.
                _LOG.error("webhooks: %s; going on", type(error).__name__)
            stop.wait(_REST)

    def round(self, aside: Engine) -> None:
        """Begin whatever is due and not under way."""
        self._under_way = {k: one for k, one in self._under_way.items() if one.is_alive()}
        now = datetime.now(UTC)
        with reading(self.engine) as connection:
            told = told_webhooks(connection, now)
            newest = newest_event(connection)
        with reading(aside) as connection:
            standing = _standing(connection)
        for one in told:
            hook = one.hook
            found = standing.get(hook.id) or _begun(aside, hook)
            due = found.is_due(now) if found.head is not None else found.position < newest
            if due and hook.id not in self._under_way:
                thread = threading.Thread(
                    target=self._step, args=(aside, one, found), name="webhook", daemon=True
                )
                self._under_way[hook.id] = thread
                thread.start()

    def _wait_for_all(self) -> None:
        for thread in self._under_way.values():
            thread.join(self.pace.patience)

    def _step(self, aside: Engine, told: Told, found: "_Standing") -> None:
        try:
            self._deliver(aside, told, found)
        except Exception as error:
            _LOG.error("webhook %d: %s; going on", told.hook.id, type(error).__name__)

    def _deliver(self, aside: Engine, told: Told, found: "_Standing") -> None:
        hook, now = told.hook, datetime.now(UTC)
        after = found.position if found.head is None else found.head.after_event
        until = None if found.head is None else found.head.until_event
        with reading(self.engine) as connection:
            batch = batch_after(connection, told, after, now=now, until=until)
        if batch is None:
            return
        if not batch.events and found.head is None:
            with writing(aside) as connection:
                _passed(connection, hook.id, batch.until)
            return
        number, attempts = _entered(aside, told, after, batch, found.head)
        problem = self._send(hook, number, batch) if batch.events else None
        with writing(aside) as connection:
            if problem is None:
                _delivered(connection, hook.id, number, attempts + 1)
            else:
                self._failed(connection, number, attempts + 1, problem)
        _LOG.info("webhook %d, delivery %d: %s", hook.id, number, problem or "delivered")

    def _send(self, hook: Row[Any], number: int, batch: Batch) -> str | None:
        """Send it; what went wrong, in a word that tells no address."""
        body = payload(hook.id, number, batch)
        headers = {
            "Content-Type": "application/json",
            "Webhook-Id": str(number),
            "Webhook-Signature": signature(hook.secret, int(datetime.now(UTC).timestamp()), body),
            "User-Agent": "child-register",
        }
        try:
            status = _post(resolve(hook.url, local=self.local), body, headers, self.pace.patience)
        except TargetError:
            return "address not permitted"
        except httpx.TimeoutException:
            return "no answer in time"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
            return "not reached"
        return None if 200 <= status < 300 else f"answered {status}"

    def _failed(self, connection: Connection, number: int, attempts: int, problem: str) -> None:
        now = datetime.now(UTC)
        dead = attempts >= self.pace.attempts
        connection.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.id == number)
            .values(
                state=DEAD if dead else WAITING,
                attempts=attempts,
                tried_at=now,
                next_at=now + timedelta(seconds=self.pace.wait(attempts)),
                problem=problem,
            )
        )


@dataclass(frozen=True)
class _Standing:
    """Of a webhook: the first delivery that waits, and up to where there are deliveries."""

    head: Row[Any] | None
    position: int

    def is_due(self, now: datetime) -> bool:
        return self.head is not None and in_utc(self.head.next_at) <= now


def _standing(connection: Connection) -> Mapping[int, _Standing]:
    table = WebhookDelivery.__table__
    waiting = select(table).where(table.c.state == WAITING).order_by(table.c.id.desc())
    heads = {row.webhook: row for row in connection.execute(waiting)}
    furthest = select(table.c.webhook, func.max(table.c.until_event)).group_by(table.c.webhook)
    return {
        webhook: _Standing(heads.get(webhook), until)
        for webhook, until in connection.execute(furthest)
    }


def _begun(aside: Engine, hook: Row[Any]) -> _Standing:
    """A webhook begins with a delivery of nothing, which from then on says how far it is."""
    here = {"after_event": hook.after_event, "until_event": hook.after_event}
    row = {"webhook": hook.id, "state": DELIVERED, "attempts": 0, "next_at": datetime.now(UTC)}
    with writing(aside) as connection:
        connection.execute(insert(WebhookDelivery).values({**here, **row}))
    return _Standing(None, hook.after_event)


def _passed(connection: Connection, webhook: int, until: int) -> None:
    """Go on past events that are not told.

    No number is used up for it, nor a time noted: they would say that there were some.
    """
    mine = update(WebhookDelivery).where(
        WebhookDelivery.webhook == webhook, WebhookDelivery.state == DELIVERED
    )
    connection.execute(mine.values(until_event=until))


def _entered(
    aside: Engine, told: Told, after: int, batch: Batch, head: Row[Any] | None
) -> tuple[int, int]:
    """Number and attempts so far of the delivery.

    It is on record, and what it tells of in the access log, before anything is sent.
    """
    now = datetime.now(UTC)
    row = {
        "webhook": told.hook.id,
        "after_event": after,
        "until_event": batch.until,
        "state": WAITING,
        "attempts": 0,
        "next_at": now,
    }
    with writing(aside) as connection:
        if head is None:
            added = insert(WebhookDelivery).values(row).returning(WebhookDelivery.id)
            number, attempts = connection.execute(added).scalar_one(), 0
        else:
            number, attempts = head.id, head.attempts
        if batch.events:
            entry = AccessEntry(
                at=now,
                by=told.keeper.name,
                key=told.keeper.key,
                purpose=told.keeper.purpose,
                route=_ROUTE,
                about=tuple(dict.fromkeys(one.child_id for one in batch.events)),
                status=0,
                request=f"delivery {number}",
            )
            chain.append(connection, Access, [entry.as_row()])
    return number, attempts


def _delivered(connection: Connection, webhook: int, number: int, attempts: int) -> None:
    now = datetime.now(UTC)
    mine = update(WebhookDelivery).where(WebhookDelivery.id == number)
    connection.execute(mine.values(state=DELIVERED, attempts=attempts, tried_at=now, problem=None))
    # Kept is the one that says how far the webhook is.
    kept = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.webhook == webhook, WebhookDelivery.state == DELIVERED)
        .order_by(WebhookDelivery.until_event.desc(), WebhookDelivery.id.desc())
        .limit(1)
    )
    furthest = connection.scalar(kept)
    connection.execute(
        delete(WebhookDelivery).where(
            WebhookDelivery.webhook == webhook,
            WebhookDelivery.state == DELIVERED,
            WebhookDelivery.id != furthest,
        )
    )


def _post(target: Target, body: bytes, headers: Mapping[str, str], patience: float) -> int:
    """The status of the answer; what it says is not read, and redirects are not followed."""
    url = target.url
    own = {**headers, "Host": url.netloc}
    with (
        httpx.Client(timeout=patience, follow_redirects=False, trust_env=False) as client,
        client.stream(
            "POST",
            target.connect_to,
            content=body,
            headers=own,
            extensions={"sni_hostname": url.hostname},
        ) as response,
    ):
        return response.status_code


@contextmanager
def _alone(engine: Engine) -> Iterator[bool]:
    """Whether nobody else delivers, for as long as this is open; on SQLite there is one worker."""
    if is_sqlite(engine):
        yield True
        return
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        try:
            yield bool(connection.scalar(text(f"SELECT pg_try_advisory_lock({_LOCK})")))
        finally:
            connection.invalidate()  # ends the session, and so the lock
