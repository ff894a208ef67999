"""What a run changed: of children, of the records that belong to them, and of the queue."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from api.db.models import Event, Extract, Run
from api.db.tables import in_utc
from api.services.register.feed import read_feed

# Of children that were merged or split so many are named; and so many events are looked at.
_NAMED = 20
_LOOKED_AT = 2_000


@dataclass(frozen=True, slots=True)
class RunChange:
    """Counts, and ids of children. ``extracts`` are how many it linked or undid.

    ``queue`` and ``conflicts`` are how many possible links waited and conflicts had to be
    settled after the run, ``queue_before`` and ``conflicts_before`` after the one before it.
    ``merged`` and ``split`` name some.
    """

    run: int
    at: datetime
    by: str
    extracts: int
    founded: int
    restored: int
    merged_count: int
    split_count: int
    emptied: int
    joined: int
    left: int
    values_changed: int
    queue: int
    queue_before: int
    conflicts: int
    conflicts_before: int
    merged: tuple[str, ...]
    split: tuple[str, ...]

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
    first, split = connection.execute(
        select(func.min(Event.id), func.count().filter(Event.kind == "child_split")).where(
            Event.run == run, Event.kind.in_(("child_merged", "child_split"))
        )
    ).one()
    named: dict[str, list[str]] = {"child_merged": [], "child_split": []}
    if first is not None:
        feed = read_feed(connection, after=first - 1, limit=_LOOKED_AT, kinds=sorted(named))
        for event in feed.events:
            if event.run == run:
                named[event.kind].append(event.child_id)
    counts = row.counts
    return RunChange(
        run=run,
        at=in_utc(row.at),
        by=row.by,
        extracts=extracts,
        founded=counts.get("founded", 0),
        restored=counts.get("restored", 0),
        merged_count=counts.get("ended", 0) - counts.get("emptied", 0),
        split_count=split,
        emptied=counts.get("emptied", 0),
        joined=counts.get("joined", 0),
        left=counts.get("left", 0),
        values_changed=counts.get("values_changed", 0),
        queue=counts.get("waiting", 0),
        queue_before=0 if before is None else before.counts.get("waiting", 0),
        conflicts=counts.get("conflicts", 0),
        conflicts_before=0 if before is None else before.counts.get("conflicts", 0),
        merged=tuple(named["child_merged"][:_NAMED]),
        split=tuple(named["child_split"][:_NAMED]),
    )
