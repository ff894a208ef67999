"""Extracts: all of them, and one with its report, how far it is, and what it changed."""

from typing import Annotated, Any

from fastapi import Form, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from api.db.models import ExtractState, JobState
from api.rest.access import Access, Write
from api.rest.etags import etag
from api.rest.extracts import as_told, may_name, rejects_as_csv
from api.rest.paging import next_page, place_of
from api.rest.problems import Problem
from api.services.access.roles import Permission
from api.services.extracts import StateError, can_accept, can_withdraw, refuse, withdraw
from api.services.extracts.listing import (
    ExtractView,
    all_rejects,
    find_extract,
    list_extracts,
    list_rejects,
)
from api.services.extracts.mapping import mapping_of
from api.services.extracts.states import hold_extract
from api.services.extracts.validation import accept_as_reported
from api.services.jobs import queue_linking
from api.services.register.change_of_run import change_of_run
from api.services.register.kept_rules import rules_in_force
from api.services.work import worker_lives
from api.web import charts
from api.web.access import page_router, signed_in
from api.web.extracts_report import chart_of_fields, field_title, report_of, source_names
from api.web.pages import Instead, page, see
from api.web.text import sentence
from api.web.typed import Written, wrong_reason

router = page_router()

Number = Annotated[int, Path(ge=0, lt=2**63)]
Visit = Annotated[Access, signed_in(Permission.READ_EXTRACTS, personal=False)]
Deciding = Annotated[Write, signed_in(Permission.DECIDE_EXTRACTS, personal=False, writes=True)]

_LISTED, _REJECTS = 30, 100
# Of those that are received, the ones that nobody has told the columns of.
_NEEDS_COLUMNS = "needs_columns"
# What happened to an extract that a page showed as it was before.
_BY_NOW = {
    ExtractState.ACCEPTED: "This extract was accepted already, and waits for the next run",
    ExtractState.CURRENT: "This extract was accepted already, and is in the register",
    ExtractState.SUPERSEDED: "A later extract of this source was accepted since",
    ExtractState.REFUSED: "This extract was refused already",
    ExtractState.WITHDRAWN: "This extract was withdrawn already",
}
_REPORTED_AGAIN = (
    "The extract is not accepted yet: the register has changed since the report was made that you "
    "saw, and now the report is another. Read it again before you decide"
)
_UNDER_WAY = (JobState.QUEUED, JobState.RUNNING)


@router.get("/extracts")
def extracts_page(
    request: Request,
    visit: Visit,
    source: Annotated[str | None, Query(max_length=64)] = None,
    state: Annotated[str | None, Query(max_length=64)] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Newest first, of one source or in one state if so chosen."""
    place = place_of(request, cursor, int)
    titles = source_names(visit.connection)
    found = list_extracts(
        visit.connection,
        sources=visit.caller.sources,
        source=source or None,
        state=ExtractState.RECEIVED if state == _NEEDS_COLUMNS else state or None,
        need_columns={_NEEDS_COLUMNS: True, ExtractState.RECEIVED: False}.get(state or ""),
        before=place[0] if place else None,
        limit=_LISTED + 1,
    )
    shown, link = next_page(request, Response(), found, _LISTED, lambda one: [one.id])
    return page(
        request,
        "extracts/extracts.html",
        title="Extracts",
        extracts=shown,
        next=_without_limit(link),
        titles=titles,
        source=source or "",
        state=state or "",
        states=[_NEEDS_COLUMNS, *(one.value for one in ExtractState)],
    )


def _without_limit(link: str | None) -> str | None:
    return None if link is None else link.replace(f"&limit={_LISTED}", "")


@router.get("/extracts/{extract}")
def extract_page(request: Request, extract: Number, visit: Visit) -> Response:
    """How far it is; once it is there, its report and what can be done with it.

    htmx asks for it again while something is under way, and is sent here anew once it is not.
    """
    view = find(visit, extract)
    if not is_under_way(view) and request.headers.get("HX-Request") == "true":
        return see(request, f"/extracts/{extract}")
    return show_extract(request, visit, view)


@router.post("/extracts/{extract}/accept")
def accept_here(
    request: Request, extract: Number, change: Deciding, report: Annotated[Written, Form()] = ""
) -> Response:
    """Lets it in, if its report is the one that was shown and still holds; a worker links it."""
    view = _held(change, extract)
    if view.state == ExtractState.VALIDATED and report != _mark(view):
        raise _refused(request, change, view, {"": _REPORTED_AGAIN})
    book = rules_in_force(change.connection, change.service.offered).book
    try:
        holds = accept_as_reported(
            change.connection,
            extract,
            book=book,
            by=change.caller.name,
            now=change.now,
            cleared=change.caller.cleared,
        )
    except StateError as error:
        raise _refused(request, change, view, {"": _overtaken(view, error)}) from None
    if not holds:
        return show_extract(request, change, find(change, extract), {"": _REPORTED_AGAIN})
    queue_linking(change.connection, extract=extract, by=change.caller.name)
    return see(request, f"/extracts/{extract}", said="The extract is accepted and is being linked.")


@router.post("/extracts/{extract}/refuse")
def refuse_here(
    request: Request,
    extract: Number,
    change: Deciding,
    why: Annotated[Written, Form()] = "",
) -> Response:
    """Has nothing to do with it; its file is dropped."""
    view = _held(change, extract)
    if wrong := wrong_reason(why, "Enter why you refuse the extract"):
        raise _refused(request, change, view, {"why": wrong}, why)
    try:
        refuse(change.connection, extract, by=change.caller.name, now=change.now, why=why.strip())
    except StateError as error:
        raise _refused(request, change, view, {"": _overtaken(view, error)}) from None
    return see(request, f"/extracts/{extract}", said="The extract is refused. Its file is deleted.")


@router.post("/extracts/{extract}/withdraw")
def withdraw_here(
    request: Request,
    extract: Number,
    change: Deciding,
    why: Annotated[Written, Form()] = "",
) -> Response:
    """Takes it back; a worker undoes what it did."""
    view = _held(change, extract)
    if wrong := wrong_reason(why, "Enter why you withdraw the extract"):
        raise _refused(request, change, view, {"withdrawal": wrong}, why)
    try:
        withdraw(change.connection, extract, by=change.caller.name, now=change.now, why=why.strip())
    except StateError as error:
        current = view.state == ExtractState.CURRENT
        said = sentence(str(error)) if current else _overtaken(view, error)
        raise _refused(request, change, view, {"": said}) from None
    if view.run is None:
        return see(request, f"/extracts/{extract}", said="The extract is withdrawn.")
    queue_linking(change.connection, extract=extract, by=change.caller.name)
    said = "The extract is withdrawn, and what it did is being undone."
    return see(request, f"/extracts/{extract}", said=said)


@router.get("/extracts/{extract}/rejects")
def rejects_page(
    request: Request,
    extract: Number,
    visit: Visit,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Rows that could not become records: place, reason, and which record to those who may know."""
    view = find(visit, extract)
    place = place_of(request, cursor, int)
    found = list_rejects(
        visit.connection, extract, after=place[0] if place else 0, limit=_REJECTS + 1
    )
    shown, link = next_page(request, Response(), found, _REJECTS, lambda one: [one.id])
    named = may_name(visit, view)
    return page(
        request,
        "extracts/rejects.html",
        title=f"Rejects of extract {extract}",
        view=view,
        rejects=as_told(shown, named=named),
        named=named,
        next=link.replace(f"&limit={_REJECTS}", "") if link else None,
    )


@router.get("/extracts/{extract}/rejects.csv")
def download_rejects(extract: Number, visit: Visit) -> Response:
    """All of them."""
    named = may_name(visit, find(visit, extract))
    return StreamingResponse(
        rejects_as_csv(all_rejects(visit.service.engine, extract), named=named),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="rejects-{extract}.csv"'},
    )


@router.get("/extracts/{extract}/fields.svg")
def fields_chart(extract: Number, visit: Visit, narrow: charts.Narrow = False) -> Response:
    """Of each field, in how many records it is filled and usable."""
    view = find(visit, extract)
    if view.report is None or not view.report["children"]:
        raise Problem("not-found")
    return charts.svg_response(chart_of_fields(view.report, narrow=narrow))


def find(access: Access, extract: int) -> ExtractView:
    """One that this person may look at. Raises Problem."""
    found = find_extract(access.connection, extract, sources=access.caller.sources)
    if found is None:
        raise Problem("not-found")
    return found


def _held(change: Write, extract: int) -> ExtractView:
    """The same, that nobody else decides on, or judges again, until this is done."""
    find(change, extract)
    hold_extract(change.connection, extract)
    return find(change, extract)


def is_under_way(view: ExtractView) -> bool:
    """Whether work on it waits or runs."""
    return view.job is not None and view.job.state in _UNDER_WAY


def show_extract(
    request: Request,
    access: Access,
    view: ExtractView,
    errors: dict[str, str] | None = None,
    why: str = "",
) -> Response:
    """The page of one."""
    connection = access.connection
    given_up = view.job is not None and view.job.state in (JobState.FAILED, JobState.CANCELLED)
    return page(
        request,
        "extracts/extract.html",
        title=f"Extract {view.id}",
        errors=errors,
        status=422 if errors else 200,
        view=view,
        why=why,
        source_title=source_names(connection).get(view.source, view.source),
        under_way=is_under_way(view),
        given_up=given_up,
        no_worker=is_under_way(view) and not worker_lives(connection.engine),
        may_accept=can_accept(connection, view.id),
        may_withdraw=can_withdraw(connection, view.id),
        report=report_of(view),
        report_shown=_mark(view),
        columns=_columns(access, view),
        changes=_changes(connection, view),
    )


def _mark(view: ExtractView) -> str:
    """What tells its report from every other."""
    return etag("report", view.report).strip('"')


def _overtaken(view: ExtractView, error: StateError) -> str:
    """Why it cannot be accepted, refused or withdrawn: mostly somebody was faster."""
    return _BY_NOW.get(ExtractState(view.state)) or sentence(str(error))


def _columns(access: Access, view: ExtractView) -> dict[str, Any] | None:
    """What somebody said of its columns, for those who bring extracts or decide on them."""
    caller = access.caller
    if not (caller.may(Permission.BRING_EXTRACTS) or caller.may(Permission.DECIDE_EXTRACTS)):
        return None
    kept = mapping_of(access.connection, view.id)
    if kept is None:
        return None
    fields = [(field_title(name), header) for name, header in kept.mapping.columns.items()]
    # What has no column stands last.
    fields.sort(key=lambda one: one[1] is None)
    return {"fields": fields, "by": kept.by, "at": kept.at}


def _changes(connection: Connection, view: ExtractView) -> list[dict[str, Any]]:
    """What the runs changed that linked it and took it back."""
    found = []
    for run, what in ((view.run, "linked"), (view.undone_run, "undid")):
        change = None if run is None else change_of_run(connection, run)
        if change is not None:
            found.append({"what": what, "change": change})
    return found


def _refused(
    request: Request, access: Access, view: ExtractView, errors: dict[str, str], why: str = ""
) -> Instead:
    return Instead(show_extract(request, access, view, errors, why))
