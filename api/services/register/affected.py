"""Which children a run changed, as the answer to the one who caused it may tell."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from api.db.models import Event
from api.services.access.policy import View
from api.services.register.feed import read_feed
from api.services.register.seen_events import LINKED, UNLINKED, FeedEvent, successors
from api.services.register.sundered import severed_children


@dataclass(frozen=True, slots=True)
class Affected:
    """Ids of children; ``merged`` and ``split`` with their successors."""

    created: list[str] = field(default_factory=list)
    merged: dict[str, list[str]] = field(default_factory=dict)
    split: dict[str, list[str]] = field(default_factory=dict)
    emptied: list[str] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    values_changed: list[str] = field(default_factory=list)


def affected_children(
    connection: Connection, view: View, run: int | None, own: str | None
) -> Affected:
    """What a run did, as far as the feed tells it; nothing without a run.

    ``own`` is the child that is asked about: no other identity is told with it, nor any two
    that are severed.
    """
    found = Affected()
    if run is None:
        return found
    told = _events(connection, view, run)
    hidden = _hidden(connection, {one.child_id for one in told} | {own or ""}, own)
    for event in told:
        kind, child = event.kind, event.child_id
        if child in hidden:
            continue
        after = [one for one in successors(event) if one not in hidden]
        if kind in ("child_created", "child_restored"):
            found.created.append(child)
        elif kind == "child_merged":
            found.merged[child] = after
        elif kind == "child_split" and after:
            found.split.setdefault(child, []).extend(after)
        elif kind == "child_emptied":
            found.emptied.append(child)
        elif kind == "values_changed":
            found.values_changed.append(child)
        elif kind in (LINKED, UNLINKED):
            some = found.joined if kind == LINKED else found.left
            if child not in some:
                some.append(child)
    return found


def _events(connection: Connection, view: View, run: int) -> Sequence[FeedEvent]:
    """What the feed tells of a run."""
    ends = select(func.min(Event.id), func.max(Event.id)).where(Event.run == run)
    first, last = connection.execute(ends).one()
    if first is None:
        return ()
    most = 2 * (last - first + 1)
    return read_feed(connection, after=first - 1, until=last, limit=most, view=view).events


def _hidden(connection: Connection, children: set[str], own: str | None) -> set[str]:
    pairs = [pair for pair in severed_children(connection, children) if pair <= children]
    return {child for pair in pairs for child in pair} - {own}
