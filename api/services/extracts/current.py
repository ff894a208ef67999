"""Records and activity as they are current, or as they were as of a past run, as frames."""

from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Boolean, ColumnElement, Connection, Date, Float, and_, or_, select
from sqlalchemy.types import TypeEngine

from api.db.models import ACTIVITY, Record, RecordVersion, Source
from api.services.extracts.dates import extract_dates
from api.services.extracts.fetching import (
    Categories,
    Integers,
    Numbers,
    Strings,
    among,
    as_written,
    gather,
)
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

    Args:
        connection: sees the records.
        ids: only these records; one that is not current has no row.
        as_of_run: as they were after that run, instead of now.
    """
    texts = {name: Categories() for name in RECORD_TEXT_COLUMNS}
    dates = {name: Categories() for name in RECORD_DATE_COLUMNS}
    record, record_id = Integers(), Strings()
    source, extract = Integers(), Integers()
    query = (
        select(
            RecordVersion.record,
            Record.record_id,
            Record.source,
            RecordVersion.extract,
            *(getattr(RecordVersion, name) for name in texts),
            *(as_written(getattr(RecordVersion, name)) for name in dates),
        )
        .join(Record, Record.id == RecordVersion.record)
        .where(held(RecordVersion, as_of_run))
    )
    if ids is not None:
        query = query.where(among(connection, RecordVersion.record, ids))
    gather(connection, query, record, record_id, source, extract, *texts.values(), *dates.values())
    number = source.array()
    day = extract_dates(connection, as_of_run=as_of_run).of(
        dates["as_of"].days(), number, extract.array()
    )
    frame = {
        "id": record.array(),
        "source": _named(connection, number),
        "record_id": record_id.array(),
        **{name: column.categorical() for name, column in texts.items()},
        "date_of_birth": dates["date_of_birth"].days().astype("datetime64[ns]"),
        "as_of": day.astype("datetime64[ns]"),
    }
    found = pd.DataFrame(frame, columns=["id", *RECORD_COLUMNS], copy=False)
    return found.sort_values("id", ignore_index=True)


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
    number, record_id = Integers(), Strings()
    cells = {name: _gathered(getattr(table, name).type) for name in names}
    query = (
        select(Record.source, Record.record_id, *(_cell(table, name) for name in names))
        .join(Record, Record.id == table.record)
        .where(held(table, as_of_run))
        .order_by(table.record, table.id)
    )
    if ids is not None:
        query = query.where(among(connection, table.record, ids))
    gather(connection, query, number, record_id, *cells.values())
    columns: dict[str, Any] = {
        "source": _named(connection, number.array()),
        "record_id": record_id.array(),
    }
    for name, column in cells.items():
        columns[name] = _array(column, getattr(table, name).type)
    return pd.DataFrame(columns, copy=False)


def _cell(table: Any, name: str) -> ColumnElement[Any]:
    column = getattr(table, name)
    return as_written(column) if isinstance(column.type, Date) else column


def _gathered(kind: TypeEngine[Any]) -> Strings | Categories:
    return Strings() if isinstance(kind, Boolean | Float) else Categories()


def _array(column: Strings | Categories, kind: TypeEngine[Any]) -> Any:
    if isinstance(column, Strings):
        return column.array().astype(np.bool_ if isinstance(kind, Boolean) else np.float64)
    return (
        column.days().astype("datetime64[ns]") if isinstance(kind, Date) else column.categorical()
    )
