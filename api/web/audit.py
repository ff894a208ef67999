"""The logs of acts and accesses: searching, a file of what was found, and verifying them.

What is looked for is sent as a form, since ids of systems can be personal numbers.
"""

import csv
import io
import json
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Form, Request, Response
from pydantic import BaseModel, Field

from api.db.engine import reading
from api.rest.access import Access, Write
from api.services.access.audit import note_act
from api.services.access.names import tidy_name
from api.services.access.reading_logs import LogEntry, LogPage, Sought, search_logs
from api.services.access.roles import Permission
from api.services.access.verifying import is_verifying, last_verification, queue_verification
from api.services.spreadsheets import harmless
from api.web.access import page_router, signed_in
from api.web.administration_days import begin_of, end_of, typed_day
from api.web.audit_words import answer_in_words, called, what_in_words
from api.web.pages import Instead, page, see
from api.web.typed import Written

router = page_router()

Visit = Annotated[Access, signed_in(Permission.READ_AUDIT, personal=False)]
Change = Annotated[Write, signed_in(Permission.READ_AUDIT, personal=False, writes=True)]

_AT_ONCE, _MOST = 50, 50_000
_COLUMNS = ("log", "entry", "at", "by", "purpose", "what", "about", "status", "detail")


class Search(BaseModel):
    """What is looked for, as typed. ``after`` is where an earlier page ended."""

    about: Written = ""
    by: Written = ""
    what: Written = ""
    purpose: Written = ""
    since_day: Written = ""
    since_month: Written = ""
    since_year: Written = ""
    until_day: Written = ""
    until_month: Written = ""
    until_year: Written = ""
    after: Annotated[str, Field(pattern=r"^(\d{1,19}\.\d{1,19})?$")] = ""


Searched = Annotated[Search, Form()]


@router.get("/audit")
def audit_page(request: Request, visit: Visit) -> Response:
    """The latest entries of both logs."""
    return _searched(request, visit, Search())


@router.post("/audit")
def search(request: Request, visit: Visit, form: Searched) -> Response:
    """Entries that agree with all that was typed."""
    return _searched(request, visit, form)


@router.post("/audit/export")
def export(request: Request, change: Change, form: Searched) -> Response:
    """The same as a file, which is an act itself."""
    sought, errors = _sought(form)
    if errors:
        raise Instead(_searched(request, change, form))
    found = _found(change, sought, limit=_MOST)
    note_act(change.connection, "audit_exported", "audit", by=change.caller.name, now=change.now,
             detail={"entries": len(found.entries)})  # fmt: skip
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return Response(_csv(found.entries), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/audit/verify")
def verify(request: Request, change: Change) -> Response:
    """Has both logs gone through, by a worker."""
    queue_verification(change.connection, by=change.caller.name)
    return see(request, "/audit", said="The logs are being verified.")


def _searched(request: Request, visit: Access, form: Search) -> Response:
    sought, errors = _sought(form)
    after = (int(part) for part in form.after.split(".")) if form.after else None
    found = LogPage([], None)
    if not errors:
        found = _found(visit, sought, limit=_AT_ONCE, after=tuple(after) if after else None)
    return page(
        request,
        "audit/audit.html",
        title="Audit",
        errors=errors,
        status=422 if errors else 200,
        typed=form.model_dump(),
        searched=bool(form.model_dump(exclude_defaults=True)),
        entries=found.entries,
        what_in_words=what_in_words,
        answer_in_words=answer_in_words,
        after="{}.{}".format(*found.after) if found.after else None,
        verified=last_verification(visit.connection),
        verifying=is_verifying(visit.connection),
        most=_MOST,
    )


def _found(
    visit: Access, sought: Sought, *, limit: int, after: tuple[int, ...] | None = None
) -> LogPage:
    begin = None if after is None else (after[0], after[1])
    with reading(visit.service.aside) as aside:
        return search_logs(visit.connection, aside, sought, after=begin, limit=limit)


def _sought(form: Search) -> tuple[Sought, dict[str, str]]:
    """What is looked for, and what is wrong with it."""
    days: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, which, moment in (("since", "first", begin_of), ("until", "last", end_of)):
        try:
            day = typed_day(form.model_dump(), name)
            days[name] = None if day is None else moment(day)
        except (ValueError, OverflowError):
            errors[f"{name}-day"] = f"Enter the {which} day as a date, such as 27 3 2026"
    if not errors and days["since"] and days["until"] and days["since"] >= days["until"]:
        errors["until-day"] = "The last day must not be before the first day"
    what = form.what.strip()
    sought = Sought(
        about=form.about.strip() or None,
        by=tidy_name(form.by) or None,
        what=what or None,
        called=called(what) if what else (),
        purpose=form.purpose.strip().lower().replace(" ", "_") or None,
        **days,
    )
    return sought, errors


def _csv(entries: Iterable[LogEntry]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in entries:
        writer.writerow(
            harmless(cell)
            for cell in (
                one.log,
                one.id,
                one.at.isoformat(timespec="seconds"),
                one.by,
                one.purpose or "",
                one.what,
                " ".join(one.about),
                "" if one.status is None else one.status,
                json.dumps(one.detail, sort_keys=True) if one.detail else "",
            )
        )
    return file.getvalue()
