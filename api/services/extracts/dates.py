"""On which day a source last held what a record says.

A row may give a date of its own. Otherwise it is the date of the extract that listed the
record last: the one that wrote the version, or the latest snapshot since, which listed the
record as it was and so wrote nothing.
"""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import ColumnElement, Connection, Date, and_, func, or_, select

from api.db.models import Extract, Source
from api.services.extracts.arrays import Days, Numbers


@dataclass(frozen=True)
class ExtractDates:
    """Dates and runs by extract, and of the latest snapshot by source; 0 is none."""

    day: Days
    run: Numbers
    snapshot_day: Days
    snapshot_run: Numbers

    def of(self, own: Days, source: Numbers, extract: Numbers) -> Days:
        """The day of each version, from its own date, its source and its extract."""
        extract = np.where(extract < 0, 0, extract)
        listed_since = self.snapshot_run[source] > self.run[extract]
        listed = np.where(listed_since, self.snapshot_day[source], self.day[extract])
        return np.where(np.isnat(own), listed, own)


def extract_dates(connection: Connection, *, as_of_run: int | None = None) -> ExtractDates:
    """What is known of all extracts that are in force, now or as of a run."""
    found = connection.execute(
        select(Extract.id, Extract.source, Extract.mode, Extract.run, _DAY)
        .where(in_force(as_of_run))
        .order_by(Extract.run)
    ).all()
    last = (select(func.max(number)).scalar_subquery() for number in (Extract.id, Source.number))
    extracts, sources = (number or 0 for number in connection.execute(select(*last)).one())
    dates = ExtractDates(
        np.full(extracts + 1, "NaT", dtype="datetime64[D]"),
        np.zeros(extracts + 1, dtype=np.int64),
        np.full(sources + 1, "NaT", dtype="datetime64[D]"),
        np.zeros(sources + 1, dtype=np.int64),
    )
    for extract, source, mode, run, day in found:
        dates.day[extract], dates.run[extract] = np.datetime64(day), run or 0
        if mode == "snapshot":
            dates.snapshot_day[source] = np.datetime64(day)
            dates.snapshot_run[source] = run or 0
    return dates


_DAY = func.coalesce(Extract.held_on, Extract.as_of, type_=Date())


def in_force(as_of_run: int | None = None) -> ColumnElement[bool]:
    """That an extract was applied and not undone, now or as of a run."""
    if as_of_run is None:
        return and_(Extract.run.is_not(None), Extract.undone_run.is_(None))
    return and_(
        Extract.run <= as_of_run,
        or_(Extract.undone_run.is_(None), Extract.undone_run > as_of_run),
    )
