"""What single records say, standardised value by value."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, or_, select

from api.db.among import among
from api.db.models import Record, RecordVersion, Source
from api.services.register.columns import Numbers
from matcher.frames import RECORD_TEXT_COLUMNS
from matcher.standardise import Standardiser

# Columns of RECORDS as `standardise_record` takes them, beside the source.
_TEXTS = tuple(name for name in RECORD_TEXT_COLUMNS if name != "role")


class Row(NamedTuple):
    """What a version of a child's record says; ``ended`` if it is not current.

    ``extract`` and ``day`` tell since when, see `api.services.extracts.dates`. The place of
    one that is ``unplaced`` is not compared, the company of one that is ``unaccompanied`` does
    not count. ``said`` is STANDARDISED, see `matcher.standardise`, without missing values.
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


@dataclass(frozen=True)
class Reader:
    """Reads what a few records say, each once: whatever ``run`` changes must be changed by then."""

    connection: Connection
    run: int
    standardiser: Standardiser
    _now: dict[int, Row | None] = field(default_factory=dict)

    def now(self, records: Numbers) -> list[Row]:
        """Those of these records that are current and a child's, in key order."""
        unread = [one for one in records.tolist() if one not in self._now]
        if unread:
            self._now.update(dict.fromkeys(unread))
            current = RecordVersion.to_run.is_(None)
            self._keep(self._read(np.array(unread, dtype=np.int64), current))
        return _in_order(self._now[one] for one in records.tolist())

    def around(self, records: Numbers) -> tuple[list[Row], list[Row]]:
        """What these said that changed or ended in the run, and what they say now."""
        held = or_(RecordVersion.to_run.is_(None), RecordVersion.to_run == self.run)
        rows = self._read(records, held)
        old, new = ([row for row in rows if row.ended == ended] for ended in (True, False))
        self._keep(new)
        return _in_order(old), _in_order(new)

    def _keep(self, rows: list[Row]) -> None:
        self._now.update((row.record, row) for row in rows)

    def _read(self, records: Numbers, held: Any) -> list[Row]:
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
        for row in self.connection.execute(query):
            record, source, key, number, extract, day, to_run, unplaced, alone, born, *texts = row
            said = {name: text for name, text in zip(_TEXTS, texts, strict=True) if text}
            said["source"] = source
            if born is not None:
                said["date_of_birth"] = born.isoformat()
            ended = to_run is not None
            since = extract or -1, day
            standard = self.standardiser.record(said)
            found.append(Row(record, source, key, number, *since, ended, unplaced, alone, standard))
        return found


def _in_order(rows: Iterable[Row | None]) -> list[Row]:
    return sorted((row for row in rows if row), key=lambda row: (row.source, row.record_id))
