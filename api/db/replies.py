"""Answers kept, so that the same request again has no second effect."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import Detail, Hash, Moment, Name, Number, Table, Written


class KeptReply(Table):
    """The answer to a request, by who made it and the hash of the key it named.

    ``request`` is a hash of all that was asked. The answer is missing only within the
    transaction that makes it. ``about`` are the ids that it tells of, ``told`` a hash of what
    its caller might be told of these then.
    """

    __tablename__ = "kept_reply"

    by: Mapped[Name] = mapped_column(primary_key=True)
    key: Mapped[Hash] = mapped_column(primary_key=True)
    request: Mapped[Hash]
    at: Mapped[Moment]
    status: Mapped[int | None] = mapped_column(Number)
    headers: Mapped[Detail | None]
    body: Mapped[Written | None]
    about: Mapped[Detail | None]
    told: Mapped[Hash | None]

    __table_args__ = (Index(None, "at"),)
