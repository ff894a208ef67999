"""Spelling functions for texts beyond ASCII, given to engines that count bytes.

They are jellyfish's, as in `matcher.compare`, and are called only for pairs of which one
text is not plain ASCII.
"""

from typing import Any

import jellyfish

from matcher.scale.conditions import DISTANCE_OF_LETTERS, SIMILARITY_OF_LETTERS


def similarity(left: str | None, right: str | None) -> float | None:
    """Jaro–Winkler similarity; None where a text is missing."""
    if left is None or right is None:
        return None
    return float(jellyfish.jaro_winkler_similarity(left, right))


def distance(left: str | None, right: str | None) -> int | None:
    """Damerau–Levenshtein distance; None where a text is missing."""
    if left is None or right is None:
        return None
    return int(jellyfish.damerau_levenshtein_distance(left, right))
