"""What both logs say: acts and accesses as one list, and whether they are as written."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from api.db.aside import belongs
from api.db.engine import is_sqlite
from api.db.models import Access, Agreement, Audit, Record, Source
from api.db.tables import in_utc
from api.services.access.chain import LOGS, Broken, Head, Log, verify

# After every entry.
_END = 2**62


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An act, or an access (``log``): who did what to what, when, and for which purpose.

    ``status`` is what an access was answered; none for an act. ``detail`` is an act's.
    """

    log: str
    id: int
    at: datetime
    by: str
    purpose: str | None
    what: str
    about: list[str]
    status: int | None
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verified:
    """How far each log is good, by its table, and the first entry of each that is not."""

    heads: dict[str, Head]
    broken: list[Broken]


def verify_logs(
    connection: Connection, aside: Connection, known: Mapping[str, Iterable[Head]]
) -> Verified:
    """Go through both logs; ``known`` are heads of each that were seen earlier."""
    heads, broken = {}, []
    for name, log in LOGS.items():
        on = aside if log is Access else connection
        heads[name], fault = verify(on, log, known.get(name, ()))
        broken += [fault] if fault else []
    if not belongs(connection, aside):
        why = "the file that it is in does not belong to this register, or was begun anew"
        broken.append(Broken(Access.__tablename__, 1, why))
    return Verified(heads, broken)


def list_entries(
    connection: Connection,
    aside: Connection,
    *,
    about: str | None = None,
    by: str | None = None,
    after: datetime | None = None,
    limit: int = 100,
) -> list[LogEntry]:
    """The latest entries of both logs, the latest first: about an id, by somebody, after then.

    A record is looked for by its number or by its key, see `_named`.
    """
    acts = _latest(Audit, by, after, limit)
    accesses = _latest(Access, by, after, limit)
    if about is not None:
        ids = _named(connection, about)
        acts = acts.where(Audit.about.in_(ids))
        accesses = accesses.where(_names(aside, *ids))
    found = [
        *(_act(row) for row in connection.execute(acts)),
        *(_access(row) for row in aside.execute(accesses)),
    ]
    return sorted(found, key=lambda entry: (entry.at, entry.id), reverse=True)[:limit]


@dataclass(frozen=True, slots=True)
class Sought:
    """What entries are looked for by; ``what`` is part of an act or a route, in any case.

    ``called`` are acts and routes that are looked for by ``what`` too, since people call them so.
    ``since`` is the first moment, ``until`` the first one after.
    """

    about: str | None = None
    by: str | None = None
    what: str | None = None
    called: Collection[str] = ()
    purpose: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LogPage:
    """Entries, the latest first. ``after`` is where the next page begins; none at the end."""

    entries: list[LogEntry]
    after: tuple[int, int] | None


def search_logs(
    connection: Connection,
    aside: Connection,
    sought: Sought,
    *,
    after: tuple[int, int] | None = None,
    limit: int = 50,
) -> LogPage:
    """Entries of both logs, page by page; ``after`` is that of the page before.

    Each log keeps its own order, in which it was written.
    """
    acts = _sought(Audit, sought, after and after[0]).limit(limit + 1)
    accesses = _sought(Access, sought, after and after[1]).limit(limit + 1)
    if sought.about is not None:
        ids = _named(connection, sought.about)
        acts = acts.where(Audit.about.in_(ids))
        accesses = accesses.where(_names(aside, *ids))
    if sought.what is not None:
        action = sought.what.replace(" ", "_")
        acts = acts.where(
            Audit.action.icontains(action, autoescape=True) | Audit.action.in_(sought.called)
        )
        accesses = accesses.where(
            Access.route.icontains(sought.what, autoescape=True) | Access.route.in_(sought.called)
        )
    both = merge(
        [_act(row) for row in connection.execute(acts)],
        [_access(row) for row in aside.execute(accesses)],
        key=lambda entry: entry.at,
        reverse=True,
    )
    found = list(islice(both, limit + 1))
    entries = found[:limit]
    if len(found) <= limit:
        return LogPage(entries, None)
    last = {entry.log: entry.id for entry in entries}
    unmoved = after or (_END, _END)
    return LogPage(entries, (last.get("audit", unmoved[0]), last.get("access", unmoved[1])))


def accesses_to(aside: Connection, ids: Collection[str]) -> list[LogEntry]:
    """Every access about any of these ids, the latest first; what else it was about is left out."""
    query = select(Access.__table__).where(_names(aside, *ids)).order_by(Access.id.desc())
    return [replace(_access(row), about=[]) for row in aside.execute(query)]


def _sought(log: Log, sought: Sought, before: int | None) -> Select[Any]:
    query = select(log.__table__).order_by(log.id.desc())
    if before is not None:
        query = query.where(log.id < before)
    if sought.by is not None:
        query = query.where(log.by == sought.by)
    if sought.purpose is not None:
        query = query.where(log.purpose == sought.purpose)
    if sought.since is not None:
        query = query.where(log.at >= sought.since)
    return query if sought.until is None else query.where(log.at < sought.until)


def _latest(log: Log, by: str | None, after: datetime | None, limit: int) -> Select[Any]:
    query = select(log.__table__).order_by(log.id.desc()).limit(limit)
    if by is not None:
        query = query.where(log.by == by)
    return query if after is None else query.where(log.at >= after)


def _names(aside: Connection, *about: str) -> ColumnElement[bool]:
    """Whether an access is about any of these ids, which its list then holds."""
    if is_sqlite(aside):
        each = func.json_each(Access.about).table_valued("value")
    else:
        each = func.json_array_elements_text(Access.about).table_valued("value")
    return select(each.c.value).where(each.c.value.in_(about)).exists()


def _named(connection: Connection, about: str) -> list[str]:
    """What the logs call that by which somebody looks for entries.

    They call a record by its number, ``record 6073``, since its id at the source may be personal.
    One of a source whose ids anybody may be told is found by ``source/record_id`` as well.
    """
    source, _, record_id = about.partition("/")
    query = (
        select(Record.id, Agreement.purposes)
        .join(Source, Source.number == Record.source)
        .outerjoin(Agreement, Agreement.source == Source.number)
        .where(Source.name == source, Record.record_id == record_id)
    )
    rows = connection.execute(query).all()
    if any("record_id" in (row.purposes or {}).get("fields", {}) for row in rows):
        return [about]
    return [about, *{f"record {row.id}" for row in rows}]


def _act(row: Row[Any]) -> LogEntry:
    return LogEntry(
        log="audit",
        id=row.id,
        at=in_utc(row.at),
        by=row.by,
        purpose=row.purpose,
        what=row.action,
        about=[row.about],
        status=None,
        detail=row.detail,
    )


def _access(row: Row[Any]) -> LogEntry:
    return LogEntry(
        log="access",
        id=row.id,
        at=in_utc(row.at),
        by=row.by,
        purpose=row.purpose,
        what=row.route,
        about=row.about,
        status=row.status,
        detail={},
    )
