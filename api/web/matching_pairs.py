"""Two records of the workbench side by side, and saying whether they are one child."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from fastapi import Form, Request, Response

from api.rest.access import Access
from api.rest.problems import Problem
from api.rest.reviewing import rules_of
from api.services.access.roles import Permission
from api.services.register.acts import ActError
from api.services.register.history import Member
from api.services.register.listed import ListedRecord
from api.services.register.severances import are_severed
from api.services.register.shields import WHEREABOUTS
from api.services.register.viewing import ShownRecord
from api.services.register.why import why_pair
from api.services.register.withholding import seen_pairs
from api.services.review.answering import answer_chosen
from api.services.review.differences import Span, Spans, differing_spans, same
from api.services.review.names import (
    NAME_FIELDS,
    NameParts,
    differing_words,
    is_counted,
    parts_compared,
    same_name,
    shapes_differ,
    whole_name,
)
from api.services.review.pairs import InHandError, PairId, Reviewer, StaleError, UnknownPairError
from api.services.review.seen import taken_as_missing
from api.services.review.state import state_of
from api.services.review.surroundings import held_twice, in_the_way
from api.web.access import page_router
from api.web.masks import Masks, masks_on
from api.web.matching import Visit
from api.web.matching_records import (
    Deciding,
    decisions_on,
    found_record,
    listed,
    shown_record,
    standing_of,
    used_fields,
)
from api.web.pages import Instead, page, see
from api.web.review_part import needed_rules
from api.web.text import as_typed, sentence
from api.web.typed import wrong_reason
from api.web.workbench import Asked, Workbench
from matcher.rules.library import LinkageRules

router = page_router()

# Why an answer was not kept that was given on something else.
_CHANGED = {
    "records": "One of the records says something else than when you saw it. Look again",
    "decisions": "Somebody has decided on these 2 records since you saw them. Look again",
    "page": "Your answer was not kept. Look at the 2 records again",
}
_NO_SPANS: Spans = ((), ())

# A value as it is shown: its text, whether it is hidden, and where the other differs.
Cell = tuple[str | None, bool, Sequence[Span]]


@dataclass(frozen=True, slots=True)
class Row:
    """A field of both records. ``found`` is what the page says of it, empty where one has none.

    ``missing`` are values of both that linking takes as missing.
    """

    name: str
    found: str
    cells: Sequence[Cell]
    missing: tuple[str, ...] = ()


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
    why: Annotated[str, Form()] = "",
    shown: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Select as a match, or deselect."""
    one, other, bench = _pair(change, pair, bench)
    why = as_typed(why)
    ends = PairId.of(one.record, other.record)
    clashing = in_the_way(change.connection, change.view, ends)
    try:
        outcome = answer_chosen(
            change.connection,
            change.service.aside,
            needed_rules(change)[1],
            Reviewer.of(change.caller, change.view),
            ends,
            kind=kind,
            why=why,
            shown=shown,
            now=change.now,
        )
    except StaleError as error:
        errors = {"decide": _CHANGED[error.changes[0]]}
        raise Instead(
            _pair_page(request, change, pair, bench, errors=errors, why=why, status=412)
        ) from None
    except InHandError as error:
        errors = {"decide": sentence(str(error))}
        raise Instead(
            _pair_page(request, change, pair, bench, errors=errors, why=why, status=409)
        ) from None
    except ActError as error:
        told = "Enter a reason" if not why else sentence(str(error))
        errors = {"why" if wrong_reason(why) else "decide": told}
        raise Instead(_pair_page(request, change, pair, bench, errors=errors, why=why)) from None
    what = "Match selected." if kind == "match" else "Match deselected."
    said = f"{what} It takes effect after linking has run."
    if kind == "match" and clashing:
        said = (
            f"{what} It cannot hold together with other decisions, so linking leaves a match out "
            "and puts it into the review queue."
        )
    if outcome.decision is None:
        said = "Your answer is kept. Nothing changes until another reviewer has answered too."
    return see(request, bench.to_record(one.record), said=said)


def _pair_page(
    request: Request,
    visit: Access,
    pair: str,
    bench: Workbench,
    *,
    errors: Mapping[str, str] | None = None,
    why: str = "",
    revealed: bool = False,
    status: int = 422,
) -> Response:
    one, other, bench = _pair(visit, pair, bench)
    ends_of_pair = PairId.of(one.record, other.record)
    visit.saw(*(f"record {number}" for number in (one.record, other.record)))
    shown = [*shown_record(visit, one), *shown_record(visit, other)]
    masks = masks_on(visit, *(record.values for record in shown), revealed=revealed)
    visit.saw(*(f"record {record.key.record} {name}" for record in shown for name in masks.told))
    placeless = any(record.location_hidden for record in shown)
    l, r = sorted(Member(side.source, side.record_id, side.record) for side in (one, other))
    explained = why_pair(visit.connection, visit.view, l, r, shielded=placeless)
    told = seen_pairs(visit.connection, visit.view, [(l.record, r.record)]).get(
        frozenset((l.record, r.record))
    )
    decided = [said for said in decisions_on(visit, one.record) if said.pair == ends_of_pair]
    together = one.child_id == other.child_id
    return page(
        request,
        "matching/pair.html",
        title="Compare 2 records",
        status=status if errors else 200,
        errors=errors,
        bench=bench,
        one=one,
        other=other,
        masks=masks,
        rows=_rows(visit, shown, masks, placeless=placeless),
        together=together,
        shown=state_of(visit.connection, ends_of_pair).shown,
        # What the register cannot follow, or follows by putting another record out.
        twice=held_twice(visit.connection, visit.view, ends_of_pair, one.child_id, other.child_id),
        parts=_name_parts(visit, shown, masks),
        cautions=told.cases if told else (),
        explained=explained,
        decided=decided,
        standing=standing_of(visit, decided),
        clashing=()
        if together or not visit.caller.may(Permission.REVIEW_PAIRS)
        else in_the_way(visit.connection, visit.view, ends_of_pair),
        # Whoever may decide is shown the weight when somebody has, so that nobody goes by it.
        weighed=bool(decided) or not visit.caller.may(Permission.REVIEW_PAIRS),
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


# Of names that differ in a prefix alone, say.
_NOT_COUNTED = "Different, but linking does not count what is marked"


def _rows(
    visit: Access, shown: Sequence[ShownRecord], masks: Masks, *, placeless: bool
) -> list[Row]:
    """The fields of both; one whole name where one record has a single field for it."""
    names = used_fields(list(shown))
    values = [
        {name: str(value) for name, value in record.values.items() if value} for record in shown
    ]
    rules = rules_of(visit)
    whole = (
        rules is not None
        and len(shown) == 2
        and all(visit.view.may_see(record.key.source, n) for record in shown for n in NAME_FIELDS)
        and not set(masks.hidden) & set(NAME_FIELDS)
        and shapes_differ(*values)
    )
    rows: list[Row] = []
    for name in names:
        if whole and rules is not None and name in NAME_FIELDS:
            if not any(row.name == "name" for row in rows):
                rows.append(_whole_name(rules[0], values))
            continue
        texts = [value.get(name) for value in values]
        hidden = [
            (record.location_hidden and name in WHEREABOUTS)
            or (name in masks.hidden and text is not None)
            for record, text in zip(shown, texts, strict=True)
        ]
        found, spans = "", _NO_SPANS
        missing: tuple[str, ...] = ()
        if all(texts) and not (placeless and name in WHEREABOUTS):
            one, other = (str(text) for text in texts)
            found, spans = "Same" if same(one, other) else "Different", differing_spans(one, other)
            # A hidden value must not be told by what it makes of another.
            told = found == "Different" and not set(masks.hidden) & set(NAME_FIELDS)
            if told and rules is not None and not is_counted(rules[0], name, *values):
                found, spans = _NOT_COUNTED, differing_words(one, other)
            if rules is not None and not any(hidden):
                missing = taken_as_missing(rules[0], name, one, other)
        rows.append(Row(name, found, tuple(zip(texts, hidden, spans, strict=False)), missing))
    return rows


def _name_parts(
    visit: Access, shown: Sequence[ShownRecord], masks: Masks
) -> tuple[NameParts, NameParts] | None:
    """Of what the names are compared, where their fields do not say it and may be seen."""
    rules = rules_of(visit)
    told = all(visit.view.may_see(one.key.source, name) for one in shown for name in NAME_FIELDS)
    if rules is None or len(shown) != 2 or not told or set(masks.hidden) & set(NAME_FIELDS):
        return None
    one, other = ({n: str(v) for n, v in record.values.items() if v} for record in shown)
    return parts_compared(rules[0], one, other)


def _whole_name(linkage: LinkageRules, values: Sequence[Mapping[str, str]]) -> Row:
    one, other = (whole_name(value) for value in values)
    alike = same_name(linkage, *values)
    spans = _NO_SPANS if alike else differing_words(one, other)
    cells = ((one, False, spans[0]), (other, False, spans[1]))
    if alike:
        return Row("name", "Same", cells)
    counted = is_counted(linkage, "name", *values)
    return Row("name", "Different" if counted else _NOT_COUNTED, cells)
