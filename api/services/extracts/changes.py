"""What an extract changes of what is current for its source. Writes nothing.

A snapshot lists all that the source holds: what it does not list is gone. A delta lists
the records that are new or changed, each with all that the source holds on it, and those
that were removed. Tables that an extract leaves out are left as they are.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd
from sqlalchemy import Connection, and_, func, or_, select

from api.db.among import among
from api.db.fetching import fetch_frame
from api.db.models import Extract, Record, RecordVersion, Run
from api.services.extracts.activity import ActivityChanges, activity_changes
from api.services.extracts.arrays import Days, Flags, Numbers, Texts, days, equals, numbers
from api.services.extracts.dates import extract_dates
from api.services.extracts.hashes import content_hash
from matcher.frames import RECORD_TEXT_COLUMNS
from matcher.read import ReadResult

Mode = Literal["snapshot", "delta"]
CONTENT_COLUMNS = (*RECORD_TEXT_COLUMNS, "date_of_birth")


@dataclass(frozen=True)
class Changes:
    """Changes of one source, row by row of the records that its extract lists.

    ``record`` is record.id, or -1 of a record never seen. ``new``, ``changed`` (in content, or
    since not all of it counted) and ``redated`` (in nothing but the day) are written;
    ``day_moved`` are rows whose day is another than before, written or not. ``closed`` are
    the ids of the versions that end. ``gone`` are the ids of records that end.
    """

    source: int
    mode: str
    held_on: date | None
    records: pd.DataFrame
    own_day: Days
    record: Numbers
    content: Numbers
    new: Flags
    changed: Flags
    redated: Flags
    day_moved: Flags
    was_child: Flags
    closed: Numbers
    gone: Numbers
    gone_child: Flags
    activity: dict[str, ActivityChanges]

    def counts(self) -> dict[str, int]:
        """Records that are new, changed, gone and unchanged."""
        new, changed = int(self.new.sum()), int(self.changed.sum())
        return {
            "new": new,
            "changed": changed,
            "gone": len(self.gone),
            "unchanged": len(self.records) - new - changed,
        }

    def activity_counts(self, without: Numbers) -> dict[str, dict[str, int]]:
        """Of each kind of activity, rows compared with, and that are new, gone and unchanged.

        ``gone_with_record`` are those of the gone whose record is gone too. Rows about the records
        ``without`` (record.id) are left out, and so is a kind of which there is no row.
        """
        counts = {}
        for kind, rows in self.activity.items():
            before, ended = (part[~np.isin(part, without)] for part in (rows.before, rows.ended))
            new = int((~np.isin(self.record[rows.place], without)).sum())
            if len(before) or new:
                counts[kind] = {
                    "current": len(before),
                    "new": new,
                    "gone": len(ended),
                    "gone_with_record": int(np.isin(ended, self.gone).sum()),
                    "unchanged": len(before) - len(ended),
                }
        return counts


@dataclass(frozen=True)
class _Known:
    """Records of a source that were ever seen; ``version`` is -1 where none is current."""

    record: Numbers
    record_id: Texts
    version: Numbers
    content: Numbers
    child: Flags
    alone: Flags
    own_day: Days
    day: Days


def diff(
    connection: Connection, *, source: int, read: ReadResult, mode: str, as_of: date
) -> Changes:
    """Compare an extract with what is current for its source.

    Args:
        connection: sees the state to compare with.
        source: number of the source.
        read: the extract; kinds of activity that it says nothing of are not in it.
        mode: snapshot or delta, which says what it means that a record is not listed.
        as_of: the day on which the source held what the extract says.
    """
    records = read.records
    removed = sorted(read.removed) if mode == "delta" else []
    listed = None if mode == "snapshot" else [*records["record_id"], *removed]
    known = _known(connection, source, listed)
    at = pd.Index(known.record_id).get_indexer(pd.Index(records["record_id"]))
    record, version = _taken(known.record, at), _taken(known.version, at)
    held_on, own_day = _days(records, mode)
    day = np.where(np.isnat(own_day), np.datetime64(held_on or as_of), own_day)
    content = content_hash(records, CONTENT_COLUMNS)
    current = version >= 0
    changed = current & ((content != _taken(known.content, at)) | np.append(known.alone, False)[at])
    day_before = np.append(known.day, np.datetime64("NaT"))[at]
    redated = current & ~changed & (_day_if_kept(known, at, mode, held_on or as_of) != day)
    gone = _gone(known, at, mode, removed)
    return Changes(
        source,
        mode,
        held_on,
        records,
        own_day,
        record,
        content,
        ~current,
        changed,
        redated,
        current & (day_before != day),
        np.append(known.child, False)[at] & current,
        np.concatenate([version[changed | redated], known.version[gone]]),
        known.record[gone],
        known.child[gone],
        activity_changes(connection, source, read, record, known.record[gone], mode),
    )


def changed_one_by_one(connection: Connection, extract: int) -> int:
    """Records of an extract's source that were put or deleted alone since a run applied it."""
    alone = select(Run.id).join(Extract, Extract.id == extract)
    alone = alone.where(Run.kind == "record", Run.id > Extract.run)
    changed = or_(RecordVersion.from_run.in_(alone), RecordVersion.to_run.in_(alone))
    query = (
        select(func.count(RecordVersion.record.distinct()))
        .join(Record, Record.id == RecordVersion.record)
        .join(Extract, (Extract.source == Record.source) & (Extract.id == extract))
        .where(changed)
    )
    return connection.scalar(query) or 0


def _known(connection: Connection, source: int, listed: list[str] | None) -> _Known:
    """All records of the source, or those that are listed."""
    query: Any = (
        select(
            Record.id.label("record"),
            Record.record_id,
            RecordVersion.id.label("version"),
            RecordVersion.content_hash,
            RecordVersion.extract,
            RecordVersion.role,
            or_(RecordVersion.unplaced, RecordVersion.unaccompanied).label("alone"),
            RecordVersion.as_of,
        )
        .outerjoin(
            RecordVersion,
            and_(RecordVersion.record == Record.id, RecordVersion.to_run.is_(None)),
        )
        .where(Record.source == source)
    )
    if listed is not None:
        query = query.where(among(Record.record_id, listed))
    found = fetch_frame(connection, query, plain=("record_id",))
    own = days(found["as_of"])
    sources = np.full(len(own), source, dtype=np.int64)
    return _Known(
        numbers(found["record"]),
        found["record_id"].to_numpy(dtype=object),
        numbers(found["version"]),
        numbers(found["content_hash"]),
        equals(found["role"], "child"),
        found["alone"].fillna(False).to_numpy(dtype=np.bool_),
        own,
        extract_dates(connection).of(own, sources, numbers(found["extract"])),
    )


def _days(records: pd.DataFrame, mode: str) -> tuple[date | None, Days]:
    """The one day that all rows of a snapshot give, if they do; else each row's own day."""
    own = days(records["as_of"])
    if mode == "delta" or not len(own) or np.isnat(own).any() or (own != own[0]).any():
        return None, own
    return own[0].item(), np.full(len(own), "NaT", dtype="datetime64[D]")


def _day_if_kept(known: _Known, at: Numbers, mode: str, day: date) -> Days:
    """The day that each listed record has afterwards unless it is written again."""
    if mode == "delta":
        return np.append(known.day, np.datetime64("NaT"))[at]
    own = np.append(known.own_day, np.datetime64("NaT"))[at]
    return np.where(np.isnat(own), np.datetime64(day), own)


def _gone(known: _Known, at: Numbers, mode: str, removed: list[str]) -> Flags:
    """Known records that end: not listed by a snapshot, or removed by a delta."""
    listed = np.zeros(len(known.record) + 1, dtype=np.bool_)
    listed[at] = True
    ends = ~listed[:-1] & (known.version >= 0)
    return ends if mode == "snapshot" else ends & pd.Index(known.record_id).isin(removed)


def _taken(values: Numbers, at: Numbers) -> Numbers:
    """Values at these places; -1 where there is no place."""
    return np.append(values, -1)[at]
