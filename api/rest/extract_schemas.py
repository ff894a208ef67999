"""What the routes of extracts take and tell."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.db.models import ExtractState
from api.rest.bodies import AnyDay, Body, whole
from api.rest.jobs import JobModel, job_model
from api.rest.paging import Page
from api.rest.text import Said, SourceName
from api.services.extracts.listing import ExtractView

EXTRACT_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["source", "as_of", "file"],
                    "properties": {
                        "source": {
                            "type": "string",
                            "pattern": "^[a-z][a-z0-9_]{0,63}$",
                            "description": "The system that it is of, see /v1/sources.",
                            "examples": ["estart"],
                        },
                        "as_of": {
                            "type": "string",
                            "format": "date",
                            "description": "The day on which the system was exported.",
                            "examples": ["2024-09-01"],
                        },
                        "mode": {
                            "type": "string",
                            "enum": ["snapshot", "delta"],
                            "default": "snapshot",
                            "examples": ["snapshot"],
                            "description": "snapshot: it lists all that the source holds. "
                            "delta: it lists what changed.",
                        },
                        "new_source": {
                            "type": "string",
                            "enum": ["true", "false"],
                            "default": "false",
                            "examples": ["false"],
                            "description": "true: the source is new. Else one that neither the "
                            "rules nor the register know is refused: its name may be a slip.",
                        },
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "CSV, a workbook, XML, or a zip of such. Of its name "
                            "only the ending is looked at.",
                        },
                    },
                }
            }
        },
    }
}


_REPORT = {
    "rows": 2262,
    "records": 995,
    "rejects": 2,
    "change": {
        "current": 990,
        "new": 12,
        "changed": 40,
        "gone": 7,
        "unchanged": 943,
        "another_person": 0,
        "activity": {
            "contacts": {
                "current": 1250,
                "new": 21,
                "gone": 6,
                "gone_with_record": 6,
                "unchanged": 1244,
            }
        },
    },
    "stops": [],
}


class NewExtract(Body):
    """The fields of the form that an extract comes with."""

    source: SourceName
    # Of a day to come the service says that.
    as_of: AnyDay
    mode: Literal["snapshot", "delta"] = "snapshot"
    # Forms hold texts.
    new_source: Literal["true", "false"] = "false"


class ExtractModel(BaseModel):
    """An extract as it stands."""

    id: int = Field(description="Its number.", examples=[12])
    source: str = Field(description="Its name, as in `/v1/sources`.", examples=["estart"])
    state: ExtractState = Field(
        description="received → validated → accepted → current → superseded; or refused, or "
        "withdrawn. One that stays validated waits for a person: see `stops` in the report."
    )
    mode: Literal["snapshot", "delta"] = Field(
        description="`snapshot`: it lists all that the source holds. `delta`: it lists what "
        "changed."
    )
    as_of: date = Field(description="The day on which the system was exported.")
    received_at: datetime = Field(description="When, in UTC.")
    received_by: str = Field(
        description="The key or person that brought it.", examples=["nursery-system"]
    )
    decided_at: datetime | None = Field(description="When it was accepted, refused or withdrawn.")
    decided_by: str | None = Field(description="Who did; null where nobody had to.")
    refusal: str | None = Field(description="Why it was refused.")
    withdrawal: str | None = Field(description="Why it was withdrawn.")
    run: int | None = Field(description="The run that linked it.")
    undone_run: int | None = Field(description="The run that took back what it did.")
    job: JobModel | None = Field(description="The last work that was queued for it.")


class BroughtExtract(ExtractModel):
    """The one that was brought, or that is there already with the same content."""

    changed_since: int = Field(
        description="Of one that is there already: how many records of its source were put or "
        "deleted one by one since it was linked. They stay as they are; to have again what the "
        "extract says of them, bring it with a later `as_of`.",
        examples=[0],
    )


class ExtractInFull(ExtractModel):
    """With its data-quality report."""

    report: dict[str, Any] | None = Field(
        description="Counts: rows, records, rejects by code, fields filled and usable, changes "
        "against what is current, of records and of each kind of activity (`change`), and what "
        "speaks against accepting it (`stops`).",
        examples=[_REPORT],
    )


class ExtractPage(Page):
    """Extracts, newest first."""

    items: list[ExtractModel]


class RejectModel(BaseModel):
    """A row that could not become a record. It tells the place and the reason, no value but the
    record's id.
    """

    file: str = Field(description="Which file of the extract.", examples=["extract.csv"])
    row: int = Field(description="Counted from 1, the line of names included.", examples=[17])
    record_id: str | None = Field(
        description="Null if the row has none, something is wrong with it, a newer extract of the "
        "source is there, or it may not be told: that needs `read_children` and a purpose for "
        "which record ids of the source may be told.",
        examples=["90012"],
    )
    column: str = Field(
        description="Its name in the file; empty if it is the whole row.",
        examples=["date_of_birth"],
    )
    code: str = Field(description="The reason, for programs.", examples=["bad_date"])
    message: str = Field(description="The reason, for people.", examples=["this is not a date"])


class RejectPage(Page):
    """Rejects in the order of the extract."""

    items: list[RejectModel]


class Refusal(Body):
    """Why an extract is refused."""

    model_config = whole({"why": "another area's list"})

    why: Said = Field(
        description="Told with the extract from then on.", examples=["another area's list"]
    )


class Withdrawal(Body):
    """Why an extract is taken back."""

    model_config = whole({"why": "it was of last year"})

    why: Said = Field(
        description="Told with the extract from then on.", examples=["it was of last year"]
    )


def extract_model(view: ExtractView) -> ExtractModel:
    """As it is told."""
    return ExtractModel(**extract_values(view))


def extract_values(view: ExtractView) -> dict[str, Any]:
    """The same, by name."""
    names = [name for name in ExtractModel.model_fields if name != "job"]
    job = None if view.job is None else job_model(view.job)
    return {**{name: getattr(view, name) for name in names}, "job": job}
