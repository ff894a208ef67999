"""Pairs, answers and reviewers as clients are told of them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.rest.bodies import Body, whole
from api.rest.numbers import PartOfWeight, Probability, Weight
from api.rest.record_schemas import RecordKey
from api.rest.text import Said, Short, SourceName

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

    name: str = Field(description="Its name in the records.", examples=["forename"])
    comparison: Literal["same", "different", "one_sided"] | None = Field(
        description="`same` but for capitals and spaces; `one_sided` where one record has none; "
        "missing where it is withheld."
    )
    l: ValueModel = Field(description="What the left record says.")
    r: ValueModel = Field(description="What the right record says.")
    withheld: bool = Field(description="It may not be seen: by the purpose, or a shield.")
    counted: bool = Field(
        description="False where two values differ only in what linking does not count, such as a "
        "prefix (Muhammad Ali and Ali), or one is a placeholder, such as 1 January."
    )


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
    weight: Weight | None = Field(None, description="With the record it stands beside, in bits.")
    location_hidden: bool = Field(
        description="Whether values are left out because the child is shielded."
    )


class SideModel(RecordKey):
    """One record of the pair, and what stands around it."""

    child_id: str | None = Field(description=_UNNAMED, examples=[_EXAMPLE_CHILD])
    fellows: list[BesideModel] = Field(description="Other records of its child.")
    kin: list[BesideModel] = Field(description="Of brothers and sisters; twins are flagged.")
    rivals: list[BesideModel] = Field(description="Other children's records that fit it as well.")


class EarlierModel(BaseModel):
    """What somebody said of the pair before."""

    id: int = Field(description="Its number.", examples=[31])
    kind: str = Field(description="What was said.", examples=["non_match"])
    by: str = Field(description="Who said so.", examples=["b.jones"])
    at: datetime = Field(description="When, in UTC.")
    why: str = Field(
        description="The reason that was given.",
        examples=["another year of birth in the school's file"],
    )
    undone: bool = Field(description="Whether it was taken back.")
    settled: bool = Field(
        description="Whether it is an answer that a senior reviewer's decision settled."
    )


class HeldTwiceModel(BaseModel):
    """A source that holds each child once, and would hold this one twice."""

    source: str | None = Field(description="Missing where you may not see it.")
    l: list[RecordKey] = Field(description="Its records of the left child.")
    r: list[RecordKey] = Field(description="Its records of the right child.")


class ClashingModel(BaseModel):
    """A decision that a conflict comes of."""

    pair: str = Field(
        description="Numbers of its two records, by which it can be taken and answered anew.",
        examples=["877-1042"],
    )
    decision: int = Field(description="Its number, by which it can be undone.", examples=[14])
    kind: str = Field(description="What was decided.", examples=["match"])
    l: RecordKey | None = Field(description="None where the system may not be seen.")
    r: RecordKey | None = Field(description="None where the system may not be seen.")
    by: str = Field(description="Who decided.", examples=["ada"])
    at: datetime = Field(description="When, in UTC.")
    why: str = Field(description="The reason that was given.", examples=["the same address"])


class PairModel(BaseModel):
    """A pair that is in your hand until `expires_at`."""

    pair: str = Field(
        description="Numbers of its two records, the smaller first: what addresses of the pair "
        "hold.",
        examples=[PAIR_EXAMPLE],
    )
    kind: Kind = Field(description="Why it waits.")
    token: str = Field(
        examples=["q3VhYmNkZWZnaGlqa2xtbm9w"],
        description="Shows that the pair is yours; send it with what you do.",
    )
    expires_at: datetime = Field(description="Until when nobody else gets it, in UTC.")
    l: SideModel = Field(description="The left record.")
    r: SideModel = Field(description="The right record.")
    fields: list[FieldModel] = Field(description="What the two say, side by side.")
    weight: Weight | None = Field(description="In bits.", examples=[2.9])
    probability: Probability | None = Field(
        description="From 0 to 1: how likely the two are one child.", examples=[0.88]
    )
    reasons: list[str] = Field(
        description="What the comparisons found, in words.",
        examples=[["forename is the same", "date of birth is the same"]],
    )
    cautions: list[str] = Field(
        description="Those of the reasons that two children may have, such as twins.",
        examples=[["another forename with the same surname, birthday and address, as twins have"]],
    )
    rival: bool = Field(description="Another record fits nearly as well.")
    together: bool = Field(description="The register holds the two as one child now.")
    twice: list[HeldTwiceModel] = Field(description="Of a `refused_link`, why it was refused.")
    clashing: list[ClashingModel] = Field(
        description="Of a `contradiction`, the decisions that cannot all hold; of `held_twice`, "
        "those that hold the two together. The conflict ends when one of them is undone. Where two "
        "people decide contradictions, take the pair of one instead, and answer it anew."
    )
    location_hidden: bool = Field(
        description="Whether values are left out because a child is shielded."
    )
    earlier: list[EarlierModel] = Field(description="Decisions on this pair, the last first.")
    answers: list[EarlierModel] = Field(
        description="Answers that have had no effect yet, for who settles them alone."
    )
    note: str | None = Field(description="Of whoever referred the pair.")
    referred_by: str | None = Field(description="Who referred it; null if nobody did.")
    referred_at: datetime | None = Field(description="When, in UTC.")


class LeaseToken(Body):
    """That the pair is yours."""

    model_config = whole({"token": "Zk3fJ0u8Qq1s9cVnT5yPwAbc"})

    token: Short = Field(
        description="As `next` or `take` told it.", examples=["Zk3fJ0u8Qq1s9cVnT5yPwAbc"]
    )


class PairAnswer(LeaseToken):
    """What you say of the pair."""

    model_config = whole(
        {
            "token": "Zk3fJ0u8Qq1s9cVnT5yPwAbc",
            "decision": "match",
            "why": "same mother, and the clinic's date is a slip",
        }
    )

    decision: Decision = Field(description="`match`: one child; `non_match`: two.")
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

    note: Said = Field(
        description="What they should know or look for.",
        examples=["twins? the school lists two at this address"],
    )


class RevealFields(LeaseToken):
    """Masked fields that you need to see. It is kept in the access log."""

    model_config = whole({"token": "Zk3fJ0u8Qq1s9cVnT5yPwAbc", "fields": ["nhs_number"]})

    fields: list[Short] = Field(
        description="Their names, as the pair has them.",
        min_length=1,
        max_length=20,
        examples=[["nhs_number"]],
    )


class NextWanted(Body):
    """Which part of the queue you want to work on; all of it, without."""

    model_config = whole({"kind": "possible_link", "source": "swift"})

    kind: Kind | None = Field(default=None, description="Why it waits.")
    source: SourceName | None = Field(
        default=None, description="One of the records is of this source."
    )


class UndoReason(Body):
    """Why."""

    model_config = whole({"why": "a slip of the finger"})

    why: Said = Field(description="Kept with what is undone.", examples=["a slip of the finger"])


class UndoAnswer(UndoReason):
    """Why, and which."""

    model_config = whole({"why": "a slip of the finger", "answer": 31})

    answer: int | None = Field(
        None,
        ge=1,
        lt=2**63,
        description="The number of your answer; the last one, without.",
        examples=[31],
    )


class PairPart(BaseModel):
    """What one comparison says of the pair."""

    comparison: str = Field(description="Its name in the rules.", examples=["date_of_birth"])
    title: str = Field(description="Its name for people.", examples=["Date of birth"])
    level: str | None = Field(
        description="How much the two agree, by its name in the rules; none where a value is "
        "missing, or may not be seen."
    )
    sentence: str | None = Field(
        description="The same in words.", examples=["date of birth is the same"]
    )
    weight: PartOfWeight | None = Field(
        description="In bits; none where it may not be seen.", examples=[8.4]
    )
    hidden: bool = Field(description="What it is made of may not be seen.")


class WeightsModel(BaseModel):
    """The weight of the pair: `prior` plus `company` plus the weights of the parts, in bits.

    What may not be seen is in none of the numbers.
    """

    weight: Weight = Field(description="The sum.", examples=[2.9])
    probability: Probability = Field(
        description="From 0 to 1: how likely the two are one child.", examples=[0.88]
    )
    prior: PartOfWeight = Field(
        description="In bits: log2 of the odds before the two are compared.", examples=[-14.1]
    )
    company: PartOfWeight = Field(
        description="What the systems that hold only one of them say.", examples=[0.0]
    )
    withheld: bool = Field(
        description="Whether something that may not be seen counts for or against the two."
    )
    parts: list[PairPart] = Field(description="One for each comparison of the rules.")


class OutcomeModel(BaseModel):
    """What became of your answer."""

    answer: int = Field(description="The number of your answer.", examples=[31])
    state: Literal["entered", "noted"] = Field(
        description="entered as `decision`, in force with the next run; or noted, without effect "
        "so far: a second person decides the pair too, or it was of known answer."
    )
    decision: int | None = Field(
        description="Its number as a decision; none of one that is noted.", examples=[12]
    )
    weights: WeightsModel | None = Field(description="None where they may not be told.")


class ReferralModel(BaseModel):
    """A pair that was left to a senior reviewer."""

    referral: int = Field(description="Its number.", examples=[4])


class LeaseModel(BaseModel):
    """That the pair is still yours."""

    pair: str = Field(
        description="Numbers of its two records, the smaller first: what addresses of the pair "
        "hold.",
        examples=[PAIR_EXAMPLE],
    )
    expires_at: datetime = Field(description="Until when, in UTC.")


class UndoneModel(BaseModel):
    """What was taken back. `entry` undoes a decision that was in force or on its way."""

    pair: str = Field(
        description="Numbers of its two records, the smaller first: what addresses of the pair "
        "hold.",
        examples=[PAIR_EXAMPLE],
    )
    answer: int | None = Field(description="The number of the answer that was taken back.")
    entry: int | None = Field(
        description="The number of the decision that undoes it; none if it had no effect yet.",
        examples=[13],
    )
