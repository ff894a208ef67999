"""Files written for a caller to fetch within a day, and measures computed for all."""

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import Detail, Hash, Id, Moment, Name, Number, Table


class ExportFile(Table):
    """A part of the register as a file. ``scope`` says what its caller may see.

    ``as_of`` is a run. ``size`` in bytes and ``rows`` are known when its job is done.
    """

    __tablename__ = "export_file"

    id: Mapped[Id]
    job: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    what: Mapped[Name]
    format: Mapped[Name]
    as_of: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    scope: Mapped[Detail]
    by: Mapped[Name]
    purpose: Mapped[Name]
    created_at: Mapped[Moment] = mapped_column(index=True)
    size: Mapped[int | None] = mapped_column(Number)
    rows: Mapped[int | None] = mapped_column(Number)


class ExportChunk(Table):
    """A part of such a file."""

    __tablename__ = "export_chunk"

    export: Mapped[int] = mapped_column(ForeignKey("export_file.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class KeptMeasures(Table):
    """All measures as of a run, by the rules that define them."""

    __tablename__ = "kept_measures"

    run: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    rules: Mapped[Hash] = mapped_column(primary_key=True)
    computed_at: Mapped[Moment]
    results: Mapped[Detail]
