"""Children, who belongs to them, what survives of them, and what people said of it."""

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import ChildId, Detail, FromRun, Id, Moment, Name, Table, ToRun, Written


class Child(Table):
    """A child's identifier, for ever. ``to_run`` is set when no record is left with it."""

    __tablename__ = "child"

    id: Mapped[ChildId] = mapped_column(primary_key=True)
    from_run: Mapped[FromRun]
    to_run: Mapped[ToRun]


class Succession(Table):
    """That records of one child went to another: a merge (``merged``) or a split (``split``)."""

    __tablename__ = "succession"

    id: Mapped[Id]
    run: Mapped[int] = mapped_column(ForeignKey("run.id"))
    kind: Mapped[Name]
    child: Mapped[str] = mapped_column(ForeignKey("child.id"))
    successor: Mapped[str] = mapped_column(ForeignKey("child.id"), index=True)

    __table_args__ = (Index(None, "child", "run"),)


class Membership(Table):
    """That a record belongs to a child, from one run until another."""

    __tablename__ = "membership"

    record: Mapped[int] = mapped_column(ForeignKey("record.id"), primary_key=True)
    from_run: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    to_run: Mapped[ToRun]
    child: Mapped[str] = mapped_column(ForeignKey("child.id"))

    __table_args__ = (
        Index(None, "child", "to_run"),
        # Without those that hold until now, which are most: SQLite would look through them.
        Index(
            None,
            "to_run",
            sqlite_where=text("to_run IS NOT NULL"),
            postgresql_where=text("to_run IS NOT NULL"),
        ),
        # A record belongs to one child at a time, which is found however often it moved.
        Index(
            "ix_membership_record_now",
            "record",
            unique=True,
            sqlite_where=text("to_run IS NULL"),
            postgresql_where=text("to_run IS NULL"),
        ),
    )


class Golden(Table):
    """The golden values of a child and the source of each, from one run until another."""

    __tablename__ = "golden"

    child: Mapped[str] = mapped_column(ForeignKey("child.id"), primary_key=True)
    from_run: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    to_run: Mapped[ToRun]
    forename: Mapped[Written | None]
    forename_source: Mapped[Name | None]
    surname: Mapped[Written | None]
    surname_source: Mapped[Name | None]
    date_of_birth: Mapped[Written | None]
    date_of_birth_source: Mapped[Name | None]
    sex: Mapped[Written | None]
    sex_source: Mapped[Name | None]
    nhs_number: Mapped[Written | None]
    nhs_number_source: Mapped[Name | None]
    upn: Mapped[Written | None]
    upn_source: Mapped[Name | None]
    address: Mapped[Written | None]
    address_source: Mapped[Name | None]
    postcode: Mapped[Written | None]
    postcode_source: Mapped[Name | None]


class Decision(Table):
    """What a person said of a pair. Appended, never changed.

    ``kind`` is match, non_match, cannot_tell, or undo; an undo names the decision that it
    takes back. ``values_l`` and ``values_r`` are what the records said when it was made.
    ``change`` is the first decision of the change that it was entered with as a whole, such as
    records that were moved between children; none of a decision on its own.
    """

    __tablename__ = "decision"

    id: Mapped[Id]
    kind: Mapped[Name]
    record_l: Mapped[int] = mapped_column(ForeignKey("record.id"), index=True)
    record_r: Mapped[int] = mapped_column(ForeignKey("record.id"), index=True)
    values_l: Mapped[Detail]
    values_r: Mapped[Detail]
    why: Mapped[Written]
    by: Mapped[Name]
    at: Mapped[Moment]
    undoes: Mapped[int | None] = mapped_column(ForeignKey("decision.id"), index=True)
    change: Mapped[int | None] = mapped_column(ForeignKey("decision.id"), index=True)
    # The run that first held it; none while it waits for one.
    run: Mapped[int | None] = mapped_column(ForeignKey("run.id"), index=True)
    # The run since which the records say something else; none while they do not.
    stale_run: Mapped[int | None] = mapped_column(ForeignKey("run.id"), index=True)


class Correction(Table):
    """A golden value that a person set by hand; it stays until it is released.

    It hangs on a record, so that it goes where that record's child goes.
    """

    __tablename__ = "correction"

    id: Mapped[Id]
    record: Mapped[int] = mapped_column(ForeignKey("record.id"), index=True)
    field: Mapped[Name]
    value: Mapped[Written]
    why: Mapped[Written]
    by: Mapped[Name]
    at: Mapped[Moment]
    released_by: Mapped[Name | None]
    released_at: Mapped[Moment | None]
    released_why: Mapped[Written | None]
    # The run that last heeded it; none while it waits for one.
    run: Mapped[int | None] = mapped_column(ForeignKey("run.id"), index=True)


class Shield(Table):
    """That a record's child must not be found by place. Spreads to plausible matches.

    ``inherited_from`` is the shield that a person set and that this one spread from. One on a
    ``lookalike``, a record that was put like a shielded child's since, hides this record alone
    and spreads no further.
    """

    __tablename__ = "shield"

    id: Mapped[Id]
    record: Mapped[int] = mapped_column(ForeignKey("record.id"), index=True)
    inherited_from: Mapped[int | None] = mapped_column(ForeignKey("shield.id"))
    lookalike: Mapped[bool]
    why: Mapped[Written]
    by: Mapped[Name]
    at: Mapped[Moment]
    lifted_by: Mapped[Name | None]
    lifted_at: Mapped[Moment | None]
    lifted_why: Mapped[Written | None]


class Severance(Table):
    """Two records, of an adopted child's two identities, that never come together again.

    ``inherited_from`` is what a person entered, if this one was not: one of the two joined a side
    of it since.
    """

    __tablename__ = "severance"

    id: Mapped[Id]
    record_l: Mapped[int] = mapped_column(ForeignKey("record.id"), index=True)
    record_r: Mapped[int] = mapped_column(ForeignKey("record.id"), index=True)
    why: Mapped[Written]
    by: Mapped[Name]
    at: Mapped[Moment]
    run: Mapped[int | None] = mapped_column(ForeignKey("run.id"), index=True)
    inherited_from: Mapped[int | None] = mapped_column(ForeignKey("severance.id"))


class Conflict(Table):
    """What a person must settle: decisions that contradict, or records that exclude each other.

    ``kind`` is contradiction, held_twice or refused_link. ``record_l`` is first in key order.
    """

    __tablename__ = "conflict"

    id: Mapped[Id]
    kind: Mapped[Name]
    record_l: Mapped[int] = mapped_column(ForeignKey("record.id"), index=True)
    record_r: Mapped[int] = mapped_column(ForeignKey("record.id"), index=True)
    from_run: Mapped[FromRun]
    to_run: Mapped[ToRun]


class Event(Table):
    """One entry of the change feed; replaying all of them gives the register.

    ``kind`` is child_created, child_restored, child_split, child_merged, child_emptied,
    record_unlinked, record_linked or values_changed. ``detail`` holds ids and names of
    fields, no values.
    """

    __tablename__ = "event"

    id: Mapped[Id]
    run: Mapped[int] = mapped_column(ForeignKey("run.id"), index=True)
    kind: Mapped[Name]
    child: Mapped[str] = mapped_column(ForeignKey("child.id"), index=True)
    source: Mapped[Name | None]
    record_id: Mapped[Written | None]
    detail: Mapped[Detail | None]
