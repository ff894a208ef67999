"""Ending leases with what settles their pairs, wherever that is: in the queue or beside it.

On SQLite leases are in another file than decisions (see `api.db.aside`), so no transaction holds
both. A lease ends as soon as what settles its pair is committed: ended before, somebody else could
be handed the pair as if nothing had been said of it. If the process dies in between, the lease ends
by itself when its time is over.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from api.db.aside import aside_of, has_aside
from api.db.engine import once_committed, reading, writing
from api.db.errors import DatabaseError
from api.services.review import leases
from api.services.review.pairs import PairId
from api.services.review.waiting import still_waits


def end_leases(connection: Connection, pairs: Iterable[PairId], now: datetime) -> None:
    """Have whoever has one of these pairs in hand have it no more, once this is committed.

    Whoever takes one after ``now`` keeps it.
    """
    once_committed(connection, partial(_end, connection.engine, list(pairs), now))


def end_settled_leases(connection: Connection, now: datetime) -> None:
    """The same for every pair that does not wait any more after a run."""
    once_committed(connection, partial(_end_settled, connection.engine, now))


def _end(engine: Engine, pairs: Iterable[PairId], now: datetime) -> None:
    with _aside(engine) as aside:
        if aside is None:
            return
        with writing(aside) as beside:
            for pair in pairs:
                leases.end(beside, pair, now)


def _end_settled(engine: Engine, now: datetime) -> None:
    with _aside(engine) as aside:
        if aside is None:
            return
        with reading(aside) as beside:
            held = leases.taken(beside, now, known=False)
        if not held:
            return
        with reading(engine) as connection:
            over = [pair for pair in sorted(held) if not still_waits(connection, pair)]
        with writing(aside) as beside:
            for pair in over:
                leases.end(beside, pair, now)


@contextmanager
def _aside(engine: Engine) -> Iterator[Engine | None]:
    """Where leases are; nothing where nobody ever took one, for then it is not made for this.

    What this follows is done, whether or not a lease can be ended.
    """
    with suppress(SQLAlchemyError, DatabaseError):
        if not has_aside(engine):
            yield None
            return
        with aside_of(engine) as aside:
            yield aside
