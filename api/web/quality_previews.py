"""Linkage quality: trying other thresholds or rules, and putting them in force."""

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

from fastapi import Form, Request, Response
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Child, JobState
from api.rest.access import Access, Write
from api.rest.problems import Problem
from api.services.access.roles import Permission
from api.services.previews import (
    PreviewError,
    PreviewView,
    Wanted,
    ask_for_preview,
    commit_preview,
    discard_preview,
    find_preview,
    list_previews,
    was_discarded,
)
from api.services.register.kept_rules import last_rules, rules_in_force
from api.services.work import worker_lives
from api.web.access import page_router, signed_in
from api.web.pages import Instead, page, see
from api.web.quality import Visit, bits_typed, tried_thresholds
from api.web.text import sentence, words
from api.web.typed import Written
from matcher.errors import DataError
from matcher.outcomes import empty_groups, protect_all

router = page_router()

Change = Annotated[Write, signed_in(Permission.CHANGE_RULES, personal=False, writes=True)]


@router.get("/quality/previews")
def previews_page(request: Request, visit: Visit) -> Response:
    """All that were asked for and not discarded."""
    return page(
        request,
        "quality/previews.html",
        title="Linkage quality: previews",
        previews=list_previews(visit.connection),
    )


@router.post("/quality/previews")
def ask(
    request: Request,
    change: Change,
    lower: Annotated[Written, Form()],
    upper: Annotated[Written, Form()],
) -> Response:
    """Try other thresholds on the whole register, without changing it."""
    now = last_rules(change.connection).book.linkage.matching.thresholds
    tried, errors = tried_thresholds(lower, upper, now)
    if errors or tried == now:
        raise Instead(see(request, f"/quality?lower={_plain(lower)}&upper={_plain(upper)}"))
    try:
        number = ask_for_preview(
            change.connection,
            Wanted(lower=tried.lower, upper=tried.upper),
            by=change.caller.name,
            now=change.now,
        )
    except (PreviewError, DataError):
        raise Instead(see(request, "/quality")) from None
    return see(request, f"/quality/previews/{number}")


@router.get("/quality/previews/{number}")
def preview_page(request: Request, number: int, visit: Visit) -> Response:
    """What would change, then commit or discard.

    htmx asks for it again while something is worked out, and is sent here anew when it is done.
    """
    found = _preview_or_gone(request, visit, number)
    working = (found.commit_job or found.job).state in (JobState.QUEUED, JobState.RUNNING)
    if not working and request.headers.get("HX-Request") == "true":
        return see(request, f"/quality/previews/{number}")
    return page(
        request,
        "quality/preview.html",
        title=f"Preview {number}",
        preview=found,
        working=working,
        no_worker=working and not worker_lives(visit.connection.engine),
        stale=found.last_run != found.after_run,
        measures=_moved(visit, found) if visit.caller.may(Permission.READ_MEASURES) else [],
        given=_given(visit.connection, found),
    )


def _given(connection: Connection, found: PreviewView) -> set[str]:
    """The children who would take records of others, and who there are already."""
    moved = found.found or {}
    takers = {
        other
        for how in ("merges", "splits", "moves")
        for _, other in moved.get(how, {}).get("children", [])
    }
    return set(connection.scalars(select(Child.id).where(among(Child.id, sorted(takers)))))


def _moved(visit: Access, found: PreviewView) -> list[dict[str, Any]]:
    """Measures before and after, as they may be shown."""
    book = rules_in_force(visit.connection, visit.service.offered).book
    moved = (found.found or {}).get("measures", [])
    told = {
        (one["name"], side): _figure(one)
        for side in ("before", "after")
        for one in protect_all([one[side] for one in moved if one[side]], book.disclosure)
    }
    return [
        {
            "title": book.measures[one["name"]].spec.title
            if one["name"] in book.measures
            else sentence(words(one["name"])),
            **{
                side: told.get((one["name"], side), "not in the rules")
                for side in ("before", "after")
            },
        }
        for one in moved
    ]


def _figure(result: Mapping[str, Any]) -> str:
    """The value of a measure as its page has it, or why there is none."""
    unit: str = result["value_unit"]
    value: str | None = result["value_rounded"]
    if result["why_not"]:
        return f"not worked out: {result['why_not']}"
    if value is None:
        return "nobody to work it out of" if any(empty_groups(result)) else "hidden"
    return value.replace("-", "−") + (unit if unit == "%" else f" {unit}")


@router.post("/quality/previews/{number}/commit")
def commit(request: Request, number: int, change: Change) -> Response:
    """Put in force what was tried."""
    found = _still_there(change.connection, number)
    if found.found is None or found.commit_job is not None or found.last_run != found.after_run:
        raise Instead(see(request, f"/quality/previews/{number}"))
    commit_preview(change.connection, number, by=change.caller.name, now=change.now)
    return see(request, f"/quality/previews/{number}", said="The change is being put in force.")


@router.post("/quality/previews/{number}/discard")
def discard(request: Request, number: int, change: Change) -> Response:
    """Forget what was tried."""
    _still_there(change.connection, number)
    discard_preview(change.connection, number, by=change.caller.name, now=change.now)
    return see(
        request, "/quality/previews", said=f"Preview {number} is discarded. Nothing was changed."
    )


def _preview(connection: Connection, number: int) -> PreviewView:
    found = find_preview(connection, number) if 0 < number < 2**31 else None
    if found is None:
        raise Problem("not-found")
    return found


def _preview_or_gone(request: Request, visit: Access, number: int) -> PreviewView:
    """The same, or the page that says that somebody discarded it."""
    with suppress(Problem):
        return _preview(visit.connection, number)
    if not was_discarded(visit.connection, number):
        raise Problem("not-found")
    if request.headers.get("HX-Request") == "true":
        raise Instead(see(request, f"/quality/previews/{number}"))
    raise Instead(
        page(
            request,
            "layout/not_here.html",
            title=f"Preview {number} is no longer here",
            status=410,
            says=f"Preview {number} was discarded. It changed nothing.",
            href="/quality/previews",
            leads="See the previews that there are",
        )
    )


def _still_there(connection: Connection, number: int) -> PreviewView:
    """The same for a form, whose page may be older than what somebody did since."""
    with suppress(Problem):
        return _preview(connection, number)
    if was_discarded(connection, number):
        raise Problem("conflict", f"Preview {number} was discarded. Nothing was changed.")
    raise Problem("not-found")


def _plain(text: str) -> str:
    """What was typed, if it is a number, for the address."""
    value = bits_typed(text)
    return "x" if math.isnan(value) else f"{value:g}"
