"""Extracts and their rejects as they are shown: in pages, newest extract first."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, and_, select

from api.db.engine import reading
from api.db.models import Extract, ExtractState, Reject, Source
from api.db.queue import JobView, jobs_by_id
from api.db.tables import in_utc

_REJECTS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class ExtractView:
    """An extract as it stands. ``run`` linked it; ``undone_run`` took back what it did."""

    id: int
    source: str
    state: str
    mode: str
    as_of: date
    received_at: datetime
    received_by: str
    decided_at: datetime | None
    decided_by: str | None
    refusal: str | None
    withdrawal: str | None
    report: dict[str, Any] | None
    run: int | None
    undone_run: int | None
    job: JobView | None

    @property
    def needs_columns(self) -> bool:
        """Whether nothing happens until somebody says what its columns mean."""
        return self.state == ExtractState.RECEIVED and self.job is None


@dataclass(frozen=True, slots=True)
class RejectView:
    """A row that could not become a record. ``row`` counts from 1.

    ``record_id`` is empty where it cannot be read or is not kept any more. Not everybody who may
    read the others may read it.
    """

    id: int
    file: str
    row: int
    column: str
    code: str
    message: str
    record_id: str


def list_extracts(
    connection: Connection,
    *,
    sources: Collection[str] | None,
    source: str | None,
    state: str | None,
    before: int | None,
    limit: int,
    need_columns: bool | None = None,
) -> list[ExtractView]:
    """Those of some sources, or all if None; from the newest one before another.

    ``need_columns`` leaves only those that wait to be told what their columns are, or the others.
    """
    query = _extracts(sources).order_by(Extract.id.desc()).limit(limit)
    if source is not None:
        query = query.where(Source.name == source)
    if state is not None:
        query = query.where(Extract.state == state)
    if need_columns is not None:
        waits = and_(Extract.state == ExtractState.RECEIVED, Extract.job.is_(None))
        query = query.where(waits if need_columns else ~waits)
    if before is not None:
        query = query.where(Extract.id < before)
    return _views(connection, query)


def find_extract(
    connection: Connection, extract: int, *, sources: Collection[str] | None
) -> ExtractView | None:
    """One of them."""
    found = _views(connection, _extracts(sources).where(Extract.id == extract))
    return found[0] if found else None


def source_titles(connection: Connection) -> dict[str, str]:
    """What people call the sources of which anything came, by name."""
    query = select(Source.name, Source.title).order_by(Source.name)
    return {name: title for name, title in connection.execute(query)}  # noqa: C416 - no pairs


def list_rejects(
    connection: Connection, extract: int, *, after: int, limit: int
) -> list[RejectView]:
    """Rejects of an extract in their order."""
    query = (
        select(
            Reject.id,
            Reject.file,
            Reject.row,
            Reject.column,
            Reject.code,
            Reject.message,
            Reject.record_id,
        )
        .where(Reject.extract == extract, Reject.id > after)
        .order_by(Reject.id)
        .limit(limit)
    )
    return [RejectView(*row) for row in connection.execute(query)]


def all_rejects(engine: Engine, extract: int) -> Iterator[list[RejectView]]:
    """All of them in pieces; no connection is held between two pieces."""
    after = 0
    while True:
        with reading(engine) as connection:
            found = list_rejects(connection, extract, after=after, limit=_REJECTS_AT_ONCE)
        if not found:
            return
        yield found
        after = found[-1].id


def _extracts(sources: Collection[str] | None) -> Select[Any]:
    query = select(Extract.__table__, Source.name.label("source_name")).join(
        Source, Source.number == Extract.source
    )
    return query if sources is None else query.where(Source.name.in_(sorted(sources)))


def _views(connection: Connection, query: Select[Any]) -> list[ExtractView]:
    rows = connection.execute(query).all()
    jobs = jobs_by_id(connection, [row.job for row in rows if row.job is not None])
    return [
        ExtractView(
            id=row.id,
            source=row.source_name,
            state=row.state,
            mode=row.mode,
            as_of=row.as_of,
            received_at=in_utc(row.received_at),
            received_by=row.received_by,
            decided_at=None if row.decided_at is None else in_utc(row.decided_at),
            decided_by=row.decided_by,
            refusal=row.refusal,
            withdrawal=row.withdrawal,
            report=row.report,
            run=row.run,
            undone_run=row.undone_run,
            job=jobs.get(row.job),
        )
        for row in rows
    ]
