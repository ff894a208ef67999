"""The family of a child as its sources state it: who shares a family id with its records.

Nobody is taken for family by address or name. A shielded child's family is not told, nor is
the child to its family, since either may tell where the other lives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Membership, Record, RecordVersion, Source
from api.services.access.policy import View
from api.services.register.history import Member
from api.services.register.shields import shielded_children
from api.services.register.sundered import severed_children

# What is told of a relative: who it is, not where.
TOLD = ("forename", "middle_names", "surname", "known_as", "name", "sex", "date_of_birth")


@dataclass(frozen=True, slots=True)
class Relative:
    """A record that shares a family id with a child; ``child_id`` is missing of a carer."""

    key: Member
    family_id: str
    role: str
    child_id: str | None
    values: Mapping[str, Any]

    @property
    def place(self) -> tuple[str, str, str]:
        """Where it stands in order."""
        return self.key.source, self.family_id, self.key.record_id


@dataclass(frozen=True, slots=True)
class Family:
    """Relatives in order of source, family and record; none if ``location_hidden``."""

    relatives: Sequence[Relative]
    location_hidden: bool


def view_family(connection: Connection, view: View, child_id: str) -> Family:
    """The family of a current child."""
    if view.hides_location(bool(shielded_children(connection, [child_id]))):
        return Family((), True)
    rows = [row for row in _sharing(connection, child_id) if view.may_see(row.source, "family_id")]
    children = {row.child for row in rows if row.child is not None}
    apart = {other for pair in severed_children(connection, [child_id]) for other in pair}
    hidden = set() if view.cleared else shielded_children(connection, children)
    relatives = [
        Relative(
            Member(row.source, view.shown_id(row.source, row.record_id, row.record), row.record),
            row.family_id,
            row.role,
            row.child,
            view.of_values(
                row.source,
                {name: getattr(row, name) for name in TOLD if getattr(row, name) is not None},
                shielded=False,
            ),
        )
        for row in rows
        if row.child not in hidden | apart
    ]
    return Family(sorted(relatives, key=lambda one: one.place), False)


def _sharing(connection: Connection, child_id: str) -> Sequence[Any]:
    """Records of the same family ids, without the child's own."""
    mine, own = aliased(RecordVersion), aliased(Record)
    families = connection.execute(
        select(own.source, mine.family_id)
        .select_from(Membership)
        .join(mine, (mine.record == Membership.record) & mine.to_run.is_(None))
        .join(own, own.id == mine.record)
        .where(
            Membership.child == child_id,
            Membership.to_run.is_(None),
            mine.family_id.is_not(None),
        )
    ).all()
    known = {(number, family) for number, family in families}
    query = (
        select(
            RecordVersion.record,
            RecordVersion.family_id,
            RecordVersion.role,
            Record.source.label("number"),
            Source.name.label("source"),
            Record.record_id,
            Membership.child,
            *(getattr(RecordVersion, name) for name in TOLD),
        )
        .join(Record, Record.id == RecordVersion.record)
        .join(Source, Source.number == Record.source)
        .outerjoin(Membership, (Membership.record == Record.id) & Membership.to_run.is_(None))
        .where(
            RecordVersion.to_run.is_(None),
            RecordVersion.family_id.is_not(None),
            among(RecordVersion.family_id, sorted({str(family) for _, family in known})),
        )
    )
    return [
        row
        for row in connection.execute(query)
        if (row.number, row.family_id) in known and row.child != child_id
    ]
