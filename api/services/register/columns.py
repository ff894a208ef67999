"""What a query finds, as one array per column."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Select

from api.db.fetching import fetch_frame
from api.services.extracts.arrays import Numbers, among

__all__ = ["Numbers", "among", "columns"]


def columns(connection: Connection, query: Select[*tuple[Any, ...]]) -> list[npt.NDArray[Any]]:
    """The columns of a query's rows: int64, float64, or objects; missing numbers are -1."""
    names = [f"column_{at}" for at in range(len(query.selected_columns))]
    labelled = [
        column.label(name) for name, column in zip(names, query.selected_columns, strict=True)
    ]
    frame = fetch_frame(connection, query.with_only_columns(*labelled), plain=names)
    found = []
    for name in names:
        column = frame[name]
        if str(column.dtype) == "Int64":
            column = column.fillna(-1).astype(np.int64)
        found.append(column.to_numpy())
    return found
