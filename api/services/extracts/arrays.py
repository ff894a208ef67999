"""Columns of frames and of queries as arrays."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

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
