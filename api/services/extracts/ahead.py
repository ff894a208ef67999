"""A source as it will be once all that waits of it is done: what a new extract is compared with.

What was accepted or withdrawn changes records with the next run only. An extract that comes
meanwhile takes effect after it, and would be judged by records that are no more by then.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from api.db.models import ModelFile, RuleSet, Run, RunKind
from api.services.extracts.applying import apply
from api.services.extracts.changes import diff
from api.services.extracts.reading import read_kept
from api.services.extracts.states import Due, extracts_due
from api.services.extracts.withdrawal import undo
from api.services.register.running import lock_register
from api.services.rules import RuleBook

_NOT_KEPT = "-"


def due_of(connection: Connection, source: int) -> list[Due]:
    """What the next runs must do of one source, in this order."""
    return [one for one in extracts_due(connection) if one.source == source]


@contextmanager
def once_done(
    connection: Connection, source: int, *, book: RuleBook, now: datetime
) -> Iterator[None]:
    """Within, the source is as the next runs leave it; they are undone, with all else, after.

    Linking is left out: it changes no record.
    """
    due = due_of(connection, source)
    if not due:
        yield
        return
    # Else a run could be doing the same at this moment.
    lock_register(connection)
    done = connection.begin_nested()
    try:
        for one in due_of(connection, source):
            run = _begin(connection, now)
            if one.undo:
                undo(connection, extract=one.extract, run=run)
                continue
            read = read_kept(connection, one.extract, book)
            changes = diff(connection, source=source, read=read, mode=one.mode, as_of=one.as_of)
            apply(connection, changes, extract=one.extract, run=run)
        yield
    finally:
        done.rollback()


def _begin(connection: Connection, now: datetime) -> int:
    """A run of no rules; it has the number that the next one will have."""
    number = (connection.scalar(select(func.max(Run.id))) or 0) + 1
    rules, model = (
        connection.scalar(select(RuleSet.hash)),
        connection.scalar(select(ModelFile.hash)),
    )
    if rules is None:
        rules = _NOT_KEPT
        connection.execute(insert(RuleSet).values(hash=rules, files={}, first_used_at=now))
    if model is None:
        model = _NOT_KEPT
        connection.execute(insert(ModelFile).values(hash=model, content="", first_used_at=now))
    values = {
        "id": number,
        "kind": RunKind.LINK,
        "at": now,
        "by": "",
        "rules": rules,
        "model": model,
    }
    connection.execute(insert(Run).values(**values, population={}, counts={}))
    return number
