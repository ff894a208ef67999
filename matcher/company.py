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
# Bits to which the weight is rounded, so that a few more records leave it as it was.
STEP = 1


def company_weight(
    one: Labels,
    other: Labels,
    label: Labels,
    source: Sources,
    birth_year: Codes,
    coverage: Bits,
) -> Bits:
    """Bits for each pair of clusters (by label) that they are one child.

    ``label``, ``source`` and ``birth_year`` are per record; ``coverage`` is the share of the
    children of each year, by code, that each source holds. A cluster whose year is not
    known (-1), or whose records differ in it, is taken to be of the other's; between
    different years nothing is said.
    """
    names, cluster = np.unique(label, return_inverse=True)
    holds: Mask = np.zeros((len(names), coverage.shape[1]), dtype=bool)
    holds[cluster, source] = True
    year = _years(len(names), cluster, birth_year)
    bits = coverage_bits(coverage)
    l, r = np.searchsorted(names, one), np.searchsorted(names, other)
    alone = holds[l] ^ holds[r]
    by_l, by_r = _of_year(alone, bits, year[l]), _of_year(alone, bits, year[r])
    # Of two cohorts that differ nothing follows: they may be two children of one name.
    one_cohort = (year[l] == year[r]) | (year[l] < 0) | (year[r] < 0)
    known = np.minimum(by_l, by_r)
    return np.asarray(np.where(one_cohort & np.isfinite(known), known, 0.0))


def _years(clusters: int, cluster: Labels, birth_year: Codes) -> Labels:
    """The one year of each cluster; -1 for none or several. Codes are in no order."""
    known = birth_year >= 0
    codes = birth_year[known].astype(np.int64)
    highest = np.full(clusters, -1, dtype=np.int64)
    lowest = np.full(clusters, np.iinfo(np.int64).max, dtype=np.int64)
    np.maximum.at(highest, cluster[known], codes)
    np.minimum.at(lowest, cluster[known], codes)
    return np.where(highest == lowest, highest, -1)


def coverage_bits(coverage: Bits) -> Bits:
    """Bits that a source's holding only one of two is worth, by its coverage."""
    bits = -np.log2(1 - np.minimum(coverage, HIGHEST_COVERAGE))
    return np.asarray(np.round(bits / STEP) * STEP)


def _of_year(alone: Mask, bits: Bits, year: Labels) -> Bits:
    """Sum over the sources that hold only one of two; without end where no year is known."""
    known = year >= 0
    result = np.full(len(alone), np.inf)
    result[known] = (alone[known] * bits[year[known]]).sum(axis=1)
    return result
