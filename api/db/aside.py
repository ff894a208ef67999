"""What must not wait for a link run: the access log, sign-ins, and what people have in hand.

A run holds SQLite's only write lock until it ends. So the tables marked ``ASIDE`` are
written to a second file beside the register, with the same migrations. On PostgreSQL they
are in the register's own database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

from api.db.engine import is_sqlite, open_database, reading, writing
from api.db.errors import DatabaseError
from api.db.schema import require_current, upgrade

# How long a writer waits for another one: entries take milliseconds.
PATIENCE_SECONDS = 10.0


def open_aside(engine: Engine) -> Engine:
    """The database of the tables kept aside, set up if it is new: ``engine`` on PostgreSQL.

    Raises DatabaseError if it cannot be used, SchemaError if it is at another migration.
    """
    aside = _opened(engine)
    if aside is not engine:
        require_current(aside)
    return aside


@contextmanager
def aside_of(engine: Engine) -> Iterator[Engine]:
    """The same, for as long as this is open."""
    aside = open_aside(engine)
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
    with aside_of(engine) as aside, writing(aside) as beside:
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
