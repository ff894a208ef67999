"""A record of the workbench: whom it is matched with, and who else it may be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from fastapi import Form, Path, Request, Response
from sqlalchemy import select

from api.db.models import SearchEntry
from api.rest.access import Access, Write
from api.rest.problems import Problem
from api.services.access.roles import Permission
from api.services.register.acts import ActError, key_of
from api.services.register.checking import mark_checked, unmark_checked
from api.services.register.criteria import Criterion
from api.services.register.entered import HOLDS, NOT_FOLLOWED, standings
from api.services.register.history import Member
from api.services.register.listed import ListedRecord, as_seen, listed_records
from api.services.register.lookalikes import lookalikes
from api.services.register.possible import PossibleMatch, possible_matches
from api.services.register.resembling import InSystem, resembling
from api.services.register.shields import WHEREABOUTS
from api.services.register.viewing import ShownRecord, view_member, view_records
from api.services.review.answering import queue_linking
from api.services.review.listing import Decided, decisions_made
from api.services.review.pairs import Reviewer
from api.services.review.seen import FIELDS
from api.services.review.undoing import NotYoursError, undo_one, undone_with
from api.web.access import page_router, signed_in
from api.web.masks import masks_on
from api.web.matching import CRITERIA, SHOWN, Visit, neighbours, shown_row, systems_of
from api.web.pages import Instead, page, see
from api.web.review_part import needed_rules
from api.web.terms import kept_terms
from api.web.text import sentence
from api.web.typed import Written
from api.web.workbench import Asked, Workbench, fields_of, usable
from matcher.errors import DataError

router = page_router()

Deciding = Annotated[Write, signed_in(Permission.REVIEW_PAIRS, writes=True)]
Number = Annotated[int, Path(ge=0, lt=2**63)]
Reason = Annotated[Written, Form()]

# Records of a child, rows of a tab, rows of the one that is wanted in full, decisions, and
# records with which a possible link waits.
_RECORDS, _ROWS, _MORE, _DECISIONS, _WAITING = 30, 10, 60, 20, 10


@dataclass(frozen=True, slots=True)
class Tab:
    """Possible matches in one system; ``rows`` are as many as are shown."""

    system: str
    found: InSystem
    rows: Sequence[tuple[ListedRecord, Mapping[str, Any], float | None]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record with which a possible link of the child waits, as it is shown.

    ``links`` are the child's records that it may match, those on the page first, with whether
    somebody has decided on the two.
    """

    shown: ShownRecord
    links: Sequence[tuple[Member, bool]]


@router.get("/matching/records/{number}")
def record_page(request: Request, number: Number, visit: Visit, bench: Asked) -> Response:
    """One record, its matched records side by side, and possible matches by system."""
    return _record_page(request, visit, number, bench)


@router.post("/matching/records/{number}/reveal")
def reveal_of_record(request: Request, number: Number, visit: Visit, bench: Asked) -> Response:
    """The same with what reviewers see masked; that it was shown is kept in the access log."""
    return _record_page(request, visit, number, bench, revealed=True)


@router.post("/matching/records/{number}/check")
def check_record(
    request: Request,
    number: Number,
    change: Deciding,
    bench: Asked,
    checked: Annotated[Literal["yes", "no"], Form()] = "yes",
    then: Annotated[Literal["stay", "next"], Form()] = "stay",
) -> Response:
    """Note that somebody looked at whom the record belongs with, or take that back."""
    own, bench = found_record(change, number, bench)
    # Found before it is marked: it may leave the list by that.
    following = _neighbours(request, change, bench, number)[1] if then == "next" else None
    key = key_of(change.connection, own.record)
    mark = mark_checked if checked == "yes" else unmark_checked
    mark(change.connection, record=key, by=change.caller.name, now=change.now)
    said = f"Record marked as {'checked' if checked == 'yes' else 'not checked'}."
    if then == "next" and following is None:
        return see(request, bench.to_list(after=None), said=f"{said} It was the last in the list.")
    if following is not None:
        said = "The record before this one is marked as checked. This is the next in the list."
    return see(request, bench.to_record(following if following is not None else number), said=said)


@router.post("/matching/decisions/{number}/undo")
def undo(
    request: Request, number: Number, change: Deciding, bench: Asked, why: Reason = ""
) -> Response:
    """Take a decision back."""
    if bench.record is None:
        raise Problem("not-found")
    record = bench.record
    own, bench = found_record(change, record, bench)
    if number not in {one.id for one in decisions_on(change, own.record)}:
        raise Problem("not-found")
    errors = {}
    try:
        undone = undo_one(
            change.connection,
            needed_rules(change)[1],
            Reviewer.of(change.caller, change.view),
            number,
            why=why,
            now=change.now,
        )
    except NotYoursError as error:
        errors = {f"undo-{number}": f"{sentence(str(error))}. Ask a senior reviewer to undo it."}
    except ActError as error:
        message = "Enter a reason" if not why.strip() else sentence(str(error))
        errors = {f"undo-{number}": message}
    if errors:
        raise Instead(_record_page(request, change, record, bench, errors=errors))
    queue_linking(change.connection, by=change.caller.name)
    what = "Decision undone."
    if undone.decisions > 1:
        what = f"All {undone.decisions} decisions of the change undone."
    said = f"{what} This takes effect after linking has run."
    return see(request, bench.to_record(record), said=said)


def _record_page(
    request: Request,
    visit: Access,
    number: int,
    bench: Workbench,
    *,
    errors: Mapping[str, str] | None = None,
    revealed: bool = False,
) -> Response:
    own, bench = found_record(visit, number, bench)
    visit.saw(own.child_id, f"record {number}")
    shown = view_records(visit.connection, visit.view, own.child_id, limit=_RECORDS)
    mine = [one for one in shown if one.key.record == number] or shown_record(visit, own)
    others = [one for one in shown if one.key.record != number]
    waiting, more_wait = _waiting(visit, own)
    everyone = [*mine, *others, *(one.shown for one in waiting)]
    masks = masks_on(visit, *(one.values for one in everyone), revealed=revealed)
    visit.saw(*(f"record {one.key.record} {name}" for one in everyone for name in masks.told))
    before, after = _neighbours(request, visit, bench, number)
    tabs, left_out = _possible(visit, own, bench)
    decided = decisions_on(visit, number)
    return page(
        request,
        "matching/record.html",
        title="Matching record",
        wide=True,
        status=422 if errors else 200,
        errors=errors,
        bench=replace(bench, record=number),
        number=number,
        own=own,
        row=shown_row(visit.view, own),
        columns=mine + others,
        missing=sorted(set(systems_of(visit)) - {one.key.source for one in (*mine, *others)}),
        fields=used_fields([*mine, *others]),
        waiting=waiting,
        more_wait=more_wait,
        mine=mine,
        waiting_fields=used_fields([*mine, *(one.shown for one in waiting)]),
        masks=masks,
        before=before,
        after=after,
        names=CRITERIA,
        tabs=tabs,
        left_out=left_out,
        compared=SHOWN,
        decided=decided,
        standing=standing_of(visit, decided),
        undone_with=undone_with(visit.connection, [one.id for one in decided]),
        keys={one.id: one.r if one.l == (own.source, own.record_id) else one.l for one in decided},
    )


def found_record(visit: Access, number: int, bench: Workbench) -> tuple[ListedRecord, Workbench]:
    """A current record, and the workbench with its system as the base. Raises Problem."""
    found = listed(visit, number)
    return found, replace(bench, base=found.source)


def listed(visit: Access, number: int) -> ListedRecord:
    """A current record as lists show it. Raises Problem."""
    known = select(SearchEntry.record).where(SearchEntry.record == number)
    if visit.connection.scalar(known) is None:
        raise Problem("not-found")
    (found,) = listed_records(visit.connection, [number], cleared=visit.view.cleared)
    if found.source not in visit.view.sources:
        raise Problem("not-found")
    return as_seen(visit.view, found)


def shown_record(visit: Access, one: ListedRecord) -> list[ShownRecord]:
    """What a record says, as far as it may be seen; nothing if it says nothing any more."""
    member = Member(one.source, one.record_id, one.record)
    found = view_member(visit.connection, visit.view, member)
    return [] if found is None else [found]


def used_fields(records: list[ShownRecord]) -> list[str]:
    """Fields that any of the records tells, and those that are hidden."""
    told = {name for one in records for name, value in one.values.items() if value}
    if any(one.location_hidden for one in records):
        told |= set(WHEREABOUTS)
    return [name for name in FIELDS if name in told]


def _neighbours(
    request: Request, visit: Access, bench: Workbench, number: int
) -> tuple[int | None, int | None]:
    values = kept_terms(request, bench.filter)
    try:
        before, after = neighbours(visit, bench, values, number)
    except DataError:
        return None, None
    return before, after


def _waiting(visit: Access, own: ListedRecord) -> tuple[list[Waiting], bool]:
    """Records with which possible links of the record's child wait; whether there are more."""
    found = possible_matches(visit.connection, visit.view, own.child_id, limit=_WAITING + 1)
    # Those of the record itself first: it is what people came for.
    found.sort(key=lambda one: own.record not in {member.record for member in one.own})
    first = found[:_WAITING]
    for match in first:
        visit.saw(match.record.child_id, f"record {match.record.record}")
    told = [
        Waiting(shown, _links(match, own.record))
        for match in first
        for shown in shown_record(visit, as_seen(visit.view, match.record))
    ]
    return told, len(found) > _WAITING


def _links(match: PossibleMatch, first: int) -> list[tuple[Member, bool]]:
    ordered = sorted(match.own, key=lambda one: one.record != first)
    return [(one, one.record in match.decided) for one in ordered]


def _possible(
    visit: Access, own: ListedRecord, bench: Workbench
) -> tuple[list[Tab], list[Criterion]]:
    """Possible matches by system, and criteria that could not be compared by.

    Only systems all of whose compared values may be seen are searched.
    """
    view = visit.view
    asked = usable(view, own.source, bench.criteria)
    found = resembling(
        visit.connection,
        key_of(visit.connection, own.record),
        asked,
        view=view,
        limit=_MORE,
    )
    compared = asked - set(found.left_out)
    fields = {field for one in compared for field in fields_of(one)}
    tabs = []
    systems = systems_of(visit)
    for system, those in found.by_source.items():
        if system not in systems or not all(view.may_see(system, one) for one in fields):
            continue
        limit = _MORE if system == bench.system else _ROWS
        rows = [
            (as_seen(view, one.record), shown_row(view, one.record), one.weight)
            for one in those.records[:limit]
        ]
        visit.saw(*(one.child_id for one, _, _ in rows))
        tabs.append(Tab(system, those, rows))
    # With script the first tab opens: one with something in it.
    tabs.sort(key=lambda tab: tab.found.count == 0)
    return tabs, [one for one in Criterion if one in bench.criteria and one not in compared]


def decisions_on(visit: Access, number: int) -> list[Decided]:
    """Decisions on a record that were not taken back, the last first."""
    found = decisions_made(
        visit.connection,
        Reviewer.of(visit.caller, visit.view),
        record=number,
        limit=_DECISIONS,
    )
    return [one for one in found if not one.undone]


def standing_of(visit: Access, decided: list[Decided]) -> dict[int, str]:
    """What became of decisions, by their numbers, as far as it may be told."""
    untold = lookalikes(visit.connection, visit.view).records
    told = standings(visit.connection, [one.id for one in decided])
    for one in decided:
        if told[one.id] == NOT_FOLLOWED and untold & {*one.pair.records}:
            told[one.id] = HOLDS
    return told
