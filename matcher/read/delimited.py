"""CSV and its kin: encoding, separator, header and rows of one file.

Quoted cells may hold line breaks. Where a stray quote would swallow rows, its lines are
read one by one without quoting, so that each of them is counted; quotes are not stray if
each is closed at the end of its cell and the row is as wide as the header.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import IO

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
from matcher.rules.sources import SourceDefinition, Table

TopRow = tuple[int, list[str]]

SEPARATORS = (",", ";", "\t", "|")
_CHUNK = 1 << 20
_LONGEST_LINE = 1 << 25
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Beginnings of files that are certainly no text, with the name that people use.
_OTHER_KINDS = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"{\\rtf", "a text document (RTF)"),
)


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
    encoding, replaced = _encoding(member, definition)
    found = _find_header(member, definition, encoding)
    if found is None or (expected and found[1].table is not expected):
        return None
    separator, header = found
    builder = TableBuilder(member.name, header, definition.dates.excel_epoch, progress)
    with _text(member, encoding) as stream:
        for number, cells in split_rows(stream, separator, header.width):
            if number <= header.row:
                continue
            if cells is None:
                builder.reject(number, "cell_too_long")
            else:
                builder.add(number, cells)
    table = builder.finish()
    if replaced:
        note = Note(member.name, "", "characters_replaced", replaced)
        return replace(table, notes=(*table.notes, note))
    return table


def split_rows(
    stream: IO[str], separator: str, width: int
) -> Iterator[tuple[int, list[str] | None]]:
    """Each row with the number of the line on which it starts.

    None stands for the cells of a row with a cell beyond the limit of ``csv``.
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
                yield start + offset, _split_unquoted(line, separator)
        elif cells:
            yield start, cells
        start += len(taken)
        taken.clear()


def _split_unquoted(line: str, separator: str) -> list[str] | None:
    """The cells of a line in which quotes mean nothing; None if one is too long."""
    cells = line.rstrip("\r\n").split(separator)
    return None if max(map(len, cells)) > csv.field_size_limit() else cells


def _swallows_rows(cells: list[str], lines: list[str], separator: str, width: int) -> bool:
    """Whether lines joined by a quote are rows of their own."""
    if len(lines) < 2:
        return False
    if len(cells) < width or any(cells[width:]):
        return True
    if len(cells) == width and _is_well_quoted(lines, separator):
        return False
    later = lines[1:-1] if "\n" in cells[0] else lines[1:]
    return any(line.count(separator) >= width - 1 > 0 for line in later)


def _is_well_quoted(lines: list[str], separator: str) -> bool:
    """Whether every quote that opens a cell is closed right before a separator or line end."""
    try:
        next(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error:
        return False
    return True


def _encoding(member: Member, definition: SourceDefinition) -> tuple[str, int]:
    """The encoding of a file that is certainly text, and characters it cannot tell."""
    try:
        with member.open() as stream:
            start = stream.read(8)
        _refuse_other_kinds(member, start)
        for mark, name in _BYTE_ORDER_MARKS:
            if start.startswith(mark):
                if _count_undecodable(member, name) is None:
                    break
                return name, 0
        for name in definition.encodings:
            undecodable = _count_undecodable(member, name)
            if undecodable is not None:
                return name, undecodable
    except DAMAGED as error:
        raise member.refused("damaged_file", "the file cannot be read to its end") from error
    raise member.refused(
        "wrong_encoding",
        f"the text is not in {' or '.join(definition.encodings)}; export it as CSV UTF-8",
    )


def _refuse_other_kinds(member: Member, start: bytes) -> None:
    if not start:
        raise member.refused("empty_file", "the file is empty (0 bytes); export it again")
    for mark, kind in _OTHER_KINDS:
        if start.startswith(mark):
            raise member.refused(
                "wrong_kind", f"this is {kind}, whatever its name says; export a CSV or XLSX"
            )


def _count_undecodable(member: Member, encoding: str) -> int | None:
    """None if the bytes are not in this encoding; else how many characters it lacks.

    Windows-1252 leaves five bytes open; those become replacement characters.
    """
    errors = "replace" if encoding == "cp1252" else "strict"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    replaced = unbroken = 0
    with member.open() as stream:
        while True:
            chunk = stream.read(_CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeError:
                return None
            if "\0" in text:
                raise member.refused(
                    "binary", "the file holds NUL bytes, so it is no text; export a CSV or XLSX"
                )
            unbroken = 0 if "\n" in text or "\r" in text else unbroken + len(text)
            if unbroken > _LONGEST_LINE:
                raise member.refused("line_too_long", "the file has no line breaks; it is no CSV")
            if errors == "replace":
                replaced += text.count("\ufffd")
            if not chunk:
                return replaced


def _text(member: Member, encoding: str) -> IO[str]:
    errors = "replace" if encoding == "cp1252" else "strict"
    return io.TextIOWrapper(member.open(), encoding=encoding, errors=errors, newline="")


def _find_header(
    member: Member, definition: SourceDefinition, encoding: str
) -> tuple[str, Header] | None:
    """The separator under which the most columns are known, and the header."""
    best: tuple[str, Header] | None = None
    for separator, rows in _tops(member, encoding):
        header = find_header(rows, definition)
        if header and (best is None or len(header.positions) > len(best[1].positions)):
            best = separator, header
    return best


def top_rows(member: Member, definition: SourceDefinition) -> Iterator[TopRow]:
    """The rows in which a header is looked for, under each separator."""
    encoding, _ = _encoding(member, definition)
    for _, rows in _tops(member, encoding):
        yield from rows


def _tops(member: Member, encoding: str) -> Iterator[tuple[str, Iterator[TopRow]]]:
    with _text(member, encoding) as stream:
        top = stream.read(_CHUNK)
    for separator in SEPARATORS:
        rows = islice(split_rows(io.StringIO(top, newline=""), separator, 1), HEADER_WITHIN)
        yield separator, ((number, cells or []) for number, cells in rows)
