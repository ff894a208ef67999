"""What a row says as one number, so that a million rows are compared at once.

A text is hashed once per distinct value; the numbers of a row's columns are then mixed, in
order. 64 bits are enough where only versions of the same row meet. The numbers are stored:
were they made in another way, the next extract of every source would seem to change all.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.frames import RECORD_DATE_COLUMNS

Numbers = npt.NDArray[np.int64]
_Unsigned = npt.NDArray[np.uint64]


def content_hash(frame: pd.DataFrame, columns: Sequence[str]) -> Numbers:
    """One number per row over these columns. Missing is a value like any other."""
    total = np.full(len(frame), len(columns), dtype=np.uint64)
    for column in columns:
        total = mixed(total ^ _numbers(frame[column]))
    return total.view(np.int64)


def row_hash(said: Mapping[str, str | date | None], columns: Sequence[str]) -> int:
    """The `content_hash` of one row: text or a day by column, nothing where it is missing."""
    cells = [said.get(column) for column in columns]
    texts = np.array([cell if isinstance(cell, str) else "" for cell in cells], dtype=object)
    numbers = np.where(texts == "", np.uint64(0), pd.util.hash_array(texts, categorize=False))
    for at, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        if column in RECORD_DATE_COLUMNS:
            numbers[at] = np.array([cell], dtype="datetime64[D]").view(np.uint64)[0]
    total = np.full(1, len(columns), dtype=np.uint64)
    for at in range(len(columns)):
        total = mixed(total ^ numbers[at : at + 1])
    return int(total.view(np.int64)[0])


def mixed(values: _Unsigned) -> _Unsigned:
    """Each number as another one, one to one, all of its bits depending on all bits.

    Source: the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
    """
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _numbers(column: pd.Series) -> _Unsigned:
    if isinstance(column.dtype, pd.CategoricalDtype):
        texts = column.cat.categories.to_numpy(dtype=object)
        hashes = pd.util.hash_array(texts, categorize=False)
        return np.append(hashes, np.uint64(0))[column.cat.codes.to_numpy()]
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return column.to_numpy(dtype="datetime64[D]").view(np.uint64)
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.to_numpy(dtype=np.uint64)
    numbers = column.to_numpy(dtype=np.float64)
    return np.where(np.isnan(numbers), np.nan, numbers + 0.0).view(np.uint64)
