"""Retention: what is due to be erased, what is held, and erasing it, which cannot be undone."""

from collections.abc import Mapping
from datetime import date

import pandas as pd
from fastapi import Request, Response

from api.rest.access import Access
from api.rest.problems import Problem
from api.services.register.acts import ActError
from api.services.register.kept_rules import rules_in_force
from api.services.retention.due import DueOfSource, due_by_source, due_records
from api.services.retention.erasing import (
    check_can_erase,
    count_by_source,
    past_erasures,
    queue_erase_child,
    queue_erase_due,
    records_of_child,
)
from api.services.retention.holds import HoldView, holds_in_force, lift_hold, put_hold
from api.web.access import page_router
from api.web.administration_parts import Change, Chosen, Number, Typed, Visit
from api.web.extracts_report import source_names
from api.web.pages import Instead, page, see
from api.web.text import sentence
from api.web.typed import After, wrong_reason

router = page_router()

_HERE = "/administration/retention"
_WORK = "/administration/work"
_LISTED, _PAST = 100, 20

_NO_CHILD = "Enter a child’s id"
_SURE = "Confirm that you know that it cannot be undone"
_OTHER_COUNT = "There are other records by now. Look at how many, and confirm again"


@router.get(_HERE)
def retention_page(request: Request, visit: Visit) -> Response:
    """Counts by source, holds, and erasures that were made."""
    return _retention(request, visit, {})


@router.get(f"{_HERE}/due")
def due_page(request: Request, visit: Visit, after: After = 0) -> Response:
    """The records that are due, by number: nothing of what they say."""
    found = _due(visit)
    shown = found.iloc[after : after + _LISTED]
    more = after + _LISTED
    return page(
        request,
        "administration/retention_due.html",
        title="Records that are due",
        total=len(found),
        rows=shown.to_dict("records"),
        before=f"{_HERE}/due?after={max(0, after - _LISTED)}" if after else None,
        next=f"{_HERE}/due?after={more}" if more < len(found) else None,
    )


@router.get(f"{_HERE}/erase")
def erase_due_page(request: Request, visit: Visit) -> Response:
    """Asks of which sources, and whether that is meant."""
    return _erase_page(request, visit, _to_erase(visit), [], {})


@router.post(f"{_HERE}/erase")
def erase_due_now(
    request: Request, change: Change, sources: Chosen, shown: Typed = "", sure: Typed = ""
) -> Response:
    """Queues it, if there are as many records as the page told."""
    found = _to_erase(change)
    wanted = [one for one in found if one.source in sources]
    errors = {}
    if not wanted:
        errors["sources"] = "Select at least one source"
    if sure != "yes":
        errors["sure"] = _SURE
    if shown != _counted(found):
        errors["sure"] = _OTHER_COUNT
    if errors:
        raise Instead(_erase_page(request, change, found, sources, errors))
    names = [one.source for one in wanted]
    queue_erase_due(change.connection, names, today=_today(change), by=change.caller.name)
    return see(request, _WORK, said="A worker erases what is due.")


@router.get(f"{_HERE}/child")
def erase_child_page(request: Request, visit: Visit) -> Response:  # noqa: ARG001 - lets in
    """Asks which child, and why."""
    return _child_page(request, {}, {}, {})


@router.post(f"{_HERE}/child")
def erase_child(
    request: Request,
    change: Change,
    child_id: Typed = "",
    why: Typed = "",
    shown: Typed = "",
    sure: Typed = "",
) -> Response:
    """First says how many records it would be; then, if that is confirmed, queues it."""
    wanted = child_id.strip().upper()
    typed = {"child_id": wanted, "why": why}
    wrong = wrong_reason(why)
    errors = {"why": wrong} if wrong else {}
    counts: dict[str, int] = {}
    try:
        records = records_of_child(change.connection, wanted)
        check_can_erase(change.connection, records=records, why=why or "-")
        counts = count_by_source(change.connection, records)
    except ActError as error:
        errors["child_id"] = sentence(str(error)) if wanted else _NO_CHILD
    told = ",".join(f"{source}:{count}" for source, count in counts.items())
    if not errors and shown == told and sure == "yes":
        queue_erase_child(change.connection, wanted, why=why, by=change.caller.name)
        return see(request, _WORK, said=f"A worker erases child {wanted}.")
    if not errors and shown:
        errors["sure"] = _SURE if shown == told else _OTHER_COUNT
    raise Instead(_child_page(request, typed, counts, errors, told=told))


@router.post(f"{_HERE}/holds")
def hold_child(request: Request, change: Change, child_id: Typed = "", why: Typed = "") -> Response:
    """Puts a hold on a child."""
    typed, wrong = {"child_id": child_id.strip().upper(), "why": why}, wrong_reason(why)
    errors = {"why": wrong} if wrong else {}
    try:
        number = put_hold(change.connection, on=typed["child_id"], why=why or "-",
                          by=change.caller.name, now=change.now)  # fmt: skip
    except ActError as error:
        errors["child_id"] = sentence(str(error)) if typed["child_id"] else _NO_CHILD
    if errors:
        raise Instead(_retention(request, change, typed, errors))
    return see(request, _HERE, said=f"Hold {number} is in force.")


@router.get(f"{_HERE}/holds/{{number}}")
def hold_page(request: Request, visit: Visit, number: Number) -> Response:
    """A hold in force, to be lifted."""
    return _hold_page(request, _hold(visit, number), {})


@router.post(f"{_HERE}/holds/{{number}}")
def lift(request: Request, change: Change, number: Number, why: Typed = "") -> Response:
    """Ends it."""
    hold = _hold(change, number)
    if wrong := wrong_reason(why):
        raise Instead(_hold_page(request, hold, {"why": wrong}, why))
    lift_hold(change.connection, number, why=why, by=change.caller.name, now=change.now)
    return see(request, _HERE, said=f"Hold {number} is lifted.")


def _today(visit: Access) -> date:
    return visit.now.date()


def _due(visit: Access) -> pd.DataFrame:
    book = rules_in_force(visit.connection, visit.service.offered).book
    return due_records(visit.connection, book, _today(visit))


def _to_erase(visit: Access) -> list[DueOfSource]:
    """Sources of which something is due that nobody holds."""
    return [one for one in due_by_source(_due(visit)) if one.records]


def _counted(found: list[DueOfSource]) -> str:
    return ",".join(f"{one.source}:{one.records}" for one in found)


def _hold(visit: Access, number: int) -> HoldView:
    for one in holds_in_force(visit.connection):
        if one.id == number:
            return one
    raise Problem("not-found")


def _retention(
    request: Request,
    visit: Access,
    typed: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
) -> Response:
    return page(
        request,
        "administration/retention.html",
        title="Retention",
        errors=errors,
        status=422 if errors else 200,
        typed=typed,
        due=due_by_source(_due(visit)),
        holds=holds_in_force(visit.connection),
        past=past_erasures(visit.connection, limit=_PAST),
    )


def _erase_page(
    request: Request,
    visit: Access,
    found: list[DueOfSource],
    chosen: list[str],
    errors: Mapping[str, str],
) -> Response:
    return page(
        request,
        "administration/retention_erase.html",
        title="Erase what is due",
        errors=errors,
        status=422 if errors else 200,
        found=found,
        chosen=chosen,
        told=_counted(found),
        titles=source_names(visit.connection),
    )


def _child_page(
    request: Request,
    typed: Mapping[str, str],
    counts: Mapping[str, int],
    errors: Mapping[str, str],
    *,
    told: str = "",
) -> Response:
    return page(
        request,
        "administration/retention_child.html",
        title="Erase a child",
        errors=errors,
        status=422 if errors else 200,
        typed=typed,
        counts=counts,
        told=told,
    )


def _hold_page(
    request: Request, hold: HoldView, errors: Mapping[str, str], why: str = ""
) -> Response:
    return page(
        request,
        "administration/hold.html",
        title=f"Hold {hold.id}",
        errors=errors,
        status=422 if errors else 200,
        hold=hold,
        why=why,
    )
