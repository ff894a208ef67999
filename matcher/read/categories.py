"""Coded columns as pandas categoricals."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd

from matcher.read.cells import Coded, Codes


def text_index(texts: Sequence[str]) -> pd.Index:
    """Categories as plain Python strings."""
    return pd.Index(np.array(texts, dtype=object), dtype=object)


def categorical(column: Coded[str]) -> pd.Categorical:
    """A categorical of the values that occur, each once, in the order of the column's list."""
    used = np.zeros(len(column.distinct) + 1, dtype=np.bool_)
    used[column.codes] = True  # -1, a missing cell, marks the last place
    if used[:-1].all() and len(set(column.distinct)) == len(column.distinct):
        return from_codes(column.codes, column.distinct)
    places: dict[str, int] = {}
    targets = [
        places.setdefault(text, len(places)) if is_used else -1
        for text, is_used in zip(column.distinct, used[:-1].tolist(), strict=True)
    ]
    return from_codes(column.map_codes(targets), list(places))


def constant(text: str, size: int) -> pd.Categorical:
    """The same text in every row."""
    return from_codes(np.zeros(size, dtype=np.int32), [text])


def from_codes(codes: Codes, texts: Sequence[str]) -> pd.Categorical:
    """A categorical with exactly these categories."""
    # The stubs know lists only; arrays are what pandas works with.
    return pd.Categorical.from_codes(cast(Sequence[int], codes), categories=text_index(texts))
