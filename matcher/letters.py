"""What the letters of two texts alone say of them: how far apart, and how alike, at most.

A comparison that looks at texts one by one is spared those pairs that cannot pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Texts = npt.NDArray[np.object_]
Numbers = npt.NDArray[np.int64]

_ASCII = 128
_KINDS = np.uint64(31)
_TWICE = np.uint64(32)
# By how much of what is missing to 1 the letters that two texts begin with can raise it.
_PREFIX = 0.4


@dataclass(frozen=True, slots=True)
class Letters:
    """The letters of texts, each as one number.

    ``kinds`` has a bit for each of 32 kinds of letters that a text has, and another for each
    that it has twice; ``length`` is its number of characters; ``plain`` whether all are ASCII.
    """

    kinds: npt.NDArray[np.uint64]
    length: Numbers
    plain: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, texts: Sequence[str] | Texts) -> "Letters":
        """Those of each text."""
        length = np.fromiter(map(len, texts), np.int64, len(texts))
        width = max(1, int(length.max(initial=0)))
        codes = np.array(texts, dtype=f"U{width}").view(np.uint32).reshape(len(texts), width)
        once, twice = np.zeros(len(texts), np.uint64), np.zeros(len(texts), np.uint64)
        for place in range(width):
            code = codes[:, place].astype(np.uint64)
            kind = np.where(code > 0, np.uint64(1) << (code & _KINDS), np.uint64(0))
            twice |= once & kind
            once |= kind
        return cls(once | twice << _TWICE, length, np.asarray((codes < _ASCII).all(axis=1)))

    def at(self, places: npt.NDArray[np.integer]) -> "Letters":
        """Those of some texts."""
        return Letters(self.kinds[places], self.length[places], self.plain[places])


def fewest_edits(a: Letters, b: Letters) -> Numbers:
    """A number of edits below which no text can become the other beside it.

    An edit inserts, deletes or replaces a letter, or swaps two. A replacement takes away one
    letter and brings another; all others change no more, so that half of the letters that
    only one of two texts has are edits at least. 0 beyond ASCII, where several characters may
    be one letter.
    """
    apart = np.bitwise_count(a.kinds ^ b.kinds).astype(np.int64)
    return np.where(a.plain & b.plain, (apart + 1) // 2, 0)


def most_alike(a: Letters, b: Letters) -> npt.NDArray[np.float64]:
    """A Jaro-Winkler similarity above which no two texts beside each other can be.

    No more letters can match than both have: those of each kind that both have once or twice,
    and of those that a text has more often, as many as the other has. 1 beyond ASCII.
    """
    own, other = (np.bitwise_count(side.kinds).astype(np.int64) for side in (a, b))
    more = np.minimum(a.length - own, b.length - other)
    matching = np.bitwise_count(a.kinds & b.kinds).astype(np.int64) + more
    shares = (matching / np.maximum(side.length, 1) for side in (a, b))
    jaro = np.where(matching > 0, (sum(shares) + 1.0) / 3, 0.0)
    return np.where(a.plain & b.plain, np.minimum(jaro + _PREFIX * (1.0 - jaro), 1.0), 1.0)
