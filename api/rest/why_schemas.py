"""What is told of why two records are held to be one child."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.rest.numbers import PartOfWeight, Probability, Weight
from api.rest.paging import Page
from api.rest.record_schemas import RecordKey
from api.services.register.apart import KeptApart
from api.services.register.why import Explained


class Part(BaseModel):
    """What one comparison says of two records."""

    comparison: str = Field(description="Its name in the rules.", examples=["forename"])
    title: str = Field(description="Its name for people.", examples=["Forename"])
    level: str | None = Field(
        description="The level reached; none where a value is missing, or may not be seen.",
        examples=["same"],
    )
    sentence: str | None = Field(
        description="What was found, in words; null where `level` is.",
        examples=["forename is the same"],
    )
    weight: PartOfWeight | None = Field(
        description="Partial weight in bits; none where it may not be seen.", examples=[7.25]
    )
    hidden: bool = Field(description="Whether level, sentence and weight may not be seen.")


class DecisionSaid(BaseModel):
    """What a person decided on two records."""

    id: int = Field(description="By which it can be undone.", examples=[31])
    kind: Literal["match", "non_match", "cannot_tell"] = Field(
        description="`match`: one child; `non_match`: two."
    )
    by: str = Field(description="Who decided.", examples=["j.reviewer"])
    at: datetime = Field(description="When, in UTC.")
    why: str = Field(
        description="The reason that was given.", examples=["the mother confirmed both addresses"]
    )
    in_force: bool = Field(
        description="Whether linkage goes by it; not once it is undone, or before the next run."
    )
    values_changed: bool = Field(description="Whether a record says something else since.")
    change: int | None = Field(
        description="The first decision of the change that it was entered with as a whole, such as "
        "records that were moved between children: to undo one undoes all of it. Null of a "
        "decision on its own.",
        examples=[30],
    )


class Apart(BaseModel):
    """A decision that keeps a record of the child apart from one of another child.

    A split that it made ends when it is undone.
    """

    id: int = Field(description="By which it can be undone.", examples=[33])
    record: RecordKey = Field(description="The record of the child that was asked for.")
    other: RecordKey = Field(description="The record of the other child.")
    other_child_id: str = Field(description="The other child.", examples=["R7K5WPZE84P4H"])
    by: str = Field(description="Who decided.", examples=["j.reviewer"])
    at: datetime = Field(description="When, in UTC.")
    why: str = Field(
        description="The reason that was given.", examples=["twins, says their health visitor"]
    )
    values_changed: bool = Field(description="Whether a record says something else since.")
    change: int | None = Field(
        description="As of `decisions`: all of that change is undone with this one.",
        examples=[30],
    )


APART = (
    "Decisions in force that keep its records apart from those of other children, the last first: "
    "the last 100, on the first page only."
)


class Explanation(BaseModel):
    """Two records, and why they are held to be one child or not.

    `weight` is `prior` + `company` + the weights of all `parts` that are not hidden, and the
    number that the queue and the exported links have for the same purpose.
    """

    left: RecordKey = Field(description="The one record.")
    right: RecordKey = Field(description="The other record.")
    weight: Weight = Field(description="In bits: log2 of the odds.", examples=[14.625])
    probability: Probability = Field(
        description="From 0 to 1: how likely the two are one child.", examples=[0.999961]
    )
    prior: PartOfWeight = Field(
        description="In bits: log2 of the odds before the two are compared.",
        examples=[-13.25],
    )
    company: PartOfWeight = Field(
        description="What the sources that hold only one of the two say, in bits.", examples=[0.0]
    )
    link: bool = Field(description="Whether the last run followed this pair.")
    because: Literal["apart", "rival", "weak", "common"] | None = Field(
        description="Why the model does not link the two by themselves: a comparison rules it out, "
        "another record fits nearly as well, the weight is too low, or nothing agrees but what "
        "many children have in common, such as a birthday. Null where it links them, or where "
        "that may not be told.",
        examples=["weak"],
    )
    withheld: bool = Field(
        description="Whether something that may not be seen counts for or against the two, "
        "which is in none of these numbers."
    )
    parts: list[Part] = Field(description="One for each comparison of the rules.")
    decisions: list[DecisionSaid] = Field(
        description="What people decided on the two, if anything."
    )


class RecordWhy(Page):
    """A record beside each other record of its child, in order of source and id."""

    record: RecordKey = Field(description="The record that was asked for.")
    child_id: str = Field(description="The child that it belongs to.", examples=["5QK2M8ZR0T4WF"])
    items: list[Explanation]
    apart: list[Apart] = Field(description=APART)


def apart_of(found: KeptApart) -> Apart:
    """A decision that keeps two children apart."""
    return Apart(
        id=found.id,
        record=RecordKey(source=found.own.source, record_id=found.own.record_id),
        other=RecordKey(source=found.other.source, record_id=found.other.record_id),
        other_child_id=found.child,
        by=found.by,
        at=found.at,
        why=found.why,
        values_changed=found.values_changed,
        change=found.change,
    )


def explanation_of(found: Explained) -> Explanation:
    """Why two records are one child."""
    return Explanation(
        left=RecordKey(source=found.l.source, record_id=found.l.record_id),
        right=RecordKey(source=found.r.source, record_id=found.r.record_id),
        weight=found.weight,
        probability=found.probability,
        prior=found.prior,
        company=found.company,
        link=found.link,
        because=found.because,  # type: ignore[arg-type]
        withheld=found.withheld,
        parts=[
            Part(
                comparison=part.comparison,
                title=part.title,
                level=part.level,
                sentence=part.sentence,
                weight=part.weight,
                hidden=part.hidden,
            )
            for part in found.parts
        ],
        decisions=[
            DecisionSaid.model_construct(
                id=one.id,
                kind=one.kind,
                by=one.by,
                at=one.at,
                why=one.why,
                in_force=one.in_force,
                values_changed=one.values_changed,
                change=one.change,
            )
            for one in found.decisions
        ],
    )
