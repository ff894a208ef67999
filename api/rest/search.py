"""Children searched by what their records say. Values are sent in a body, never in an address."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.rest.access import Access
from api.rest.allowed import KeyHeader, reads
from api.rest.asking import invalid, require_source
from api.rest.bodies import Body, Day, named, whole
from api.rest.child_schemas import GoldenValues, golden_document
from api.rest.guarding import GuardedRoute
from api.rest.paging import place_of, written
from api.rest.problems import Problem, asking
from api.rest.record_schemas import Identifier, Value
from api.rest.text import RecordId, SourceName
from api.services.access.roles import Permission
from api.services.register.criteria import LOOKED_FOR, Criterion, LacksValueError, SaysNothingError
from api.services.register.searching_children import ListChangedError, search_children
from api.services.register.states import State
from matcher.errors import DataError

router = APIRouter(route_class=GuardedRoute, tags=["children"])

MayRead = Annotated[Access, reads(Permission.READ_CHILDREN)]


class SearchBody(Body):
    """What any one record of a child must say: at least one value, or its base system."""

    model_config = whole(
        {"forename": "Amel", "surname": "Artliff", "criteria": ["forename4"], "limit": 10}
    )

    forename: Value | None = Field(None, examples=["Aisha"])
    surname: Value | None = Field(None, examples=["Malik"])
    date_of_birth: Day | None = Field(None, description="As YYYY-MM-DD.", examples=["2014-05-03"])
    postcode: Value | None = Field(None, examples=["OL1 1AA"])
    address: Value | None = Field(
        None, description="Its first five characters count.", examples=["2 Mill Road"]
    )
    nhs_number: Identifier | None = Field(None, description="Ten digits.", examples=[None])
    upn: Identifier | None = Field(
        None, description="For education purposes only.", examples=[None]
    )
    record_id: RecordId | None = Field(None, description="Of any source.", examples=[None])
    criteria: list[Annotated[Criterion, named]] = Field(
        default_factory=list,
        max_length=len(Criterion),
        description="How values are compared; one without a criterion must agree in full. "
        "`names_swapped` and `dob_day_month_swapped` are further ways to agree.",
        examples=[["forename4", "surname4", "dob_day_month_swapped"]],
    )
    source: SourceName | None = Field(
        None,
        description="The base system: only its records count. Without any value, all of them do.",
        examples=[None],
    )
    state: Annotated[State, named] = Field(
        State.ALL,
        description="Only records that another system holds as well (`matched`) or not "
        "(`unmatched`), for whose child a possible link waits (`possible`), or that a person "
        "marked as checked in the matching workbench (`checked`): that is no decision, and the "
        "record says it as well. Systems that you may not see count for none of these.",
    )
    limit: int = Field(50, description="How many at most.", ge=1, le=500)
    cursor: str | None = Field(None, description="The `next` of the page before.")


class FoundChild(BaseModel):
    """A child that was found."""

    child_id: str = Field(description="Its stable id.", examples=["5QK2M8ZR0T4WF"])
    values: GoldenValues = Field(description="The golden record.")
    location_hidden: bool = Field(description="Whether values are left out because it is shielded.")


class FoundChildren(BaseModel):
    """Children in order of the first name that agrees."""

    items: list[FoundChild]
    several: bool = Field(
        False, description="Several agree, so none is told to a system that nobody attends."
    )
    next: str | None = Field(
        None, description="The `cursor` of the next page; none at the end.", examples=[None]
    )


@router.post(
    "/children/search",
    summary="Search children",
    responses=asking("unknown-source", "bad-cursor"),
)
def find_children(body: SearchBody, access: MayRead, _key: KeyHeader = None) -> FoundChildren:
    """Children of whom one record agrees, among the sources that may be seen for the purpose.

    With a base system (`source`) and a `state`, and no value, that system's children are listed.

    A shielded child is not found by its place, but by those who are cleared. A value that
    may not be used for the purpose, such as a UPN, ends the search (403). A system that nobody
    attends is told of a child only if no other agrees.
    """
    alone = access.caller.unattended
    place = None if alone else place_of(access.request, body.cursor, str)
    if body.source is not None:
        require_source(access, body.source, "forbidden", "body.source")
    given = {name: getattr(body, name) for name in LOOKED_FOR}
    values = {name: str(value) for name, value in given.items() if value not in (None, "")}
    try:
        found = search_children(
            access.connection,
            values,
            body.criteria,
            after=place[0] if place else None,
            limit=1 if alone else body.limit,
            cleared=access.view.cleared,
            sources=_usable(access, body.source, values),
            seen=access.view.sources,
            state=body.state,
            listing=body.source is not None,
        )
    except ListChangedError as error:
        raise Problem("bad-cursor", str(error)) from None
    except SaysNothingError as error:
        invalid(f"body.{error.column}", str(error))
    except LacksValueError as error:
        invalid(f"body.criteria.{body.criteria.index(error.criterion)}", str(error))
    except DataError as error:
        invalid("body", str(error))
    if alone and found.after is not None:
        return FoundChildren(items=[], several=True, next=None)
    access.saw(*(one.child_id for one in found.children))
    return FoundChildren(
        items=[
            FoundChild(
                child_id=one.child_id,
                values=golden_document(access.view, one.values, shielded=one.location_hidden),
                location_hidden=one.location_hidden,
            )
            for one in found.children
        ],
        several=False,
        next=written(access.request, [found.after]) if found.after else None,
    )


def _usable(access: Access, source: str | None, values: dict[str, str]) -> set[str]:
    """Sources all of whose values that are compared may be used. Raises Problem if none is."""
    view = access.view
    sources = {one for one in view.usable(values.keys()) if source in (None, one)}
    if not sources:
        asked = view.sources if source is None else {source}
        barred = [name for name in values if not any(view.may_see(one, name) for one in asked)]
        message = "A value may not be used for this purpose; leave it out."
        if not barred:
            message = "No source may be searched for all of these values for this purpose."
        errors = [{"place": f"body.{name}", "message": message} for name in barred or values]
        raise Problem("forbidden", message, errors=errors)
    return sources
