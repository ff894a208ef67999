"""Rows from columns, until api.db.bulk is there."""

from collections.abc import Mapping
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection
from sqlalchemy import insert as insert_rows


def insert(connection: Connection, table: Any, columns: Mapping[str, Any]) -> None:
    """Insert rows; a plain value stands for itself in every row."""
    sizes = {len(v) for v in columns.values() if not isinstance(v, (int, str))}
    (size,) = sizes
    if not size:
        return
    cells = [_cells(values, size) for values in columns.values()]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*cells, strict=True)]
    connection.execute(insert_rows(table), rows)


def _cells(values: Any, size: int) -> Any:
    if isinstance(values, (int, str)):
        return repeat(values, size)
    if isinstance(values, np.ndarray) and values.dtype.kind == "i":
        return values.tolist()
    series = pd.Series(values)
    if series.dtype.kind == "M":
        days = series.to_numpy(dtype="datetime64[D]").astype(object)
        return days.tolist()
    return [None if cell != cell else cell for cell in series.astype(object).tolist()]
