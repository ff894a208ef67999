"""Candidate pairs compared and weighed, chunk by chunk.

Cheap comparisons come first. A pair whose best possible total cannot reach the floor is
dropped before any strings are compared.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.compare import LevelComparison, ReachedLevels, reached_levels
from matcher.rules.matching import Comparison
from matcher.table import Codes, Levels, Mask, Positions, Sides, Table
from matcher.threads import on_threads
from matcher.weigh.weights import Bits, Weights

Pairs = tuple[Positions, Positions]

NOT_AGAINST = 0.0
"""Evidence, in bits, from which it does not speak against a pair; the prior left aside."""


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """Pairs (positions l < r) with their level in each comparison.

    ``evidence`` is the sum of partial weights in bits, without the prior. ``apart`` marks
    pairs whose level says that they are two children of one family.
    """

    l: Positions
    r: Positions
    levels: dict[str, Levels]
    evidence: Bits
    apart: Mask

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.l)

    def take(self, chosen: npt.NDArray[np.intp] | Mask) -> "ScoredPairs":
        """Some of the pairs."""
        return ScoredPairs(
            self.l[chosen],
            self.r[chosen],
            {name: levels[chosen] for name, levels in self.levels.items()},
            self.evidence[chosen],
            self.apart[chosen],
        )

    @classmethod
    def join(cls, parts: list["ScoredPairs"]) -> "ScoredPairs":
        """All pairs, in order of position. ``parts`` must not be empty."""
        l, r = np.concatenate([p.l for p in parts]), np.concatenate([p.r for p in parts])
        order = np.lexsort((r, l))
        names = parts[0].levels
        return cls(
            l[order],
            r[order],
            {name: np.concatenate([p.levels[name] for p in parts])[order] for name in names},
            np.concatenate([p.evidence for p in parts])[order],
            np.concatenate([p.apart for p in parts])[order],
        )


class Scorer:
    """Compares and weighs pairs of one table."""

    def __init__(self, comparisons: list[Comparison], weights: Weights) -> None:
        pairs = [
            (LevelComparison(rule), own)
            for rule, own in zip(comparisons, weights.by_comparison, strict=True)
        ]
        self.plain = [(c, w) for c, w in pairs if not c.rule.is_interaction]
        self.interactions = [(c, w) for c, w in pairs if c.rule.is_interaction]
        self.headroom = sum((max(w.by_level.max(), 0.0) for _, w in self.interactions), 0.0)

    def score(self, table: Table, pairs: Pairs, floor: float) -> ScoredPairs:
        """The pairs whose evidence reaches ``floor`` (bits), and those that are kept apart."""
        sides = Sides(table, table, *pairs)
        levels: dict[str, Levels] = {}
        bound = np.full(len(sides), self.headroom)
        for comparison, weights in self.plain:
            graded = comparison.cheap_levels(sides)
            levels[comparison.rule.name] = graded
            bound += weights.best(graded, comparison.first_costly)
        near = np.flatnonzero(bound >= floor)
        # Anew, since what was gathered for all of them is far more.
        sides = Sides(table, table, sides.l[near], sides.r[near])
        evidence = np.zeros(len(sides))
        for comparison, weights in self.plain:
            name = comparison.rule.name
            levels[name] = comparison.settle(sides, levels[name][near])
            evidence += weights.partial(levels[name], sides)
        reached = {c.rule.name: reached_levels(c.rule, levels[c.rule.name]) for c, _ in self.plain}
        apart = np.zeros(len(sides), dtype=bool)
        for comparison, weights in self.interactions:
            graded = comparison.levels(sides, reached)
            reached[comparison.rule.name] = reached_levels(comparison.rule, graded)
            levels[comparison.rule.name] = graded
            evidence += weights.partial(graded, sides)
            for number, level in enumerate(comparison.rule.levels):
                if level.keeps_apart and weights.by_level[number] < 0:
                    apart |= graded == number
        scored = ScoredPairs(sides.l, sides.r, levels, evidence, apart)
        return scored.take((evidence >= floor) | apart)

    def explain(
        self, sides: Sides, origin: Mapping[str, Codes] | None = None
    ) -> tuple[dict[str, Levels], dict[str, Bits]]:
        """Level and partial weight in bits of every comparison, for every pair.

        ``origin`` translates the codes of other tables, see `ComparisonWeights.rebased`.
        """
        levels: dict[str, Levels] = {}
        partial: dict[str, Bits] = {}
        reached: dict[str, ReachedLevels] = {}
        for comparison, weights in [*self.plain, *self.interactions]:
            name = comparison.rule.name
            own = weights if origin is None else weights.rebased(origin)
            levels[name] = comparison.levels(sides, reached)
            reached[name] = reached_levels(comparison.rule, levels[name])
            partial[name] = own.partial(levels[name], sides)
        return levels, partial

    def score_all(
        self, table: Table, chunks: Iterable[Pairs], floor: float, threads: int
    ) -> ScoredPairs:
        """All chunks scored, by so many threads."""

        def score(chunk: Pairs) -> ScoredPairs:
            return self.score(table, chunk, floor)

        return ScoredPairs.join(list(on_threads(score, chunks, threads)) or [self._nothing()])

    def _nothing(self) -> ScoredPairs:
        none = np.empty(0, dtype=np.int32)
        levels = {
            comparison.rule.name: np.empty(0, dtype=np.int8)
            for comparison, _ in [*self.plain, *self.interactions]
        }
        return ScoredPairs(none, none, levels, np.empty(0), np.empty(0, dtype=bool))
