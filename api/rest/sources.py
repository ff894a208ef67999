"""Sources: systems that extracts come from, and what they may be used for."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api.db.models import ExtractState
from api.rest.access import Access
from api.rest.allowed import reads
from api.rest.guarding import GuardedRoute
from api.rest.paging import Cursor, Limit, Page, next_page, place_of
from api.rest.problems import asking
from api.services.access.roles import Permission
from api.services.runs import list_sources

router = APIRouter(route_class=GuardedRoute, tags=["sources"])


class AgreementModel(BaseModel):
    """What a source may be used for, on which basis, until when."""

    lawful_basis: str = Field(
        description="On which it may be used; empty if nobody has stated it.",
        examples=["public task"],
    )
    purposes: list[str] = Field(
        description="What it may be used for.", examples=[["early_years", "education"]]
    )
    fields: dict[str, list[str]] = Field(
        description="Fields that may be used for these purposes only.",
        examples=[{"upn": ["education"]}],
    )
    starts: date | None = Field(description="Its first day; null if it names none.")
    ends: date | None = Field(description="Its last day.")
    in_force: bool = Field(description="Whether it is, today.")


class LatestExtractModel(BaseModel):
    """The last extract that was received."""

    id: int = Field(description="Its number.", examples=[12])
    state: ExtractState = Field(description="See `/v1/extracts`.")
    mode: Literal["snapshot", "delta"] = Field(
        description="`snapshot`: it lists all that the source holds. `delta`: it lists what "
        "changed."
    )
    as_of: date = Field(description="The day on which the system was exported.")
    received_at: datetime = Field(description="When, in UTC.")


class SourceModel(BaseModel):
    """A system that extracts come from."""

    name: str = Field(description="As it is called in addresses.", examples=["estart"])
    title: str = Field(description="As people call it.", examples=["eStart, children's centres"])
    one_record_per_child: bool = Field(description="Whether it holds each child once.")
    as_of: date | None = Field(description="The date of what is current of it.")
    agreements: list[AgreementModel] = Field(
        description="What allows its use; without one in force nothing of it is told."
    )
    latest: LatestExtractModel | None = Field(description="Null if none ever came.")


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
    place = place_of(access.request, cursor, str)
    found = list_sources(
        access.connection,
        access.caller.sources,
        access.now.date(),
        after=place[0] if place else "",
        limit=limit + 1,
    )
    page, link = next_page(request, response, found, limit, lambda one: [one.name])
    return Sources(next=link, items=[SourceModel(**asdict(view)) for view in page])
