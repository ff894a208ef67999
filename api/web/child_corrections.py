"""Golden values that people set by hand, and let go again."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query, Request, Response

from api.rest.access import Access, Write
from api.rest.problems import Problem
from api.services.access.roles import Permission
from api.services.register.acts import ActError
from api.services.register.corrections import (
    LONGEST_VALUE,
    checked_value,
    correct,
    release_field,
)
from api.services.register.corrections_told import ToldCorrection
from api.services.register.kept_rules import rules_in_force
from api.services.register.viewing import ShownChild
from api.services.review.answering import queue_linking
from api.services.text import written
from api.web.access import page_router, signed_in
from api.web.child import (
    Typed,
    corrections_of_child,
    current_child,
    may_correct,
    one_record,
)
from api.web.dates import date_of_birth
from api.web.pages import Instead, page, see
from api.web.text import named, sentence
from api.web.typed import too_long, wrong_reason
from matcher.rules.survivorship import GOLDEN_FIELDS

router = page_router()

Visit = Annotated[Access, signed_in(Permission.CORRECT_CHILDREN)]
Change = Annotated[Write, signed_in(Permission.CORRECT_CHILDREN, writes=True)]

# What is wrong with a value that cannot be.
_WRONG = {
    "date_of_birth": "Enter a real date of birth from 1900 to today, such as 27 3 2019",
    "sex": "Select female or male",
    "nhs_number": "Enter the 10 digits of a real NHS number",
    "upn": "Enter the 13 characters of a real UPN",
    "postcode": "Enter a full postcode, such as OL1 1AA",
}


@router.get("/children/{child_id}/correct")
def correct_page(
    request: Request,
    child_id: str,
    visit: Visit,
    field: Annotated[str, Query(max_length=40)] = "forename",
) -> Response:
    """Set a golden value by hand."""
    _check_seen(visit, current_child(request, visit, child_id), field)
    return _correcting(request, child_id, field, {})


@router.post("/children/{child_id}/correct")
def correct_value(
    request: Request,
    child_id: str,
    change: Change,
    field: Typed = "",
    value: Typed = "",
    day: Typed = "",
    month: Typed = "",
    year: Typed = "",
    why: Typed = "",
) -> Response:
    """It stays until it is released, whatever the records say."""
    found = current_child(request, change, child_id)
    _check_seen(change, found, field)
    rules = rules_in_force(change.connection, change.service.offered).book.linkage
    typed = {"value": value, "day": day, "month": month, "year": year, "why": why}
    place = "value"
    if field == "date_of_birth":
        place = "value-day"
        value = date_of_birth(day, month, year)[0] or ""
    wrong = wrong_reason(why, "Enter how you know")
    errors = {"why": wrong} if wrong else {}
    try:
        checked_value(field, value, change.now.date(), rules)
    except ActError as error:
        errors = {place: _wrong_value(field, value, str(error)), **errors}
    if errors:
        raise Instead(_correcting(request, child_id, field, typed, errors))
    try:
        correct(
            change.connection,
            record=one_record(change, found),
            field=field,
            value=value,
            why=why,
            by=change.caller.name,
            now=change.now,
            rules=rules,
        )
    except ActError as error:
        errors = {"": sentence(str(error))}
        raise Instead(_correcting(request, child_id, field, typed, errors)) from None
    queue_linking(change.connection, by=change.caller.name)
    return see(
        request,
        f"/children/{child_id}",
        said="The correction is entered, and holds with the next run.",
    )


@router.get("/children/{child_id}/release")
def release_page(
    request: Request,
    child_id: str,
    visit: Visit,
    field: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Let a value that was set by hand go."""
    holding = _holding(request, visit, current_child(request, visit, child_id), field)
    return _releasing(request, child_id, field, holding)


@router.post("/children/{child_id}/release")
def release_value(
    request: Request, child_id: str, change: Change, field: Typed = "", why: Typed = ""
) -> Response:
    """The sources have their say again, from the next run."""
    holding = _holding(request, change, current_child(request, change, child_id), field)
    if wrong := wrong_reason(why, "Enter why the correction is no longer needed"):
        raise Instead(_releasing(request, child_id, field, holding, why, {"why": wrong}))
    release_field(
        change.connection, child_id, field, why=why, by=change.caller.name, now=change.now
    )
    queue_linking(change.connection, by=change.caller.name)
    return see(
        request,
        f"/children/{child_id}",
        said="The correction is released. What the systems say applies again with the next run.",
    )


def _wrong_value(field: str, value: str, said: str) -> str:
    """What is wrong with a value of which `checked_value` said something."""
    if long := too_long({field: value}, LONGEST_VALUE):
        return long[field]
    try:
        written(value)
    except ValueError as error:
        return sentence(str(error))
    if value.strip() and field not in _WRONG:
        return sentence(said.partition(": ")[2])
    return _WRONG.get(field) or f"Enter the right {named(field)}"


def _check_seen(visit: Access, child: ShownChild, field: str) -> None:
    """Raises Problem for a value that they may not correct, see `may_correct`."""
    if not may_correct(visit, child, field):
        raise Problem("not-found")


def _holding(
    request: Request, visit: Access, child: ShownChild, field: str
) -> list[ToldCorrection]:
    """The corrections of a value that can be let go: it may be known, and was set by hand.

    Another answer if they were released already.
    """
    _check_seen(visit, child, field)
    told = [one for one in corrections_of_child(visit, child) if one.field == field]
    holding = [one for one in told if one.holds]
    if told and not holding:
        said = f"The correction of the {named(field)} was released already."
        raise Instead(see(request, f"/children/{child.standing.child_id}", said=said))
    if not holding:
        raise Instead(_nothing_to_release(request, child.standing.child_id, field))
    return holding


def _nothing_to_release(request: Request, child_id: str, field: str) -> Response:
    if field not in GOLDEN_FIELDS:
        raise Problem("not-found")
    return page(
        request,
        "layout/not_here.html",
        title="There is nothing to release",
        status=404,
        says=f"The {named(field)} is not corrected by hand, so there is nothing to release.",
        href=f"/children/{child_id}",
        leads="Go to the child",
    )


def _releasing(
    request: Request,
    child_id: str,
    field: str,
    holding: list[ToldCorrection],
    why: str = "",
    errors: Mapping[str, str] | None = None,
) -> Response:
    title = f"Release the correction of the {named(field)}"
    return _form(request, "release", title, child_id, field, errors, holding=holding, why=why)


def _correcting(
    request: Request,
    child_id: str,
    field: str,
    typed: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
) -> Response:
    if field not in GOLDEN_FIELDS:
        raise Problem("not-found")
    title = f"Correct the {named(field)}"
    return _form(request, "correct", title, child_id, field, errors, typed=typed)


def _form(
    request: Request,
    name: str,
    title: str,
    child_id: str,
    field: str,
    errors: Mapping[str, str] | None,
    **shown: Any,
) -> Response:
    return page(
        request,
        f"children/{name}.html",
        title=title,
        errors=errors,
        status=422 if errors else 200,
        child_id=child_id,
        field=field,
        **shown,
    )
