"""Records that a person checked in the workbench, so that nobody looks at them again."""

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from api.db.models import CheckedRecord, SearchEntry
from api.services.register.acts import Key, audit, find_record


def mark_checked(connection: Connection, *, record: Key, by: str, now: datetime) -> bool:
    """Note that somebody checked whom a record belongs with; whether it was not noted yet.

    It stays until it is undone, whatever the record comes to say. Raises ActError if there
    is no such record of a child.
    """
    number = find_record(connection, record)
    if is_checked(connection, number):
        return False
    connection.execute(insert(CheckedRecord).values(record=number, by=by, at=now))
    _flag(connection, number, 1)
    audit(connection, "record_checked", f"record {number}", by=by, now=now)
    return True


def unmark_checked(connection: Connection, *, record: Key, by: str, now: datetime) -> bool:
    """Take that back; whether it was noted. Raises ActError if there is no such record."""
    number = find_record(connection, record)
    if not is_checked(connection, number):
        return False
    connection.execute(
        update(CheckedRecord)
        .where(CheckedRecord.record == number, CheckedRecord.undone_at.is_(None))
        .values(undone_by=by, undone_at=now)
    )
    _flag(connection, number, 0)
    audit(connection, "record_unchecked", f"record {number}", by=by, now=now)
    return True


def is_checked(connection: Connection, number: int) -> bool:
    """Whether a record (record.id) is checked by now."""
    query = select(CheckedRecord.id).where(
        CheckedRecord.record == number, CheckedRecord.undone_at.is_(None)
    )
    return connection.scalar(query) is not None


def _flag(connection: Connection, number: int, value: int) -> None:
    connection.execute(
        update(SearchEntry).where(SearchEntry.record == number).values(checked=value)
    )
