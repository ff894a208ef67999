"""PostgreSQL's COPY: numbers in its binary format, all else as text.

Both are put together by column: a call per row would take most of the time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import psycopg
from sqlalchemy import BigInteger, Boolean, Connection, Float, SmallInteger
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from api.db.engine import hide_values
from api.db.values import Values, by_distinct

# Signature, flags, length of an extension: see PostgreSQL's documentation of COPY.
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
NULL = "\\N"


def copy_in(
    connection: Connection,
    name: str,
    kinds: Mapping[str, TypeEngine[Any]],
    values: Sequence[Values],
    chunks: Iterable[Sequence[Values]],
) -> None:
    """Add ``chunks`` of values, by column, to a table. ``values`` are the whole columns."""
    binary = all(array.dtype.kind in "ifb" or _is_missing(array) for array in values)
    formats = [
        None if _is_missing(array) else _format(kind)
        for array, kind in zip(values, kinds.values(), strict=True)
    ]
    named = ", ".join(f'"{column}"' for column in kinds)
    form = " (FORMAT BINARY)" if binary else ""
    _copy(connection, f'COPY "{name}" ({named}) FROM STDIN{form}', _parts(binary, formats, chunks))


def copy_text(
    connection: Connection, name: str, columns: Iterable[str], parts: Iterable[bytes]
) -> None:
    """Add rows that are in COPY's text format already."""
    named = ", ".join(f'"{column}"' for column in columns)
    _copy(connection, f'COPY "{name}" ({named}) FROM STDIN', parts)


def _copy(connection: Connection, statement: str, parts: Iterable[bytes]) -> None:
    if not connection.in_transaction():
        connection.begin()
    try:
        with postgresql_cursor(connection) as cursor, cursor.copy(statement.encode()) as copy:
            for part in parts:
                copy.write(part)
    except psycopg.Error as error:
        hide_values(error)
        raise DBAPIError.instance(
            statement, None, error, psycopg.Error, hide_parameters=True
        ) from None


def _parts(
    binary: bool, formats: Sequence[str | None], chunks: Iterable[Sequence[Values]]
) -> Iterator[bytes]:
    if binary:
        yield _HEADER
    for chunk in chunks:
        yield _as_binary(chunk, formats) if binary else as_text(chunk)
    if binary:
        yield _TRAILER


def postgresql_cursor(connection: Connection) -> psycopg.Cursor[tuple[Any, ...]]:
    """A cursor of the driver itself, in the transaction of the connection."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver.cursor()


def _is_missing(array: Values) -> bool:
    """Whether nothing in it is there, as with the ends of what still holds."""
    return array.dtype.kind == "O" and bool((array == None).all())  # noqa: E711 - by element


def _format(kind: TypeEngine[Any]) -> str:
    """How the binary format holds a number, in numpy's words."""
    if isinstance(kind, Boolean):
        return ">i1"
    if isinstance(kind, Float):
        return ">f8"
    if isinstance(kind, SmallInteger):
        return ">i2"
    return ">i8" if isinstance(kind, BigInteger) else ">i4"


def _as_binary(chunk: Sequence[Values], formats: Sequence[str | None]) -> bytes:
    """Rows: how many fields, then of each its length in bytes (-1 is NULL) and its value."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for place, format_ in enumerate(formats):
        fields.append((f"length_{place}", ">i4"))
        if format_ is not None:
            fields.append((f"value_{place}", format_))
    rows = np.empty(len(chunk[0]), dtype=np.dtype(fields))
    rows["fields"] = len(chunk)
    for place, (array, format_) in enumerate(zip(chunk, formats, strict=True)):
        if format_ is None:
            rows[f"length_{place}"] = -1
        else:
            rows[f"length_{place}"] = np.dtype(format_).itemsize
            rows[f"value_{place}"] = array
    return rows.tobytes()


def as_text(chunk: Sequence[Values]) -> bytes:
    """Rows in the text format: a line each, tabs between, ``\\N`` for NULL."""
    return lines([_cells(array) for array in chunk])


def lines(columns: Sequence[Sequence[str]]) -> bytes:
    """Rows of cells that are text already, given by column."""
    return ("\n".join(map("\t".join, zip(*columns, strict=True))) + "\n").encode()


def needs_escapes(values: Sequence[str | None]) -> bool:
    """Whether anything in a column would be mistaken; mostly nothing would."""
    together = " ".join(value for value in values if value is not None)
    return any(mark in together for mark in "\\\t\n\r")


def cell(value: object) -> str:
    """A value that is not NULL, with what would be mistaken escaped."""
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    return str(value).translate(_ESCAPES)


def _cells(array: Values) -> list[str]:
    if array.dtype.kind != "O":
        return [str(value) for value in array.tolist()]
    return by_distinct(array, cell, missing=NULL).tolist()  # type: ignore[no-any-return]
