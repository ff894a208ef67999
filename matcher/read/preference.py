"""Which of several rows counts: decided by what they hold, never by where they stand.

Systems export in any order, so a register that depended on it would change from one
export of the same data to the next.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.read.cells import Coded
from matcher.read.clean import CleanTable, Dates

Positions = npt.NDArray[np.int64]
Keys = Sequence[npt.NDArray[np.int64]]


def preferred_rows(
    table: CleanTable, at: Positions, group: npt.NDArray[np.int32], keys: Keys
) -> Positions:
    """Of the rows ``at`` the one of each group that counts.

    The greatest in ``keys``, one key after the other; of rows alike in all keys the one
    with the most filled cells, then the one whose cells come first in order. ``group`` and
    the keys stand beside ``at``.
    """
    tied = pd.DataFrame(np.column_stack([group, *keys])).duplicated(keep=False)
    among = np.flatnonzero(tied.to_numpy())
    place = np.zeros(len(at), dtype=np.int64)
    place[among] = _content_order(table, at[among])
    columns: list[npt.NDArray[np.int64]] = [place, *reversed(keys), group.astype(np.int64)]
    order = np.lexsort(columns)
    ends = np.ones(len(at), dtype=np.bool_)
    ends[:-1] = np.diff(group[order]) != 0
    best: Positions = at[order[ends]]
    return best


def days(dates: Dates) -> npt.NDArray[np.int64]:
    """Order of dates, an empty one before all others."""
    return dates.astype("datetime64[D]").astype(np.int64)


def _content_order(table: CleanTable, at: Positions) -> npt.NDArray[np.int64]:
    """The place of each row among these by its cells, the one that counts last.

    Rows alike in every cell are as good as each other; the first of them counts.
    """
    filled = sum(
        ((~table.missing(name)[at]).astype(np.int64) for name in (*table.dates, *table.text)),
        start=np.zeros(len(at), dtype=np.int64),
    )
    columns = [filled]
    # An empty date is the least number of its type, and stays that with its sign turned.
    columns += [-days(table.dates[name][at]) for name in sorted(table.dates)]
    columns += [_text_order(table.text[name], at) for name in sorted(table.text)]
    place = np.empty(len(at), dtype=np.int64)
    place[np.lexsort([-at, *reversed(columns)])] = np.arange(len(at))
    return place


def _text_order(column: Coded[str], at: Positions) -> npt.NDArray[np.int64]:
    """Greater for texts that come first; least for an empty cell."""
    codes, inverse = np.unique(column.codes[at], return_inverse=True)
    texts = [column.distinct[code] if code >= 0 else None for code in codes.tolist()]
    # Two codes may stand for one text once a join has filled the column.
    ordered = sorted({text for text in texts if text is not None}, reverse=True)
    ranks: dict[str | None, int] = {text: rank for rank, text in enumerate(ordered)}
    return np.array([ranks.get(text, -1) for text in texts], dtype=np.int64)[inverse]
