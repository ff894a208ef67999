"""What else an extract yields: contacts, visits, periods, results, episodes, places."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import union_categoricals

from matcher.frames import ACTIVITY_COLUMNS
from matcher.read.categories import categorical, constant, from_codes
from matcher.read.cells import Coded
from matcher.read.clean import DATE_COLUMNS, CleanTable, Mask
from matcher.read.result import Note

# A row without this column says nothing. For caf_episodes and funded_places the rest of
# the row is a record, which stays even if it tells of no episode or place.
_NEEDED = {"contacts": "date", "visits": "date", "fsm_periods": "start", "eyfsp_results": "score"}
_TELLING = {"caf_episodes": ("episode_id", "start"), "funded_places": ("start", "setting")}
# What the row of a record says of it and nothing else does: of rows that another one replaces
# nothing is taken, and a row without this column says nothing.
_OF_RECORD = {"ethnicities": "ethnicity"}


def reject_empty_activity(table: CleanTable) -> None:
    """Reject rows of tables that yield nothing but an activity and lack what it needs."""
    if "records" in table.table.yields:
        return
    for kind in table.table.yields:
        needed = _NEEDED.get(kind)
        if needed and not table.table.unpivot:
            table.rejects.add(table.missing(needed), "missing_date", needed)


def reject_strangers(table: CleanTable, column: str, known: set[str]) -> None:
    """Reject rows that refer to no accepted record."""
    ids = table.text[column]
    stranger = ~ids.mask(value in known for value in ids.distinct) & (ids.codes >= 0)
    table.rejects.add(stranger, "unknown_record", column)


def tells(table: CleanTable) -> Mask:
    """Rows of a table of records that also tell of an activity."""
    found = np.zeros(len(table), dtype=np.bool_)
    for kind in table.table.yields:
        for name in _TELLING.get(kind, ()):
            found |= ~table.missing(name)
    return found


def activity_frame(
    source: str, kind: str, tables: list[CleanTable]
) -> tuple[pd.DataFrame, list[Note]]:
    """The frame of one activity over the tables that yield it."""
    notes: list[Note] = []
    parts = [
        _unpivoted(source, table) if table.table.unpivot else _rows(source, kind, table, notes)
        for table in tables
    ]
    if not parts:
        return empty_activity(kind), notes
    columns: dict[str, object] = {}
    for name in ACTIVITY_COLUMNS[kind]:
        pieces = [part[name] for part in parts]
        categories = [piece for piece in pieces if isinstance(piece, pd.Categorical)]
        columns[name] = (
            union_categoricals(categories)
            if categories
            else np.concatenate([np.asarray(piece) for piece in pieces])
        )
    return pd.DataFrame(columns), notes


def empty_activity(kind: str) -> pd.DataFrame:
    """A frame of that kind without rows."""
    columns: dict[str, object] = {}
    for name in ACTIVITY_COLUMNS[kind]:
        if name in DATE_COLUMNS:
            columns[name] = np.empty(0, dtype="datetime64[ns]")
        elif name == "record_id":
            columns[name] = np.empty(0, dtype=object)
        elif name in _TYPED:
            columns[name] = np.empty(0, dtype=_TYPED[name][1])
        else:
            columns[name] = from_codes(np.empty(0, dtype=np.int32), [])
    return pd.DataFrame(columns)


def _rows(source: str, kind: str, table: CleanTable, notes: list[Note]) -> dict[str, object]:
    """One activity row per accepted table row that tells of any."""
    keep = table.rejects.accepted
    if (own := _OF_RECORD.get(kind)) is not None:
        keep = keep & ~table.missing(own)
    telling = [name for name in _TELLING.get(kind, ()) if name in table.present]
    if telling:
        keep = keep & ~np.logical_and.reduce([table.missing(name) for name in telling])
    result: dict[str, object] = {}
    for name in ACTIVITY_COLUMNS[kind]:
        if name == "source":
            result[name] = constant(source, int(keep.sum()))
        elif name == "record_id":
            result[name] = table.values(name)[keep]
        elif name in DATE_COLUMNS:
            dates = table.dates.get(name)
            result[name] = (
                dates[keep]
                if dates is not None
                else np.full(int(keep.sum()), np.datetime64("NaT"), dtype="datetime64[ns]")
            )
        elif name in _TYPED:
            result[name] = _TYPED[name][0](table, keep, notes)
        else:
            column = table.text.get(name) or Coded[str](np.full(len(table), -1, np.int32), [])
            result[name] = categorical(Coded(column.codes[keep], column.distinct))
    return result


def _unpivoted(source: str, table: CleanTable) -> dict[str, object]:
    """One activity row per filled cell, record by record."""
    assert table.table.unpivot is not None
    names = [name for name in table.table.unpivot.columns if name in table.present]
    accepted = np.flatnonzero(table.rejects.accepted)
    filled = np.zeros((len(names), len(accepted)), dtype=np.bool_)
    for index, name in enumerate(names):
        filled[index] = ~table.missing(name)[accepted]
    at, goal = np.nonzero(filled.T)
    scores = np.empty(len(at), dtype=object)
    for index, name in enumerate(names):
        scores[goal == index] = table.values(name)[accepted[at[goal == index]]]
    codes, values = pd.factorize(scores)
    return {
        "source": constant(source, len(at)),
        "record_id": table.values("record_id")[accepted[at]],
        "goal": categorical(Coded(goal.astype(np.int32), names)),
        "score": from_codes(codes.astype(np.int32), [str(value) for value in values]),
    }


def _attended(table: CleanTable, keep: Mask, _: list[Note]) -> npt.NDArray[np.bool_]:
    """Whether the person came: a register without the column lists those who did."""
    if "attended" not in table.present:
        return np.ones(int(keep.sum()), dtype=np.bool_)
    column = table.text["attended"]
    return column.mask(value == "yes" for value in column.distinct)[keep]


def _hours(table: CleanTable, keep: Mask, notes: list[Note]) -> npt.NDArray[np.float64]:
    """Hours as numbers; what is no number is missing and noted."""
    column = table.text.get("hours")
    if column is None:
        return np.full(int(keep.sum()), np.nan)
    numbers = pd.to_numeric(pd.Series(column.distinct, dtype=object), errors="coerce")
    lookup = np.append(numbers.to_numpy(dtype=np.float64), np.nan)
    unreadable = column.mask(np.isnan(lookup[:-1]).tolist())
    if unreadable.any():
        notes.append(Note(table.files[0], "hours", "not_a_number", int(unreadable.sum())))
    return lookup[column.codes][keep]


_TYPED: dict[str, tuple[Callable[[CleanTable, Mask, list[Note]], npt.NDArray[np.generic]], str]] = {
    "attended": (_attended, "bool"),
    "hours": (_hours, "float64"),
}
