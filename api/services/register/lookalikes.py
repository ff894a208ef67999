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
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, func, or_, select
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Record, RecordVersion, Run, SearchEntry, Shield, Source
from api.services.access.policy import View
from api.services.register.columns import Numbers, columns
from api.services.register.shields import WHEREABOUTS, shields_in_force
from api.services.register.standing import Standing
from api.services.register.weighing import Nearness, Person, nearness
from matcher.standardise import standardise_record

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


@dataclass(frozen=True, slots=True)
class Spreading:
    """What shields a record comes under by what it is about to say.

    ``any`` says whether it is under one then; ``new`` are those that people set, by number, and
    that are not on it yet. ``nearly`` says that the company of sources could lift it to a
    shielded child at some place, so that it must not count.
    """

    any: bool
    new: frozenset[int]
    nearly: bool


def shields_for(connection: Connection, record: int | None, said: Person) -> Spreading:
    """The shields on a record that is about to be put alone. One query, if there are none.

    Those of all children that it may be spread to it, as to what is linked to one or waits to
    be. That depends on nothing but what it says, and not on the place in that.
    """
    shields = shields_in_force(connection)
    if not shields or said.get("role", "child") != "child":
        return Spreading(False, frozenset(), False)
    own = {one.root for one in shields if one.record == record}
    leading = [one for one in shields if not one.lookalike and one.record != record]
    like, nearly = _like(connection, said, np.unique([one.record for one in leading]))
    roots = {one.root for one in leading if one.record in like}
    return Spreading(bool(own | roots), frozenset(roots - own), nearly)


def _like(connection: Connection, said: Person, shielded: Numbers) -> tuple[set[int], bool]:
    """Those of the shielded records that it might be linked to, and whether others are near."""
    standing = Standing.at(connection) if len(shielded) else None
    if standing is None:
        return set(), False
    near = _near(connection, standing, said, shielded)
    if not len(near):
        return set(), False
    found = nearness_to_shielded(connection, standing, [said] * len(near), near)
    return set(near[found.alone].tolist()), bool(found.by_company.any())


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


def _near(connection: Connection, standing: Standing, said: Person, shielded: Numbers) -> Numbers:
    """Of shielded records those with anything but a place in common with what is said.

    Much less than links need, for the place may add the rest: a letter, or part of a birthday.
    """
    own = standardise_record(said, standing.linkage.names, standing.linkage.values)
    born = own.get("date_of_birth", "")
    letters = sorted({own.get(name, "")[:1] for name in ("forename", "surname")})
    entry = SearchEntry
    ways: list[ColumnElement[bool]] = [
        entry.date_of_birth == "",
        func.substr(entry.forename, 1, 1).in_(letters),
        func.substr(entry.surname, 1, 1).in_(letters),
    ]
    ways += [entry.nhs_number == own["nhs_number"]] if "nhs_number" in own else []
    ways += [entry.upn == own["upn"]] if "upn" in own else []
    if born:
        ways += [
            func.substr(entry.date_of_birth, 1, 4) == born[:4],
            func.substr(entry.date_of_birth, 6, 5) == born[5:],
        ]
    query = select(entry.record).where(among(entry.record, shielded))
    return np.array(sorted(connection.scalars(query.where(or_(*ways)) if born else query)),
                    dtype=np.int64)  # fmt: skip
