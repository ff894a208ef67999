"""Persons matched against the register; nothing is stored."""

from typing import Annotated, Literal, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from api.rest.access import Access
from api.rest.allowed import KeyHeader, reads
from api.rest.bodies import Body, Day, example, whole
from api.rest.guarding import GuardedRoute
from api.rest.numbers import PartOfWeight, Probability, Weight
from api.rest.problems import Problem, acting
from api.rest.record_schemas import Identifier, NoteModel, RecordKey, Value, notes_on
from api.rest.text import SourceName
from api.services.access.roles import Permission
from api.services.matching import (
    TOO_LITTLE,
    Asked,
    BarredError,
    NothingUsableError,
    Understood,
    match_persons,
    of_unknown_sources,
    understood,
)
from api.services.register.candidates import Candidate, Grade
from api.services.register.finding import LARGEST_BATCH
from api.services.register.weighing import Person
from matcher.errors import DataError

router = APIRouter(route_class=GuardedRoute, tags=["match"])

GradeName = Literal["certain", "probable", "possible", "certainly_not"]
_READS = reads(Permission.MATCH_PEOPLE)
_NOT_USED = "is not looked at beside a forename and a surname"


class PersonModel(Body):
    """What is known of a person. What is missing counts neither for nor against anybody."""

    forename: Value | None = Field(None, examples=["Aisha"])
    middle_names: Value | None = Field(None, description="With spaces between.")
    surname: Value | None = Field(None, examples=["Malik"])
    former_surname: Value | None = Field(None, description="A surname that they had before.")
    known_as: Value | None = Field(None, description="Preferred or also-known-as name.")
    name: Value | None = Field(None, description="The whole name, if its parts are not known.")
    name_order: Literal["forename_first", "surname_first"] | None = Field(
        None, description="The order of `name`, where it is known."
    )
    sex: Literal["F", "M"] | None = Field(None, examples=["F"])
    date_of_birth: Day | None = Field(None, examples=["2014-05-03"])
    nhs_number: Identifier | None = Field(None, description="Ten digits.", examples=["9434765919"])
    upn: Identifier | None = Field(None, description="For education purposes only.")
    former_upn: Identifier | None = Field(None, description="The one that `upn` replaced.")
    address: Value | None = Field(
        None, description='One line, parts separated by ", ".', examples=["2 Mill Road, Oldham"]
    )
    postcode: Value | None = Field(None, examples=["OL1 1AA"])
    source: SourceName | None = Field(
        None,
        description="The system that says this, if it is one of the register's: the person is "
        "then not matched with its other records, if it holds each child once.",
    )

    @model_validator(mode="after")
    def _orders_a_name(self) -> Self:
        if self.name_order and not self.name:
            raise ValueError("`name_order` says nothing without `name`")
        return self

    @property
    def unused(self) -> list[str]:
        """What is not looked at, since other fields say it."""
        return ["name"] if self.name and self.forename and self.surname else []

    def said(self) -> Person:
        """As text by column of RECORDS; what is missing is left out."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: str(value) for name, value in values.items() if value not in (None, "")}


class MatchAsked(Body):
    """What is asked of a match."""

    at_least: GradeName = Field(
        "possible", description="The least sure grade that you want. Unattended systems are told "
        "of certain candidates only.",
    )  # fmt: skip
    limit: int = Field(10, ge=1, le=100, description="Candidates of each person, at most.")

    def asked(self) -> Asked:
        """For the service."""
        return Asked(Grade(self.at_least), self.limit)


class MatchOne(MatchAsked):
    """A person to look for."""

    model_config = whole(
        {
            "person": {"forename": "Amelia", "surname": "Artliff", "date_of_birth": "2016-10-12"},
            "limit": 1,
        }
    )

    person: PersonModel = Field(description="At least one value that can be used.")


class MatchMany(MatchAsked):
    """Persons to look for, in an order of your own."""

    model_config = whole(
        {
            "persons": [
                {"forename": "Amelia", "surname": "Artliff", "date_of_birth": "2016-10-12"},
                {"forename": "Ayaan", "surname": "Okoro"},
            ]
        }
    )

    persons: list[PersonModel] = Field(
        description="Each with at least one value that can be used.", max_length=LARGEST_BATCH
    )


class ReasonModel(BaseModel):
    """What one comparison found, and how much it weighs."""

    comparison: str = Field(description="Its name in the rules.", examples=["date_of_birth"])
    title: str = Field(description="Its name for people.", examples=["Date of birth"])
    level: str = Field(
        description="How much the two agree, by its name in the rules.", examples=["same"]
    )
    sentence: str = Field(description="The same in words.", examples=["date of birth is the same"])
    weight: PartOfWeight = Field(description="In bits.", examples=[8.4])


class MatchedRecordModel(RecordKey):
    """A record of the candidate that may be the person's."""

    weight: Weight = Field(description="In bits.", examples=[14.2])
    probability: Probability = Field(
        description="From 0 to 1: how likely the two are one child.", examples=[0.9999]
    )
    apart: bool = Field(description="A comparison says: two children of one family.")


class CandidateModel(BaseModel):
    """A child that may be the person."""

    child_id: str = Field(description="The stable id of the child.", examples=["R7K5WPZE84P4H"])
    grade: GradeName = Field(description="How sure it is; see the operation for what each takes.")
    weight: Weight = Field(description="Of its best record, in bits.", examples=[14.2])
    probability: Probability = Field(
        description="Of its best record, from 0 to 1.", examples=[0.9999]
    )
    prior: PartOfWeight = Field(
        description="What speaks for any two records, in bits.", examples=[-11.3]
    )
    reasons: list[ReasonModel] = Field(description="With `prior` they add up to `weight`.")
    records: list[MatchedRecordModel] = Field(description="The best first.")
    rival: bool = Field(description="Another child fits nearly as well.")
    location_hidden: bool = Field(description="Where the child lives was not looked at.")
    other_numbers: list[str] = Field(
        description="`nhs_number` or `upn`: its records hold another one than the person has.",
        examples=[["nhs_number"]],
    )


_CANDIDATES = {
    "candidates": [
        {
            "child_id": "R7K5WPZE84P4H",
            "grade": "certain",
            "weight": 14.2,
            "probability": 0.9999,
            "prior": -11.3,
            "reasons": [
                {
                    "comparison": "date_of_birth",
                    "title": "Date of birth",
                    "level": "same",
                    "sentence": "date of birth is the same",
                    "weight": 8.4,
                }
            ],
            "records": [
                {
                    "source": "swift",
                    "record_id": "5500094",
                    "weight": 14.2,
                    "probability": 0.9999,
                    "apart": False,
                }
            ],
            "rival": False,
            "location_hidden": False,
            "other_numbers": [],
        }
    ],
    "notes": [],
}


class Candidates(BaseModel):
    """Candidates, best first."""

    model_config = example(_CANDIDATES)

    candidates: list[CandidateModel] = Field(description="Empty if nobody fits.")
    notes: list[NoteModel] = Field(
        description="What could not be used of the person; `too_little`, if too little is said for "
        "any candidate to be certain."
    )


class CandidatesOfEach(BaseModel):
    """Candidates of each person, in the order in which they were asked for."""

    model_config = example({"persons": [_CANDIDATES, {"candidates": [], "notes": []}]})

    persons: list[Candidates] = Field(description="As many as were asked for.")


@router.post("/match", summary="Match a person", responses=acting("unknown-source"))
def match_person(
    said: MatchOne, access: Annotated[Access, _READS], _key: KeyHeader = None
) -> Candidates:
    """Children of the register that may be this person, best first, with weight, probability,
    grade and reasons. Nothing is stored, so that the same request again has no effect either.

    `certain`: at or above the upper threshold, without a rival, and described by both names and a
    date of birth, or by an NHS number or UPN beside one of these. `probable`: as much weight, but
    another child fits nearly as well, it may be a twin, it is held under another NHS number or UPN
    (`other_numbers`) or other names, or less is said. `possible`: between the thresholds.
    `certainly_not`: below; only such are told as share a name, a date, a place or a number.
    """
    (found,), (made,) = _matched(access, [said.person], said)
    return _told(access, said.person, found, made)


@router.post("/match/batch", summary="Match persons", responses=acting("unknown-source"))
def match_people(
    said: MatchMany, access: Annotated[Access, _READS], _key: KeyHeader = None
) -> CandidatesOfEach:
    """Like a single match, up to 1,000 at a time. If any person is refused, all are: `errors`
    names each at fault by its place.
    """
    found, made = _matched(access, said.persons, said)
    told = [_told(access, *own) for own in zip(said.persons, found, made, strict=True)]
    return CandidatesOfEach(persons=told)


def _matched(
    access: Access, persons: list[PersonModel], asked: MatchAsked
) -> tuple[list[tuple[Candidate, ...]], list[Understood]]:
    said = [one.said() for one in persons]

    def at(place: int) -> str:
        return "body.person" if isinstance(asked, MatchOne) else f"body.persons.{place}"

    unknown = of_unknown_sources(access.connection, said)
    if unknown:
        message = "there is no such source"
        errors = [{"place": f"{at(one)}.source", "message": message} for one in unknown]
        raise Problem("unknown-source", errors=errors)
    try:
        found = match_persons(access.connection, access.caller, access.view, said, asked.asked())
        return found, understood(access.connection, said)
    except NothingUsableError as error:
        wrong = [{"place": at(one), "message": str(error)} for one in error.places]
        raise Problem("invalid", errors=wrong) from None
    except BarredError as error:
        message = "may not be used for this purpose; leave it out"
        barred = [{"place": f"{at(one)}.{name}", "message": message} for one, name in error.barred]
        raise Problem("forbidden", str(error), errors=barred) from None
    except DataError as error:
        raise Problem("invalid", str(error)) from None


def _told(
    access: Access, person: PersonModel, found: tuple[Candidate, ...], made: Understood
) -> Candidates:
    access.saw(*(one.child_id for one in found))
    notes = notes_on(made.left_out)
    notes += [NoteModel(field=one, code="not_used", message=_NOT_USED) for one in person.unused]
    if not made.enough:
        notes.append(NoteModel(field=None, code="too_little", message=TOO_LITTLE))
    return Candidates(candidates=[_candidate(one) for one in found], notes=notes)


def _candidate(one: Candidate) -> CandidateModel:
    return CandidateModel(
        child_id=one.child_id,
        grade=one.grade.value,
        weight=one.weight,
        probability=one.probability,
        prior=one.prior,
        reasons=[
            ReasonModel(**{name: getattr(reason, name) for name in ReasonModel.model_fields})
            for reason in one.reasons
        ],
        records=[
            MatchedRecordModel(
                **{name: getattr(record, name) for name in MatchedRecordModel.model_fields}
            )
            for record in one.records
        ],
        rival=one.rival,
        location_hidden=one.location_hidden,
        other_numbers=list(one.other_numbers),
    )
