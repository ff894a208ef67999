"""The change feed of one child, in its order."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Event, Record, Run, Source
from api.services.register.seen_events import FeedEvent, emptied, successors
from api.services.register.severances import Hidden, hidden_from
from api.services.register.sundered import mixed_spans, names_all, told_fields


def child_events(connection: Connection, child: str) -> list[FeedEvent]:
    """All that were kept."""
    query = (
        select(Event.__table__, Run.at)
        .join(Run, Run.id == Event.run)
        .where(Event.child == child)
        .order_by(Event.id)
    )
    return [FeedEvent.of(row) for row in connection.execute(query)]


def shown_events(
    connection: Connection, child: str, events: Sequence[FeedEvent], hidden: Hidden | None = None
) -> list[FeedEvent]:
    """Events of a child without what severances keep from everybody.

    That values changed is told as the feed of the whole register tells it. ``hidden`` is what
    `hidden_from` finds, where it is known already.
    """
    hidden = hidden_from(connection, child) if hidden is None else hidden
    spans = mixed_spans(connection, [child]).get(child, []) if hidden.records else []
    named = select(Source.name, Record.record_id).join(Source, Source.number == Record.source)
    numbers = np.array(sorted(hidden.records), dtype=np.int64)
    keys = {tuple(key) for key in connection.execute(named.where(among(Record.id, numbers)))}
    shown = []
    for event in events:
        detail = event.detail or {}
        if (event.source, event.record_id) in keys or detail.get("successor") in hidden.children:
            continue
        told = event
        if "successors" in detail:
            left = [one for one in successors(event) if one not in hidden.children]
            told = replace(event, detail={**detail, "successors": left}) if left else emptied(event)
        if "fields" in detail:
            fields = told_fields(spans, event.run, detail["fields"])
            if not fields:
                continue
            whole = names_all(spans, event.run)
            told = replace(event, detail={**detail, "fields": fields}, whole=whole)
        shown.append(told)
    return shown
