"""Backing the register up into one file while it is in use, and restoring it.

The file is a zip of one text per table (see `api.db.archive`) and ``manifest.json``, which
names the migration, the number of rows and hash of every table, and the heads of both logs
(see `api.services.access.chain`). It is the same from either kind of database, and can be
restored into either. What is kept aside of a SQLite register is in it as well.
"""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Engine, Table, select
from sqlalchemy.exc import DBAPIError

from api.db import archive, schema
from api.db.access import ASIDE
from api.db.archive import Proof
from api.db.aside import files_of, reading_aside, remove_files, writing_aside
from api.db.engine import reading, writing
from api.db.errors import BackupError
from api.services.access.chain import LOGS, Head, head
from api.services.scratch import scratch_folder
from matcher.progress import Observer, Silent

_FORMAT = 1
_MANIFEST = "manifest.json"
_PART = 1 << 20
_SILENT = Silent()

# The connection to the database that holds a table.
Of = Callable[[Table], Connection]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. ``sha256`` stands for all of it: equal means equal registers."""

    migration: str
    made_at: str
    columns: dict[str, list[str]]
    tables: dict[str, Proof]
    heads: dict[str, Head]
    sha256: str

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(proof.rows for proof in self.tables.values())


def back_up(engine: Engine, file: Path, observer: Observer = _SILENT) -> Manifest:
    """Write the register as it is at this moment to a new file that only its owner can read.

    Nobody needs to wait for it. Raises BackupError if the file exists or cannot be
    written; SchemaError if the database is at another migration.
    """
    schema.require_current(engine)
    if file.exists():
        raise BackupError(f"{file.name} exists; name a new file, so that no backup is lost")
    with (
        _draft_of(file) as draft,
        zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
    ):
        with _reading(engine) as of:
            # First, since on SQLite the moment is that of the first read of each file.
            heads = _heads(of)
            manifest = _manifest(_write_tables(of, packed, observer), heads)
        packed.writestr(_MANIFEST, json.dumps(_as_json(manifest), indent=2))
    return manifest


def restore(engine: Engine, file: Path, observer: Observer = _SILENT) -> Manifest:
    """Fill an empty database from a backup, and prove that it holds what the backup held.

    All or nothing. Raises BackupError if the archive is damaged or of another migration,
    if the database is not empty, or if what was read back differs.
    """
    with _opened(file) as packed:
        manifest = _read_manifest(packed, file)
        _verify(packed, manifest, file, observer)
        with _left_as_it_was(engine):
            schema.require_current(engine)
            with _writing(engine) as of:
                _require_empty(of)
                _read_tables(of, packed, manifest, file, observer)
                _prove(of, manifest, observer)
    return manifest


def _prove(of: Of, manifest: Manifest, observer: Observer) -> None:
    with observer.stage("prove", len(manifest.tables)) as advance:
        for table in archive.tables():
            found = archive.write_table(of(table), table, lambda _: None)
            if found != manifest.tables[table.name]:
                raise BackupError(
                    f"table {table.name} holds {found.rows} rows that are not those of "
                    "the backup; nothing was restored. Was something else writing?"
                )
            advance(1)


@contextmanager
def _left_as_it_was(engine: Engine) -> Iterator[None]:
    """If what is done within fails, take away the tables and files that it made.

    Without rows they would pass for a register of which nothing is known.
    """
    new = [file for file in files_of(engine) if not file.exists()]
    empty = schema.current(engine) is None
    try:
        yield
    except BaseException:
        if empty:
            schema.downgrade(engine, "base")
        engine.dispose()
        remove_files(new)
        raise


def describe(engine: Engine) -> Manifest:
    """What a backup of the register would say of it now, without writing one."""
    schema.require_current(engine)
    with _reading(engine) as of:
        proofs = {
            table.name: archive.write_table(of(table), table, lambda _: None)
            for table in archive.tables()
        }
        return _manifest(proofs, _heads(of))


def heads_of(file: Path) -> dict[str, Head]:
    """How far each log was when a backup was made. Raises BackupError if it is damaged."""
    with _opened(file) as packed:
        return _read_manifest(packed, file).heads


@contextmanager
def _reading(engine: Engine) -> Iterator[Of]:
    with reading(engine) as connection, reading_aside(engine, connection) as aside:
        yield lambda table: aside if table.info.get(ASIDE) else connection


@contextmanager
def _writing(engine: Engine) -> Iterator[Of]:
    # What is aside is committed first: should the rest then fail, its rows refuse a second
    # try with a plain message, while a register without its log would go unnoticed.
    with writing(engine) as connection, writing_aside(engine, connection) as aside:
        yield lambda table: aside if table.info.get(ASIDE) else connection


def _heads(of: Of) -> dict[str, Head]:
    return {name: head(of(log.__table__), log) for name, log in LOGS.items()}  # type: ignore[arg-type]


@contextmanager
def _draft_of(file: Path) -> Iterator[IO[bytes]]:
    """A file that takes its place only when it is whole."""
    if not file.absolute().parent.is_dir():
        raise BackupError(f"the folder that {file.name} is to be in does not exist; make it first")
    with ExitStack() as stack:
        try:
            draft = stack.enter_context(scratch_folder(file.absolute().parent)) / "backup"
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError as error:
            raise BackupError(f"{file.name} cannot be written there: {error.strerror}") from None
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        draft.rename(file)


def _write_tables(of: Of, packed: zipfile.ZipFile, observer: Observer) -> dict[str, Proof]:
    proofs = {}
    with observer.stage("back up", len(archive.tables())) as advance:
        for table in archive.tables():
            with packed.open(_member(table.name), "w", force_zip64=True) as stream:
                proofs[table.name] = archive.write_table(of(table), table, stream.write)
            advance(1)
    return proofs


def _manifest(proofs: dict[str, Proof], heads: dict[str, Head]) -> Manifest:
    migration = schema.head()
    columns = {table.name: [column.name for column in table.columns] for table in archive.tables()}
    return Manifest(
        migration=migration,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        columns=columns,
        tables=proofs,
        heads=heads,
        sha256=_digest(migration, columns, proofs, heads),
    )


def _digest(
    migration: str,
    columns: dict[str, list[str]],
    proofs: dict[str, Proof],
    heads: dict[str, Head],
) -> str:
    counted = [{name: asdict(one) for name, one in some.items()} for some in (proofs, heads)]
    said = [migration, columns, *counted]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _as_json(manifest: Manifest) -> dict[str, Any]:
    return {"format": _FORMAT, **asdict(manifest)}


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as packed:
            yield packed
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise _damaged(file) from None


def _read_manifest(packed: zipfile.ZipFile, file: Path) -> Manifest:
    try:
        said = json.loads(packed.read(_MANIFEST))
        if said.pop("format") != _FORMAT:
            raise BackupError(f"{file.name} was made by another version; restore it with that")
        proofs = {name: Proof(**proof) for name, proof in said.pop("tables").items()}
        heads = {name: Head(**found) for name, found in said.pop("heads").items()}
        manifest = Manifest(tables=proofs, heads=heads, **said)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BackupError(f"{file.name} is not a backup of a register") from None
    if manifest.sha256 != _digest(manifest.migration, manifest.columns, proofs, heads):
        raise _damaged(file)
    if manifest.migration != schema.head():
        raise BackupError(
            f"{file.name} is of migration {manifest.migration}, this version works with "
            f"{schema.head()}; restore it with the version that made it, then upgrade"
        )
    return manifest


def _verify(packed: zipfile.ZipFile, manifest: Manifest, file: Path, observer: Observer) -> None:
    """Read all of it before anything is touched; whatever else is in it was put there since."""
    if sorted(packed.namelist()) != sorted([_MANIFEST, *map(_member, manifest.tables)]):
        raise _damaged(file)
    with observer.stage("verify", len(manifest.tables)) as advance:
        for name, proof in manifest.tables.items():
            digest = hashlib.sha256()
            try:
                for part in _parts(packed, name):
                    digest.update(part)
            except KeyError:
                raise _damaged(file) from None
            if digest.hexdigest() != proof.sha256:
                raise _damaged(file)
            advance(1)


def _require_empty(of: Of) -> None:
    for table in archive.tables():
        if of(table).execute(select(table).limit(1)).first() is not None:
            raise BackupError(
                "the database holds a register already; restore into an empty one "
                "(of SQLite, neither the file nor the one beside it that ends in -aside.db)"
            )


def _read_tables(
    of: Of,
    packed: zipfile.ZipFile,
    manifest: Manifest,
    file: Path,
    observer: Observer,
) -> None:
    with observer.stage("restore", len(manifest.tables)) as advance:
        for table in archive.tables():
            parts = _parts(packed, table.name)
            try:
                archive.read_table(of(table), table, manifest.columns[table.name], parts)
            except (DBAPIError, ValueError, KeyError) as error:
                raise BackupError(
                    f"{file.name}: table {table.name} does not fit this database "
                    f"({type(error).__name__}); nothing was restored"
                ) from None
            advance(1)


def _parts(packed: zipfile.ZipFile, table: str) -> Iterator[bytes]:
    with packed.open(_member(table)) as stream:
        while part := stream.read(_PART):
            yield part


def _member(table: str) -> str:
    return f"tables/{table}.tsv"


def _damaged(file: Path) -> BackupError:
    return BackupError(f"{file.name} is damaged or cut short; use another backup")
