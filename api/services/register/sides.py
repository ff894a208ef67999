"""Records as they are compared: some dozen value by value, many by way of frames."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from api.services.extracts.current import current_records, records_around
from api.services.register import few
from api.services.register.columns import Numbers
from api.services.register.linker import Linker
from api.services.register.reader import Row
from matcher.keys import ShownKeys
from matcher.prepared import Coded, Prepared
from matcher.table import Table

# Up to so many records, single values are quicker to work on than columns.
FEW = 200


@dataclass(frozen=True)
class Side:
    """Some records of children as they are at one time; ``record`` is record.id, by position."""

    record: Numbers
    coded: Coded
    shown: ShownKeys

    @classmethod
    def of(cls, linker: Linker, record: Numbers, coded: Coded) -> "Side":
        """Records with what they show."""
        return cls(record, coded, ShownKeys(coded.table, linker.lists))

    def take(self, at: npt.NDArray[np.intp]) -> "Side":
        """Some of the records."""
        coded = self.coded
        part = replace(coded, table=coded.table.take(at), source=coded.source[at])
        return Side(self.record[at], part, ShownKeys(part.table, list(self.shown.number)))


_NO_TABLE = Table({}, 0)
NOBODY = Side(
    np.empty(0, dtype=np.int64),
    Coded(_NO_TABLE, np.empty(0, dtype=np.int32), [], np.empty(0, dtype=bool)),
    ShownKeys(_NO_TABLE, []),
)


def side_of(linker: Linker, records: Numbers) -> Side:
    """Those of these records that are current and a child's, in key order."""
    if len(records) > FEW:
        prepared = linker.prepared(current_records(linker.connection, records))
        return NOBODY if prepared is None else _without_frames(linker, prepared)
    rows = linker.reader.now(records)
    return _side(linker, rows)


def sides_around(linker: Linker, changed: Numbers) -> tuple[Side, Side]:
    """Changed records of children as they were until now, and as they are."""
    if len(changed) <= FEW:
        old, new = linker.reader.around(changed)
        return _side(linker, old), _side(linker, new)
    prepared = linker.prepared(records_around(linker.connection, changed, linker.run))
    if prepared is None:
        return NOBODY, NOBODY
    ended = (prepared.records["ended"] == 1).to_numpy()
    side = _without_frames(linker, prepared)
    return side.take(np.flatnonzero(ended)), side.take(np.flatnonzero(~ended))


def prepared_of(linker: Linker, records: Numbers) -> Prepared | None:
    """Those of these records that are current and a child's; nothing if none is."""
    if len(records) > FEW:
        return linker.prepared(current_records(linker.connection, records))
    rows = linker.reader.now(records)
    if not rows:
        return None
    return few.prepared(linker, rows)


def ids_of(prepared: Prepared) -> Numbers:
    """record.id of each."""
    return prepared.records["id"].to_numpy(np.int64)


def _side(linker: Linker, rows: list[Row]) -> Side:
    if not rows:
        return NOBODY
    record = np.array([row.record for row in rows], dtype=np.int64)
    return Side.of(linker, record, few.coded(linker, rows))


def _without_frames(linker: Linker, prepared: Prepared) -> Side:
    coded = Coded(prepared.table, prepared.source, prepared.sources, prepared.single)
    return Side.of(linker, ids_of(prepared), coded)
