"""Tables with their cells understood, files of the same table put one below the other."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from matcher.frames import LONGEST
from matcher.read.cells import Coded, Encoder, RawCell, concatenate
from matcher.read.dates import DateColumn, read_dates
from matcher.read.rejects import RowRejects
from matcher.read.result import Note
from matcher.read.tables import RawTable, wanted_columns
from matcher.read.values import REJECTING, Cleaner, hold_unseen, is_error
from matcher.rules.sources import SourceDefinition
from matcher.rules.tables import Table

Mask = npt.NDArray[np.bool_]
Dates = npt.NDArray[np.datetime64]
DATE_COLUMNS = frozenset({"date_of_birth", "as_of", "date", "start", "end"})


@dataclass
class CleanTable:
    """One table of an extract, over all its files.

    Every column of the definition is there, those that no file has as missing;
    ``present`` are those that a file has. ``problems`` are rows by reject code and column.
    """

    table: Table
    files: tuple[str, ...]
    file_of: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int64]
    text: dict[str, Coded[str]]
    dates: dict[str, Dates]
    present: frozenset[str]
    problems: dict[tuple[str, str], Mask]
    rejects: RowRejects

    def __len__(self) -> int:
        return len(self.rows)

    def missing(self, column: str) -> Mask:
        """Rows in which a column is empty."""
        if column in self.dates:
            return np.isnat(self.dates[column])
        return self.text[column].codes < 0

    def values(self, column: str) -> npt.NDArray[np.object_]:
        """Text of each row; None where missing."""
        coded = self.text[column]
        return np.array([*coded.distinct, None], dtype=object)[coded.codes]

    def readable_ids(self) -> npt.NDArray[np.object_]:
        """The record id of each row; None where there is none, or something is wrong with it."""
        if "record_id" not in self.text:
            return np.full(len(self), None, dtype=object)
        found = self.values("record_id")
        for (_, column), mask in self.problems.items():
            if column == "record_id":
                found[mask] = None
        return found


def date_columns(definition: SourceDefinition) -> frozenset[str]:
    """Columns that hold dates, those that only rules speak of among them."""
    names = {name for join in definition.joins for name in (join.unless, join.latest) if name}
    names |= {table.latest_by for table in definition.tables if table.latest_by}
    return DATE_COLUMNS | names


def clean_table(
    raw: RawTable, definition: SourceDefinition, taken: date | None
) -> tuple[CleanTable, list[Note]]:
    """A table of one file with its cells understood, and what was seen on the way.

    ``taken`` is the day of the extract, if it is known: nobody in it was born in a later year.
    """
    cleaner, table, size = Cleaner(definition), raw.table, len(raw.rows)
    dated = date_columns(definition)
    result = CleanTable(
        table,
        (raw.file,),
        np.zeros(size, dtype=np.int32),
        raw.rows,
        {},
        {},
        frozenset(raw.columns),
        {},
        RowRejects(size),
    )
    notes: list[Note] = []
    for name in sorted(wanted_columns(table)):
        column = raw.columns.get(name) or Coded[RawCell](np.full(size, -1, dtype=np.int32), [])
        notes += _errors(raw.file, name, column)
        notes += _unseen(raw.file, name, column)
        if name in dated:
            latest = taken.year if taken and name == "date_of_birth" else None
            found = read_dates(
                [cleaner.date_cell(cell) for cell in column.distinct],
                definition.dates,
                excel_epoch=raw.excel_epoch,
                latest_year=latest,
            )
            notes += _enter_dates(result, name, column, found)
            continue
        result.text[name], wrong = cleaner.column(name, column, table.pad.get(name, 0))
        for code, mask in wrong.items():
            if code in REJECTING:
                result.problems[code, name] = mask
            elif mask.any():
                notes.append(Note(raw.file, name, code, int(mask.sum())))
    _blank(result)
    _fall_back(result)
    if table.address:
        result.text["address"] = _joined_address(result)
    _measure(result)
    return result, notes


def _errors(file: str, name: str, column: Coded[RawCell]) -> list[Note]:
    """A note of the cells that hold an error of a spreadsheet, if any does."""
    errors = [is_error(cell) for cell in column.distinct]
    if not any(errors):
        return []
    return [Note(file, name, "spreadsheet_error", int(column.mask(errors).sum()))]


def _unseen(file: str, name: str, column: Coded[RawCell]) -> list[Note]:
    """A note of the cells from which characters that cannot be seen are left out, if any is."""
    held = hold_unseen(column.distinct)
    return [Note(file, name, "unseen_characters", int(column.mask(held).sum()))] if held else []


def _enter_dates(
    result: CleanTable, name: str, column: Coded[RawCell], found: DateColumn
) -> list[Note]:
    lookup = np.array([*found.dates, None], dtype="datetime64[D]").astype("datetime64[ns]")
    result.dates[name] = lookup[column.codes]
    for code in sorted({problem for problem in found.problems if problem}):
        result.problems[code, name] = column.mask(problem == code for problem in found.problems)
    return [Note(result.files[0], name, note, 1) for note in found.notes]


def _blank(result: CleanTable) -> None:
    """Empty the fields that do not mean what they say, with any problem they have."""
    for rule in result.table.blank:
        wanted = {value.casefold() for value in rule.equals}
        when = result.text[rule.when]
        mask = when.mask(value.casefold() in wanted for value in when.distinct)
        if rule.field in result.dates:
            result.dates[rule.field][mask] = np.datetime64("NaT")
        else:
            column = result.text[rule.field]
            result.text[rule.field] = Coded(
                np.where(mask, -1, column.codes).astype(np.int32), column.distinct
            )
        for (_, column_name), rows in result.problems.items():
            if column_name == rule.field:
                rows &= ~mask


def _fall_back(result: CleanTable) -> None:
    """Fill empty fields from the columns that may stand in for them."""
    for rule in result.table.fallback:
        own, other = result.text[rule.field], result.values(rule.column)
        if rule.unless_same_as:
            other[other == result.values(rule.unless_same_as)] = None
        encoder = Encoder[str]()
        encoder.add_coded(own)
        codes = [-1 if text is None else encoder.code(text) for text in other.tolist()]
        filled = np.where(own.codes < 0, np.array(codes, dtype=np.int32), encoder.finish().codes)
        result.text[rule.field] = Coded(filled.astype(np.int32), encoder.finish().distinct)


def _measure(result: CleanTable) -> None:
    """Find the rows with a value that is longer than a record's may be."""
    for name in LONGEST.keys() & result.text.keys():
        column, longest = result.text[name], LONGEST[name]
        if max(map(len, column.distinct), default=0) > longest:
            result.problems["cell_too_long", name] = column.mask(
                len(text) > longest for text in column.distinct
            )


def _joined_address(result: CleanTable) -> Coded[str]:
    """Parts of an address as one line; the first alternative that has any part."""
    encoder = Encoder[str]()
    codes = np.full(len(result), -1, dtype=np.int32)
    for names in result.table.address:
        if not result.present.intersection(names):
            continue
        parts = [result.text[name] for name in names]
        combinations = Encoder[tuple[int, ...]]()
        combinations.add(zip(*(part.codes.tolist() for part in parts), strict=True), len(result))
        coded = combinations.finish()
        lines = [
            join_address(
                [part.distinct[code] for part, code in zip(parts, row, strict=True) if code >= 0]
            )
            for row in coded.distinct
        ]
        found = coded.map_codes([encoder.code(line) if line else -1 for line in lines])
        codes = np.where(codes < 0, found, codes).astype(np.int32)
    return Coded(codes, encoder.finish().distinct)


def join_address(parts: Sequence[str]) -> str:
    """Parts in one line: a house number stands before its road without a comma.

    >>> join_address(["Flat 2", "14", "High Street", "Oldham", "Oldham"])
    'Flat 2, 14 High Street, Oldham'
    """
    line, previous = "", ""
    for part in (part.strip(", ") for part in parts):
        if not part or part.casefold() == previous.casefold():
            continue
        is_number = previous[:1].isdigit() and len(previous) <= 5 and " " not in previous
        line += (" " if is_number else ", ") + part if line else part
        previous = part
    return line


def stack(tables: Sequence[CleanTable]) -> CleanTable:
    """The same table of several files as one."""
    if len(tables) == 1:
        return tables[0]
    sizes = [len(table) for table in tables]
    file_of = np.repeat(np.arange(len(tables), dtype=np.int32), sizes)
    problems: defaultdict[tuple[str, str], Mask] = defaultdict(
        lambda: np.zeros(sum(sizes), dtype=np.bool_)
    )
    for index, table in enumerate(tables):
        for key, mask in table.problems.items():
            problems[key][file_of == index] = mask
    first = tables[0]
    return CleanTable(
        first.table,
        tuple(table.files[0] for table in tables),
        file_of,
        np.concatenate([table.rows for table in tables]),
        {name: concatenate([table.text[name] for table in tables]) for name in first.text},
        {name: np.concatenate([table.dates[name] for table in tables]) for name in first.dates},
        frozenset().union(*(table.present for table in tables)),
        dict(problems),
        RowRejects(sum(sizes)),
    )
