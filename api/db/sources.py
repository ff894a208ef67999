"""Sources with their agreements, their extracts, and what of them could not be read."""

import enum
from datetime import date
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from api.db.append_only import APPEND_ONLY
from api.db.tables import Detail, Hash, Id, Moment, Name, Number, Table, Written


class Source(Table):
    """A system that extracts come from. ``number`` is short for it in other tables."""

    __tablename__ = "source"

    number: Mapped[Id]
    name: Mapped[Name] = mapped_column(unique=True)
    title: Mapped[Written]
    one_record_per_child: Mapped[bool]


class Agreement(Table):
    """What a source may be used for, on which basis, and until when."""

    __tablename__ = "agreement"

    id: Mapped[Id]
    source: Mapped[int] = mapped_column(ForeignKey("source.number"))
    lawful_basis: Mapped[Written]
    purposes: Mapped[Detail]
    starts: Mapped[date | None] = mapped_column(Date)
    ends: Mapped[date | None] = mapped_column(Date)


class SourceMapping(Table):
    """What a person said that the headers of a source's list mean. Appended, never changed.

    ``columns`` gives, by field of the table called ``within``, the header that it is found
    under, or null if a header that would be taken for it is something else. The last one of
    a source holds for the extracts that come after it.
    """

    __tablename__ = "source_mapping"

    id: Mapped[Id]
    source: Mapped[int] = mapped_column(ForeignKey("source.number"))
    within: Mapped[Name]
    columns: Mapped[Detail]
    by: Mapped[Name]
    at: Mapped[Moment]

    __table_args__: Any = (Index(None, "source"), {"info": {APPEND_ONLY: True}})


class ExtractState(enum.StrEnum):
    """Where an extract stands.

    received → validated → accepted → current → superseded; or refused, or withdrawn.
    """

    RECEIVED = "received"
    VALIDATED = "validated"
    ACCEPTED = "accepted"
    CURRENT = "current"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Extract(Table):
    """One upload of a source. ``report`` is its data-quality report, counts only.

    ``refusal`` and ``withdrawal`` say why. ``held_on`` is the date that all its rows give, if
    they do. ``run`` applied it; ``undone_run`` took back what it did, after it had been
    withdrawn. ``job`` is the last one that was queued for it. ``mapping`` says what its headers
    mean beside the definition.
    """

    __tablename__ = "extract"

    id: Mapped[Id]
    source: Mapped[int] = mapped_column(ForeignKey("source.number"))
    state: Mapped[Name]
    mode: Mapped[Name]  # snapshot or delta
    as_of: Mapped[date] = mapped_column(Date)
    file_hash: Mapped[Hash]
    # The ending of the file's name says how it is read; the name itself may hold a person's.
    file_kind: Mapped[Name]
    received_at: Mapped[Moment]
    received_by: Mapped[Name]
    decided_at: Mapped[Moment | None]
    decided_by: Mapped[Name | None]
    refusal: Mapped[Written | None]
    withdrawal: Mapped[Written | None]
    report: Mapped[Detail | None]
    held_on: Mapped[date | None] = mapped_column(Date)
    run: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    undone_run: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    job: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    mapping: Mapped[int | None] = mapped_column(ForeignKey("source_mapping.id"))

    __table_args__ = (Index(None, "source", "state"),)


class ExtractChunk(Table):
    """A part of an extract's file as received, kept until the extract is linked or refused."""

    __tablename__ = "extract_chunk"

    extract: Mapped[int] = mapped_column(ForeignKey("extract.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Reject(Table):
    """A row of an extract that could not become a record, with its place and reason."""

    __tablename__ = "reject"

    id: Mapped[Id]
    extract: Mapped[int] = mapped_column(ForeignKey("extract.id"), index=True)
    file: Mapped[Written]
    row: Mapped[int] = mapped_column(Number)
    # Empty where it cannot be read, once a newer extract of the source is there, or erased.
    record_id: Mapped[Written]
    column: Mapped[Written]
    code: Mapped[Name]
    message: Mapped[Written]


class RuleSet(Table):
    """Linkage rules as they stood: the text of every file, by the hash of all."""

    __tablename__ = "rule_set"

    hash: Mapped[Hash] = mapped_column(primary_key=True)
    files: Mapped[Detail]
    first_used_at: Mapped[Moment]


class ModelFile(Table):
    """A trained model as text, by the hash of its content."""

    __tablename__ = "model_file"

    hash: Mapped[Hash] = mapped_column(primary_key=True)
    content: Mapped[Written]
    first_used_at: Mapped[Moment]
