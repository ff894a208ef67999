"""Invented rows for every table, by the types of their columns."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Engine,
    Float,
    Integer,
    LargeBinary,
    Table,
    func,
    insert,
    select,
)

from api.db.access import ASIDE
from api.db.archive import number_from_here
from api.db.aside import writing_aside
from api.db.engine import is_sqlite, writing
from api.db.models import Table as Base

# What text must survive: everything that has a meaning to a format of files.
AWKWARD = ("plain", "", "a\tb", "two\nlines\r\n", 'quoted "x", comma', "\\N", "\\", "Zoë 名 🜚")


def fill(connection: Connection, rows: int = 8) -> dict[str, int]:
    """Put rows into every table; what may be missing is missing in each third. Counts."""
    _fill(connection, Base.metadata.sorted_tables, rows)
    return counts(connection)


def fill_register(engine: Engine) -> None:
    """The same, with what is kept aside where it is kept."""
    tables = Base.metadata.sorted_tables
    with writing(engine) as connection, writing_aside(engine, connection) as aside:
        _fill(connection, [table for table in tables if not table.info.get(ASIDE)])
        _fill(aside, [table for table in tables if table.info.get(ASIDE)])


def _fill(connection: Connection, tables: Iterable[Table], rows: int = 8) -> None:
    for table in tables:
        made = [
            {column.name: value_for(column, number) for column in table.columns}
            for number in range(1, rows + 1)
        ]
        connection.execute(insert(table), made)
        if not is_sqlite(connection):
            number_from_here(connection, table)


def counts(connection: Connection) -> dict[str, int]:
    return {
        table.name: connection.scalar(select(func.count()).select_from(table)) or 0
        for table in Base.metadata.sorted_tables
    }


def content(connection: Connection, table: Table) -> list[tuple[Any, ...]]:
    """All rows in the order of their keys."""
    chosen = select(table).order_by(*table.primary_key.columns)
    return [tuple(row) for row in connection.execute(chosen)]


def value_for(column: Column[Any], number: int) -> Any:
    if column.nullable and number % 3 == 0:
        return None
    if column.foreign_keys:
        (reference,) = column.foreign_keys
        return value_for(reference.column, number)
    kind = column.type
    if isinstance(kind, Boolean):
        return number % 2 == 0
    if isinstance(kind, Float):
        return number / 7
    if isinstance(kind, Integer):
        # As wide as the column may be on either database.
        wide = 40 if isinstance(kind, BigInteger) else 10
        return number if column.primary_key or column.unique else (number - 2) * 2**wide
    if isinstance(kind, DateTime):
        return dt.datetime(2024, 2, 29, 12, 30, number, 123456, tzinfo=dt.UTC)
    if isinstance(kind, Date):
        return dt.date(2019, 1, number)
    if isinstance(kind, JSON):
        return {"n": number, "text": AWKWARD[number % len(AWKWARD)], "list": [1.5, None]}
    if isinstance(kind, LargeBinary):
        return bytes(range(256)) * number
    if column.primary_key or column.unique or column.name == "record_id":
        return f"{column.name[:4]}{number}"
    text = AWKWARD[number % len(AWKWARD)]
    return text[: kind.length] if getattr(kind, "length", None) else text
