"""What must be kept for now, and what was erased for good."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from api.db.append_only import APPEND_ONLY
from api.db.tables import ChildId, Id, Moment, Name, Number, Table, Written


class Hold(Table):
    """That nothing of a record, or of a child, may be erased. Appended, never changed.

    An entry that lifts another names it, and neither record nor child.
    """

    __tablename__ = "hold"

    id: Mapped[Id]
    record: Mapped[int | None] = mapped_column(ForeignKey("record.id"), index=True)
    child: Mapped[ChildId | None] = mapped_column(ForeignKey("child.id"), index=True)
    lifts: Mapped[int | None] = mapped_column(ForeignKey("hold.id"), unique=True)
    why: Mapped[Written]
    by: Mapped[Name]
    at: Mapped[Moment]

    __table_args__ = {"info": {APPEND_ONLY: True}}  # noqa: RUF012


class Erasure(Table):
    """That a run erased so many records, which name it as ``erased_run``.

    ``keys_until`` is when the change feed forgets their sources' keys, and none once it has;
    ``swept_at`` when the files of the database were cleared of what had been deleted.
    """

    __tablename__ = "erasure"

    run: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    records: Mapped[int] = mapped_column(Number)
    why: Mapped[Written]
    by: Mapped[Name]
    at: Mapped[Moment]
    keys_until: Mapped[Moment | None]
    swept_at: Mapped[Moment | None]
