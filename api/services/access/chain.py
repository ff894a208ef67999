"""Entries that seal each other: what was altered, dropped or put in between shows.

An entry's hash is the SHA-256 of the hash before it and all that the entry says, as JSON in
one way of writing. Entries are numbered from 1 without gaps.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, inspect, select, text
from sqlalchemy.exc import DataError

from api.db.engine import is_sqlite
from api.db.models import Access, Audit
from api.db.tables import in_utc

# What comes before the first entry.
START = "0" * 64

Log = type[Audit] | type[Access]
# By table: what was done, and what was seen.
LOGS: dict[str, Log] = {"audit": Audit, "access": Access}

_AT_ONCE = 5000
_UNREADABLE = "what it says was altered, and cannot be read any more"

# Any numbers will do; they are what those who add to a chain on PostgreSQL queue at.
_QUEUES: dict[str, int] = {"audit": 7_466_302, "access": 7_466_303}


@dataclass(frozen=True, slots=True)
class Head:
    """How long a chain is, and the hash of its last entry, which stands for all of it."""

    entries: int
    hash: str

    def __str__(self) -> str:
        """As it is printed, to be checked against later."""
        return f"{self.entries}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """A head as printed. Raises ValueError."""
        entries, _, found = text.partition(":")
        if not (re.fullmatch(r"[0-9a-f]{64}", found) and re.fullmatch(r"[0-9]{1,18}", entries)):
            raise ValueError("this is not the head of a log, such as 12:5f...")
        return cls(int(entries), found)


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry of a log that is not as it was written, and in which way."""

    log: str
    entry: int
    why: str


def append(connection: Connection, log: Log, entries: Iterable[Mapping[str, Any]]) -> Head:
    """Add entries, given without number and hashes; the chain's head then.

    Others who add wait until this transaction ends.
    """
    if not is_sqlite(connection):
        queue = {"queue": _QUEUES[log.__tablename__]}
        connection.execute(text("SELECT pg_advisory_xact_lock(:queue)"), queue)
    last = head(connection, log)
    rows = []
    for entry in entries:
        row = {**entry, "id": last.entries + 1, "previous": last.hash}
        row["hash"] = _seal(row)
        rows.append(row)
        last = Head(row["id"], row["hash"])
    if rows:
        connection.execute(log.__table__.insert(), rows)  # type: ignore[attr-defined]
    return last


def head(connection: Connection, log: Log) -> Head:
    """The last entry."""
    query = select(log.id, log.hash).order_by(log.id.desc()).limit(1)
    found = connection.execute(query).one_or_none()
    return Head(found.id, found.hash) if found else Head(0, START)


def verify(
    connection: Connection, log: Log, heads: Iterable[Head] = ()
) -> tuple[Head, Broken | None]:
    """The head as far as the chain is good, and where it breaks, if it does.

    ``heads`` were seen earlier: what a chain loses at its end, or a chain that was written
    anew as a whole, shows only against these.
    """
    seen = {known.entries: known.hash for known in heads if known.entries}
    last = Head(0, START)
    if not inspect(connection).has_table(log.__tablename__):
        return last, Broken(log.__tablename__, 1, "the log itself is missing")
    for row in _entries(connection, log):
        if row is None:
            return last, Broken(log.__tablename__, last.entries + 1, _UNREADABLE)
        why = _fault(row, last)
        if why is None and seen.pop(row.id, row.hash) != row.hash:
            why = "it is not the entry that was there when its hash was noted"
        if why is not None:
            return last, Broken(log.__tablename__, last.entries + 1, why)
        last = Head(row.id, row.hash)
    if seen:
        why = f"the log ends before entry {max(seen)}, which was there when its hash was noted"
        return last, Broken(log.__tablename__, last.entries + 1, why)
    return last, None


def _entries(connection: Connection, log: Log) -> Iterator[Row[Any] | None]:
    """In their order, until one cannot be read as what an entry is: None stands for it."""
    after, size = 0, _AT_ONCE
    while True:
        query = select(log.__table__).where(log.id > after).order_by(log.id).limit(size)
        try:
            rows = connection.execute(query).all()
        except (ValueError, TypeError, DataError):
            if size == 1:
                yield None
                return
            size = 1  # to find which it is
            continue
        if not rows:
            return
        yield from rows
        after = rows[-1].id


def _fault(row: Row[Any], last: Head) -> str | None:
    if row.id != last.entries + 1:
        return f"it is missing; the next one there is {row.id}"
    if row.previous != last.hash:
        return "it does not follow from the entry before it"
    if row.hash != _seal(row._asdict()):
        return "what it says was altered"
    return None


def _seal(row: Mapping[str, Any]) -> str:
    said = {name: _plain(value) for name, value in row.items() if name != "hash"}
    written = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(written.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return in_utc(value).astimezone(UTC).isoformat(timespec="microseconds")
    return value
