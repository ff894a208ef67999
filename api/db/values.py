"""Columns of arrays as a database's driver takes them.

Whatever way a missing value was written (NaN, NaT, None, a code of -1), it becomes None.
Work is done once per distinct value where values repeat.
"""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    SmallInteger,
)
from sqlalchemy.types import TypeEngine

Objects = npt.NDArray[np.object_]
# Numbers without anything missing stay numbers; all else is objects or None.
Values = npt.NDArray[Any]


def driver_values(kind: TypeEngine[Any], values: object, rows: int) -> Values:
    """An array of ``rows`` values for a column of this kind; a single value is repeated.

    Dates become days (``YYYY-MM-DD``), moments UTC as SQLite keeps them, JSON its text.
    """
    array = _one_dimension(values, rows)
    if isinstance(kind, Integer):
        return _whole_numbers(kind, array)
    if isinstance(kind, Boolean):
        return _numbers(array, np.bool_)
    if isinstance(kind, Float):
        return _numbers(array, np.float64)
    if isinstance(kind, JSON):
        return _each(array, json.dumps)
    if isinstance(kind, LargeBinary):
        return _each(array, bytes)
    if isinstance(kind, DateTime):
        return by_distinct(array, moment_as_text)
    if isinstance(kind, Date):
        return by_distinct(array, _day)
    return by_distinct(array, str)


def by_distinct(array: Any, convert: Callable[[Any], object], missing: object = None) -> Objects:
    """Convert every distinct value once."""
    if isinstance(array, pd.Categorical):
        codes, distinct = array.codes, list(array.categories)
    else:
        codes, distinct = pd.factorize(array)
    converted = np.empty(len(distinct) + 1, dtype=object)
    converted[:-1] = [convert(value) for value in distinct]
    converted[-1] = missing  # where the code is -1
    found: Objects = converted[codes]
    return found


def is_single(values: object) -> bool:
    """Whether this is one value, not an array of them."""
    return isinstance(values, str | bytes | dict) or not hasattr(values, "__len__")


def _one_dimension(values: object, rows: int) -> Any:
    if isinstance(values, pd.Series | pd.Index):
        values = values.array
    array: Any = values
    if is_single(values):
        array = np.full(rows, values, None if isinstance(values, bool | int | float) else object)
    elif not isinstance(values, np.ndarray | pd.api.extensions.ExtensionArray):
        listed = list(values)  # type: ignore[call-overload]
        array = np.empty(len(listed), dtype=object)
        array[:] = listed
    if len(array) != rows:
        raise ValueError(f"columns differ in length: {len(array)} and {rows}")
    return array


def _whole_numbers(kind: Integer, array: Any) -> Values:
    numbers = _numbers(array, np.int64)
    if isinstance(kind, BigInteger):
        return numbers
    bits = 15 if isinstance(kind, SmallInteger) else 31
    there = numbers[~pd.isna(numbers)] if numbers.dtype.kind == "O" else numbers
    if ((there >= 2**bits) | (there < -(2**bits))).any():
        raise ValueError("a number is too large for the column that it is for")
    return numbers


def _numbers(array: Any, dtype: type[np.generic]) -> Values:
    missing = np.asarray(pd.isna(array))
    if dtype is np.bool_ or not missing.any():
        present = np.asarray(array[~missing])
    else:
        present = np.asarray(array[~missing], dtype=object)
    if dtype is np.int64 and present.dtype == dtype:
        return present
    numbers = present.astype(dtype)
    if dtype is not np.float64 and (numbers != present).any():
        raise ValueError("a value would be altered by the column that it is for")
    if not missing.any():
        return numbers
    filled = np.full(len(array), None, dtype=object)
    filled[~missing] = numbers.tolist()
    return filled


def _each(array: Any, convert: Callable[[Any], object]) -> Objects:
    converted = np.empty(len(array), dtype=object)
    converted[:] = [None if value is None else convert(value) for value in array]
    return converted


def _day(value: Any) -> str:
    if isinstance(value, str):  # as SQLite gives it
        return value
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[D]"))
    return (value.date() if isinstance(value, dt.datetime) else value).isoformat()


def moment_as_text(value: Any) -> str:
    """A moment in UTC, as SQLite keeps it and PostgreSQL takes it.

    One without a time zone is taken to be in UTC.
    """
    moment = pd.Timestamp(value).to_pydatetime()
    if moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
