"""What is said of records, and told of them."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
)

from api.rest.bodies import AnyDay, Body, whole
from api.rest.paging import Page
from api.services.access.policy import Unnamed
from api.services.register.changes import RecordChange
from api.services.register.viewing import SAID, ShownRecord
from api.services.text import plain, printable

_BETWEEN = re.compile(r"[\s\u2010-\u2015.-]+")


def _one_line(text: str) -> str:
    return printable(" ".join(plain(text).split()))


def _joined(text: str) -> str:
    return printable(_BETWEEN.sub("", plain(text)))


Value = Annotated[str, StringConstraints(max_length=500), AfterValidator(_one_line)]
Identifier = Annotated[str, StringConstraints(max_length=64), AfterValidator(_joined)]


def _told(record_id: str | None) -> str | None:
    return None if isinstance(record_id, Unnamed) else record_id


# Both ways: models are made with checks, and without.
ShownId = Annotated[
    str | None,
    BeforeValidator(_told),
    PlainSerializer(_told, return_type=str | None),
    Field(
        description="Null where it may not be told for the purpose, such as a UPN.",
        examples=["90012"],
    ),
]


class RecordKey(BaseModel):
    """A record by its source and the id that it has there."""

    source: str = Field(description="Its name, as in `/v1/sources`.", examples=["systmone"])
    record_id: ShownId

    @classmethod
    def of(cls, key: tuple[str, str]) -> "RecordKey":
        """Of a source's name and an id in it."""
        return cls(source=key[0], record_id=key[1])


class RecordValues(Body):
    """What a source says of a person. What is missing is left out or null."""

    role: Literal["child", "carer"] = Field("child", description="Only children are linked.")
    forename: Value | None = Field(None, examples=["Aisha"])
    middle_names: Value | None = Field(None, description="With spaces between.")
    surname: Value | None = Field(None, examples=["Malik"])
    former_surname: Value | None = Field(None, description="A surname that it had before.")
    known_as: Value | None = Field(None, description="Preferred or also-known-as name.")
    name: Value | None = Field(
        None, description="The whole name, from systems that have one field for it."
    )
    name_order: Literal["forename_first", "surname_first"] | None = Field(
        None, description="The order of `name`, where it is known."
    )
    sex: Literal["F", "M"] | None = Field(
        None, description="Null where it is neither, or not known.", examples=["F"]
    )
    nhs_number: Identifier | None = Field(None, description="Ten digits.", examples=["9434765919"])
    upn: Identifier | None = Field(
        None,
        description="Unique pupil number, for education purposes only, such as `B801200005001`.",
        examples=[None],
    )
    former_upn: Identifier | None = Field(None, description="The one that `upn` replaced.")
    address: Value | None = Field(
        None, description='One line, parts separated by ", ".', examples=["2 Mill Road, Oldham"]
    )
    postcode: Value | None = Field(None, examples=["OL1 1AA"])
    family_id: Value | None = Field(None, description="By which the source knows the family.")
    date_of_birth: AnyDay | None = Field(None, examples=["2014-05-03"])


class RecordBody(RecordValues):
    """What a source says of a person from now on, in place of all that it said before."""

    model_config = whole(
        {
            "forename": "Ayaan",
            "surname": "Okoro",
            "date_of_birth": "2019-02-11",
            "sex": "M",
            "address": "3 Ferney Field Road",
            "postcode": "OL9 9ZZ",
            "as_of": "2024-09-01",
        }
    )

    as_of: AnyDay | None = Field(
        None,
        description="The day on which the source held these values; today if it is left out.",
        examples=["2024-09-01"],
    )

    def said(self) -> dict[str, str]:
        """As text by column of RECORDS; what is missing is left out."""
        values = {name: getattr(self, name) for name in SAID}
        return {name: str(value) for name, value in values.items() if value not in (None, "")}


class Succeeded(BaseModel):
    """A child whose records went to others."""

    child_id: str = Field(
        description="The child that is no more, or lost records.", examples=["5QK2M8ZR0T4WF"]
    )
    successors: list[str] = Field(
        description="Children that have its records now.", examples=[["7B3N9HV1C6DY4"]]
    )


class Affected(BaseModel):
    """What a record that was put or deleted did to children, by their ids."""

    created: list[str] = Field(
        examples=[["7K3M9QX2RT4VA"]], description="New children, and such as came back."
    )
    merged: list[Succeeded] = Field(description="Children that are of another one from now on.")
    split: list[Succeeded] = Field(description="Children of which records went to others.")
    emptied: list[str] = Field(examples=[[]], description="Children that have no record any more.")
    joined: list[str] = Field(
        examples=[["7K3M9QX2RT4VA"]], description="Children that a record was added to."
    )
    left: list[str] = Field(examples=[[]], description="Children that a record was taken from.")
    values_changed: list[str] = Field(
        examples=[["7K3M9QX2RT4VA"]],
        description="Children whose golden record is another one, as far as the events tell it.",
    )


_CHILD_HIDDEN = (
    "Whether you may not be told whose it is: it was put while a child was shielded whose it is or "
    "may be."
)


class NoteModel(BaseModel):
    """Something about a field of what was sent, as notes in the report on an extract are."""

    field: str | None = Field(description="None if it is of the whole.", examples=["postcode"])
    code: str = Field(
        description="`not_usable`: it counts as missing. `not_kept`: it is gone with the record's "
        "role. `not_used`: of a match, other fields say it. `too_little`: of a match, no candidate "
        "can be certain.",
        examples=["not_usable"],
    )
    message: str = Field(
        description="The same in words, without the value.",
        examples=["cannot be used as it is written; it counts as missing in linking"],
    )


def notes_on(unused: Iterable[str], not_kept: Iterable[str] = ()) -> list[NoteModel]:
    """Notes on fields that cannot be used, and on those that went with the record's role."""
    message = "cannot be used as it is written; it counts as missing in linking"
    gone = "is not kept: you may not see it, and the record was of a carer or is so now"
    return [
        *(NoteModel(field=name, code="not_usable", message=message) for name in unused),
        *(NoteModel(field=name, code="not_kept", message=gone) for name in not_kept),
    ]


class RecordPut(BaseModel):
    """What became of a record."""

    source: str = Field(description="As in the address.", examples=["systmone"])
    record_id: str = Field(description="As in the address.", examples=["90012"])
    created: bool = Field(description="Whether the source had no such record until now.")
    changed: bool = Field(description="Whether it says something else than before.")
    child_id: str | None = Field(
        description="The child that it belongs to; none of a carer, or if it is gone.",
        examples=["5QK2M8ZR0T4WF"],
    )
    child_hidden: bool = Field(description=_CHILD_HIDDEN)
    run: int | None = Field(
        description="The run that linked it; none if nothing changed, not even its day.",
        examples=[42],
    )
    children: Affected | None = Field(
        None, description="Only if `with_info` is true, and the child is not hidden."
    )
    notes: list[NoteModel] = Field(
        description="What of it cannot be used, and so counts as missing in linking, and what "
        "you could not see and is gone since a carer was made a child, or a child a carer."
    )


class RecordDocument(BaseModel):
    """What a source says of a person, as far as it may be seen."""

    source: str = Field(description="Its name, as in `/v1/sources`.", examples=["systmone"])
    record_id: ShownId
    child_id: str | None = Field(
        None,
        description="The child that it belongs to; none of a carer.",
        examples=["5QK2M8ZR0T4WF"],
    )
    values: RecordValues = Field(description="What may not be seen is null.")
    as_of: date | None = Field(
        description="The day on which the source held these values.", examples=["2024-09-01"]
    )
    extract: int | None = Field(
        description="The extract that told so; none if it was put.", examples=[17]
    )
    from_run: int = Field(description="The run since which it says so.", examples=[42])
    location_hidden: bool = Field(
        description="Whether values are left out because the child is shielded, or it is a carer's."
    )
    child_hidden: bool = Field(description=_CHILD_HIDDEN)
    erased: bool = Field(
        description="Whether what it said was erased since; no value is left, nor its source's id."
    )
    checked: bool = Field(
        description="Whether a person has marked it as checked in the matching workbench by now, "
        "so that nobody looks at it again. It is no decision, and linkage does not go by it."
    )


class RecordPage(Page):
    """Records of a child, in order of source and id."""

    items: list[RecordDocument]


class HistoryEntry(BaseModel):
    """One thing that happened."""

    run: int = Field(description="The run in which it happened.", examples=[42])
    at: datetime = Field(description="When that run was.")
    by: str = Field(description="Who asked for it.", examples=["clinic-system"])
    run_kind: str = Field(description="What kind of run it was.", examples=["record"])


class RecordHistoryEntry(HistoryEntry):
    """One thing that happened to a record."""

    kind: Literal["record_said", "record_gone", "record_erased", "child_joined", "child_left"] = (
        Field(
            description="`record_said`: it said something new. `record_gone`: its source took it "
            "back. `record_erased`: what it said was erased. `child_joined`, `child_left`: it "
            "came to a child, or left it."
        )
    )
    child_id: str | None = Field(None, description="The child that it joined or left.")
    extract: int | None = Field(None, description="The extract that told so.")
    fields: list[str] = Field(
        examples=[["postcode"]], default_factory=list, description="What it said otherwise."
    )
    values: RecordValues | None = Field(None, description="All that it said from then on.")


class RecordHistory(Page):
    """A record's history, oldest first."""

    items: list[RecordHistoryEntry]


def values_of(values: Any) -> RecordValues:
    """Values as they may be seen; not checked again, for extracts may say what bodies may not."""
    return RecordValues.model_construct(**{name: values.get(name) for name in SAID})


def document_of(
    record: ShownRecord, child_id: str | None, *, child_hidden: bool = False
) -> RecordDocument:
    """A record that may be seen; ``child_hidden`` says that its child may not be told."""
    return RecordDocument.model_construct(
        source=record.key.source,
        record_id=record.key.record_id,
        child_id=None if child_hidden else child_id,
        values=values_of(record.values),
        as_of=record.as_of,
        extract=record.extract,
        from_run=record.from_run,
        location_hidden=record.location_hidden,
        child_hidden=child_hidden,
        erased=record.erased,
        checked=record.checked,
    )


def entry_of(change: RecordChange) -> RecordHistoryEntry:
    """One entry of a record's history."""
    return RecordHistoryEntry.model_construct(
        run=change.run,
        at=change.when.at,
        by=change.when.by,
        run_kind=change.when.kind,
        kind=change.kind,
        child_id=change.child_id,
        extract=change.extract,
        fields=list(change.fields),
        values=values_of(change.values) if change.kind == "record_said" else None,
    )
