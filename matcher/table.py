"""Records as integer codes: what the fast engine computes on.

Columns whose values are held against each other (forename against surname) share one
vocabulary, so that equal values have equal codes. -1 is missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.letters import Letters

Codes = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Levels = npt.NDArray[np.int8]

MISSING = -1
"""Level of a pair that lacks a value the comparison needs: no evidence."""
OPEN = -2
"""Level of a pair that codes alone do not settle; as `MISSING`, a place from a table's end."""


@dataclass(frozen=True)
class Column:
    """Codes of one column and the values that they stand for."""

    codes: Codes
    values: npt.NDArray[np.object_]

    @cached_property
    def letters(self) -> Letters:
        """The letters of each value."""
        return Letters.of(self.values)


@dataclass(frozen=True, slots=True)
class Table:
    """Coded columns of equal length, by name."""

    columns: dict[str, Column]
    size: int

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        names: Iterable[str],
        crossings: Iterable[frozenset[str]] = (),
    ) -> "Table":
        """A table of the named categorical columns of a frame.

        ``crossings`` are sets of columns whose values are compared with each other.
        """
        wanted = sorted(set(names).union(*crossings))
        columns: dict[str, Column] = {}
        for group in _groups(wanted, crossings):
            vocabulary = _vocabulary([frame[name] for name in group])
            numbers = pd.Index(vocabulary, dtype=object)
            for name in group:
                own = frame[name].cat
                recode = numbers.get_indexer(own.categories).astype(np.int32)
                recode = np.append(recode, np.int32(-1))
                columns[name] = Column(recode[own.codes.to_numpy()], vocabulary)
        return cls(columns, len(frame))

    @classmethod
    def of_rows(
        cls,
        rows: Sequence[Mapping[str, str]],
        names: Iterable[str],
        crossings: Iterable[frozenset[str]] = (),
    ) -> "Table":
        """The same of a few rows given as text; a value that is missing or empty is none.

        Quicker than by way of a frame as long as there are no more than some hundred.
        """
        columns: dict[str, Column] = {}
        for group in _groups(sorted(set(names).union(*crossings)), crossings):
            numbers: dict[str, int] = {}
            coded = {
                name: [
                    numbers.setdefault(value, len(numbers)) if (value := row.get(name)) else -1
                    for row in rows
                ]
                for name in group
            }
            vocabulary = np.array(list(numbers), dtype=object)
            for name, codes in coded.items():
                columns[name] = Column(np.array(codes, dtype=np.int32), vocabulary)
        return cls(columns, len(rows))

    def without(self, names: Iterable[str], rows: Mask) -> "Table":
        """The same, but nothing in some columns of some rows."""
        if not rows.any():
            return self
        bare = {
            name: Column(np.where(rows, np.int32(MISSING), own.codes), own.values)
            for name in names
            if (own := self.columns.get(name)) is not None
        }
        return Table(self.columns | bare, self.size)

    def take(self, positions: npt.NDArray[np.integer]) -> "Table":
        """The table of some rows."""
        return Table(
            {name: Column(c.codes[positions], c.values) for name, c in self.columns.items()},
            len(positions),
        )


def _groups(names: list[str], crossings: Iterable[frozenset[str]]) -> list[list[str]]:
    """Names joined wherever a crossing holds two of them, each group sorted."""
    group_of = {name: {name} for name in names}
    for crossing in crossings:
        merged = set().union(*(group_of[name] for name in crossing))
        for name in merged:
            group_of[name] = merged
    distinct = {min(group): sorted(group) for group in group_of.values()}
    return [distinct[name] for name in sorted(distinct)]


def _vocabulary(columns: list[pd.Series]) -> npt.NDArray[np.object_]:
    values = pd.unique(np.concatenate([column.cat.categories.to_numpy() for column in columns]))
    return np.asarray(values, dtype=object)


# Codes by side and column.
_Gathered = dict[tuple[str, str], Codes]
_NONE = np.empty(0, dtype=np.intp)


class Sides:
    """The two sides of many pairs: codes of any column, gathered when first asked for."""

    def __init__(self, left: Table, right: Table, l: Positions, r: Positions) -> None:
        self.left, self.right, self.l, self.r = left, right, l, r
        self._gathered: _Gathered = {}
        self._part_of: tuple[_Gathered, npt.NDArray[np.intp] | Mask] = {}, _NONE

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.l)

    def codes_l(self, column: str) -> Codes:
        """Codes of the left side."""
        return self._gather("l", column)

    def codes_r(self, column: str) -> Codes:
        """Codes of the right side."""
        return self._gather("r", column)

    def column(self, name: str) -> Column:
        """A column of the left side, which has the vocabulary of both."""
        return self.left.columns[name]

    def subset(self, chosen: npt.NDArray[np.intp] | Mask) -> "Sides":
        """Some of the pairs, making use of what was gathered."""
        part = Sides(self.left, self.right, self.l[chosen], self.r[chosen])
        part._part_of = self._gathered, chosen
        return part

    def _gather(self, side: str, column: str) -> Codes:
        key = (side, column)
        if key in self._gathered:
            return self._gathered[key]
        known, chosen = self._part_of
        if key in known:
            self._gathered[key] = known[key][chosen]
        else:
            table, positions = (self.left, self.l) if side == "l" else (self.right, self.r)
            self._gathered[key] = table.columns[column].codes[positions]
        return self._gathered[key]
