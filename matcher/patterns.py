"""Agreement patterns: the levels of all comparisons of a pair, as one number."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from matcher.rules.matching import Comparison
from matcher.table import MISSING, Levels

Patterns = npt.NDArray[np.int64]


def packed(comparisons: Sequence[Comparison], levels: Mapping[str, Levels]) -> Patterns:
    """One number for each pair; the first comparison counts most."""
    result: Patterns | int = 0
    for comparison in comparisons:
        own = levels[comparison.name].astype(np.int64) - MISSING
        result = result * (len(comparison.levels) + 1) + own
    return np.asarray(result, dtype=np.int64)


def unpacked(comparisons: Sequence[Comparison], patterns: Patterns) -> dict[str, Levels]:
    """The level of each pair by comparison."""
    result: dict[str, Levels] = {}
    rest = patterns
    for comparison in reversed(comparisons):
        rest, own = np.divmod(rest, len(comparison.levels) + 1)
        result[comparison.name] = (own + MISSING).astype(np.int8)
    return {comparison.name: result[comparison.name] for comparison in comparisons}
