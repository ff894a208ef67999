"""Blocking keys as integers; large blocks are narrowed or given up, and that is reported."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.rules.matching import BlockingRule
from matcher.table import Table

Keys = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]

_LARGEST_NUMBER = 2**62


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A block too large to compare as a whole: the rule, its records, the pairs not proposed."""

    rule: str
    records: int
    pairs: int


@dataclass(frozen=True)
class EffectiveKey:
    """One rule's key of every record, dense from 0; -1 proposes nothing.

    ``second`` is the key that the other side shows: the same array unless the rule holds
    different columns against each other. ``too_large`` counts the blocks that were larger
    than the rule allows; ``given_up`` has those of them that lost pairs.
    """

    first: Keys
    second: Keys
    given_up: tuple[GivenUp, ...] = ()
    too_large: int = 0

    @property
    def is_symmetric(self) -> bool:
        """Whether both sides show the same key."""
        return self.first is self.second

    def proposes(self, l: npt.NDArray[np.int32], r: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Whether this rule proposes each pair, whichever side comes first."""
        first_l = self.first[l]
        forward = (first_l == self.second[r]) & (first_l >= 0)
        if self.is_symmetric:
            return np.asarray(forward)
        second_l = self.second[l]
        return np.asarray(forward | ((self.first[r] == second_l) & (second_l >= 0)))

    @cached_property
    def pairs(self) -> int:
        """How many pairs the rule proposes, each counted once; told without making them."""
        return _pairs_of(self)

    def some_blocks(self, share: float, numbers: np.random.Generator) -> "EffectiveKey":
        """The key of a random share of the blocks; the others propose nothing."""
        top = int(max(self.first.max(initial=-1), self.second.max(initial=-1))) + 1
        kept = np.append(numbers.random(top) < share, False)
        first = np.where(kept[self.first], self.first, -1)
        if self.is_symmetric:
            return EffectiveKey(first, first)
        return EffectiveKey(first, np.where(kept[self.second], self.second, -1))


@dataclass(frozen=True, slots=True)
class RuleBlocks:
    """What one rule did: the pairs it proposed, and its blocks.

    ``pairs`` counts those that other rules propose too. ``largest_block`` is in records, of the
    blocks that were compared; ``too_large`` counts the blocks that were larger than the rule
    allows, ``given_up`` the pairs of them that it did not propose.
    """

    rule: str
    pairs: int
    largest_block: int
    too_large: int
    given_up: int

    @classmethod
    def of(cls, rule: BlockingRule, key: EffectiveKey) -> "RuleBlocks":
        """Counted from the keys, without making the pairs."""
        return cls(
            rule=rule.name,
            pairs=key.pairs,
            largest_block=int(_sizes(key.first, key.second).max(initial=0)),
            too_large=key.too_large,
            given_up=sum(block.pairs for block in key.given_up),
        )


def effective_key(rule: BlockingRule, table: Table) -> EffectiveKey:
    """The rule's keys over a table, after narrowing blocks larger than it allows."""
    whole = _sides(rule, table, [])
    sizes = _sizes(*whole)
    large = np.flatnonzero(sizes > rule.largest_block)
    if not len(large):
        return EffectiveKey(*whole)
    first, second = whole
    if rule.narrow_by:
        narrow_first, narrow_second = _sides(rule, table, rule.narrow_by)
        is_large = np.append(sizes > rule.largest_block, False)
        first = _replace(first, narrow_first, is_large, len(sizes))
        second = (
            first if rule.against is None else _replace(second, narrow_second, is_large, len(sizes))
        )
    first, second = _drop(first, second, np.flatnonzero(_sizes(first, second) > rule.largest_block))
    lost = (_pairs_in(whole, whole) - _pairs_in(whole, (first, second)))[large]
    given_up = (
        GivenUp(rule.name, int(sizes[block]), int(pairs))
        for block, pairs in zip(large, lost, strict=True)
        if pairs
    )
    return EffectiveKey(first, second, tuple(given_up), len(large))


def _sides(rule: BlockingRule, table: Table, narrow_by: list[str]) -> tuple[Keys, Keys]:
    """Keys of the two sides; one array where both show the same columns."""
    against = rule.against or rule.key
    first, second = _combine(table, [*rule.key, *narrow_by], [*against, *narrow_by])
    return first, first if rule.against is None else second


def _combine(table: Table, key: list[str], against: list[str]) -> tuple[Keys, Keys]:
    """Dense keys of both sides in one numbering; one array where both show the same columns."""
    sides = [key] if key == against else [key, against]
    combined = np.zeros(len(sides) * table.size, dtype=np.int64)
    absent = np.zeros(len(combined), dtype=bool)
    numbers = 1
    for names in zip(*sides, strict=True):
        codes = np.concatenate([table.columns[name].codes for name in names])
        absent |= codes < 0
        values = len(table.columns[names[0]].values) + 1
        if numbers * values > _LARGEST_NUMBER:
            combined, numbers = pd.factorize(combined)[0].astype(np.int64), len(combined)
        combined, numbers = combined * values + codes, numbers * values
    # Half as wide, they are read nearly twice as fast.
    keys = np.where(absent, -1, pd.factorize(combined)[0]).astype(np.int32)
    return keys[: table.size], keys[-table.size :] if len(sides) > 1 else keys


def _sizes(first: Keys, second: Keys) -> Counts:
    """Records per block: of the larger side where the sides differ."""
    top = int(max(first.max(initial=-1), second.max(initial=-1))) + 1
    count = np.bincount(first[first >= 0], minlength=top)
    if first is second:
        return count.astype(np.int64)
    other = np.bincount(second[second >= 0], minlength=top)
    return np.where((count > 0) & (other > 0), np.maximum(count, other), 0).astype(np.int64)


def _replace(keys: Keys, narrow: Keys, large: npt.NDArray[np.bool_], offset: int) -> Keys:
    moved = np.where(narrow >= 0, narrow + offset, -1)
    return np.where(large[keys], moved, keys)


def _pairs_in(whole: tuple[Keys, Keys], keys: tuple[Keys, Keys]) -> Counts:
    """Pairs that ``keys`` propose within each block of the ``whole`` keys.

    Where the sides differ, records are counted once for each side that they can be on.
    """
    blocks = len(_sizes(*whole))
    top = int(max(keys[0].max(initial=-1), keys[1].max(initial=-1))) + 1
    block_of = np.zeros(top, dtype=np.int64)
    for side, own in zip(whole, keys, strict=True):
        block_of[own[own >= 0]] = side[own >= 0]
    count, other = (np.bincount(own[own >= 0], minlength=top) for own in keys)
    pairs = count * (count - 1) // 2 if keys[0] is keys[1] else count * other
    return np.bincount(block_of, weights=pairs, minlength=blocks).astype(np.int64)


def _pairs_of(key: EffectiveKey) -> int:
    """How many pairs a rule proposes, each counted once."""
    top = int(max(key.first.max(initial=-1), key.second.max(initial=-1))) + 1
    count, other = (np.bincount(own[own >= 0], minlength=top) for own in (key.first, key.second))
    if key.is_symmetric:
        return int((count * (count - 1) // 2).sum())
    shown = (key.first >= 0) & (key.second >= 0)
    first, second = (own[shown].astype(np.int64) for own in (key.first, key.second))
    itself = first == second
    # A pair that fits both ways round is found from both ends.
    way, ways = np.unique(first[~itself] * top + second[~itself], return_counts=True)
    back = way % top * top + way // top
    at = np.minimum(np.searchsorted(way, back), max(len(way) - 1, 0))
    twice = int((ways * ways[at] * (way[at] == back)).sum()) // 2 if len(way) else 0
    alike = np.bincount(first[itself], minlength=top)
    twice += int((alike * (alike - 1) // 2).sum())
    return int((count * other).sum()) - int(itself.sum()) - twice


def _drop(first: Keys, second: Keys, blocks: npt.NDArray[np.intp]) -> tuple[Keys, Keys]:
    top = int(max(first.max(initial=-1), second.max(initial=-1))) + 1
    gone = np.zeros(top + 1, dtype=bool)
    gone[blocks] = True
    kept = np.where(gone[first], -1, first)
    return kept, kept if first is second else np.where(gone[second], -1, second)
