"""A comparison that grades pairs into levels, on recordlinkage's ``Compare`` seam.

`LevelComparison` can be added to a ``recordlinkage.Compare``; the fast engine calls
``levels`` on coded columns instead. Both run the same conditions.
"""

import numpy as np
import pandas as pd
from recordlinkage.base import BaseCompareFeature

from matcher.compare.conditions import Reached, ReachedLevels, holds, reached_of
from matcher.rules.matching import Comparison
from matcher.table import MISSING, OPEN, Levels, Sides, Table


class LevelComparison(BaseCompareFeature):  # type: ignore[misc]
    """Grades pairs by one `Comparison`: an int8 level per pair, -1 where evidence is missing."""

    def __init__(self, rule: Comparison) -> None:
        self.rule = rule
        self.columns = sorted(rule.columns)
        super().__init__(self.columns, self.columns, label=rule.name)

    def levels(self, sides: Sides, reached: Reached | None = None) -> Levels:
        """The level of each pair. ``reached`` holds earlier comparisons, for interactions."""
        return self.settle(sides, self.cheap_levels(sides, reached), reached)

    def cheap_levels(self, sides: Sides, reached: Reached | None = None) -> Levels:
        """Levels as far as codes tell; `OPEN` where strings would have to be compared."""
        result = self._start(sides)
        for number, level in enumerate(self.rule.levels):
            if level.when is not None and level.when.is_costly:
                break
            self._grade(number, sides, result, reached or {})
        return result

    @property
    def first_costly(self) -> int:
        """Number of the first level for which strings are compared; all levels if none."""
        costly = [level.when is not None and level.when.is_costly for level in self.rule.levels]
        return costly.index(True) if True in costly else len(costly)

    def settle(self, sides: Sides, levels: Levels, reached: Reached | None = None) -> Levels:
        """Levels with every `OPEN` pair graded."""
        for number in range(self.first_costly, len(self.rule.levels)):
            self._grade(number, sides, levels, reached or {})
        return levels

    def _start(self, sides: Sides) -> Levels:
        result = np.full(len(sides), OPEN, dtype=np.int8)
        for column in self.rule.needs:
            absent = (sides.codes_l(column) < 0) | (sides.codes_r(column) < 0)
            result[absent] = MISSING
        return result

    def _grade(self, number: int, sides: Sides, levels: Levels, reached: Reached) -> None:
        undecided = np.flatnonzero(levels == OPEN)
        if not len(undecided):
            return
        when = self.rule.levels[number].when
        if when is None:
            levels[undecided] = number
            return
        everything = len(undecided) == len(levels)
        part = sides if everything else sides.subset(undecided)
        seen: Reached = reached
        if not everything and self.rule.is_interaction:
            seen = reached_of(reached, undecided)
        levels[undecided[holds(when, part, seen)]] = number

    def _compute_vectorized(self, *columns: pd.Series) -> pd.Series:
        """The seam: categorical columns of the left side, then of the right."""
        half = len(columns) // 2
        both = {
            name: pd.api.types.union_categoricals([left, right], ignore_order=True)
            for name, left, right in zip(self.columns, columns[:half], columns[half:], strict=True)
        }
        table = Table.of(pd.DataFrame(both), self.columns, self.rule.crossings)
        size = len(columns[0]) if columns else 0
        positions = np.arange(size, dtype=np.int32)
        sides = Sides(table, table, positions, positions + np.int32(size))
        return pd.Series(self.levels(sides), index=columns[0].index)


def reached_levels(rule: Comparison, levels: Levels) -> ReachedLevels:
    """For each level name of a comparison, the pairs that reached it; ``missing`` as well."""
    numbers = {level.name: number for number, level in enumerate(rule.levels)}
    return ReachedLevels({**numbers, "missing": MISSING}, levels)
