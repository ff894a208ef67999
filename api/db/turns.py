"""Taking turns: who does what another does at the same moment waits, and then sees what it did."""

from sqlalchemy import Connection, func, select

from api.db.engine import is_sqlite


def take_turn(connection: Connection, what: str) -> None:
    """Wait until nobody else has the turn at this, and keep it until the transaction ends.

    On SQLite any writer has waited already.
    """
    if not is_sqlite(connection):
        number = func.hashtextextended(what, 0)
        connection.execute(select(func.pg_advisory_xact_lock(number)))
