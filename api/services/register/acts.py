"""What people's acts on the register have in common: a record by its key, a reason, the audit log.

`check_can_x` raises ActError with the reason, `can_x` says whether. Who may do what is
not asked here; the caller knows that.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Membership, Record, RecordVersion, Source
from api.services.access.audit import note_act
from api.services.text import reason
from matcher.errors import MatcherError

Key = tuple[str, str]
"""Source and record id."""


class ActError(MatcherError):
    """What a person asked for cannot be done; the message says why and names nobody."""


class UnknownError(ActError):
    """There is nothing of the number that was named."""


def find_record(connection: Connection, key: Key, *, gone: bool = False) -> int:
    """record.id of a record that is current and a child's; or was, if it may be ``gone``.

    Raises ActError.

    The id that was asked for is not repeated: in some systems it is an NHS number.
    """
    source, record_id = key
    found = connection.execute(
        select(Record.id, RecordVersion.role)
        .join(Source, Source.number == Record.source)
        .outerjoin(
            RecordVersion, (RecordVersion.record == Record.id) & RecordVersion.to_run.is_(None)
        )
        .where(Source.name == source, Record.record_id == record_id)
    ).one_or_none()
    if found is None:
        known = connection.scalar(select(Source.number).where(Source.name == source))
        # The name only if it is one: anything may have been typed in its place.
        what = (
            f"{source} has no record with this id; check both"
            if known is not None
            else ("there is no source of this name in the register; check it")
        )
        raise ActError(what)
    if found.role is None and gone and _was_of_a_child(connection, found.id):
        return int(found.id)
    if found.role is None:
        raise ActError(f"{source} does not list this record any more")
    if found.role != "child":
        raise ActError(f"this record of {source} is not a child's")
    return int(found.id)


def _was_of_a_child(connection: Connection, record: int) -> bool:
    ever = select(Membership.record).where(Membership.record == record)
    return bool(connection.scalar(select(ever.exists())))


def key_of(connection: Connection, record: int) -> Key:
    """The key of a record by record.id, which there is; to act on it, not to be shown."""
    query = (
        select(Source.name, Record.record_id)
        .join(Record, Record.source == Source.number)
        .where(Record.id == record)
    )
    source, record_id = connection.execute(query).one()
    return source, record_id


def keys_of(connection: Connection, records: Iterable[int]) -> dict[int, Key]:
    """The keys of records by record.id; to act on them, not to be shown as they are."""
    query = (
        select(Record.id, Source.name, Record.record_id)
        .join(Source, Source.number == Record.source)
        .where(among(Record.id, np.unique(np.fromiter(records, np.int64))))
    )
    return {number: (source, key) for number, source, key in connection.execute(query)}


def numbers_of(connection: Connection, keys: Collection[Key]) -> dict[Key, int]:
    """record.id of records by their keys, as far as there are such."""
    query = (
        select(Source.name, Record.record_id, Record.id)
        .join(Source, Source.number == Record.source)
        .where(
            Source.name.in_(sorted({source for source, _ in keys})),
            among(Record.record_id, sorted({record_id for _, record_id in keys})),
        )
    )
    every = {(source, key): number for source, key, number in connection.execute(query)}
    return {key: every[key] for key in keys if key in every}


def require_reason(why: str) -> None:
    """Raises ActError unless it is a reason; see `reason`."""
    try:
        reason(why)
    except ValueError as error:
        raise ActError(str(error)) from None


def passes(check: Callable[..., object], *arguments: Any, **named: Any) -> bool:
    """Whether a check raises nothing."""
    try:
        check(*arguments, **named)
    except ActError:
        return False
    return True


def audit(connection: Connection, action: str, about: str, *, by: str, now: datetime) -> None:
    """Write down what was done; ``about`` is a kind and a number, never a value."""
    note_act(connection, action, about, by=by, now=now)
