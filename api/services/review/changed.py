"""What two records say now, beside what they said when a reviewer was shown them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, select

from api.db.models import RecordVersion
from api.services.register.acts import Key
from api.services.register.severances import are_severed
from api.services.register.shields import WHEREABOUTS, shielded_records
from api.services.register.values import values_now
from api.services.review.leases import Lease
from api.services.review.pairs import PairId, Reviewer, shown_keys
from api.services.review.seen import FIELDS
from matcher.rules.review import ReviewRules


@dataclass(frozen=True, slots=True)
class ChangedField:
    """A field by its name. Both values are missing where it is ``masked``, one where it is new
    or gone."""

    name: str
    then: str | None
    now: str | None
    masked: bool


@dataclass(frozen=True, slots=True)
class ChangedRecord:
    """A record that says something else. ``unseen`` says that more has changed than may be told.

    ``gone`` is one that its source does not list any more; nothing else is told of it.
    """

    key: Key
    fields: tuple[ChangedField, ...]
    unseen: bool
    gone: bool


def changed_records(
    connection: Connection, rules: ReviewRules, reviewer: Reviewer, lease: Lease
) -> list[ChangedRecord]:
    """What the records of the pair in hand say otherwise than when it was shown, in key order.

    Nothing of what the reviewer may not see.
    """
    pair = lease.pair
    keys = shown_keys(connection, reviewer.view, [pair.low, pair.high])
    unseen = {source for source, _ in keys.values()} - reviewer.view.sources
    if unseen or are_severed(connection, pair.low, pair.high):
        return []
    now = values_now(connection, keys)
    then = _shown(connection, pair, lease.state)
    shielded = set(shielded_records(connection).tolist())
    placeless = reviewer.view.hides_location(bool(shielded & keys.keys()))
    masked = set(rules.masked) - lease.revealed
    found = []
    for record in keys:
        source = keys[record][0]
        if record not in now:
            found.append(ChangedRecord(keys[record], (), unseen=False, gone=True))
            continue
        before, after = then.get(record, {}), now[record]
        names = [name for name in FIELDS if before and before.get(name) != after.get(name)]
        may_see = [
            name
            for name in names
            if reviewer.view.may_see(source, name) and not (placeless and name in WHEREABOUTS)
        ]
        fields = tuple(
            ChangedField(name, None, None, masked=True)
            if name in masked
            else ChangedField(name, before.get(name), after.get(name), masked=False)
            for name in may_see
        )
        if names:
            found.append(
                ChangedRecord(keys[record], fields, unseen=len(names) > len(fields), gone=False)
            )
    return found


def _shown(
    connection: Connection, pair: PairId, state: Mapping[str, str | None]
) -> dict[int, dict[str, str]]:
    """What the records said when the pair was shown, by record.id, found by its hash."""
    found = {}
    for record, hashed in ((pair.low, state["low"]), (pair.high, state["high"])):
        if hashed is None:
            continue
        content = np.uint64(int(hashed, 16)).astype(np.int64).item()
        columns = [getattr(RecordVersion, name) for name in FIELDS]
        row = connection.execute(
            select(*columns)
            .where(RecordVersion.record == record, RecordVersion.content_hash == content)
            .limit(1)
        ).one_or_none()
        if row is not None:
            found[record] = {
                name: str(value)
                for name, value in row._mapping.items()
                if value is not None and value != ""
            }
    return found
