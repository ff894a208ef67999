"""Reviewers' answers, and what they have in hand.

An answer is about two records by record.id, ``low`` before ``high``. What is kept ``ASIDE``
is in a database file of its own beside a SQLite register (see `api.db.aside`), so that pairs
can be handed out while a run is under way; it refers to no row of other tables.
"""

from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from api.db.access import ASIDE
from api.db.tables import Detail, Id, Moment, Name, Number, Table, Written

Fields = Annotated[list[str], mapped_column(JSON(none_as_null=True))]
Weighed = Annotated[dict[str, Any], mapped_column(JSON(none_as_null=True))]


class ReviewAnswer(Table):
    """What a reviewer said of a pair that was handed to them.

    ``state`` is entered (as ``decision``), waiting (for a second reviewer), differs (two
    answers that a senior reviewer must settle), settled (by one, as ``decision``), known (it
    measures the reviewer) or void (taken back, or given on values that are others by now).
    ``agreed`` says, once two people answered blind, whether they said the same. ``read`` is a
    hash of what the two records said. ``seconds`` is how long the reviewer had the pair; none
    of one that they chose themselves, which was not handed out. ``weighed`` is what the pair's
    weight was made of then, as far as they might see it (see `api.services.review.weights`).
    """

    __tablename__ = "review_answer"

    id: Mapped[Id]
    low: Mapped[int] = mapped_column(ForeignKey("record.id"))
    high: Mapped[int] = mapped_column(ForeignKey("record.id"), index=True)
    kind: Mapped[Name]
    why: Mapped[Written]
    by: Mapped[Name]
    at: Mapped[Moment]
    seconds: Mapped[float | None]
    read: Mapped[Name]
    state: Mapped[Name]
    agreed: Mapped[bool | None]
    decision: Mapped[int | None] = mapped_column(ForeignKey("decision.id"), index=True)
    known: Mapped[int | None] = mapped_column(ForeignKey("known_pair.id"), index=True)
    weighed: Mapped[Weighed | None]

    __table_args__ = (Index(None, "low", "high"), Index(None, "by", "id"), Index(None, "state"))


class Referral(Table):
    """That a reviewer leaves a pair to a senior one. Settled by the next decision on it."""

    __tablename__ = "referral"

    id: Mapped[Id]
    low: Mapped[int] = mapped_column(ForeignKey("record.id"))
    high: Mapped[int] = mapped_column(ForeignKey("record.id"), index=True)
    note: Mapped[Written]
    by: Mapped[Name]
    at: Mapped[Moment]
    # The last decision when it was made; later ones settle it.
    after_decision: Mapped[int] = mapped_column(Number)

    __table_args__ = (Index(None, "low", "high"),)


class KnownPair(Table):
    """A pair of which a steward knows the answer, to see how well reviewers find it."""

    __tablename__ = "known_pair"

    id: Mapped[Id]
    low: Mapped[int] = mapped_column(ForeignKey("record.id"))
    high: Mapped[int] = mapped_column(ForeignKey("record.id"), index=True)
    kind: Mapped[Name]
    by: Mapped[Name]
    at: Mapped[Moment]
    ended_at: Mapped[Moment | None]

    __table_args__ = (Index(None, "low", "high"),)


class QualitySample(Table):
    """Kept pairs drawn at random, by stratum, to estimate precision and recall.

    As of ``run``, under the thresholds ``lower`` and ``upper``. ``strata`` has the number of
    pairs of each stratum that has any, ``decided`` how many pairs people had decided before
    and are in no stratum. Decisions after ``after_decision`` answer it.
    """

    __tablename__ = "quality_sample"

    id: Mapped[Id]
    run: Mapped[int] = mapped_column(ForeignKey("run.id"))
    seed: Mapped[int] = mapped_column(BigInteger)
    lower: Mapped[float]
    upper: Mapped[float]
    strata: Mapped[Detail]
    decided: Mapped[Detail]
    by: Mapped[Name]
    at: Mapped[Moment]
    after_decision: Mapped[int] = mapped_column(Number)


class SampledPair(Table):
    """A pair of a sample. ``chance`` is how likely it was to be drawn.

    ``turn`` is a random number in [0, 1): the smallest is handed out first.
    """

    __tablename__ = "sampled_pair"

    sample: Mapped[int] = mapped_column(ForeignKey("quality_sample.id"), primary_key=True)
    low: Mapped[int] = mapped_column(ForeignKey("record.id"), primary_key=True)
    high: Mapped[int] = mapped_column(ForeignKey("record.id"), primary_key=True, index=True)
    stratum: Mapped[Name]
    chance: Mapped[float]
    turn: Mapped[float]

    __table_args__ = (Index(None, "low", "high"),)


class ReviewLease(Table):
    """That a reviewer has a pair in hand. Each pair is in one hand, each hand holds one pair.

    ``state`` is what the reviewer saw, as hashes and numbers; ``etag`` a hash of it.
    ``revealed`` are masked fields that the reviewer had shown. ``done_at`` is set by the
    answer; the pair stays taken for moments more, until the answer can be seen by all.
    """

    __tablename__ = "review_lease"

    low: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    high: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    by: Mapped[Name]
    token: Mapped[Name]
    kind: Mapped[Name]
    known: Mapped[int | None] = mapped_column(Number)
    state: Mapped[Detail]
    etag: Mapped[Name]
    revealed: Mapped[Fields]
    taken_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    done_at: Mapped[Moment | None]

    __table_args__: Any = (
        Index(
            "ix_review_lease_in_hand",
            "by",
            unique=True,
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
        {"info": {ASIDE: True}},
    )


class ReviewSkip(Table):
    """That a reviewer passed a pair over; gone when somebody else had it."""

    __tablename__ = "review_skip"

    low: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    high: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    by: Mapped[Name] = mapped_column(primary_key=True)
    at: Mapped[Moment]

    __table_args__: Any = (Index(None, "by"), {"info": {ASIDE: True}})
