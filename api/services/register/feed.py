"""The change feed for those who are not to learn of everything in it.

Events of the past would tell that two identities, severed since, were once one child. What
they tell of such records is therefore reduced: that a record is linked only with the child
that it belongs to now (or last belonged to), and since when it does; of children that ever held
one of them no successors, nor that their values changed while they held the other's. For an end
that leads back, or values that change, would show which two were joined in one run.
Whoever takes a linked record from the child that it was linked to before gets
the register exactly from this too, since a record belongs to one child at a time.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import ColumnElement, Connection, func, or_, select, tuple_

from api.db.among import among
from api.db.models import Event, Membership, Record, Run, Severance, Source
from api.services.access.policy import View
from api.services.register.acts import keys_of
from api.services.register.closure import fellows
from api.services.register.columns import Numbers, columns
from api.services.register.feed_places import Place
from api.services.register.lookalikes import lookalike_keys, lookalikes
from api.services.register.reading import last_run
from api.services.register.seen_events import (
    KEPT_AS,
    LINKED,
    UNLINKED,
    FeedEvent,
    Sight,
    emptied,
    successors,
)
from api.services.register.shields import LOCATION, shielded_children
from api.services.register.sundered import Span, mixed_spans, names_all, told_fields, unclaimed

EVENT_KINDS = (
    "child_created",
    "child_restored",
    "child_split",
    "child_merged",
    "child_emptied",
    "record_unlinked",
    "record_linked",
    "values_changed",
)
_LINKS = (LINKED, UNLINKED)
# Events that are looked at beyond those that are told, so that a page is full although some
# are not told.
_BEYOND = 500


@dataclass(frozen=True)
class Feed:
    """Events, and the place up to which there are no others to be told."""

    events: tuple[FeedEvent, ...]
    until: Place
    more: bool


def newest_event(connection: Connection) -> int:
    """The number of the last event; 0 if there is none."""
    return connection.scalar(select(func.max(Event.id))) or 0


def read_feed(
    connection: Connection,
    *,
    after: int,
    ahead: bool = False,
    limit: int,
    until: int | None = None,
    kinds: Collection[str] = (),
    view: View | None = None,
) -> Feed:
    """Events after one, or those until another, in their order: of some kinds, as far as they
    may be seen.

    A ``view`` leaves out records of sources that may not be seen, or by whose ids nothing may
    be told, and tells of children and their values as `seen_events` says. Nobody who is not
    cleared is told that a shielded child moved. ``ahead`` says that what is told ahead of the
    event ``after`` was, and that event itself was not.
    ``limit`` is how many at most. There may be fewer, or none, although there are more: where
    very many in a row are not told. The number of queries is the same whatever is found.
    """
    query = (
        select(Event.__table__, Run.at)
        .join(Run, Run.id == Event.run)
        .where(Event.id >= after if ahead else Event.id > after)
        .order_by(Event.id)
        .limit(limit + _BEYOND + 1)
    )
    if until is not None:
        query = query.where(Event.id <= until)
    if kinds:
        read = {kept for kind in kinds for kept in KEPT_AS.get(kind, (kind,))}
        query = query.where(Event.kind.in_(sorted(read)))
    if view is not None:
        query = query.where(or_(Event.source.is_(None), Event.source.in_(sorted(view.sources))))
    query = query.where(*_not_of_lookalikes(connection, view))
    newest = Place(newest_event(connection), last_run(connection))
    rows = connection.execute(query).all()
    unread, rows = len(rows) > limit + _BEYOND, rows[: limit + _BEYOND]
    events = [FeedEvent.of(row) for row in rows]
    told = _told(connection, view, events)
    told = [one for one in told if (one.id, one.ahead) != (after, ahead)]
    if kinds:
        told = [one for one in told if one.kind in kinds]
    if len(told) > limit:
        return Feed(tuple(told[:limit]), _place(told[limit - 1]), True)
    if unread:
        return Feed(tuple(told), _place(events[-1]), True)
    end = newest.number if until is None else min(newest.number, until)
    return Feed(tuple(told), replace(newest, number=max(end, after)), False)


def _place(event: FeedEvent) -> Place:
    return Place(event.id, event.run, event.ahead)


def _told(
    connection: Connection, view: View | None, events: Sequence[FeedEvent]
) -> list[FeedEvent]:
    """Those of these events that may be told, as they may be."""
    children = {one.child_id for one in events} | {
        child for one in events for child in successors(one)
    }
    sight = Sight.at(connection, view, children)
    changed = {one.child_id for one in events if one.kind == "values_changed"}
    told = Reduction.of(connection, changed).shown(sight.with_ends(connection, events))
    if view is None or view.hides_location(shielded=True):
        told = list(_without_moves(connection, told))
    told = list(sight.told(connection, told))
    return told if view is None else [one for one in told if one.source in {None, *view.named}]


def _not_of_lookalikes(connection: Connection, view: View | None) -> list[ColumnElement[bool]]:
    """That an event tells of none of them, so that not even their number shows on a page.

    What a run that linked one alone did to other records is told, or they would be of other
    children than the feed says; but not that values changed by it.
    """
    untold = lookalikes(connection, view)
    if not untold.records:
        return []
    records = np.array(sorted(untold.records), dtype=np.int64)
    held = select(Membership.child).where(among(Membership.record, records)).distinct()
    others = select(Membership.child).where(
        Membership.child.in_(held), ~among(Membership.record, records)
    )
    key = tuple_(Event.source, Event.record_id)
    alone = among(Event.run, np.array(sorted(untold.runs), dtype=np.int64))
    return [
        or_(Event.kind != "values_changed", ~alone),
        or_(Event.child.not_in(held), Event.child.in_(others)),
        or_(Event.source.is_(None), key.not_in(lookalike_keys())),
    ]


def _without_moves(connection: Connection, events: Sequence[FeedEvent]) -> Iterator[FeedEvent]:
    """Events without what tells that a shielded child lives elsewhere than it did."""
    changed = {one.child_id for one in events if one.kind == "values_changed"}
    shielded = shielded_children(connection, changed, at_any_time=True)
    for event in events:
        detail = event.detail or {}
        if event.child_id not in shielded or "fields" not in detail:
            yield event
        elif names := [name for name in detail["fields"] if name not in LOCATION]:
            yield replace(event, detail={**detail, "fields": names})


@dataclass(frozen=True)
class Reduction:
    """What of the feed is not told because of severances.

    ``own`` is the child of each record, by its key, that is in a severance or of one child with
    such a one, and ``joined`` the run since which it belongs to that child, of those that do now;
    ``held`` are all children that ever held one, ``mixed`` the spans in which some of them held
    the other identity's, see `mixed_spans`. ``lost`` are records with a child that they are not
    shown with, since nobody knows whose they were.
    """

    own: dict[tuple[str, str], str]
    joined: dict[tuple[str, str], int]
    held: frozenset[str]
    mixed: Mapping[str, Sequence[Span]]
    lost: frozenset[tuple[str, str, str]]

    @classmethod
    def of(cls, connection: Connection, changed: Collection[str]) -> "Reduction":
        """As it is now; of whose values it is asked that they ``changed``."""
        records = _severed(connection)
        query = (
            select(
                Membership.child,
                Source.name,
                Record.record_id,
                Membership.from_run,
                Membership.to_run,
            )
            .join(Record, Record.id == Membership.record)
            .join(Source, Source.number == Record.source)
            .where(among(Membership.record, records))
            .order_by(Membership.from_run)
        )
        rows = connection.execute(query).all()
        # The last one of each record is what counts.
        own = {(source, record_id): child for child, source, record_id, *_ in rows}
        joined = {
            (source, record_id): since
            for _, source, record_id, since, ended in rows
            if ended is None
        }
        lost = _unclaimed(connection) if rows else frozenset()
        held = frozenset(row.child for row in rows)
        mixed = mixed_spans(connection, held & set(changed)) if rows else {}
        return cls(own, joined, held, mixed, lost)

    def shown(self, events: Sequence[FeedEvent]) -> list[FeedEvent]:
        """The events that may be told, as they may be."""
        return [self._told(event) for event in events if self._is_told(event)]

    def _fields(self, event: FeedEvent) -> list[str]:
        fields = (event.detail or {}).get("fields", [])
        return told_fields(self.mixed.get(event.child_id, ()), event.run, fields)

    def _parted(self, event: FeedEvent) -> bool:
        return names_all(self.mixed.get(event.child_id, ()), event.run)

    def _is_told(self, event: FeedEvent) -> bool:
        if event.kind in _LINKS and event.source and event.record_id is not None:
            key = (event.source, event.record_id)
            if (event.child_id, *key) in self.lost:
                return False
            own = self.own.get(key, event.child_id)
            return own == event.child_id and event.run >= self.joined.get(key, 0)
        if event.child_id not in self.held:
            return True
        if event.kind == "values_changed":
            return bool(self._fields(event))
        # That something was split off says nothing without saying what.
        return event.kind != "child_split"

    def _told(self, event: FeedEvent) -> FeedEvent:
        if event.kind == "child_merged" and event.child_id in self.held:
            return emptied(event)
        if event.kind == "values_changed" and event.child_id in self.mixed:
            detail = {**(event.detail or {}), "fields": self._fields(event)}
            return replace(event, detail=detail, whole=self._parted(event))
        return event


def _unclaimed(connection: Connection) -> frozenset[tuple[str, str, str]]:
    """Children with the keys of records that are shown with neither of two identities."""
    lost = unclaimed(connection)
    keys = keys_of(connection, set().union(*lost.values()))
    return frozenset((child, *keys[one]) for child, records in lost.items() for one in records)


def _severed(connection: Connection) -> Numbers:
    """Records of severances, and those of one child with them, and with what it once held."""
    l, r = columns(connection, select(Severance.record_l, Severance.record_r))
    own = np.union1d(l, r)
    return np.union1d(own, fellows(connection, own))
