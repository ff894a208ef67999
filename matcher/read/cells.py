"""Columns of cells as codes into their distinct values, built batch by batch.

Everything after this works once per distinct value instead of once per row, and keeps
four bytes per cell however long the values are.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from matcher.rules.tables import Cell

Codes = npt.NDArray[np.int32]
# Text as written, or a date where the file itself says that it is one.
RawCell = str | date | datetime

ValueT = TypeVar("ValueT", bound=Hashable)


@dataclass(frozen=True)
class Coded(Generic[ValueT]):
    """One column: ``distinct[codes[i]]`` is the cell of row i, and code -1 is missing."""

    codes: Codes
    distinct: list[ValueT]

    def __len__(self) -> int:
        return len(self.codes)

    def map_codes(self, targets: Sequence[int]) -> Codes:
        """Codes with each distinct value sent to another code; missing stays missing."""
        lookup = np.fromiter([*targets, -1], dtype=np.int32, count=len(targets) + 1)
        return lookup[self.codes]

    def mask(self, flags: Iterable[bool]) -> npt.NDArray[np.bool_]:
        """Rows whose distinct value has its flag set; False where missing."""
        lookup = np.array([*flags, False], dtype=np.bool_)
        return lookup[self.codes]


class Encoder(Generic[ValueT]):
    """Turns values into codes, giving each distinct value the next free number."""

    def __init__(self) -> None:
        self._codes: defaultdict[ValueT, int] = defaultdict()
        self._codes.default_factory = self._codes.__len__
        self._parts: list[Codes] = []

    def code(self, value: ValueT) -> int:
        """Code of one value."""
        return self._codes[value]

    def add(self, cells: Iterable[ValueT], count: int) -> None:
        """Append that many cells."""
        self._parts.append(np.fromiter(map(self._codes.__getitem__, cells), np.int32, count))

    def add_coded(self, column: Coded[ValueT]) -> None:
        """Append another column."""
        self._parts.append(column.map_codes([self._codes[value] for value in column.distinct]))

    def add_missing(self, count: int) -> None:
        """Append that many missing cells."""
        self._parts.append(np.full(count, -1, dtype=np.int32))

    def finish(self) -> Coded[ValueT]:
        """All that was appended."""
        codes = np.concatenate(self._parts) if self._parts else np.empty(0, dtype=np.int32)
        self._parts = [codes]
        return Coded(codes, list(self._codes))


def concatenate(columns: Sequence[Coded[ValueT]]) -> Coded[ValueT]:
    """Columns one below the other."""
    if len(columns) == 1:
        return columns[0]
    encoder = Encoder[ValueT]()
    for column in columns:
        encoder.add_coded(column)
    return encoder.finish()


def raw_cell(cell: Cell | time | timedelta) -> RawCell:
    """A typed cell of a workbook as text, unless it is a date.

    Whole numbers lose the ``.0`` that spreadsheets give them. Midnight of no day is what
    becomes of an empty date (day zero, shown as 00/01/1900), so it is an empty cell.
    """
    if isinstance(cell, str | datetime | date):
        return cell
    if cell is None or cell == time():
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell)
