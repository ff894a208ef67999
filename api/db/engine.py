"""Opening the register's database: one SQLite file, or PostgreSQL.

Both behave alike to callers. A transaction is all or nothing, tables included. Writers
queue: on SQLite one at a time, by taking the only write lock when they begin (`writing`,
or any plain transaction), since one that began by reading could only fail when it later
writes. Readers (`reading`) see one state throughout and never wait for a writer.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError

from api.db.errors import DatabaseError

# How long a writer on SQLite waits for its turn, unless told otherwise.
PATIENCE_SECONDS = 60.0

# A request may hold one connection while it waits for another; threads are forty. More than
# the first are closed again, since each keeps a cache.
_POOL: dict[str, Any] = {"pool_size": 10, "max_overflow": 50}

# Rows are asked for values by name or place, never by column: so results need not be made to
# know the columns of each new statement, which takes longer than many a statement.
_BY_NAME = {"_result_disable_adapt_to_context": True}

# Under what a connection keeps what is to be done once it is committed.
_THEN = "register_then"

_READS = "register_reads"
_POSTGRESQL_DRIVER = "postgresql+psycopg"
_SHAPES = "sqlite:///register.db or postgresql://user@host/database"
# Classes of PostgreSQL's errors whose messages quote values: of data, of constraints.
_QUOTES_VALUES = ("22", "23", "44")


def open_database(url: str, *, patience: float = PATIENCE_SECONDS) -> Engine:
    """An engine for a URL such as ``sqlite:///register.db`` or ``postgresql://host/register``.

    ``patience`` is how many seconds a writer waits for another one on SQLite. Raises
    DatabaseError for any other URL. Connects only when first used.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseError(f"the database is not named by a URL; write {_SHAPES}") from None
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return _open_sqlite(parsed, patience)
    if kind in ("postgresql", "postgres"):
        return _open_postgresql(parsed)
    raise DatabaseError("the database must be SQLite or PostgreSQL; write " + _SHAPES)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write; committed at the end, undone by any exception."""
    with engine.begin() as connection:
        acts: list[Callable[[], None]] = []
        connection.info[_THEN] = acts
        yield connection
    for act in acts:
        act()


def once_committed(connection: Connection, act: Callable[[], None]) -> None:
    """Have something done when a transaction of `writing` is committed, and only then.

    It is done at once or, if the process dies meanwhile, never.
    """
    connection.info[_THEN].append(act)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees the database as it is now until the end, and changes nothing.

    Temporary tables may be made in it. Whatever it did is rolled back.
    """
    with engine.connect() as connection:
        if is_sqlite(connection):
            snapshot = connection.execution_options(**{_READS: True})
        else:
            snapshot = connection.execution_options(isolation_level="REPEATABLE READ")
        yield snapshot
        snapshot.rollback()


def is_sqlite(bind: Engine | Connection) -> bool:
    """Whether this is the embedded database."""
    return bind.dialect.name == "sqlite"


def _open_sqlite(url: URL, patience: float) -> Engine:
    if url.database and not Path(url.database).absolute().parent.is_dir():
        raise DatabaseError("the folder of the database file does not exist; make it first")
    engine = create_engine(
        url.set(drivername="sqlite"),
        hide_parameters=True,
        execution_options=_BY_NAME,
        connect_args={"timeout": patience},
        **(_POOL if url.database else {}),
    )

    @event.listens_for(engine, "do_connect")
    def _keep_private(*_: object) -> None:
        # Only its owner may read it; SQLite gives the files beside it the same rights.
        if url.database and url.database != ":memory:":
            with suppress(FileExistsError):
                os.close(os.open(url.database, os.O_CREAT | os.O_EXCL, 0o600))

    @event.listens_for(engine, "connect")
    def _prepare(dbapi: Any, _record: Any) -> None:
        # Transactions are begun below, not by the driver, which would do so only before
        # some statements: not before a SELECT, nor before what changes tables.
        dbapi.isolation_level = None
        cursor = dbapi.cursor()
        for pragma in (
            "journal_mode = WAL",  # readers go on while one writes
            "synchronous = NORMAL",  # safe when a process dies, since the log is in order
            "foreign_keys = ON",
            "temp_store = MEMORY",
            "cache_size = -65536",  # KiB
            # Pages of the log, 40 MB, that are copied into the file at once: after every 1,000
            # pages, which is what SQLite does, one record put in six would wait for that.
            "wal_autocheckpoint = 10000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get(_READS, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _open_postgresql(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername=_POSTGRESQL_DRIVER),
        hide_parameters=True,
        execution_options=_BY_NAME,
        pool_pre_ping=True,
        **_POOL,
        connect_args={
            "application_name": "matcher",
            # Rows that are taken in pieces (see `fetching`) are all taken: plan for that.
            "options": "-c timezone=UTC -c cursor_tuple_fraction=1",
        },
    )

    @event.listens_for(engine, "handle_error")
    def _hide(context: ExceptionContext) -> None:
        hide_values(context.original_exception)
        if context.sqlalchemy_exception is not None:
            context.sqlalchemy_exception.args = context.original_exception.args

    return engine


def hide_values(error: BaseException) -> None:
    """Take out of PostgreSQL's message what it quotes of a row, and say where it was.

    Raw cursors need this; what goes through SQLAlchemy has had it already.
    """
    state = getattr(error, "sqlstate", None)
    diagnosis = getattr(error, "diag", None)
    if not state or diagnosis is None or not state.startswith(_QUOTES_VALUES):
        return
    places = (diagnosis.table_name, diagnosis.column_name, diagnosis.constraint_name)
    where = ", ".join(place for place in places if place)
    error.args = (f"{type(error).__name__} ({state})" + (f" at {where}" if where else ""),)
