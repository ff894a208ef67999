"""Rows that become records: which are rejected, what joins bring, the frame of the rest."""

from collections.abc import Iterable
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.frames import RECORD_COLUMNS, RECORD_DATE_COLUMNS, RECORD_TEXT_COLUMNS
from matcher.read.categories import categorical, constant
from matcher.read.cells import Coded, concatenate
from matcher.read.clean import CleanTable, Dates, Mask
from matcher.read.preference import days, preferred_rows
from matcher.read.values import IDENTIFIERS
from matcher.rules.sources import SourceDefinition
from matcher.rules.tables import NAME_FIELDS, DateRules, Join

# What a person is known by: a record that says none of it is nobody's.
KNOWN_BY = (*NAME_FIELDS, "known_as", "date_of_birth", *sorted(IDENTIFIERS))


def reject_rows(table: CleanTable) -> None:
    """Reject what the row itself shows, whatever it is to become.

    In this order: rows that the definition leaves out, no usable record id, then cells
    that cannot be read.
    """
    for drop in table.table.drop:
        wanted = {value.casefold() for value in drop.equals}
        column = table.text[drop.column]
        mask = column.mask(value.casefold() in wanted for value in column.distinct)
        if drop.whole_record:
            ids = table.text["record_id"]
            flags = np.zeros(len(ids.distinct) + 1, dtype=np.bool_)
            flags[ids.codes[mask & (ids.codes >= 0)]] = True
            mask = mask | flags[ids.codes]
        table.rejects.add(mask, drop.code, drop.column)
    for (code, column_name), mask in table.problems.items():
        if code in ("record_id_damaged", "record_id_of_lines"):
            table.rejects.add(mask, code, column_name)
    if "record_id" in table.text:
        table.rejects.add(table.missing("record_id"), "missing_record_id", "record_id")
    for (code, column_name), mask in sorted(table.problems.items(), key=lambda item: item[0]):
        table.rejects.add(mask, code, column_name)


def reject_nameless(table: CleanTable) -> None:
    """Reject rows that nothing tells apart: no name, no date of birth, no identifier."""
    nameless = np.ones(len(table), dtype=np.bool_)
    for name in KNOWN_BY:
        if name in table.text or name in table.dates:
            nameless &= table.missing(name)
    table.rejects.add(nameless, "no_name", "name")


def choose_rows(table: CleanTable, known: set[str]) -> Mask:
    """One row of each record id among those accepted, unless another table has it already.

    It is the latest, and of equally late ones the one that content prefers. Unless ids
    repeat by design the others are rejects.
    """
    positions = np.flatnonzero(table.rejects.accepted)
    chosen = np.zeros(len(table), dtype=np.bool_)
    ids = table.text["record_id"]
    dated = [name for name in (table.table.latest_by, "as_of") if name and name in table.dates]
    keys = [days(table.dates[name][positions]) for name in dated]
    chosen[preferred_rows(table, positions, ids.codes[positions], keys)] = True
    if known:
        chosen &= ~ids.mask(record_id in known for record_id in ids.distinct)
    if table.table.repeated_id == "reject":
        table.rejects.add(table.rejects.accepted & ~chosen, "duplicate_record_id", "record_id")
    return chosen


def joined_positions(records: CleanTable, other: CleanTable, join: Join) -> npt.NDArray[np.int64]:
    """For each record row the row of the joined table that serves it, or -1."""
    keys = other.text[join.key] if join.key else Coded(np.zeros(len(other), np.int32), [""])
    at = np.flatnonzero(other.rejects.accepted & (keys.codes >= 0))
    order = []
    if join.unless:
        order.append(other.missing(join.unless)[at].astype(np.int64))
    if join.latest:
        order.append(days(other.dates[join.latest][at]))
    if "as_of" in other.dates:
        order.append(days(other.dates["as_of"][at]))
    best = preferred_rows(other, at, keys.codes[at], order)
    by_code = np.full(len(keys.distinct) + 1, -1, dtype=np.int64)
    by_code[keys.codes[best]] = best
    if not join.key:
        return np.full(len(records), by_code[0], dtype=np.int64)
    places = {value: code for code, value in enumerate(keys.distinct)}
    mine = records.text[join.to]
    return by_code[mine.map_codes([places.get(value, -1) for value in mine.distinct])]


def apply_join(records: CleanTable, other: CleanTable, join: Join) -> None:
    """Fill the join's fields of the records where they have no value of their own."""
    positions = joined_positions(records, other, join)
    for field in join.fields:
        if field in RECORD_DATE_COLUMNS:
            padded = np.append(other.dates[field], np.datetime64("NaT", "ns"))
            own = records.dates.get(field)
            brought = padded[positions]
            records.dates[field] = brought if own is None else np.where(np.isnat(own), brought, own)
        else:
            column = other.text[field]
            codes = np.append(column.codes, np.int32(-1))[positions]
            records.text[field] = _fill(records.text.get(field), Coded(codes, column.distinct))


def _fill(own: Coded[str] | None, brought: Coded[str]) -> Coded[str]:
    """Own values first, brought ones where there is none."""
    if own is None or (own.codes < 0).all():
        return brought
    offset = len(own.distinct)
    shifted = np.where(brought.codes < 0, -1, brought.codes + offset)
    codes = np.where(own.codes < 0, shifted, own.codes).astype(np.int32)
    return Coded(codes, [*own.distinct, *brought.distinct])


def empty_future_births(table: CleanTable, rules: DateRules, taken: date | None) -> int:
    """Take dates of birth that lie ahead as missing, and count them.

    No clock says what lies ahead, and no other row does, or a record would depend on what it
    is sent with. A row can tell of no birth after the day on which its extract was
    ``taken``, where that is known, unless it is dated later itself; its own date may well be
    before the birth, as when a case is opened for an unborn child. Any row can tell of no
    birth after the last year that the rules believe.
    """
    born, as_of = table.dates.get("date_of_birth"), table.dates.get("as_of")
    if born is None:
        return 0
    ahead = born >= np.datetime64(str(rules.latest_birth_year + 1))
    if taken is not None:
        after = born > np.datetime64(taken)
        ahead |= after if as_of is None else after & ~(born <= as_of)
    ahead &= table.rejects.accepted
    born[ahead] = np.datetime64("NaT")
    return int(ahead.sum())


def born_later(table: CleanTable) -> int:
    """Rows whose date of birth lies after the date on which the source held it."""
    born, as_of = table.dates.get("date_of_birth"), table.dates.get("as_of")
    return 0 if born is None or as_of is None else int((born > as_of).sum())


def records_frame(
    source: str, tables: Iterable[tuple[CleanTable, Mask]], definition: SourceDefinition
) -> pd.DataFrame:
    """The RECORDS frame of the chosen rows."""
    parts = list(tables)
    count = sum(int(mask.sum()) for _, mask in parts)
    columns: dict[str, object] = {
        "source": constant(source, count),
        "record_id": _stacked([table.values("record_id")[mask] for table, mask in parts]),
    }
    for name in RECORD_TEXT_COLUMNS:
        columns[name] = categorical(
            concatenate([_record_text(table, mask, name, definition) for table, mask in parts])
        )
    for name in RECORD_DATE_COLUMNS:
        columns[name] = np.concatenate([_record_dates(table, mask, name) for table, mask in parts])
    return pd.DataFrame(columns, columns=list(RECORD_COLUMNS))


def _record_text(
    table: CleanTable, mask: Mask, name: str, definition: SourceDefinition
) -> Coded[str]:
    size = int(mask.sum())
    if name == "name_order":
        return _name_order(table, mask, definition)
    column = table.text.get(name)
    codes = column.codes[mask] if column else np.full(size, -1, dtype=np.int32)
    values = column.distinct if column else []
    if name == "role":
        codes = np.where(codes < 0, len(values), codes).astype(np.int32)
        return Coded(codes, [*values, definition.role])
    return Coded(codes, values)


def _name_order(table: CleanTable, mask: Mask, definition: SourceDefinition) -> Coded[str]:
    """Order of one-field names: a comma follows a surname, else what the definition says."""
    orders = ["forename_first", "surname_first"]
    usual = orders.index(definition.name_order) if definition.name_order else -1
    names = table.text.get("name")
    if names is None:
        return Coded(np.full(int(mask.sum()), -1, dtype=np.int32), orders)
    targets = [1 if "," in name else usual for name in names.distinct]
    return Coded(names.map_codes(targets)[mask], orders)


def _record_dates(table: CleanTable, mask: Mask, name: str) -> Dates:
    column = table.dates.get(name)
    if column is None:
        return np.full(int(mask.sum()), np.datetime64("NaT"), dtype="datetime64[ns]")
    return column[mask]


def _stacked(parts: list[npt.NDArray[np.object_]]) -> npt.NDArray[np.object_]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=object)
