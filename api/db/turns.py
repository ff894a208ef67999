"""Taking turns: who does what another does at the same moment waits, and then sees what it did."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, func, select

from api.db.engine import is_sqlite, writing


def take_turn(connection: Connection, what: str) -> None:
    """Wait until nobody else has the turn at this, and keep it until the transaction ends.

    On SQLite any writer has waited already.
    """
    if not is_sqlite(connection):
        number = func.hashtextextended(what, 0)
        connection.execute(select(func.pg_advisory_xact_lock(number)))


@contextmanager
def acting(engine: Engine) -> Iterator[Connection]:
    """A transaction of `writing` for what a person decides: one after another.

    So whoever would do what somebody has just done, such as to take a decision back, is told.
    """
    with writing(engine) as connection:
        begin_act(connection)
        yield connection


def begin_act(connection: Connection) -> None:
    """Have what is done from here on be one of these acts."""
    take_turn(connection, "act of a person")
