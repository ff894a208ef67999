"""Columns of queries as arrays, and conditions on many values at once."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import BigInteger, ColumnElement, Connection, Text, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from api.db.engine import is_sqlite

Numbers = npt.NDArray[np.int64]
Days = npt.NDArray[np.datetime64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]


def numbers(column: pd.Series) -> Numbers:
    """Whole numbers of a frame; missing ones are -1."""
    return column.fillna(-1).to_numpy(dtype=np.int64)


def days(column: pd.Series) -> Days:
    """Dates of a frame to the day."""
    return column.to_numpy(dtype="datetime64[D]")


def equals(column: pd.Series, text: str) -> Flags:
    """Where a text column of a frame says this."""
    return column.eq(text).to_numpy(dtype=np.bool_)


def cells(column: pd.Series) -> Any:
    """A column of a frame as it can be inserted: a categorical, or an array of numpy."""
    coded = isinstance(column.dtype, pd.CategoricalDtype)
    return column.array if coded else column.to_numpy()


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
