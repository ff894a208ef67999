"""What happened to a child, and to a record: in the order of the runs, with when and by whom.

Severed identities are left out on both sides, and so is what may not be seen for the purpose.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, or_, select

from api.db.among import among
from api.db.models import Extract, Membership, Record, RecordVersion, Run, RunKind, Severance
from api.db.tables import in_utc
from api.services.access.policy import View
from api.services.register.acts import Key, numbers_of
from api.services.register.child_events import child_events, shown_events
from api.services.register.history import ChildStanding, Standing
from api.services.register.lookalikes import Lookalikes, lookalikes
from api.services.register.seen_events import FeedEvent, Sight, successors
from api.services.register.severances import hidden_from, shown_successions
from api.services.register.shields import (
    LOCATION,
    hides_place,
    shielded_children,
    shielded_records,
    was_shielded,
)
from api.services.register.sundered import unclaimed
from api.services.register.viewing import SAID, view_standing

# Entries that name the children to whom the records of one went.
_LEADS_ON = ("child_merged", "child_split")

# Where an entry stands: run, section within it, number.
Place = tuple[int, int, int]


class Moment(NamedTuple):
    """When a run was, who asked for it, and of what kind it was."""

    at: datetime
    by: str
    kind: str


@dataclass(frozen=True, slots=True)
class ChildChange:
    """One entry of a child's history.

    ``kind`` is that of an event, or child_absorbed (another child was merged into this one)
    or child_split_off (this one came of another). ``children`` are those others, or the
    successors; ``source`` and ``record_id`` name a record that joined or left; ``fields``
    are golden fields with another value than before.
    """

    kind: str
    run: int
    when: Moment
    place: Place
    children: Sequence[str] = ()
    source: str | None = None
    record_id: str | None = None
    fields: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One entry of a record's history.

    ``kind`` is record_said, record_gone, record_erased, child_joined or child_left. What the
    record said is in ``values``, with the names of ``fields`` that changed, the extract that
    told so, and ``as_of`` which day. No field is among them where nothing but the day is another.
    """

    kind: str
    run: int
    when: Moment
    place: Place
    child_id: str | None = None
    extract: int | None = None
    as_of: date | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    fields: Sequence[str] = ()


def child_history(
    connection: Connection,
    view: View,
    child_id: str,
    *,
    after: Place | None = None,
    limit: int = 100,
) -> list[ChildChange]:
    """The next entries of a child's history, oldest first."""
    severed = hidden_from(connection, child_id)
    successions = shown_successions(connection, child_id, severed)
    untold = lookalikes(connection, view)
    kept = [one for one in child_events(connection, child_id) if _is_told(one, view, untold)]
    others = {old for _, _, old, new in successions if new == child_id}
    sight = Sight.at(connection, view, {child_id, *others})
    shown = shown_events(connection, child_id, sight.with_ends(connection, kept), severed)
    events = list(sight.told(connection, shown))
    runs = _moments(connection, [row[0] for row in successions] + [one.run for one in events])
    shielded = child_id in shielded_children(connection, [child_id], at_any_time=True)
    hidden = LOCATION if view.hides_location(shielded) else ()
    numbers: dict[Key, int] = {}
    if not all(view.shows_ids(source) for source in view.sources):
        numbers = numbers_of(
            connection,
            {(one.source, one.record_id or "") for one in events if one.source is not None},
        )
    entries = []
    for at, (run, kind, old, new) in enumerate(successions):
        if new == child_id and sight.is_told_to_go(old, new, run):
            merged = sight.is_told_to_merge(old, run, merged=kind == "merged")
            name = "child_absorbed" if merged else "child_split_off"
            entries.append(ChildChange(name, run, runs[run], (run, 0, at), children=(old,)))
    for event in events:
        entry = _entry(view, event, runs[event.run], numbers, hidden)
        if entry is not None:
            entries.append(entry)
    entries.sort(key=lambda entry: entry.place)
    return [entry for entry in entries if after is None or entry.place > after][:limit]


def was_erased(connection: Connection, view: View, standing: ChildStanding) -> bool:
    """Whether an erasure took the last records of a child, or of all that it was merged into.

    Told by no more than its history tells, and the histories that this leads to.
    """
    if standing.standing is not Standing.ENDED or standing.to_run is None:
        return False
    before = (standing.to_run, -1, 0)
    told = child_history(connection, view, standing.child_id, after=before)
    if any(one.when.kind == RunKind.ERASURE for one in told if one.run == standing.to_run):
        return True
    # Each ended after the one before it, so this comes to an end.
    led = {other for one in told if one.kind in _LEADS_ON for other in one.children}
    stood = [view_standing(connection, view, other) for other in sorted(led)]
    return bool(stood) and all(
        one is not None
        and (one.to_run or 0) > standing.to_run
        and was_erased(connection, view, one)
        for one in stood
    )


def _is_told(event: FeedEvent, view: View, untold: Lookalikes) -> bool:
    """Whether it is of no record that may not be seen, nor of values that such a one changed."""
    if event.source is not None and event.source not in view.sources:
        return False
    if event.kind == "values_changed" and event.run in untold.runs:
        return False
    return (event.source, event.record_id) not in untold.keys


def _entry(
    view: View,
    event: FeedEvent,
    when: Moment,
    numbers: Mapping[Key, int],
    hidden: Collection[str],
) -> ChildChange | None:
    """An event as an entry, without ``hidden`` fields; nothing if none is left."""
    # What is told ahead of an event has its number.
    place = (event.run, 1, 2 * event.id - event.ahead)
    entry = ChildChange(event.kind, event.run, when, place)
    if event.source is not None:
        key = (event.source, event.record_id or "")
        record_id = view.shown_id(*key, numbers.get(key, 0))
        return replace(entry, source=event.source, record_id=record_id)
    detail = event.detail or {}
    if "fields" in detail:
        every = dict.fromkeys(name.removesuffix("_source") for name in detail["fields"])
        fields = [name for name in every if name not in hidden]
        return replace(entry, fields=fields) if fields else None
    return replace(entry, children=tuple(successors(event)))


def record_history(
    connection: Connection,
    view: View,
    source: str,
    record: int,
    *,
    after: Place | None = None,
    limit: int = 100,
) -> list[RecordChange]:
    """The next entries of the history of a record, by record.id, oldest first.

    Raises AccessError if nothing of its source may be seen.
    """
    view.require_source(source)
    versions = connection.execute(
        select(RecordVersion.__table__, Extract.as_of.label("extract_as_of"))
        .outerjoin(Extract, Extract.id == RecordVersion.extract)
        .where(RecordVersion.record == record)
        .order_by(RecordVersion.from_run)
    ).all()
    untold = lookalikes(connection, view).records
    members = [] if record in untold else _memberships(connection, record)
    erased = connection.scalar(select(Record.erased_run).where(Record.id == record))
    ran = [row.from_run for row in (*versions, *members)] + [
        row.to_run for row in (*versions, *members) if row.to_run is not None
    ]
    ran += [] if erased is None else [erased]
    runs = _moments(connection, ran)
    shielded = record in shielded_records(connection)
    before = shielded or was_shielded(connection, record)
    entries = [
        *_versions(view, source, versions, runs, now=shielded, before=before),
        *_belonging(members, runs),
    ]
    if erased is not None:
        entries.append(RecordChange("record_erased", erased, runs[erased], (erased, 4, record)))
    entries.sort(key=lambda entry: entry.place)
    return [entry for entry in entries if after is None or entry.place > after][:limit]


def _versions(
    view: View,
    source: str,
    versions: Sequence[Any],
    runs: Mapping[int, Moment],
    *,
    now: bool,
    before: bool,
) -> Iterable[RecordChange]:
    """What a record said; whether it is shielded ``now``, or was of a shielded child ``before``."""
    said_last: dict[str, Any] = {}
    for last, row, following in zip(
        [None, *versions], versions, [*versions[1:], None], strict=False
    ):
        said = {name: getattr(row, name) for name in SAID if getattr(row, name) is not None}
        hides = hides_place(row.role, shielded=now if row.to_run is None else before)
        shown = view.of_values(source, said, shielded=hides)
        changed = [name for name in SAID if shown.get(name) != said_last.get(name)]
        if last is None or not _says_the_same(last, row):
            yield RecordChange(
                "record_said",
                row.from_run,
                runs[row.from_run],
                (row.from_run, 0, row.id),
                extract=row.extract,
                as_of=row.as_of or row.extract_as_of,
                values=shown,
                fields=changed,
            )
        said_last = shown
        if row.to_run is not None and (following is None or following.from_run != row.to_run):
            yield RecordChange("record_gone", row.to_run, runs[row.to_run], (row.to_run, 1, row.id))
            said_last = {}


def _says_the_same(last: Any, row: Any) -> bool:
    """Whether a version differs from the last in nothing but that its place is compared again."""
    same = ("content_hash", "extract", "as_of")
    again = last.unplaced and not row.unplaced and last.to_run == row.from_run
    return again and all(getattr(last, name) == getattr(row, name) for name in same)


def _belonging(members: Sequence[Any], runs: Mapping[int, Moment]) -> Iterable[RecordChange]:
    for row in members:
        run = row.from_run
        yield RecordChange("child_joined", run, runs[run], (run, 3, 0), child_id=row.child)
        if row.to_run is not None:
            run = row.to_run
            yield RecordChange("child_left", run, runs[run], (run, 2, 0), child_id=row.child)


def _memberships(connection: Connection, record: int) -> list[Any]:
    """The children that a record belonged to, without those that are not its own to tell.

    A child that holds, or held with this record, one that is severed from it would lead from
    one identity to the other.
    """
    rows = connection.execute(
        select(Membership.child, Membership.from_run, Membership.to_run)
        .where(Membership.record == record)
        .order_by(Membership.from_run)
    ).all()
    lost = unclaimed(connection, {row.child for row in rows})
    rows = [row for row in rows if record not in lost.get(row.child, set())]
    current = [row.child for row in rows if row.to_run is None]
    mine = {record, *_held_now(connection, current)}
    numbers = np.array(sorted(mine), dtype=np.int64)
    ends = connection.execute(
        select(Severance.record_l, Severance.record_r).where(
            or_(
                among(Severance.record_l, numbers),
                among(Severance.record_r, numbers),
            )
        )
    ).all()
    if not ends:
        return list(rows)
    severed = {tuple(pair) for pair in ends} | {tuple(pair)[::-1] for pair in ends}
    past = [row.child for row in rows if row.to_run is not None]
    held = connection.execute(
        select(Membership.child, Membership.record, Membership.to_run).where(
            among(Membership.child, sorted(set(past)))
        )
    ).all()
    hidden = {
        child
        for child in past
        if _leads_across([h for h in held if h.child == child], mine, severed)
    }
    return [row for row in rows if row.to_run is None or row.child not in hidden]


def _held_now(connection: Connection, children: Collection[str]) -> Sequence[int]:
    query = select(Membership.record).where(
        Membership.to_run.is_(None), among(Membership.child, sorted(children))
    )
    return connection.scalars(query).all()


def _leads_across(
    held: Sequence[Any], mine: Collection[int], severed: Collection[tuple[int, ...]]
) -> bool:
    """Whether a child holds one that is severed from mine, or held it with one of mine."""
    ever = {row.record for row in held}
    present = {row.record for row in held if row.to_run is None}
    return any(own in mine and (other in present or {own, other} <= ever) for own, other in severed)


def _moments(connection: Connection, runs: Iterable[int]) -> dict[int, Moment]:
    numbers = np.array(sorted(set(runs)), dtype=np.int64)
    query = select(Run.id, Run.at, Run.by, Run.kind).where(among(Run.id, numbers))
    return {
        number: Moment(in_utc(at), by, kind) for number, at, by, kind in connection.execute(query)
    }
