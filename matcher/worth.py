"""What a person's decision on a pair that waits is worth, so that the best come first.

A decision is worth most where the weight leaves it open, where it moves many records from
one child to another, and where it brings systems together: outcome measures see a child
through what several systems say.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.classify import probability
from matcher.deciding import Linked
from matcher.table import Mask

Numbers = npt.NDArray[np.int64]
Worth = npt.NDArray[np.float64]

# Places of worth that count. What is less is left to chance, of which this many make one more.
_PLACES = 3
_CHANCES = 2.0**32


def turns(linked: Linked, waiting: Mask) -> Worth:
    """By pair of ``linked``: its place among those that wait, the smallest first; 0 for others.

    Minus what a decision on it is worth. Pairs that are worth the same stand in an order of
    chance: that of a hash of their keys, so that it is the same however they came.
    """
    turn = np.zeros(len(linked.pairs))
    at = np.flatnonzero(waiting)
    if len(at):
        worth = np.round(decision_worth(linked, waiting)[at], _PLACES)
        turn[at] = -worth - _chance(linked, at) * 10.0**-_PLACES
    return turn


def _chance(linked: Linked, at: npt.NDArray[np.intp]) -> Worth:
    """A number from 0 up to 1 by pair."""
    records = linked.prepared.records
    said = []
    for side in (linked.pairs.l[at], linked.pairs.r[at]):
        for name in ("source", "record_id"):
            text = records[name].iloc[side].astype(object).to_numpy()
            said.append(pd.util.hash_array(text, categorize=False))
    both = said[0]
    for more in said[1:]:
        both = pd.util.hash_array(both * np.uint64(3) + more)
    return np.asarray(both >> np.uint64(32), dtype=np.float64) / _CHANCES


def decision_worth(linked: Linked, waiting: Mask) -> Worth:
    """By pair of ``linked``: ambiguity x size x systems; 0 for pairs that do not wait.

    Ambiguity is 4p(1 - p), which is 1 at a match probability of one half; size is
    log2(1 + records of the smaller child); systems is 1 plus how many sources the joined child
    would have more than the richer of the two.
    """
    worth = np.zeros(len(linked.pairs))
    at = np.flatnonzero(waiting)
    if not len(at):
        return worth
    label = linked.clusters.label
    sides = label[linked.pairs.l[at]], label[linked.pairs.r[at]]
    held = _sources_held(linked, np.unique(np.concatenate(sides)))
    records, sources = np.bincount(label), {key: len(own) for key, own in held.items()}
    one, other = (side.tolist() for side in sides)
    brought = [
        len(held[a] | held[b]) - max(sources[a], sources[b])
        for a, b in zip(one, other, strict=True)
    ]
    chance = probability(linked.weight[at])
    size = np.log2(1 + np.minimum(records[sides[0]], records[sides[1]]))
    worth[at] = 4 * chance * (1 - chance) * size * (1 + np.array(brought))
    return worth


def _sources_held(linked: Linked, labels: Numbers) -> dict[int, set[int]]:
    """Numbers of the sources that clusters hold records of."""
    label, source = linked.clusters.label, linked.prepared.source
    found: dict[int, set[int]] = {key: set() for key in labels.tolist()}
    own = np.flatnonzero(np.isin(label, labels))
    for key, number in zip(label[own].tolist(), source[own].tolist(), strict=True):
        found[key].add(number)
    return found
