"""All tables as text that is the same whichever database they are in.

A table is its rows in the order of their keys, each a line as PostgreSQL's COPY reads
it: tabs between cells, ``\\N`` for NULL, backslashes before what would be mistaken. Moments
are in UTC. So equal content has equal hashes, and what one kind of database wrote the
other can read.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    String,
    Table,
    select,
)
from sqlalchemy import text as sql
from sqlalchemy.types import TypeEngine

from api.db import bulk, copying, fetching
from api.db.engine import is_sqlite
from api.db.models import Table as Base
from api.db.values import Values, moment_as_text

_UNESCAPED = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that a table is the same: its number of rows, and the hash of its text."""

    rows: int
    sha256: str


def tables() -> list[Table]:
    """Every table, those that others refer to first."""
    return list(Base.metadata.sorted_tables)


def write_table(connection: Connection, table: Table, write: Callable[[bytes], object]) -> Proof:
    """Give the text of a table to ``write``, in parts."""
    digest, count = hashlib.sha256(), 0
    kinds = [column.type for column in table.columns]
    keys = _keys(connection, table)
    # A row that holds a part of a file is large.
    size = 4 if any(isinstance(kind, LargeBinary) for kind in kinds) else fetching.CHUNK
    with fetching.uncollected():
        for rows in fetching.pieces(connection, select(table).order_by(*keys), size):
            columns = zip(*rows, strict=True)
            cells = [_cells(kind, values) for kind, values in zip(kinds, columns, strict=True)]
            part = copying.lines(cells)
            digest.update(part)
            count += len(rows)
            write(part)
    return Proof(count, digest.hexdigest())


def read_table(
    connection: Connection, table: Table, columns: Sequence[str], parts: Iterable[bytes]
) -> None:
    """Add the rows of a text, whose columns stand in the given order, to a table."""
    if not is_sqlite(connection):
        copying.copy_text(connection, table.name, columns, parts)
        number_from_here(connection, table)
        return
    # Rows may refer to rows of the same table that come later.
    connection.execute(sql("PRAGMA defer_foreign_keys = ON"))
    kinds = [table.columns[name].type for name in columns]
    chunks = (
        [_parsed(kind, cells) for kind, cells in zip(kinds, _columns(lines), strict=True)]
        for lines in _lines(parts)
    )
    bulk.insert_sqlite(connection, table.name, columns, chunks)


def _keys(connection: Connection, table: Table) -> list[Any]:
    """Columns of the key; text by its bytes, not by the rules of some language."""
    collation = "BINARY" if is_sqlite(connection) else "C"
    return [
        column.collate(collation) if isinstance(column.type, String) else column
        for column in table.primary_key.columns
    ]


def _cells(kind: TypeEngine[Any], values: Sequence[Any]) -> list[str]:
    """What either driver gives, as text that is the same of both."""
    told: Callable[[Any], str] = str
    if isinstance(kind, Boolean):
        told = _yes_or_no
    elif isinstance(kind, JSON):
        told = _detail
    elif isinstance(kind, LargeBinary):
        told = copying.cell
    elif isinstance(kind, DateTime):
        told = moment_as_text
    elif isinstance(kind, String) and copying.needs_escapes(values):
        told = copying.cell
    return [copying.NULL if value is None else told(value) for value in values]


def _yes_or_no(value: Any) -> str:
    return "True" if value else "False"


def _detail(value: Any) -> str:
    # One driver gives text, the other what it says; JSON's null is as good as NULL.
    said = json.loads(value) if isinstance(value, str) else value
    return copying.NULL if said is None else copying.cell(json.dumps(said))


def _lines(parts: Iterable[bytes]) -> Iterator[list[str]]:
    """Whole lines, as many as a part ends."""
    rest = b""
    for part in parts:
        whole, newline, rest_of_part = (rest + part).rpartition(b"\n")
        rest = rest_of_part
        if newline:
            yield whole.decode().split("\n")
    if rest:
        raise ValueError("the last line has no end")


def _columns(lines: Iterable[str]) -> Iterator[tuple[str, ...]]:
    return zip(*(line.split("\t") for line in lines), strict=True)


def _parsed(kind: TypeEngine[Any], cells: Sequence[str]) -> Values:
    """Cells as SQLite's driver takes them."""
    convert: Callable[[str], Any] = _unescaped
    if isinstance(kind, Integer):
        convert = int
    elif isinstance(kind, Float):
        convert = float
    elif isinstance(kind, Boolean):
        convert = "True".__eq__
    elif isinstance(kind, LargeBinary):
        convert = _bytes
    values = np.empty(len(cells), dtype=object)
    values[:] = [None if cell == copying.NULL else convert(cell) for cell in cells]
    return values


def _unescaped(cell: str) -> str:
    if "\\" not in cell:
        return cell
    pieces = iter(cell)
    return "".join(_UNESCAPED[next(pieces)] if piece == "\\" else piece for piece in pieces)


def _bytes(cell: str) -> bytes:
    return bytes.fromhex(cell.removeprefix("\\\\x"))


def number_from_here(connection: Connection, table: Table) -> None:
    """Make the next row's id follow the highest; SQLite does so by itself."""
    key = table.autoincrement_column
    if key is not None and not key.foreign_keys:
        connection.execute(
            sql(
                f"SELECT setval(pg_get_serial_sequence(:table, :key), max({key.name})) "  # noqa: S608
                f'FROM "{table.name}" HAVING max({key.name}) IS NOT NULL'
            ),
            {"table": f'"{table.name}"', "key": key.name},
        )
