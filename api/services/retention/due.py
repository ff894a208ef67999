"""Which records are due to be erased by the retention rules, without what they say."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Row, or_, select
from sqlalchemy.orm import aliased

from api.db.models import Record, RecordVersion, Run, Source
from api.services.register.columns import Numbers
from api.services.retention.holds import held_records
from api.services.rules import RuleBook


@dataclass(frozen=True, slots=True)
class DueOfSource:
    """How many records of a source are due: listed until now, or closed. Those held are none."""

    source: str
    current: int
    closed: int
    held: int

    @property
    def records(self) -> int:
        """All that can be erased."""
        return self.current + self.closed


def due_records(
    connection: Connection, book: RuleBook, today: date, *, sources: Collection[str] | None = None
) -> pd.DataFrame:
    """Records that are due by today, the longest due first.

    Columns record (record.id), source (its name), closed (whether it is listed no more), due
    (a date), held.
    """
    rules = book.retention
    earliest = book.linkage.values.earliest_birth_year  # noqa: PD011 - not those of a frame
    ran = dict(iter(connection.execute(select(Run.id, Run.at))))
    due_on = cache(rules.due_on)
    found = []
    for row in (*_current(connection, book, today), *_closed(connection)):
        if sources is not None and row.source not in sources:
            continue
        born = row.date_of_birth
        due = due_on(
            row.source,
            closed=None if row.to_run is None else ran[row.to_run].date(),
            born=born if born is not None and born.year >= earliest else None,
            carer=row.role != "child",
        )
        if due is not None and due <= today:
            found.append((row.record, row.source, row.to_run is not None, due))
    frame = pd.DataFrame(found, columns=["record", "source", "closed", "due"])
    frame["held"] = np.isin(frame["record"].to_numpy(np.int64), held_records(connection))
    return frame.sort_values(["due", "record"], ignore_index=True)


def due_by_source(due: pd.DataFrame) -> list[DueOfSource]:
    """Counts of `due_records`, in order of source."""
    return [
        DueOfSource(
            str(source),
            current=int((~own["closed"] & ~own["held"]).sum()),
            closed=int((own["closed"] & ~own["held"]).sum()),
            held=int(own["held"].sum()),
        )
        for source, own in due.groupby("source", sort=True)
    ]


def free_to_erase(due: pd.DataFrame) -> Numbers:
    """record.id of those that nobody holds."""
    return np.unique(due.loc[~due["held"].to_numpy(bool), "record"].to_numpy(np.int64))


def _current(connection: Connection, book: RuleBook, today: date) -> Iterator[Row[Any]]:
    """Versions that hold, of those old enough for any schedule."""
    schedules = (book.retention.default, *book.retention.sources.values())
    ages = [one.current.until_age for one in schedules if one.current.until_age is not None]
    if not ages:
        return
    # Nobody born in a later year has reached the lowest age.
    query = _versions().where(
        RecordVersion.to_run.is_(None),
        RecordVersion.date_of_birth < date(today.year - min(ages) + 1, 1, 1),
    )
    yield from connection.execute(query)


def _closed(connection: Connection) -> Iterator[Row[Any]]:
    """The last version of each record that is listed no more, and not erased yet."""
    later = aliased(RecordVersion)
    after = or_(later.to_run.is_(None), later.to_run > RecordVersion.to_run)
    superseded = select(later.id).where(later.record == RecordVersion.record, after).exists()
    query = _versions().where(
        RecordVersion.to_run.is_not(None), Record.erased_run.is_(None), ~superseded
    )
    yield from connection.execute(query)


def _versions() -> Any:
    return (
        select(
            RecordVersion.record,
            Source.name.label("source"),
            RecordVersion.role,
            RecordVersion.date_of_birth,
            RecordVersion.to_run,
        )
        .join(Record, Record.id == RecordVersion.record)
        .join(Source, Source.number == Record.source)
    )
