"""Pairs from blocking keys, in bounded chunks, each pair once.

Within a rule, records are sorted by key and each is paired with what follows it in its
block. A pair that an earlier rule proposes is left out by comparing that rule's keys, so
no union of pairs is ever built and memory does not grow with their number.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from matcher.block.keys import EffectiveKey, Keys
from matcher.table import Positions

CHUNK = 1_000_000
_POSITION = np.int64(2**32 - 1)

Pairs = tuple[Positions, Positions]


def candidate_pairs(keys: Sequence[EffectiveKey], chunk: int = CHUNK) -> Iterator[Pairs]:
    """Every pair that some rule proposes, once, as positions l < r, in chunks."""
    return _first_proposed(keys, keys, chunk)


def sampled_pairs(
    keys: Sequence[EffectiveKey], share: float, seed: int, chunk: int = CHUNK
) -> Iterator[Pairs]:
    """The candidate pairs of a random share of each rule's blocks.

    Each pair is as likely to be among them as any other, by the first rule that proposes it.
    """
    numbers = np.random.default_rng(seed)
    some = [key.some_blocks(share, numbers) for key in keys]
    return _first_proposed(some, keys, chunk)


def _first_proposed(
    proposing: Sequence[EffectiveKey], keys: Sequence[EffectiveKey], chunk: int
) -> Iterator[Pairs]:
    """Pairs that the ``proposing`` keys propose, and none of the ``keys`` before them.

    Those that propose most come first, so that few pairs are held against many keys.
    """
    order = sorted(range(len(keys)), key=lambda number: -keys[number].pairs)
    for place, number in enumerate(order):
        for l, r in pairs_of_key(proposing[number], chunk):
            for earlier in (keys[own] for own in order[:place]):
                new = ~earlier.proposes(l, r)
                l, r = l[new], r[new]
            yield l, r


def pairs_of_key(key: EffectiveKey, chunk: int = CHUNK) -> Iterator[Pairs]:
    """Every pair that one rule proposes, once, as positions l < r, in chunks."""
    if key.is_symmetric:
        yield from _within_blocks(key.first, chunk)
    else:
        yield from _across_sides(key, chunk)


def _within_blocks(keys: Keys, chunk: int) -> Iterator[Pairs]:
    order, sorted_keys = _sorted(keys)
    last = np.flatnonzero(np.append(np.diff(sorted_keys) > 0, True))[: len(order)]
    ends = np.repeat(last + 1, np.diff(last, prepend=-1))
    places = np.arange(len(order))
    for l, r in _expand(places, places + 1, ends, chunk):
        yield order[l], order[r]


def _across_sides(key: EffectiveKey, chunk: int) -> Iterator[Pairs]:
    order_l, keys_l = _sorted(key.first)
    order_r, keys_r = _sorted(key.second)
    starts = np.searchsorted(keys_r, keys_l, side="left")
    ends = np.searchsorted(keys_r, keys_l, side="right")
    for l_at, r_at in _expand(np.arange(len(order_l)), starts, ends, chunk):
        l, r = order_l[l_at], order_r[r_at]
        # The same pair may come from both directions: keep it once.
        first_r = key.first[r]
        both_ways = (first_r == key.second[l]) & (first_r >= 0)
        kept = (l < r) | ((l > r) & ~both_ways)
        l, r = l[kept], r[kept]
        yield np.minimum(l, r), np.maximum(l, r)


def _sorted(keys: Keys) -> tuple[Positions, Keys]:
    """Positions in order of key, then position, of records that have a key."""
    present = np.flatnonzero(keys >= 0)
    both = np.sort(keys[present].astype(np.int64) << 32 | present)
    order = (both & _POSITION).astype(np.int32)
    return order, (both >> 32).astype(np.int32)


def _expand(
    items: npt.NDArray[np.intp],
    starts: npt.NDArray[np.intp],
    ends: npt.NDArray[np.intp],
    chunk: int,
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Each item with every place from its start up to its end, about ``chunk`` at a time."""
    counts = ends - starts
    items, starts, counts = items[counts > 0], starts[counts > 0], counts[counts > 0]
    total = np.cumsum(counts)
    begin = 0
    while begin < len(items):
        done = total[begin - 1] if begin else 0
        stop = max(int(np.searchsorted(total, done + chunk, side="right")), begin + 1)
        part = counts[begin:stop]
        offsets = np.cumsum(part) - part
        left = np.repeat(items[begin:stop], part)
        right = np.repeat(starts[begin:stop] - offsets, part) + np.arange(part.sum())
        yield left, right
        begin = stop
