"""One child with all that is known, and what people change of it."""

from collections.abc import Mapping
from functools import partial
from itertools import groupby
from typing import Annotated

from fastapi import Request, Response

from api.rest.access import Access, Write
from api.rest.problems import Problem
from api.services.access.caller import Caller
from api.services.access.roles import Permission
from api.services.register.acts import ActError
from api.services.register.apart import kept_apart
from api.services.register.begun import begun_in_history, only_moved
from api.services.register.causes import causes
from api.services.register.changes import child_history, was_erased
from api.services.register.corrections_told import told_corrections
from api.services.register.families import view_family
from api.services.register.history import ChildStanding
from api.services.register.journeys import journey_of
from api.services.register.placing import waiting_places
from api.services.register.shielding import lift_shields, shield
from api.services.register.shields import shielded_children
from api.services.register.viewing import ShownChild, view_records, view_standing
from api.services.register.why import why_child
from api.services.review.answering import queue_linking
from api.services.review.undoing import undone_with
from api.web.access import page_router, signed_in
from api.web.child import (
    Typed,
    corrections_of_child,
    current_child,
    may_correct,
    one_record,
)
from api.web.masks import masks_on
from api.web.pages import Instead, page, see
from api.web.text import sentence
from api.web.typed import After, wrong_reason
from matcher.rules.survivorship import GOLDEN_FIELDS

router = page_router()

Visit = Annotated[Access, signed_in(Permission.READ_CHILDREN)]
Protecting = Annotated[Write, signed_in(Permission.PROTECT_CHILDREN, writes=True)]

_RECORDS, _STEPS, _CHANGES, _PAIRS = 60, 100, 100, 30


@router.get("/children/{child_id}")
def child_page(request: Request, child_id: str, visit: Visit) -> Response:
    """Golden values with where each comes from, records by source, and family."""
    return _child_page(request, visit, current_child(request, visit, child_id))


@router.post("/children/{child_id}/reveal")
def reveal_identifiers(request: Request, child_id: str, visit: Visit) -> Response:
    """The same with what reviewers see masked; that it was shown is kept in the access log."""
    return _child_page(request, visit, current_child(request, visit, child_id), revealed=True)


@router.get("/children/{child_id}/journey")
def journey_page(request: Request, child_id: str, visit: Visit, after: After = 0) -> Response:
    """What happened with the child, across all systems, in time order."""
    found = current_child(request, visit, child_id)
    journey = journey_of(visit.connection, visit.view, child_id, limit=after + _STEPS + 1)
    return page(
        request,
        "children/journey.html",
        title=f"Journey of child {child_id}",
        child=found,
        child_id=child_id,
        steps=[
            list(together)
            for _, together in groupby(
                journey.steps[after : after + _STEPS],
                key=lambda step: (step.kind, step.day, step.dated, step.key.source),
            )
        ],
        location_hidden=journey.location_hidden,
        next=after + _STEPS if len(journey.steps) > after + _STEPS else None,
        previous=max(0, after - _STEPS) if after else None,
    )


@router.get("/children/{child_id}/history")
def history_page(request: Request, child_id: str, visit: Visit, after: After = 0) -> Response:
    """Merges, splits, records that joined or left, values that changed; of ended ids too."""
    standing = _standing(visit, child_id)
    changes = child_history(visit.connection, visit.view, child_id, limit=after + _CHANGES + 1)
    visit.saw(child_id, *(other for one in changes for other in one.children))
    known = begun_in_history(visit.connection, child_id, changes)
    caused = causes(visit.connection, visit.view, child_id, changes[after : after + _CHANGES])
    return page(
        request,
        "children/history.html",
        title=f"History of child {child_id}",
        standing=standing,
        erased=was_erased(visit.connection, visit.view, standing),
        child_id=child_id,
        changes=changes[after : after + _CHANGES],
        next=after + _CHANGES if len(changes) > after + _CHANGES else None,
        previous=max(0, after - _CHANGES) if after else None,
        causes=caused,
        may_undo=partial(_may_undo, visit.caller),
        only_moved=lambda one: only_moved(child_id, one, known),
        corrections=told_corrections(
            visit.connection, visit.view, child_id, location_hidden=_hides(visit, child_id)
        ),
    )


def _hides(visit: Access, child_id: str) -> bool:
    """Whether nobody may tell this person where a child lives, or lived."""
    shielded = child_id in shielded_children(visit.connection, [child_id], at_any_time=True)
    return visit.view.hides_location(shielded)


@router.get("/children/{child_id}/why")
def why_page(request: Request, child_id: str, visit: Visit) -> Response:
    """The links that hold the child together, what people said of them, and of other children."""
    found = current_child(request, visit, child_id)
    pairs = why_child(visit.connection, visit.view, child_id, limit=_PAIRS + 1)
    apart = kept_apart(visit.connection, visit.view, child_id, limit=_PAIRS + 1)
    said = {one.id for pair in pairs for one in pair.decisions} | {one.id for one in apart}
    visit.saw(*(told for one in apart for told in (f"record {one.other.record}", one.child)))
    return page(
        request,
        "children/why.html",
        title=f"Why the records of child {child_id} are together",
        child=found,
        child_id=child_id,
        pairs=pairs[:_PAIRS],
        more=len(pairs) > _PAIRS,
        apart=apart[:_PAIRS],
        more_apart=len(apart) > _PAIRS,
        undone_with=undone_with(visit.connection, said),
        may_undo=partial(_may_undo, visit.caller),
    )


def _may_undo(caller: Caller, by: str) -> bool:
    """Whether a decision of somebody might be theirs to take back, see `undo_one`."""
    own = by == caller.name and caller.may(Permission.REVIEW_PAIRS)
    return own or caller.may(Permission.SETTLE_REVIEWS)


@router.post("/children/{child_id}/shield")
def shield_child(
    request: Request,
    child_id: str,
    change: Protecting,
    why: Typed = "",
) -> Response:
    """Hide at once where the child lives."""
    found = current_child(request, change, child_id)
    try:
        shield(
            change.connection,
            record=one_record(change, found),
            why=why,
            by=change.caller.name,
            now=change.now,
        )
    except ActError as error:
        errors = {"shield-why": wrong_reason(why) or sentence(str(error))}
        raise Instead(_child_page(request, change, found, errors=errors, why=why)) from None
    return see(request, f"/children/{child_id}", said="Where this child lives is hidden now.")


@router.post("/children/{child_id}/lift")
def lift_shield(
    request: Request,
    child_id: str,
    change: Protecting,
    why: Typed = "",
) -> Response:
    """Show again where the child lives; for those who are cleared to see it."""
    found = current_child(request, change, child_id)
    if not change.caller.cleared:
        raise Problem("forbidden")
    try:
        lift_shields(
            change.connection,
            record=one_record(change, found),
            why=why,
            by=change.caller.name,
            now=change.now,
        )
    except ActError as error:
        errors = {"lift-why": wrong_reason(why) or sentence(str(error))}
        raise Instead(_child_page(request, change, found, errors=errors, why=why)) from None
    if len(waiting_places(change.connection)):
        queue_linking(change.connection, by=change.caller.name)
    return see(request, f"/children/{child_id}", said="The shield is lifted.")


def _standing(visit: Access, child_id: str) -> ChildStanding:
    found = view_standing(visit.connection, visit.view, child_id) if len(child_id) <= 32 else None
    if found is None:
        raise Problem("not-found")
    return found


def _child_page(
    request: Request,
    visit: Access,
    child: ShownChild,
    *,
    revealed: bool = False,
    errors: Mapping[str, str] | None = None,
    why: str = "",
) -> Response:
    child_id = child.standing.child_id
    records = view_records(visit.connection, visit.view, child_id, limit=_RECORDS + 1)
    family = view_family(visit.connection, visit.view, child_id)
    visit.saw(*(f"record {one.key.record}" for one in records))
    visit.saw(*(one.child_id for one in family.relatives if one.child_id))
    masks = masks_on(visit, child.golden, *(one.values for one in records), revealed=revealed)
    visit.saw(*(f"child {child_id} {name}" for name in masks.told))
    corrections = corrections_of_child(visit, child)
    return page(
        request,
        "children/child.html",
        title=f"Child {child_id}",
        wide=True,
        status=422 if errors else 200,
        errors=errors,
        why=why,
        child=child,
        child_id=child_id,
        fields=GOLDEN_FIELDS,
        correctable=[name for name in GOLDEN_FIELDS if may_correct(visit, child, name)],
        corrected={one.field for one in corrections if one.holds},
        waits={one.field: one.holds for one in corrections if one.waits},
        records=records[:_RECORDS],
        more=len(records) > _RECORDS,
        family=family,
        masks=masks,
    )
