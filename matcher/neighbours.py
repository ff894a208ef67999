"""Pairs of one source that other links hold together, whether or not a rule proposed them.

Whether two records of one source may be one child is asked as soon as both seem to be the
same child as a third: by clustering, and by the search for rivals. Blocking may not have
proposed the two, so "not compared" must not be taken for "different".
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from matcher.block import EffectiveKey
from matcher.block.keys import Keys
from matcher.block.pairs import pairs_of_key
from matcher.table import Mask, Positions

Pairs = tuple[Positions, Positions]
Sources = npt.NDArray[np.int32]

# Records of one source in one group; a larger one is a chain of accidents and not one child.
LARGEST_GROUP = 200


def neighbours(strong: Pairs, source: Sources, single: Mask, known: Pairs) -> Iterator[Pairs]:
    """Pairs (positions l < r) of one source within a component of ``strong`` pairs.

    ``source`` is the number of each record's source and ``single`` says, by that number,
    whether it holds each child once; its pairs are left out, as are those ``known``.
    """
    key = _groups(strong, source, single)
    span = np.int64(len(source))
    same = (key[known[0]] == key[known[1]]) & (key[known[0]] >= 0)
    seen = np.unique(known[0][same].astype(np.int64) * span + known[1][same])
    for l, r in pairs_of_key(EffectiveKey(key, key)):
        new = ~np.isin(l.astype(np.int64) * span + r, seen, assume_unique=True)
        yield l[new], r[new]


def _groups(strong: Pairs, source: Sources, single: Mask) -> Keys:
    """A number for the component and source of each record; -1 where nothing is to be asked."""
    size = len(source)
    graph = coo_array((np.ones(len(strong[0]), dtype=np.int8), strong), shape=(size, size))
    component = connected_components(graph, directed=False)[1].astype(np.int64)
    _, group, count = np.unique(
        component * len(single) + source, return_inverse=True, return_counts=True
    )
    asked = ~single[source] & (count[group] > 1) & (count[group] <= LARGEST_GROUP)
    return np.where(asked, group, -1).astype(np.int32)
