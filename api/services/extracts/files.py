"""An extract's file in the database: kept in chunks from its arrival until it is linked.

A folder is kept as a zip of the files in it. Names of files given by people may hold names
of children, so only the ending is kept; names within a folder or zip say which table is in
which file and stay inside of it.
"""

import hashlib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, delete, insert, select

from api.db.models import Extract, ExtractChunk
from api.services.scratch import scratch_folder
from matcher.errors import ExtractRefused
from matcher.read.members import TABULAR, Member, open_members, shown_name
from matcher.rules.sources import SourceDefinition

CHUNK = 1024 * 1024
FOLDER = "folder"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip can hold


@dataclass(frozen=True)
class Arrived:
    """A file that can be kept: where it is, its SHA-256, and what kind it is."""

    path: Path
    file_hash: str
    kind: str
    size: int


@contextmanager
def arriving(source: str, path: Path, definition: SourceDefinition) -> Iterator[Arrived]:
    """A file or zip as it is, a folder as a zip that is gone afterwards.

    The hash of a folder is that of its files and their names, however they are packed.
    Raises ExtractRefused if there is nothing, or a folder where none is expected.
    """
    if path.is_file():
        yield Arrived(path, _hash_of(source, path), _ending(path), path.stat().st_size)
        return
    with (
        open_members(source, path, definition) as (members, _),
        scratch_folder() as folder,
    ):
        packed = folder / "extract.zip"
        file_hash = _pack(members, packed)
        yield Arrived(packed, file_hash, FOLDER, packed.stat().st_size)


def _ending(path: Path) -> str:
    ending = path.suffix.casefold()
    return ending if ending in TABULAR | {".zip"} else ""


def _hash_of(source: str, path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        message = "the file cannot be opened; check its permissions"
        raise ExtractRefused(source, shown_name(path), "not_readable", message) from error


def _pack(members: list[Member], packed: Path) -> str:
    """Write the files of a folder into a zip; the hash of names and contents."""
    whole = hashlib.sha256()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for member in members:
            content = hashlib.sha256()
            entry = zipfile.ZipInfo(member.name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with member.open() as stream, archive.open(entry, "w", force_zip64=True) as into:
                for chunk in _chunks(stream):
                    content.update(chunk)
                    into.write(chunk)
            whole.update(member.name.encode() + b"\0" + content.digest())
    return whole.hexdigest()


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


def keep_file(connection: Connection, extract: int, path: Path) -> None:
    """Store the file, chunk by chunk."""
    with path.open("rb") as stream:
        for number, chunk in enumerate(_chunks(stream)):
            connection.execute(
                insert(ExtractChunk).values(extract=extract, number=number, content=chunk)
            )


def drop_file(connection: Connection, extract: int) -> None:
    """Forget the file."""
    connection.execute(delete(ExtractChunk).where(ExtractChunk.extract == extract))


@contextmanager
def kept_file(connection: Connection, extract: int) -> Iterator[Path]:
    """The extract as a file or folder with a name that says nothing, gone afterwards."""
    kind = connection.execute(select(Extract.file_kind).where(Extract.id == extract)).scalar_one()
    with scratch_folder() as folder:
        path = folder / f"extract{'.zip' if kind == FOLDER else kind}"
        with path.open("wb") as into:
            for chunk in _stored(connection, extract):
                into.write(chunk)
        if kind != FOLDER:
            yield path
            return
        unpacked = folder / "extract"
        with zipfile.ZipFile(path) as packed:
            packed.extractall(unpacked)
        path.unlink()
        yield unpacked


def _stored(connection: Connection, extract: int) -> Iterator[bytes]:
    number = 0
    of_extract = select(ExtractChunk.content).where(ExtractChunk.extract == extract)
    while chunk := connection.scalar(of_extract.where(ExtractChunk.number == number)):
        yield chunk
        number += 1
