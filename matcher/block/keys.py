"""Blocking keys as integers; large blocks are narrowed or given up, and that is reported."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.rules.matching import BlockingRule
from matcher.table import Table

Keys = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A block too large to compare: the rule, its records, and the pairs not proposed."""

    rule: str
    records: int
    pairs: int


@dataclass(frozen=True, slots=True)
class EffectiveKey:
    """One rule's key of every record, dense from 0; -1 proposes nothing.

    ``second`` is the key that the other side shows: the same array unless the rule holds
    different columns against each other.
    """

    first: Keys
    second: Keys
    given_up: tuple[GivenUp, ...] = ()

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


def effective_key(rule: BlockingRule, table: Table) -> EffectiveKey:
    """The rule's keys over a table, after narrowing blocks larger than it allows."""
    first, second = _combine(table, rule.key, rule.against or rule.key)
    if rule.against is None:
        second = first
    given_up: list[GivenUp] = []
    sizes = _sizes(first, second)
    if rule.narrow_by and (sizes > rule.largest_block).any():
        narrow_first, narrow_second = _combine(
            table, [*rule.key, *rule.narrow_by], [*(rule.against or rule.key), *rule.narrow_by]
        )
        offset = len(sizes)
        large = np.append(sizes > rule.largest_block, False)
        first = _replace(first, narrow_first, large, offset)
        second = first if rule.against is None else _replace(second, narrow_second, large, offset)
        sizes = _sizes(first, second)
    too_large = np.flatnonzero(sizes > rule.largest_block)
    if len(too_large):
        pairs = _pairs_of(first, second, too_large)
        given_up = [
            GivenUp(rule.name, int(sizes[key]), int(count))
            for key, count in zip(too_large, pairs, strict=True)
        ]
        first, second = _drop(first, second, too_large)
    return EffectiveKey(first, second, tuple(given_up))


def _combine(table: Table, key: list[str], against: list[str]) -> tuple[Keys, Keys]:
    """Dense keys of both sides in one numbering."""
    size = table.size
    combined = np.zeros(2 * size, dtype=np.int64)
    absent = np.zeros(2 * size, dtype=bool)
    for name, other in zip(key, against, strict=True):
        codes = np.concatenate([table.columns[name].codes, table.columns[other].codes])
        absent |= codes < 0
        combined = combined * (len(table.columns[name].values) + 1) + codes
        combined = pd.factorize(combined)[0].astype(np.int64)
    combined[absent] = -1
    if key == against:
        return combined[:size], combined[:size]
    return combined[:size], combined[size:]


def _sizes(first: Keys, second: Keys) -> Keys:
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


def _pairs_of(first: Keys, second: Keys, blocks: Keys) -> Keys:
    top = int(max(first.max(initial=-1), second.max(initial=-1))) + 1
    count = np.bincount(first[first >= 0], minlength=top)[blocks].astype(np.int64)
    if first is second:
        return count * (count - 1) // 2
    return count * np.bincount(second[second >= 0], minlength=top)[blocks].astype(np.int64)


def _drop(first: Keys, second: Keys, blocks: Keys) -> tuple[Keys, Keys]:
    top = int(max(first.max(initial=-1), second.max(initial=-1))) + 1
    gone = np.zeros(top + 1, dtype=bool)
    gone[blocks] = True
    kept = np.where(gone[first], -1, first)
    return kept, kept if first is second else np.where(gone[second], -1, second)
