"""Term frequencies, counted over children and not over records.

A child who is held in five systems must not make a rare name look common. Which records
are one child is not known yet, so records that agree on a value *and* a date of birth
count once, and those without a date count once per value and postcode.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.table import Table

Frequencies = npt.NDArray[np.float64]

# Added to every count: a value seen once is not quite as rare as it looks.
_SMOOTHING = 0.5


def term_frequencies(table: Table, column: str) -> Frequencies:
    """Share of children that have each value of the column, by code.

    Needs the columns ``date_of_birth`` and ``postcode`` in the table.
    """
    codes = table.columns[column].codes
    values = len(table.columns[column].values)
    birth = table.columns["date_of_birth"].codes.astype(np.int64)
    places = table.columns["postcode"].codes.astype(np.int64)
    births = len(table.columns["date_of_birth"].values)
    # One number for "which child this may be": its birthday, else its postcode.
    child = np.where(birth >= 0, birth, births + 1 + places)
    span = births + 2 + len(table.columns["postcode"].values)
    present = codes >= 0
    seen = pd.unique(codes[present].astype(np.int64) * span + child[present])
    counts = np.bincount(seen // span, minlength=values).astype(np.float64)
    total = counts.sum() + _SMOOTHING * max(values, 1)
    return np.asarray((counts + _SMOOTHING) / total)
