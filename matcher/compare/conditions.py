"""Conditions of comparison levels, evaluated for many pairs at once."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import jellyfish
import numpy as np
import numpy.typing as npt

from matcher.letters import Letters, Texts, fewest_edits, most_alike
from matcher.rules.matching import Condition, Edits, Similarity, StartsWith
from matcher.table import Column, Levels, Mask, Sides

Numbers = npt.NDArray[np.int64]

ROUNDING = 1e-12
"""Engines differ in a similarity's last bit; what equals the bound has to count on each."""


class ReachedLevels(Mapping[str, Mask]):
    """The pairs that reached each level of a comparison, by its name; made when asked for."""

    def __init__(self, numbers: Mapping[str, int], levels: Levels) -> None:
        self._numbers, self._levels = numbers, levels

    def __getitem__(self, name: str) -> Mask:
        """The pairs that reached a level."""
        return np.asarray(self._levels == self._numbers[name])

    def __iter__(self) -> Iterator[str]:
        """Names of the levels."""
        return iter(self._numbers)

    def __len__(self) -> int:
        """Number of levels."""
        return len(self._numbers)

    def of(self, chosen: npt.NDArray[np.intp]) -> "ReachedLevels":
        """The same of some of the pairs."""
        return ReachedLevels(self._numbers, self._levels[chosen])


# What was reached, by comparison.
Reached = Mapping[str, ReachedLevels]


def holds(condition: Condition, sides: Sides, reached: Reached) -> Mask:
    """Whether the condition is true of each pair.

    ``reached`` gives, by comparison and level name, the pairs that reached that level.
    """
    if condition.same is not None:
        return _all([_equal(sides, column, column) for column in condition.same])
    if condition.same_across is not None:
        one, other = condition.same_across
        return _equal(sides, one, other) | _equal(sides, other, one)
    if condition.swapped is not None:
        one, other = condition.swapped
        return _equal(sides, one, other) & _equal(sides, other, one)
    if condition.jaro_winkler is not None:
        return _jaro_winkler(condition.jaro_winkler, sides)
    if condition.edits is not None:
        return _edits(condition.edits, sides)
    if condition.starts_with is not None:
        return _starts_with(condition.starts_with, sides)
    if condition.shares is not None:
        return _shares(condition.shares, sides)
    if condition.present is not None:
        return _all([_present(sides, column) for column in condition.present])
    if condition.either is not None:
        return (sides.codes_l(condition.either) >= 0) | (sides.codes_r(condition.either) >= 0)
    if condition.negate is not None:
        return ~holds(condition.negate, sides, reached)
    if condition.levels is not None:
        return _all(
            [
                np.logical_or.reduce([reached[name][level] for level in levels])
                for name, levels in condition.levels.items()
            ]
        )
    if condition.all is not None:
        return _all_of(condition.all, sides, reached)
    return _any_of(condition.any or [], sides, reached)


def _all(masks: list[Mask]) -> Mask:
    return np.asarray(np.logical_and.reduce(masks))


def _all_of(parts: list[Condition], sides: Sides, reached: Reached) -> Mask:
    """True where all parts are; a costly part is asked only about pairs still in question."""
    result = np.ones(len(sides), dtype=bool)
    for part in sorted(parts, key=lambda part: part.is_costly):
        open_ = np.flatnonzero(result) if part.is_costly else None
        if open_ is None:
            result &= holds(part, sides, reached)
        elif len(open_):
            result[open_] = holds(part, sides.subset(open_), reached_of(reached, open_))
    return result


def _any_of(parts: list[Condition], sides: Sides, reached: Reached) -> Mask:
    """True where any part is; a costly part is asked only about pairs still open."""
    result = np.zeros(len(sides), dtype=bool)
    for part in sorted(parts, key=lambda part: part.is_costly):
        open_ = np.flatnonzero(~result) if part.is_costly else None
        if open_ is None:
            result |= holds(part, sides, reached)
        elif len(open_):
            result[open_] = holds(part, sides.subset(open_), reached_of(reached, open_))
    return result


def reached_of(reached: Reached, chosen: npt.NDArray[np.intp]) -> Reached:
    """``reached`` for some of the pairs."""
    return {name: own.of(chosen) for name, own in reached.items()}


def _equal(sides: Sides, left: str, right: str) -> Mask:
    codes = sides.codes_l(left)
    return np.asarray((codes == sides.codes_r(right)) & (codes >= 0))


def _present(sides: Sides, column: str) -> Mask:
    return np.asarray((sides.codes_l(column) >= 0) & (sides.codes_r(column) >= 0))


@dataclass(frozen=True, slots=True)
class _Texts:
    """Distinct pairs of values of a column, by their codes."""

    column: Column
    low: Numbers
    high: Numbers

    def both(self, chosen: Mask | slice = slice(None)) -> tuple[Texts, Texts]:
        """Both texts of each pair, or of some."""
        values = self.column.values
        return values[self.low[chosen]], values[self.high[chosen]]

    def letters(self) -> tuple[Letters, Letters]:
        """The letters of both texts of each pair."""
        values, ends = self.column.values, (self.low, self.high)
        if len(self.low) < len(values) and "letters" not in vars(self.column):
            # For a few pairs not those of all values.
            low, high = (Letters.of(values[end]) for end in ends)
        else:
            low, high = (self.column.letters.at(end) for end in ends)
        return low, high


def _jaro_winkler(rule: Similarity, sides: Sides) -> Mask:
    least = rule.at_least - ROUNDING

    def alike(pairs: _Texts) -> Mask:
        possible = most_alike(*pairs.letters()) >= least
        a, b = pairs.both(possible)
        similarity = np.fromiter(map(jellyfish.jaro_winkler_similarity, a, b), float, len(a))
        possible[possible] = similarity >= least
        return possible

    return _of_distinct_pairs(sides, rule.column, alike)


def _edits(rule: Edits, sides: Sides) -> Mask:
    def close(a: str, b: str) -> bool:
        if min(len(a), len(b)) < rule.min_length:
            return False
        # Beyond ASCII several characters may be one letter, so their number says nothing.
        if abs(len(a) - len(b)) > rule.at_most and a.isascii() and b.isascii():
            return False
        return bool(jellyfish.damerau_levenshtein_distance(a, b) <= rule.at_most)

    def near(pairs: _Texts) -> Mask:
        possible = fewest_edits(*pairs.letters()) <= rule.at_most
        possible[possible] = _one_by_one(close, *pairs.both(possible))
        return possible

    return _of_distinct_pairs(sides, rule.column, near)


def _starts_with(rule: StartsWith, sides: Sides) -> Mask:
    def begins(a: str, b: str) -> bool:
        short, long = sorted((a, b), key=len)
        return len(short) >= rule.min_length and long.startswith(short)

    def begin(pairs: _Texts) -> Mask:
        a, b = pairs.both()
        possible = np.asarray(a.astype("U1") == b.astype("U1"))
        possible[possible] = _one_by_one(begins, a[possible], b[possible])
        return possible

    return _of_distinct_pairs(sides, rule.column, begin)


def _shares(column: str, sides: Sides) -> Mask:
    def share(a: str, b: str) -> bool:
        if " " not in a and " " not in b:
            return a == b
        return not set(a.split()).isdisjoint(b.split())

    def shared(pairs: _Texts) -> Mask:
        return _one_by_one(share, *pairs.both())

    return _of_distinct_pairs(sides, column, shared)


def _one_by_one(test: Callable[[str, str], bool], a: Texts, b: Texts) -> Mask:
    return np.fromiter(map(test, a, b), bool, len(a))


def _of_distinct_pairs(sides: Sides, column: str, test: Callable[[_Texts], Mask]) -> Mask:
    """A symmetric test of two texts, asked once per distinct pair of values."""
    codes_l, codes_r = sides.codes_l(column), sides.codes_r(column)
    present = (codes_l >= 0) & (codes_r >= 0)
    low = np.minimum(codes_l, codes_r)[present].astype(np.int64)
    high = np.maximum(codes_l, codes_r)[present].astype(np.int64)
    own = sides.column(column)
    size = len(own.values)
    keys, inverse = np.unique(low * size + high, return_inverse=True)
    answers = test(_Texts(own, keys // size, keys % size))
    result = np.zeros(len(sides), dtype=bool)
    result[present] = answers[inverse]
    return result
