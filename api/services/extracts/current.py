"""Records and activity as they are current, or as they were as of a past run, as frames."""

from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, Connection, Select, and_, case, or_, select

from api.db.among import among
from api.db.fetching import fetch_frame
from api.db.models import ACTIVITY, Record, RecordVersion, Source
from api.services.extracts.arrays import Numbers, days, numbers
from api.services.extracts.dates import extract_dates
from matcher.frames import (
    ACTIVITY_COLUMNS,
    RECORD_COLUMNS,
    RECORD_DATE_COLUMNS,
    RECORD_TEXT_COLUMNS,
)
from matcher.read.categories import from_codes


def current_records(
    connection: Connection, ids: Numbers | None = None, *, as_of_run: int | None = None
) -> pd.DataFrame:
    """RECORDS (see `matcher.frames`) with record.id in a first column ``id``, in its order.

    Last columns mark those whose place is not compared, ``unplaced``, and those for which the
    company of sources does not count, ``unaccompanied``.

    Args:
        connection: sees the records.
        ids: only these records; one that is not current has no row.
        as_of_run: as they were after that run, instead of now.
    """
    query = _versions().where(held(RecordVersion, as_of_run))
    if ids is not None:
        query = query.where(among(RecordVersion.record, ids))
    found = fetch_frame(connection, query, plain=("record_id",))
    source, extract = numbers(found["source"]), numbers(found["extract"])
    dates = extract_dates(connection, as_of_run=as_of_run)
    day = dates.of(days(found["as_of"]), source, extract)
    found["as_of"] = day.astype("datetime64[ns]")
    found["source"] = _named(connection, source)
    return found[["id", *RECORD_COLUMNS, "unplaced", "unaccompanied"]].sort_values(
        "id", ignore_index=True
    )


def records_around(connection: Connection, ids: Numbers, run: int) -> pd.DataFrame:
    """What these records say now, and what those said before that changed or ended in a run.

    RECORDS with record.id in a column ``id``, without ``as_of``, and ``unplaced``. A row of before
    has ``ended`` set, and a key of its own.
    """
    ended = case((RecordVersion.to_run.is_(None), 0), else_=1).label("ended")
    query = (
        _versions()
        .add_columns(ended)
        .where(
            or_(RecordVersion.to_run.is_(None), RecordVersion.to_run == run),
            among(RecordVersion.record, ids),
        )
    )
    found = fetch_frame(connection, query, plain=("record_id",))
    found["source"] = _named(connection, numbers(found["source"]))
    # No database keeps this character in a text, so no other record has such a key.
    found["record_id"] += np.array(["", "\0"], dtype=object)[found["ended"]]
    return found


def _versions() -> Select[Any]:
    return select(
        RecordVersion.record.label("id"),
        Record.record_id,
        Record.source,
        RecordVersion.extract,
        RecordVersion.unplaced,
        RecordVersion.unaccompanied,
        *(getattr(RecordVersion, name) for name in (*RECORD_TEXT_COLUMNS, *RECORD_DATE_COLUMNS)),
    ).join(Record, Record.id == RecordVersion.record)


def held(table: Any, as_of_run: int | None) -> ColumnElement[bool]:
    """That a row with from_run and to_run holds, now or as of a run."""
    if as_of_run is None:
        return table.to_run.is_(None)  # type: ignore[no-any-return]
    return and_(table.from_run <= as_of_run, or_(table.to_run.is_(None), table.to_run > as_of_run))


def _named(connection: Connection, number: Numbers) -> pd.Categorical:
    """Names of sources by number; only those that occur, in order of name."""
    named = connection.execute(select(Source.number, Source.name).order_by(Source.name)).all()
    occur = set(np.unique(number).tolist())
    present = [(at, name) for at, name in named if at in occur]
    codes = np.full(1 + max((at for at, _ in present), default=0), -1, dtype=np.int32)
    for code, (at, _) in enumerate(present):
        codes[at] = code
    return from_codes(codes[number], [name for _, name in present])


def current_activity(
    connection: Connection, ids: Numbers | None = None, *, as_of_run: int | None = None
) -> dict[str, pd.DataFrame]:
    """ACTIVITY frames (see `matcher.frames`) of every kind, even those without rows.

    Args:
        connection: sees the rows.
        ids: only rows about these records.
        as_of_run: as they were after that run, instead of now.
    """
    return {
        kind: _activity(connection, kind, table, ids, as_of_run) for kind, table in ACTIVITY.items()
    }


def _activity(
    connection: Connection, kind: str, table: Any, ids: Numbers | None, as_of_run: int | None
) -> pd.DataFrame:
    names = ACTIVITY_COLUMNS[kind][2:]
    query = (
        select(Record.source, Record.record_id, *(getattr(table, name) for name in names))
        .join(Record, Record.id == table.record)
        .where(held(table, as_of_run))
        .order_by(table.record, table.id)
    )
    if ids is not None:
        query = query.where(among(table.record, ids))
    found = fetch_frame(connection, query, plain=("record_id",))
    found["source"] = _named(connection, numbers(found["source"]))
    return found
