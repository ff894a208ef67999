"""Children brought in line with clusters: ids, memberships, golden values, and the events.

Nothing is written for a child of whom nothing changed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy import Connection, update

from api.db.among import among
from api.db.bulk import insert
from api.db.models import Child, Event, Golden, Membership, Succession
from api.services.register.acts import keys_of
from api.services.register.columns import Numbers
from api.services.register.planning import (
    ChildCounts,
    ChildPlan,
    Clustered,
    Key,
    plan_children,
)
from api.services.register.search_entries import update_entries
from matcher.register.golden import GOLDEN_COLUMNS
from matcher.rules.library import LinkageRules


def update_children(
    rules: LinkageRules,
    connection: Connection,
    run: int,
    clustered: Clustered | None,
    gone: Numbers,
) -> ChildCounts:
    """Write what is another child, or other values, than before this run. See `plan_children`.

    Pairs must be written before, since entries tell which wait.
    """
    plan = plan_children(rules, connection, clustered, gone)
    _write_children(connection, run, plan)
    _write_memberships(connection, run, plan)
    events = _Events(connection, run)
    events.of_children(plan)
    events.of_records(plan)
    _write_golden(connection, run, plan, events)
    events.write()
    update_entries(connection, clustered, plan.carried.child, gone)
    return plan.counts


def _write_children(connection: Connection, run: int, plan: ChildPlan) -> None:
    carried = plan.carried
    insert(connection, Child, {"id": carried.founded, "from_run": run})
    for ids, value in ((carried.restored, None), (carried.ended, run)):
        if ids:
            where = among(Child.id, ids)
            connection.execute(update(Child).where(where).values(to_run=value))
    led = [(child, successor) for child, others in plan.forwarded.items() for successor in others]
    rows = {
        "run": run,
        "kind": ["merged" if one.merged else "split" for one in carried.successions]
        + ["merged"] * len(led),
        "child": [one.child for one in carried.successions] + [child for child, _ in led],
        "successor": [one.successor for one in carried.successions] + [new for _, new in led],
    }
    insert(connection, Succession, rows)


def _write_memberships(connection: Connection, run: int, plan: ChildPlan) -> None:
    record, moved = plan.record, plan.moved
    ended = [int(record[at]) for at, old, _ in moved if old] + list(plan.away)
    if ended:
        connection.execute(
            update(Membership)
            .where(
                Membership.to_run.is_(None),
                among(Membership.record, np.array(ended, dtype=np.int64)),
            )
            .values(to_run=run)
        )
    rows = {
        "record": record[[at for at, _, _ in moved]] if moved else np.empty(0, np.int64),
        "from_run": run,
        "child": [new for _, _, new in moved],
    }
    insert(connection, Membership, rows)


def _write_golden(connection: Connection, run: int, plan: ChildPlan, events: "_Events") -> None:
    over = [child for child, old, _ in plan.values if old is not None] + plan.carried.ended
    if over:
        connection.execute(
            update(Golden)
            .where(Golden.to_run.is_(None), among(Golden.child, over))
            .values(to_run=run)
        )
    if not plan.values:
        return
    written: dict[str, Any] = {"child": [child for child, _, _ in plan.values], "from_run": run}
    for at, name in enumerate(GOLDEN_COLUMNS):
        written[name] = [new[at] for _, _, new in plan.values]
    insert(connection, Golden, written)
    for child, old, new in plan.values:
        before = old or (None,) * len(new)
        names = [n for n, a, b in zip(GOLDEN_COLUMNS, before, new, strict=True) if a != b]
        events.add("values_changed", child, detail={"fields": names})


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

    def of_children(self, plan: ChildPlan) -> None:
        """Children that begin and end, merges and splits."""
        carried = plan.carried
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
        for child, successors in plan.forwarded.items():
            self.add("child_merged", child, detail={"successors": list(successors)})

    def of_records(self, plan: ChildPlan) -> None:
        """Records that leave a child or join one."""
        for (source, record_id), child in self._keys_of(plan.away):
            self.add("record_unlinked", child, source, record_id)
        for at, old, _ in plan.moved:
            if old:
                self.add("record_unlinked", old, *plan.keys[at])
        for at, _, new in plan.moved:
            self.add("record_linked", new, *plan.keys[at])

    def _keys_of(self, away: Mapping[int, str]) -> list[tuple[Key, str]]:
        if not away:
            return []
        keys = keys_of(self.connection, away)
        return sorted((key, away[number]) for number, key in keys.items())

    def write(self) -> None:
        """Write all entries, in the order in which they were added."""
        names = ("kind", "child", "source", "record_id", "detail")
        if self.rows:
            written = dict(zip(names, map(list, zip(*self.rows, strict=True)), strict=True))
            insert(self.connection, Event, {"run": self.run, **written})
