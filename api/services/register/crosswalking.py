"""By which ids other systems know the child of a record: one record, or many at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Membership, Record, Source
from api.services.extracts.current import held
from api.services.register.columns import Numbers
from api.services.register.history import Key, Member
from api.services.register.sundered import (
    hidden_records,
    latest_children,
    severed_children,
    unclaimed,
)


@dataclass(frozen=True, slots=True)
class Crossed:
    """The child of a record, and the ids by which the systems asked for know it."""

    child_id: str
    record: int
    ids: Sequence[Key]


def known_sources(connection: Connection) -> dict[str, int]:
    """Every source of the register, with its number."""
    query = select(Source.name, Source.number)
    return {row.name: row.number for row in connection.execute(query)}


def crosswalk(
    connection: Connection,
    keys: Sequence[Key],
    numbers: Mapping[str, int],
    targets: Collection[str],
    *,
    as_of_run: int | None = None,
    untold: Collection[int] = (),
) -> list[Crossed | None]:
    """For each key the other ids of its child, now or after a run; nothing if it has no child.

    ``numbers`` are `known_sources`, which has every source named in ``keys``. The id that was
    asked for is left out. So are records ``untold``, by which nothing is found either. Always
    the same few queries.
    """
    number = _numbers(connection, keys, numbers)
    child = _children(connection, np.array(sorted(number.values()), np.int64), as_of_run)
    members = _members(connection, sorted(set(child.values())), as_of_run)
    found: list[Crossed | None] = []
    for key in keys:
        record = number.get(key, -1)
        own = None if record in untold else child.get(record)
        fellows = members.get(own or "", [])
        if own is None or all(one.record != record for one in fellows):
            found.append(None)
            continue
        ids = [one[:2] for one in fellows if _told(one, targets, {record, *untold})]
        found.append(Crossed(own, record, ids))
    return found


def _told(one: Member, targets: Collection[str], hidden: Collection[int]) -> bool:
    return one.source in targets and one.record not in hidden


def _numbers(
    connection: Connection, keys: Sequence[Key], numbers: Mapping[str, int]
) -> dict[Key, int]:
    """record.id by key."""
    name = {number: source for source, number in numbers.items()}
    asked = np.array(sorted({numbers[source] for source, _ in keys}), dtype=np.int64)
    query = select(Record.source, Record.record_id, Record.id).where(
        among(Record.source, asked),
        among(Record.record_id, sorted({record_id for _, record_id in keys})),
    )
    found = {(name[row.source], row.record_id): row.id for row in connection.execute(query)}
    return {key: found[key] for key in keys if key in found}


def _children(connection: Connection, records: Numbers, as_of_run: int | None) -> dict[int, str]:
    query = select(Membership.record, Membership.child).where(
        held(Membership, as_of_run), among(Membership.record, records)
    )
    return {row.record: row.child for row in connection.execute(query)}


def _members(
    connection: Connection, children: Sequence[str], as_of_run: int | None
) -> dict[str, list[Member]]:
    """Records by child, in order of key, without those that are severed from it by now."""
    query = (
        select(Membership.child, Source.name, Record.record_id, Membership.record)
        .join(Record, Record.id == Membership.record)
        .join(Source, Source.number == Record.source)
        .where(held(Membership, as_of_run), among(Membership.child, children))
    )
    found: dict[str, list[Member]] = {}
    for child, source, record_id, record in connection.execute(query):
        found.setdefault(child, []).append(Member(source, record_id, record))
    if as_of_run is not None:
        found = _without_severed(connection, found)
    return {child: sorted(members) for child, members in found.items()}


def _without_severed(
    connection: Connection, then: Mapping[str, list[Member]]
) -> dict[str, list[Member]]:
    records = np.array(sorted(one.record for held in then.values() for one in held), np.int64)
    now = latest_children(connection, records)
    severed = severed_children(connection, set(now.values()) | set(then))
    lost = unclaimed(connection, then)
    shown = {}
    for child, members in then.items():
        hidden = hidden_records(severed, child, {one.record: now[one.record] for one in members})
        hidden |= lost.get(child, set())
        shown[child] = [one for one in members if one.record not in hidden]
    return shown
