"""Decisions that people made, and taking them back; pairs of known answer."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.rest.access import Access, Write
from api.rest.allowed import reads, writes
from api.rest.etags import LOCATED
from api.rest.guarding import GuardedRoute
from api.rest.paging import Cursor, Limit, next_page, place_of
from api.rest.problems import Problem, acting, asking
from api.rest.review_list_models import (
    DecisionPage,
    KnownList,
    KnownModel,
    NewKnown,
    decided_model,
    known_model,
)
from api.rest.review_models import UndoneModel, UndoReason
from api.rest.reviewing import reviewer_of, rules_of, told_plainly
from api.rest.text import Short
from api.services.access.caller import AccessError
from api.services.access.roles import Permission
from api.services.review.known import end_known, known_pairs, mark_known
from api.services.review.listing import decisions_made
from api.services.review.undoing import undo_one

router = APIRouter(route_class=GuardedRoute, tags=["review"])

Number = Annotated[
    int, Path(ge=0, lt=2**63, description="Its number, as the list has it.", examples=[12])
]


@router.get("/decisions", summary="List decisions", responses=asking("bad-cursor"))
def list_decisions(
    request: Request,
    response: Response,
    access: Annotated[Access, reads(Permission.REVIEW_PAIRS)],
    by: Annotated[Short | None, Query(description="Only those of this person.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DecisionPage:
    """What people said of pairs of records that you may see, the last first."""
    place = place_of(access.request, cursor, int)
    items = decisions_made(
        access.connection,
        reviewer_of(access),
        by=by,
        before=None if place is None else place[0],
        limit=limit + 1,
    )
    page, address = next_page(request, response, items, limit, lambda item: [item.id])
    access.saw(*(f"record {n}" for item in page for n in (item.pair.low, item.pair.high)))
    return DecisionPage(items=[decided_model(item) for item in page], next=address)


@router.post(
    "/decisions/{decision}/undo",
    summary="Take a decision back",
    response_model=UndoneModel,
    responses=acting("not-found", "conflict"),
)
def undo_made_decision(
    decision: Number, said: UndoReason, write: Annotated[Write, writes(Permission.REVIEW_PAIRS)]
) -> Response:
    """Your own latest one; any, if you are a senior reviewer. It ends with the next run, which
    is queued, and the pair waits again. 409 for one that a contradiction comes of, where two people
    decide these: take its pair instead, and answer it anew.
    """
    rules = rules_of(write)
    with told_plainly():
        undone = undo_one(
            write.connection,
            rules and rules[1],
            reviewer_of(write),
            decision,
            why=said.why,
            now=write.now,
        )
    write.saw(*(f"record {record}" for record in (undone.pair.low, undone.pair.high)))
    return write.answer(
        UndoneModel(pair=str(undone.pair), answer=undone.answer, entry=undone.entry)
    )


@router.get("/review/known", summary="List pairs of known answer", responses=asking("bad-cursor"))
def list_known_pairs(
    request: Request,
    response: Response,
    access: Annotated[Access, reads(Permission.ADMINISTER)],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> KnownList:
    """The newest first, with how reviewers answered."""
    place = place_of(access.request, cursor, int)
    found = known_pairs(
        access.connection,
        access.view,
        before=place[0] if place else None,
        limit=limit + 1,
    )
    page, link = next_page(request, response, found, limit, lambda one: [one.id])
    access.saw(*(f"record {n}" for one in page for n in (one.pair.low, one.pair.high)))
    return KnownList(next=link, items=[known_model(one) for one in page])


@router.post(
    "/review/known",
    summary="Mark a pair of known answer",
    status_code=201,
    response_model=KnownModel,
    responses={**acting("conflict"), 201: {"headers": LOCATED}},
)
def mark_known_pair(
    said: NewKnown, write: Annotated[Write, writes(Permission.ADMINISTER)]
) -> Response:
    """From now on reviewers are handed it now and then, as if it waited. What they say of it
    measures them and decides nothing.
    """
    try:
        for source in (said.source_l, said.source_r):
            write.view.require_named(source)
    except AccessError as error:
        raise Problem("forbidden", str(error)) from None
    with told_plainly():
        number = mark_known(
            write.connection,
            one=(said.source_l, said.record_id_l),
            other=(said.source_r, said.record_id_r),
            kind=said.kind,
            by=write.caller.name,
            now=write.now,
        )
    (known,) = known_pairs(write.connection, write.view, only=number)
    write.saw(*(f"record {record}" for record in (known.pair.low, known.pair.high)))
    where = {"Location": f"/v1/review/known/{number}"}
    return write.answer(known_model(known), 201, where)


@router.get(
    "/review/known/{number}",
    summary="Get a pair of known answer",
    responses=asking("not-found"),
)
def get_known_pair(
    number: Number, access: Annotated[Access, reads(Permission.ADMINISTER)]
) -> KnownModel:
    """With how reviewers answered."""
    found = known_pairs(access.connection, access.view, only=number)
    if not found:
        raise Problem("not-found")
    access.saw(*(f"record {n}" for n in (found[0].pair.low, found[0].pair.high)))
    return known_model(found[0])


@router.post(
    "/review/known/{number}/end",
    summary="Hand a pair of known answer out no more",
    status_code=204,
    response_model=None,
    responses=acting("not-found", "conflict"),
)
def end_known_pair(
    number: Number, write: Annotated[Write, writes(Permission.ADMINISTER, personal=False)]
) -> Response:
    """What was said of it stays."""
    with told_plainly():
        end_known(write.connection, number, by=write.caller.name, now=write.now)
    return write.answer(None, 204)
