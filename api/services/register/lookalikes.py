"""Single records that are, or may be, a shielded child's, and what may be told of them.

Whoever may put records could find a shielded child by them: put one with its name and a
guessed address, and see whether the two become one child. So whose child such a record is
can be told by nobody who is not cleared, whether the guess was right or wrong. What makes a
record a lookalike must then not depend on the place that it gives: it is one if it might
be linked to a shielded child with that child's own place, or with any other. For a place can
speak against a link too: the same home makes one child of the family of two. Of one that has
nothing but a place to be linked by, that is not compared, and then all may be told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, false, func, or_, select
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Record, RecordVersion, Run, SearchEntry, Shield, Source
from api.services.access.policy import View
from api.services.register.columns import Numbers, columns
from api.services.register.shields import WHEREABOUTS, shields_in_force
from api.services.register.standing import Standing
from api.services.register.weighing import Nearness, Person, nearness
from matcher.standardise import standardise_record
from matcher.table import Mask

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


def is_lookalike(record: Any) -> ColumnElement[bool]:
    """That a record, by a column, is one of them; where few are asked about."""
    return _put_since(Shield.id).where(Shield.record == record).exists()


@dataclass(frozen=True, slots=True)
class Spreading:
    """What shields a record comes under by what it is about to say, and what must not count.

    ``new`` are those that people set, by number, and that are not on it yet. ``unplaced`` says
    that its place is not compared: it is under a shield then, or has no more than a home in
    common with a shielded child. ``nearly`` says that the company of sources could lift it to
    one at some place, so that it must not count.
    """

    new: frozenset[int]
    unplaced: bool
    nearly: bool


_NOTHING = Spreading(frozenset(), unplaced=False, nearly=False)


def shields_for(connection: Connection, record: int | None, said: Person) -> Spreading:
    """The shields on a record that is about to be put alone. One query, if there are none.

    Those of all children that it may be spread to it, as to what is linked to one or waits to
    be. That depends on nothing but what it says, and not on the place in that.
    """
    shields = shields_in_force(connection)
    if not shields or said.get("role", "child") != "child":
        return _NOTHING
    own = {one.root for one in shields if one.record == record}
    leading = [one for one in shields if not one.lookalike and one.record != record]
    found = _near(connection, said, np.unique([one.record for one in leading]))
    roots = {one.root for one in leading if one.record in found.like}
    return Spreading(frozenset(roots - own), bool(own | roots) or found.by_home, found.by_company)


class _Near(NamedTuple):
    """Shielded records that one is like; whether a home or company could lift it to any.

    It is like those with the same number, and those for which more speaks than against even if
    it lives elsewhere. With others it has a home in common at most.
    """

    like: frozenset[int] = frozenset()
    by_home: bool = False
    by_company: bool = False


def _near(connection: Connection, said: Person, shielded: Numbers) -> _Near:
    """How near it is to these shielded records."""
    standing = Standing.at(connection) if len(shielded) else None
    if standing is None:
        return _Near()
    near, numbered = _sharing(connection, standing, said, shielded)
    if not len(near):
        return _Near()
    found = nearness_to_shielded(connection, standing, [said] * len(near), near)
    like = numbered | (found.alone & (found.least > 0))
    return _Near(
        frozenset(near[like].tolist()), bool(found.alone.any()), bool(found.by_company.any())
    )


def nearness_to_shielded(
    connection: Connection, standing: Standing, persons: Sequence[Person], shielded: Numbers
) -> Nearness:
    """How near each person is to being linked to the shielded record beside it, at any place."""
    return nearness(connection, standing, persons, shielded, instead=_places)


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


def _sharing(
    connection: Connection, standing: Standing, said: Person, shielded: Numbers
) -> tuple[Numbers, Mask]:
    """Of shielded records those with anything but a place in common, and which have a number so.

    Much less than links need, for the place may add the rest: a letter, or part of a birthday.
    All of them if no birthday is said that counts: then the place alone may suffice.
    """
    own = standardise_record(said, standing.linkage.names, standing.linkage.values)
    born = own.get("date_of_birth", "")
    letters = sorted({own.get(name, "")[:1] for name in ("forename", "surname")})
    entry = SearchEntry
    numbers = [getattr(entry, name) == own[name] for name in ("nhs_number", "upn") if name in own]
    numbered = or_(false(), *numbers)
    query = select(entry.record, numbered).where(among(entry.record, shielded))
    if born:
        query = query.where(
            or_(
                entry.date_of_birth == "",
                func.substr(entry.forename, 1, 1).in_(letters),
                func.substr(entry.surname, 1, 1).in_(letters),
                func.substr(entry.date_of_birth, 1, 4) == born[:4],
                func.substr(entry.date_of_birth, 6, 5) == born[5:],
                numbered,
            )
        )
    record, same = columns(connection, query.order_by(entry.record))
    return record, same.astype(bool)
