"""How reviewers do, and the pairs of known answer that measure them."""

from datetime import timedelta
from typing import Annotated

from fastapi import Form, Request, Response

from api.rest.access import Access, Write
from api.rest.problems import Problem
from api.services.access.roles import Permission
from api.services.register.acts import ActError
from api.services.review.known import end_known, known_pairs, mark_known
from api.services.review.reviewers import ReviewerWeek, reviewer_weeks, reviewers_overall
from api.web import charts
from api.web.access import page_router, signed_in
from api.web.charts import Share
from api.web.pages import Instead, page, see
from api.web.review_part import words_for_templates
from api.web.text import called, plain, sentence
from api.web.typed import Written

router = page_router()

Settles = Annotated[Access, signed_in(Permission.SETTLE_REVIEWS, personal=False)]
Steward = Annotated[Access, signed_in(Permission.ADMINISTER)]
StewardActs = Annotated[Write, signed_in(Permission.ADMINISTER, writes=True)]
Typed = Annotated[Written, Form()]

_WEEKS = timedelta(weeks=26)


@router.get("/review/reviewers")
def reviewers_page(request: Request, visit: Settles) -> Response:
    """Pace, agreement and known answers, by reviewer and by week."""
    overall = reviewers_overall(visit.connection, since=visit.now - _WEEKS)
    return page(
        request,
        "review/reviewers.html",
        title="How reviewers are doing",
        overall=overall,
        weeks=reviewer_weeks(visit.connection, since=visit.now - _WEEKS),
        charted=bool(_shares(overall)),
    )


@router.get("/review/reviewers/agreement.svg")
def agreement_chart(visit: Settles, narrow: charts.Narrow = False) -> Response:
    """How often each reviewer says the same as a second person, with intervals."""
    rows = _shares(reviewers_overall(visit.connection, since=visit.now - _WEEKS))
    if not rows:
        raise Problem("not-found")
    axis = "Agreement, per cent" if narrow else "Agreement with a second person, per cent"
    return charts.svg_response(charts.shares(rows, axis, narrow=narrow))


@router.get("/review/known")
def known_page(request: Request, visit: Steward) -> Response:
    """Pairs of known answer, and how reviewers answered them."""
    return _known(request, visit, {})


@router.post("/review/known")
def mark_pair(
    request: Request,
    change: StewardActs,
    source_l: Typed = "",
    record_id_l: Typed = "",
    source_r: Typed = "",
    record_id_r: Typed = "",
    kind: Typed = "",
) -> Response:
    """Let a pair measure reviewers from now on."""
    one, other = (source_l, record_id_l.strip()), (source_r, record_id_r.strip())
    typed = {
        "source_l": source_l,
        "record_id_l": record_id_l,
        "source_r": source_r,
        "record_id_r": record_id_r,
        "kind": kind,
    }
    errors = _missing(change, typed)
    if errors:
        raise Instead(_known(request, change, typed, errors))
    try:
        number = mark_known(
            change.connection,
            one=one,
            other=other,
            kind=kind,
            by=change.caller.name,
            now=change.now,
        )
    except ActError as error:
        errors = {"record_id_l": sentence(_by_title(change, str(error), source_l, source_r))}
        raise Instead(_known(request, change, typed, errors)) from None
    return see(
        request, "/review/known", said=f"Known pair {number} measures reviewers from now on."
    )


def _by_title(change: Access, message: str, *sources: str) -> str:
    """The message with a system that it begins with called as the page calls it."""
    for source in sources:
        if message.startswith(f"{source} "):
            return called(source, change.service.offered.book.titles) + message[len(source) :]
    return message


@router.post("/review/known/{number}/end")
def end_pair(request: Request, number: int, change: StewardActs) -> Response:
    """Hand a known pair out no more. What was said of it stays."""
    try:
        end_known(change.connection, number, by=change.caller.name, now=change.now)
    except (ActError, OverflowError):
        raise Problem("not-found") from None
    return see(request, "/review/known", said=f"Known pair {number} is handed out no more.")


def _missing(change: Access, typed: dict[str, str]) -> dict[str, str]:
    errors = {}
    for side, which in (("l", "first"), ("r", "second")):
        if typed[f"source_{side}"] not in change.view.named:
            errors[f"source_{side}"] = f"Choose the system of the {which} record"
        if not typed[f"record_id_{side}"].strip():
            errors[f"record_id_{side}"] = f"Enter the id of the {which} record"
    if typed["kind"] not in ("match", "non_match"):
        errors["kind"] = "Say whether the two are one child"
    return errors


def _known(
    request: Request,
    visit: Access,
    typed: dict[str, str],
    errors: dict[str, str] | None = None,
) -> Response:
    found = known_pairs(visit.connection, visit.view)
    visit.saw(*(f"record {n}" for one in found for n in (one.pair.low, one.pair.high)))
    return page(
        request,
        "review/known.html",
        title="Pairs of known answer",
        status=422 if errors else 200,
        errors=errors,
        typed=typed,
        known=found,
        sources=sorted(visit.view.named),
        **words_for_templates(),
    )


def _shares(overall: list[ReviewerWeek]) -> list[Share]:
    return [
        Share(
            plain(one.by),
            100 * one.agreed.value,
            100 * one.agreed.interval.lower,
            100 * one.agreed.interval.upper,
        )
        for one in overall
        if one.agreed.value is not None and one.agreed.interval is not None
    ]
