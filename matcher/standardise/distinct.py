"""Work on distinct values: a function runs once per value, its result is spread by code."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

Codes = npt.NDArray[np.int64]


def distinct_rows(columns: Sequence[pd.Series]) -> tuple[list[tuple[str | None, ...]], Codes]:
    """Distinct combinations of categorical columns, and for each row which one it has."""
    combined = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        combined = combined * (len(column.cat.categories) + 1) + (column.cat.codes.to_numpy() + 1)
        combined = pd.factorize(combined)[0].astype(np.int64)
    count = int(combined.max()) + 1 if len(combined) else 0
    first = np.zeros(count, dtype=np.int64)
    first[combined[::-1]] = np.arange(len(combined) - 1, -1, -1)
    parts = [column.iloc[first].astype(object) for column in columns]
    lists = [[value if isinstance(value, str) else None for value in part] for part in parts]
    return list(zip(*lists, strict=True)), combined


def spread(values: Sequence[str | None], inverse: Codes) -> pd.Categorical:
    """A categorical column from one value per distinct input; None or "" is missing."""
    given = np.empty(len(values), dtype=object)
    given[:] = [value or None for value in values]
    codes, distinct = pd.factorize(given)
    taken = codes[inverse] if len(codes) else np.empty(0, dtype=np.int32)
    return pd.Categorical.from_codes(taken, categories=pd.Index(distinct, dtype=object))  # type: ignore[arg-type]


def derive(column: pd.Categorical, function: Callable[[str], str | None]) -> pd.Categorical:
    """A column computed from another's distinct values."""
    results = [function(value) for value in column.categories]
    if results == list(column.categories) and all(results):
        return column
    codes = column.codes.astype(np.int64)
    codes[codes < 0] = len(results)
    return spread([*results, None], codes)
