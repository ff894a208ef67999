"""Who is told of events as they come, and what became of each delivery."""

from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from api.db.access import ASIDE, Names
from api.db.tables import Id, Moment, Name, Number, Table, Written


class FeedKey(Table):
    """The secret by which places in the change feed are told; one row, made by the first run.

    In hexadecimal. Without it numbers of events would tell of those that are not told.
    """

    __tablename__ = "feed_key"

    id: Mapped[Id]
    key: Mapped[Name]


class Webhook(Table):
    """An address that is told of events, from the one after ``after_event`` on.

    ``kinds`` are those of events, all if none is named. It is told what its keeper may see for
    the ``purpose``: a person, or the system with the ``key`` that made it, an api_key.id, or one
    that took this key's place. ``secret`` signs what is sent, so it is kept as it is.
    """

    __tablename__ = "webhook"

    id: Mapped[Id]
    url: Mapped[Written]
    kinds: Mapped[Names]
    secret: Mapped[Written]
    after_event: Mapped[int] = mapped_column(Number)
    by: Mapped[Name]
    key: Mapped[int | None] = mapped_column(ForeignKey("api_key.id"))
    purpose: Mapped[Name]
    created_at: Mapped[Moment]

    # A number is never given again: deliveries, which are kept aside, go by it.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012


class WebhookDelivery(Table):
    """The events after one, until another, as they are sent to a webhook in one piece.

    ``state`` is waiting, delivered or dead. Of those delivered only the last is kept: it says
    how far the webhook is. It is kept aside, since deliveries go on during a run.
    """

    __tablename__ = "webhook_delivery"

    id: Mapped[Id]
    webhook: Mapped[int] = mapped_column(Number)
    after_event: Mapped[int] = mapped_column(Number)
    until_event: Mapped[int] = mapped_column(Number)
    state: Mapped[Name]
    attempts: Mapped[int] = mapped_column(Number)
    next_at: Mapped[Moment]
    tried_at: Mapped[Moment | None]
    problem: Mapped[Name | None]

    __table_args__: Any = (Index(None, "webhook", "state"), {"info": {ASIDE: True}})
