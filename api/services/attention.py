"""What a person should look at next: ages and dates beside the counts of `status`."""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from statistics import median

from sqlalchemy import Connection, case, func, select
from sqlalchemy.orm import aliased

from api.db.models import Extract, ExtractState, Pair, RecordVersion, Run, Source
from api.db.tables import in_utc
from api.services.register.reading import last_run

# An extract is overdue after so many times the days that usually lie between two.
_LATE = 1.5


@dataclass(frozen=True, slots=True)
class Overdue:
    """A source whose next extract should have come. ``usual`` and ``since`` are in days."""

    name: str
    title: str
    as_of: date
    usual: int
    since: int


def overdue(connection: Connection, today: date) -> tuple[Overdue, ...]:
    """Sources that are later than they usually are, the latest first.

    What is usual for a source shows from its third extract on.
    """
    took_effect = (ExtractState.CURRENT, ExtractState.SUPERSEDED)
    query = (
        select(Source.name, Source.title, Extract.as_of)
        .join(Extract, Extract.source == Source.number)
        .where(Extract.state.in_(took_effect))
        .distinct()
        .order_by(Source.name, Extract.as_of)
    )
    dates: dict[tuple[str, str], list[date]] = {}
    for name, title, as_of in connection.execute(query):
        dates.setdefault((name, title), []).append(as_of)
    found = []
    for (name, title), known in dates.items():
        if len(known) < 3:
            continue
        usual = median((later - earlier).days for earlier, later in pairwise(known))
        since = (today - known[-1]).days
        if since > usual * _LATE:
            found.append(Overdue(name, title, known[-1], round(usual), since))
    return tuple(sorted(found, key=lambda one: (one.usual - one.since, one.name)))


# By database and its last run, which alone changes what waits: it looks at every such pair.
_OLDEST: dict[tuple[str, int], datetime | None] = {}
_MOST_KEPT = 8


def oldest_waiting(connection: Connection) -> datetime | None:
    """Since when the oldest possible link waits: since a run brought the later of its records."""
    key = (str(connection.engine.url), last_run(connection))
    if key not in _OLDEST:
        if len(_OLDEST) >= _MOST_KEPT:
            _OLDEST.clear()
        _OLDEST[key] = _find_oldest(connection)
    return _OLDEST[key]


def _find_oldest(connection: Connection) -> datetime | None:
    one, other = aliased(RecordVersion), aliased(RecordVersion)
    later = case((one.from_run > other.from_run, one.from_run), else_=other.from_run)
    oldest = (
        select(func.min(later))
        .select_from(Pair)
        .join(one, (one.record == Pair.l) & one.to_run.is_(None))
        .join(other, (other.record == Pair.r) & other.to_run.is_(None))
        .where(Pair.waiting == 1)
    )
    at = connection.scalar(select(Run.at).where(Run.id == oldest.scalar_subquery()))
    return None if at is None else in_utc(at)
