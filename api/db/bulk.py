"""Many rows at once, in the caller's transaction: in by COPY or long statements, out as frames.

Values go by column, never by object: an ORM would take a minute for what takes seconds
here. Columns that are not given are left to the database (NULL, or the next id).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, Connection, Float, FromClause, Table, Text, column
from sqlalchemy import table as table_clause
from sqlalchemy import text as sql
from sqlalchemy.types import TypeEngine

from api.db import copying
from api.db.engine import is_sqlite
from api.db.values import Values, driver_values, is_single

CHUNK = 50_000
# Parameters of one statement on SQLite: more are no faster.
_PARAMETERS = 2_000

Columns = Mapping[str, Any]


def insert(connection: Connection, table: type[Any] | Table, columns: Columns) -> int:
    """Add rows given by column; how many.

    Each column is an array, a Series, a list, or one value for all rows. Anything missing
    (NaN, NaT, None) becomes NULL. Raises ValueError where a column could not hold a value
    as it is, for example 1.5 in a column of whole numbers.
    """
    target = _table(table)
    kinds = {name: target.columns[name].type for name in columns}
    key = [part.name for part in target.primary_key.columns if part.name in columns]
    return _insert(connection, target.name, kinds, columns, key)


def new_ids(connection: Connection, table: type[Any] | Table, count: int) -> npt.NDArray[np.int64]:
    """Ids for rows that are about to be added, ascending; nobody else gets them.

    For rows that others refer to, or that must be found again, without asking row by row.
    """
    target = _table(table)
    (key,) = target.primary_key.columns
    if is_sqlite(connection):
        # One writes at a time, so what follows the highest is free until the end.
        highest = connection.execute(sql(f'SELECT max("{key.name}") FROM "{target.name}"'))  # noqa: S608
        first = (highest.scalar() or 0) + 1
        return np.arange(first, first + count, dtype=np.int64)
    taken = connection.execute(
        sql("SELECT nextval(pg_get_serial_sequence(:table, :key)) FROM generate_series(1, :count)"),
        {"table": f'"{target.name}"', "key": key.name, "count": count},
    )
    return np.sort(np.fromiter((row[0] for row in taken), np.int64, count))


def temporary_keys(connection: Connection, name: str, keys: npt.ArrayLike) -> FromClause:
    """A temporary table of distinct whole numbers in a column ``key``, to join with.

    It is there until the transaction ends, or until one of the same name is made.
    """
    return temporary_table(connection, name, {"key": np.unique(np.asarray(keys, np.int64))})


def temporary_table(
    connection: Connection, name: str, columns: Columns, key: Sequence[str] = ("key",)
) -> FromClause:
    """A temporary table with a row per element of the columns, which are arrays.

    Whole numbers, floats and text are told by the arrays' types. ``key`` must be unique.
    """
    kinds = {column_name: _kind_of(values) for column_name, values in columns.items()}
    # No table of the register begins like this, so none can be hidden.
    name = f"tmp_{name}"
    defined = ", ".join(
        f'"{column_name}" {kind.compile(connection.dialect)}' for column_name, kind in kinds.items()
    )
    unique = ", ".join(f'"{column_name}"' for column_name in key)
    connection.execute(sql(f'DROP TABLE IF EXISTS "{name}"'))
    at_the_end = "WITHOUT ROWID" if is_sqlite(connection) else "ON COMMIT DROP"
    connection.execute(
        sql(f'CREATE TEMPORARY TABLE "{name}" ({defined}, PRIMARY KEY ({unique})) {at_the_end}')
    )
    _insert(connection, name, kinds, columns, key)
    if not is_sqlite(connection):
        # Otherwise it is planned for as if it held a thousand rows or so.
        connection.execute(sql(f'ANALYZE "{name}"'))
    return table_clause(name, *(column(known, kind) for known, kind in kinds.items()))


def _table(table: type[Any] | Table) -> Table:
    return table if isinstance(table, Table) else table.__table__


def _insert(
    connection: Connection,
    name: str,
    kinds: Mapping[str, TypeEngine[Any]],
    columns: Columns,
    key: Sequence[str],
) -> int:
    lengths = [len(values) for values in columns.values() if not is_single(values)]
    rows = lengths[0] if lengths else 1
    values = [driver_values(kind, columns[known], rows) for known, kind in kinds.items()]
    order = _order([values[list(kinds).index(known)] for known in key])
    chunks = (
        [array[start : start + CHUNK] if order is None else array[order[start : start + CHUNK]]
         for array in values]
        for start in range(0, rows, CHUNK)
    )  # fmt: skip
    if is_sqlite(connection):
        insert_sqlite(connection, name, list(kinds), chunks)
    else:
        copying.copy_in(connection, name, kinds, values, chunks)
    return rows


def _order(keys: Sequence[Values]) -> npt.NDArray[np.intp] | None:
    """The order of the keys, in which pages of an index fill one after another."""
    if not keys or any(key.dtype.kind != "i" for key in keys):
        return None
    order = np.lexsort(tuple(reversed(keys)))
    return None if (order[1:] > order[:-1]).all() else order


def insert_sqlite(
    connection: Connection, name: str, columns: Sequence[str], chunks: Iterable[Sequence[Values]]
) -> None:
    """Add chunks of values, by column, that are as the driver takes them already."""
    named = ", ".join(f'"{column_name}"' for column_name in columns)
    row = f"({', '.join('?' * len(columns))})"
    several = max(1, _PARAMETERS // len(columns))
    for chunk in chunks:
        cells = np.empty((len(chunk[0]), len(columns)), dtype=object)
        for place, array in enumerate(chunk):
            cells[:, place] = array
        whole = len(cells) // several * several
        for size, part in ((several, cells[:whole]), (1, cells[whole:])):
            if len(part):
                statement = f'INSERT INTO "{name}" ({named}) VALUES ' + ", ".join([row] * size)  # noqa: S608
                grouped = part.reshape(-1, size * len(columns)).tolist()
                connection.exec_driver_sql(statement, [tuple(group) for group in grouped])


def _kind_of(values: Any) -> TypeEngine[Any]:
    kind = getattr(getattr(values, "dtype", None), "kind", "O")
    if kind in "iub":
        return BigInteger()
    return Float(53) if kind == "f" else Text()
