"""Bringing an extract into the register: received, validated, accepted, linked.

Each step is a transaction of its own, so that whatever stops the work, what was received
is kept and goes on from where it stood: the same call again, or a worker, finishes it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from api.db.engine import writing
from api.db.models import Extract, ExtractState
from api.services.extracts import Mode, receive
from api.services.extracts.changes import changed_one_by_one
from api.services.extracts.states import check_exported_on
from api.services.extracts.validation import validate
from api.services.register.kept_rules import InForce, rules_in_force
from api.services.register.previewed import previews_after
from api.services.register.running import RunResult, run_register, something_waits
from api.services.review.ending import end_settled_leases
from api.services.rules import RuleBook
from matcher.progress import Observer
from matcher.read import ReadResult


@dataclass(frozen=True)
class Ingested:
    """Where an extract stands after a call, and the runs that linked it and what else waited.

    ``unchanged`` says that the same content was there already. ``report`` is the
    data-quality report, where the extract could be read. ``read`` is the extract, if this
    call read it and did not link it. ``changed_since`` counts records of its source that were
    put or deleted one by one since it was linked, if it is ``unchanged``.
    """

    extract: int
    state: ExtractState
    unchanged: bool
    report: dict[str, Any] | None
    refusal: str | None
    runs: list[RunResult]
    read: ReadResult | None = None
    changed_since: int = 0

    @property
    def waits(self) -> bool:
        """Whether a person must accept or refuse it."""
        return self.state == ExtractState.VALIDATED


def ingest(
    engine: Engine,
    offered: InForce,
    *,
    source: str,
    path: Path,
    as_of: date,
    mode: Mode,
    by: str,
    observer: Observer,
    link: bool = True,
    new_source: bool = True,
) -> Ingested:
    """Receive an extract, look it over, and link it if it was accepted at once.

    Args:
        engine: the register's database.
        offered: rules to begin with, if the register has none in force yet.
        source: the name of the system that the extract is from.
        path: a file, folder or zip.
        as_of: the day on which the source held what the extract says.
        mode: whether it lists all that the source holds, or what changed.
        by: who brings it.
        observer: told of stages.
        link: whether to link at once, or leave that to a later run.
        new_source: whether a source may be one that nobody knows yet.

    Raises ExtractRefused if it is not from a known source, and StateError if it is older
    than what is current, or of a day to come or long past. Nothing is written then. What is
    raised once it was received has a note of how the extract stands.
    """
    check_exported_on(as_of, _now())
    with observer.stage(f"receive {source}"), writing(engine) as connection:
        book = rules_in_force(connection, offered).book
        received = receive(
            connection,
            source=source,
            path=path,
            as_of=as_of,
            mode=mode,
            by=by,
            book=book,
            now=_now(),
            new_source=new_source,
        )
    runs = []
    try:
        read = _validated(engine, source, received.extract, book, by, observer)
        if link:
            reads = {} if read is None else {received.extract: read}
            runs = link_what_waits(engine, offered, by=by, observer=observer, reads=reads)
            read = None
    except Exception as error:
        error.add_note(_how_it_stands(engine, received.extract))
        raise
    return _stands(engine, received.extract, received.unchanged, runs, read)


def _validated(
    engine: Engine, source: str, extract: int, book: RuleBook, by: str, observer: Observer
) -> ReadResult | None:
    """What was read of an extract, unless that was done before."""
    with observer.stage(f"read and validate {source}") as advance, writing(engine) as connection:
        if _state(connection, extract) != ExtractState.RECEIVED:
            return None
        seen: dict[str, int] = {}

        def progress(file: str, rows: int) -> None:
            advance(rows - seen.get(file, 0))
            seen[file] = rows

        return validate(connection, extract, book=book, by=by, now=_now(), progress=progress).read


def link_what_waits(
    engine: Engine,
    offered: InForce,
    *,
    by: str,
    observer: Observer,
    reads: dict[int, ReadResult] | None = None,
    after_run: int | None = None,
) -> list[RunResult]:
    """Link accepted extracts, decisions and corrections that wait; no run if nothing does.

    With ``after_run`` it must be what ``by`` was shown after that run; else raises DataError.
    """
    with writing(engine) as connection:
        if after_run is None and not something_waits(connection):
            return []
        previewed = None if after_run is None else previews_after(connection, after_run, by=by)
        runs = run_register(
            connection,
            offered,
            by=by,
            now=_now(),
            reads=reads,
            previewed=previewed,
            observer=observer,
        )
        end_settled_leases(connection, _now())
        return runs


def _stands(
    engine: Engine,
    extract: int,
    unchanged: bool,
    runs: list[RunResult],
    read: ReadResult | None,
) -> Ingested:
    with engine.connect() as connection:
        row = connection.execute(
            select(Extract.state, Extract.report, Extract.refusal).where(Extract.id == extract)
        ).one()
        since = changed_one_by_one(connection, extract) if unchanged else 0
    state = ExtractState(row.state)
    return Ingested(extract, state, unchanged, row.report, row.refusal, runs, read, since)


def _how_it_stands(engine: Engine, extract: int) -> str:
    """What is so of an extract when the work on it failed, even if the database did."""
    try:
        with engine.connect() as connection:
            state = _state(connection, extract)
    except SQLAlchemyError:
        state = ExtractState.RECEIVED
    waits = " and waits to be linked" if state == ExtractState.ACCEPTED else ""
    return f"extract {extract} is {state}{waits}"


def _state(connection: Any, extract: int) -> str:
    return str(connection.scalar(select(Extract.state).where(Extract.id == extract)))


def _now() -> datetime:
    return datetime.now(UTC)
