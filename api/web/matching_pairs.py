"""Two records of the workbench side by side, and saying whether they are one child."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import Form, Request, Response

from api.rest.access import Access
from api.rest.problems import Problem
from api.services.register.acts import ActError, key_of
from api.services.register.deciding import decide
from api.services.register.history import Member
from api.services.register.listed import ListedRecord
from api.services.register.severances import are_severed
from api.services.register.shields import WHEREABOUTS
from api.services.register.why import why_pair
from api.services.review.answering import queue_linking
from api.services.review.context import FIELDS
from api.services.review.differences import same
from api.services.review.pairs import PairId, UnknownPairError
from api.web.access import page_router
from api.web.masks import masks_on
from api.web.matching import Visit
from api.web.matching_records import (
    Deciding,
    Reason,
    decisions_on,
    found_record,
    listed,
    shown_record,
    used_fields,
)
from api.web.pages import Instead, page, see
from api.web.text import sentence
from api.web.workbench import Asked, Workbench

router = page_router()


@router.get("/matching/pairs/{pair}")
def pair_page(request: Request, pair: str, visit: Visit, bench: Asked) -> Response:
    """Two records side by side, and whether they are one child."""
    return _pair_page(request, visit, pair, bench)


@router.post("/matching/pairs/{pair}/reveal")
def reveal_of_pair(request: Request, pair: str, visit: Visit, bench: Asked) -> Response:
    """The same with what reviewers see masked; that it was shown is kept in the access log."""
    return _pair_page(request, visit, pair, bench, revealed=True)


@router.post("/matching/pairs/{pair}")
def decide_pair(
    request: Request,
    pair: str,
    change: Deciding,
    bench: Asked,
    kind: Annotated[Literal["match", "non_match"], Form()] = "match",
    why: Reason = "",
) -> Response:
    """Select as a match, or deselect."""
    one, other, bench = _pair(change, pair, bench)
    try:
        decide(
            change.connection,
            kind=kind,
            one=key_of(change.connection, one.record),
            other=key_of(change.connection, other.record),
            why=why,
            by=change.caller.name,
            now=change.now,
        )
    except ActError as error:
        errors = {"why": "Enter a reason"} if not why.strip() else {"": sentence(str(error))}
        raise Instead(_pair_page(request, change, pair, bench, errors=errors, why=why)) from None
    queue_linking(change.connection, by=change.caller.name)
    what = "Match selected." if kind == "match" else "Match deselected."
    return see(
        request,
        bench.to_record(one.record),
        said=f"{what} It takes effect after linking has run.",
    )


def _pair_page(
    request: Request,
    visit: Access,
    pair: str,
    bench: Workbench,
    *,
    errors: Mapping[str, str] | None = None,
    why: str = "",
    revealed: bool = False,
) -> Response:
    one, other, bench = _pair(visit, pair, bench)
    visit.saw(*(f"record {number}" for number in (one.record, other.record)))
    shown = [*shown_record(visit, one), *shown_record(visit, other)]
    masks = masks_on(visit, *(record.values for record in shown), revealed=revealed)
    visit.saw(*(f"record {record.key.record} {name}" for record in shown for name in masks.told))
    placeless = any(record.location_hidden for record in shown)
    l, r = sorted(Member(side.source, side.record_id, side.record) for side in (one, other))
    explained = why_pair(visit.connection, visit.view, l, r, shielded=placeless)
    ends = {one.record, other.record}
    return page(
        request,
        "matching/pair.html",
        title="Compare 2 records",
        status=422 if errors else 200,
        errors=errors,
        bench=bench,
        one=one,
        other=other,
        columns=shown,
        fields=used_fields(shown),
        masks=masks,
        found={
            name: _compared(*(record.values.get(name) for record in shown))
            for name in FIELDS
            if not (placeless and name in WHEREABOUTS)
        },
        together=one.child_id == other.child_id,
        explained=explained,
        decided=[
            said
            for said in decisions_on(visit, one.record)
            if {said.pair.low, said.pair.high} == ends
        ],
        why=why,
    )


def _pair(
    visit: Access, pair: str, bench: Workbench
) -> tuple[ListedRecord, ListedRecord, Workbench]:
    """The record that others are looked at beside, and the other one. Raises Problem."""
    try:
        ends = PairId.parse(pair)
    except UnknownPairError:
        raise Problem("not-found") from None
    if are_severed(visit.connection, ends.low, ends.high):
        raise Problem("not-found")
    mine = bench.record if bench.record == ends.high else ends.low
    own, bench = found_record(visit, mine, bench)
    other = listed(visit, ends.low + ends.high - mine)
    return own, other, replace(bench, record=mine)


def _compared(one: Any, other: Any) -> str:
    if not one or not other:
        return ""
    return "Same" if same(str(one), str(other)) else "Different"
