"""The pair that a reviewer has in hand: what is shown of it, and what they can do with it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated

from fastapi import Form, Request, Response

from api.db.engine import reading, writing
from api.rest.access import Access
from api.rest.problems import Problem
from api.rest.reviewing import reviewer_of, told_of
from api.services.register.acts import ActError
from api.services.register.severances import are_severed
from api.services.review import leases
from api.services.review.answering import NO_REASON, answer, refer
from api.services.review.changed import changed_records
from api.services.review.context import context_of
from api.services.review.given import last_answer, same_answer
from api.services.review.leases import Lease
from api.services.review.pairs import (
    PairId,
    StaleError,
    TakenError,
    UnknownPairError,
    may_see_pair,
)
from api.services.review.revealing import reveal
from api.services.review.surroundings import Earlier, earlier_decisions
from api.services.review.taking import can_take, take_pair
from api.services.review.undoing import last_to_undo, undone_with
from api.web.access import page_router
from api.web.pages import Instead, page, see
from api.web.review_part import (
    Change,
    Part,
    PartOfQueue,
    Visit,
    go_on,
    name_parts,
    needed_rules,
    pair_of,
    two_end,
    words_for_templates,
)
from api.web.text import as_typed, moment, sentence

router = page_router()

# Since when an answer can be what ended the lease of whoever had the pair in hand.
_LATELY = timedelta(days=1)

# Not limited here: what is too long is said beside the field, with what was written still in it.
Why = Annotated[str, Form()]
Shown = Annotated[str, Form(max_length=80)]


@router.get("/review/pairs/{pair}")
def pair_page(request: Request, pair: str, visit: Visit, part: PartOfQueue) -> Response:
    """Both records side by side, with what stands around them, as they are now."""
    return _in_hand(request, visit, pair_of(pair), part)


@router.post("/review/pairs/{pair}/again")
def look_again(
    request: Request, pair: str, visit: Visit, part: PartOfQueue, why: Why = ""
) -> Response:
    """The same after it changed, with the reason that was written before."""
    return _in_hand(request, visit, pair_of(pair), part, why)


@router.post("/review/pairs/{pair}/answer")
def answer_pair(
    request: Request,
    pair: str,
    change: Change,
    part: PartOfQueue,
    kind: Annotated[str, Form(max_length=20)] = "",
    why: Why = "",
    token: Shown = "",
    etag: Shown = "",
) -> Response:
    """Match, not a match, or cannot tell; then the weights are shown."""
    identity, rules = pair_of(pair), needed_rules(change)[1]
    with (
        _refused(request, change, identity, part, token, why),
        _given_before(request, change, identity, part, kind, why),
    ):
        outcome = answer(
            change.connection,
            change.service.aside,
            rules,
            reviewer_of(change),
            identity,
            kind=kind,
            why=as_typed(why),
            token=token,
            etag=etag,
            now=change.now,
        )
    change.saw(*(f"record {record}" for record in (identity.low, identity.high)))
    return see(request, _answer_at(outcome.answer, part))


@router.post("/review/pairs/{pair}/refer")
def refer_pair(
    request: Request, pair: str, change: Change, part: PartOfQueue, why: Why = "", token: Shown = ""
) -> Response:
    """Leave the pair to senior reviewers, and go on with the next one."""
    identity = pair_of(pair)
    with _refused(request, change, identity, part, token, why):
        refer(
            change.connection,
            change.service.aside,
            reviewer_of(change),
            identity,
            note=as_typed(why),
            token=token,
            now=change.now,
        )
    return go_on(request, change, part, said="The pair is referred to senior reviewers.")


@router.post("/review/pairs/{pair}/skip")
def skip_pair(
    request: Request, pair: str, visit: Visit, part: PartOfQueue, token: Shown = ""
) -> Response:
    """Give the pair back, and go on with the next one."""
    with (
        _refused(request, visit, pair_of(pair), part, token),
        writing(visit.service.aside) as beside,
    ):
        leases.skip(
            beside, leases.require(beside, pair_of(pair), token, visit.caller.name), visit.now
        )
    return go_on(request, visit, part)


@router.post("/review/pairs/{pair}/release")
def release_pair(
    request: Request, pair: str, visit: Visit, part: PartOfQueue, token: Shown = ""
) -> Response:
    """Give the pair back, and stop."""
    with (
        _refused(request, visit, pair_of(pair), part, token),
        writing(visit.service.aside) as beside,
    ):
        leases.release(beside, leases.require(beside, pair_of(pair), token, visit.caller.name))
    return see(request, f"/review{part.query}", said="The pair is given back.")


@router.post("/review/pairs/{pair}/renew")
def renew_pair(
    request: Request, pair: str, visit: Visit, part: PartOfQueue, token: Shown = ""
) -> Response:
    """Keep the pair for longer."""
    identity, minutes = pair_of(pair), needed_rules(visit)[1].lease_minutes
    with _refused(request, visit, identity, part, token), writing(visit.service.aside) as beside:
        lease = leases.require(beside, identity, token, visit.caller.name)
        leases.renew(beside, lease, now=visit.now, minutes=minutes)
    return see(request, f"/review/pairs/{identity}{part.query}")


@router.post("/review/pairs/{pair}/reveal")
def reveal_field(
    request: Request,
    pair: str,
    visit: Visit,
    part: PartOfQueue,
    field: Annotated[str, Form(max_length=40)] = "",
    token: Shown = "",
) -> Response:
    """Show a masked field of both records, which is kept in the access log."""
    identity, rules = pair_of(pair), needed_rules(visit)[1]
    with _refused(request, visit, identity, part, token):
        reveal(
            visit.service.aside,
            rules,
            reviewer_of(visit),
            identity,
            fields=[field],
            token=token,
            now=visit.now,
        )
    visit.saw(*(f"record {record} {field}" for record in (identity.low, identity.high)))
    return see(request, f"/review/pairs/{identity}{part.query}#field-{field}")


def _in_hand(
    request: Request, visit: Access, wanted: PairId, part: Part, why: str = ""
) -> Response:
    reviewer = reviewer_of(visit)
    with reading(visit.service.aside) as beside:
        lease = leases.in_hand(beside, reviewer.by, visit.now)
    if lease is not None and lease.pair == wanted:
        rules = needed_rules(visit)[1]
        lease = take_pair(
            visit.connection, visit.service.aside, rules, reviewer, wanted, now=visit.now
        )
        if lease is not None:
            return _shown(request, visit, lease, part, why=as_typed(why))
    return _lost(request, visit, wanted, part)


def _shown(
    request: Request,
    visit: Access,
    lease: Lease,
    part: Part,
    *,
    why: str = "",
    errors: Mapping[str, str] | None = None,
) -> Response:
    rules = needed_rules(visit)
    try:
        context = context_of(visit.connection, rules, reviewer_of(visit), lease)
    except UnknownPairError:
        raise Problem("not-found") from None
    visit.saw(*told_of(context))
    visit.saw(
        *(f"record {side.record} {field}" for field in sorted(lease.revealed)
          for side in (context.l, context.r))
    )  # fmt: skip
    return page(
        request,
        "review/pair.html",
        title="Are these one child?",
        status=422 if errors else 200,
        errors=errors,
        context=context,
        to_undo=last_to_undo(visit.connection, rules[1], reviewer_of(visit)),
        two_end_it=two_end(rules[1], context.waits_as),
        undone_with=undone_with(visit.connection, [one.id for one in context.clashing]),
        parts=name_parts(visit, context.fields),
        lease=lease,
        seconds=round((lease.expires_at - visit.now).total_seconds()),
        until=moment(lease.expires_at).split(" at ")[1],
        part=part,
        why=why,
        **words_for_templates(),
    )


def _answer_at(number: int, part: Part) -> str:
    return f"/review/answers/{number}{part.query}#next"


@contextmanager
def _given_before(
    request: Request, visit: Access, pair: PairId, part: Part, kind: str, why: str
) -> Iterator[None]:
    """Show the answer that was kept, where a form that was sent twice is refused for it."""
    try:
        yield
    except TakenError:
        said = as_typed(why) or NO_REASON
        kept = same_answer(visit.connection, pair, by=visit.caller.name, kind=kind, why=said)
        if kept is None:
            raise
        raise Instead(see(request, _answer_at(kept, part))) from None


@contextmanager
def _refused(
    request: Request, visit: Access, pair: PairId, part: Part, token: str, why: str = ""
) -> Iterator[None]:
    """Say on a page what the services refuse; what was written is kept in its field."""
    try:
        yield
    except TakenError:
        raise Instead(_lost(request, visit, pair, part, as_typed(why))) from None
    except StaleError as error:
        raise Instead(_changed(request, visit, pair, part, error, as_typed(why))) from None
    except ActError as error:
        with reading(visit.service.aside) as beside:
            lease = leases.require(beside, pair, token, visit.caller.name)
        errors = {"why": sentence(str(error))}
        raise Instead(
            _shown(request, visit, lease, part, why=as_typed(why), errors=errors)
        ) from None


def _lost(request: Request, visit: Access, pair: PairId, part: Part, why: str = "") -> Response:
    """Whose the pair is now, or what became of it, as far as that is known; and how to go on.

    A reason that was written is given back.
    """
    with reading(visit.service.aside) as beside:
        anothers = leases.is_anothers(beside, pair, visit.caller.name, visit.now)
        in_hand = leases.in_hand(beside, visit.caller.name, visit.now)
        skipped = leases.skipped_at(beside, pair, visit.caller.name)
    own = last_answer(visit.connection, pair, by=visit.caller.name, since=visit.now - _LATELY)
    decided = [] if anothers or own else _decided_lately(visit, pair)
    title = "You do not have this pair"
    if anothers:
        title = "Somebody else has this pair now"
    elif own:
        title = "You have answered this pair"
    elif decided:
        title = "Somebody has decided this pair"
    elif skipped:
        title = "You skipped this pair"
    elif in_hand:
        title = "You have another pair now"
    return page(
        request,
        "review/lost.html",
        title=title,
        status=409,
        part=part,
        pair=pair,
        anothers=anothers,
        answered=own.id if own else None,
        decisions=decided,
        skipped=skipped,
        in_hand=in_hand.pair if in_hand else None,
        waits=can_take(visit.connection, reviewer_of(visit), pair),
        why=why,
        **words_for_templates(),
    )


def _decided_lately(visit: Access, pair: PairId) -> list[Earlier]:
    """The last decision on a pair, if it may be what ended their lease, and they may see it."""
    if not may_see_pair(visit.connection, visit.view, pair):
        return []
    if are_severed(visit.connection, pair.low, pair.high):
        return []
    visit.saw(*(f"record {record}" for record in pair.records))
    made = earlier_decisions(visit.connection, pair)[:1]
    return [one for one in made if not one.undone and one.at > visit.now - _LATELY]


def _told_apart(changes: Sequence[str]) -> list[str]:
    """What has changed besides the records' own values; a weight only if these are as they were.

    A weight moves with the values that it is made of, which are told already.
    """
    own = {"record_l", "record_r"}.intersection(changes)
    told = {"decisions", "page"} if own else {"decisions", "page", "weight"}
    return [one for one in changes if one in told]


def _changed(
    request: Request, visit: Access, pair: PairId, part: Part, error: StaleError, why: str
) -> Response:
    """What is otherwise than the reviewer was shown, and who decided meanwhile."""
    with reading(visit.service.aside) as beside:
        lease = leases.in_hand(beside, visit.caller.name, visit.now)
    known = lease is not None and lease.known is not None
    decided = "decisions" in error.changes and not known
    records = []
    if lease is not None and lease.pair == pair:
        records = changed_records(
            visit.connection, needed_rules(visit)[1], reviewer_of(visit), lease
        )
    visit.saw(*(f"record {record}" for record in (pair.low, pair.high)))
    return page(
        request,
        "review/changed.html",
        title="The pair has changed since you were shown it",
        status=412,
        part=part,
        pair=pair,
        changes=_told_apart(error.changes),
        records=records,
        decisions=earlier_decisions(visit.connection, pair)[:1] if decided else [],
        why=why,
        **words_for_templates(),
    )
