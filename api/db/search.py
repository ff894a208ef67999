"""What people search and list by: current records of children in comparable form."""

from typing import Annotated

from sqlalchemy import ForeignKey, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import TEXT
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import ChildId, Id, Moment, Name, Table, Written

# In the order of its characters, on either database; a missing one is empty.
Ordered = Annotated[str, mapped_column(Text().with_variant(TEXT(collation="C"), "postgresql"))]
Flag = Annotated[int, mapped_column(SmallInteger)]

# Characters of a name that are kept: of two of them PostgreSQL's indexes take no more.
LONGEST_NAME = 300

_NAMES = ("surname", "forename", "date_of_birth", "record")


def _few(name: str, where: str) -> Index:
    """Records of a source in order of name, of those few for which something is so."""
    return Index(
        f"ix_search_entry_{name}",
        "source",
        *_NAMES,
        sqlite_where=text(where),
        postgresql_where=text(where),
    )


def _known(column: str) -> Index:
    where = text(f"{column} IS NOT NULL")
    return Index(f"ix_search_entry_{column}", column, sqlite_where=where, postgresql_where=where)


class SearchEntry(Table):
    """What a current record of a child says, standardised, and what the last run made of it.

    Of a name the first ``LONGEST_NAME`` characters are here.
    ``held`` lists the numbers of the sources that hold its child, ascending, apart by spaces.
    The rest is 0 or 1: whether another source holds its child, whether a possible link of
    the child waits, whether a person checked the record.
    """

    __tablename__ = "search_entry"

    record: Mapped[int] = mapped_column(
        ForeignKey("record.id"), primary_key=True, autoincrement=False
    )
    source: Mapped[int] = mapped_column(ForeignKey("source.number"))
    child: Mapped[ChildId] = mapped_column(ForeignKey("child.id"))
    forename: Mapped[Ordered]
    surname: Mapped[Ordered]
    date_of_birth: Mapped[Ordered]
    postcode: Mapped[Written | None]
    address_5: Mapped[Written | None]
    nhs_number: Mapped[Written | None]
    upn: Mapped[Written | None]
    name_prefix: Mapped[Written | None]
    held: Mapped[Written]
    matched: Mapped[Flag]
    possible: Mapped[Flag]
    checked: Mapped[Flag]

    __table_args__ = (
        Index(None, *_NAMES, "source"),
        Index(None, "forename", "surname", "date_of_birth", "record", "source"),
        Index(None, "date_of_birth", "record", "source"),
        _known("postcode"),
        _known("address_5"),
        _known("nhs_number"),
        _known("upn"),
        _known("name_prefix"),
        Index(None, "source", "held", "possible", "checked"),
        _few("unmatched", "matched = 0"),
        _few("possible", "possible = 1"),
        _few("checked", "checked = 1"),
    )


class CheckedRecord(Table):
    """That a person checked whom a record belongs with, until that was undone."""

    __tablename__ = "checked_record"

    id: Mapped[Id]
    record: Mapped[int] = mapped_column(ForeignKey("record.id"))
    by: Mapped[Name]
    at: Mapped[Moment]
    undone_by: Mapped[Name | None]
    undone_at: Mapped[Moment | None]

    __table_args__ = (
        Index(
            "ix_checked_record_now",
            "record",
            unique=True,
            sqlite_where=text("undone_at IS NULL"),
            postgresql_where=text("undone_at IS NULL"),
        ),
    )
