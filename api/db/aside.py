"""What must not wait for a link run: the access log, sign-ins, and what people have in hand.

A run holds SQLite's only write lock until it ends. So the tables marked ``ASIDE`` are
written to a second file beside the register, with the same migrations. On PostgreSQL they
are in the register's own database.

The two files of a register have the same mark, in the number that SQLite keeps for whoever uses
a file. So it shows if somebody copied the one without the other.
"""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from api.db.engine import is_sqlite, open_database, reading, writing
from api.db.errors import DatabaseError
from api.db.schema import current, require_current, upgrade

# How long a writer waits for another one: entries take milliseconds.
PATIENCE_SECONDS = 10.0

_MARK = "PRAGMA user_version"


def open_aside(engine: Engine, within: Connection | None = None) -> Engine:
    """The database of the tables kept aside, set up if it is new: ``engine`` on PostgreSQL.

    ``within`` is a transaction that writes to the register, if there is one already. Raises
    DatabaseError if it cannot be used, SchemaError if it is at another migration.
    """
    aside = _opened(engine)
    if aside is not engine:
        if current(aside) is None:
            _set_up(engine, aside, within)
        require_current(aside)
    return aside


def files_of(engine: Engine) -> list[Path]:
    """The files of a SQLite register: its own, and the one of the tables kept aside."""
    file = engine.url.database if is_sqlite(engine) else None
    return [Path(file), Path(f"{file}-aside.db")] if file else []


def remove_files(files: Iterable[Path]) -> None:
    """Remove files of SQLite with those that it keeps beside them; nobody may have them open."""
    for file in files:
        for ending in ("", "-wal", "-shm"):
            Path(f"{file}{ending}").unlink(missing_ok=True)


def has_aside(engine: Engine) -> bool:
    """Whether the tables kept aside are there, without making them."""
    return all(file.is_file() for file in files_of(engine))


def fault_aside(engine: Engine) -> str | None:
    """What is wrong with the file beside a SQLite register, if anything is, and the remedy."""
    if not is_sqlite(engine) or not engine.url.database:
        return None
    file = Path(f"{engine.url.database}-aside.db")
    with reading(engine) as connection:
        if not connection.exec_driver_sql(_MARK).scalar():
            return None
        if file.is_file():
            aside = _opened(engine)
            try:
                with reading(aside) as beside:
                    if belongs(connection, beside):
                        return None
            finally:
                aside.dispose()
    what = "is another register's, or was begun anew" if file.is_file() else "is missing"
    return (
        f"{file.name}, which belongs to this register, {what}. The access log and who is signed "
        "in are in it: put it back from where the register was copied"
    )


def belongs(register: Connection, aside: Connection) -> bool:
    """Whether what is kept aside is this register's."""
    if not is_sqlite(register):
        return True
    mark = register.exec_driver_sql(_MARK).scalar()
    return not mark or mark == aside.exec_driver_sql(_MARK).scalar()


def _set_up(engine: Engine, aside: Engine, within: Connection | None) -> None:
    """Make the tables, and mark both files as one register's if this one has no mark yet."""
    with nullcontext(within) if within is not None else writing(engine) as register:
        if current(aside) is not None:
            return
        upgrade(aside)
        if not register.exec_driver_sql(_MARK).scalar():
            marked = f"{_MARK} = {secrets.randbelow(2**31 - 1) + 1}"
            with writing(aside) as beside:
                beside.exec_driver_sql(marked)
            register.exec_driver_sql(marked)


@contextmanager
def aside_of(engine: Engine, within: Connection | None = None) -> Iterator[Engine]:
    """The same, for as long as this is open."""
    aside = open_aside(engine, within)
    try:
        yield aside
    finally:
        # On PostgreSQL it goes on being used as the register's.
        if aside is not engine:
            aside.dispose()


def upgrade_aside(engine: Engine) -> None:
    """Bring the tables kept aside to the last migration."""
    aside = _opened(engine)
    if aside is not engine:
        if current(aside) is None:
            _set_up(engine, aside, None)
        upgrade(aside)
        aside.dispose()


@contextmanager
def reading_aside(engine: Engine, connection: Connection) -> Iterator[Connection]:
    """A connection that reads what is kept aside: ``connection`` itself on PostgreSQL."""
    if not is_sqlite(engine):
        yield connection
        return
    with aside_of(engine) as aside, reading(aside) as beside:
        yield beside


@contextmanager
def writing_aside(engine: Engine, connection: Connection) -> Iterator[Connection]:
    """The same to write: within ``connection``'s transaction on PostgreSQL, else in its own."""
    if not is_sqlite(engine):
        yield connection
        return
    with aside_of(engine, connection) as aside, writing(aside) as beside:
        yield beside


def _opened(engine: Engine) -> Engine:
    if not is_sqlite(engine):
        return engine
    if not engine.url.database or engine.url.database == ":memory:":
        raise DatabaseError("a database in memory cannot be shared; name a file")
    url = engine.url.set(database=f"{engine.url.database}-aside.db")
    aside = open_database(url.render_as_string(hide_password=False), patience=PATIENCE_SECONDS)

    @event.listens_for(aside, "connect")
    def _keep_what_was_committed(dbapi: Any, _record: Any) -> None:
        # What was seen stays known even if the machine loses its power.
        dbapi.execute("PRAGMA synchronous = FULL")

    return aside
