"""Spreadsheets: every visible sheet that holds a table's header, read by python-calamine."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetVisibleEnum,
)

from matcher.errors import ExtractRefused
from matcher.read.cells import RawCell, raw_cell
from matcher.read.members import DAMAGED, Member, check_sizes
from matcher.read.result import Note
from matcher.read.tables import HEADER_WITHIN, Header, Progress, RawTable, TableBuilder, find_header
from matcher.rules.sources import SourceDefinition

HIDDEN = "hidden_sheet"
_STARTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_DATE_1904 = re.compile(rb"date1904\s*=\s*[\"'](?:1|true)")
# Places of cells or rows, in either of which a number of six digits lies far down, and a
# column of two letters far to the right.
_FAR_DOWN = re.compile(rb"[\"'][A-Za-z]{0,3}(\d{6,})[\"']")
_FAR_RIGHT = re.compile(rb"[\"']([A-Za-z]{2,})\d")
_COUNT = re.compile(rb"[cC]ount\s*=\s*[\"']\s*(\d+)")
# A formula's error: its cell is read as an empty one.
_ERROR = re.compile(rb"<(?:\w+:)?c\s[^<>]*?\bt\s*=\s*[\"']e[\"']")
# A formula without its result, but not one whose result is no text.
_NO_RESULT = re.compile(
    rb"<(?:\w+:)?c(?![^<>]*\st\s*=\s*[\"']str)\s[^<>]*>\s*"
    rb"<(?:\w+:)?f(?:\s[^<>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>\s*|<(?:\w+:)?v>\s*</(?:\w+:)?v>\s*)?</(?:\w+:)?c>"
)
_CELL = re.compile(rb"<(?:\w+:)?c[\s>]")
# Other documents of Office, by a part that only they have: in a zip, and in the older form.
_DOCUMENTS = {"word/document.xml": "a Word document", "ppt/presentation.xml": "a presentation"}
_OLD_DOCUMENTS = {"WordDocument": "a Word document", "PowerPoint Document": "a presentation"}
# What a compound file holds in place of a workbook that has a password.
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_LOCKED = "the workbook is protected by a password; save it without one"
_AGAIN = "the workbook is cut short or damaged; export it again"
_CHUNK = 1 << 20
# What is seen again with the next piece: a cell with a formula as long as formulas can be.
_AGAIN_SEEN = 1 << 14
_DAMAGED: tuple[type[Exception], ...] = (CalamineError, *DAMAGED)
# A sheet is held as a whole rectangle: one cell in its far corner would claim all memory.
MAX_AREA = 60_000_000
SPARSE_AREA = 10_000_000  # up to which a rectangle may be as empty as it likes
SPARSENESS = 20  # places for each cell that there is, beyond that


def is_workbook_start(start: bytes) -> bool:
    """Whether a file begins like XLSX or XLS."""
    return start.startswith(_STARTS)


def read_workbook(
    member: Member, definition: SourceDefinition, progress: Progress | None
) -> tuple[list[RawTable], list[Note]]:
    """The tables of a workbook, and notes of the sheets passed over.

    A sheet is if it is hidden, or holds something but no table.
    Raises ExtractRefused if it is damaged, protected or no workbook.
    """
    try:
        with member.open() as stream:
            content = stream.read()
        claimed, counts = _check(member, content)
        epoch = claimed or definition.dates.excel_epoch
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
            count, shown = len(workbook.sheet_names), _visible(workbook)
            tables: list[RawTable] = []
            notes = [Note(member.name, "", code, count) for code, count in counts.items() if count]
            for index in range(count):
                file = member.name if count == 1 else f"{member.name} sheet {index + 1}"
                if index not in shown:
                    notes.append(Note(file, "", HIDDEN, 1))
                    continue
                sheet = workbook.get_sheet_by_index(index)
                table = _read_sheet(sheet, file, definition, epoch, progress)
                if table:
                    tables.append(table)
                elif sheet.height:
                    notes.append(Note(file, "", "sheet_ignored", 1))
    except PasswordError as error:
        raise member.refused("encrypted", _LOCKED) from error
    except _DAMAGED as error:
        if _ENCRYPTED in content:
            raise member.refused("encrypted", _LOCKED) from error
        for part, kind in _OLD_DOCUMENTS.items():
            if part.encode("utf-16-le") in content:
                raise _other_document(member, kind) from error
        raise member.refused("damaged_workbook", _AGAIN) from error
    return tables, notes


def _visible(workbook: CalamineWorkbook) -> list[int]:
    """Places of the sheets that people see: a hidden one is often an older copy."""
    sheets = workbook.sheets_metadata
    shown = [at for at, sheet in enumerate(sheets) if sheet.visible == SheetVisibleEnum.Visible]
    return shown or list(range(len(sheets)))


def _other_document(member: Member, kind: str) -> ExtractRefused:
    return member.refused("wrong_kind", f"this is {kind}; export the list as XLSX or CSV UTF-8")


def top_rows(member: Member) -> Iterator[tuple[int, list[RawCell]]]:
    """The rows in which a header is looked for, of each sheet of a sound workbook."""
    for rows in tops(member):
        yield from rows


def tops(member: Member) -> Iterator[Iterator[tuple[int, list[RawCell]]]]:
    """The same, apart for each sheet."""
    with member.open() as stream:
        content = stream.read()
    with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
        for index in _visible(workbook):
            yield islice(_rows(workbook.get_sheet_by_index(index)), HEADER_WITHIN)


def _read_sheet(
    sheet: CalamineSheet,
    file: str,
    definition: SourceDefinition,
    epoch: int,
    progress: Progress | None,
) -> RawTable | None:
    header = find_header(islice(_rows(sheet), HEADER_WITHIN), definition)
    if header is None:
        return None
    builder = TableBuilder(file, header, epoch, progress)
    for number, cells in _rows(sheet):
        if number > header.row:
            builder.add(number, cells)
    table = builder.finish()
    return replace(table, notes=(*table.notes, *_merged(sheet, header, file)))


def _merged(sheet: CalamineSheet, header: Header, file: str) -> list[Note]:
    """How many cells of each column are empty because the one cell shown is another's.

    A sheet keeps the value of merged cells in the first of them. Whether the rows below were
    meant to have it too cannot be told, so they stay without.
    """
    emptied = dict.fromkeys(header.positions, 0)
    last = sheet.end[0] if sheet.end else 0
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        rows = min(bottom, last) - max(top, header.row) + 1
        for column, position in header.positions.items():
            if left <= position <= right and rows > 0:
                own = position == left and top >= header.row
                emptied[column] += rows - own
    return [Note(file, column, "merged_cells", count) for column, count in emptied.items() if count]


def _rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[RawCell]]]:
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        yield number, [cell if type(cell) is str else raw_cell(cell) for cell in cells]


def _check(member: Member, content: bytes) -> tuple[int | None, dict[str, int]]:
    """Refuse a workbook that unpacks beyond bounds; 1904 if it counts days from there.

    And how many cells hold the error of a formula, or a formula without its result, by the code
    of the note; a workbook of the older form does not tell.
    """
    if not content.startswith(b"PK"):
        return None, {}
    epoch, counts = None, {"spreadsheet_error": 0, "formula_without_value": 0}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        check_sizes(archive, member.refused)
        parts = archive.namelist()
        for part, kind in _DOCUMENTS.items():
            if part in parts:
                raise _other_document(member, kind)
        if "xl/workbook.xml" not in parts:
            raise member.refused(
                "wrong_kind", "this is a workbook of another kind than XLSX; save it as XLSX"
            )
        for info in archive.infolist():
            claim = _Part(info.file_size)
            with archive.open(info) as stream:
                tail = b""
                while chunk := stream.read(_CHUNK):
                    claim.see(tail + chunk, known=len(tail))
                    tail = chunk[-_AGAIN_SEEN:]
            counts["spreadsheet_error"] += claim.errors
            counts["formula_without_value"] += claim.without_result
            if claim.counts_too_much:
                raise member.refused("damaged_workbook", _AGAIN)
            if claim.reaches_too_far:
                raise member.refused(
                    "too_large", "cells lie far apart in a sheet; delete what lies outside the list"
                )
            if claim.date_1904 and info.filename == "xl/workbook.xml":
                epoch = 1904
    return epoch, counts


@dataclass
class _Part:
    """What a part of a workbook claims: how far its cells reach, and how much it holds.

    All is estimated from above, but ``errors`` and ``without_result`` are counted. Room is made
    for what a part claims before it is read.
    """

    size: int
    rows: int = 100_000
    columns: int = 26
    cells: int = 0
    count: int = 0
    errors: int = 0
    without_result: int = 0
    is_sheet: bool = False
    date_1904: bool = False

    def see(self, text: bytes, *, known: int) -> None:
        """Take a piece of the part into account, of which so much was seen with the last one."""
        self.is_sheet |= b"sheetData" in text
        self.date_1904 |= bool(_DATE_1904.search(text))
        if not self.is_sheet:
            self.count = max([self.count, *(int(found[:12]) for found in _COUNT.findall(text))])
            return
        self.rows = max([self.rows, *(int(found[:12]) for found in _FAR_DOWN.findall(text))])
        letters = set(_FAR_RIGHT.findall(text))
        self.columns = max([self.columns, *(_column_number(found[:6]) for found in letters)])
        self.cells += len(_CELL.findall(text))
        self.errors += sum(found.end() > known for found in _ERROR.finditer(text))
        if b"<f" in text or b":f" in text:
            found = _NO_RESULT.finditer(text)
            self.without_result += sum(one.end() > known for one in found)

    @property
    def counts_too_much(self) -> bool:
        """Whether it claims more things than it has bytes."""
        return self.count > self.size

    @property
    def reaches_too_far(self) -> bool:
        """Whether its cells span a rectangle beyond bounds."""
        area = self.rows * self.columns
        return area > MAX_AREA or area > max(SPARSE_AREA, SPARSENESS * self.cells)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
