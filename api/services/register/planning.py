"""What becomes of children when records are clustered otherwise, before any of it is written."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Child, Golden, Membership
from api.services.register.columns import Numbers, columns
from api.services.register.corrections import corrected
from api.services.register.forwarding import forwarded
from matcher.deciding import Linked
from matcher.prepared import Prepared
from matcher.register import Carried, carry_ids, golden_values
from matcher.register.golden import GOLDEN_COLUMNS
from matcher.rules.library import LinkageRules

Key = tuple[str, str]
Values = tuple[Any, ...]


@dataclass(frozen=True)
class ChildCounts:
    """What a run did to children, and to the records that belong to them.

    Of those ``ended``, ``emptied`` have no record left, and the others were merged.
    """

    founded: int = 0
    restored: int = 0
    ended: int = 0
    emptied: int = 0
    joined: int = 0
    left: int = 0
    values_changed: int = 0

    @property
    def nothing(self) -> bool:
        """Whether nobody's membership or values changed."""
        return not any(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True)
class Clustered:
    """Whole clusters: their records, which have record.id in ``id``, and each one's label."""

    prepared: Prepared
    label: npt.NDArray[np.int64]

    @classmethod
    def of(cls, linked: Linked) -> "Clustered":
        """The clusters of all that were linked."""
        return cls(linked.prepared, linked.clusters.label)

    @property
    def record(self) -> Numbers:
        """record.id of each."""
        return self.prepared.records["id"].to_numpy(np.int64)


@dataclass(frozen=True)
class ChildPlan:
    """Children of whole clusters as they will be.

    ``record`` (record.id) and ``keys`` are the clusters' records, of which ``moved`` are of
    another child than before: position, child until now, child from now on. ``away`` gives
    the child of those that belong to nobody any more. ``forwarded`` are children that ended
    before and whose records come back to others, with these. ``values`` are golden values that
    change: child, those until now, those from now on, as GOLDEN_COLUMNS.
    """

    record: Numbers
    keys: Sequence[Key]
    carried: Carried
    moved: Sequence[tuple[int, str | None, str]]
    away: Mapping[int, str]
    forwarded: Mapping[str, Sequence[str]]
    values: Sequence[tuple[str, Values | None, Values]]

    @property
    def counts(self) -> ChildCounts:
        """What it comes to."""
        merged = {one.child for one in self.carried.successions if one.merged}
        return ChildCounts(
            founded=len(self.carried.founded),
            restored=len(self.carried.restored),
            ended=len(self.carried.ended),
            emptied=len(set(self.carried.ended) - merged),
            joined=len(self.moved),
            left=len(self.away) + sum(old is not None for _, old, _ in self.moved),
            values_changed=len(self.values),
        )


def plan_children(
    rules: LinkageRules, connection: Connection, clustered: Clustered | None, gone: Numbers
) -> ChildPlan:
    """What is another child, or other values, than until now. Writes nothing.

    ``gone`` are records that belong to nobody any more.
    """
    keys: list[Key] = []
    if clustered is None:
        record, label = np.empty(0, np.int64), np.empty(0, np.int64)
    else:
        frame = clustered.prepared.records
        record, label = clustered.record, clustered.label
        keys = list(zip(frame["source"].astype(object), frame["record_id"], strict=True))
    before, since = _children_of(connection, np.union1d(record, gone))
    carried, led = _carry(connection, record, label, keys, before, since, gone)
    moved = [
        (at, old, new)
        for at, (old, new) in enumerate(
            zip((before.get(r) for r in record.tolist()), carried.child, strict=True)
        )
        if old != new
    ]
    away = {r: before[r] for r in gone.tolist() if r in before}
    values = [] if clustered is None else _changed_values(rules, connection, clustered, carried)
    return ChildPlan(record, keys, carried, moved, away, led, values)


def _children_of(connection: Connection, records: Numbers) -> tuple[dict[int, str], dict[int, int]]:
    """The child that each record belongs to, and since which run."""
    query = select(Membership.record, Membership.child, Membership.from_run).where(
        Membership.to_run.is_(None), among(Membership.record, records)
    )
    record, child, run = (own.tolist() for own in columns(connection, query))
    return dict(zip(record, child, strict=True)), dict(zip(record, run, strict=True))


def _carry(
    connection: Connection,
    record: Numbers,
    label: npt.NDArray[np.int64],
    keys: Sequence[Key],
    before: Mapping[int, str],
    since: Mapping[int, int],
    gone: Numbers,
) -> tuple[Carried, dict[str, list[str]]]:
    """Ids of clusters, and ended ids that lead on from now on."""
    held = [before.get(r) for r in record.tolist()]
    runs = [since.get(r, 0) for r in record.tolist()]
    left = {before[r] for r in gone.tolist() if r in before}
    once = _once(connection, record)
    ids = {*(b for b in held if b), *left, *(c for found in once.values() for c in found)}

    def taken(wanted: list[str]) -> Collection[str]:
        query = select(Child.id).where(among(Child.id, wanted))
        return connection.scalars(query).all()

    carried = carry_ids(label, keys, held, runs, once, _ages(connection, ids), left, taken)
    return carried, forwarded(connection, record, held, once, carried, gone)


def _once(connection: Connection, record: Numbers) -> dict[int, list[str]]:
    """By position, ended children that a record belonged to before."""
    place = {r: at for at, r in enumerate(record.tolist())}
    query = (
        select(Membership.record, Membership.child)
        .join(Child, Child.id == Membership.child)
        .where(Child.to_run.is_not(None), among(Membership.record, record))
        .order_by(Membership.record, Membership.from_run)
    )
    found: dict[int, list[str]] = {}
    for r, child in connection.execute(query):
        found.setdefault(place[r], []).append(child)
    return found


def _ages(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    query = select(Child.id, Child.from_run).where(among(Child.id, sorted(ids)))
    child, run = columns(connection, query)
    return dict(zip(child.tolist(), run.tolist(), strict=True))


def _changed_values(
    rules: LinkageRules, connection: Connection, clustered: Clustered, carried: Carried
) -> list[tuple[str, Values | None, Values]]:
    prepared, label = clustered.prepared, clustered.label
    golden = golden_values(prepared.records, prepared.standardised, label, rules.survivorship)
    of_label = dict(zip(label.tolist(), carried.child, strict=True))
    golden.index = pd.Index([of_label[one] for one in golden.index], name="child")
    of_record = dict(zip(clustered.record.tolist(), carried.child, strict=True))
    golden = corrected(connection, golden, of_record)
    query = select(Golden.child, *(getattr(Golden, name) for name in GOLDEN_COLUMNS)).where(
        Golden.to_run.is_(None), among(Golden.child, golden.index.tolist())
    )
    known = {row[0]: tuple(row[1:]) for row in connection.execute(query)}
    texts = [golden[name].to_numpy() for name in GOLDEN_COLUMNS]
    missing = np.array([None], dtype=object)
    cells = zip(*(np.where(pd.isna(own), missing, own).tolist() for own in texts), strict=True)
    return [
        (child, known.get(child), row)
        for child, row in zip(golden.index.tolist(), cells, strict=True)
        if known.get(child) != row
    ]
