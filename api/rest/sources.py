"""Sources: systems that extracts come from, and what they may be used for."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api.db.models import ExtractState
from api.rest.access import Access
from api.rest.allowed import reads
from api.rest.paging import Cursor, Limit, Page, next_page, place_of
from api.rest.problems import asking
from api.services.access.roles import Permission
from api.services.runs import list_sources

router = APIRouter(tags=["sources"])


class AgreementModel(BaseModel):
    """What a source may be used for, on which basis, until when."""

    lawful_basis: str = Field(examples=["public task"])
    purposes: list[str] = Field(examples=[["early_years", "education"]])
    fields: dict[str, list[str]] = Field(
        description="Fields that may be used for these purposes only.",
        examples=[{"upn": ["education"]}],
    )
    starts: date | None
    ends: date | None = Field(description="Its last day.")
    in_force: bool


class LatestExtractModel(BaseModel):
    """The last extract that was received."""

    id: int = Field(examples=[12])
    state: ExtractState
    mode: Literal["snapshot", "delta"]
    as_of: date
    received_at: datetime


class SourceModel(BaseModel):
    """A system that extracts come from."""

    name: str = Field(examples=["estart"])
    title: str = Field(examples=["eStart, children's centres"])
    one_record_per_child: bool = Field(description="Whether it holds each child once.")
    as_of: date | None = Field(description="The date of what is current of it.")
    agreements: list[AgreementModel]
    latest: LatestExtractModel | None


class Sources(Page):
    """Sources, by name."""

    items: list[SourceModel]


@router.get("/sources", summary="List sources", responses=asking("bad-cursor"))
def get_sources(
    access: Annotated[Access, reads(Permission.READ_RUNS, personal=False)],
    request: Request,
    response: Response,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Sources:
    """With their agreements and the last extract of each; of a key that is scoped to some
    sources, only these.
    """
    place = place_of(access.service, cursor, str)
    found = list_sources(
        access.connection,
        access.caller.sources,
        access.now.date(),
        after=place[0] if place else "",
        limit=limit + 1,
    )
    page, link = next_page(request, response, found, limit, lambda one: [one.name])
    return Sources(next=link, items=[SourceModel(**asdict(view)) for view in page])
