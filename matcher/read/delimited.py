"""CSV and its kin: separator, header and rows of one file.

Quoted cells may hold line breaks. Where a stray quote would swallow rows, its lines are
read one by one without quoting, so that each of them is counted; quotes are not stray if
each is closed at the end of its cell and the row is as wide as the header, or no line within it
could be a row itself.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import IO

from matcher.read.encodings import Encoding, find_encoding, open_text
from matcher.read.kinds import refuse_what_is_no_text
from matcher.read.members import DAMAGED, Member
from matcher.read.result import Note
from matcher.read.tables import (
    HEADER_WITHIN,
    Header,
    Progress,
    RawTable,
    TableBuilder,
    find_header,
)
from matcher.rules.sources import SourceDefinition
from matcher.rules.tables import Table

TopRow = tuple[int, list[str]]

SEPARATORS = (",", ";", "\t", "|")
_CHUNK = 1 << 20


def read_delimited(
    member: Member,
    definition: SourceDefinition,
    expected: Table | None,
    progress: Progress | None,
) -> RawTable | None:
    """The table in a delimited file, or None if no table's header is in it.

    ``expected`` is the table that the file must be, so that another is none. Raises
    ExtractRefused if the file is not text.
    """
    encoding = _encoding(member, definition)
    found = _find_header(member, definition, encoding)
    if found is None or (expected and found[1].table is not expected):
        return None
    separator, header = found
    builder = TableBuilder(member.name, header, definition.dates.excel_epoch, progress)
    with open_text(member, encoding) as stream:
        unclosed: set[int] = set()
        for number, cells in split_rows(stream, separator, header.width, unclosed):
            if number <= header.row:
                continue
            if cells is None:
                builder.reject(number, "cell_too_long")
            else:
                builder.add(number, cells)
    table = builder.finish()
    counts = (*encoding.notes, *([("quote_unclosed", len(unclosed))] if unclosed else ()))
    notes = [Note(member.name, "", code, count) for code, count in counts]
    return replace(table, notes=(*table.notes, *notes))


def split_rows(
    stream: IO[str], separator: str, width: int | None, unclosed: set[int] | None = None
) -> Iterator[tuple[int, list[str] | None]]:
    """Each row with the number of the line on which it starts.

    ``width`` is how many cells the header has, None where that is to be found out. None stands
    for the cells of a row with a cell beyond the limit of ``csv``. Lines in which a quote opens a
    cell and is not closed are added to ``unclosed``.
    """
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in stream:
            taken.append(line)
            yield line

    reader = csv.reader(lines(), delimiter=separator)
    start = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = []  # a cell beyond the limit: a stray quote, or a single long line
            if len(taken) == 1:
                yield start, None
        if len(taken) == 1 and cells:
            yield start, cells
        elif _swallows_rows(cells, taken, separator, width):
            for offset, line in enumerate(taken):
                split = _split_unquoted(line, separator)
                if unclosed is not None and any(map(_is_unclosed, split or ())):
                    unclosed.add(start + offset)
                yield start + offset, split
        elif cells:
            yield start, cells
        start += len(taken)
        taken.clear()


def _split_unquoted(line: str, separator: str) -> list[str] | None:
    """The cells of a line in which quotes mean nothing; None if one is too long."""
    cells = line.rstrip("\r\n").split(separator)
    return None if max(map(len, cells)) > csv.field_size_limit() else cells


def _is_unclosed(cell: str) -> bool:
    return cell.startswith('"') and cell.count('"') % 2 == 1


def _swallows_rows(cells: list[str], lines: list[str], separator: str, width: int | None) -> bool:
    """Whether lines joined by a quote are rows of their own."""
    if len(lines) < 2:
        return False
    if width is None:
        width = len(cells) + 1  # so that its own lines tell, as of a row without its last cells
    closed = _is_well_quoted(lines, separator)
    if len(cells) == width and closed:
        return False
    if any(cells[width:]) and not closed:
        return True
    if len(cells) < width and not (closed and len(cells) > 1):
        return True
    # Of a row with too few or too many cells, lines that could be rows too are not taken for one.
    full = min(len(cells), width) - 1
    later = lines[1:-1] if "\n" in cells[0] else lines[1:]
    return any(line.count(separator) >= full > 0 for line in later)


def _is_well_quoted(lines: list[str], separator: str) -> bool:
    """Whether every quote that opens a cell is closed right before a separator or line end."""
    try:
        next(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error:
        return False
    return True


def _encoding(member: Member, definition: SourceDefinition) -> Encoding:
    """The encoding of a file that is certainly text."""
    try:
        with member.open() as stream:
            start = stream.read(8)
    except DAMAGED as error:
        raise member.refused("damaged_file", "the file cannot be read to its end") from error
    refuse_what_is_no_text(member, start)
    return find_encoding(member, definition)


def _find_header(
    member: Member, definition: SourceDefinition, encoding: Encoding
) -> tuple[str, Header] | None:
    """The separator under which the most columns are known, and the header."""
    best: tuple[str, Header] | None = None
    for top in _tops(member, encoding):
        header = find_header(top.rows(), definition)
        if header and (best is None or len(header.positions) > len(best[1].positions)):
            best = top.separator, header
    return best


def top_rows(member: Member, definition: SourceDefinition) -> Iterator[TopRow]:
    """The rows in which a header is looked for, under each separator."""
    for top in tops(member, definition):
        yield from top.rows()


@dataclass(frozen=True)
class Top:
    """The beginning of a file, under one separator."""

    text: str
    separator: str

    def rows(self, width: int | None = None) -> Iterator[TopRow]:
        """Its rows, where the header has so many cells, None where that is to be found out."""
        split = split_rows(io.StringIO(self.text, newline=""), self.separator, width)
        return ((number, cells or []) for number, cells in islice(split, HEADER_WITHIN))


def tops(member: Member, definition: SourceDefinition) -> list[Top]:
    """It under each separator. Raises ExtractRefused if the file is not text."""
    return _tops(member, _encoding(member, definition))


def _tops(member: Member, encoding: Encoding) -> list[Top]:
    with open_text(member, encoding) as stream:
        text = stream.read(_CHUNK)
    return [Top(text, separator) for separator in SEPARATORS]
