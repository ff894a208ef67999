"""What a reviewer has answered: the weights of the pair, and taking the answer back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import altair as alt
from fastapi import Form, Request, Response

from api.rest.access import Access
from api.rest.problems import Problem
from api.rest.reviewing import reviewer_of
from api.services.register.acts import ActError
from api.services.register.conflicts import CONTRADICTION
from api.services.review.context import fields_of
from api.services.review.given import Given, given_answer
from api.services.review.pairs import UnknownPairError, shown_keys
from api.services.review.surroundings import clashing
from api.services.review.taking import take_again
from api.services.review.undoing import (
    Made,
    NotYoursError,
    made_decision,
    undo_latest,
    undo_one,
    undone_with,
)
from api.services.review.waiting import counts_for
from api.services.review.weights import Weighed, as_kept, weighed_now
from api.web import charts
from api.web.access import page_router
from api.web.pages import Instead, page, see
from api.web.refusals import local
from api.web.review_part import (
    Change,
    Part,
    PartOfQueue,
    Visit,
    answers_today,
    name_parts,
    needed_rules,
    two_end,
    words_for_templates,
)
from api.web.text import COMPANY, as_typed, sentence

router = page_router()

# Not limited here: what is too long is said beside the field.
Why = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a weight in bits, and what the parts come to with it."""

    title: str
    found: str
    weight: float
    after: float


@dataclass(frozen=True, slots=True)
class Changed:
    """A part that is otherwise by now; in bits, none where it is not there."""

    title: str
    then: Step | None
    now: Step | None


@router.get("/review/answers/{number}")
def answer_page(request: Request, number: int, visit: Visit, part: PartOfQueue) -> Response:
    """What was answered, the way to the next pair, and what the weight was made of then."""
    return _answer_page(request, visit, number, part)


@router.get("/review/answers/{number}/weights.svg")
def weights_chart(number: int, visit: Visit, narrow: charts.Narrow = False) -> Response:
    """The parts of the weight, each beginning where the one before ends."""
    given = _given(visit, number)
    then, _ = _weights(visit, given)
    if then is None:
        raise Problem("not-found")
    visit.saw(*(f"record {record}" for record in (given.pair.low, given.pair.high)))
    lines = (then.thresholds.lower, then.thresholds.upper) if _lies_between(then) else ()
    return charts.svg_response(_drawn(_steps(then), lines, narrow=narrow))


@router.post("/review/undo")
def undo_answer(
    request: Request,
    change: Change,
    part: PartOfQueue,
    why: Why = "",
    number: Annotated[int, Form()] = 0,
) -> Response:
    """Take back the answer on the page, ``number``, whatever became of it; the last without.

    Then its pair is shown again, if it can be.
    """
    if number:
        _given(change, number)
    try:
        undone = undo_latest(
            change.connection,
            needed_rules(change)[1],
            reviewer_of(change),
            why=as_typed(why),
            now=change.now,
            answer=number or None,
        )
    except ActError as error:
        raise Instead(
            _answer_page(
                request, change, number, part, wrong=sentence(str(error)), why=as_typed(why)
            )
        ) from None
    change.saw(*(f"record {record}" for record in (undone.pair.low, undone.pair.high)))
    again = take_again(
        change.connection,
        change.service.aside,
        needed_rules(change)[1],
        reviewer_of(change),
        undone.pair,
        known=undone.known,
        now=change.now,
    )
    if again:
        said = "Your answer is undone. You can answer the pair again."
        return see(request, f"/review/pairs/{undone.pair}{part.query}", said=said)
    said = "Your answer is undone. The pair waits again."
    return see(request, f"/review{part.query}", said=said)


@router.post("/review/decisions/{number}/undo")
def undo_decision(
    request: Request,
    number: int,
    change: Change,
    why: Why = "",
    next: Annotated[str, Form(max_length=400)] = "/review",
) -> Response:
    """Take a decision back: one's own latest one, or any for senior reviewers."""
    try:
        if not 0 < number < 2**63:
            raise Problem("not-found")
        undone = undo_one(
            change.connection,
            needed_rules(change)[1],
            reviewer_of(change),
            number,
            why=as_typed(why),
            now=change.now,
        )
    except ActError as error:
        wrong, theirs = sentence(str(error)), isinstance(error, NotYoursError)
        if theirs:
            wrong += ". Ask a senior reviewer to undo it"
        raise Instead(
            page(
                request,
                "review/undo.html",
                title="Undo a decision",
                status=403 if theirs else 422,
                errors={"why": wrong},
                number=number,
                decision=None if theirs else _decision(change, number),
                decisions=undone_with(change.connection, [number])[number],
                next=local(next),
                why=as_typed(why),
                **words_for_templates(),
            )
        ) from None
    change.saw(*(f"record {record}" for record in (undone.pair.low, undone.pair.high)))
    said = "The decision is undone. It ends with the next run."
    if undone.decisions > 1:
        said = (
            f"The change that it was part of is undone as a whole, {undone.decisions} decisions. "
            "It ends with the next run."
        )
    return see(request, local(next), said=said)


def _answer_page(
    request: Request,
    visit: Access,
    number: int,
    part: Part,
    *,
    wrong: str | None = None,
    why: str = "I chose the wrong answer",
) -> Response:
    given = _given(visit, number)
    then, now = _weights(visit, given)
    keys = shown_keys(visit.connection, visit.view, [given.pair.low, given.pair.high])
    visit.saw(*(f"record {record}" for record in (given.pair.low, given.pair.high)))
    sides, fields = fields_of(visit.connection, needed_rules(visit), reviewer_of(visit), given.pair)
    clashed = (
        clashing(visit.connection, visit.view, given.pair, CONTRADICTION)
        if given.unfollowed
        else ()
    )
    # Beside the field where there still is one.
    field = "undo-why" if given.latest or given.waits_as else ""
    errors = {field: wrong} if wrong else None
    return page(
        request,
        "review/answer.html",
        title="Your answer",
        status=422 if errors else 200,
        errors=errors,
        given=given,
        keys=list(keys.values()),
        numbered=list(keys.items()),
        sides=sides,
        fields=fields,
        parts=name_parts(visit, fields),
        done=answers_today(visit),
        # In tens, or a pair of known answer would show by not being one less.
        left=sum(counts_for(visit.connection, reviewer_of(visit)).values()) // 10 * 10,
        then=then,
        now=now,
        steps=_steps(then) if then else [],
        changed=_changed(then, now) if then and now else [],
        between=then is not None and _lies_between(then),
        clashing=clashed,
        undone_with=undone_with(visit.connection, [one.id for one in clashed]),
        two_end_it=two_end(needed_rules(visit)[1], CONTRADICTION),
        part=part,
        why=why,
        **words_for_templates(),
    )


def _decision(visit: Access, number: int) -> Made | None:
    found = made_decision(visit.connection, visit.view, number)
    visit.saw(*(f"record {record}" for record in (found.records if found else ())))
    return found


def _given(visit: Access, number: int) -> Given:
    found = None
    if 0 < number < 2**63:
        found = given_answer(visit.connection, number, reviewer_of(visit))
    if found is None:
        raise Problem("not-found")
    return found


def _weights(visit: Access, given: Given) -> tuple[Weighed | None, Weighed | None]:
    """What the weight was made of when it was answered, and is by now."""
    try:
        now = weighed_now(visit.connection, reviewer_of(visit), given.pair)
    except UnknownPairError:
        raise Problem("not-found") from None
    then = as_kept(given.weighed, now) if given.weighed is not None and now is not None else None
    return then, now


def _lies_between(weighed: Weighed) -> bool:
    """Whether the pair waited because of its weight. Of others the thresholds say nothing."""
    return weighed.thresholds.lower <= weighed.weight < weighed.thresholds.upper


def _changed(then: Weighed, now: Weighed) -> list[Changed]:
    """What is otherwise by now, as far as it shows."""
    before, after = ({one.title: one for one in _steps(weighed)} for weighed in (then, now))
    titles = [*before, *(title for title in after if title not in before)]
    changed = [Changed(title, before.get(title), after.get(title)) for title in titles]
    return [one for one in changed if _as_shown(one.then) != _as_shown(one.now)]


def _as_shown(step: Step | None) -> tuple[str, str] | None:
    return (step.found, f"{step.weight:+.1f}") if step else None


def _steps(weighed: Weighed) -> list[Step]:
    """The parts in their order; of those that say nothing, or may not be seen, none."""
    parts = [("Before looking", "How likely any two such records are one child", weighed.prior)]
    parts += [
        (one.title, one.sentence or "", one.weight or 0.0)
        for one in weighed.parts
        if one.weight or one.sentence
    ]
    if weighed.company:
        parts.append((*COMPANY, weighed.company))
    steps, after = [], 0.0
    for title, found, weight in parts:
        after += weight
        steps.append(Step(title, found, weight, after))
    return steps


def _drawn(steps: list[Step], thresholds: Sequence[float], *, narrow: bool) -> str:
    """A waterfall: what speaks for a match goes to the right, what speaks against to the left."""
    rows: list[dict[str, Any]] = [
        {
            "title": charts.name(one.title, narrow=narrow),
            "from": one.after - one.weight,
            "to": one.after,
            "end": max(one.after, one.after - one.weight),
            "bits": f"{one.weight:+.1f}".replace("-", "−"),
            "way": "for a match" if one.weight >= 0 else "against a match",
        }
        for one in steps
    ]
    total = steps[-1].after
    rows.append(
        {
            "title": "Together",
            "from": 0.0,
            "to": total,
            "end": max(total, 0.0),
            "bits": f"{total:+.1f}".replace("-", "−"),
            "way": "together",
        }
    )
    base = alt.Chart(alt.InlineData(values=rows))
    y = alt.Y("title:N", sort=None, title=None, axis=charts.names(narrow=narrow))
    colour = alt.Scale(
        domain=["for a match", "against a match", "together"],
        range=[charts.BLUE, charts.RED, charts.GREY],
    )
    bars = base.mark_bar(size=20).encode(
        y=y,
        x=alt.X("from:Q", title="Match weight, in bits"),
        x2="to:Q",
        color=alt.Color("way:N", title=None, scale=colour, legend=alt.Legend(orient="top")),
    )
    texts = base.mark_text(align="left", dx=6, color=charts.BLACK).encode(
        y=y, x="end:Q", text="bits:N"
    )
    lines = (
        alt.Chart(alt.InlineData(values=[{"at": one} for one in thresholds]))
        .mark_rule(color=charts.BLACK, strokeWidth=2, strokeDash=[6, 4])
        .encode(x="at:Q")
    )
    drawn = lines + bars + texts if thresholds else bars + texts
    size = {"width": charts.BESIDE_NAMES, "height": {"step": 46}}
    if not narrow:
        size = {"width": 520, "height": {"step": 34}}
    return charts.svg(drawn.properties(**size), narrow=narrow)
