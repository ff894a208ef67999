"""Weights of levels, and the explanation that adds up to the total.

+1 bit doubles the odds that two records describe the same child; -1 halves them. A
pair's total is the prior plus one partial weight per comparison, plus, for a pair that
would join two clusters, what the company of sources says (see `matcher.company`).

Term frequency, as Splink does it: agreement on a value that a share f of children has
weighs log2(m / f) instead of log2(m / u).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import log2

import numpy as np
import numpy.typing as npt

from matcher.rules.matching import Comparison
from matcher.rules.model import LevelModel, Model
from matcher.table import Codes, Levels, Mask, Sides

Bits = npt.NDArray[np.float64]
# Share of children by code of a column.
Frequencies = npt.NDArray[np.float64]

# A single rare value is never worth more than this many bits over the level's own weight.
LARGEST_ADJUSTMENT = 10.0


def level_weight(level: LevelModel) -> float:
    """Partial weight of a level in bits: log2(m / u), or the interaction's own."""
    if level.weight is not None:
        return level.weight
    if level.m is None or level.u is None:
        raise ValueError("a level has m and u, or a weight")
    return log2(level.m / level.u)


def level_weights(rule: Comparison, model: Mapping[str, LevelModel]) -> Bits:
    """Partial weights of a comparison by level number, in bits; the last entry is for missing."""
    by_level = [level_weight(model[x.name]) if x.evidence else 0.0 for x in rule.levels]
    return np.array([*by_level, 0.0])


def agreeing(by_level: Iterable[tuple[Comparison, Bits]], levels: Mapping[str, Levels]) -> Mask:
    """Pairs of which more agrees than many children have in common, such as a birthday.

    ``by_level`` are comparisons with their `level_weights`.
    """
    result = np.zeros(len(next(iter(levels.values()))), dtype=bool)
    for rule, weights in by_level:
        if not rule.supporting and not rule.is_interaction:
            result |= (weights > 0)[levels[rule.name]]
    return result


@dataclass(frozen=True)
class ComparisonWeights:
    """Partial weights of one comparison, by level number; the last entry is for missing."""

    rule: Comparison
    by_level: Bits
    adjusted: Mapping[int, tuple[str, Bits]]

    def partial(self, levels: Levels, sides: Sides) -> Bits:
        """Partial weight of each pair, in bits, term frequency included."""
        return self._adjusted(self.by_level[levels], levels, sides)

    def _adjusted(self, result: Bits, levels: Levels, sides: Sides) -> Bits:
        for number, (column, adjustment) in self.adjusted.items():
            at = np.flatnonzero(levels == number)
            codes = sides.left.columns[column].codes[sides.l[at]]
            other = sides.right.columns[column].codes[sides.r[at]]
            known = (codes >= 0) & (other >= 0)
            result[at[known]] += np.minimum(adjustment[codes[known]], adjustment[other[known]])
        return result

    def rebased(self, origin: Mapping[str, Codes]) -> "ComparisonWeights":
        """The same weights for other codes: ``origin`` gives, by column, the code that each
        stands for here, or -1 for a value that nobody here has.
        """
        adjusted = {
            number: (
                column,
                np.where(origin[column] >= 0, adjustment[origin[column]], LARGEST_ADJUSTMENT),
            )
            for number, (column, adjustment) in self.adjusted.items()
        }
        return replace(self, adjusted=adjusted)

    def best(self, levels: Levels, sides: Sides, first_costly: int) -> Bits:
        """Upper bound of each pair's partial weight while some levels are `OPEN`."""
        bounds = self.by_level.copy()
        for number, (_, adjustment) in self.adjusted.items():
            bounds[number] += max(adjustment.max(initial=0.0), 0.0)
        reachable = bounds[first_costly:-1].max(initial=-np.inf)
        by_level = np.append(self.by_level[:-1], [reachable, self.by_level[-1]])
        return self._adjusted(by_level[levels], levels, sides)

    def range_of_open(self, first_costly: int) -> float:
        """Bits between the best and the worst that an `OPEN` pair may come to, rarity aside."""
        reachable = self.by_level[first_costly:-1]
        return float(reachable.max(initial=0.0) - reachable.min(initial=0.0))


class Weights:
    """All partial weights of a model over the term frequencies of one population."""

    def __init__(
        self,
        comparisons: list[Comparison],
        model: Model,
        frequencies: Mapping[str, Frequencies],
    ) -> None:
        self.by_comparison = [
            _comparison_weights(rule, model.comparisons[rule.name], frequencies)
            for rule in comparisons
        ]


def _comparison_weights(
    rule: Comparison, model: Mapping[str, LevelModel], frequencies: Mapping[str, Frequencies]
) -> ComparisonWeights:
    adjusted = {}
    for number, level in enumerate(rule.levels):
        known = model[level.name] if level.evidence else None
        if level.term_frequency is None or known is None:
            continue
        if known.m is not None and known.u is not None:
            # However common a value is, sharing it never speaks against a pair.
            share = np.minimum(frequencies[level.term_frequency], max(known.m, known.u))
            adjustment = np.log2(known.u / share)
            adjusted[number] = (
                level.term_frequency,
                np.clip(adjustment, -LARGEST_ADJUSTMENT, LARGEST_ADJUSTMENT),
            )
    return ComparisonWeights(rule, level_weights(rule, model), adjusted)
