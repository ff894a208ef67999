"""Records as lists show them: what they say as written, and who else holds their child."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Record, RecordVersion, SearchEntry, Source
from api.services.access.policy import View
from api.services.register.shields import shielded_records
from api.services.register.states import Holdings


@dataclass(frozen=True, slots=True)
class ListedRecord:
    """A record in a list. Values are as written; ``record`` is record.id.

    ``held`` names the sources that hold its child, its own among them, without those that do by
    a record of which it may not be told whose it is. ``possible`` says that
    a possible link of the child waits, ``checked`` that a person checked the record, and
    ``location_hidden`` that where the child lives was left out.
    """

    record: int
    source: str
    record_id: str
    child_id: str
    forename: str | None
    surname: str | None
    date_of_birth: date | None
    address: str | None
    postcode: str | None
    held: tuple[str, ...]
    possible: bool
    checked: bool
    location_hidden: bool


def listed_records(
    connection: Connection, records: Sequence[int], *, cleared: bool
) -> list[ListedRecord]:
    """Records in the order in which they are given, by record.id.

    ``cleared`` callers are told where shielded children live.
    """
    if not records:
        return []
    wanted = np.array(records, dtype=np.int64)
    names: dict[int, str] = dict(iter(connection.execute(select(Source.number, Source.name))))
    hidden = set() if cleared else set(shielded_records(connection).tolist())
    holdings = Holdings.of(connection, seen=None, cleared=cleared)
    query = (
        select(SearchEntry, Record.record_id, RecordVersion)
        .with_only_columns(
            SearchEntry.record,
            SearchEntry.source,
            Record.record_id,
            SearchEntry.child,
            RecordVersion.forename,
            RecordVersion.surname,
            RecordVersion.name,
            RecordVersion.date_of_birth,
            RecordVersion.address,
            RecordVersion.postcode,
            SearchEntry.held,
            SearchEntry.possible,
            SearchEntry.checked,
        )
        .join(Record, Record.id == SearchEntry.record)
        .join(RecordVersion, RecordVersion.record == SearchEntry.record)
        .where(RecordVersion.to_run.is_(None), among(SearchEntry.record, wanted))
    )
    found = {}
    for row in connection.execute(query):
        secret = row.record in hidden
        found[row.record] = ListedRecord(
            record=row.record,
            source=names[row.source],
            record_id=row.record_id,
            child_id=row.child,
            forename=row.forename,
            # A name in one field stands whole in the column that lists are read by.
            surname=row.surname if row.surname or row.forename else row.name,
            date_of_birth=row.date_of_birth,
            address=None if secret else row.address,
            postcode=None if secret else row.postcode,
            held=tuple(
                names[number]
                for number in sorted(holdings.held.get(row.child, map(int, row.held.split())))
            ),
            possible=bool(row.possible),
            checked=bool(row.checked),
            location_hidden=secret,
        )
    return [found[record] for record in records]


def as_seen(view: View, record: ListedRecord) -> ListedRecord:
    """The same by an id that may be told."""
    shown = view.shown_id(record.source, record.record_id, record.record)
    return replace(record, record_id=shown)
