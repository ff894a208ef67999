"""Queued work, and who did what."""

import enum

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from api.db.append_only import APPEND_ONLY
from api.db.tables import Detail, Hash, Id, Moment, Name, Number, Table, Written


class JobState(enum.StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(Table):
    """A piece of work that a worker claims, reports on and finishes, all or nothing.

    ``attempts`` counts claims; ``faults`` those that ended in a fault of the software, and
    ``losses`` those whose worker was killed or cut off.
    """

    __tablename__ = "job"

    id: Mapped[Id]
    kind: Mapped[Name]
    request: Mapped[Detail]
    state: Mapped[Name]
    by: Mapped[Name]
    created_at: Mapped[Moment]
    claimed_by: Mapped[Name | None]
    started_at: Mapped[Moment | None]
    heartbeat_at: Mapped[Moment | None]
    finished_at: Mapped[Moment | None]
    attempts: Mapped[int] = mapped_column(Number)
    faults: Mapped[int] = mapped_column(Number)
    losses: Mapped[int] = mapped_column(Number)
    stage: Mapped[Name | None]
    done: Mapped[int | None] = mapped_column(Number)
    total: Mapped[int | None] = mapped_column(Number)
    seconds_left: Mapped[int | None] = mapped_column(Number)
    cancel_asked: Mapped[bool]
    outcome: Mapped[Detail | None]
    problem: Mapped[Written | None]

    __table_args__ = (Index(None, "state", "id"),)


class Audit(Table):
    """Who did what to what, when and for which purpose. Ids and counts only.

    Numbered without gaps; each ``hash`` seals the entry and the one before it.
    """

    __tablename__ = "audit"

    id: Mapped[Id]
    at: Mapped[Moment]
    by: Mapped[Name]
    action: Mapped[Name]
    about: Mapped[Written]
    purpose: Mapped[Name | None]
    detail: Mapped[Detail]
    previous: Mapped[Hash]
    hash: Mapped[Hash]

    __table_args__ = {"info": {APPEND_ONLY: True}}  # noqa: RUF012
