"""Bringing an extract: first what it is, then its file, so that no file is sent in vain."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import Depends, Form, Request, Response
from sqlalchemy import Connection

from api.db.engine import reading
from api.rest.access import Access, Write
from api.rest.service import Service, Serving
from api.rest.uploads import ANY_SIZE, Upload
from api.services.access.roles import Permission
from api.services.extracts import StateError
from api.services.extracts.changes import changed_one_by_one
from api.services.extracts.receiving import source_number
from api.services.extracts.recognising import Recognised, definitions_now, recognise
from api.services.extracts.states import check_date, check_exported_on
from api.services.jobs import receive_and_queue, receive_today
from api.services.register.kept_rules import rules_in_force
from api.services.register.viewing import sources_with_records
from api.services.rules import GENERIC, RuleBook
from api.web.access import page_router, signed_in, streamed
from api.web.dates import typed_date
from api.web.extracts_report import source_names
from api.web.pages import Instead, page, see
from api.web.text import counted, sentence, words
from api.web.typed import Written
from api.web.uploads import PageUploads
from matcher.errors import ExtractRefused

router = page_router()

Visit = Annotated[Access, signed_in(Permission.BRING_EXTRACTS, personal=False)]
_BRINGS = signed_in(Permission.BRING_EXTRACTS, personal=False, writes=True)
Typed = Annotated[Written, Form()]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NEW = "another"
# No system that extracts come from was exported before.


@dataclass(frozen=True, slots=True)
class Details:
    """What an extract is said to be; its file is still to come."""

    source: str
    as_of: date
    mode: Literal["snapshot", "delta"]

    @property
    def query(self) -> str:
        """As a part of addresses."""
        as_of = self.as_of.isoformat()
        return urlencode({"source": self.source, "as_of": as_of, "mode": self.mode})


class NoDetailsError(Exception):
    """An address does not say what the extract is."""


def details_of(fields: Mapping[str, str]) -> Details:
    """From an address. Raises NoDetailsError."""
    source, mode = fields.get("source", ""), fields.get("mode", "")
    try:
        as_of = date.fromisoformat(fields.get("as_of", ""))
    except ValueError:
        raise NoDetailsError from None
    if not _NAME.fullmatch(source) or mode not in ("snapshot", "delta"):
        raise NoDetailsError
    return Details(source, as_of, "snapshot" if mode == "snapshot" else "delta")


def asked_details(request: Request, source: str = "", as_of: str = "", mode: str = "") -> Details:
    """Those of this request's address; without them it begins at the beginning."""
    try:
        return details_of({"source": source, "as_of": as_of, "mode": mode})
    except NoDetailsError:
        raise Instead(see(request, "/extracts/new")) from None


Asked = Annotated[Details, Depends(asked_details)]
_ALLOWED = _BRINGS.dependency
Sent = Annotated[Upload, Depends(PageUploads(_ALLOWED), scope="request")]


def seen_as(service: Serving, details: Asked, sent: Sent) -> Recognised | None:
    """What the file looks like; told before a transaction begins. None without a file."""
    if sent.file is None:
        return None
    with reading(service.engine) as connection:
        book = _book(connection, service)
        known = definitions_now(connection, book, details.source)
    return recognise(details.source, sent.file, book, known)


Seen = Annotated[Recognised | None, Depends(seen_as)]


@router.get("/extracts/new")
def new_page(request: Request, visit: Visit, source: str = "") -> Response:
    """Asks what the extract is."""
    typed = {"source": source, "mode": "snapshot"}
    return _new_page(request, visit, typed)


@router.post("/extracts/new")
def say_what_it_is(
    request: Request,
    visit: Visit,
    source: Typed = "",
    name: Typed = "",
    as_of_day: Typed = "",
    as_of_month: Typed = "",
    as_of_year: Typed = "",
    mode: Typed = "",
) -> Response:
    """Goes on to the file, if an extract of that day could be taken."""
    typed = {"source": source, "name": name, "mode": mode}
    typed |= {"as_of_day": as_of_day, "as_of_month": as_of_month, "as_of_year": as_of_year}
    errors: dict[str, str] = {}
    chosen = _source(visit, source, name, errors)
    as_of = _as_of(visit, typed, chosen, errors)
    if mode not in ("snapshot", "delta"):
        errors["mode"] = "Select whether the extract lists everybody or only what changed"
    if errors or as_of is None:
        return _new_page(request, visit, typed, errors)
    details = Details(chosen, as_of, "snapshot" if mode == "snapshot" else "delta")
    return see(request, f"/extracts/new/file?{details.query}")


@router.get("/extracts/new/file")
def file_page(request: Request, visit: Visit, details: Asked) -> Response:
    """Asks for the file."""
    return _file_page(request, visit, details)


@router.post("/extracts/new/file", max_body_size=ANY_SIZE)
@streamed
def bring(
    request: Request,
    details: Asked,
    sent: Sent,
    seen: Seen,
    change: Annotated[Write, _BRINGS],
) -> Response:
    """Keeps the file and has it looked over, or asks what its columns mean."""
    if sent.file is None or seen is None:
        raise _not_taken(request, change, details, {"file": "Select a file"})
    if seen.refusal is not None and seen.kind == "unusable":
        raise _not_taken(request, change, details, {"file": _plainly(seen.refusal)})
    how: dict[str, Any] = {
        "source": details.source,
        "path": sent.file,
        "as_of": details.as_of,
        "mode": details.mode,
        "by": change.caller.name,
        "now": change.now,
    }
    offered = change.service.offered
    try:
        if seen.can_be_read:
            received, _ = receive_and_queue(change.connection, offered, **how)
        else:
            received = receive_today(change.connection, offered, **how, any_columns=True)
    except ExtractRefused as refusal:
        raise _not_taken(request, change, details, {"file": _plainly(refusal)}) from None
    except StateError as error:
        raise _not_taken(request, change, details, {"": sentence(str(error))}) from None
    where = f"/extracts/{received.extract}"
    if received.unchanged:
        since = changed_one_by_one(change.connection, received.extract)
        return see(request, where, said=_here_already(since))
    if not seen.can_be_read:
        return see(request, f"{where}/columns")
    title = _titles(change)[details.source] if seen.kind == "fits" else "a list of people"
    return see(request, where, said=f"The file is recognised: {title}.")


def _here_already(changed_since: int) -> str:
    said = "This file is here already. Nothing was changed."
    if not changed_since:
        return said
    were = "was" if changed_since == 1 else "were"
    return (
        f"{said} {counted(changed_since, 'record')} of its source {were} put or deleted one by one "
        "since. To have again what the file says of them, upload it with a later date."
    )


def _source(visit: Access, source: str, name: str, errors: dict[str, str]) -> str:
    """The name of the source that was chosen or written; else empty, with what is wrong."""
    if source != _NEW:
        if source in _titles(visit):
            return source
        errors["source"] = "Select the source of the extract"
        return ""
    made = re.sub(r"[ _-]+", "_", name.casefold()).strip("_")
    if not made:
        errors["name"] = "Enter a name for the list, such as nursery headcount"
    elif re.search(r"[^a-z0-9_]", made):
        errors["name"] = "Enter a name of letters from a to z, numbers, spaces and hyphens only"
    elif not _NAME.fullmatch(made):
        errors["name"] = "Enter a name that begins with a letter and has 64 characters at most"
    elif made.replace("_", "") in {one.replace("_", "") for one in dict(_offered(visit))}:
        errors["name"] = "There is a source of this name. Select it above, or enter another name"
    elif made == GENERIC:
        errors["name"] = "Enter a name that says whose list it is"
    else:
        return made
    return ""


def _as_of(
    visit: Access, typed: Mapping[str, str], source: str, errors: dict[str, str]
) -> date | None:
    day, month, year = (typed[f"as_of_{part}"].strip() for part in ("day", "month", "year"))
    try:
        found = typed_date(day, month, year)
    except ValueError:
        short = year.isdigit() and len(year) < 4
        errors["as_of_day"] = (
            "Enter the year in four digits, such as 2026"
            if short
            else "The day must be a real date, such as 3 9 2026"
        )
        return None
    if found is None:
        errors["as_of_day"] = "Enter the day on which the system was exported"
        return None
    number = source_number(visit.connection, source)
    try:
        check_exported_on(found, visit.now)
        if number is not None:
            check_date(visit.connection, source=number, as_of=found)
    except StateError as error:
        errors["as_of_day"] = sentence(str(error))
        return None
    return found


def _new_page(
    request: Request,
    visit: Access,
    typed: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
) -> Response:
    return page(
        request,
        "extracts/new.html",
        title="Upload an extract",
        errors=errors,
        status=422 if errors else 200,
        typed=typed,
        sources=_offered(visit),
        tables=_tables(visit),
    )


def _file_page(
    request: Request, access: Access, details: Details, errors: Mapping[str, str] | None = None
) -> Response:
    return page(
        request,
        "extracts/file.html",
        title="Choose the file",
        errors=errors,
        status=422 if errors else 200,
        details=details,
        source_title=_titles(access).get(details.source),
        tables=_tables(access).get(details.source),
        at_once=_book(access.connection, access.service).loading.accept == "at_once",
        gigabytes=access.service.largest_upload / 1024**3,
    )


def _not_taken(
    request: Request, access: Access, details: Details, errors: Mapping[str, str]
) -> Instead:
    return Instead(_file_page(request, access, details, errors))


def _titles(access: Access) -> dict[str, str]:
    """What sources are called: those that the rules define, and those of which anything came."""
    book = _book(access.connection, access.service)
    defined = {
        one.name: sentence(one.title) for one in book.sources.values() if one.name != GENERIC
    }
    return source_names(access.connection) | defined


def _offered(access: Access) -> list[tuple[str, str]]:
    """Sources to choose from, by title: not those of which nothing was ever let in."""
    titles = _titles(access)
    held = {*_book(access.connection, access.service).sources}
    held.update(sources_with_records(access.connection, titles))
    return sorted(
        ((name, title) for name, title in titles.items() if name in held),
        key=lambda one: one[1].casefold(),
    )


def _tables(access: Access) -> dict[str, str]:
    """Of sources that come as several files: which tables these are, and how they are sent.

    Those of XML are in one file. So is what a table holds that gives all that the others give.
    """
    found = {}
    for one in _book(access.connection, access.service).sources.values():
        files = [table for table in one.tables if table.element is None]
        given = {name for table in files for name in table.yields}
        whole = [table for table in files if len(given) > 1 and set(table.yields) == given]
        parts = [words(table.name) for table in files if table not in whole]
        if len(parts) > 1:
            found[one.name] = f"Tables: {', '.join(parts)}. Put all tables into one zip file."
            if whole:
                found[one.name] += f" One file of {words(whole[0].name)} together will do too."
    return found


def _book(connection: Connection, service: Service) -> RuleBook:
    return rules_in_force(connection, service.offered).book


def _plainly(refusal: ExtractRefused) -> str:
    return f"The file cannot be used: {refusal.message}"
