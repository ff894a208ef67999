"""What is in the register, and what waits: counts, ids and dates, nothing personal."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, case, func, or_, select
from sqlalchemy.orm import aliased

from api.db.models import (
    Child,
    Extract,
    ExtractState,
    Record,
    RecordVersion,
    Reject,
    Run,
    Source,
)
from api.db.tables import in_utc
from api.services.extracts.dates import in_force
from api.services.register.queue import POSSIBLE, STALE, queue_counts
from api.services.work import JobView, unsettled

RECENT_RUNS = 5


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """What a source has in the register.

    ``as_of`` is the latest date of the extracts that are in force; it is missing if none is
    any more. ``records`` are those of ``children`` and of carers. ``rejects`` are counted in
    each of its current extracts: a row that a later delta brings again counts again.
    """

    name: str
    title: str
    as_of: date | None
    records: int
    children: int
    rejects: int


@dataclass(frozen=True, slots=True)
class ExtractStatus:
    """An extract that waits: to be validated, for a person, or for the next run.

    ``stops`` are the codes of what a person should look at first. Nothing happens to one that
    ``needs_columns`` until somebody says what its columns mean.
    """

    id: int
    source: str
    state: str
    mode: str
    as_of: date
    received_at: datetime
    stops: tuple[str, ...]
    needs_columns: bool


@dataclass(frozen=True, slots=True)
class RefusedStatus:
    """An extract that was refused, with nothing of its source received since."""

    id: int
    source: str
    as_of: date
    refusal: str


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run, and what it found."""

    id: int
    kind: str
    at: datetime
    by: str
    counts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Status:
    """What is there, and what a person must look at.

    ``sources`` are those of which something was ever linked. ``jobs`` wait, run or failed.
    """

    sources: tuple[SourceStatus, ...]
    waiting: tuple[ExtractStatus, ...]
    refused: tuple[RefusedStatus, ...]
    jobs: tuple[JobView, ...]
    runs: tuple[RunStatus, ...]
    children: int
    pairs_waiting: int
    decisions_on_other_values: int
    conflicts: int


def status(connection: Connection, *, doubted: bool = False) -> Status:
    """The state of the register as the connection sees it; the latest runs first.

    ``doubted`` counts conflicts that somebody could not tell among those that wait.
    """
    queue = queue_counts(connection, doubted=doubted)
    return Status(
        _sources(connection),
        _waiting(connection),
        _refused(connection),
        tuple(unsettled(connection)),
        _runs(connection),
        _count(connection, Child, Child.to_run.is_(None)),
        queue[POSSIBLE],
        queue[STALE],
        queue["conflicts"],
    )


def _count(connection: Connection, table: Any, *conditions: Any) -> int:
    counted = select(func.count()).select_from(table).where(*conditions)
    return connection.execute(counted).scalar_one()


def _sources(connection: Connection) -> tuple[SourceStatus, ...]:
    child = case((RecordVersion.role == "child", 1), else_=0)
    records = {
        source: (number, children)
        for source, number, children in connection.execute(
            select(Record.source, func.count(), func.sum(child))
            .join(RecordVersion, RecordVersion.record == Record.id)
            .where(RecordVersion.to_run.is_(None))
            .group_by(Record.source)
        )
    }
    held = select(Extract.source, func.max(Extract.as_of)).where(in_force())
    rejected = (
        select(Extract.source, func.count())
        .join(Reject, Reject.extract == Extract.id)
        .where(Extract.state == ExtractState.CURRENT)
    )
    dates = _by_source(connection, held)
    rejects = _by_source(connection, rejected)
    linked = select(Extract.id).where(Extract.source == Source.number, Extract.run.is_not(None))
    put = select(Record.id).where(Record.source == Source.number)
    known = connection.execute(
        select(Source.number, Source.name, Source.title)
        .where(or_(linked.exists(), put.exists()))
        .order_by(Source.name)
    )
    return tuple(
        SourceStatus(
            name, title, dates.get(number), *records.get(number, (0, 0)), rejects.get(number, 0)
        )
        for number, name, title in known
    )


def _by_source(connection: Connection, query: Any) -> dict[int, Any]:
    found = connection.execute(query.group_by(Extract.source))
    return {source: value for source, value in found}  # noqa: C416 - rows are no pairs to mypy


def _waiting(connection: Connection) -> tuple[ExtractStatus, ...]:
    """Extracts on their way in, and withdrawn ones that the next run must undo."""
    undone_next = (Extract.state == ExtractState.WITHDRAWN) & in_force()
    on_the_way = (ExtractState.RECEIVED, ExtractState.VALIDATED, ExtractState.ACCEPTED)
    found = connection.execute(
        select(
            Extract.id,
            Source.name,
            Extract.state,
            Extract.mode,
            Extract.as_of,
            Extract.received_at,
            Extract.report,
            Extract.job,
        )
        .join(Source, Source.number == Extract.source)
        .where(Extract.state.in_(on_the_way) | undone_next)
        .order_by(Extract.id)
    )
    return tuple(
        ExtractStatus(
            row.id,
            row.name,
            row.state,
            row.mode,
            row.as_of,
            in_utc(row.received_at),
            tuple(stop["code"] for stop in (row.report or {}).get("stops", ())),
            row.state == ExtractState.RECEIVED and row.job is None,
        )
        for row in found
    )


def _refused(connection: Connection) -> tuple[RefusedStatus, ...]:
    """Those that would else be forgotten: nothing came after them."""
    later = aliased(Extract)
    since = select(later.id).where(later.source == Extract.source, later.id > Extract.id)
    found = connection.execute(
        select(Extract.id, Source.name, Extract.as_of, func.coalesce(Extract.refusal, ""))
        .join(Source, Source.number == Extract.source)
        .where(Extract.state == ExtractState.REFUSED, ~since.exists())
        .order_by(Extract.id)
    )
    return tuple(RefusedStatus(*row) for row in found)


def _runs(connection: Connection) -> tuple[RunStatus, ...]:
    latest = select(Run.id, Run.kind, Run.at, Run.by, Run.counts).order_by(Run.id.desc())
    return tuple(
        RunStatus(row.id, row.kind, in_utc(row.at), row.by, row.counts)
        for row in connection.execute(latest.limit(RECENT_RUNS))
    )
