"""A list whose columns nobody knows: people say what they mean, or that it is another source's."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Form, Request, Response
from sqlalchemy import Connection

from api.rest.access import Access, Write
from api.services.access.roles import Permission
from api.services.extracts import StateError
from api.services.extracts.columns import (
    UnknownList,
    as_mapping,
    needed_fields,
    suggested,
    unknown_list,
)
from api.services.extracts.files import kept_file
from api.services.extracts.listing import ExtractView
from api.services.extracts.mapping import (
    definition_of,
    extended,
    keep_mapping,
    mappings_of_source,
)
from api.services.extracts.reading import refusal_by
from api.services.extracts.receiving import move_to_source, read_alike, source_number
from api.services.extracts.recognising import Recognised, definitions_now, recognise
from api.services.jobs import queue_ingest
from api.services.register.kept_rules import rules_in_force
from api.services.register.viewing import sources_with_records
from api.services.rules import RuleBook
from api.web.access import page_router, signed_in
from api.web.extracts import Number, find
from api.web.extracts_report import field_title, source_names
from api.web.pages import Instead, page, see
from api.web.text import counted, sentence
from matcher.errors import DataError, ExtractRefused

router = page_router()

Visit = Annotated[Access, signed_in(Permission.BRING_EXTRACTS)]
Change = Annotated[Write, signed_in(Permission.BRING_EXTRACTS, writes=True)]

Move = Annotated[Write, signed_in(Permission.BRING_EXTRACTS, personal=False, writes=True)]


async def form_fields(request: Request) -> dict[str, str]:
    """What was sent, by name; there is one field per column that the source may have."""
    return {name: text for name, text in (await request.form()).items() if isinstance(text, str)}


Fields = Annotated[dict[str, str], Depends(form_fields)]

_LONGEST = 40
# What a UPN looks like, and of what its column may show another purpose's reader nothing.
_UPN = re.compile(r"[A-Za-z]\d{11}[A-Za-z\d]")


@router.get("/extracts/{extract}/columns")
def columns_page(request: Request, extract: Number, visit: Visit) -> Response:
    """Asks what each needed column is, with the first rows beside."""
    view = _waiting(request, visit, extract)
    book = _book(visit)
    with kept_file(visit.connection, extract) as path:
        seen = recognise(
            view.source, path, book, definitions_now(visit.connection, book, view.source)
        )
        found, why_not = _list_of(visit.connection, view, path, book)
    number = source_number(visit.connection, view.source)
    earlier = {} if number is None else mappings_of_source(visit.connection, number)
    chosen = suggested(found, book, earlier.values()) if found else {}
    return _columns_page(request, visit, view, seen, found, why_not, chosen)


@router.post("/extracts/{extract}/columns")
def save_columns(request: Request, extract: Number, fields: Fields, change: Change) -> Response:
    """Keeps what was said of the columns, and has the extract looked over."""
    view = _waiting(request, change, extract)
    book = _book(change)
    with kept_file(change.connection, extract) as path:
        found, why_not = _list_of(change.connection, view, path, book)
        if found is None:
            seen = Recognised("unknown")
            raise Instead(_columns_page(request, change, view, seen, None, why_not, {}, 422))
        chosen, errors = _chosen(found, fields)
        if not errors:
            mapping = as_mapping(found, chosen)
            read_by = extended(book.definition(view.source), mapping)
            refusal = refusal_by(view.source, path, read_by)
            if refusal is not None:
                errors[""] = f"The file cannot be read so: {refusal.message}"
    if errors:
        seen = Recognised("unknown")
        raise Instead(_columns_page(request, change, view, seen, found, None, chosen, 422, errors))
    by = change.caller.name
    keep_mapping(change.connection, extract, mapping, by=by, now=change.now)
    alike = read_alike(change.connection, extract, by=by, book=book, now=change.now)
    for one in sorted([extract, *alike]):
        queue_ingest(change.connection, extract=one, by=by)
    said = "The columns are saved. Later extracts with the same columns are read in the same way."
    if alike:
        are = "is" if len(alike) == 1 else "are"
        said += f" {counted(len(alike), 'other extract')} that waited {are} read so, too."
    return see(request, f"/extracts/{extract}", said=said)


@router.post("/extracts/{extract}/source")
def move(
    request: Request,
    extract: Number,
    change: Move,
    source: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Has the extract be of the source that its file looks like."""
    view = _waiting(request, change, extract)
    book = _book(change)
    where = f"/extracts/{extract}"
    with kept_file(change.connection, extract) as path:
        seen = recognise(
            view.source, path, book, definitions_now(change.connection, book, view.source)
        )
    if source not in seen.others:
        raise Instead(see(request, f"{where}/columns"))
    by = change.caller.name
    try:
        move_to_source(change.connection, extract, source, by=by, book=book, now=change.now)
    except (ExtractRefused, StateError) as error:
        said = f"The source was not changed: {error}."
        raise Instead(see(request, where, said=said)) from None
    queue_ingest(change.connection, extract=extract, by=by)
    title = source_names(change.connection)[source]
    return see(request, where, said=f"The extract is now one of {title}.")


def _waiting(request: Request, access: Access, extract: int) -> ExtractView:
    """One that waits to be told what its columns are; others have a page of their own."""
    view = find(access, extract)
    access.saw(f"extract {extract}")
    if not view.needs_columns:
        said = "What its columns are has been said already."
        raise Instead(see(request, f"/extracts/{extract}", said=said))
    return view


def _list_of(
    connection: Connection, view: ExtractView, path: Path, book: RuleBook
) -> tuple[UnknownList | None, str | None]:
    """The list to ask about, or why there is none."""
    try:
        definition = definition_of(connection, view.id, book)
        return unknown_list(view.source, path, definition), None
    except DataError as error:
        return None, sentence(str(error))


def _chosen(found: UnknownList, fields: Mapping[str, str]) -> tuple[dict[str, int], dict[str, str]]:
    """The column of each field, and what is wrong by the field that it is about."""
    places = {str(place): place for place in found.places.values()}
    chosen = {
        field: places[fields[field]]
        for field in found.table.columns
        if fields.get(field, "") in places
    }
    errors: dict[str, str] = {}
    for group in needed_fields(found.table):
        if not any(field in chosen for field in group):
            wanted = _one_of([field_title(field).lower() for field in group])
            errors[group[0]] = f"Select the column that holds the {wanted}"
    first: dict[int, str] = {}
    for field, place in chosen.items():
        # The date of a row may well be another of its dates.
        if field == "as_of" or first.setdefault(place, field) == field:
            continue
        other = field_title(first[place]).lower()
        errors.setdefault(field, f"Select another column: this one holds the {other}")
    return chosen, errors


def _columns_page(
    request: Request,
    access: Access,
    view: ExtractView,
    seen: Recognised,
    found: UnknownList | None,
    why_not: str | None,
    chosen: Mapping[str, int],
    status: int = 200,
    errors: Mapping[str, str] | None = None,
) -> Response:
    titles = source_names(access.connection)
    defined = _book(access).sources
    return page(
        request,
        "extracts/columns.html",
        title="What do the columns mean?" if not seen.others else "Is this another source?",
        status=status,
        errors=errors,
        wide=True,
        view=view,
        source_title=titles.get(view.source, view.source),
        others=[(name, titles.get(name) or sentence(defined[name].title)) for name in seen.others],
        why_not=why_not,
        found=found,
        fields=_fields(found) if found else [],
        options=_options(found) if found else [],
        twice=_twice(found) if found else [],
        nameless=_nameless(found) if found else 0,
        came_before=view.source in defined
        or bool(sources_with_records(access.connection, [view.source])),
        chosen=chosen,
        preview=_preview(access, view, found) if found else None,
    )


def _fields(found: UnknownList) -> list[dict[str, Any]]:
    """Fields of the table, those first of which one is needed."""
    groups = needed_fields(found.table)
    needed = {field: group for group in groups for field in group}
    order = sorted(found.table.columns, key=lambda field: field not in needed)
    return [
        {
            "name": field,
            "title": field_title(field),
            "needed": field in needed and len(needed[field]) == 1,
            "or": _one_of(
                ["this", *(field_title(one).lower() for one in needed[field] if one != field)]
            )
            if len(needed.get(field, ())) > 1
            else "",
        }
        for field in order
    ]


def _one_of(names: list[str]) -> str:
    """Such as "forename, surname or whole name"."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _options(found: UnknownList) -> list[tuple[int, str]]:
    headers = found.head.headers
    return [(place, _short(headers[place])) for place in found.places.values()]


def _twice(found: UnknownList) -> list[str]:
    """Headers that several columns have."""
    counts = Counter(header for header in found.head.headers if header)
    return [_short(header) for header, count in counts.items() if count > 1]


def _nameless(found: UnknownList) -> int:
    """How many columns have a value in the first rows but no header."""
    headers = found.head.headers
    return sum(
        not header.strip() and any(row[place] for row in found.head.rows)
        for place, header in enumerate(headers)
    )


def _preview(access: Access, view: ExtractView, found: UnknownList) -> list[list[str]] | None:
    """The first rows, if they may be seen for this purpose."""
    if view.source not in access.view.sources:
        return None
    upn = access.view.may_see(view.source, "upn")
    return [
        [_short(cell) if upn or not _UPN.search(cell) else "hidden" for cell in row]
        for row in found.head.rows
    ]


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _book(access: Access) -> RuleBook:
    return rules_in_force(access.connection, access.service.offered).book
