"""Spreadsheets: every sheet that holds a table's header, read by python-calamine."""

import io
import re
import zipfile
from collections.abc import Iterator
from itertools import islice

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError

from matcher.read.cells import RawCell, raw_cell
from matcher.read.members import DAMAGED, Member, check_sizes
from matcher.read.tables import HEADER_WITHIN, Progress, RawTable, TableBuilder, find_header
from matcher.rules.sources import SourceDefinition

_STARTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_ROW = re.compile(rb'<row[^>]{0,200}?\sr="(\d{1,9})"')
_FAR_COLUMN = re.compile(rb'\sr="([A-Z]{2,3})\d')
_DATE_1904 = re.compile(rb'date1904\s*=\s*"(?:1|true)"')
_CHUNK = 1 << 20
_DAMAGED: tuple[type[Exception], ...] = (CalamineError, *DAMAGED)
MAX_CELLS = 200_000_000  # a sheet is held as a whole, so its corner must not lie far out


def is_workbook_start(start: bytes) -> bool:
    """Whether a file begins like XLSX, XLSB, ODS or XLS."""
    return start.startswith(_STARTS)


def read_workbook(
    member: Member, definition: SourceDefinition, progress: Progress | None
) -> list[RawTable]:
    """The tables of a workbook. Raises ExtractRefused if it is damaged or protected."""
    try:
        with member.open() as stream:
            content = stream.read()
        epoch = _check(member, content) or definition.dates.excel_epoch
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
            names = workbook.sheet_names
            tables = []
            for index in range(len(names)):
                file = member.name if len(names) == 1 else f"{member.name} sheet {index + 1}"
                sheet = workbook.get_sheet_by_index(index)
                table = _read_sheet(sheet, file, definition, epoch, progress)
                if table:
                    tables.append(table)
    except PasswordError as error:
        raise member.refused(
            "encrypted", "the workbook is protected by a password; save it without one"
        ) from error
    except _DAMAGED as error:
        raise member.refused(
            "damaged_workbook", "the workbook is cut short or damaged; export it again"
        ) from error
    return tables


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
    return builder.finish()


def _rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[RawCell]]]:
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        yield number, [cell if type(cell) is str else raw_cell(cell) for cell in cells]


def _check(member: Member, content: bytes) -> int | None:
    """Refuse a workbook that unpacks beyond bounds; 1904 if it counts days from there."""
    if not content.startswith(b"PK"):
        return None
    epoch = None
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        check_sizes(archive, member.refused)
        for info in archive.infolist():
            last_row, last_column = 0, 1
            tail = b""
            with archive.open(info) as stream:
                while chunk := stream.read(_CHUNK):
                    text = tail + chunk
                    tail = text[-64:]
                    if info.filename == "xl/workbook.xml" and _DATE_1904.search(text):
                        epoch = 1904
                    if info.filename.startswith("xl/worksheets/"):
                        rows = [int(found[1]) for found in _ROW.finditer(text)]
                        last_row = max(rows, default=last_row)
                        columns = set(_FAR_COLUMN.findall(text))
                        last_column = max(map(_column_number, columns), default=last_column)
            if last_row * last_column > MAX_CELLS:
                raise member.refused("too_large", "a sheet reaches further than it can hold")
    return epoch


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
