"""The queue, decisions, reviewers and known pairs as clients are told of them."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.rest.bodies import Body, whole
from api.rest.numbers import Weight
from api.rest.paging import Page
from api.rest.record_schemas import RecordKey
from api.rest.review_models import PAIR_EXAMPLE, Decision, Kind
from api.rest.text import RecordId, SourceName
from api.services.review.known import Known
from api.services.review.listing import Decided, Queued
from api.services.review.reviewers import ReviewerWeek
from matcher.intervals import Proportion


class QueuedModel(BaseModel):
    """A pair that waits."""

    pair: str = Field(
        description="Numbers of its two records, the smaller first: what addresses of the pair "
        "hold.",
        examples=[PAIR_EXAMPLE],
    )
    kind: Kind = Field(description="Why it waits.")
    l: RecordKey = Field(description="The left record.")
    r: RecordKey = Field(description="The right record.")
    weight: Weight | None = Field(description="In bits.", examples=[2.9])
    taken: bool = Field(description="Somebody has it in hand.")
    answered: bool = Field(
        description="Nothing more is asked of you, and it is open all the same: it is not handed "
        "out to you again. A conflict that you have decided on can be taken."
    )
    answer: int | None = Field(
        description="The number of your answer, where others must answer before it has an effect: "
        "you can take it back. Null otherwise.",
        examples=[31],
    )
    matched: bool = Field(
        description="A contradiction that was decided to be a match, which cannot be followed "
        "while the decisions hold that it comes of: one of these must be decided otherwise."
    )


class QueuePage(Page):
    """What waits, in its order."""

    items: list[QueuedModel]


class DecidedModel(BaseModel):
    """A decision."""

    id: int = Field(description="By which it can be undone.", examples=[12])
    kind: Decision = Field(description="`match`: one child; `non_match`: two.")
    pair: str = Field(
        description="Numbers of its two records, the smaller first: what addresses of the pair "
        "hold.",
        examples=[PAIR_EXAMPLE],
    )
    l: RecordKey = Field(description="The left record.")
    r: RecordKey = Field(description="The right record.")
    by: str = Field(description="Who decided.", examples=["a.smith"])
    at: datetime = Field(description="When, in UTC.")
    why: str = Field(description="The reason that was given.", examples=["same mother"])
    undone: bool = Field(description="Whether it was taken back.")
    run: int | None = Field(description="With which it took effect; none while it waits for one.")
    stale: bool = Field(description="The records say something else by now.")


class DecisionPage(Page):
    """Decisions, the last first."""

    items: list[DecidedModel]


class ShareModel(BaseModel):
    """A share with its counts, and its Wilson 95% interval."""

    numerator: int = Field(description="How many of `denominator`.", examples=[37])
    denominator: int = Field(description="Of how many.", examples=[40])
    value: float | None = Field(description="From 0 to 1; null of none.", examples=[0.95])
    lower: float | None = Field(
        description="Lower end of the interval; null of none.", examples=[0.84]
    )
    upper: float | None = Field(
        description="Upper end of the interval; null of none.", examples=[0.99]
    )


class ReviewerModel(BaseModel):
    """One reviewer in one week."""

    by: str = Field(description="Who reviews.", examples=["a.smith"])
    week: date | None = Field(description="Its Monday; none where all weeks are meant.")
    answers: int = Field(description="How many were given.", examples=[120])
    cannot_tell: int = Field(description="How many of them said so.", examples=[6])
    seconds: float | None = Field(description="Median time for a pair.", examples=[41.5])
    agreed: ShareModel = Field(description="With a second person who did not know the answer.")
    known: ShareModel = Field(description="Pairs of known answer that were answered so.")


class ReviewerList(Page):
    """Reviewers by week, the latest first, and over all weeks."""

    items: list[ReviewerModel]
    overall: list[ReviewerModel] = Field(description="Of those who are named in `items`.")


class NewKnown(Body):
    """Two records of which you know whether they are one child."""

    model_config = whole(
        {
            "source_l": "swift",
            "record_id_l": "5500094",
            "source_r": "systmone",
            "record_id_r": "48201502",
            "kind": "match",
        }
    )

    source_l: SourceName = Field(description="The source of the one record.")
    record_id_l: RecordId = Field(description="Its id there.", examples=["S-1"])
    source_r: SourceName = Field(description="The source of the other record.")
    record_id_r: RecordId = Field(description="Its id there.", examples=["C-1"])
    kind: Literal["match", "non_match"] = Field(description="`match`: one child; `non_match`: two.")


class KnownModel(BaseModel):
    """A pair of known answer."""

    id: int = Field(description="Its number.", examples=[2])
    pair: str = Field(
        description="Numbers of its two records, the smaller first: what addresses of the pair "
        "hold.",
        examples=[PAIR_EXAMPLE],
    )
    l: RecordKey = Field(description="The left record.")
    r: RecordKey = Field(description="The right record.")
    kind: Literal["match", "non_match"] = Field(description="`match`: one child; `non_match`: two.")
    by: str = Field(description="Who marked it.", examples=["a.senior"])
    at: datetime = Field(description="When, in UTC.")
    ended_at: datetime | None = Field(
        description="When it was taken out again, in UTC; null while it is asked."
    )
    answers: int = Field(examples=[4], description="How many reviewers answered it.")
    right: int = Field(examples=[3], description="How many of them so.")


class KnownList(Page):
    """Pairs of known answer, the newest first."""

    items: list[KnownModel]


def queued_model(item: Queued) -> QueuedModel:
    """As it is told."""
    return QueuedModel(
        pair=str(item.pair),
        kind=item.kind,  # type: ignore[arg-type]
        l=RecordKey.of(item.l),
        r=RecordKey.of(item.r),
        weight=item.weight,
        taken=item.taken,
        answered=item.answered,
        answer=item.own,
        matched=item.matched,
    )


def decided_model(made: Decided) -> DecidedModel:
    """As it is told."""
    return DecidedModel(
        id=made.id,
        kind=made.kind,  # type: ignore[arg-type]
        pair=str(made.pair),
        l=RecordKey.of(made.l),
        r=RecordKey.of(made.r),
        by=made.by,
        at=made.at,
        why=made.why,
        undone=made.undone,
        run=made.run,
        stale=made.stale,
    )


def reviewer_model(week: ReviewerWeek) -> ReviewerModel:
    """As it is told."""
    return ReviewerModel(
        by=week.by,
        week=week.week,
        answers=week.answers,
        cannot_tell=week.cannot_tell,
        seconds=week.seconds,
        agreed=_share(week.agreed),
        known=_share(week.known),
    )


def known_model(known: Known) -> KnownModel:
    """As it is told."""
    return KnownModel(
        id=known.id,
        pair=str(known.pair),
        l=RecordKey.of(known.one),
        r=RecordKey.of(known.other),
        kind=known.kind,  # type: ignore[arg-type]
        by=known.by,
        at=known.at,
        ended_at=known.ended_at,
        answers=known.answers,
        right=known.right,
    )


def _share(share: Proportion) -> ShareModel:
    interval = share.interval
    return ShareModel(
        numerator=share.numerator,
        denominator=share.denominator,
        value=share.value,
        lower=None if interval is None else interval.lower,
        upper=None if interval is None else interval.upper,
    )
