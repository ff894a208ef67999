"""Sources with their agreements: what each may be used for, and until when."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Form, Request, Response
from pydantic import BaseModel

from api.rest.access import Access
from api.rest.problems import Problem
from api.services.access.agreements import (
    Agreed,
    AgreedSource,
    AgreementError,
    add_agreement,
    agreed_sources,
    set_days,
)
from api.web.access import page_router
from api.web.administration_days import as_typed, typed_day
from api.web.administration_parts import (
    Change,
    Number,
    Visit,
    chosen_purposes,
    purposes_there_are,
)
from api.web.pages import Instead, page, see
from api.web.text import sentence
from api.web.typed import Written, too_long

router = page_router()

_LIST = "/administration/sources"
_EXAMPLE = "such as 27 3 2027"
# Of what an agreement says, in characters.
_LONGEST = 500


class DaysForm(BaseModel):
    """The first and the last day of an agreement, as typed."""

    starts_day: Written = ""
    starts_month: Written = ""
    starts_year: Written = ""
    ends_day: Written = ""
    ends_month: Written = ""
    ends_year: Written = ""


class AgreementForm(DaysForm):
    """All of an agreement, as typed; a field and its purposes on each line of ``fields``."""

    basis: Written = ""
    purposes: list[Written] = []
    fields: Written = ""


@router.get(_LIST)
def sources_page(request: Request, visit: Visit) -> Response:
    """All sources, and which of them no agreement holds for."""
    found = agreed_sources(visit.connection, visit.now.date())
    return page(request, "administration/sources.html", title="Sources", sources=found)


@router.get(f"{_LIST}/{{number}}")
def source_page(request: Request, visit: Visit, number: Number) -> Response:
    """The agreements of one source."""
    source = _source(visit, number)
    return page(
        request, "administration/source.html", title=f"Source: {source.title}", source=source
    )


@router.get(f"{_LIST}/{{number}}/new")
def new_agreement_page(request: Request, visit: Visit, number: Number) -> Response:
    """Begins with what the last agreement says."""
    source = _source(visit, number)
    typed: dict[str, Any] = {"basis": "", "purposes": [], "fields": ""}
    if source.agreements:
        last = source.agreements[-1]
        typed = {"basis": last.lawful_basis, "purposes": last.purposes, "fields": _lines(last)}
    return _new_page(request, visit, source, typed)


@router.post(f"{_LIST}/{{number}}/new")
def add_agreement_here(
    request: Request,
    change: Change,
    number: Number,
    form: Annotated[AgreementForm, Form()],
) -> Response:
    """Enters another agreement for a source."""
    source = _source(change, number)
    typed = {**form.model_dump(), "purposes": chosen_purposes(change, form.purposes)}
    days, errors = _days(typed)
    errors |= too_long({"basis": form.basis, "fields": form.fields}, _LONGEST)
    if not errors:
        try:
            add_agreement(
                change.connection,
                number,
                lawful_basis=form.basis,
                purposes=typed["purposes"],
                fields=_fields(form.fields),
                by=change.caller.name,
                now=change.now,
                **days,
            )
        except AgreementError as error:
            errors = {_place(error): sentence(str(error))}
    if errors:
        raise Instead(_new_page(request, change, source, typed, errors))
    return see(request, f"{_LIST}/{number}", said="The agreement is added.")


@router.get("/administration/agreements/{number}")
def days_page(request: Request, visit: Visit, number: Number) -> Response:
    """The first and the last day of an agreement, to be changed."""
    source, agreed = _agreement(visit, number)
    typed = as_typed(agreed.starts, "starts") | as_typed(agreed.ends, "ends")
    return _days_page(request, source, agreed, typed)


@router.post("/administration/agreements/{number}")
def set_days_here(
    request: Request,
    change: Change,
    number: Number,
    form: Annotated[DaysForm, Form()],
) -> Response:
    """Sets them; counts from the next request of anybody."""
    source, agreed = _agreement(change, number)
    typed = form.model_dump()
    days, errors = _days(typed)
    if not errors:
        try:
            set_days(change.connection, number, by=change.caller.name, now=change.now, **days)
        except AgreementError as error:
            errors = {_place(error): sentence(str(error))}
    if errors:
        raise Instead(_days_page(request, source, agreed, typed, errors))
    where = f"{_LIST}/{source.number}"
    return see(request, where, said="The days of the agreement are set.")


def _source(visit: Access, number: int) -> AgreedSource:
    found = agreed_sources(visit.connection, visit.now.date(), only=number)
    if not found:
        raise Problem("not-found")
    return found[0]


def _agreement(visit: Access, number: int) -> tuple[AgreedSource, Agreed]:
    for source in agreed_sources(visit.connection, visit.now.date()):
        for agreed in source.agreements:
            if agreed.id == number:
                return source, agreed
    raise Problem("not-found")


def _days(typed: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The first and last day that were typed, and what is wrong with them."""
    days, errors = {}, {}
    for name, which in (("starts", "first"), ("ends", "last")):
        try:
            days[name] = typed_day(typed, name)
        except ValueError:
            errors[f"{name}-day"] = f"Enter the {which} day as a date, {_EXAMPLE}"
    return days, errors


def _place(error: AgreementError) -> str:
    return "ends-day" if error.field == "ends" else error.field


def _fields(text: str) -> dict[str, list[str]]:
    """By field its purposes, from lines such as ``upn: education, early_years``."""
    found = {}
    for line in text.splitlines():
        if line.strip():
            name, _, own = line.partition(":")
            found[name.strip()] = [one.strip() for one in own.split(",") if one.strip()]
    return found


def _lines(agreed: Agreed) -> str:
    return "\n".join(f"{name}: {', '.join(own)}" for name, own in sorted(agreed.fields.items()))


def _new_page(
    request: Request,
    visit: Access,
    source: AgreedSource,
    typed: Mapping[str, Any],
    errors: Mapping[str, str] | None = None,
) -> Response:
    return page(
        request,
        "administration/new_agreement.html",
        title="Add an agreement",
        errors=errors,
        status=422 if errors else 200,
        source=source,
        typed=typed,
        all_purposes=purposes_there_are(visit),
    )


def _days_page(
    request: Request,
    source: AgreedSource,
    agreed: Agreed,
    typed: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
) -> Response:
    return page(
        request,
        "administration/days.html",
        title="Days of an agreement",
        errors=errors,
        status=422 if errors else 200,
        source=source,
        agreed=agreed,
        typed=typed,
    )
