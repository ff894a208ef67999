"""Single records that are, or may be, a shielded child's, and what may be told of them.

Whoever may put records could find a shielded child by them: put one with its name and a
guessed address, and see whether the two become one child. So whose child such a record is
can be told by nobody who is not cleared, whether the guess was right or wrong. What makes a
record a lookalike must then not depend on the place that it gives: it is one if it might
be linked to a shielded child with that child's own place, or with any other. For a place can
speak against a link too: the same home makes one child of the family of two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, func, or_, select
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Record, RecordVersion, Run, SearchEntry, Shield, Source
from api.services.access.policy import View
from api.services.register.closure import Flags
from api.services.register.columns import Numbers, columns
from api.services.register.shields import WHEREABOUTS, active_shields, shielded_records, spread_to
from api.services.register.standing import Standing
from api.services.register.weighing import Person, may_be_one, said_now

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Lookalikes:
    """Records that were put since a shield hid whose they may be, by number and by key.

    ``runs`` are those that linked one of them alone: what they did tells of it.
    """

    records: frozenset[int]
    keys: frozenset[Key]
    runs: frozenset[int]


NONE = Lookalikes(frozenset(), frozenset(), frozenset())


def lookalikes(connection: Connection, view: View | None) -> Lookalikes:
    """Those whose child may not be told; none to somebody who is cleared. One query.

    Without a view, of whoever may read the database, they are as untold as to the uncleared.
    """
    if view is not None and view.cleared:
        return NONE
    after = aliased(Run)
    query = (
        _put_since(Shield.record, Source.name, Record.record_id, RecordVersion.from_run,
                   after.id)
        .join(Record, Record.id == Shield.record)
        .join(Source, Source.number == Record.source)
        .outerjoin(after, (after.id == RecordVersion.to_run) & (after.kind == "record"))
    )  # fmt: skip
    rows = connection.execute(query).all()
    return Lookalikes(
        frozenset(row[0] for row in rows),
        frozenset((row[1], row[2]) for row in rows),
        frozenset(run for row in rows for run in row[3:] if run is not None),
    )


def lookalike_keys() -> Select[Any]:
    """Source and record id of each, as a query."""
    return (
        _put_since(Source.name, Record.record_id)
        .join(Record, Record.id == Shield.record)
        .join(Source, Source.number == Record.source)
    )


def lookalike_records(connection: Connection) -> Numbers:
    """Their numbers."""
    return np.unique(columns(connection, _put_since(Shield.record))[0])


def not_lookalike(record: Any, *, cleared: bool) -> list[ColumnElement[bool]]:
    """That a record, by a column, is none of them; no condition for somebody who is cleared."""
    return [] if cleared else [record.not_in(_put_since(Shield.record))]


def shield_lookalike(connection: Connection, record: int, *, now: datetime) -> None:
    """Shield a record that was just put, if it may be of a shielded child. A few queries.

    The shields of all such children spread to it, as to what is linked to one or waits to be,
    and no further.
    """
    shields = active_shields(connection)
    if not shields:
        return
    near = _near(connection, record, np.unique([own for _, own in shields]))
    standing = Standing.at(connection)
    if standing is None or not len(near):
        return
    said = said_now(connection, np.array([record])) * len(near)
    like = set(near[may_be_shielded(connection, standing, said, near)].tolist())
    roots = {root for root, own in shields if own in like}
    spread_to(connection, record, roots, now=now)


def may_be_shielded(
    connection: Connection, standing: Standing, persons: Sequence[Person], shielded: Numbers
) -> Flags:
    """Whether each person might be linked to the shielded record beside it, at any place."""
    return may_be_one(connection, standing, persons, shielded, instead=_places)


# Nobody lives there.
_ELSEWHERE = {"address": "999 Nowhere Reach", "postcode": "ZZ99 9ZZ"}


def _places(shielded: Person) -> list[Person]:
    """A place for each way in which one can be like a shielded record's: from all to nothing."""
    own = {name: shielded.get(name, "") for name in WHEREABOUTS}
    near = f"{own['postcode'][:-3]}9ZZ" if own["postcode"] else ""
    nowhere = dict.fromkeys(WHEREABOUTS, "")
    other = nowhere | _ELSEWHERE
    ways = [
        own,
        nowhere,
        other,
        other | {"postcode": own["postcode"]},
        other | {"address": own["address"]},
        other | {"postcode": near},
    ]
    return [dict(one) for one in dict.fromkeys(tuple(way.items()) for way in ways)]


def _put_since(*what: Any) -> Select[Any]:
    """Columns of records under a shield that said something by themselves since it was set."""
    root = aliased(Shield)
    return (
        select(*what)
        .select_from(Shield)
        .join(root, root.id == func.coalesce(Shield.inherited_from, Shield.id))
        .join(RecordVersion, RecordVersion.record == Shield.record)
        .join(Run, Run.id == RecordVersion.from_run)
        .where(
            Shield.lifted_at.is_(None),
            RecordVersion.extract.is_(None),
            Run.kind == "record",
            Run.at > root.at,
        )
    )


def _near(connection: Connection, record: int, shielded: Numbers) -> Numbers:
    """Of shielded records those with anything but a place in common; none if it is one.

    Much less than links need, for the place may add the rest: a letter, or part of a birthday.
    """
    if record in shielded_records(connection):
        return np.empty(0, np.int64)
    own, other = aliased(SearchEntry), aliased(SearchEntry)

    def part(column: Any, first: int, length: int) -> Any:
        return func.substr(column, first, length)

    names = [(one, two) for one in (own.forename, own.surname) for two in
             (other.forename, other.surname)]  # fmt: skip
    born, known = own.date_of_birth, other.date_of_birth
    query = select(other.record).where(
        own.record == record,
        among(other.record, shielded),
        or_(
            born == "",
            known == "",
            part(born, 1, 4) == part(known, 1, 4),
            part(born, 6, 5) == part(known, 6, 5),
            own.nhs_number == other.nhs_number,
            own.upn == other.upn,
            *(part(one, 1, 1) == part(two, 1, 1) for one, two in names),
        ),
    )
    return np.array(sorted(connection.scalars(query)), dtype=np.int64)
