"""Undoing, as part of a run, what a withdrawn extract did."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import (
    Connection,
    Integer,
    and_,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import aliased

from api.db.fetching import fetch_frame
from api.db.models import ACTIVITY, Extract, ExtractState, Record, RecordVersion
from api.services.extracts.applying import Applied, require_one_a_run
from api.services.extracts.arrays import equals, numbers
from api.services.extracts.dates import in_force
from api.services.extracts.states import require


def undo(connection: Connection, *, extract: int, run: int) -> Applied:
    """Let what a withdrawn extract wrote end, and what it ended hold again.

    A record that something later than the extract speaks of stays as that says. Raises
    StateError if the extract is not withdrawn or the run did something of its source.
    """
    row = require(connection, extract, ExtractState.WITHDRAWN)
    require_one_a_run(connection, row.source, run)
    before = _held(connection, and_(RecordVersion.extract == extract, _open(RecordVersion)))
    activity = {"activity_begun": 0, "activity_ended": 0}
    tables: list[Any] = [RecordVersion, *ACTIVITY.values()]
    for table in tables:
        ended = connection.execute(
            update(table).where(table.extract == extract, _open(table)).values(to_run=run)
        ).rowcount
        begun = _reopen(connection, table, source=row.source, closed_by=row.run, run=run)
        if table is not RecordVersion:
            activity["activity_begun"] += begun
            activity["activity_ended"] += ended
    connection.execute(update(Extract).where(Extract.id == extract).values(undone_run=run))
    _restore_current(connection, row.source)
    of_source = and_(Record.source == row.source, _open(RecordVersion))
    after = _held(connection, and_(of_source, RecordVersion.from_run == run))
    same = _held(connection, of_source) if row.mode == "snapshot" else after
    return _undone(before, after, same, activity)


def _open(table: Any) -> Any:
    return table.to_run.is_(None)


def _reopen(connection: Connection, table: Any, *, source: int, closed_by: int, run: int) -> int:
    """Copy what a run ended of a source, as holding from this run on; how many rows."""
    names = [
        column.key
        for column in table.__table__.columns
        if column.key not in ("id", "from_run", "to_run")
    ]
    held = (
        select(literal(run, Integer), *(getattr(table, name) for name in names))
        .join(Record, Record.id == table.record)
        .where(Record.source == source, Record.erased_run.is_(None), table.to_run == closed_by)
    )
    if table is RecordVersion:
        other = aliased(RecordVersion)
        later = exists().where(other.record == table.record, other.to_run.is_(None))
        held = held.where(~later)
    copied = connection.execute(
        insert(table).from_select(["from_run", *names], held),
        execution_options={"preserve_rowcount": True},
    )
    return copied.rowcount


def _restore_current(connection: Connection, source: int) -> None:
    """The latest snapshot in force is current again, and the deltas since."""
    mine = and_(Extract.source == source, in_force())
    snapshots = select(func.max(Extract.run)).where(mine, Extract.mode == "snapshot")
    since = connection.scalar(snapshots) or 0
    connection.execute(
        update(Extract)
        .where(mine, Extract.run >= since, Extract.state == ExtractState.SUPERSEDED)
        .values(state=ExtractState.CURRENT)
    )


def _held(connection: Connection, condition: Any) -> pd.Series:
    """Content by record of a child, as it is compared, of versions that fulfil a condition."""
    query: Any = (
        select(
            RecordVersion.record,
            RecordVersion.content_hash,
            RecordVersion.unplaced,
            RecordVersion.unaccompanied,
            RecordVersion.role,
        )
        .join(Record, Record.id == RecordVersion.record)
        .where(condition)
    )
    found = fetch_frame(connection, query)
    child = equals(found["role"], "child")
    content = numbers(found["content_hash"])
    for number, name in enumerate(("unplaced", "unaccompanied"), start=1):
        content = np.where(found[name].to_numpy(dtype=np.bool_), content ^ number, content)
    return pd.Series(content[child], index=pd.Index(numbers(found["record"])[child]))


def _undone(
    before: pd.Series, after: pd.Series, same: pd.Series, activity: Mapping[str, int]
) -> Applied:
    """What became of records of children, from their content before and after."""
    both = before.index.intersection(after.index)
    differs = before.loc[both].to_numpy() != after.loc[both].to_numpy()
    changed, new = both[differs], after.index.difference(before.index)
    gone = before.index.difference(after.index)
    return Applied(
        new=_ids(new),
        changed=_ids(changed),
        gone=_ids(gone),
        redated=_ids(same.index.difference(new.append(changed))),
        counts={"new": len(new), "changed": len(changed), "gone": len(gone), **activity},
    )


def _ids(index: pd.Index) -> Any:
    return index.to_numpy(dtype=np.int64)
