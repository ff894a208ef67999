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
class LastExtract:
    """A source's last extract. ``since`` is how many days ago it was as of, ``usual`` how many
    usually lie between two; none of a source of which too few came."""

    name: str
    title: str
    as_of: date
    since: int
    usual: int | None


@dataclass(frozen=True, slots=True)
class SourceDates:
    """Which sources are ``overdue``, the latest first, and of which it is ``unknown``.

    All others, so many, are ``in_time``.
    """

    overdue: tuple[LastExtract, ...]
    unknown: tuple[LastExtract, ...]
    in_time: int


def dates_of_sources(connection: Connection, today: date, *, overdue_after: int) -> SourceDates:
    """Sources by whether they are later than they usually are.

    What is usual for a source shows from its third extract on. One whose last extract is as of
    more than ``overdue_after`` days ago is overdue, whatever is usual.
    """
    overdue, unknown, in_time = [], [], 0
    for (name, title), known in _dates(connection).items():
        between = [(later - earlier).days for earlier, later in pairwise(known)]
        usual = median(between) if len(between) > 1 else None
        since = (today - known[-1]).days
        rounded = None if usual is None else round(usual)
        one = LastExtract(name, title, known[-1], since, rounded)
        if since > overdue_after or (usual is not None and since > usual * _LATE):
            overdue.append(one)
        elif usual is None:
            unknown.append(one)
        else:
            in_time += 1
    overdue.sort(key=lambda one: ((one.usual or 0) - one.since, one.name))
    return SourceDates(tuple(overdue), tuple(unknown), in_time)


def _dates(connection: Connection) -> dict[tuple[str, str], list[date]]:
    """As of when extracts took effect, by name and title of their source, in order."""
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
    return dates


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
