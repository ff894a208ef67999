"""Writing what an extract changes, as part of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, case, or_, select, update

from api.db.among import among
from api.db.bulk import insert, new_ids
from api.db.models import ACTIVITY, Extract, ExtractState, Record, RecordVersion
from api.services.extracts.arrays import Numbers, cells
from api.services.extracts.changes import Changes
from api.services.extracts.files import drop_file
from api.services.extracts.states import StateError, require
from matcher.frames import ACTIVITY_COLUMNS, RECORD_TEXT_COLUMNS


@dataclass(frozen=True)
class Applied:
    """record.id of the records of children that a run must look at.

    ``new`` are those that were none before (or records of carers), ``gone`` those that are
    none any more. ``changed`` say something else than before; ``redated`` say the same on
    another day, which only the choice of golden values heeds. ``counts`` are of all records, and
    of rows of activity that begin and end to hold.
    """

    new: Numbers
    changed: Numbers
    gone: Numbers
    redated: Numbers
    counts: Mapping[str, int]


def apply(connection: Connection, changes: Changes, *, extract: int, run: int) -> Applied:
    """Write the changes of an accepted extract as of a run, and make it the current one.

    ``changes`` must come from `diff` in the same transaction. One run applies one extract of
    a source at most, so that what an extract did can be told from what another did. Raises
    StateError otherwise.
    """
    require(connection, extract, ExtractState.ACCEPTED)
    require_one_a_run(connection, changes.source, run)
    record = changes.record.copy()
    unseen = np.flatnonzero(record < 0)
    record[unseen] = _new_records(connection, changes, unseen)
    close(connection, RecordVersion, changes.closed, run)
    written = np.flatnonzero(changes.new | changes.changed | changes.redated)
    _open_versions(connection, changes, written, record, extract=extract, run=run)
    for kind, activity in changes.activity.items():
        close(connection, ACTIVITY[kind], activity.closed, run)
        _open_activity(connection, changes, kind, record, extract=extract, run=run)
    _make_current(connection, changes, extract=extract, run=run)
    drop_file(connection, extract)
    return _applied(changes, record)


def require_one_a_run(connection: Connection, source: int, run: int) -> None:
    """Raises StateError if the run has applied or undone an extract of the source."""
    touched = select(Extract.id).where(
        Extract.source == source, or_(Extract.run == run, Extract.undone_run == run)
    )
    if connection.execute(touched.limit(1)).first() is not None:
        raise StateError(f"run {run} has done something with an extract of this source already")


def _new_records(connection: Connection, changes: Changes, unseen: Numbers) -> Numbers:
    """Enter records never seen before; their ids."""
    if not len(unseen):
        return unseen
    ids = new_ids(connection, Record, len(unseen))
    record_ids = changes.records["record_id"].to_numpy(dtype=object)[unseen]
    columns = {"id": ids, "source": changes.source, "record_id": record_ids}
    insert(connection, Record, columns)
    return ids


def close(connection: Connection, table: Any, ids: Numbers, run: int) -> None:
    """Let rows hold no longer from this run on."""
    if len(ids):
        connection.execute(
            update(table).where(among(table.id, ids)).values(to_run=run),
            execution_options={"synchronize_session": False},
        )


def _open_versions(
    connection: Connection,
    changes: Changes,
    rows: Numbers,
    record: Numbers,
    *,
    extract: int,
    run: int,
) -> None:
    """Write a version of the records in these rows."""
    if not len(rows):
        return
    listed = changes.records.iloc[rows]
    columns: dict[str, Any] = {name: cells(listed[name]) for name in RECORD_TEXT_COLUMNS}
    columns |= {
        "record": record[rows],
        "extract": extract,
        "from_run": run,
        "content_hash": changes.content[rows],
        "unplaced": False,
        "unaccompanied": False,
        "date_of_birth": listed["date_of_birth"].to_numpy(dtype="datetime64[D]"),
        "as_of": changes.own_day[rows],
    }
    insert(connection, RecordVersion, columns)


def _open_activity(
    connection: Connection,
    changes: Changes,
    kind: str,
    record: Numbers,
    *,
    extract: int,
    run: int,
) -> None:
    """Write rows of one kind of activity."""
    activity = changes.activity[kind]
    if activity.rows.empty:
        return
    columns: dict[str, Any] = {
        name: cells(activity.rows[name]) for name in ACTIVITY_COLUMNS[kind][2:]
    }
    columns |= {
        "record": record[activity.place],
        "extract": extract,
        "from_run": run,
        "content_hash": activity.content,
    }
    insert(connection, ACTIVITY[kind], columns)


def _make_current(connection: Connection, changes: Changes, *, extract: int, run: int) -> None:
    """A snapshot takes the place of all before it; a delta stands beside them.

    One that was withdrawn since the run began stays so: the next run undoes it.
    """
    if changes.mode == "snapshot":
        connection.execute(
            update(Extract)
            .where(Extract.source == changes.source, Extract.state == ExtractState.CURRENT)
            .values(state=ExtractState.SUPERSEDED)
        )
    connection.execute(
        update(Extract)
        .where(Extract.id == extract)
        .values(
            state=case(
                (Extract.state == ExtractState.WITHDRAWN, ExtractState.WITHDRAWN),
                else_=ExtractState.CURRENT,
            ),
            run=run,
            held_on=changes.held_on,
        )
    )


def _applied(changes: Changes, record: Numbers) -> Applied:
    child = changes.records["role"].eq("child").to_numpy(dtype=np.bool_)
    before = changes.was_child
    same = child & before
    return Applied(
        new=record[child & ~before],
        changed=record[same & changes.changed],
        gone=np.concatenate([record[before & ~child], changes.gone[changes.gone_child]]),
        redated=record[same & ~changes.changed & changes.day_moved],
        counts={
            **changes.counts(),
            "activity_begun": sum(len(one.rows) for one in changes.activity.values()),
            "activity_ended": sum(len(one.closed) for one in changes.activity.values()),
        },
    )
