"""What a query finds, as a frame: by column, in pieces, so that a million rows fit."""

import gc
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import (
    JSON,
    Boolean,
    ClauseElement,
    Connection,
    Date,
    DateTime,
    Executable,
    Float,
    Integer,
    Select,
    String,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeEngine

from api.db.copying import postgresql_cursor
from api.db.engine import is_sqlite

CHUNK = 20_000
_CURSOR = "rows_of_a_frame"

Finish = Callable[[], Any]
Take = Callable[[Sequence[Any]], None]


def fetch_frame(
    connection: Connection, query: Select[Any], *, plain: Collection[str] = ()
) -> pd.DataFrame:
    """The rows of a query, in its order.

    By type: whole numbers int64, or Int64 where some are missing; numbers float64; yes or
    no bool, or boolean; days datetime64[ns]; moments datetime64[ns, UTC]; text category,
    except the columns named in ``plain``, which like all else are objects.
    """
    columns = list(query.selected_columns)
    collectors = [_collector(chosen.type, chosen.key in plain) for chosen in columns]
    with uncollected():
        for rows in pieces(connection, query):
            for (take, _), values in zip(collectors, zip(*rows, strict=True), strict=True):
                take(values)
    return pd.DataFrame(
        {chosen.key: finish() for chosen, (_, finish) in zip(columns, collectors, strict=True)}
    )


class _Declare(Executable, ClauseElement):
    """Keeps the rows of a query at PostgreSQL until they are asked for."""

    inherit_cache = True
    _traverse_internals = [  # noqa: RUF012 - as SQLAlchemy asks for it
        ("query", InternalTraversal.dp_clauseelement)
    ]

    def __init__(self, query: Select[Any]) -> None:
        self.query = query


@compiles(_Declare)
def _declare(element: _Declare, compiler: SQLCompiler, **options: Any) -> str:
    query = compiler.process(element.query, **options)
    return f"DECLARE {_CURSOR} NO SCROLL CURSOR FOR {query}"


def pieces(
    connection: Connection, query: Select[Any], size: int = CHUNK
) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Rows as the driver gives them, without what SQLAlchemy would make of each."""
    if is_sqlite(connection):
        found = connection.execute(query)
        while rows := found.cursor.fetchmany(size):
            yield rows
        found.close()
        return
    # The driver would otherwise take all rows before it gives the first.
    connection.execute(_Declare(query))
    fetch = f"FETCH {size} FROM {_CURSOR}".encode()
    with postgresql_cursor(connection) as cursor:
        while rows := cursor.execute(fetch, binary=True).fetchall():
            yield rows
        cursor.execute(f"CLOSE {_CURSOR}".encode())


@contextmanager
def uncollected() -> Iterator[None]:
    """Rows are tuples by the thousand, which Python would look through again and again."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _collector(kind: TypeEngine[Any], plain: bool) -> tuple[Take, Finish]:
    """What takes a column's values piece by piece, and what makes an array of all of them."""
    if isinstance(kind, Integer):
        return _numbers(np.int64, "Int64")
    if isinstance(kind, Boolean):
        return _numbers(np.bool_, "boolean")
    if isinstance(kind, Float):
        return _numbers(np.float64, "float64")
    if isinstance(kind, Date):
        return _distinct(_days)
    if isinstance(kind, DateTime):
        return _distinct(_moments)
    if isinstance(kind, String) and not plain:
        return _distinct(None)
    return _objects(_parsed if isinstance(kind, JSON) else None)


def _numbers(kind: type[np.generic], with_missing: Any) -> tuple[Take, Finish]:
    parts: list[Any] = []

    def take(values: Sequence[Any]) -> None:
        try:
            if kind is np.bool_ and None in values:  # None would be taken for no
                raise TypeError
            parts.append(np.fromiter(values, kind, len(values)))
        except TypeError:  # a missing one
            parts.append(pd.array(list(values), dtype=with_missing))

    def finish() -> Any:
        if not parts:
            return np.empty(0, kind)
        if any(not isinstance(part, np.ndarray) for part in parts):
            return pd.concat([pd.Series(part, dtype=with_missing) for part in parts]).array
        return np.concatenate(parts)

    return take, finish


def _distinct(convert: Callable[[list[Any]], pd.Index] | None) -> tuple[Take, Finish]:
    """Keeps each distinct value once; ``convert`` makes of those what the frame holds."""
    codes: defaultdict[Any, int] = defaultdict(count().__next__)
    missing = codes[None]  # 0, so that all others are one too high
    parts: list[Any] = []

    def take(values: Sequence[Any]) -> None:
        parts.append(np.fromiter(map(codes.__getitem__, values), np.int32, len(values)))

    def finish() -> Any:
        places = np.concatenate(parts) if parts else np.empty(0, np.int32)
        known = list(codes)
        if convert is not None:
            return convert(known).array[places]
        chosen: Any = places - 1
        return pd.Categorical.from_codes(chosen, pd.Index(known[missing + 1 :], dtype=object))

    return take, finish


def _objects(convert: Callable[[Any], Any] | None) -> tuple[Take, Finish]:
    parts: list[Any] = []

    def take(values: Sequence[Any]) -> None:
        parts.extend(map(convert, values) if convert else values)

    def finish() -> Any:
        array = np.empty(len(parts), dtype=object)
        array[:] = parts
        return array

    return take, finish


def _days(days: list[Any]) -> pd.DatetimeIndex:
    # SQLite gives text, PostgreSQL days; NumPy reads both, and faster than pandas does.
    return pd.DatetimeIndex(np.array(days, dtype="datetime64[D]")).as_unit("ns")


def _moments(moments: list[Any]) -> pd.DatetimeIndex:
    # SQLite gives text, PostgreSQL moments; neither writes a time zone into what it keeps.
    found = pd.to_datetime(pd.Series(moments, dtype=object), utc=True)
    return pd.DatetimeIndex(found).as_unit("ns")


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
