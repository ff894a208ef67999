"""A few records, read and standardised value by value.

That is quicker than by way of frames, up to some hundred records.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sqlalchemy import Connection, or_, select

from api.db.among import among
from api.db.models import Record, RecordVersion, Source
from api.services.extracts.dates import extract_dates
from api.services.register.columns import Numbers
from api.services.register.linker import Linker
from api.services.register.search_entries import ENTRY_COLUMNS
from matcher.frames import RECORD_TEXT_COLUMNS
from matcher.prepared import Coded, Prepared
from matcher.register.golden import SURVIVING_COLUMNS
from matcher.standardise import PLACE_COLUMNS
from matcher.standardise.distinct import spread
from matcher.table import Table

# Columns of RECORDS as `standardise_record` takes them, beside the source.
_TEXTS = tuple(name for name in RECORD_TEXT_COLUMNS if name != "role")
# Columns of STANDARDISED that are looked at once records are clustered.
_SHOWN = sorted({*SURVIVING_COLUMNS, *ENTRY_COLUMNS})


class Row(NamedTuple):
    """What a version of a child's record says; ``ended`` if it is not current.

    ``extract`` and ``day`` tell since when, see `api.services.extracts.dates`. The place of
    one that is ``unplaced`` is not compared, the company of one that is ``unaccompanied`` does
    not count.
    """

    record: int
    source: str
    record_id: str
    number: int
    extract: int
    day: Any
    ended: bool
    unplaced: bool
    unaccompanied: bool
    said: dict[str, str]


def rows_now(connection: Connection, records: Numbers) -> list[Row]:
    """Those of these records that are current and a child's, in key order."""
    return _rows(connection, records, RecordVersion.to_run.is_(None))


def rows_around(connection: Connection, records: Numbers, run: int) -> list[Row]:
    """What these records say now, and what those said before that changed or ended in a run."""
    held = or_(RecordVersion.to_run.is_(None), RecordVersion.to_run == run)
    return _rows(connection, records, held)


def _rows(connection: Connection, records: Numbers, held: Any) -> list[Row]:
    query = (
        select(
            RecordVersion.record,
            Source.name,
            Record.record_id,
            Record.source,
            RecordVersion.extract,
            RecordVersion.as_of,
            RecordVersion.to_run,
            RecordVersion.unplaced,
            RecordVersion.unaccompanied,
            RecordVersion.date_of_birth,
            *(getattr(RecordVersion, name) for name in _TEXTS),
        )
        .join(Record, Record.id == RecordVersion.record)
        .join(Source, Source.number == Record.source)
        .where(held, RecordVersion.role == "child", among(RecordVersion.record, records))
    )
    found = []
    for row in connection.execute(query):
        record, source, key, number, extract, day, to_run, unplaced, alone, born, *texts = row
        said = {name: text for name, text in zip(_TEXTS, texts, strict=True) if text}
        said["source"] = source
        if born is not None:
            said["date_of_birth"] = born.isoformat()
        ended = to_run is not None
        since = extract or -1, day
        found.append(Row(record, source, key, number, *since, ended, unplaced, alone, said))
    return sorted(found, key=lambda row: (row.source, row.record_id))


def coded(linker: Linker, rows: Sequence[Row]) -> Coded:
    """The records as they are compared, in the order given. ``rows`` must not be empty."""
    return _coded(linker, rows, _standardised(linker, rows))


def prepared(linker: Linker, rows: Sequence[Row]) -> Prepared:
    """As `matcher.prepared.prepare` makes it, but only with the columns that are shown.

    Its records have no columns but id, source, record_id, as_of and unaccompanied. ``rows``
    must not be empty.
    """
    said = _standardised(linker, rows)
    table = _coded(linker, rows, said)
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
    shown = {name: spread([one.get(name) for one in said], place) for name in _SHOWN}
    return Prepared(
        table.table,
        table.source,
        table.sources,
        table.single,
        pd.DataFrame(records),
        pd.DataFrame(shown),
    )


def _standardised(linker: Linker, rows: Sequence[Row]) -> list[dict[str, str]]:
    return [linker.standardiser.record(row.said) for row in rows]


def _coded(linker: Linker, rows: Sequence[Row], said: Sequence[dict[str, str]]) -> Coded:
    table = Table.of_rows(said, *linker.compared)
    table = table.without(PLACE_COLUMNS, np.array([row.unplaced for row in rows], dtype=bool))
    sources = sorted({row.source for row in rows})
    place = {name: at for at, name in enumerate(sources)}
    source = np.array([place[row.source] for row in rows], dtype=np.int32)
    return Coded(table, source, sources, np.array([name in linker.single for name in sources]))
