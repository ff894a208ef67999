"""Other rules, tried on the register before anybody puts them in force."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import Detail, Id, Moment, Name, Table, Written


class PreviewRow(Table):
    """What was asked to be tried, and what it would do to the register after ``after_run``.

    ``files`` are rule files by name, ``model`` a model as text; what is missing stays as it is.
    ``mark`` tells what it would hold by which rules; one without a ``job`` was shown at once.
    """

    __tablename__ = "preview"

    id: Mapped[Id]
    job: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    commit_job: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    after_run: Mapped[int] = mapped_column(ForeignKey("run.id"))
    files: Mapped[Detail | None]
    model: Mapped[Written | None]
    lower: Mapped[float | None]
    upper: Mapped[float | None]
    by: Mapped[Name]
    created_at: Mapped[Moment]
    found: Mapped[Detail | None]
    mark: Mapped[Name | None]

    # A number is never given again: jobs go by it.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012
