"""The top of the lists in an extract: headers and some rows, for people to say what they are."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from matcher.read.cells import RawCell
from matcher.read.delimited import Top, tops
from matcher.read.members import Member, open_members
from matcher.read.workbook import is_workbook_start
from matcher.read.workbook import tops as tops_of_workbook
from matcher.rules.sources import SourceDefinition
from matcher.rules.tables import normalise_header

# More letters than this are a sentence, such as a note above the list.
_LONGEST = 80
# Of as many names as any row could hold, the header has so many: some columns have none.
_MOST_NAMED = 2 / 3
_DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}")
_IDENTIFIER = re.compile(
    r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d{11}[A-Z\d]|\d{3} \d{3} \d{4}|\d{5,}", re.IGNORECASE
)
# So many dates in one row are columns of a register by day.
_DAYS = 3


@dataclass(frozen=True)
class Head:
    """What is probably the header of a list, and the first rows below it, as texts.

    ``headers`` and each of ``rows`` are equally long: also where a column has values but no
    header. ``row`` counts from 1.
    """

    row: int
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def heads(source: str, path: Path, definition: SourceDefinition, *, rows: int) -> list[Head]:
    """The top of each CSV file or sheet of an extract; none of a file that has no header.

    The header is taken to be the first row in which nearly as many cells could be one as in
    any; a list whose row of that kind holds values has none. Raises ExtractRefused for what
    cannot be read at all.
    """
    found: list[Head | None] = []
    with open_members(source, path, definition) as (members, alone):
        for member in members:
            if alone or member.is_tabular:
                found += _heads(member, definition, rows)
    return [head for head in found if head is not None]


def _heads(member: Member, definition: SourceDefinition, rows: int) -> Iterator[Head | None]:
    with member.open() as stream:
        start = stream.read(512)
    if is_workbook_start(start):
        for sheet in tops_of_workbook(member):
            yield _head(sheet, rows)
        return
    under_each = [_head_of(top, rows) for top in tops(member, definition)]
    yield max(under_each, key=lambda head: _names(head.headers) if head else 0, default=None)


def _head_of(top: Top, rows: int) -> Head | None:
    """The head, with the rows below it as they are split once the header's width is known."""
    found = _head(top.rows(), rows)
    if found is None:
        return None
    width = 1 + max(at for at, header in enumerate(found.headers) if header)
    again = _head([row for row in top.rows(width) if row[0] >= found.row], rows)
    return again if again and again.headers[:width] == found.headers[:width] else found


def _head(top: Iterable[tuple[int, Sequence[RawCell]]], rows: int) -> Head | None:
    lines = [(number, [_text(cell) for cell in cells]) for number, cells in top]
    if not lines:
        return None
    at = _header(lines)
    if at is None:
        return None
    number, cells = lines[at]
    below = [line for _, line in lines[at + 1 :] if any(line)][:rows]
    width = 1 + max(at for line in (cells, *below) for at, cell in enumerate(line) if cell)
    return Head(
        number,
        tuple((cells + [""] * width)[:width]),
        tuple(tuple((line + [""] * width)[:width]) for line in below),
    )


def _header(lines: Sequence[tuple[int, list[str]]]) -> int | None:
    """Which of these rows is the header, if any."""
    names = [_names(cells) for _, cells in lines]
    # A single row may have more cells than the list has columns, so that no other compares with it.
    for most in sorted(names, reverse=True)[:2]:
        at = next(at for at, count in enumerate(names) if count >= most * _MOST_NAMED)
        if names[at] >= 2 and not _holds_values(lines[at][1]):
            return at
    return None


def _names(cells: Sequence[str]) -> int:
    """How many different cells could be headers."""
    return len(
        {
            normalise_header(cell)
            for cell in cells
            if len(cell) <= _LONGEST and any(map(str.isalpha, cell))
        }
        - {""}
    )


def _holds_values(cells: Sequence[str]) -> bool:
    """Whether these are a child's, such as a date of birth or a postcode, and name no columns."""
    dates = sum(1 for cell in cells if _DATE.fullmatch(cell))
    return 0 < dates < _DAYS or any(map(_IDENTIFIER.fullmatch, cells))


def _text(cell: RawCell) -> str:
    text = cell if isinstance(cell, str) else str(cell).removesuffix(" 00:00:00")
    return " ".join(text.split())
