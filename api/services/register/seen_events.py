"""What events tell somebody who may see some records only: as if there were no others.

A child begins with the first record that they may see, ends when the last such leaves it, and its
values change when those that they are shown do. Whatever records do that they may not see is
told of no child: neither that it was there before, nor that it goes on, nor with which values.
The change feed, what is sent and written of it, and the history of a child all go by this.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, exists, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Event, Golden, Membership, Record, Source
from api.db.tables import in_utc
from api.services.access.policy import View
from api.services.register.lookalikes import lookalike_keys, not_lookalike
from api.services.register.sundered import Span
from matcher.register.golden import GOLDEN_COLUMNS
from matcher.rules.survivorship import GOLDEN_FIELDS

LINKED, UNLINKED = "record_linked", "record_unlinked"
_BEGINNINGS = ("child_created", "child_restored")
_ENDS = ("child_merged", "child_emptied")
# As what a beginning or end may have been kept that is told as one of these kinds: as another of
# them, or not at all, beside the event of a record.
KEPT_AS = {
    **dict.fromkeys(_BEGINNINGS, (*_BEGINNINGS, LINKED)),
    **dict.fromkeys(_ENDS, (*_ENDS, UNLINKED)),
}

# A child, and a run.
Moment = tuple[str, int]


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event; ``detail`` holds names of fields and ids of children.

    One that is ``ahead`` was not kept: it is told before the event of its number, since that is
    the first, or the last, of the child that somebody may see. ``whole`` says that all fields
    are named, whichever changed.
    """

    id: int
    run: int
    at: datetime
    kind: str
    child_id: str
    source: str | None
    record_id: str | None
    detail: dict[str, Any] | None
    ahead: bool = False
    whole: bool = False

    @classmethod
    def of(cls, row: Row[Any]) -> "FeedEvent":
        """As it was kept. ``row`` is of `Event`, with the moment of its run, ``at``."""
        return cls(
            id=row.id,
            run=row.run,
            at=in_utc(row.at),
            kind=row.kind,
            child_id=row.child,
            source=row.source,
            record_id=row.record_id,
            detail=row.detail,
        )


def successors(event: FeedEvent) -> list[str]:
    """Other children that an event tells of."""
    detail = event.detail or {}
    return detail.get("successors") or [one for one in (detail.get("successor"),) if one]


@dataclass(frozen=True)
class Sight:
    """What somebody may see of some children, by when; of every child, if ``everything``.

    ``spans`` are those in which a child held a record that they may see, ``left`` such records
    that left it in a run, and ``lives`` the children of each of these, with the spans.
    """

    view: View | None
    everything: bool
    spans: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    left: Mapping[Moment, set[int]] = field(default_factory=dict)
    lives: Mapping[int, Sequence[tuple[Span, str]]] = field(default_factory=dict)

    @classmethod
    def at(cls, connection: Connection, view: View | None, children: Collection[str]) -> "Sight":
        """Of these children. The number of queries is the same, whatever is found."""
        if _sees_everything(connection, view):
            return cls(view, everything=True)
        mine, life = aliased(Membership), aliased(Membership)
        query = (
            select(life.child, life.record, life.from_run, life.to_run)
            .join(mine, mine.record == life.record)
            .where(among(mine.child, sorted(children)))
            .where(*not_lookalike(life.record, cleared=view is not None and view.cleared))
            .distinct()
        )
        if view is not None:
            own = select(Source.number).where(Source.name.in_(sorted(view.sources)))
            query = query.join(Record, Record.id == life.record).where(Record.source.in_(own))
        spans: dict[str, list[Span]] = {}
        left: dict[Moment, set[int]] = {}
        lives: dict[int, list[tuple[Span, str]]] = {}
        for child, record, since, until in connection.execute(query):
            spans.setdefault(child, []).append((since, until))
            lives.setdefault(record, []).append(((since, until), child))
            if until is not None:
                left.setdefault((child, until), set()).add(record)
        return cls(view, False, spans, left, lives)

    def before(self, child: str, run: int) -> bool:
        """Whether the child was seen before a run."""
        return self.after(child, run - 1)

    def after(self, child: str, run: int | None) -> bool:
        """Whether it was after it; now, without a run."""
        return any(_holds(span, run) for span in self.spans.get(child, ()))

    def begins(self, child: str, run: int) -> bool:
        """Whether it began in it."""
        return self.after(child, run) and not self.before(child, run)

    def ends(self, child: str, run: int) -> bool:
        """Whether it ended in it."""
        return self.before(child, run) and not self.after(child, run)

    def first(self, child: str) -> int | None:
        """The run in which it was first seen, if it ever was."""
        return min((since for since, _ in self.spans.get(child, ())), default=None)

    def went_to(self, child: str, run: int) -> set[str]:
        """Children to which its records went in a run.

        Of a child that ended before, those that have the last of them if any came back then.
        """
        ended = self.ended(child, run)
        if ended is None:
            return set()
        left = self.left[child, ended]
        if ended == run or (not self.before(child, run) and self._came_back(left, run)):
            return self.children_of(left, run) - {child}
        return set()

    def led_on(self, child: str, ended: int) -> int:
        """The last run in which it was told where the records went of a child that ended."""
        left = self.left[child, ended]
        since = {span[0] for one in left for span, _ in self.lives[one]}
        return max((run for run in since if run > ended and self._came_back(left, run)),
                   default=ended)  # fmt: skip

    def children_of(self, records: Collection[int], run: int | None) -> set[str]:
        """The children that records belonged to after a run, or do now."""
        lives = [one for record in records for one in self.lives[record]]
        return {child for span, child in lives if _holds(span, run)}

    def _came_back(self, records: Collection[int], run: int) -> bool:
        """Whether any of these began to belong to a child in a run, and to none before it."""
        return any(
            self.children_of([one], run) and not self.children_of([one], run - 1) for one in records
        )

    def is_told_to_go(self, child: str, other: str, run: int) -> bool:
        """Whether records of a child were seen to go to another in a run."""
        return self.everything or other in self.went_to(child, run)

    def is_told_to_merge(self, child: str, run: int, *, merged: bool) -> bool:
        """Whether none was seen to stay; ``merged`` says that none did."""
        return merged or (not self.everything and self.ends(child, run))

    def ended(self, child: str, run: int | None = None) -> int | None:
        """The run in which the last of its records left, by now or until a run; if any did."""
        ends = (until for _, until in self.spans.get(child, ()) if until is not None)
        return max((until for until in ends if run is None or until <= run), default=None)

    def with_ends(self, connection: Connection, events: Sequence[FeedEvent]) -> list[FeedEvent]:
        """Events, and beginnings and ends of children that none of them was kept for."""
        if self.everything:
            return list(events)
        wanted = {
            (one.child_id, one.run)
            for one in events
            if (one.kind == LINKED and self.begins(one.child_id, one.run))
            or (one.kind == UNLINKED and self.ends(one.child_id, one.run))
        }
        kept = self._kept(connection, {child for child, _ in wanted})
        found = []
        for one in events:
            moment = (one.child_id, one.run)
            carries = one.kind in (LINKED, UNLINKED) and moment in wanted
            if carries and kept.get((*moment, one.kind)) == one.id:
                told = _BEGINNINGS if one.kind == LINKED else _ENDS
                if not any((*moment, kind) in kept for kind in told):
                    found.append(self._end(one))
            found.append(one)
        return found

    def _kept(
        self, connection: Connection, children: Collection[str]
    ) -> dict[tuple[str, int, str], int]:
        """The first event of each kind that may be seen of a child in a run."""
        cleared = self.view is not None and self.view.cleared
        key = tuple_(Event.source, Event.record_id)
        query = (
            select(Event.child, Event.run, Event.kind, func.min(Event.id))
            .where(among(Event.child, sorted(children)))
            .where(Event.kind.in_([*_BEGINNINGS, *_ENDS, LINKED, UNLINKED]))
            .group_by(Event.child, Event.run, Event.kind)
        )
        if self.view is not None:
            named = Event.source.in_(sorted(self.view.sources))
            query = query.where(or_(Event.source.is_(None), named))
        if not cleared:
            query = query.where(or_(Event.source.is_(None), key.not_in(lookalike_keys())))
        return {(child, run, kind): id_ for child, run, kind, id_ in connection.execute(query)}

    def _end(self, carrier: FeedEvent) -> FeedEvent:
        """That the child of an event begins or ends with it."""
        bare = replace(carrier, source=None, record_id=None, detail=None, ahead=True)
        if carrier.kind == LINKED:
            return replace(bare, kind="child_restored")
        others = sorted(self.went_to(carrier.child_id, carrier.run))
        if others:
            return replace(bare, kind="child_merged", detail={"successors": others})
        return replace(bare, kind="child_emptied")

    def told(self, connection: Connection, events: Sequence[FeedEvent]) -> Iterator[FeedEvent]:
        """Events as they may be seen, without those that may not be."""
        changed = self._changed(connection, events)
        for event in events:
            if event.kind == "values_changed":
                seen = self._values(event, changed)
            elif self.everything or event.source is not None:
                seen = event
            else:
                seen = self._of_child(event)
            if seen is not None:
                yield seen

    def _of_child(self, event: FeedEvent) -> FeedEvent | None:
        """A beginning, an end, or that records went to another child."""
        child, run = event.child_id, event.run
        if event.kind in _BEGINNINGS:
            if not self.begins(child, run):
                return None
            anew = self.first(child) == run
            return replace(event, kind=_BEGINNINGS[0] if anew else _BEGINNINGS[1])
        others = self.went_to(child, run)
        if event.kind == "child_split":
            # What ends as far as they see is told to have merged.
            told = others.issuperset(successors(event)) and not self.ends(child, run)
            return event if told else None
        left = [one for one in successors(event) if one in others]
        if event.kind == "child_merged" and left:
            return replace(event, detail={"successors": left})
        return emptied(event) if self.ends(child, run) else None

    def _values(
        self, event: FeedEvent, changed: Mapping[Moment, Collection[str]]
    ) -> FeedEvent | None:
        child, run = event.child_id, event.run
        if not (self.everything or self.after(child, run)):
            return None
        names = (event.detail or {}).get("fields", [])
        if self.view is not None and event.whole:
            names = [name for name in names if self._anywhere(_field(name))]
        elif self.view is not None:
            moved = {_field(name) for name in names}
            seen = changed.get((child, run), ())
            names = [name for name in GOLDEN_COLUMNS if _field(name) in moved and name in seen]
        return replace(event, detail={**(event.detail or {}), "fields": names}) if names else None

    def _anywhere(self, name: str) -> bool:
        view = self.view
        return view is None or any(view.may_see(source, name) for source in view.sources)

    def _changed(
        self, connection: Connection, events: Sequence[FeedEvent]
    ) -> dict[Moment, set[str]]:
        """Golden columns that a run changed, as they are seen; one that is not is nothing."""
        if self.view is None:
            return {}
        moments = {(one.child_id, one.run) for one in events if one.kind == "values_changed"}
        runs = np.array(sorted({run for _, run in moments}), dtype=np.int64)
        children = sorted({child for child, _ in moments})
        query = select(
            Golden.child, Golden.from_run, Golden.to_run,
            *(getattr(Golden, name) for name in GOLDEN_COLUMNS),
        ).where(
            among(Golden.child, children),
            or_(among(Golden.from_run, runs), among(Golden.to_run, runs)),
        )  # fmt: skip
        shows = _shows(self.view)
        since: dict[Moment, list[Any]] = {}
        until: dict[Moment, list[Any]] = {}
        for child, from_run, to_run, *values in connection.execute(query):
            shown = [
                said
                for at in range(0, len(values), 2)
                for said in (values[at : at + 2] if shows(at // 2, values[at + 1]) else _NOTHING)
            ]
            since[child, from_run] = shown
            until[child, to_run] = shown
        nothing = [None] * len(GOLDEN_COLUMNS)
        found = {}
        for moment in moments:
            known = self.everything or self.before(*moment)
            then = until.get(moment, nothing) if known else nothing
            both = zip(GOLDEN_COLUMNS, then, since.get(moment, nothing), strict=True)
            found[moment] = {name for name, old, new in both if old != new}
        return found


_NOTHING = (None, None)


def _holds(span: Span, run: int | None) -> bool:
    since, until = span
    if run is None:
        return until is None
    return since <= run and (until is None or run < until)


def _shows(view: View) -> Any:
    """Whether a golden field, by its place, shows where its value is of a source."""

    @cache
    def shows(at: int, source: str | None) -> bool:
        name = GOLDEN_FIELDS[at]
        of = {name: True, f"{name}_source": source}
        return bool(view.of_golden(of, shielded=False)[name])

    return shows


def _field(name: str) -> str:
    return name.removesuffix("_source")


def _sees_everything(connection: Connection, view: View | None) -> bool:
    """Whether there is no record that may not be seen. One query."""
    unseen: list[ColumnElement[bool]] = []
    if view is not None:
        unseen.append(
            select(Source.number).where(Source.name.not_in(sorted(view.sources))).exists()
        )
    if view is None or not view.cleared:
        unseen.append(exists(lookalike_keys()))
    return not connection.scalar(select(or_(*unseen)))


def emptied(event: FeedEvent) -> FeedEvent:
    """That the child of an event ended, without where to."""
    return replace(event, kind="child_emptied", source=None, record_id=None, detail=None)
