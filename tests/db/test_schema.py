"""Migrations and models agree, and a database at another migration is refused."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from api.db import schema
from api.db.engine import open_database, reading, writing
from api.db.errors import DatabaseError, SchemaError
from api.db.models import Table
from tests.databases import Databases, SqliteFiles
from tests.db.rows import counts, fill


@pytest.fixture
def empty(databases: Databases) -> Iterator[Engine]:
    engine = open_database(databases.empty())
    yield engine
    engine.dispose()


def definition(engine: Engine) -> set[tuple[str, ...]]:
    """Every table, column, constraint and index as the database itself describes it."""
    if engine.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version'"
    else:
        query = """
            SELECT table_name, column_name, data_type, is_nullable, column_default,
                   is_identity, character_maximum_length::text
            FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name <> 'alembic_version'
            UNION ALL
            SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', '', ''
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace
            AND conrelid <> 'alembic_version'::regclass
            UNION ALL
            SELECT tablename, indexname, indexdef, '', '', '', '' FROM pg_indexes
            WHERE schemaname = 'public' AND tablename <> 'alembic_version'
        """
    with reading(engine) as connection:
        return {
            # Constraints stand in the order of their names in one, as modelled in the other.
            tuple(" ".join(sorted(str(cell).replace(",", "").split())) for cell in row)
            for row in connection.execute(text(query))
        }


def test_migrations_and_models_agree(empty: Engine) -> None:
    schema.upgrade(empty)
    with reading(empty) as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, Table.metadata) == []


def test_migrations_make_exactly_the_tables_that_the_models_would(
    empty: Engine, databases: Databases
) -> None:
    modelled = open_database(databases.empty())
    with writing(modelled) as connection:
        Table.metadata.create_all(connection)
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
    schema.upgrade(empty)
    assert definition(empty) == definition(modelled)
    modelled.dispose()


def test_every_migration_goes_down_and_up_with_data_in_the_tables(empty: Engine) -> None:
    scripts = ScriptDirectory.from_config(schema.configuration())
    schema.upgrade(empty)
    with writing(empty) as connection:
        before = fill(connection)
    for script in scripts.walk_revisions():
        down = script.down_revision
        assert down is None or isinstance(down, str)
        schema.downgrade(empty, down or "base")
        schema.upgrade(empty, script.revision)
        schema.upgrade(empty)
        with writing(empty) as connection:
            if down is None:
                assert set(counts(connection).values()) == {0}
                assert fill(connection) == before
            else:
                assert counts(connection) == before


def test_an_empty_database_is_set_up_by_the_first_who_opens_it(empty: Engine) -> None:
    assert schema.current(empty) is None
    schema.require_current(empty)
    assert schema.current(empty) == schema.head()


def test_processes_that_open_an_empty_database_at_once_all_find_it_set_up(empty: Engine) -> None:
    failures: list[BaseException] = []

    def open_it() -> None:
        engine = open_database(empty.url.render_as_string(hide_password=False))
        try:
            schema.require_current(engine)
        except BaseException as error:
            failures.append(error)
        engine.dispose()

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert schema.current(empty) == schema.head()


def test_what_is_in_a_current_database_stays(engine: Engine) -> None:
    with writing(engine) as connection:
        before = fill(connection)
    schema.require_current(engine)
    with reading(engine) as connection:
        assert counts(connection) == before


def test_a_database_of_something_else_is_refused_and_left_alone(empty: Engine) -> None:
    with writing(empty) as connection:
        connection.execute(text("CREATE TABLE invoice (id INTEGER)"))
    for attempt in (schema.require_current, schema.upgrade):
        with pytest.raises(SchemaError, match="something else"):
            attempt(empty)
    with reading(empty) as connection:
        assert not empty.dialect.has_table(connection, "record")


def test_a_database_of_a_later_version_is_refused(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_x'"))
    for attempt in (schema.require_current, schema.upgrade):
        with pytest.raises(SchemaError, match="9999_x, which this version"):
            attempt(engine)


def test_a_database_of_an_earlier_version_is_refused_with_the_remedy(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "head", lambda: "9999_x")
    with pytest.raises(SchemaError, match="run: matcher upgrade"):
        schema.require_current(engine)


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    empty: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    class MigrationFailedError(Exception):
        pass

    done = command.upgrade

    def fail_late(*arguments: object) -> None:
        done(*arguments)  # type: ignore[arg-type]
        raise MigrationFailedError

    monkeypatch.setattr(command, "upgrade", fail_late)
    with pytest.raises(MigrationFailedError):
        schema.upgrade(empty)
    assert schema.current(empty) is None


# PostgreSQL checks this by itself.
def test_a_migration_on_sqlite_that_leaves_rows_without_what_they_refer_to_is_undone(
    sqlite_files: SqliteFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_database(sqlite_files.prepared())

    def orphan(config: object, _revision: str) -> None:
        connection = config.attributes["connection"]  # type: ignore[attr-defined]
        connection.execute(text("DELETE FROM child"))

    with writing(engine) as connection:
        before = fill(connection)
    monkeypatch.setattr(command, "upgrade", orphan)
    with pytest.raises(SchemaError, match="refer to none"):
        schema.upgrade(engine)
    with reading(engine) as connection:
        assert counts(connection) == before
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    engine.dispose()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("Dear diary, " * 100)
    with pytest.raises(SchemaError, match="not a database"):
        schema.require_current(open_database(f"sqlite:///{path}"))
    assert path.read_text().startswith("Dear diary")


@pytest.mark.parametrize("kept", [3_000, 300_000])
def test_a_file_that_was_cut_short_is_said_to_be_damaged(tmp_path: Path, kept: int) -> None:
    whole = tmp_path / "register.db"
    whole_engine = open_database(f"sqlite:///{whole}")
    schema.require_current(whole_engine)
    whole_engine.dispose()
    cut = tmp_path / "cut.db"
    cut.write_bytes(whole.read_bytes()[:kept])
    with pytest.raises(SchemaError, match="damaged"):
        schema.require_current(open_database(f"sqlite:///{cut}"))


def test_a_database_that_cannot_be_reached_is_told_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://somebody:Quillfeather@/register?host={tmp_path}"
    with pytest.raises(DatabaseError, match="cannot be reached") as caught:
        schema.require_current(open_database(url))
    assert "Quillfeather" not in str(caught.value)


def test_a_locked_sqlite_file_is_told_as_such(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/register.db"
    schema.require_current(open_database(url))
    holder = sqlite3.connect(tmp_path / "register.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseError, match="cannot be reached or written to"):
        schema.upgrade(open_database(url, patience=0.1))
    holder.close()
