"""Making small extracts, and looking at what came of them."""

import io
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.utility import xl_cell_to_rowcol

from matcher.read import ReadResult

ROOT = Path(__file__).parents[2]


def record(result: ReadResult, at: int = 0) -> dict[str, object]:
    """One record; None where missing."""
    row = result.records.iloc[at]
    return {str(name): None if pd.isna(value) else value for name, value in row.items()}


def assert_counts_add_up(result: ReadResult) -> None:
    for count in result.files:
        assert count.rows == count.records + count.rejects
        assert count.records >= 0
    assert sum(count.rejects for count in result.files) == len(result.rejects)


def codes(result: ReadResult) -> list[tuple[int, str, str]]:
    """Row, column and code of each reject."""
    columns = (result.rejects[name] for name in ("row", "column", "code"))
    return list(zip(*columns, strict=True))


def notes(result: ReadResult) -> dict[tuple[str, str], int]:
    return {(note.column, note.code): note.count for note in result.notes}


def workbook(
    sheets: dict[str, list[list[Any]]],
    *,
    date_1904: bool = False,
    first_row: int = 0,
    hidden: Collection[str] = (),
    merged: Collection[str] = (),
) -> bytes:
    """A workbook; ``merged`` are ranges such as C2:C3 that keep what their first cell holds."""
    stream = io.BytesIO()
    options = {"in_memory": True, "date_1904": date_1904, "default_date_format": "dd/mm/yyyy"}
    book = xlsxwriter.Workbook(stream, options)
    for title, rows in sheets.items():
        sheet = book.add_worksheet(title)
        for number, row in enumerate(rows, start=first_row):
            for column, cell in enumerate(row):
                if cell is not None:
                    sheet.write(number, column, cell)
        for area in merged:
            row, column = xl_cell_to_rowcol(area.split(":")[0])
            sheet.merge_range(area, rows[row - first_row][column])
        if title in hidden:
            sheet.hide()
    book.close()
    return stream.getvalue()


def zipped(members: dict[str, bytes | str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()
