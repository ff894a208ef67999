"""What is told of children."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.rest.paging import Page
from api.rest.record_schemas import HistoryEntry, RecordKey, ShownId
from api.rest.why_schemas import APART, Apart, Explanation
from api.services.access.policy import View
from api.services.register.changes import ChildChange
from api.services.register.families import Relative
from api.services.register.journeys import Step
from api.services.register.viewing import ShownChild
from matcher.register.golden import GOLDEN_COLUMNS
from matcher.rules.survivorship import GOLDEN_FIELDS


class Sourced(BaseModel):
    """A golden value and the source that it comes from."""

    value: str = Field(description="As text.", examples=["Aisha"])
    source: str = Field(
        description="`correction` where a person set it by hand.", examples=["systmone"]
    )


def _shown(value: str | None, source: str = "systmone") -> Any:
    """The example of a golden value; of some there is none, as no purpose has all of them."""
    return None if value is None else {"value": value, "source": source}


class GoldenValues(BaseModel):
    """What survives of all that the records say; null where there is none that may be seen."""

    forename: Sourced | None = Field(None, examples=[_shown("Aisha")])
    surname: Sourced | None = Field(None, examples=[_shown("Malik")])
    date_of_birth: Sourced | None = Field(
        None, description="As YYYY-MM-DD.", examples=[_shown("2014-05-03")]
    )
    sex: Sourced | None = Field(None, description="`F` or `M`.", examples=[_shown("F")])
    nhs_number: Sourced | None = Field(
        None, description="Ten digits.", examples=[_shown("9434765919")]
    )
    upn: Sourced | None = Field(
        None,
        description="Unique pupil number, for education purposes only.",
        examples=[_shown(None)],
    )
    address: Sourced | None = Field(
        None,
        description='One line, parts separated by ", "; null of a shielded child, '
        "unless you are cleared.",
        examples=[_shown("2 Mill Road, Oldham", "estart")],
    )
    postcode: Sourced | None = Field(
        None,
        description="Null of a shielded child, unless you are cleared.",
        examples=[_shown("OL1 1AA", "estart")],
    )


class ChildDocument(BaseModel):
    """A child of the register, as far as it may be seen."""

    child_id: str = Field(
        description="Its stable id; the last character is a check.", examples=["5QK2M8ZR0T4WF"]
    )
    standing: Literal["current", "merged", "split", "ended"] = Field(
        description="Others than `current` are told of only with `follow=false`."
    )
    successors: list[str] = Field(
        examples=[[]], description="Current children that its records went to, if it is no more."
    )
    from_run: int = Field(
        description="The run in which it began, by the records that may be seen.", examples=[3]
    )
    to_run: int | None = Field(description="The run in which it ended, by these.", examples=[None])
    values: GoldenValues = Field(description="The golden record.")
    records: list[RecordKey] = Field(description="Those of sources that may be seen.")
    shielded: bool = Field(
        description="Whether nobody without clearance may be told where it lives."
    )
    location_hidden: bool = Field(description="Whether values are left out for that reason.")


class FamilyMember(BaseModel):
    """Somebody whom a source lists in one family with a child."""

    source: str = Field(description="The source that lists them.", examples=["estart"])
    record_id: ShownId
    family_id: str = Field(
        description="By which the source knows the family.", examples=["XX000123"]
    )
    role: Literal["child", "carer"] = Field(
        description="Whether the source has them as a child or as somebody who cares for one."
    )
    child_id: str | None = Field(description="None of a carer.", examples=["7B3N9HV1C6DY4"])
    forename: str | None = Field(None, examples=["Idris"])
    middle_names: str | None = Field(None, description="With spaces between.")
    surname: str | None = Field(None, examples=["Malik"])
    known_as: str | None = Field(None, description="Preferred or also-known-as name.")
    name: str | None = Field(
        None, description="The whole name, from systems that have one field for it."
    )
    sex: str | None = Field(None, description="`F` or `M`.", examples=["M"])
    date_of_birth: date | None = Field(
        None, description="Null where it is not known or may not be seen.", examples=["2016-01-09"]
    )


class FamilyPage(Page):
    """The family of a child, by source and family."""

    items: list[FamilyMember]
    location_hidden: bool = Field(
        description="Whether nobody is listed because the child is shielded."
    )


class ChildHistoryEntry(HistoryEntry):
    """One thing that happened to a child."""

    kind: Literal[
        "child_created",
        "child_restored",
        "child_absorbed",
        "child_split_off",
        "child_split",
        "child_merged",
        "child_emptied",
        "record_linked",
        "record_unlinked",
        "values_changed",
    ] = Field(
        description="`child_absorbed`: another child was merged into this one. "
        "`child_split`: records of this one went to another, which began with them unless it has "
        "been there before. `child_split_off`: records of another came to this one, which began "
        "with them unless it has been there before."
    )
    children: list[str] = Field(
        examples=[["7K3M9QX2RT4VA"]], description="The other children, or the successors."
    )
    record: RecordKey | None = Field(None, description="The record that joined or left.")
    fields: list[str] = Field(description="Golden fields that changed.", examples=[["surname"]])


class ChildHistory(Page):
    """A child's history, oldest first."""

    items: list[ChildHistoryEntry]


class _Step(BaseModel):
    """One thing that happened with a child."""

    day: date = Field(description="Its day, or that on which it began.", examples=["2023-11-02"])
    dated: bool = Field(
        description="No: it has no day; `day` is that of the extract which told of it."
    )
    source: str = Field(description="The source that tells of it.", examples=["estart"])
    record_id: ShownId


class ContactStep(_Step):
    """A contact with a children's centre."""

    kind: Literal["contacts"] = Field(description="What kind of step it is: a contact.")
    centre: str | None = Field(
        None, description="Null where it may not be seen.", examples=["Fir Bank"]
    )
    activity: str | None = Field(None, description="What it was for.", examples=["Stay and play"])
    attended: bool | None = Field(
        None, description="Whether somebody came; null where the source does not say."
    )


class VisitStep(_Step):
    """A health visit."""

    kind: Literal["visits"] = Field(description="What kind of step it is: a visit.")
    visit: str | None = Field(
        None, description="Which of the regular visits.", examples=["12 months"]
    )


class MealsStep(_Step):
    """A period of eligibility for free school meals."""

    kind: Literal["fsm_periods"] = Field(description="What kind of step it is: free school meals.")
    start: date | None = Field(None, description="Its first day.")
    end: date | None = Field(None, description="None while it lasts.")


class ProfileStep(_Step):
    """A result of the early years foundation stage profile."""

    kind: Literal["eyfsp_results"] = Field(description="What kind of step it is: a result.")
    goal: str | None = Field(
        None, description="Code of the early learning goal.", examples=["COM_E01"]
    )
    score: str | None = Field(None, description="As the school gave it.", examples=["2"])


class EpisodeStep(_Step):
    """An early help (CAF) episode."""

    kind: Literal["caf_episodes"] = Field(description="What kind of step it is: an episode.")
    episode_id: str | None = Field(
        None, description="By which the source knows it.", examples=["E77"]
    )
    start: date | None = Field(None, description="Its first day.")
    end: date | None = Field(None, description="None while it lasts.")
    start_reason: str | None = Field(None, description="As the source has it.")
    end_reason: str | None = Field(None, description="As the source has it; null while it lasts.")
    organisation: str | None = Field(
        None, description="Who leads it; null where it may not be seen."
    )


class PlaceStep(_Step):
    """A funded early education place."""

    kind: Literal["funded_places"] = Field(description="What kind of step it is: a place.")
    start: date | None = Field(None, description="Its first day.")
    end: date | None = Field(None, description="None while it lasts.")
    setting: str | None = Field(
        None,
        description="Where the place is; null where it may not be seen.",
        examples=["Little Oaks"],
    )
    hours: float | None = Field(None, description="Funded hours a week.", examples=[15.0])


JourneyStep = Annotated[
    ContactStep | VisitStep | MealsStep | ProfileStep | EpisodeStep | PlaceStep,
    Field(discriminator="kind"),
]
_STEPS: dict[str, type[_Step]] = {
    "contacts": ContactStep,
    "visits": VisitStep,
    "fsm_periods": MealsStep,
    "eyfsp_results": ProfileStep,
    "caf_episodes": EpisodeStep,
    "funded_places": PlaceStep,
}


class Journey(Page):
    """What happened with a child across all systems, oldest first."""

    items: list[JourneyStep]
    location_hidden: bool = Field(
        description="Whether centres, settings and organisations are left out."
    )


class ChildWhy(Page):
    """The links that hold a child together, and what people decided on its records."""

    items: list[Explanation]
    apart: list[Apart] = Field(description=APART)


def child_document(child: ShownChild) -> ChildDocument:
    """A child that may be seen."""
    standing = child.standing
    golden: dict[str, Any] = {
        name: Sourced.model_construct(value=value, source=source)
        for name, (value, source) in child.golden.items()
    }
    return ChildDocument.model_construct(
        child_id=standing.child_id,
        standing=standing.standing.value,
        successors=list(standing.successors),
        from_run=standing.from_run,
        to_run=standing.to_run,
        values=GoldenValues.model_construct(**golden),
        records=[
            RecordKey.model_construct(source=one.source, record_id=one.record_id)
            for one in child.records
        ],
        shielded=child.shielded,
        location_hidden=child.location_hidden,
    )


def golden_document(view: View, values: Mapping[str, Any], *, shielded: bool) -> GoldenValues:
    """Golden values, by GOLDEN_COLUMNS, as far as they may be seen."""
    shown = view.of_golden({name: values.get(name) for name in GOLDEN_COLUMNS}, shielded=shielded)
    golden: dict[str, Any] = {
        name: Sourced.model_construct(value=shown[name], source=shown[f"{name}_source"])
        for name in GOLDEN_FIELDS
        if shown[name] is not None
    }
    return GoldenValues.model_construct(**golden)


def relative_of(found: Relative) -> FamilyMember:
    """Somebody of a family."""
    return FamilyMember.model_construct(
        source=found.key.source,
        record_id=found.key.record_id,
        family_id=found.family_id,
        role=found.role,
        child_id=found.child_id,
        **found.values,
    )


def change_of(change: ChildChange) -> ChildHistoryEntry:
    """One entry of a child's history."""
    record = None
    if change.source is not None and change.record_id is not None:
        record = RecordKey(source=change.source, record_id=change.record_id)
    return ChildHistoryEntry.model_construct(
        run=change.run,
        at=change.when.at,
        by=change.when.by,
        run_kind=change.when.kind,
        kind=change.kind,
        children=list(change.children),
        record=record,
        fields=list(change.fields),
    )


def step_of(step: Step) -> Any:
    """One step of a journey."""
    return _STEPS[step.kind](
        kind=step.kind,  # type: ignore[call-arg]
        day=step.day,
        dated=step.dated,
        source=step.key.source,
        record_id=step.key.record_id,
        **step.values,
    )
