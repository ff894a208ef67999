"""Databases for every test that asks for one, always on SQLite and on PostgreSQL."""

import gc
import shutil
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Connection, Engine, event

from api.db.engine import open_database
from api.services.access import passwords
from tests.databases import (
    Databases,
    Lent,
    PostgresServer,
    SqliteFiles,
    Statements,
    postgres_server,
    quick_folder,
)

# How much may be made before garbage is looked for: much more than Python lets be made, as there
# is room, and looking takes longer than many a test. All the same often, or files stay open.
_GARBAGE = (20_000, 20, 20)


def pytest_collection() -> None:
    """Nothing that is made while tests are collected is garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What is imported stays: collecting garbage need not look through it, again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
    gc.enable()


def pytest_sessionfinish() -> None:
    """Modules that look whether all of theirs was let go find that it was."""
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def statements() -> Iterator[None]:
    """A server keeps its engine, and with it what statements were made into; tests do so too."""
    kept = Statements()

    def keep(connection: Connection) -> None:
        connection.execution_options(compiled_cache=kept)

    event.listen(Engine, "engine_connect", keep)
    yield
    event.remove(Engine, "engine_connect", keep)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """As argon2 as ever, but for a thousandth of the cost."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", quick)
        yield


@pytest.fixture(scope="session")
def sqlite_files() -> Iterator[SqliteFiles]:
    folder = quick_folder("sqlite-")
    yield SqliteFiles(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Makes as many databases as a test needs, for example one per example of hypothesis."""
    made = request.getfixturevalue("sqlite_files" if request.param == "sqlite" else "postgres")
    lent = Lent(made)
    yield lent
    lent.drop()


@pytest.fixture
def database_url(databases: Databases) -> str:
    """A new database with the tables of the register."""
    return databases.prepared()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An open new database with the tables of the register."""
    engine = open_database(database_url)
    yield engine
    engine.dispose()
