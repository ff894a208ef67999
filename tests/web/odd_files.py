"""Files that people bring by mistake, made on the spot."""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence

import xlsxwriter

_FREE, _END, _FAT, _NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
_SECTOR = 512


def as_zip(**files: str) -> bytes:
    """A zip of CSV files by name."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.csv", text)
    return stream.getvalue()


def workbook(sheets: Mapping[str, Sequence[Sequence[str]]], hidden: str) -> bytes:
    """A workbook of these sheets, one of which is hidden."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        for title, rows in sheets.items():
            sheet = book.add_worksheet(title)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
            if title == hidden:
                sheet.hide()
    return stream.getvalue()


def locked_workbook() -> bytes:
    """What Excel saves with a password: a compound file that holds an encrypted package."""
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, 1, 1, 0, 4096, _END, 0, _END, 0),
    )
    header += struct.pack("<I", 0) + b"\xff" * (109 * 4 - 4)
    # Sector 0 is the table of sectors, 1 the directory, 2 to 9 and 10 to 17 the two streams.
    chains = [_FAT, _END]
    for first in (2, 10):
        chains += [*range(first + 1, first + 8), _END]
    table = struct.pack("<128I", *chains, *[_FREE] * (128 - len(chains)))
    directory = (
        _entry("Root Entry", 5, _END, 0, child=1)
        + _entry("EncryptedPackage", 2, 2, 4096, right=2)
        + _entry("EncryptionInfo", 2, 10, 4096)
        + _entry("", 0, 0, 0)
    )
    return header + table + directory + bytes(16 * _SECTOR)


def _entry(
    name: str, kind: int, start: int, size: int, right: int = _NONE, child: int = _NONE
) -> bytes:
    text = (name + "\0").encode("utf-16-le") if name else b""
    return struct.pack(
        "<64sHBBIII36xIQ", text, len(text), kind, 1, _NONE, right, child, start, size
    )
