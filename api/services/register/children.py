"""Children brought in line with clusters: ids, memberships, golden values, and the events.

Nothing is written for a child of whom nothing changed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, select, update

from api.db.bulk import insert
from api.db.models import Child, Event, Golden, Membership, Record, Source, Succession
from api.services.register.columns import Numbers, among, columns
from api.services.register.corrections import corrected
from matcher.pipeline import Linked
from matcher.register import Carried, carry_ids, golden_values
from matcher.register.golden import GOLDEN_COLUMNS
from matcher.rules.library import LinkageRules

Key = tuple[str, str]


@dataclass(frozen=True)
class ChildCounts:
    """What a run did to children, and to the records that belong to them."""

    founded: int = 0
    restored: int = 0
    ended: int = 0
    joined: int = 0
    left: int = 0
    values_changed: int = 0

    @property
    def nothing(self) -> bool:
        """Whether nobody's membership or values changed."""
        return not any(getattr(self, field.name) for field in fields(self))


def update_children(
    rules: LinkageRules, connection: Connection, run: int, linked: Linked | None, gone: Numbers
) -> ChildCounts:
    """Write what is another child, or other values, than before this run.

    ``linked`` holds whole clusters; its records have record.id in ``id``. ``gone`` are
    records that belong to nobody any more.
    """
    if linked is None:
        record, label, keys = np.empty(0, np.int64), np.empty(0, np.int64), []
    else:
        frame = linked.prepared.records
        record, label = frame["id"].to_numpy(np.int64), linked.clusters.label
        keys = list(zip(frame["source"].astype(object), frame["record_id"], strict=True))
    before = _children_of(connection, np.union1d(record, gone))
    carried = _carry(connection, record, label, keys, before, gone)
    moved = [
        (at, old, new)
        for at, (old, new) in enumerate(
            zip((before.get(r) for r in record.tolist()), carried.child, strict=True)
        )
        if old != new
    ]
    away = {r: before[r] for r in gone.tolist() if r in before}
    _write_children(connection, run, carried)
    _write_memberships(connection, run, record, moved, away)
    events = _Events(connection, run)
    events.of_children(carried)
    events.of_records(keys, moved, away)
    changed = 0
    if linked is not None:
        golden = golden_values(
            linked.prepared.records, linked.prepared.standardised, label, rules.survivorship
        )
        of_label = dict(zip(label.tolist(), carried.child, strict=True))
        golden.index = pd.Index([of_label[one] for one in golden.index], name="child")
        golden = corrected(
            connection, golden, dict(zip(record.tolist(), carried.child, strict=True))
        )
        changed = _write_golden(connection, run, golden, events)
    _close_golden(connection, run, carried.ended)
    events.write()
    return ChildCounts(
        founded=len(carried.founded),
        restored=len(carried.restored),
        ended=len(carried.ended),
        joined=len(moved),
        left=len(away) + sum(old is not None for _, old, _ in moved),
        values_changed=changed,
    )


def _children_of(connection: Connection, records: Numbers) -> dict[int, str]:
    """The child that each record belongs to."""
    query = select(Membership.record, Membership.child).where(
        Membership.to_run.is_(None), among(connection, Membership.record, records)
    )
    record, child = columns(connection, query)
    return dict(zip(record.tolist(), child.tolist(), strict=True))


def _carry(
    connection: Connection,
    record: Numbers,
    label: npt.NDArray[np.int64],
    keys: Sequence[Key],
    before: Mapping[int, str],
    gone: Numbers,
) -> Carried:
    held = [before.get(r) for r in record.tolist()]
    left = {before[r] for r in gone.tolist() if r in before}
    once = _once(connection, record)
    ids = {*(b for b in held if b), *left, *(c for found in once.values() for c in found)}

    def taken(wanted: list[str]) -> Collection[str]:
        query = select(Child.id).where(among(connection, Child.id, wanted))
        return connection.scalars(query).all()

    return carry_ids(label, keys, held, once, _ages(connection, ids), left, taken)


def _once(connection: Connection, record: Numbers) -> dict[int, list[str]]:
    """By position, ended children that a record belonged to before."""
    place = {r: at for at, r in enumerate(record.tolist())}
    query = (
        select(Membership.record, Membership.child)
        .join(Child, Child.id == Membership.child)
        .where(Child.to_run.is_not(None), among(connection, Membership.record, record))
        .order_by(Membership.record, Membership.from_run)
    )
    found: dict[int, list[str]] = {}
    for r, child in connection.execute(query):
        found.setdefault(place[r], []).append(child)
    return found


def _ages(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    query = select(Child.id, Child.from_run).where(among(connection, Child.id, sorted(ids)))
    child, run = columns(connection, query)
    return dict(zip(child.tolist(), run.tolist(), strict=True))


def _write_children(connection: Connection, run: int, carried: Carried) -> None:
    insert(connection, Child, {"id": carried.founded, "from_run": run})
    for ids, value in ((carried.restored, None), (carried.ended, run)):
        if ids:
            where = among(connection, Child.id, ids)
            connection.execute(update(Child).where(where).values(to_run=value))
    rows = {
        "run": run,
        "kind": ["merged" if one.merged else "split" for one in carried.successions],
        "child": [one.child for one in carried.successions],
        "successor": [one.successor for one in carried.successions],
    }
    insert(connection, Succession, rows)


def _write_memberships(
    connection: Connection,
    run: int,
    record: Numbers,
    moved: Sequence[tuple[int, str | None, str]],
    away: Mapping[int, str],
) -> None:
    ended = [int(record[at]) for at, old, _ in moved if old] + list(away)
    if ended:
        connection.execute(
            update(Membership)
            .where(
                Membership.to_run.is_(None),
                among(connection, Membership.record, np.array(ended, dtype=np.int64)),
            )
            .values(to_run=run)
        )
    rows = {
        "record": record[[at for at, _, _ in moved]] if moved else np.empty(0, np.int64),
        "from_run": run,
        "child": [new for _, _, new in moved],
    }
    insert(connection, Membership, rows)


def _write_golden(connection: Connection, run: int, golden: pd.DataFrame, events: "_Events") -> int:
    """Write the golden values that changed. How many children have others than before."""
    query = select(Golden.child, *(getattr(Golden, name) for name in GOLDEN_COLUMNS)).where(
        Golden.to_run.is_(None), among(connection, Golden.child, golden.index.tolist())
    )
    known = {row[0]: tuple(row[1:]) for row in connection.execute(query)}
    values = golden[list(GOLDEN_COLUMNS)].astype(object)
    cells = [
        tuple(None if pd.isna(cell) else cell for cell in row)
        for row in values.itertuples(index=False, name=None)
    ]
    changed = [
        (child, row)
        for child, row in zip(golden.index.tolist(), cells, strict=True)
        if known.get(child) != row
    ]
    if not changed:
        return 0
    ids = [child for child, _ in changed]
    _close_golden(connection, run, [child for child in ids if child in known])
    written: dict[str, Any] = {"child": ids, "from_run": run}
    written |= {name: [row[at] for _, row in changed] for at, name in enumerate(GOLDEN_COLUMNS)}
    insert(connection, Golden, written)
    for child, row in changed:
        old = known.get(child, (None,) * len(row))
        names = [n for n, a, b in zip(GOLDEN_COLUMNS, old, row, strict=True) if a != b]
        events.add("values_changed", child, detail={"fields": names})
    return len([child for child in ids if child in known])


def _close_golden(connection: Connection, run: int, children: Sequence[str]) -> None:
    if children:
        connection.execute(
            update(Golden)
            .where(Golden.to_run.is_(None), among(connection, Golden.child, children))
            .values(to_run=run)
        )


class _Events:
    """Entries of the change feed, written together at the end."""

    def __init__(self, connection: Connection, run: int) -> None:
        self.connection, self.run = connection, run
        self.rows: list[tuple[str, str, str | None, str | None, dict[str, Any] | None]] = []

    def add(
        self,
        kind: str,
        child: str,
        source: str | None = None,
        record_id: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """One more entry."""
        self.rows.append((kind, child, source, record_id, detail))

    def of_children(self, carried: Carried) -> None:
        """Children that begin and end, merges and splits."""
        for child in carried.founded:
            self.add("child_created", child)
        for child in carried.restored:
            self.add("child_restored", child)
        merged: dict[str, list[str]] = {}
        for one in carried.successions:
            if one.merged:
                merged.setdefault(one.child, []).append(one.successor)
            else:
                self.add("child_split", one.child, detail={"successor": one.successor})
        for child in carried.ended:
            if child in merged:
                self.add("child_merged", child, detail={"successors": merged[child]})
            else:
                self.add("child_emptied", child)

    def of_records(
        self,
        keys: Sequence[Key],
        moved: Sequence[tuple[int, str | None, str]],
        away: Mapping[int, str],
    ) -> None:
        """Records that leave a child or join one."""
        for (source, record_id), child in self._keys_of(away):
            self.add("record_unlinked", child, source, record_id)
        for at, old, _ in moved:
            if old:
                self.add("record_unlinked", old, *keys[at])
        for at, _, new in moved:
            self.add("record_linked", new, *keys[at])

    def _keys_of(self, away: Mapping[int, str]) -> list[tuple[Key, str]]:
        ids = np.array(sorted(away), dtype=np.int64)
        query = (
            select(Record.id, Source.name, Record.record_id)
            .join(Source, Source.number == Record.source)
            .where(among(self.connection, Record.id, ids))
        )
        found = [
            ((source, key), away[number]) for number, source, key in self.connection.execute(query)
        ]
        return sorted(found)

    def write(self) -> None:
        """Write all entries, in the order in which they were added."""
        names = ("kind", "child", "source", "record_id", "detail")
        if self.rows:
            written = dict(zip(names, map(list, zip(*self.rows, strict=True)), strict=True))
            insert(self.connection, Event, {"run": self.run, **written})
