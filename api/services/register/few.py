"""A few records as they are compared and clustered, without frames.

That is quicker, up to some hundred records.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from api.services.extracts.dates import extract_dates
from api.services.register.linker import Linker
from api.services.register.reader import Row
from api.services.register.search_entries import ENTRY_COLUMNS
from matcher.prepared import Coded, Prepared
from matcher.register.golden import SURVIVING_COLUMNS
from matcher.standardise import PLACE_COLUMNS
from matcher.standardise.distinct import spread
from matcher.table import Table

# Columns of STANDARDISED that are looked at once records are clustered.
_SHOWN = sorted({*SURVIVING_COLUMNS, *ENTRY_COLUMNS})


def coded(linker: Linker, rows: Sequence[Row]) -> Coded:
    """The records as they are compared, in the order given. ``rows`` must not be empty."""
    said = [row.said for row in rows]
    table = Table.of_rows(said, *linker.compared)
    table = table.without(PLACE_COLUMNS, np.array([row.unplaced for row in rows], dtype=bool))
    sources = sorted({row.source for row in rows})
    place = {name: at for at, name in enumerate(sources)}
    source = np.array([place[row.source] for row in rows], dtype=np.int32)
    return Coded(table, source, sources, np.array([name in linker.single for name in sources]))


def prepared(linker: Linker, rows: Sequence[Row]) -> Prepared:
    """As `matcher.prepared.prepare` makes it, but only with the columns that are shown.

    Its records have no columns but id, source, record_id, as_of and unaccompanied. ``rows``
    must not be empty.
    """
    table = coded(linker, rows)
    place = np.arange(len(rows))
    own = np.array([row.day for row in rows], dtype="datetime64[D]")
    number = np.array([row.number for row in rows], dtype=np.int64)
    extract = np.array([row.extract for row in rows], dtype=np.int64)
    day = extract_dates(linker.connection).of(own, number, extract)
    ids = np.empty(len(rows), dtype=object)
    ids[:] = [row.record_id for row in rows]
    records = {
        "id": np.array([row.record for row in rows], dtype=np.int64),
        "source": spread([row.source for row in rows], place),
        "record_id": ids,
        "as_of": day.astype("datetime64[ns]"),
        "unaccompanied": np.array([row.unaccompanied for row in rows], dtype=bool),
    }
    shown = {name: spread([row.said.get(name) for row in rows], place) for name in _SHOWN}
    return Prepared(
        table.table,
        table.source,
        table.sources,
        table.single,
        pd.DataFrame(records),
        pd.DataFrame(shown),
    )
