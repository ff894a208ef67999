"""Tables as they stand in files: the header found, rows counted, cells encoded.

What is a row: everything below the header that is not blank. Lines above the header
(titles, notes) are not rows. A header that comes again, a line right below it that tells
the types of its columns, and a line of totals are rows, and rejects. A row may be longer
than the header only by empty cells.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from matcher.read.cells import Coded, Encoder, RawCell
from matcher.read.result import Note
from matcher.rules.sources import SourceDefinition
from matcher.rules.tables import Names, Table, normalise_header

BATCH = 50_000
HEADER_WITHIN = 50  # rows in which a header is looked for
MANY = 5  # alternatives that a message still lists
_TOTALS = re.compile(
    r"\s*((grand|sub|overall)[ -]?)?totals?\b|\s*(record|row|number of) ?(count|records|rows)\b"
    r"|\s*count\b|\s*end of (report|file|data)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[£%\d.,\s]*")
# A cell that tells what its column holds: anything in brackets, or the name of a type.
_TYPE = re.compile(
    r"\s*(\(.*\)|\[.*\]|<.*>|text|string|n?(var)?char2?(\(\d+\))?|int(eger)?|number|numeric"
    r"|decimal|float|bool(ean)?|date ?(time)?|dd[/-]mm[/-]yy(yy)?|yyyy-mm-dd)\s*",
    re.IGNORECASE,
)

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Header:
    """Where the columns of a table stand in a file.

    ``width`` counts the cells up to the last that is named, ``cells`` all, unnamed ones too.
    """

    table: Table
    row: int
    positions: dict[str, int]
    width: int
    cells: int
    unknown: int
    twice: tuple[str, ...]


@dataclass(frozen=True)
class RawTable:
    """Rows of one table of one file, cells as written.

    ``rows`` are the numbers of the rows whose cells are in ``columns``; ``broken`` are
    number and code of rows that could not be laid out under the header.
    """

    file: str
    table: Table
    rows: npt.NDArray[np.int64]
    columns: dict[str, Coded[RawCell]]
    broken: tuple[tuple[int, str], ...]
    notes: tuple[Note, ...]
    excel_epoch: int

    @property
    def count(self) -> int:
        """Rows of the file."""
        return len(self.rows) + len(self.broken)


def match_header(cells: Sequence[RawCell], row: int, table: Table) -> Header | None:
    """The table's columns in this row; None if a required one lacks or one is foreign."""
    found: dict[str, int] = {}
    twice: set[str] = set()
    names = [normalise_header(cell) for cell in cells]
    for position, name in enumerate(names):
        if name and name in found:
            twice.add(name)
        found.setdefault(name, position)
    found.pop("", None)
    if foreign_headers(cells, table):
        return None
    positions: dict[str, int] = {}
    for column, headers in wanted_columns(table).items():
        for header in headers:
            if normalise_header(header) in found:
                positions[column] = found[normalise_header(header)]
                break
    if not all(any(column in positions for column in group) for group in table.needed):
        return None
    return Header(
        table,
        row,
        positions,
        width=1 + max(at for at, name in enumerate(names) if name),
        cells=len(names),
        unknown=len(found) - len(set(positions.values())),
        twice=tuple(sorted(c for c, at in positions.items() if names[at] in twice)),
    )


def foreign_headers(cells: Sequence[RawCell], table: Table) -> list[str]:
    """Those headers of a row that lists of this table never have, as the definition says them."""
    if not table.never:
        return []
    names = {normalise_header(cell) for cell in cells}
    return [header for header in table.never if normalise_header(header) in names]


def wanted_columns(table: Table) -> dict[str, tuple[str, ...]]:
    """Headers of each column, those of unpivoted ones among them."""
    return {**table.columns, **table.unpivoted}


def find_header(
    rows: Iterable[tuple[int, Sequence[RawCell]]], definition: SourceDefinition
) -> Header | None:
    """The header with the most known columns; the first of equals."""
    best: Header | None = None
    for number, cells in rows:
        for table in definition.tables:
            header = match_header(cells, number, table)
            if header and (best is None or len(header.positions) > len(best.positions)):
                best = header
    return best


def missing_columns(table: Table) -> str:
    """The headers that a file needs in order to be this table, for a message."""
    return _listed(table, table.needed)


def nearest_row(
    rows: Iterable[tuple[int, Sequence[RawCell]]], table: Table
) -> tuple[int, str, list[str]] | None:
    """The row nearest to the table's header, what it lacks, and what is foreign, for a message.

    None if no row has at least half of what is needed.
    """
    wanted = wanted_columns(table)
    best: tuple[int, int, list[Names], list[str]] | None = None
    for number, cells in rows:
        names = {normalise_header(cell) for cell in cells}
        known = {
            column
            for column, headers in wanted.items()
            if any(normalise_header(header) in names for header in headers)
        }
        lacking = [group for group in table.needed if known.isdisjoint(group)]
        has = len(table.needed) - len(lacking)
        if has >= len(lacking) and (best is None or has > best[0]):
            best = has, number, lacking, foreign_headers(cells, table)
    return (best[1], _listed(table, best[2]), best[3]) if best else None


def _listed(table: Table, groups: Iterable[Names]) -> str:
    """Headers by which a file would have these columns, the alternatives of each joined."""
    wanted = wanted_columns(table)
    named = [[f"'{wanted[column][0]}'" for column in group] for group in groups]
    return ", ".join(
        " or ".join(group)
        if len(group) <= MANY
        else f"{group[0]} or {group[1]} or another of {len(group)} like these"
        for group in named
    )


@dataclass
class TableBuilder:
    """Takes the rows below a header one by one and encodes them in batches.

    A blank line of a table is no row; an empty element of an XML file is one.
    """

    file: str
    header: Header
    excel_epoch: int = 1900
    progress: Progress | None = None
    blank_is_row: bool = False
    _rows: list[Sequence[RawCell]] = field(default_factory=list)
    _numbers: list[int] = field(default_factory=list)
    _number_parts: list[npt.NDArray[np.int64]] = field(default_factory=list)
    _broken: list[tuple[int, str]] = field(default_factory=list)
    _no_row_yet: bool = True

    def __post_init__(self) -> None:
        self._encoders = {column: Encoder[RawCell]() for column in self.header.positions}

    def add(self, number: int, cells: Sequence[RawCell]) -> None:
        """One row as it stands in the file."""
        first = cells[0] if cells else ""
        if not first or _is_blank(first):
            first = next((c for c in cells if not _is_blank(c)), "")
            if first == "" and not self.blank_is_row:
                return
        if isinstance(first, str) and _TOTALS.match(first) and _only_numbers(cells, first):
            self._broken.append((number, "totals_row"))
            return
        if self._no_row_yet and _tells_types(cells):
            self._broken.append((number, "column_types"))
            return
        self._no_row_yet = False
        width = self.header.width
        if len(cells) < width:
            self._broken.append((number, "too_few_fields"))
        elif not all(map(_is_blank, cells[max(width, self.header.cells) :])):
            self._broken.append((number, "too_many_fields"))
        else:
            self._rows.append(cells)
            self._numbers.append(number)
            if len(self._rows) >= BATCH:
                self._flush()

    def reject(self, number: int, code: str) -> None:
        """One row whose cells cannot be told."""
        self._broken.append((number, code))

    def _flush(self) -> None:
        count = len(self._rows)
        for column, position in self.header.positions.items():
            self._encoders[column].add(map(itemgetter(position), self._rows), count)
        self._number_parts.append(np.array(self._numbers, dtype=np.int64))
        self._rows, self._numbers = [], []
        if self.progress:
            read = sum(map(len, self._number_parts)) + len(self._broken)
            self.progress(self.file, read)

    def finish(self) -> RawTable:
        """The table, once all rows were added."""
        self._flush()
        columns = {column: encoder.finish() for column, encoder in self._encoders.items()}
        rows = np.concatenate(self._number_parts)
        repeated = _repeated_header(columns, self.header.table)
        if repeated.any():
            self._broken += [(int(number), "repeated_header") for number in rows[repeated]]
            rows = rows[~repeated]
            columns = {
                name: Coded(column.codes[~repeated], column.distinct)
                for name, column in columns.items()
            }
        header = self.header
        notes = [Note(self.file, column, "column_twice", 1) for column in header.twice]
        if header.unknown:
            notes.append(Note(self.file, "", "columns_ignored", header.unknown))
        return RawTable(
            self.file,
            header.table,
            rows,
            columns,
            tuple(sorted(self._broken)),
            tuple(notes),
            self.excel_epoch,
        )


def _is_blank(cell: RawCell) -> bool:
    return isinstance(cell, str) and not cell.strip()


def _tells_types(cells: Sequence[RawCell]) -> bool:
    """Whether every filled cell, and more than one, names a type of column."""
    filled = [cell for cell in cells if not _is_blank(cell)]
    return len(filled) > 1 and all(
        isinstance(cell, str) and _TYPE.fullmatch(cell) for cell in filled
    )


def _only_numbers(cells: Sequence[RawCell], first: RawCell) -> bool:
    """Whether nothing but numbers stands beside the first filled cell."""
    return all(
        cell is first or (isinstance(cell, str) and _NUMBER.fullmatch(cell)) for cell in cells
    )


def _repeated_header(columns: dict[str, Coded[RawCell]], table: Table) -> npt.NDArray[np.bool_]:
    """Rows that hold, in every known column, one of its headers."""
    wanted = wanted_columns(table)
    repeated: npt.NDArray[np.bool_] | None = None
    for name, column in sorted(columns.items(), key=lambda item: len(item[1].distinct)):
        headers = {normalise_header(header) for header in wanted[name]}
        mask = column.mask(normalise_header(value) in headers for value in column.distinct)
        repeated = mask if repeated is None else repeated & mask
        if not repeated.any():
            break
    return repeated if repeated is not None else np.zeros(0, dtype=np.bool_)
