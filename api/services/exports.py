"""Parts of the register as files that a caller asks for, waits for, and fetches within a day.

What is in a file is what its caller may see for the purpose that it named: records of
sources that it may see, golden values of fields that it may see. Where shielded children live
is in none. A file is not handed out any more once a child was shielded or severed, or an
agreement ended, since it was made.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, select, update

from api.db.engine import reading, writing
from api.db.models import Erasure, ExportChunk, ExportFile, Severance, Shield
from api.db.tables import in_utc
from api.services.access.audit import note_act
from api.services.access.caller import Caller
from api.services.access.policy import View, read_terms, view_of
from api.services.access.roles import Role
from api.services.register.exporting import EXPORT_COLUMNS, Export, check_can_read
from api.services.register.seen_frames import seen_frames
from api.services.register.writing_frames import write_csv, write_parquet
from api.services.scratch import scratch_folder
from api.services.work import JobView, Task, enqueue, jobs_by_id
from matcher.errors import DataError
from matcher.progress import Observer

EXPORT = "export"
KEPT_FOR = timedelta(days=1)
_CHUNK = 1024 * 1024

Format = Literal["csv", "parquet"]


@dataclass(frozen=True, slots=True)
class ExportView:
    """An export as its caller sees it; ``size`` in bytes once it is done.

    ``overtaken`` says that it may hold what may not be told any more.
    """

    id: int
    what: Export
    format: Format
    as_of: int | None
    created_at: datetime
    expires_at: datetime
    rows: int | None
    size: int | None
    job: JobView
    overtaken: bool


def ask_for_export(
    connection: Connection,
    caller: Caller,
    *,
    what: Export,
    format: Format,
    as_of: int | None,
    now: datetime,
) -> int:
    """Queue an export; its number. Raises DataError if there is no such thing to export."""
    assert caller.purpose is not None
    check_can_read(connection, as_of_run=as_of)
    drop_expired(connection, now)
    row = {
        "what": what,
        "format": format,
        "as_of": as_of,
        "scope": {
            "roles": sorted(caller.roles),
            "sources": None if caller.sources is None else sorted(caller.sources),
            "cleared": caller.cleared,
        },
        "by": caller.name,
        "purpose": caller.purpose,
        "created_at": now,
    }
    number: int = connection.execute(
        insert(ExportFile).values(row).returning(ExportFile.id)
    ).scalar_one()
    job = enqueue(connection, EXPORT, {"export": number}, caller.name)
    connection.execute(update(ExportFile).where(ExportFile.id == number).values(job=job))
    note_act(
        connection,
        "export_asked",
        f"export {number}",
        by=caller.name,
        now=now,
        purpose=caller.purpose,
        detail={"what": what, "format": format, "as_of": as_of},
    )
    return number


def find_export(
    connection: Connection, number: int, caller: Caller, view: View, now: datetime
) -> ExportView | None:
    """An export that this caller asked for, for the same purpose, within its time.

    ``view`` is what the caller may see now.
    """
    row = connection.execute(
        select(ExportFile.__table__).where(
            ExportFile.id == number,
            ExportFile.by == caller.name,
            ExportFile.purpose == caller.purpose,
            ExportFile.created_at > now - KEPT_FOR,
        )
    ).one_or_none()
    if row is None:
        return None
    created = in_utc(row.created_at)
    return ExportView(
        id=row.id,
        what=Export(row.what),
        format=row.format,
        as_of=row.as_of,
        created_at=created,
        expires_at=created + KEPT_FOR,
        rows=row.rows,
        size=row.size,
        job=jobs_by_id(connection, [row.job])[row.job],
        overtaken="made" in row.scope and _is_overtaken(row.scope["made"], connection, view),
    )


def content_of(engine: Engine, number: int) -> Iterator[bytes]:
    """The file in parts; no connection is held while a part is on its way."""
    part = 0
    query = select(ExportChunk.content).where(ExportChunk.export == number)
    while True:
        with reading(engine) as connection:
            content = connection.scalar(query.where(ExportChunk.number == part))
        if content is None:
            return
        yield content
        part += 1


def drop_expired(connection: Connection, now: datetime) -> None:
    """Drop the content of exports whose time is over; that they were made stays known."""
    drop_contents(connection, ExportFile.created_at <= now - KEPT_FOR)


def drop_contents(connection: Connection, *which: ColumnElement[bool]) -> None:
    """Drop the content of these exports, or of all."""
    there = select(ExportFile.id).where(ExportFile.size.is_not(None), *which)
    numbers = list(connection.scalars(there))
    if numbers:
        connection.execute(delete(ExportChunk).where(ExportChunk.export.in_(numbers)))
        gone = update(ExportFile).where(ExportFile.id.in_(numbers))
        connection.execute(gone.values(size=None))


def tidy_exports(engine: Engine) -> None:
    """`drop_expired` in a transaction of its own."""
    with writing(engine) as connection:
        drop_expired(connection, datetime.now(UTC))


@contextmanager
def prepare_export(
    connection: Connection, task: Task, observer: Observer
) -> Iterator[Callable[[Connection], Mapping[str, Any]]]:
    """Write the file; what is yielded puts it where its caller fetches it from."""
    row = connection.execute(
        select(ExportFile.__table__).where(ExportFile.id == int(task.request["export"]))
    ).one()
    what = Export(row.what)
    check_can_read(connection, as_of_run=row.as_of)
    caller = _caller_of(row)
    view = view_of(read_terms(connection), caller, datetime.now(UTC).date())
    made = _made_under(connection, view)
    with scratch_folder() as folder:
        path = folder / "content"
        write = write_csv if row.format == "csv" else write_parquet
        with observer.stage("write the file"):
            rows = write(path, EXPORT_COLUMNS[what], seen_frames(connection, what, view, row.as_of))

        erased = _last_erasure(connection)

        def finish(into: Connection) -> Mapping[str, Any]:
            if _last_erasure(into) != erased:
                raise DataError("records were erased while this was written; ask for it again")
            _keep(into, row.id, path)
            done = update(ExportFile).where(ExportFile.id == row.id)
            scope = {**row.scope, "made": made}
            into.execute(done.values(rows=rows, size=path.stat().st_size, scope=scope))
            drop_expired(into, datetime.now(UTC))
            return {"export": row.id, "rows": rows}

        yield finish


def _last_erasure(connection: Connection) -> int | None:
    """The run of the last erasure."""
    return connection.scalar(select(func.max(Erasure.run)))


def _keep(connection: Connection, number: int, path: Path) -> None:
    with path.open("rb") as stream:
        part = 0
        while content := stream.read(_CHUNK):
            chunk = {"export": number, "number": part, "content": content}
            connection.execute(insert(ExportChunk).values(chunk))
            part += 1


def _made_under(connection: Connection, view: View) -> dict[str, Any]:
    """What a file that is made now may hold, to be kept with it."""
    terms = [
        [one.source, sorted(one.purposes), {name: sorted(may) for name, may in one.fields.items()}]
        for one in view.terms
    ]
    # By number too: if one is gone and another came, the count alone says nothing.
    shields = select(func.count(), func.max(Shield.id)).select_from(Shield)
    severances = select(func.count(), func.max(Severance.id)).select_from(Severance)
    acts = [list(connection.execute(query).one()) for query in (shields, severances)]
    return {"acts": acts, "terms": terms, "barred": _barred(view)}


def _is_overtaken(made: Mapping[str, Any], connection: Connection, view: View) -> bool:
    """Whether a shield or a severance came since, an agreement ended, or a field was barred."""
    now = _made_under(connection, view)
    return (
        now["acts"] != made["acts"]
        or any(one not in now["terms"] for one in made["terms"])
        or not set(now["barred"]) <= set(made["barred"])
    )


def _barred(view: View) -> list[str]:
    """Fields and record ids that may not be seen for the purpose unless an agreement says so."""
    limits = {**view.limits, **{f"record_id of {name}": may for name, may in view.ids.items()}}
    return sorted(name for name, may in limits.items() if view.purpose not in may)


def _caller_of(row: Any) -> Caller:
    sources = row.scope["sources"]
    return Caller(
        name=row.by,
        roles=frozenset(Role(role) for role in row.scope["roles"]),
        purposes=frozenset({row.purpose}),
        purpose=row.purpose,
        cleared=row.scope["cleared"],
        sources=None if sources is None else frozenset(sources),
    )
