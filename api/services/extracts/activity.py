"""What an extract changes of the activity that is current for its source.

Rows of activity have no key: two are the same if they are about the same record and say
the same. What was said twice counts twice.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.fetching import fetch_frame
from api.db.models import ACTIVITY, Record
from api.services.extracts.arrays import Numbers, numbers
from api.services.extracts.hashes import content_hash, mixed
from matcher.frames import ACTIVITY_COLUMNS
from matcher.read import ReadResult


@dataclass(frozen=True)
class ActivityChanges:
    """Rows of one kind to be written, and ids of those that end.

    ``place`` is the row of the extract's records that each row of ``rows`` is about. ``before``
    are the records, by record.id, that the rows compared with are about, and ``ended`` those of
    the rows that end.
    """

    rows: pd.DataFrame
    place: Numbers
    content: Numbers
    closed: Numbers
    before: Numbers
    ended: Numbers


def activity_changes(
    connection: Connection,
    source: int,
    read: ReadResult,
    record: Numbers,
    gone: Numbers,
    mode: str,
) -> dict[str, ActivityChanges]:
    """Changes by kind.

    Of kinds that the extract says nothing of, only rows of records that are gone end. A
    snapshot says all of the others, and a delta all of the records that it lists.

    Args:
        connection: sees the state to compare with.
        source: number of the source.
        read: the extract.
        record: record.id of each of its records, -1 where new.
        gone: record.id of records that end.
        mode: snapshot or delta.
    """
    places = pd.Index(read.records["record_id"])
    told = np.concatenate([record[record >= 0], gone])
    found = {}
    tables: dict[str, Any] = dict(ACTIVITY)
    for kind, table in tables.items():
        if kind not in read.activity:
            if len(gone):
                ids, about_record, _ = _current(connection, table, among(table.record, gone))
                found[kind] = _nothing_new(kind, ids, about_record)
            continue
        about = Record.source == source if mode == "snapshot" else among(table.record, told)
        ids, about_record, said = _current(connection, table, about)
        rows = read.activity[kind]
        place = places.get_indexer(pd.Index(rows["record_id"]))
        content = content_hash(rows, ACTIVITY_COLUMNS[kind][2:])
        before, now = _keys(about_record, said), _keys(record[place], content)
        fresh = np.flatnonzero(~np.isin(now, before))
        ends = ~np.isin(before, now)
        found[kind] = ActivityChanges(
            rows.iloc[fresh],
            place[fresh],
            content[fresh],
            ids[ends],
            about_record,
            about_record[ends],
        )
    return found


def _current(connection: Connection, table: Any, about: Any) -> tuple[Numbers, Numbers, Numbers]:
    """Id, record and content of the rows that are current."""
    query = (
        select(table.id, table.record, table.content_hash)
        .join(Record, Record.id == table.record)
        .where(about, table.to_run.is_(None))
    )
    found = fetch_frame(connection, query)
    return numbers(found["id"]), numbers(found["record"]), numbers(found["content_hash"])


def _nothing_new(kind: str, closed: Numbers, record: Numbers) -> ActivityChanges:
    none, rows = np.empty(0, dtype=np.int64), pd.DataFrame(columns=list(ACTIVITY_COLUMNS[kind]))
    return ActivityChanges(rows, none, none, closed, record, record)


def _keys(record: Numbers, content: Numbers) -> Any:
    """One number per row; the second of two rows that say the same gets another one."""
    keys = mixed(mixed(record.view(np.uint64)) ^ content.view(np.uint64))
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(keys) else order
    sizes = np.diff(np.append(begins, len(keys)))
    repeats = np.empty(len(keys), dtype=np.uint64)
    repeats[order] = np.arange(len(keys)) - np.repeat(begins, sizes)
    return mixed(keys ^ repeats)
