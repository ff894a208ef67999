"""The table that people search by, kept in line with records, children and possible links."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, delete, literal_column, or_, select

from api.db.bulk import insert
from api.db.fetching import fetch_frame
from api.db.models import CheckedRecord, Pair, SearchEntry, Source
from api.services.extracts.arrays import cells
from api.services.register.columns import Numbers, among, columns
from matcher.pipeline import Linked

_ORDERED = ("forename", "surname", "date_of_birth")
_OTHERS = ("postcode", "address_5", "nhs_number", "upn")
_COMPARED = ("source", "child", *_ORDERED, *_OTHERS, "held", "matched", "possible")
# From so many records on, all that waits is read at once.
_MANY = 20_000


def update_entries(
    connection: Connection, linked: Linked | None, child: Sequence[str], gone: Numbers
) -> int:
    """Write the entries of clustered records that say something else now; how many.

    ``linked`` holds whole children, of which ``child`` gives the id of each record's; those
    ``gone`` are nobody's any more.
    """
    if linked is None:
        return _replace(connection, gone, None)
    wanted = _entries(connection, linked, child)
    number = wanted["record"].to_numpy(np.int64)
    stored = fetch_frame(
        connection,
        select(SearchEntry.record, *(getattr(SearchEntry, name) for name in _COMPARED)).where(
            among(connection, SearchEntry.record, number)
        ),
    )
    place = pd.Index(stored["record"]).get_indexer(pd.Index(number))
    differ = place < 0
    for name in _COMPARED if len(stored) else ():
        differ |= _cells(wanted[name]) != _cells(stored[name])[place]
    away = np.concatenate([gone, number[differ & (place >= 0)]])
    return _replace(connection, away, wanted[differ])


def _replace(connection: Connection, away: Numbers, rows: pd.DataFrame | None) -> int:
    if len(away):
        connection.execute(delete(SearchEntry).where(among(connection, SearchEntry.record, away)))
    if rows is None or not len(rows):
        return len(away)
    checked = select(CheckedRecord.record).where(CheckedRecord.undone_at.is_(None))
    known = rows["record"].isin(columns(connection, checked)[0]).to_numpy()
    written: dict[str, Any] = {str(name): cells(rows[name]) for name in rows.columns}
    insert(connection, SearchEntry, {**written, "checked": known.astype(np.int64)})
    return len(rows)


def _entries(connection: Connection, linked: Linked, child: Sequence[str]) -> pd.DataFrame:
    """Entries as they should be, but for who checked them."""
    prepared, label = linked.prepared, linked.clusters.label
    record = prepared.records["id"].to_numpy(np.int64)
    numbers: dict[str, int] = dict(iter(connection.execute(select(Source.name, Source.number))))
    source = np.array([numbers[name] for name in prepared.sources], dtype=np.int64)[prepared.source]
    _, family = np.unique(label, return_inverse=True)
    held = _held(family, source)
    said = {name: prepared.standardised[name].array for name in _OTHERS}
    for name in _ORDERED:
        known = prepared.standardised[name].cat
        said[name] = known.add_categories([""]).fillna("").array
    return pd.DataFrame(
        {
            "record": record,
            "source": source,
            "child": np.array(child, dtype=object),
            **said,
            "held": held[family],
            "matched": np.char.find(held.astype(str), " ")[family] >= 0,
            "possible": np.isin(family, family[np.isin(record, _waiting(connection, record))]),
        }
    ).astype({"matched": np.int64, "possible": np.int64})


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
        query = query.where(
            or_(among(connection, Pair.l, record), among(connection, Pair.r, record))
        )
    return np.unique(np.concatenate(columns(connection, query)))


def _cells(column: pd.Series) -> npt.NDArray[Any]:
    """Values that can be compared, missing ones empty."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    return column.fillna("").to_numpy() if column.dtype == object else column.to_numpy()
