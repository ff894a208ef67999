"""The files of an extract: one file, those of a folder, or those of a zip.

A zip is read in place and nothing of it is unpacked, so a member's name leads nowhere.
What it claims to hold is checked before any of it is read.
"""

import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from matcher.errors import ExtractRefused
from matcher.rules.sources import SourceDefinition

MAX_UNPACKED = 8 * 1024**3  # bytes of all members together
MAX_MEMBERS = 10_000
MAX_RATIO = 200  # unpacked to packed; tables of repeated values reach 60
RATIO_FROM = 50 * 1024**2  # unpacked bytes below which the ratio does no harm
TABULAR = frozenset({".csv", ".txt", ".tsv", ".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".xml"})
# What systems leave beside files: hidden ones, locks of open workbooks, a Mac's attributes.
_PASSED_OVER = (".", "~$", "__MACOSX")
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")

Refuse = Callable[[str, str], ExtractRefused]


@dataclass(frozen=True)
class Member:
    """One file of an extract. ``open`` starts a new stream from its beginning."""

    source: str
    name: str
    size: int
    open: Callable[[], IO[bytes]]

    def refused(self, code: str, message: str) -> ExtractRefused:
        """The refusal of the extract because of this file."""
        return ExtractRefused(self.source, self.name, code, message)

    @property
    def is_tabular(self) -> bool:
        """Whether the name says that this is a kind of file we read."""
        return PurePosixPath(self.name).suffix.casefold() in TABULAR


@contextmanager
def open_members(
    source: str, path: Path, definition: SourceDefinition
) -> Iterator[tuple[list[Member], bool]]:
    """The files at a path in order of name, and whether the path was one single file.

    Raises ExtractRefused if there is none, or the path is not what the definition says.
    """

    def refuse(code: str, message: str) -> ExtractRefused:
        return ExtractRefused(source, shown_name(path), code, message)

    if not path.exists():
        raise refuse("not_found", f"there is no file or folder of this name; {_wanted(definition)}")
    if path.is_dir():
        if "folder" not in definition.path:
            raise refuse(
                "is_folder",
                f"this is a folder; {_wanted(definition)}. Name the one that is meant",
            )
        yield list(_folder_members(source, path, refuse)), False
        return
    if not path.is_file():
        raise refuse("not_readable", f"this is no ordinary file; {_wanted(definition)}")
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            is_zip = stream.read(4) in _ZIP_STARTS
    except OSError as error:
        raise refuse("not_readable", "the file cannot be opened; check its permissions") from error
    if size == 0:
        raise refuse("empty_file", "the file is empty (0 bytes); export it again")
    if not is_zip:
        if "file" not in definition.path:
            several = f"{definition.title} is given as several files"
            into = "put them into one zip" if "zip" in definition.path else "name their folder"
            raise refuse("is_file", f"this is one file; {several}: {into}")
        yield [Member(source, path.name, size, partial(_open, path))], True
        return
    with _archive(path, refuse) as archive:
        if is_workbook(archive):
            yield [Member(source, path.name, size, partial(_open, path))], True
            return
        if "zip" not in definition.path:
            raise refuse("is_zip", f"this is a zip; {_wanted(definition)}")
        yield list(_zip_members(source, archive, refuse)), False


def shown_name(path: Path) -> str:
    """What a message calls the extract: the name, or all of a path such as ``.``."""
    return path.name or str(path)


def _wanted(definition: SourceDefinition) -> str:
    return f"{definition.title} is given as a {' or a '.join(definition.path)}"


def _folder_members(source: str, folder: Path, refuse: Refuse) -> Iterator[Member]:
    found = False
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or any(
            part.startswith(_PASSED_OVER) for part in _inside(path, folder)
        ):
            continue
        if not path.resolve().is_relative_to(folder.resolve()):
            raise refuse("unsafe_folder", "the folder holds a link that leads out of it")
        found = True
        name = path.relative_to(folder).as_posix()
        yield Member(source, name, path.stat().st_size, partial(_open, path))
    if not found:
        raise refuse("empty_folder", "the folder holds no file")


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _inside(path: Path, folder: Path) -> tuple[str, ...]:
    return path.relative_to(folder).parts


@contextmanager
def _archive(path: Path, refuse: Refuse) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise refuse(
            "damaged_zip", "the file begins like a zip or workbook but is cut short or damaged"
        ) from error
    with archive:
        check_sizes(archive, refuse)
        yield archive


def is_workbook(archive: zipfile.ZipFile) -> bool:
    """Whether a zip is a spreadsheet: XLSX, XLSB or ODS."""
    names = set(archive.namelist())
    return "[Content_Types].xml" in names or {"mimetype", "content.xml"} <= names


def check_sizes(archive: zipfile.ZipFile, refuse: Refuse) -> None:
    """Refuse a zip that unpacks to more than any extract could need."""
    infos = archive.infolist()
    unpacked = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    if (
        unpacked > MAX_UNPACKED
        or len(infos) > MAX_MEMBERS
        or (unpacked > RATIO_FROM and unpacked > MAX_RATIO * max(packed, 1))
    ):
        raise refuse("zip_bomb", "the file unpacks to far more than an extract can hold")
    if any(info.flag_bits & 0x1 for info in infos):
        raise refuse("encrypted", "the file is protected by a password; save it without one")


def _zip_members(source: str, archive: zipfile.ZipFile, refuse: Refuse) -> Iterator[Member]:
    found: set[str] = set()
    for info in sorted(archive.infolist(), key=lambda info: info.filename):
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        if not parts and not info.filename.endswith("/"):
            raise refuse("damaged_zip", "a file inside the zip has no name")
        if info.filename.endswith("/") or not parts:
            continue
        if ".." in parts or info.filename.startswith(("/", "\\")) or ":" in parts[0]:
            raise refuse("unsafe_zip", "a name inside the zip leads out of it")
        if any(part.startswith(_PASSED_OVER) for part in parts):
            continue
        if _is_zip_member(archive, info, refuse) and not parts[-1].casefold().endswith(
            (".xlsx", ".xlsm", ".xlsb", ".ods")
        ):
            raise refuse("nested_zip", "the zip holds another zip; unpack the inner one first")
        name = "/".join(parts)
        if name in found:
            raise refuse(
                "same_name_twice",
                "the zip holds two files of the same name, and nothing says which one counts; "
                "make it again with one of them",
            )
        found.add(name)
        yield Member(source, name, info.file_size, partial(archive.open, info))
    if not found:
        raise refuse("empty_zip", "the zip holds no file")


def _is_zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, refuse: Refuse) -> bool:
    try:
        with archive.open(info) as stream:
            return stream.read(4) in _ZIP_STARTS
    except DAMAGED as error:
        raise refuse("damaged_zip", "a file inside the zip is damaged") from error


# What reading a damaged or strange zip can raise.
DAMAGED: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    zlib.error,
    lzma.LZMAError,
)
