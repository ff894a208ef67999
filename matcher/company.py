"""What the sources' company says of two clusters that a possible link would join.

If the two were two children, each source that holds one of them would be likely to hold
the other as well. A source that holds only one of them is therefore evidence that they are
one child: log2(1 / (1 - coverage)) bits, where coverage is the share of children born in
the same year that the source holds. Where some source holds both, nothing is added.
"""

import numpy as np
import numpy.typing as npt

from matcher.table import Codes, Mask

Bits = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Sources = npt.NDArray[np.int32]

# However complete a source is, it may have missed a child, or holds it under another id.
HIGHEST_COVERAGE = 0.9
# Children added to each cohort, so that the coverage of a small one is not taken for certain.
_SMOOTHING = 5.0


def company_weight(
    one: Labels, other: Labels, label: Labels, source: Sources, birth_year: Codes
) -> Bits:
    """Bits for each pair of clusters (by label) that they are one child.

    ``label``, ``source`` and ``birth_year`` are per record. A cluster whose year is not known
    (-1) is taken to be of the other's; between different years nothing is said.
    """
    names, cluster = np.unique(label, return_inverse=True)
    sources = int(source.max(initial=0)) + 1
    holds: Mask = np.zeros((len(names), sources), dtype=bool)
    holds[cluster, source] = True
    year = np.full(len(names), -1, dtype=np.int64)
    np.maximum.at(year, cluster, birth_year.astype(np.int64))
    cohort = year + 1
    size = np.bincount(cohort)
    held = np.stack([np.bincount(cohort, holds[:, s], len(size)) for s in range(sources)], axis=1)
    coverage = held / (size[:, None] + _SMOOTHING)
    bits = -np.log2(1 - np.minimum(coverage, HIGHEST_COVERAGE))
    l, r = np.searchsorted(names, one), np.searchsorted(names, other)
    alone = holds[l] ^ holds[r]
    # Of two cohorts that differ nothing follows: they may be two children of one name.
    one_cohort = (cohort[l] == cohort[r]) | (year[l] < 0) | (year[r] < 0)
    # The less telling of the two cohorts, should one cluster's year not be known.
    least = np.minimum((alone * bits[cohort[l]]).sum(1), (alone * bits[cohort[r]]).sum(1))
    return np.asarray(np.where(one_cohort, least, 0.0))
