"""What a query finds, as one array per column."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Boolean, CompoundSelect, Connection, Float, Integer, Select

from api.db.fetching import CHUNK, uncollected
from api.services.extracts.arrays import Numbers

__all__ = ["Numbers", "columns"]

_KINDS: tuple[tuple[type[Any], npt.DTypeLike], ...] = (
    (Boolean, np.bool_),
    (Integer, np.int64),
    (Float, np.float64),
)


def columns(
    connection: Connection, query: Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]
) -> list[npt.NDArray[Any]]:
    """The columns of a query's rows: int64, float64, bool, or objects as the driver gives them.

    Missing whole numbers are -1.
    """
    kinds = [_kind(column.type) for column in query.selected_columns]
    parts: list[list[npt.NDArray[Any]]] = [[np.empty(0, kind)] for kind in kinds]
    with uncollected():
        found = connection.execute(query)
        # The rows as the driver gives them, without what SQLAlchemy would make of each.
        while rows := found.cursor.fetchmany(CHUNK):
            for own, kind, values in zip(parts, kinds, zip(*rows, strict=True), strict=True):
                own.append(_array(values, kind))
        found.close()
    return [np.concatenate(own) if len(own) > 2 else own[-1] for own in parts]


def _kind(type_: Any) -> npt.DTypeLike:
    return next((kind for of, kind in _KINDS if isinstance(type_, of)), np.object_)


def _array(values: tuple[Any, ...], kind: npt.DTypeLike) -> npt.NDArray[Any]:
    if kind is np.int64 and None in values:
        values = tuple(-1 if value is None else value for value in values)
    return np.fromiter(values, kind, len(values))
