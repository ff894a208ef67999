"""The change feed as frames, as far as it may be told."""

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from api.services.access.policy import View
from api.services.register.feed import read_feed
from api.services.register.feed_places import START, Places
from api.services.register.reading import check_run
from api.services.register.seen_events import FeedEvent

EVENT_COLUMNS = ("id", "run", "at", "kind", "child_id", "source", "record_id", "detail")
_AT_ONCE = 20_000


def feed_frames(
    connection: Connection, *, as_of_run: int | None = None, view: View | None = None
) -> Iterator[pd.DataFrame]:
    """EVENT_COLUMNS, from the first event on, in pieces; until a run, if one is named.

    ``at`` is the moment of the run in UTC; ``detail`` is JSON, missing where there is none.
    What severances and a view keep from being told is left out, see `feed`; with a view, ids
    are the names of `feed_places`. Raises DataError if there was no such run.
    """
    if as_of_run is not None:
        check_run(connection, as_of_run)
    place, more = START, True
    places = None if view is None else Places.of(connection)
    while more:
        feed = read_feed(
            connection, after=place.number, ahead=place.ahead, limit=_AT_ONCE, view=view
        )
        place, more = feed.until, feed.more
        events = [one for one in feed.events if as_of_run is None or one.run <= as_of_run]
        more = more and len(events) == len(feed.events)
        frame = pd.DataFrame([_cells(one) for one in events], columns=list(EVENT_COLUMNS))
        yield (frame if places is None else frame.assign(id=places.events(events)))


def _cells(event: FeedEvent) -> tuple[Any, ...]:
    at = event.at.isoformat(timespec="seconds").replace("+00:00", "Z")
    detail = event.detail
    written = None if detail is None else json.dumps(detail, sort_keys=True, separators=(",", ":"))
    kind, child = event.kind, event.child_id
    return event.id, event.run, at, kind, child, event.source, event.record_id, written
