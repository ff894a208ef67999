"""The table that people search by, kept in line with records, children and possible links."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, delete, literal_column, or_, select

from api.db.among import among
from api.db.bulk import insert
from api.db.models import CheckedRecord, Pair, SearchEntry, Source
from api.db.search import LONGEST_NAME
from api.services.register.columns import Numbers, columns
from api.services.register.planning import Clustered

_ORDERED = ("forename", "surname", "date_of_birth")
_OTHERS = ("postcode", "address_5", "nhs_number", "upn", "name_prefix")
# Columns of STANDARDISED that entries are made of.
ENTRY_COLUMNS = (*_ORDERED, *_OTHERS)
_COMPARED = ("source", "child", *ENTRY_COLUMNS, "held", "matched", "possible")
# Columns of entries, each an array of numpy or a categorical.
Entries = Mapping[str, Any]

# From so many records on, all that waits is read at once, from an index that has nothing else.
_MANY = 1_000


def update_entries(
    connection: Connection, clustered: Clustered | None, child: Sequence[str], gone: Numbers
) -> int:
    """Write the entries of clustered records that say something else now; how many.

    ``child`` is the id of each record's child; those ``gone`` are nobody's any more.
    """
    if clustered is None:
        return _replace(connection, gone, {})
    wanted = _entries(connection, clustered, child)
    number = wanted["record"]
    known, *stored = columns(
        connection,
        select(SearchEntry.record, *(getattr(SearchEntry, name) for name in _COMPARED)).where(
            among(SearchEntry.record, number)
        ),
    )
    place = pd.Index(known).get_indexer(pd.Index(number))
    differ = place < 0
    for name, own in zip(_COMPARED, stored if len(known) else (), strict=False):
        differ |= _texts(wanted[name]) != own[place]
    away = np.concatenate([gone, number[differ & (place >= 0)]])
    return _replace(connection, away, {name: own[differ] for name, own in wanted.items()})


def _replace(connection: Connection, away: Numbers, rows: Entries) -> int:
    if len(away):
        connection.execute(delete(SearchEntry).where(among(SearchEntry.record, away)))
    if not rows or not len(rows["record"]):
        return len(away)
    checked = select(CheckedRecord.record).where(CheckedRecord.undone_at.is_(None))
    known = np.isin(rows["record"], columns(connection, checked)[0])
    insert(connection, SearchEntry, {**rows, "checked": known.astype(np.int64)})
    return len(known)


def _entries(connection: Connection, clustered: Clustered, child: Sequence[str]) -> Entries:
    """Entries as they should be, but for who checked them."""
    prepared, label, record = clustered.prepared, clustered.label, clustered.record
    numbers: dict[str, int] = dict(iter(connection.execute(select(Source.name, Source.number))))
    source = np.array([numbers[name] for name in prepared.sources], dtype=np.int64)[prepared.source]
    _, family = np.unique(label, return_inverse=True)
    held = _held(family, source)
    possible = np.isin(family, family[np.isin(record, _waiting(connection, record))])
    ids = np.empty(len(record), dtype=object)
    ids[:] = child
    return {
        "record": record,
        "source": source,
        "child": ids,
        **{name: _in_order(prepared.standardised[name].array) for name in _ORDERED},
        **{name: prepared.standardised[name].array for name in _OTHERS},
        "held": held[family],
        "matched": (np.char.find(held.astype(str), " ") >= 0)[family].astype(np.int64),
        "possible": possible.astype(np.int64),
    }


def _in_order(column: pd.Categorical) -> pd.Categorical:
    """The column with missing values empty, and of long ones what the order goes by."""
    if max(map(len, column.categories), default=0) > LONGEST_NAME:
        column = pd.Categorical(pd.Series(column, dtype=object).str[:LONGEST_NAME])
    last: Any = np.where(column.codes < 0, len(column.categories), column.codes)
    return pd.Categorical.from_codes(last, pd.Index([*column.categories, ""], dtype=object))


def _held(family: npt.NDArray[np.intp], source: Numbers) -> npt.NDArray[np.object_]:
    """The sources of each child, as an entry lists them."""
    span = int(source.max(initial=0)) + 1
    pairs = np.unique(family.astype(np.int64) * span + source)
    found: list[list[str]] = [[] for _ in range(int(family.max(initial=-1)) + 1)]
    for one, number in zip((pairs // span).tolist(), (pairs % span).tolist(), strict=True):
        found[one].append(str(number))
    listed = np.empty(len(found), dtype=object)
    listed[:] = [" ".join(one) for one in found]
    return listed


def _waiting(connection: Connection, record: Numbers) -> Numbers:
    """Records in pairs that wait for a person, of these at least."""
    query = select(Pair.l, Pair.r).where(Pair.waiting == literal_column("1"))
    if len(record) < _MANY:
        query = query.where(or_(among(Pair.l, record), among(Pair.r, record)))
    return np.unique(np.concatenate(columns(connection, query)))


def _texts(column: Any) -> npt.NDArray[Any]:
    """Values as the database gives them, missing ones None."""
    if not isinstance(column, pd.Categorical):
        return np.asarray(column)
    known = np.empty(len(column.categories) + 1, dtype=object)
    known[:-1] = column.categories
    return np.asarray(known[column.codes])
