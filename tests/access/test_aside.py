"""What is kept aside is written while a run holds the register's only write lock."""

import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select

from api.db.aside import open_aside, upgrade_aside, writing_aside
from api.db.engine import is_sqlite, open_database, reading, writing
from api.db.errors import DatabaseError
from api.db.models import SignInFailure, Source
from api.db.schema import current, downgrade, head
from tests.access.conftest import NOW
from tests.databases import SqliteFiles

ROW = {"name_hash": "a" * 64, "failures": 1, "last_at": NOW}


def count(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.scalar(select(func.count()).select_from(SignInFailure)) or 0


def test_it_does_not_wait_for_a_transaction_on_the_register(engine: Engine, aside: Engine) -> None:
    with writing(engine) as register:
        register.execute(insert(Source).values(name="x", title="x", one_record_per_child=False))
        began = time.monotonic()
        with writing(aside) as connection:
            connection.execute(insert(SignInFailure).values(ROW))
        assert time.monotonic() - began < 5
    assert count(aside) == 1


def test_on_sqlite_it_is_a_second_file_and_on_postgresql_the_same_database(
    engine: Engine, aside: Engine
) -> None:
    if is_sqlite(engine):
        assert Path(f"{engine.url.database}-aside.db").is_file()
        assert current(aside) == head()
    else:
        assert aside is engine


def test_what_is_written_within_another_transaction_is_undone_with_it_on_either_database(
    engine: Engine, aside: Engine
) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        writing(engine) as connection,
        writing_aside(engine, connection) as beside,
    ):
        beside.execute(insert(SignInFailure).values(ROW))
        raise ZeroDivisionError
    assert count(aside) == 0


def test_a_database_in_memory_has_nothing_beside_it() -> None:
    with pytest.raises(DatabaseError, match="name a file"):
        open_aside(open_database("sqlite://"))


# PostgreSQL has one database, which tests of the schema look at.
def test_an_upgrade_of_the_register_upgrades_the_file_beside_it(
    sqlite_files: SqliteFiles,
) -> None:
    engine = open_database(sqlite_files.prepared())
    aside = open_aside(engine)
    downgrade(aside, "base")
    upgrade_aside(engine)
    assert current(aside) == head()
    aside.dispose()
    engine.dispose()


# On PostgreSQL the server decides.
def test_what_was_committed_beside_sqlite_outlives_a_loss_of_power(
    sqlite_files: SqliteFiles,
) -> None:
    engine = open_database(sqlite_files.prepared())
    aside = open_aside(engine)
    with reading(aside) as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    aside.dispose()
    engine.dispose()
