"""How many edits two texts are apart at least, told by their letters alone."""

import numpy as np
import numpy.typing as npt

Texts = npt.NDArray[np.object_]
Numbers = npt.NDArray[np.int64]

_ASCII = 128
_KINDS = np.uint64(31)


def fewest_edits(a: Texts, b: Texts) -> Numbers:
    """A number of edits below which no text can become the other beside it.

    An edit inserts, deletes or replaces a letter, or swaps two. A replacement takes away one
    letter and brings another; all others change no more, so that half of the letters that
    only one of two texts has are edits at least. The letters of a text are one number: a bit
    for each of 32 kinds that it has, and another for each that it has twice. 0 beyond ASCII,
    where several characters may be one letter.
    """
    (own, plain), (other, other_plain) = _letters(a), _letters(b)
    apart = np.bitwise_count(own ^ other).astype(np.int64)
    return np.where(plain & other_plain, (apart + 1) // 2, 0)


def _letters(texts: Texts) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """The letters of each text, and whether all are ASCII."""
    width = max(1, *map(len, texts), 1)
    codes = np.array(texts, dtype=f"U{width}").view(np.uint32).reshape(len(texts), width)
    once, twice = np.zeros(len(texts), np.uint64), np.zeros(len(texts), np.uint64)
    for place in range(codes.shape[1]):
        code = codes[:, place].astype(np.uint64)
        kind = np.where(code > 0, np.uint64(1) << (code & _KINDS), np.uint64(0))
        twice |= once & kind
        once |= kind
    return once | twice << np.uint64(32), np.asarray((codes < _ASCII).all(axis=1))
