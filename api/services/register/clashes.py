"""Which decisions a conflict comes of: the ones of which a person must take one back."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection, and_, or_, select

from api.db.among import among
from api.db.models import Conflict, Decision, RecordVersion
from api.db.tables import in_utc
from api.services.register.acts import Key, keys_of
from api.services.register.conflicts import CONTRADICTION, HELD_TWICE
from api.services.register.decisions import MATCH, NON_MATCH, UNDO, decisions_in_force
from api.services.register.reading import last_run
from api.services.register.severances import severed_between

# Kind, and record.id of both.
Named = tuple[str, int, int]
# By record.id, the records that it was matched with, with the decision's number.
_Ways = Mapping[int, Collection[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Clashing:
    """A decision that a conflict comes of; ``records`` are record.id of ``l`` and ``r``."""

    id: int
    kind: str
    l: Key
    r: Key
    records: tuple[int, int]
    by: str
    at: datetime
    why: str


def clashing_decisions(
    connection: Connection, conflicts: Iterable[Named]
) -> dict[Named, tuple[Clashing, ...]]:
    """The decisions in force that each of these conflicts comes of, in order of their numbers.

    Of a contradiction the match that is not followed, the non-matches that keep the two sides
    apart, and the matches that lead from either record to these; of two records that are held
    twice the matches that lead from one to the other. Nothing of severed children.
    """
    asked = [one for one in conflicts if one[0] in (CONTRADICTION, HELD_TWICE)]
    if not asked:
        return {}
    found = _told(connection, decisions_in_force(connection))
    refused = _refused(connection)
    ways: dict[int, list[tuple[int, int]]] = {}
    own: dict[frozenset[int], int] = {}
    barred: list[tuple[int, int, int]] = []
    rows = (found[name].tolist() for name in ("id", "kind", "l", "r"))
    for number, kind, l, r in zip(*rows, strict=True):
        if kind == NON_MATCH:
            barred.append((number, l, r))
        elif frozenset((l, r)) in refused:
            own[frozenset((l, r))] = number
        else:
            ways.setdefault(l, []).append((r, number))
            ways.setdefault(r, []).append((l, number))
    numbers = {one: _clash(one, ways, own, barred) for one in asked}
    made = _made(connection, sorted(set().union(*numbers.values())))
    return {one: tuple(made[number] for number in sorted(own)) for one, own in numbers.items()}


def holds_a_conflict(
    connection: Connection, l: int, r: int, kinds: Collection[str], *, without: int | None = None
) -> bool:
    """Whether an open conflict comes of what is decided of these two records (record.id).

    ``kinds`` are those of conflicts that are asked about, see `clashing_decisions`. It is of what
    the last run followed: a decision since then waits to be seen by a run. ``without`` asks whether
    the two would be decided otherwise without that decision, too.
    """
    now = _kind_held(connection, l, r)
    if now is None or now != _kind_held(connection, l, r, as_of_run=last_run(connection)):
        return False
    if without is not None and _kind_held(connection, l, r, without=without) == now:
        return False
    query = select(Conflict.kind, Conflict.record_l, Conflict.record_r).where(
        Conflict.kind.in_(kinds), Conflict.to_run.is_(None)
    )
    conflicts = [(kind, one, other) for kind, one, other in connection.execute(query)]
    found = clashing_decisions(connection, conflicts)
    return any({*one.records} == {l, r} for own in found.values() for one in own)


def _kind_held(
    connection: Connection,
    l: int,
    r: int,
    *,
    as_of_run: int | None = None,
    without: int | None = None,
) -> str | None:
    """What is decided of two records, or would be without one decision."""
    query = select(Decision.id, Decision.kind, Decision.undoes).where(
        or_(
            and_(Decision.record_l == l, Decision.record_r == r),
            and_(Decision.record_l == r, Decision.record_r == l),
        )
    )
    if as_of_run is not None:
        query = query.where(Decision.run <= as_of_run)
    rows = connection.execute(query.order_by(Decision.id)).all()
    gone = {row.undoes for row in rows} | {without}
    held = [row.kind for row in rows if row.kind != UNDO and row.id not in gone]
    return held[-1] if held else None


def _clash(
    conflict: Named,
    ways: _Ways,
    own: Mapping[frozenset[int], int],
    barred: Iterable[tuple[int, int, int]],
) -> set[int]:
    kind, l, r = conflict
    here = _led(l, ways)
    if kind == HELD_TWICE:
        return {*here.get(r, ())}
    there = _led(r, ways)
    found = {own[frozenset((l, r))]} if frozenset((l, r)) in own else set()
    for number, one, other in barred:
        for mine, theirs in ((one, other), (other, one)):
            if mine in here and theirs in there:
                found |= {number, *here[mine], *there[theirs]}
    return found


def _led(start: int, ways: _Ways) -> dict[int, tuple[int, ...]]:
    """Records that matches lead to from one, each with the decisions of a shortest way."""
    reached: dict[int, tuple[int, ...]] = {start: ()}
    waiting = deque([start])
    while waiting:
        at = waiting.popleft()
        for to, number in ways.get(at, ()):
            if to not in reached:
                reached[to] = (*reached[at], number)
                waiting.append(to)
    return reached


def _told(connection: Connection, found: pd.DataFrame) -> pd.DataFrame:
    """Matches and non-matches that linking holds: on records that are listed, and not severed."""
    found = found[found["kind"].isin([MATCH, NON_MATCH])]
    l, r = found["l"].to_numpy(np.int64), found["r"].to_numpy(np.int64)
    listed = select(RecordVersion.record).where(
        RecordVersion.to_run.is_(None), among(RecordVersion.record, np.union1d(l, r))
    )
    here = list(connection.scalars(listed))
    return found[found["l"].isin(here) & found["r"].isin(here) & ~severed_between(connection, l, r)]


def _refused(connection: Connection) -> set[frozenset[int]]:
    """Pairs whose match is not followed."""
    query = select(Conflict.record_l, Conflict.record_r).where(
        Conflict.kind == CONTRADICTION, Conflict.to_run.is_(None)
    )
    return {frozenset(pair) for pair in connection.execute(query)}


def _made(connection: Connection, numbers: list[int]) -> dict[int, Clashing]:
    rows = connection.execute(
        select(Decision).where(among(Decision.id, np.array(numbers, dtype=np.int64)))
    ).all()
    records = [record for row in rows for record in (row.record_l, row.record_r)]
    key = keys_of(connection, records)
    return {
        row.id: Clashing(
            row.id,
            row.kind,
            key[row.record_l],
            key[row.record_r],
            (row.record_l, row.record_r),
            row.by,
            in_utc(row.at),
            row.why,
        )
        for row in rows
    }
