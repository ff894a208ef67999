"""Single records: read, explained, their history."""

from typing import Annotated

from fastapi import APIRouter, Request, Response

from api.rest.access import Access
from api.rest.allowed import reads
from api.rest.asking import AsOf, require_named, require_run
from api.rest.child_schemas import ChildDocument, child_document
from api.rest.etags import UNCHANGED, IfChanged, etag, tell_state
from api.rest.guarding import GuardedRoute
from api.rest.paging import Cursor, Limit, next_page, place_of
from api.rest.problems import Problem, asking
from api.rest.record_schemas import (
    RecordDocument,
    RecordHistory,
    RecordKey,
    document_of,
    entry_of,
)
from api.rest.text import RecordPath, SourcePath
from api.rest.why_schemas import RecordWhy, apart_of, explanation_of
from api.services.access.roles import Permission
from api.services.register.apart import kept_apart
from api.services.register.changes import record_history
from api.services.register.history import Member, child_of
from api.services.register.lookalikes import lookalikes
from api.services.register.viewing import (
    record_number,
    view_child,
    view_record,
)
from api.services.register.why import why_record

router = APIRouter(route_class=GuardedRoute, tags=["records"])

AT = "/sources/{source}/records/{record_id}"

MayRead = Annotated[Access, reads(Permission.READ_CHILDREN)]


@router.get(
    AT,
    summary="What a record says",
    responses={**asking("unknown-source", "not-found"), **UNCHANGED},
)
def get_record(
    source: SourcePath,
    record_id: RecordPath,
    access: MayRead,
    response: Response,
    as_of: AsOf = None,
    known: IfChanged = None,
) -> RecordDocument:
    """By now, or as it was after a run. What may not be seen for the purpose is null."""
    require_run(access, as_of)
    require_named(access, source)
    found = view_record(access.connection, access.view, source, record_id, as_of_run=as_of)
    if found is None:
        raise Problem("not-found")
    child = child_of(access.connection, source, record_id, as_of_run=as_of)
    hidden = found.key.record in lookalikes(access.connection, access.view).records
    access.saw(f"record {found.key.record}", *([child] if child and not hidden else []))
    told = document_of(found, child, child_hidden=hidden)
    tell_state(response, etag_of(told), known)
    return told


@router.get(
    f"{AT}/child",
    summary="The child of a record",
    responses={
        **asking("unknown-source", "not-found"),
        200: {
            "headers": {
                "Content-Location": {
                    "description": "The child's own address.",
                    "schema": {"type": "string"},
                }
            }
        },
    },
)
def get_child_of_record(
    source: SourcePath,
    record_id: RecordPath,
    access: MayRead,
    response: Response,
    as_of: AsOf = None,
) -> ChildDocument:
    """By now, or as it was after a run; the same as `/v1/children/{child_id}`."""
    require_run(access, as_of)
    require_named(access, source)
    child_id = _child(access, source, record_id, as_of)
    found = (
        None
        if child_id is None
        else view_child(access.connection, access.view, child_id, as_of_run=as_of)
    )
    if found is None:
        raise Problem("not-found", "There is no such record, or it is no child's.")
    access.saw(found.standing.child_id)
    response.headers["Content-Location"] = f"/v1/children/{found.standing.child_id}"
    return child_document(found)


@router.get(
    f"{AT}/why",
    summary="Why a record belongs to its child",
    responses=asking("unknown-source", "not-found", "bad-cursor"),
)
def explain_record(
    source: SourcePath,
    record_id: RecordPath,
    access: MayRead,
    request: Request,
    response: Response,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> RecordWhy:
    """The record beside each other record of its child that may be seen.

    With each partial weight, its level and sentence, and what people decided on the two; on the
    first page with what keeps the record `apart` from other children's.
    """
    after = place_of(access.request, cursor, str, str)
    require_named(access, source)
    number = record_number(access.connection, source, record_id)
    child_id = _child(access, source, record_id)
    if number is None or child_id is None:
        raise Problem("not-found", "There is no such record, or it is no child's.")
    record = Member(source, record_id, number)
    found = why_record(
        access.connection, access.view, child_id, record, after=after, limit=limit + 1
    )
    page, link = next_page(
        request,
        response,
        found,
        limit,
        lambda one: (one.r if one.l.record == number else one.l)[:2],
    )
    access.saw(child_id, *{f"record {x.record}" for one in page for x in (one.l, one.r)})
    apart = []
    if after is None:
        apart = kept_apart(access.connection, access.view, child_id, record=number)
    access.saw(*(told for one in apart for told in (f"record {one.other.record}", one.child)))
    return RecordWhy(
        record=RecordKey(source=source, record_id=record_id),
        child_id=child_id,
        items=[explanation_of(one) for one in page],
        apart=[apart_of(one) for one in apart],
        next=link,
    )


@router.get(
    f"{AT}/history",
    summary="What a record said, and whose it was",
    responses=asking("unknown-source", "not-found", "bad-cursor"),
)
def get_record_history(
    source: SourcePath,
    record_id: RecordPath,
    access: MayRead,
    request: Request,
    response: Response,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> RecordHistory:
    """Oldest first: each version with the run and the extract that brought it, each child."""
    after = place_of(access.request, cursor, int, int, int)
    require_named(access, source)
    number = record_number(access.connection, source, record_id)
    if number is None:
        raise Problem("not-found")
    access.saw(f"record {number}")
    found = record_history(
        access.connection,
        access.view,
        source,
        number,
        after=after,
        limit=limit + 1,
    )
    access.saw(*{one.child_id for one in found if one.child_id is not None})
    page, address = next_page(request, response, found, limit, lambda one: one.place)
    return RecordHistory.model_construct(items=[entry_of(one) for one in page], next=address)


def _child(access: Access, source: str, record_id: str, as_of: int | None = None) -> str | None:
    """The child of a record, now or after a run, if it may be told."""
    if (source, record_id) in lookalikes(access.connection, access.view).keys:
        return None
    return child_of(access.connection, source, record_id, as_of_run=as_of)


def etag_of(told: RecordDocument) -> str:
    """By which it is known whether what is told of a record is still the same."""
    return etag("record", told.model_dump(mode="json"))
