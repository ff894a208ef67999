"""Many rows at once: the columns of a query as arrays, and conditions on many values."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    String,
    Text,
    any_,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from api.db.engine import is_sqlite
from matcher.read.categories import categorical
from matcher.read.cells import Coded, Encoder

Numbers = npt.NDArray[np.int64]
Days = npt.NDArray[np.datetime64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]

_BATCH = 20_000
_NEVER = np.datetime64("NaT")


class Gathered(Protocol):
    """Takes the cells of one column of a query, batch by batch."""

    def add(self, cells: Sequence[Any]) -> None:
        """Some more cells, from the top."""


class Integers:
    """A column of numbers; missing ones are -1."""

    def __init__(self) -> None:
        self._parts: list[Numbers] = []

    def add(self, cells: Sequence[Any]) -> None:
        """Some more cells, from the top."""
        if None in cells:
            cells = [-1 if cell is None else cell for cell in cells]
        self._parts.append(np.array(cells, dtype=np.int64))

    def array(self) -> Numbers:
        """All cells."""
        return np.concatenate([np.empty(0, np.int64), *self._parts])


class Strings:
    """A column of texts, most of them distinct."""

    def __init__(self) -> None:
        self._cells: list[Any] = []

    def add(self, cells: Sequence[Any]) -> None:
        """Some more cells, from the top."""
        self._cells.extend(cells)

    def array(self) -> Texts:
        """All cells."""
        return np.array(self._cells, dtype=object)


class Categories:
    """A column of texts or dates that repeat."""

    def __init__(self) -> None:
        self._encoder = Encoder[Any]()
        self._size = 0

    def add(self, cells: Sequence[Any]) -> None:
        """Some more cells, from the top."""
        self._encoder.add(cells, len(cells))
        self._size += len(cells)

    def coded(self) -> Coded[Any]:
        """All cells as codes; missing ones are -1."""
        coded = self._encoder.finish()
        if None not in coded.distinct:
            return coded
        absent = coded.distinct.index(None)
        targets = [code - (code > absent) for code in range(len(coded.distinct))]
        targets[absent] = -1
        texts = [value for value in coded.distinct if value is not None]
        return Coded(coded.map_codes(targets), texts)

    def categorical(self) -> pd.Categorical:
        """All cells as a categorical column."""
        return categorical(self.coded())

    def days(self) -> Days:
        """All cells as dates, to the day; missing ones are NaT."""
        coded = self.coded()
        return np.array([*coded.distinct, _NEVER], dtype="datetime64[D]")[coded.codes]


def gather(connection: Connection, statement: Select[*tuple[Any, ...]], *columns: Gathered) -> None:
    """Run a query and hand its cells over, column by column."""
    result = connection.execute(statement, execution_options={"yield_per": _BATCH})
    for rows in result.partitions():
        for column, cells in zip(columns, zip(*rows, strict=True), strict=True):
            column.add(cells)


def as_written(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """A date as the driver gives it, for `Categories.days` to read each distinct one once."""
    return type_coerce(column, String)


def among(
    connection: Connection, column: InstrumentedAttribute[Any], values: Numbers | Sequence[str]
) -> ColumnElement[bool]:
    """That a column holds one of these values, however many, as one parameter."""
    numeric = isinstance(values, np.ndarray)
    listed: list[Any] = np.asarray(values).tolist()
    if is_sqlite(connection):
        each = func.json_each(json.dumps(listed)).table_valued("value")
        return column.in_(select(each.c.value))
    return column == any_(literal(listed, ARRAY(BigInteger if numeric else Text)))


def days_of(column: pd.Series) -> Days:
    """Dates of a frame to the day."""
    return column.to_numpy(dtype="datetime64[D]")


def one_day(day: date | None) -> np.datetime64:
    """A date, or NaT."""
    return _NEVER if day is None else np.datetime64(day, "D")
