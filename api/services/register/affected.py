"""Which children a run changed, as the answer to the one who caused it may tell."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from api.db.models import Event
from api.services.access.policy import View
from api.services.register.feed import read_feed
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
    """What a run did; nothing without a run.

    ``own`` is the child that is asked about: no other identity is told with it, nor any two
    that are severed. That golden values changed is told as far as the feed tells it.
    """
    found = Affected()
    if run is None:
        return found
    rows = connection.execute(
        select(Event.id, Event.kind, Event.child, Event.detail)
        .where(Event.run == run)
        .order_by(Event.id)
    ).all()
    hidden = _hidden(connection, {row.child for row in rows} | {own or ""}, own)
    changed = _with_other_values(connection, view, [row.id for row in rows])
    found.values_changed.extend(child for child in changed if child not in hidden)
    for _, kind, child, detail in rows:
        if child in hidden:
            continue
        after = [one for one in _successors(detail) if one not in hidden]
        if kind in ("child_created", "child_restored"):
            found.created.append(child)
        elif kind == "child_merged":
            found.merged[child] = after
        elif kind == "child_split" and after:
            found.split.setdefault(child, []).extend(after)
        elif kind == "child_emptied":
            found.emptied.append(child)
        elif kind in ("record_linked", "record_unlinked"):
            some = found.joined if kind == "record_linked" else found.left
            if child not in some:
                some.append(child)
    return found


def _with_other_values(connection: Connection, view: View, events: Sequence[int]) -> list[str]:
    """Children of which the feed tells that golden values changed, in the events of a run."""
    if not events:
        return []
    feed = read_feed(
        connection,
        after=events[0] - 1,
        until=events[-1],
        limit=len(events),
        kinds=["values_changed"],
        view=view,
    )
    return [event.child_id for event in feed.events]


def _successors(detail: dict[str, object] | None) -> Iterable[str]:
    said = detail or {}
    several = said.get("successors")
    one = said.get("successor")
    return [str(x) for x in several] if isinstance(several, list) else [str(one)] if one else []


def _hidden(connection: Connection, children: set[str], own: str | None) -> set[str]:
    pairs = [pair for pair in severed_children(connection, children) if pair <= children]
    return {child for pair in pairs for child in pair} - {own}
