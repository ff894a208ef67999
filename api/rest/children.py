"""Children: who they are, what is known of them, what happened with them, and why."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from api.rest.access import Access
from api.rest.allowed import reads
from api.rest.asking import MOVED, AsOf, Follow, current_child, require_run, settled
from api.rest.child_schemas import (
    ChildDocument,
    ChildHistory,
    ChildWhy,
    FamilyPage,
    Journey,
    change_of,
    child_document,
    relative_of,
    step_of,
)
from api.rest.guarding import GuardedRoute
from api.rest.paging import Cursor, Limit, next_page, place_of
from api.rest.problems import asking
from api.rest.record_schemas import RecordPage, document_of
from api.rest.text import ChildIdText
from api.rest.why_schemas import apart_of, explanation_of
from api.services.access.roles import Permission
from api.services.register.apart import kept_apart
from api.services.register.changes import child_history
from api.services.register.families import view_family
from api.services.register.journeys import journey_of
from api.services.register.viewing import view_child, view_records
from api.services.register.why import why_child

router = APIRouter(route_class=GuardedRoute, tags=["children"])

Responses = dict[int | str, dict[str, Any]]

_AT = "/children/{child_id}"

MayRead = Annotated[Access, reads(Permission.READ_CHILDREN)]
ChildId = Annotated[
    ChildIdText,
    Path(description="The id of a child, for ever the same.", examples=["5QK2M8ZR0T4WF"]),
]
_ONE: Responses = {**asking("not-found", "gone"), **MOVED}
_LIST: Responses = {**asking("not-found", "gone", "bad-cursor"), **MOVED}


@router.get(_AT, summary="A child", response_model=ChildDocument, responses=_ONE)
def get_child(
    child_id: ChildId,
    access: MayRead,
    as_of: AsOf = None,
    follow: Follow = True,
) -> Any:
    """Golden values, each with its source, and the records, by now or as of a run.

    A child that was merged leads to the one that it was merged into (307). One whose records
    went to several, or that has none any more, is gone (410, with its successors). With
    `follow=false`, both are told of as they stand.
    """
    require_run(access, as_of)
    access.saw(child_id)
    found = view_child(access.connection, access.view, child_id, as_of_run=as_of)
    standing = settled(access, child_id, found.standing if found else None, "", follow)
    if found is None or isinstance(standing, Response):
        return standing
    return child_document(found)


@router.get(
    f"{_AT}/records",
    summary="What a child's records say",
    response_model=RecordPage,
    responses=_LIST,
)
def list_records_of_child(
    child_id: ChildId,
    access: MayRead,
    request: Request,
    response: Response,
    as_of: AsOf = None,
    follow: Follow = True,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Any:
    """Records of sources that may be seen for the purpose, by source and id."""
    after = place_of(access.request, cursor, str, str)
    standing = current_child(access, child_id, "/records", follow=follow, as_of=as_of)
    if isinstance(standing, Response):
        return standing
    found = view_records(
        access.connection,
        access.view,
        child_id,
        as_of_run=as_of,
        after=after,
        limit=limit + 1,
    )
    page, address = next_page(request, response, found, limit, lambda one: one.key[:2])
    access.saw(*(f"record {one.key.record}" for one in page))
    return RecordPage.model_construct(
        items=[document_of(one, child_id) for one in page], next=address
    )


@router.get(f"{_AT}/family", summary="A child's family", response_model=FamilyPage, responses=_LIST)
def list_family_of_child(
    child_id: ChildId,
    access: MayRead,
    request: Request,
    response: Response,
    follow: Follow = True,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Any:
    """Whom its sources list under the same family id, children and carers; no addresses.

    A shielded child's family is told to those who are cleared only, and nobody else is told
    that a shielded child is of a family.
    """
    after = place_of(access.request, cursor, str, str, str)
    standing = current_child(access, child_id, "/family", follow=follow)
    if isinstance(standing, Response):
        return standing
    family = view_family(access.connection, access.view, child_id)
    rest = [one for one in family.relatives if after is None or one.place > after]
    page, address = next_page(request, response, rest[: limit + 1], limit, lambda one: one.place)
    access.saw(*(one.child_id or f"record {one.key.record}" for one in page))
    return FamilyPage.model_construct(
        items=[relative_of(one) for one in page],
        location_hidden=family.location_hidden,
        next=address,
    )


@router.get(
    f"{_AT}/history",
    summary="What happened to a child",
    response_model=ChildHistory,
    responses=_LIST,
)
def get_child_history(
    child_id: ChildId,
    access: MayRead,
    request: Request,
    response: Response,
    follow: Follow = True,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Any:
    """Oldest first: merges, splits, records that joined or left, values that changed.

    With the run, its moment, and who asked for it. With `follow=false`, that of a child
    which is no more.
    """
    after = place_of(access.request, cursor, int, int, int)
    standing = current_child(access, child_id, "/history", follow=follow)
    if isinstance(standing, Response):
        return standing
    found = child_history(
        access.connection,
        access.view,
        child_id,
        after=after,
        limit=limit + 1,
    )
    page, address = next_page(request, response, found, limit, lambda one: one.place)
    access.saw(*(other for one in page for other in one.children))
    return ChildHistory.model_construct(items=[change_of(one) for one in page], next=address)


@router.get(
    f"{_AT}/journey", summary="What happened with a child", response_model=Journey, responses=_LIST
)
def get_child_journey(
    child_id: ChildId,
    access: MayRead,
    request: Request,
    response: Response,
    as_of: AsOf = None,
    follow: Follow = True,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Any:
    """All activity of all its records, oldest first.

    Contacts, visits, periods of free school meals, profile results, early help episodes and
    funded places, of the sources that may be seen for the purpose.
    """
    after = place_of(access.request, cursor, str, str, int)
    standing = current_child(access, child_id, "/journey", follow=follow, as_of=as_of)
    if isinstance(standing, Response):
        return standing
    found = journey_of(
        access.connection,
        access.view,
        child_id,
        as_of_run=as_of,
        after=after,
        limit=limit + 1,
    )
    page, address = next_page(request, response, found.steps, limit, lambda one: one.place)
    access.saw(*(f"record {one.key.record}" for one in page))
    return Journey.model_construct(
        items=[step_of(one) for one in page], location_hidden=found.location_hidden, next=address
    )


@router.get(
    f"{_AT}/why", summary="What holds a child together", response_model=ChildWhy, responses=_LIST
)
def explain_child(
    child_id: ChildId,
    access: MayRead,
    request: Request,
    response: Response,
    follow: Follow = True,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Any:
    """Each link between its records with every partial weight, each decision on two of them, and on
    the first page what keeps them `apart` from other children's.
    """
    after = place_of(access.request, cursor, int, int)
    standing = current_child(access, child_id, "/why", follow=follow)
    if isinstance(standing, Response):
        return standing
    found = why_child(
        access.connection,
        access.view,
        child_id,
        after=after,
        limit=limit + 1,
    )
    page, address = next_page(
        request, response, found, limit, lambda one: (one.l.record, one.r.record)
    )
    access.saw(*{f"record {x.record}" for one in page for x in (one.l, one.r)})
    apart = kept_apart(access.connection, access.view, child_id) if after is None else []
    access.saw(*(told for one in apart for told in (f"record {one.other.record}", one.child)))
    return ChildWhy.model_construct(
        items=[explanation_of(one) for one in page],
        apart=[apart_of(one) for one in apart],
        next=address,
    )
