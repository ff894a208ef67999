"""What every table shares: naming of constraints, column types, validity by run.

Rows that change over time carry ``from_run`` and ``to_run``: the run that made them true
and the run from which they no longer are (missing while they hold). Reading the register
as of run R means ``from_run <= R and (to_run is null or to_run > R)``.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import DateTime

NAMES_OF_CONSTRAINTS = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# SQLite numbers rows by itself only where the key is an INTEGER.
Number = BigInteger().with_variant(Integer, "sqlite")

Id = Annotated[int, mapped_column(Number, primary_key=True, autoincrement=True)]
Name = Annotated[str, mapped_column(String(64))]
Hash = Annotated[str, mapped_column(String(64))]
ChildId = Annotated[str, mapped_column(String(13))]
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Written = Annotated[str, mapped_column(Text)]
Detail = Annotated[dict[str, Any], mapped_column(JSON)]
FromRun = Annotated[int, mapped_column(ForeignKey("run.id"))]
ToRun = Annotated[int | None, mapped_column(ForeignKey("run.id"))]


class Table(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMES_OF_CONSTRAINTS)


def in_utc(moment: datetime) -> datetime:
    """A moment with its time zone, which SQLite does not keep."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
