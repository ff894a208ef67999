"""Pairs, answers and reviewers as clients are told of them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.rest.bodies import Body, whole
from api.rest.record_schemas import RecordKey
from api.rest.text import Said, Short, SourceName
from api.services.register.why import Explained
from api.services.review.context import Context, Side
from api.services.review.leases import Lease
from api.services.review.seen import Beside, Shown
from api.services.review.seen import Field as ContextField
from api.services.review.surroundings import Earlier

Kind = Literal[
    "referred", "adjudication", "contradiction", "held_twice", "refused_link", "changed_values",
    "possible_link",
]  # fmt: skip
Decision = Literal["match", "non_match", "cannot_tell"]
PAIR_EXAMPLE = "1042-2077"
_EXAMPLE_CHILD = "R7K5WPZE84P4H"
_UNNAMED = "Missing of possible links: pairs of known answer would stand out by it."


class ValueModel(BaseModel):
    """A value of one record, and where in it the other differs."""

    text: str | None = Field(
        description="Missing where there is none, or it is masked.", examples=["Ayesha"]
    )
    spans: list[tuple[int, int]] = Field(
        description="Parts that the other value does not have, as first and last character "
        "(the last not included), from 0.",
        examples=[[[1, 3]]],
    )
    masked: bool = Field(description="It is there, and hidden until it is revealed.")


class FieldModel(BaseModel):
    """A field of both records."""

    name: str = Field(examples=["forename"])
    comparison: Literal["same", "different", "one_sided"] | None = Field(
        description="`same` but for capitals and spaces; `one_sided` where one record has none; "
        "missing where it is withheld."
    )
    l: ValueModel
    r: ValueModel
    withheld: bool = Field(description="It may not be seen: by the purpose, or a shield.")


class BesideModel(RecordKey):
    """A record that stands beside the pair."""

    child_id: str | None = Field(description=_UNNAMED, examples=[_EXAMPLE_CHILD])
    values: dict[str, str] = Field(
        description="As far as they may be seen, without what is masked.",
        examples=[{"forename": "Aisha", "surname": "Malik", "date_of_birth": "2014-05-03"}],
    )
    why: Literal["twin", "sibling", "family"] | None = Field(
        None, description="What it looks like of the record that it stands beside."
    )
    weight: float | None = Field(None, description="With the record it stands beside, in bits.")
    location_hidden: bool


class SideModel(RecordKey):
    """One record of the pair, and what stands around it."""

    child_id: str | None = Field(description=_UNNAMED, examples=[_EXAMPLE_CHILD])
    fellows: list[BesideModel] = Field(description="Other records of its child.")
    kin: list[BesideModel] = Field(description="Of brothers and sisters; twins are flagged.")
    rivals: list[BesideModel] = Field(description="Other children's records that fit it as well.")


class EarlierModel(BaseModel):
    """What somebody said of the pair before."""

    id: int = Field(examples=[31])
    kind: str = Field(examples=["non_match"])
    by: str = Field(examples=["b.jones"])
    at: datetime
    why: str = Field(examples=["another year of birth in the school's file"])
    undone: bool


class HeldTwiceModel(BaseModel):
    """A source that holds each child once, and would hold this one twice."""

    source: str | None = Field(description="Missing where you may not see it.")
    l: list[RecordKey] = Field(description="Its records of the left child.")
    r: list[RecordKey]


class ClashingModel(BaseModel):
    """A decision that a conflict comes of."""

    decision: int = Field(description="Its number, by which it can be undone.", examples=[14])
    kind: str = Field(examples=["match"])
    l: RecordKey | None = Field(description="None where the system may not be seen.")
    r: RecordKey | None = Field(description="None where the system may not be seen.")
    by: str = Field(examples=["ada"])
    at: datetime
    why: str = Field(examples=["the same address"])


class PairModel(BaseModel):
    """A pair that is in your hand until `expires_at`."""

    pair: str = Field(examples=[PAIR_EXAMPLE])
    kind: Kind
    token: str = Field(
        examples=["q3VhYmNkZWZnaGlqa2xtbm9w"],
        description="Shows that the pair is yours; send it with what you do.",
    )
    expires_at: datetime
    l: SideModel
    r: SideModel
    fields: list[FieldModel]
    weight: float | None = Field(description="In bits.", examples=[2.9])
    probability: float | None = Field(examples=[0.88])
    reasons: list[str] = Field(examples=[["forename is the same", "date of birth is the same"]])
    cautions: list[str] = Field(
        description="Those of the reasons that tell of two together, such as of twins.",
        examples=[["another forename with the same surname, birthday and address, as twins have"]],
    )
    rival: bool = Field(description="Another record fits nearly as well.")
    together: bool = Field(description="The register holds the two as one child now.")
    twice: list[HeldTwiceModel] = Field(description="Of a `refused_link`, why it was refused.")
    clashing: list[ClashingModel] = Field(
        description="Of a `contradiction`, the decisions that cannot all hold; of `held_twice`, "
        "those that hold the two together. The conflict ends when one of them is undone."
    )
    location_hidden: bool
    earlier: list[EarlierModel] = Field(description="Decisions on this pair, the last first.")
    answers: list[EarlierModel] = Field(
        description="Answers that have had no effect yet, for who settles them."
    )
    note: str | None = Field(description="Of whoever referred the pair.")
    referred_by: str | None
    referred_at: datetime | None


class LeaseToken(Body):
    """That the pair is yours."""

    model_config = whole({"token": "Zk3fJ0u8Qq1s9cVnT5yPwAbc"})

    token: Short = Field(examples=["Zk3fJ0u8Qq1s9cVnT5yPwAbc"])


class PairAnswer(LeaseToken):
    """What you say of the pair."""

    model_config = whole(
        {
            "token": "Zk3fJ0u8Qq1s9cVnT5yPwAbc",
            "decision": "match",
            "why": "same mother, and the clinic's date is a slip",
        }
    )

    decision: Decision
    why: Said | None = Field(
        None,
        description="Without one, the decision says that no reason was given.",
        examples=["same mother, and the clinic's date is a slip"],
    )


class PairReferral(LeaseToken):
    """Why a senior reviewer should look."""

    model_config = whole(
        {"token": "Zk3fJ0u8Qq1s9cVnT5yPwAbc", "note": "twins? the school lists two at this address"}
    )

    note: Said = Field(examples=["twins? the school lists two at this address"])


class RevealFields(LeaseToken):
    """Masked fields that you need to see. It is kept in the access log."""

    model_config = whole({"token": "Zk3fJ0u8Qq1s9cVnT5yPwAbc", "fields": ["nhs_number"]})

    fields: list[Short] = Field(min_length=1, max_length=20, examples=[["nhs_number"]])


class NextWanted(Body):
    """Which part of the queue you want to work on; all of it, without."""

    model_config = whole({"kind": "possible_link", "source": "swift"})

    kind: Kind | None = None
    source: SourceName | None = Field(
        default=None, description="One of the records is of this source."
    )


class UndoReason(Body):
    """Why."""

    model_config = whole({"why": "a slip of the finger"})

    why: Said = Field(examples=["a slip of the finger"])


class PairPart(BaseModel):
    """What one comparison says of the pair."""

    comparison: str = Field(examples=["date_of_birth"])
    title: str = Field(examples=["Date of birth"])
    level: str | None
    sentence: str | None = Field(examples=["date of birth is the same"])
    weight: float | None = Field(
        description="In bits; none where it may not be seen.", examples=[8.4]
    )
    hidden: bool = Field(description="What it is made of may not be seen.")


class WeightsModel(BaseModel):
    """The weight of the pair: `prior` plus `company` plus the weights of the parts, in bits.

    What may not be seen is in none of the numbers.
    """

    weight: float = Field(examples=[2.9])
    probability: float = Field(examples=[0.88])
    prior: float = Field(examples=[-14.1])
    company: float = Field(description="What the systems that hold them say.", examples=[0.0])
    withheld: bool = Field(
        description="Whether something that may not be seen counts for or against the two."
    )
    parts: list[PairPart]


class OutcomeModel(BaseModel):
    """What became of your answer."""

    answer: int = Field(examples=[31])
    state: Literal["entered", "noted"] = Field(
        description="entered as `decision`, in force with the next run; or noted, without effect "
        "so far: a second person decides the pair too, or it was of known answer."
    )
    decision: int | None = Field(examples=[12])
    weights: WeightsModel | None


class ReferralModel(BaseModel):
    """A pair that was left to a senior reviewer."""

    referral: int = Field(examples=[4])


class LeaseModel(BaseModel):
    """That the pair is still yours."""

    pair: str = Field(examples=[PAIR_EXAMPLE])
    expires_at: datetime


class UndoneModel(BaseModel):
    """What was taken back. `entry` undoes a decision that was in force or on its way."""

    pair: str = Field(examples=[PAIR_EXAMPLE])
    answer: int | None
    entry: int | None = Field(examples=[13])


def pair_model(context: Context, lease: Lease) -> PairModel:
    """As it is told."""
    return PairModel(
        pair=str(context.pair),
        kind=context.kind,  # type: ignore[arg-type]
        token=lease.token,
        expires_at=lease.expires_at,
        l=_side(context.l, context.names_children),
        r=_side(context.r, context.names_children),
        fields=[_field(one) for one in context.fields],
        weight=context.weight,
        probability=context.probability,
        reasons=list(context.reasons),
        cautions=list(context.cautions),
        rival=context.rival,
        together=context.together,
        twice=[
            HeldTwiceModel(
                source=one.source,
                l=[RecordKey.of(key) for key in one.l],
                r=[RecordKey.of(key) for key in one.r],
            )
            for one in context.twice
        ],
        clashing=[
            ClashingModel(
                decision=one.id,
                kind=one.kind,
                l=one.l and RecordKey.of(one.l),
                r=one.r and RecordKey.of(one.r),
                by=one.by,
                at=one.at,
                why=one.why,
            )
            for one in context.clashing
        ],
        location_hidden=context.location_hidden,
        earlier=[_earlier(one) for one in context.earlier],
        answers=[_earlier(one) for one in context.answers],
        note=context.note,
        referred_by=context.referred_by,
        referred_at=context.referred_at,
    )


def weights_model(found: Explained | None) -> WeightsModel | None:
    """As it is told."""
    if found is None:
        return None
    parts = [
        PairPart(**{name: getattr(part, name) for name in PairPart.model_fields})
        for part in found.parts
    ]
    return WeightsModel(
        weight=found.weight,
        probability=found.probability,
        prior=found.prior,
        company=found.company,
        withheld=found.withheld,
        parts=parts,
    )


def _side(side: Side, names: bool) -> SideModel:
    return SideModel(
        source=side.key[0],
        record_id=side.key[1],
        child_id=side.child if names else None,
        fellows=[_beside(one, names) for one in side.fellows],
        kin=[_beside(one, names) for one in side.kin],
        rivals=[_beside(one, names) for one in side.rivals],
    )


def _beside(one: Beside, names: bool) -> BesideModel:
    return BesideModel(
        source=one.key[0],
        record_id=one.key[1],
        child_id=one.child if names else None,
        values=dict(one.values),
        why=one.why,  # type: ignore[arg-type]
        weight=one.weight,
        location_hidden=one.location_hidden,
    )


def _field(one: ContextField) -> FieldModel:
    return FieldModel(
        name=one.name,
        comparison=one.comparison,  # type: ignore[arg-type]
        l=_value(one.l),
        r=_value(one.r),
        withheld=one.withheld,
    )


def _value(value: Shown) -> ValueModel:
    return ValueModel(text=value.text, spans=list(value.spans), masked=value.masked)


def _earlier(one: Earlier) -> EarlierModel:
    return EarlierModel(**{name: getattr(one, name) for name in EarlierModel.model_fields})
