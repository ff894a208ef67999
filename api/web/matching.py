"""The matching workbench: the records of a base system, and who else holds each one's child."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Form, Request, Response
from fastapi.responses import StreamingResponse

from api.rest.access import Access, Write
from api.services.access.audit import note_act
from api.services.access.policy import View
from api.services.access.roles import Permission
from api.services.register.criteria import LOOKS_AT, Criterion
from api.services.register.listed import ListedRecord, as_seen
from api.services.register.reading import last_run
from api.services.register.searching import (
    Page,
    Sort,
    count_found,
    count_records,
    search_records,
)
from api.services.register.states import State
from api.services.register.viewing import sources_with_records
from api.web.access import page_router, signed_in
from api.web.dates import date_of_birth
from api.web.matching_export import csv_of
from api.web.pages import Instead, page, passed_over, see
from api.web.terms import keep_terms, kept_terms
from api.web.text import sentence
from api.web.typed import Sent, too_long
from api.web.workbench import (
    Asked,
    Order,
    Workbench,
    as_criteria,
)
from matcher.errors import DataError

router = page_router()

Visit = Annotated[Access, signed_in(Permission.READ_CHILDREN)]
Exporting = Annotated[Write, signed_in(Permission.EXPORT, writes=True)]
Typed = Annotated[Sent, Form()]

CRITERIA = {
    Criterion.FORENAME_4: "Forename (first 4 letters)",
    Criterion.SURNAME_4: "Surname (first 4 letters)",
    Criterion.NAMES_SWAPPED: "Forename and surname swapped",
    Criterion.BORN: "Date of birth",
    Criterion.BORN_SWAPPED: "Date of birth (day and month swapped)",
    Criterion.POSTCODE: "Postcode",
    Criterion.ADDRESS_5: "Address (first 5 characters)",
}
SHOWN = ("forename", "surname", "date_of_birth", "address", "postcode")

_TYPED = ("forename", "surname", "postcode", "address", "record_id")
_FIELD = {**{name: name for name in _TYPED}, "date_of_birth": "born-day"}
_ROWS = 50


@router.get("/matching")
def list_page(request: Request, visit: Visit, bench: Asked) -> Response:
    """Records of the base system, with a column for each other system."""
    systems = systems_of(visit)
    if not systems:
        return page(request, "matching/nothing.html", title="Matching workbench")
    bench = bench.with_base(systems)
    values = kept_terms(request, bench.filter)
    if bench.filter and not values:
        passed_over(request).add("filter")
    try:
        return _list(request, visit, bench, values)
    except DataError:
        # The record that the page begins at is in no list any more.
        raise Instead(see(request, bench.to_list(after=None))) from None


@router.post("/matching")
def choose(
    request: Request,
    visit: Visit,
    base: Annotated[str, Form(max_length=100)],
    state: Annotated[State, Form()] = State.ALL,
    criteria: Annotated[list[str] | None, Form(max_length=20)] = None,
    sort: Annotated[Sort, Form()] = Sort.SURNAME,
    order: Annotated[Order, Form()] = Order.ASCENDING,
    forename: Typed = "",
    surname: Typed = "",
    day: Typed = "",
    month: Typed = "",
    year: Typed = "",
    postcode: Typed = "",
    address: Typed = "",
    record_id: Typed = "",
) -> Response:
    """Choose what to list. What to filter by is sent as a form, so that no address tells names."""
    bench = Workbench(base, state, as_criteria(criteria or []), sort, order).with_base(
        systems_of(visit)
    )
    typed = {
        "forename": forename,
        "surname": surname,
        "postcode": postcode,
        "address": address,
        "record_id": record_id,
        "day": day,
        "month": month,
        "year": year,
    }
    values = {name: typed[name] for name in _TYPED if typed[name]}
    born, wrong = date_of_birth(typed["day"], typed["month"], typed["year"])
    errors = {_FIELD.get(name, "born-day"): said for name, said in too_long(typed).items()}
    if wrong:
        errors["born-day"] = wrong
    if born:
        values["date_of_birth"] = born
    for name in values:
        if not visit.view.may_see(bench.base, name):
            errors[_FIELD[name]] = "This may not be used for the purpose that you have chosen"
    if not errors and values:
        try:
            _count(visit, bench, values)
        except DataError as error:
            name, _, said = str(error).partition(": ")
            errors[_FIELD.get(name, "")] = sentence(said or name)
    if errors:
        return _list(request, visit, bench, {}, typed=typed, errors=errors)
    response = see(request, bench.to_list())
    if values:
        number = keep_terms(request, response, values)
        response.headers["location"] = replace(bench, filter=number).to_list()
    return response


@router.post("/matching/export")
def export_list(request: Request, change: Exporting, bench: Asked) -> Response:
    """The whole list as a file. It tells of nobody where a shielded child lives."""
    bench = bench.with_base(systems_of(change))
    values = kept_terms(request, bench.filter)
    if passed_over(request) or (bench.filter and not values):
        # Not without all that the list was shown with: that would be other people.
        raise Instead(see(request, bench.to_list(after=None)))
    rows = _count(change, bench, values)
    run = last_run(change.connection)
    note_act(
        change.connection,
        "list_exported",
        f"run {run}",
        by=change.caller.name,
        now=change.now,
        purpose=change.caller.purpose,
        detail={
            "source": bench.base,
            "state": bench.state,
            "filtered": bool(values),
            "columns": list(change.view.columns_of(bench.base, SHOWN)),
            "rows": rows,
        },
    )
    change.saw(f"list of {bench.base}")
    asked = {**_asked(change.view, bench, values), "cleared": False}
    # Who takes the list with them, of which there is an entry, asks for the ids.
    told = replace(change.view, masked=False)
    others = [one for one in systems_of(change) if one != bench.base]
    return StreamingResponse(
        csv_of(change.service.engine, told, bench.base, others, SHOWN, asked),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{bench.base}-{bench.state}.csv"',
            "Cache-Control": "no-store",
        },
    )


def systems_of(visit: Access) -> list[str]:
    """Systems that may be seen, and hold anything."""
    return sources_with_records(visit.connection, visit.view.sources)


def neighbours(visit: Access, bench: Workbench, values: Mapping[str, str], record: int) -> Any:
    """The records before and after one in the list, if there are any, by record.id."""
    found = []
    for descending in (bench.order is Order.ASCENDING, bench.order is Order.DESCENDING):
        asked = {**_asked(visit.view, bench, values), "descending": descending}
        page_ = search_records(visit.connection, **asked, after=record, limit=1)
        found.append(page_.records[0].record if page_.records else None)
    return found


def shown_row(view: View, one: ListedRecord) -> dict[str, Any]:
    """What a list may tell of a record, by `SHOWN`."""
    values = {name: getattr(one, name) for name in SHOWN}
    return view.of_values(one.source, values, shielded=one.location_hidden)


def criteria_for(values: Mapping[str, str], criteria: frozenset[Criterion]) -> list[Criterion]:
    """Those that values can be compared by."""
    named = {"date_of_birth_swapped": "date_of_birth", "address_5": "address"}
    return [
        one
        for one in Criterion
        if one in criteria and all(values.get(named.get(c, c)) for c in LOOKS_AT[one])
    ]


def _asked(view: View, bench: Workbench, values: Mapping[str, str]) -> dict[str, Any]:
    """What `search_records` is asked for."""
    return {
        "values": values,
        "criteria": criteria_for(values, bench.criteria),
        "source": bench.base,
        "state": bench.state,
        "sort": bench.sort,
        "descending": bench.order is Order.DESCENDING,
        "cleared": view.cleared,
        "seen": view.sources,
    }


def _count(visit: Access, bench: Workbench, values: Mapping[str, str]) -> int:
    asked = _asked(visit.view, bench, values)
    del asked["sort"], asked["descending"]
    return count_found(visit.connection, **asked)


def _counts(visit: Access, bench: Workbench, values: Mapping[str, str]) -> Mapping[State, int]:
    """How many records each list has, filtered as this one is."""
    if values:
        return {one: _count(visit, replace(bench, state=one), values) for one in State}
    seen, cleared = visit.view.sources, visit.view.cleared
    return count_records(visit.connection, bench.base, seen=seen, cleared=cleared).by_state


def _read(
    visit: Access, bench: Workbench, values: Mapping[str, str]
) -> tuple[Page, int | None, int | None]:
    """A page of the list, and the record.id that the one before ends at and the next begins at."""
    asked = _asked(visit.view, bench, values)
    if bench.before is None:
        found = search_records(visit.connection, **asked, after=bench.after, limit=_ROWS)
        first = found.records[0].record if found.records else None
        return found, first if bench.after is not None else None, found.after
    asked["descending"] = not asked["descending"]
    back = search_records(visit.connection, **asked, after=bench.before, limit=_ROWS)
    records = back.records[::-1]
    return Page(records, None), back.after, records[-1].record if records else None


def _list(
    request: Request,
    visit: Access,
    bench: Workbench,
    values: Mapping[str, str],
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    found, before, after = _read(visit, bench, values)
    counts = _counts(visit, bench, values)
    visit.saw(*(one.child_id for one in found.records))
    if typed is None:
        year, month, day = (values.get("date_of_birth") or "--").split("-")
        typed = {**values, "day": day, "month": month, "year": year}
    return page(
        request,
        "matching/list.html",
        title="Matching workbench",
        wide=True,
        status=422 if errors else 200,
        errors=errors,
        bench=bench,
        names=CRITERIA,
        states=list(State),
        counts=counts,
        total=counts[bench.state],
        values=values,
        typed=typed,
        rows=[(as_seen(visit.view, one), shown_row(visit.view, one)) for one in found.records],
        fields=visit.view.columns_of(bench.base, SHOWN),
        systems=systems_of(visit),
        others=[one for one in systems_of(visit) if one != bench.base],
        sorts=[str(one) for one in Sort],
        before=before,
        after=after,
    )
