"""What the pages of one child have in common."""

from typing import Annotated

from fastapi import Form, Request

from api.rest.access import Access
from api.rest.problems import Problem
from api.services.register.acts import key_of
from api.services.register.changes import was_erased
from api.services.register.corrections_told import ToldCorrection, told_corrections
from api.services.register.history import Standing
from api.services.register.shields import WHEREABOUTS
from api.services.register.viewing import ShownChild, view_child
from api.web.pages import Instead, page, see
from api.web.typed import Written

Typed = Annotated[Written, Form()]


def current_child(request: Request, visit: Access, child_id: str) -> ShownChild:
    """A current child; another answer for one that is no more."""
    visit.saw(child_id)
    found = view_child(visit.connection, visit.view, child_id) if len(child_id) <= 32 else None
    if found is None:
        raise Problem("not-found")
    if found.standing.standing is Standing.CURRENT:
        return found
    visit.saw(*found.standing.successors)
    if found.standing.standing is Standing.MERGED:
        raise Instead(
            see(
                request,
                f"/children/{found.standing.successors[0]}",
                said=f"Child {child_id} was merged into this one.",
            )
        )
    title = f"Child {child_id} is no more"
    raise Instead(
        page(
            request,
            "children/ended.html",
            title=title,
            standing=found.standing,
            erased=was_erased(visit.connection, visit.view, found.standing),
            status=410,
        )
    )


def one_record(visit: Access, child: ShownChild) -> tuple[str, str]:
    """The key of a record of the child, by which it is acted on."""
    return key_of(visit.connection, child.records[0].record)


def may_correct(visit: Access, child: ShownChild, field: str) -> bool:
    """Whether a value may be set by hand: nobody corrects what they may not know."""
    hidden = child.location_hidden and field in WHEREABOUTS
    return not hidden and visit.view.may_correct(field)


def corrections_of_child(visit: Access, child: ShownChild) -> list[ToldCorrection]:
    """Corrections of its values, as far as the visitor may know them; oldest first."""
    return told_corrections(
        visit.connection,
        visit.view,
        child.standing.child_id,
        location_hidden=child.location_hidden,
    )
