"""Comparisons that somebody may not be told of, pair by pair, and what they weigh."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.patterns import Patterns, unpacked
from matcher.rules.matching import MatchingRules
from matcher.table import MISSING, Mask
from matcher.weigh.weights import Bits


@dataclass(frozen=True)
class Untold:
    """Names of comparisons that may not be told of: of each pair, those at its place in ``kinds``.

    ``of`` is that place, one number for each pair.
    """

    of: npt.NDArray[np.int64]
    kinds: tuple[frozenset[str], ...]

    def weighing(self, rules: MatchingRules, patterns: Patterns) -> Mask:
        """Pairs of which something untold has a level, so that it may weigh something."""
        found = np.zeros(len(patterns), dtype=bool)
        for name, levels in unpacked(rules.comparisons, patterns).items():
            found |= self._holds(name)[self.of] & (levels != MISSING)
        return found

    def bits(self, partial: Mapping[str, Bits], at: npt.NDArray[np.intp]) -> Bits:
        """What untold comparisons weigh together, in pairs ``at`` some places.

        ``partial`` are their partial weights by comparison.
        """
        found = np.zeros(len(at))
        for name, own in partial.items():
            found += np.where(self._holds(name)[self.of[at]], own, 0.0)
        return found

    def _holds(self, name: str) -> Mask:
        return np.array([name in kind for kind in self.kinds], dtype=bool)
