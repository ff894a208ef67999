"""A backup is the register at one moment, and a restored register is proved equal."""

import json
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from api.db import archive, schema
from api.db.access import ASIDE
from api.db.aside import files_of, open_aside, reading_aside
from api.db.engine import open_database, reading, writing
from api.db.errors import BackupError
from api.db.models import SignInFailure, Source
from api.services.backup import back_up, describe, heads_of, restore
from matcher.progress import Silent
from tests.databases import Databases, PostgresServer, SqliteFiles
from tests.db.rows import content, counts, fill_register, value_for


@pytest.fixture
def filled(engine: Engine) -> Engine:
    fill_register(engine)
    return engine


@pytest.fixture(params=["sqlite", "postgresql"])
def target(
    request: pytest.FixtureRequest, sqlite_files: SqliteFiles, postgres: PostgresServer
) -> Iterator[Engine]:
    """A database without any table, of either kind."""
    made: Databases = sqlite_files if request.param == "sqlite" else postgres
    engine = open_database(made.empty())
    yield engine
    engine.dispose()


def everything(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    with reading(engine) as connection, reading_aside(engine, connection) as aside:
        found = {
            table.name: content(aside if table.info.get(ASIDE) else connection, table)
            for table in archive.tables()
        }
    # SQLite gives moments without their zone, which is UTC.
    return {name: [tuple(map(_plain, row)) for row in rows] for name, rows in found.items()}


def _plain(value: Any) -> Any:
    return value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value


def add_source(engine: Engine, name: str) -> int:
    with writing(engine) as connection:
        added = insert(Source).values(name=name, title="A source", one_record_per_child=False)
        (number,) = connection.execute(added).inserted_primary_key or (0,)
    return int(number)


def test_a_backup_restores_into_either_kind_of_database_and_says_the_same_of_both(
    filled: Engine, target: Engine, tmp_path: Path
) -> None:
    made = back_up(filled, tmp_path / "register.zip")
    assert made.rows == sum(proof.rows for proof in made.tables.values()) > 200
    assert restore(target, tmp_path / "register.zip") == made
    assert everything(target) == everything(filled)
    assert describe(target).sha256 == made.sha256 == describe(filled).sha256


def test_a_restored_register_goes_on_numbering_where_it_was(
    filled: Engine, target: Engine, tmp_path: Path
) -> None:
    back_up(filled, tmp_path / "register.zip")
    restore(target, tmp_path / "register.zip")
    assert add_source(target, "new") == add_source(filled, "new")


def test_an_empty_register_can_be_backed_up_and_restored(
    engine: Engine, target: Engine, tmp_path: Path
) -> None:
    assert back_up(engine, tmp_path / "register.zip").rows == 0
    assert restore(target, tmp_path / "register.zip").rows == 0
    assert add_source(target, "first") == 1


def test_any_difference_changes_what_is_said_of_a_register(filled: Engine) -> None:
    before = describe(filled)
    add_source(filled, "one more")
    after = describe(filled)
    assert before.sha256 != after.sha256
    changed = {name for name in before.tables if before.tables[name] != after.tables[name]}
    assert changed == {"source"}


def test_a_backup_is_of_one_moment_while_others_write(filled: Engine, tmp_path: Path) -> None:
    before = describe(filled)
    written: list[int] = []

    class WritesAfterEachTable(Silent):
        @contextmanager
        def stage(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
            yield lambda _: written.append(add_source(filled, f"busy{len(written)}"))

    made = back_up(filled, tmp_path / "register.zip", WritesAfterEachTable())
    assert len(written) == len(made.tables)
    assert made.sha256 == before.sha256 != describe(filled).sha256


def test_only_its_owner_can_read_a_backup_and_nothing_else_is_left(
    filled: Engine, tmp_path: Path
) -> None:
    back_up(filled, tmp_path / "register.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["register.zip"]
    assert stat.S_IMODE((tmp_path / "register.zip").stat().st_mode) == 0o600


def test_no_file_is_written_over(filled: Engine, tmp_path: Path) -> None:
    (tmp_path / "register.zip").write_text("an older backup")
    with pytest.raises(BackupError, match="name a new file"):
        back_up(filled, tmp_path / "register.zip")
    assert (tmp_path / "register.zip").read_text() == "an older backup"


def test_a_backup_that_fails_leaves_no_file(
    filled: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive, "write_table", fail)
    with pytest.raises(OSError, match="No space"):
        back_up(filled, tmp_path / "register.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_refused(filled: Engine, tmp_path: Path) -> None:
    with pytest.raises(
        BackupError, match=r"register\.zip is to be in does not exist; make it first"
    ):
        back_up(filled, tmp_path / "missing" / "register.zip")


def test_a_register_is_not_restored_over_another(filled: Engine, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "register.zip")
    before = describe(filled).sha256
    with pytest.raises(BackupError, match="into an empty one"):
        restore(filled, tmp_path / "register.zip")
    assert describe(filled).sha256 == before


def test_a_register_is_not_restored_beside_the_log_of_another(
    sqlite_files: SqliteFiles, filled: Engine, tmp_path: Path
) -> None:
    back_up(filled, tmp_path / "register.zip")
    left_behind = open_database(sqlite_files.prepared())
    aside = open_aside(left_behind)
    table = SignInFailure.__table__
    with writing(aside) as connection:
        row = {column.name: value_for(column, 1) for column in table.columns}
        connection.execute(insert(SignInFailure).values(row))
    with pytest.raises(BackupError, match=r"ends in -aside\.db"):
        restore(left_behind, tmp_path / "register.zip")
    with reading(left_behind) as connection:
        assert set(counts(connection).values()) == {0}
    aside.dispose()
    left_behind.dispose()


def test_a_backup_tells_how_far_both_logs_were(filled: Engine, tmp_path: Path) -> None:
    made = back_up(filled, tmp_path / "register.zip")
    assert heads_of(tmp_path / "register.zip") == made.heads
    assert {name: head.entries for name, head in made.heads.items()} == {"audit": 8, "access": 8}


@pytest.fixture
def backup(sqlite_files: SqliteFiles, tmp_path: Path) -> Path:
    engine = open_database(sqlite_files.prepared())
    fill_register(engine)
    back_up(engine, tmp_path / "register.zip")
    engine.dispose()
    return tmp_path / "register.zip"


def packed_anew(path: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """The same archive with members changed; those that become None are left out."""
    with zipfile.ZipFile(path) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(path, "w") as packed:
        for name, text in members.items():
            changed = change(name, text)
            if changed is not None:
                packed.writestr(name, changed)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(path: Path) -> None:
    with zipfile.ZipFile(path) as packed:
        largest = max(packed.infolist(), key=lambda member: member.compress_size)
    content = bytearray(path.read_bytes())
    # Amid what is packed: a bit of a date in a header would change nothing.
    begins = largest.header_offset + 30 + len(largest.filename)
    content[begins + largest.compress_size // 2] ^= 1
    path.write_bytes(content)


def change_a_cell(path: Path) -> None:
    packed_anew(path, lambda name, text: text.replace(b"plain", b"plaid"))


def leave_a_table_out(path: Path) -> None:
    packed_anew(path, lambda name, text: None if name == "tables/source.tsv" else text)


def change_a_count(path: Path) -> None:
    packed_anew(
        path,
        lambda name, text: (
            text.replace(b'"rows": 8', b'"rows": 7', 1) if name == "manifest.json" else text
        ),
    )


def put_something_in(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("tables/another.tsv", "1\n")


DAMAGES = [
    cut_short,
    flip_a_bit,
    change_a_cell,
    leave_a_table_out,
    change_a_count,
    put_something_in,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=[damage.__name__ for damage in DAMAGES])
def test_a_damaged_backup_is_refused_before_anything_is_touched(
    damage: Callable[[Path], None], backup: Path, target: Engine
) -> None:
    damage(backup)
    with pytest.raises(BackupError, match=r"register\.zip is damaged or cut short"):
        restore(target, backup)
    assert schema.current(target) is None


def test_a_file_that_is_no_backup_is_refused(target: Engine, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Dear diary")
    with pytest.raises(BackupError, match="damaged"):
        restore(target, tmp_path / "notes.txt")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as packed:
        packed.writestr("notes.txt", "Dear diary")
    with pytest.raises(BackupError, match="not a backup"):
        restore(target, tmp_path / "other.zip")


def test_a_backup_of_another_migration_is_refused(
    backup: Path, target: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_with = schema.head()
    monkeypatch.setattr(schema, "head", lambda: "9999_x")
    with pytest.raises(BackupError, match=rf"of migration {made_with}, this version .* 9999_x"):
        restore(target, backup)


def test_a_backup_that_does_not_prove_itself_is_undone(
    backup: Path, target: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = archive.read_table

    def lose_a_table(connection: Any, table: Any, *rest: Any) -> None:
        if table.name != "audit":
            read(connection, table, *rest)

    monkeypatch.setattr(archive, "read_table", lose_a_table)
    with pytest.raises(BackupError, match="table audit holds 0 rows"):
        restore(target, backup)
    assert [file for file in files_of(target) if file.exists()] == []
    assert schema.current(target) is None
    monkeypatch.setattr(archive, "read_table", read)
    assert restore(target, backup).rows > 0


def test_what_is_there_before_a_restore_that_fails_is_there_afterwards(
    backup: Path, target: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema.require_current(target)
    found = {file: file.exists() for file in files_of(target)}

    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(archive, "read_table", fail)
    with pytest.raises(KeyboardInterrupt):
        restore(target, backup)
    assert schema.current(target) == schema.head()
    assert {file: file.exists() for file in files_of(target)} == found


def test_a_manifest_tells_the_counts_and_nothing_of_the_content(backup: Path) -> None:
    with zipfile.ZipFile(backup) as packed:
        said = json.loads(packed.read("manifest.json"))
    assert said["tables"]["source"]["rows"] == 8
    parts = {"format", "migration", "made_at", "columns", "tables", "heads", "sha256"}
    assert set(said) == parts
    assert said["heads"]["audit"]["entries"] == said["tables"]["audit"]["rows"]
