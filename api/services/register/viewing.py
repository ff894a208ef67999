"""Children, their records and families as somebody may see them, by now or as of a past run.

What may not be seen for the purpose is left out, and where a shielded child lives as well.
Each call is a fixed number of queries, however large the child and the register.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, bindparam, func, select

from api.db.among import among
from api.db.models import (
    CheckedRecord,
    Child,
    Golden,
    Membership,
    Record,
    RecordVersion,
    Shield,
    Source,
)
from api.services.access.policy import View
from api.services.extracts.current import held
from api.services.extracts.dates import extract_dates
from api.services.register.golden_told import golden_without
from api.services.register.history import (
    ChildStanding,
    Member,
    Standing,
    find_child,
    gone,
    members_of,
    survivors,
)
from api.services.register.lookalikes import is_lookalike, lookalikes
from api.services.register.seen_events import Sight
from api.services.register.shields import (
    hides_place,
    shielded_children,
    shielded_records,
    was_shielded,
)
from matcher.frames import RECORD_TEXT_COLUMNS
from matcher.register.golden import GOLDEN_COLUMNS
from matcher.rules.survivorship import GOLDEN_FIELDS

# What a record says, by column of RECORDS.
SAID = (*RECORD_TEXT_COLUMNS, "date_of_birth")


@dataclass(frozen=True, slots=True)
class ShownChild:
    """A child by its id.

    ``golden`` gives the value and its source of each field that has one and may be seen;
    ``records`` those that may. Both are empty of one that is not current.
    """

    standing: ChildStanding
    golden: Mapping[str, tuple[Any, str]]
    records: Sequence[Member]
    shielded: bool
    location_hidden: bool


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """What a record says. ``version`` is record_version.id, ``as_of`` the day it said so.

    One that is ``erased`` said something then of which nothing is left. ``hidden`` are values
    that may not be seen. ``checked`` says that a person has marked it so by now.
    """

    key: Member
    version: int
    from_run: int
    extract: int | None
    as_of: date | None
    values: Mapping[str, Any]
    hidden: Mapping[str, Any]
    location_hidden: bool
    erased: bool
    checked: bool


# Made once: this is asked more often than all else.
_SHIELDED = (
    select(Shield.id)
    .join(Membership, Membership.record == Shield.record)
    .where(Membership.child == Child.id, Membership.to_run.is_(None), Shield.lifted_at.is_(None))
    .exists()
)
_CHECKED = (
    select(CheckedRecord.id)
    .where(CheckedRecord.record == RecordVersion.record, CheckedRecord.undone_at.is_(None))
    .exists()
)


def _child_now(*, cleared: bool) -> Select[Any]:
    """A child as it is, and since which run it has held a record of some sources."""
    since = (
        select(func.min(Membership.from_run))
        .join(Record, Record.id == Membership.record)
        .join(Source, Source.number == Record.source)
        .where(Membership.child == Child.id)
        .where(Source.name.in_(bindparam("sources", expanding=True)))
    )
    if not cleared:
        since = since.where(~is_lookalike(Membership.record))
    return (
        select(
            since.scalar_subquery().label("since"),
            _SHIELDED.label("shielded"),
            *(getattr(Golden, name) for name in GOLDEN_COLUMNS),
        )
        .select_from(Child)
        .outerjoin(Golden, (Golden.child == Child.id) & Golden.to_run.is_(None))
        .where(Child.id == bindparam("child"))
    )


_CHILD_NOW = {cleared: _child_now(cleared=cleared) for cleared in (False, True)}


def view_child(
    connection: Connection, view: View, child_id: str, *, as_of_run: int | None = None
) -> ShownChild | None:
    """A child, now or after a run.

    None if the id was never given, or not yet, or if it never held a record that may be seen.
    """
    if as_of_run is not None:
        return _view_child_then(connection, view, child_id, as_of_run)
    asked = {"child": child_id, "sources": sorted(view.sources)}
    row = connection.execute(_CHILD_NOW[view.cleared], asked).one_or_none()
    if row is None or row.since is None:
        return None
    members, _ = members_of(connection, child_id)
    untold = lookalikes(connection, view).records if row.shielded else frozenset()
    seen = seen_members(view, members, untold)
    if not seen:
        ended = view_standing(connection, view, child_id)
        return None if ended is None else ShownChild(ended, {}, (), False, False)
    standing = ChildStanding(child_id, Standing.CURRENT, row.since, None, ())
    # Most children are under no shield of any kind.
    shielded = bool(row.shielded) and child_id in shielded_children(connection, [child_id])
    golden = row._asdict()
    if untold:
        golden |= golden_without(connection, [child_id]).get(child_id, {})
    return _shown(view, standing, golden, seen, shielded)


def _view_child_then(
    connection: Connection, view: View, child_id: str, run: int
) -> ShownChild | None:
    standing = view_standing(connection, view, child_id, as_of_run=run)
    if standing is None or standing.standing is not Standing.CURRENT:
        return None if standing is None else ShownChild(standing, {}, (), False, False)
    members, severed = members_of(connection, child_id, as_of_run=run)
    row = connection.execute(
        select(*(getattr(Golden, name) for name in GOLDEN_COLUMNS)).where(
            Golden.child == child_id, held(Golden, run)
        )
    ).one_or_none()
    # Values that survived of records which must not be shown together any more would show them.
    golden = {} if row is None or severed else row._asdict()
    shielded = bool(shielded_children(connection, [child_id], at_any_time=True))
    untold = lookalikes(connection, view).records
    if untold and golden:
        golden |= golden_without(connection, [child_id], as_of_run=run).get(child_id, {})
    return _shown(view, standing, golden, seen_members(view, members, untold), shielded)


def view_standing(
    connection: Connection, view: View, child_id: str, *, as_of_run: int | None = None
) -> ChildStanding | None:
    """What became of an id, as `find_child`, as if there were no records but those to be seen.

    None if there is none of these, or was none yet.
    """
    found = find_child(connection, child_id, as_of_run=as_of_run)
    sight = Sight.at(connection, view, [child_id])
    if found is None or sight.everything:
        return found
    first = sight.first(child_id)
    if first is None or (as_of_run is not None and first > as_of_run):
        return None
    if sight.after(child_id, as_of_run):
        return replace(found, from_run=first)
    return _ended(connection, view, sight, child_id, as_of_run)


def _ended(
    connection: Connection, view: View, sight: Sight, child_id: str, as_of_run: int | None
) -> ChildStanding | None:
    """A child that ended when the last of its records left that may be seen."""
    first, ended = sight.first(child_id), sight.ended(child_id, as_of_run)
    assert first is not None and ended is not None, "it held some, and holds none"
    last = sight.left[child_id, ended]
    if as_of_run is not None:
        after, by_now = (sorted(sight.children_of(last, run)) for run in (as_of_run, None))
        return gone(connection, child_id, first, ended, after, by_now)
    went = sight.children_of(last, sight.led_on(child_id, ended))
    by_now = survivors(connection, went)
    seen = Sight.at(connection, view, by_now)
    left = [one for one in by_now if seen.after(one, None)]
    return gone(connection, child_id, first, ended, left, by_now)


def seen_members(view: View, members: Iterable[Member], untold: Collection[int]) -> list[Member]:
    """Those of sources that may be seen, by ids that may be told, in order of these.

    Without those records ``untold`` of which it may not be told whose they are.
    """
    return sorted(
        Member(one.source, view.shown_id(*one), one.record)
        for one in members
        if one.source in view.sources and one.record not in untold
    )


def _shown(
    view: View,
    standing: ChildStanding,
    golden: Mapping[str, Any],
    members: Sequence[Member],
    shielded: bool,
) -> ShownChild:
    kept = view.of_golden({name: golden.get(name) for name in GOLDEN_COLUMNS}, shielded=shielded)
    return ShownChild(
        standing,
        {
            field: (kept[field], kept[f"{field}_source"])
            for field in GOLDEN_FIELDS
            if kept[field] is not None
        },
        members,
        shielded,
        view.hides_location(shielded),
    )


def view_records(
    connection: Connection,
    view: View,
    child_id: str,
    *,
    as_of_run: int | None = None,
    after: tuple[str, str] | None = None,
    limit: int = 100,
) -> list[ShownRecord]:
    """What a child's records say, in order of key; those after a key, so many at most."""
    members, _ = members_of(connection, child_id, as_of_run=as_of_run)
    seen = seen_members(view, members, lookalikes(connection, view).records)
    wanted = [one for one in seen if after is None or one[:2] > after]
    past = as_of_run is not None
    shielded = bool(shielded_children(connection, [child_id], at_any_time=past))
    return _records(connection, view, wanted[:limit], as_of_run, shielded=shielded)


def view_record(
    connection: Connection,
    view: View,
    source: str,
    record_id: str,
    *,
    as_of_run: int | None = None,
) -> ShownRecord | None:
    """What a record says, now or after a run; None if it said nothing then.

    Raises AccessError if no record of the source may be seen, or asked for by its id.
    """
    view.require_named(source)
    number = record_number(connection, source, record_id)
    if number is None:
        return None
    return view_member(connection, view, Member(source, record_id, number), as_of_run=as_of_run)


def view_member(
    connection: Connection, view: View, member: Member, *, as_of_run: int | None = None
) -> ShownRecord | None:
    """What a record says that was found by something else than its id; see `view_record`."""
    shielded = member.record in shielded_records(connection)
    if as_of_run is not None:
        shielded = shielded or was_shielded(connection, member.record)
    found = _records(connection, view, [member], as_of_run, shielded=shielded)
    return found[0] if found else None


def record_number(connection: Connection, source: str, record_id: str) -> int | None:
    """record.id of a record that was ever seen."""
    query = (
        select(Record.id)
        .join(Source, Source.number == Record.source)
        .where(Source.name == source, Record.record_id == record_id)
    )
    return connection.scalar(query)


def record_state(
    connection: Connection, source: str, record_id: str
) -> tuple[int | None, int | None]:
    """record.id and the id of the current version; nothing where there is none."""
    query = (
        select(Record.id, RecordVersion.id)
        .join(Source, Source.number == Record.source)
        .outerjoin(
            RecordVersion, (RecordVersion.record == Record.id) & RecordVersion.to_run.is_(None)
        )
        .where(Source.name == source, Record.record_id == record_id)
    )
    found = connection.execute(query).one_or_none()
    return (None, None) if found is None else (found[0], found[1])


def has_source(connection: Connection, source: str) -> bool:
    """Whether the register has a source of this name."""
    return connection.scalar(select(Source.number).where(Source.name == source)) is not None


def sources_with_records(connection: Connection, names: Collection[str]) -> list[str]:
    """Those of which any record was ever kept, by name: what was refused leaves a name too."""
    held = select(Record.id).where(Record.source == Source.number).exists()
    query = select(Source.name).where(held, among(Source.name, sorted(names)))
    return sorted(connection.scalars(query))


def _records(
    connection: Connection,
    view: View,
    members: Sequence[Member],
    as_of_run: int | None,
    *,
    shielded: bool,
) -> list[ShownRecord]:
    numbers = np.array([member.record for member in members], dtype=np.int64)
    query = (
        select(RecordVersion.__table__, Record.source, Record.erased_run, _CHECKED.label("checked"))
        .join(Record, Record.id == RecordVersion.record)
        .where(held(RecordVersion, as_of_run), among(RecordVersion.record, numbers))
    )
    rows = {row.record: row for row in connection.execute(query)}
    dates = extract_dates(connection, as_of_run=as_of_run)
    shown = []
    for member in members:
        row = rows.get(member.record)
        if row is None:
            continue
        said = {name: getattr(row, name) for name in SAID if getattr(row, name) is not None}
        hides = hides_place(row.role, shielded=shielded)
        values = view.of_values(member.source, said, shielded=hides)
        day = dates.of(
            np.array([row.as_of], dtype="datetime64[D]"),
            np.array([row.source]),
            np.array([row.extract or 0]),
        )[0]
        shown.append(
            ShownRecord(
                member,
                row.id,
                row.from_run,
                row.extract,
                None if np.isnat(day) else day.item(),
                values,
                {name: value for name, value in said.items() if name not in values},
                view.hides_location(hides),
                row.erased_run is not None,
                bool(row.checked),
            )
        )
    return shown
