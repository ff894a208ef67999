"""What a run changed: of children, of the records that belong to them, and of the queue."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from api.db.models import Event, Extract, Run, Succession
from api.db.tables import in_utc
from api.services.register.begun import begun
from api.services.register.feed import read_feed
from api.services.register.preview import sorted_out

# Of children that were merged or split so many are named; and so many events are looked at.
_NAMED = 20
_LOOKED_AT = 2_000


@dataclass(frozen=True, slots=True)
class RunChange:
    """Counts, and ids of children. ``extracts`` are how many it linked or undid.

    ``activity_begun`` and ``activity_ended`` count rows of activity.
    ``queue`` and ``conflicts`` are how many possible links waited and conflicts had to be
    settled after the run, ``queue_before`` and ``conflicts_before`` after the one before it.
    ``split`` counts children of whom another began, ``moved`` those of whom records went to one
    that was there already, and that go on. ``merged``, ``split`` and ``moved`` name some.
    """

    run: int
    at: datetime
    by: str
    extracts: int
    founded: int
    restored: int
    merged_count: int
    split_count: int
    moved_count: int
    emptied: int
    joined: int
    left: int
    values_changed: int
    activity_begun: int
    activity_ended: int
    queue: int
    queue_before: int
    conflicts: int
    conflicts_before: int
    merged: tuple[str, ...]
    split: tuple[str, ...]
    moved: tuple[str, ...]

    @property
    def queue_growth(self) -> int:
        """By how many the queue grew; less than nothing if it shrank."""
        return self.queue - self.queue_before

    @property
    def conflict_growth(self) -> int:
        """The same of conflicts."""
        return self.conflicts - self.conflicts_before


def change_of_run(connection: Connection, run: int) -> RunChange | None:
    """What it changed; None if there was no such run."""
    row = connection.execute(select(Run.at, Run.by, Run.counts).where(Run.id == run)).one_or_none()
    if row is None:
        return None
    before = connection.execute(
        select(Run.counts).where(Run.id < run).order_by(Run.id.desc()).limit(1)
    ).one_or_none()
    touched = select(func.count()).where((Extract.run == run) | (Extract.undone_run == run))
    extracts = connection.execute(touched.select_from(Extract)).scalar_one()
    merged, split, moved = _children(connection, run)
    kinds = ["child_merged", "child_split"]
    first = connection.scalar(
        select(func.min(Event.id)).where(Event.run == run, Event.kind.in_(kinds))
    )
    named: list[str] = []
    if first is not None:
        feed = read_feed(connection, after=first - 1, limit=_LOOKED_AT, kinds=kinds)
        named = list(dict.fromkeys(one.child_id for one in feed.events if one.run == run))
    counts = row.counts
    return RunChange(
        run=run,
        at=in_utc(row.at),
        by=row.by,
        extracts=extracts,
        founded=counts.get("founded", 0),
        restored=counts.get("restored", 0),
        merged_count=len(merged),
        split_count=len(split),
        moved_count=len(moved),
        emptied=counts.get("emptied", 0),
        joined=counts.get("joined", 0),
        left=counts.get("left", 0),
        values_changed=counts.get("values_changed", 0),
        activity_begun=counts.get("activity_begun", 0),
        activity_ended=counts.get("activity_ended", 0),
        queue=counts.get("waiting", 0),
        queue_before=0 if before is None else before.counts.get("waiting", 0),
        conflicts=counts.get("conflicts", 0),
        conflicts_before=0 if before is None else before.counts.get("conflicts", 0),
        merged=tuple(one for one in named if one in merged)[:_NAMED],
        split=tuple(one for one in named if one in split)[:_NAMED],
        moved=tuple(one for one in named if one in moved)[:_NAMED],
    )


def _children(connection: Connection, run: int) -> list[set[str]]:
    """Children that were merged, that were split, and that gave records to another."""
    rows = connection.execute(
        select(Succession.child, Succession.successor, Succession.kind)
        .where(Succession.run == run)
        .order_by(Succession.id)
    ).all()
    known = begun(connection, {successor for _, successor, _ in rows})
    told = sorted_out(
        [(child, to, kind == "merged") for child, to, kind in rows],
        {child for child, began in known if began == run},
    )
    return [{child for child, _ in pairs} for pairs in told]
