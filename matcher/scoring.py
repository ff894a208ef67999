"""Candidate pairs compared and weighed, chunk by chunk.

Cheap comparisons come first; strings are compared last, and first where that can take off
most. A pair whose best possible total no longer reaches the floor is dropped before any more
are compared, unless its levels may still keep it apart.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from matcher.compare import LevelComparison, ReachedLevels, reached_levels
from matcher.rules.matching import Comparison
from matcher.table import OPEN, Codes, Levels, Mask, Positions, Sides, Table
from matcher.threads import on_threads
from matcher.weigh.weights import Bits, ComparisonWeights, Weights

Pairs = tuple[Positions, Positions]

NOT_AGAINST = 0.0
"""Evidence, in bits, from which it does not speak against a pair; the prior left aside."""

_ROUNDING = 1e-6
"""Bits that adding and taking away in another order may make of a sum, and far more."""

_BITS = 32
# To gather anew what the others show is worth it if no more of them than this are left.
_WORTH_LEAVING_OUT = 0.75


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
        order = np.argsort(l.astype(np.int64) << 32 | r)
        names = parts[0].levels
        return cls(
            l[order],
            r[order],
            {name: np.concatenate([p.levels[name] for p in parts])[order] for name in names},
            np.concatenate([p.evidence for p in parts])[order],
            np.concatenate([p.apart for p in parts])[order],
        )


_Own = tuple[LevelComparison, ComparisonWeights]


@dataclass(frozen=True)
class _Apart:
    """What levels of plain comparisons a pair must have if some level is to keep it apart.

    ``all`` has a bit for each such level of an interaction; ``allowed`` has, by comparison, those
    that each plain level allows. The last two places are for levels that are open and missing.
    """

    allowed: dict[str, npt.NDArray[np.uint32]]
    all: np.uint32

    @classmethod
    def of(cls, plain: list[_Own], interactions: list[_Own]) -> "_Apart":
        """Of the levels that keep apart, those parts that no other part can stand in for."""
        needs = [
            level.when.required_levels
            for comparison, weights in interactions
            for number, level in enumerate(comparison.rule.levels)
            if level.keeps_apart and weights.by_level[number] < 0 and level.when is not None
        ]
        named = [c for c, _ in plain if any(c.rule.name in own for own in needs)]
        allowed = {c.rule.name: _allowed(c, [own.get(c.rule.name) for own in needs]) for c in named}
        return cls(allowed, np.uint32(2 ** min(len(needs), _BITS) - 1))

    def may_be(self, levels: dict[str, Levels], at: npt.NDArray[np.intp]) -> Mask:
        """Which of the pairs ``at`` some level may still keep apart."""
        result = np.full(len(at), self.all)
        for name, allowed in self.allowed.items():
            result &= allowed[levels[name][at]]
        return result > 0


def _allowed(comparison: LevelComparison, needs: list[set[str] | None]) -> npt.NDArray[np.uint32]:
    names = [level.name for level in comparison.rule.levels]
    result = np.zeros(len(names) + 2, dtype=np.uint32)
    for number, needed in enumerate(needs):
        # What is beyond the last bit shares it: more pairs are looked at than need be.
        bit = np.uint32(1 << min(number, _BITS - 1))
        fits = [needed is None or name in needed for name in names]
        fits += [any(fits[comparison.first_costly :]), needed is None or "missing" in needed]
        result[fits] |= bit
    return result


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

    @cached_property
    def _apart(self) -> _Apart:
        return _Apart.of(self.plain, self.interactions)

    def score(self, table: Table, pairs: Pairs, floor: float) -> ScoredPairs:
        """The pairs whose evidence reaches ``floor`` (bits), and those that are kept apart."""
        sides, levels = self._settled(Sides(table, table, *pairs), floor)
        evidence = np.zeros(len(sides))
        for comparison, weights in self.plain:
            evidence += weights.partial(levels[comparison.rule.name], sides)
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

    def _settled(self, sides: Sides, floor: float) -> tuple[Sides, dict[str, Levels]]:
        """Pairs that may reach the floor or may be kept apart, and their plain levels.

        The bound of a pair's total is only for leaving out: the sum itself is taken in the
        order of the rules, whatever order serves here, so that its last bit is always the same.
        """
        levels = {c.rule.name: c.cheap_levels(sides) for c, _ in self.plain}
        bound = np.full(len(sides), self.headroom + _ROUNDING)
        for comparison, weights in self.plain:
            bound += weights.best(levels[comparison.rule.name], sides, comparison.first_costly)

        def to_lose(own: _Own) -> float:
            comparison, weights = own
            open_ = np.count_nonzero(levels[comparison.rule.name] == OPEN)
            return open_ * weights.range_of_open(comparison.first_costly)

        for comparison, weights in sorted(self.plain, key=to_lose, reverse=True):
            name = comparison.rule.name
            if not np.any(levels[name] == OPEN):
                continue
            near = self._near(levels, bound, floor)
            if len(near) <= _WORTH_LEAVING_OUT * len(sides):
                # Anew, since what was gathered for all of them is far more.
                sides = Sides(sides.left, sides.right, sides.l[near], sides.r[near])
                levels = {other: own[near] for other, own in levels.items()}
                bound = bound[near]
            bound -= weights.best(levels[name], sides, comparison.first_costly)
            levels[name] = comparison.settle(sides, levels[name])
            bound += weights.best(levels[name], sides, comparison.first_costly)
        near = self._near(levels, bound, floor)
        sides = Sides(sides.left, sides.right, sides.l[near], sides.r[near])
        return sides, {name: own[near] for name, own in levels.items()}

    def _near(self, levels: dict[str, Levels], bound: Bits, floor: float) -> npt.NDArray[np.intp]:
        """The pairs that may reach the floor or may be kept apart."""
        near = bound >= floor
        below = np.flatnonzero(~near)
        near[below[self._apart.may_be(levels, below)]] = True
        return np.flatnonzero(near)

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
