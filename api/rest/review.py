"""Review: pairs that wait for a person, handed out under leases, and what people say of them."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Response

from api.db.engine import reading, writing
from api.rest.access import Access, Write
from api.rest.allowed import KeyHeader, reads, writes
from api.rest.etags import TAGGED, IfMatch, names
from api.rest.guarding import GuardedRoute
from api.rest.problems import Problem, acting
from api.rest.review_models import (
    LeaseModel,
    LeaseToken,
    NextWanted,
    OutcomeModel,
    PairAnswer,
    PairModel,
    PairReferral,
    ReferralModel,
    RevealFields,
    UndoAnswer,
    UndoneModel,
)
from api.rest.review_telling import pair_model, weights_model
from api.rest.reviewing import Rules, reviewer_of, rules_of, told_of, told_plainly
from api.services.access.roles import Permission
from api.services.register.acts import ActError, keys_of
from api.services.review import leases
from api.services.review.answering import answer, refer
from api.services.review.context import context_of
from api.services.review.leases import Lease
from api.services.review.pairs import (
    PairId,
    TakenError,
    UnknownPairError,
)
from api.services.review.revealing import reveal
from api.services.review.taking import take_next, take_pair
from api.services.review.undoing import undo_latest
from api.services.review.waiting import Wanted
from api.services.review.weights import weights_of

router = APIRouter(route_class=GuardedRoute, prefix="/review", tags=["review"])

_READS = reads(Permission.REVIEW_PAIRS)
_WRITES = writes(Permission.REVIEW_PAIRS)

PairPath = Annotated[
    str,
    Path(
        pattern=r"^[0-9]{1,19}-[0-9]{1,19}$",
        description="As `next` or the queue names it.",
        examples=["1042-2077"],
    ),
]
_NOTHING: dict[int | str, dict[str, Any]] = {204: {"description": "Nothing waits for you"}}
_TAGGED: dict[int | str, dict[str, Any]] = {200: {"headers": TAGGED}}


@router.post(
    "/next",
    summary="Take the next pair",
    response_model=PairModel,
    responses={**_NOTHING, **acting("in-hand"), **_TAGGED},
)
def take_next_pair(
    access: Annotated[Access, _READS],
    wanted: Annotated[NextWanted | None, Body()] = None,
    _key: KeyHeader = None,
) -> Response:
    """The pair of which a decision is worth most, and that nobody else has. It is yours until
    `expires_at`; nobody else gets it before. While you have one, you get the same one again, as
    it stands now, so the same request again has no second effect.

    The `ETag` is that of the state that you are shown: send it back as `If-Match` when you
    decide. 204 if nothing waits for you. 409 `in-hand`, with `pair`, if you ask for a part of the
    queue and have a pair that is of another: answer it, or give it back.
    """
    asked = wanted or NextWanted()
    rules = rules_of(access)
    lease = rules and take_next(
        access.connection,
        access.service.aside,
        rules[1],
        reviewer_of(access),
        now=access.now,
        wanted=Wanted(kind=asked.kind, source=asked.source),
    )
    if not rules or not lease:
        access.status = 204
        return Response(status_code=204)
    sources = {key[0] for key in keys_of(access.connection, [*lease.pair.records]).values()}
    if asked.kind not in (None, lease.kind) or asked.source not in (None, *sources):
        raise Problem("in-hand", pair=str(lease.pair))
    return _shown(access, rules, lease)


@router.post(
    "/{pair}/take",
    summary="Take a pair of the queue",
    response_model=PairModel,
    responses={**acting("not-found", "taken"), **_TAGGED},
)
def take_one_pair(
    pair: PairPath, access: Annotated[Access, _READS], _key: KeyHeader = None
) -> Response:
    """Like `next`, with a pair of your choice; the one that you have is given back for it."""
    rules = rules_of(access)
    with told_plainly():
        wanted = PairId.parse(pair)
        lease = rules and take_pair(
            access.connection,
            access.service.aside,
            rules[1],
            reviewer_of(access),
            wanted,
            now=access.now,
        )
        if not rules or not lease:
            raise _why_not(access, wanted)
    return _shown(access, rules, lease)


@router.post(
    "/{pair}/decision",
    summary="Decide a pair",
    response_model=OutcomeModel,
    responses=acting(
        "not-found", "taken", "not-in-hand", "conflict", "stale", "precondition-required"
    ),
)
def decide_pair(
    pair: PairPath,
    said: PairAnswer,
    write: Annotated[Write, _WRITES],
    if_match: IfMatch = None,
) -> Response:
    """Say whether the two are one child, and why. It takes effect with the next run, which is
    queued: one run for all decisions that are made until it begins.

    409 `taken` if somebody else has the pair by now, `not-in-hand` if you do not; 412 `stale`,
    with `changes`, if it is otherwise than you were shown. With the answer come the weights of
    the pair.
    """
    if if_match is None:
        raise Problem("precondition-required")
    rules, reviewer = rules_of(write), reviewer_of(write)
    with told_plainly():
        identity = PairId.parse(pair)
        if rules is None:
            raise UnknownPairError("there is no such pair")
        with reading(write.service.aside) as beside:
            shown = leases.require(beside, identity, said.token, reviewer.by).etag
        outcome = answer(
            write.connection,
            write.service.aside,
            rules[1],
            reviewer,
            identity,
            kind=said.decision,
            why=said.why,
            token=said.token,
            etag=shown if names(if_match, f'"{shown}"') else "",
            now=write.now,
        )
        weights = weights_of(write.connection, reviewer, identity)
    write.saw(*(f"record {record}" for record in (identity.low, identity.high)))
    return write.answer(
        OutcomeModel(
            answer=outcome.answer,
            state=outcome.state,  # type: ignore[arg-type]
            decision=outcome.decision,
            weights=weights_model(weights),
        )
    )


@router.post(
    "/{pair}/refer",
    summary="Refer a pair",
    response_model=ReferralModel,
    responses=acting("not-found", "taken", "not-in-hand", "conflict"),
)
def refer_pair(pair: PairPath, said: PairReferral, write: Annotated[Write, _WRITES]) -> Response:
    """Leave the pair in your hand to senior reviewers, who get it before all others."""
    with told_plainly():
        number = refer(
            write.connection,
            write.service.aside,
            reviewer_of(write),
            PairId.parse(pair),
            note=said.note,
            token=said.token,
            now=write.now,
        )
    return write.answer(ReferralModel(referral=number))


@router.post(
    "/{pair}/skip",
    summary="Skip a pair",
    status_code=204,
    responses=acting("not-found", "taken", "not-in-hand"),
)
def skip_pair(
    pair: PairPath, said: LeaseToken, access: Annotated[Access, _READS], _key: KeyHeader = None
) -> None:
    """Give the pair back. You do not get it again before others had it or some time passed."""
    with told_plainly(), writing(access.service.aside) as beside:
        lease = leases.require(beside, PairId.parse(pair), said.token, access.caller.name)
        leases.skip(beside, lease, access.now)


@router.post(
    "/{pair}/release",
    summary="Give a pair back",
    status_code=204,
    responses=acting("not-found", "taken", "not-in-hand"),
)
def release_pair(
    pair: PairPath, said: LeaseToken, access: Annotated[Access, _READS], _key: KeyHeader = None
) -> None:
    """It is free at once, for you as for others."""
    with told_plainly(), writing(access.service.aside) as beside:
        lease = leases.require(beside, PairId.parse(pair), said.token, access.caller.name)
        leases.release(beside, lease)


@router.post(
    "/{pair}/renew",
    summary="Keep a pair for longer",
    responses=acting("not-found", "taken", "not-in-hand"),
)
def renew_pair(
    pair: PairPath, said: LeaseToken, access: Annotated[Access, _READS], _key: KeyHeader = None
) -> LeaseModel:
    """The lease begins anew. One that has expired can be renewed while nobody took the pair."""
    rules = rules_of(access)
    with told_plainly(), writing(access.service.aside) as beside:
        lease = leases.require(beside, PairId.parse(pair), said.token, access.caller.name)
        minutes = rules[1].lease_minutes if rules else 0
        renewed = leases.renew(beside, lease, now=access.now, minutes=minutes)
    return LeaseModel(pair=str(renewed.pair), expires_at=renewed.expires_at)


@router.post(
    "/{pair}/reveal",
    summary="See masked fields",
    response_model=PairModel,
    responses={**acting("not-found", "taken", "not-in-hand", "conflict"), **_TAGGED},
)
def reveal_fields(
    pair: PairPath, said: RevealFields, access: Annotated[Access, _READS], _key: KeyHeader = None
) -> Response:
    """Have masked fields of the pair in your hand shown. That you saw them is in the access log."""
    rules = rules_of(access)
    with told_plainly():
        identity = PairId.parse(pair)
        if rules is None:
            raise UnknownPairError("there is no such pair")
        lease = reveal(
            access.service.aside,
            rules[1],
            reviewer_of(access),
            identity,
            fields=said.fields,
            token=said.token,
            now=access.now,
        )
        access.saw(
            *(f"record {n} {name}" for n in (identity.low, identity.high)
              for name in sorted(set(said.fields)))
        )  # fmt: skip
        return _shown(access, rules, lease)


@router.post(
    "/undo",
    summary="Take your last answer back",
    response_model=UndoneModel,
    responses=acting("conflict"),
)
def undo_answer(said: UndoAnswer, write: Annotated[Write, _WRITES]) -> Response:
    """Whatever became of it: a decision is undone with the next run, and an answer without
    effect counts no more. The pair waits again. Name an older `answer` of yours to take that back
    instead, where the queue lists it with the pair: it waits for others to answer.

    409 for a decision that a contradiction comes of, where two people decide these.
    """
    rules = rules_of(write)
    with told_plainly():
        undone = undo_latest(
            write.connection,
            rules and rules[1],
            reviewer_of(write),
            why=said.why,
            now=write.now,
            answer=said.answer,
        )
    write.saw(*(f"record {record}" for record in (undone.pair.low, undone.pair.high)))
    return write.answer(
        UndoneModel(pair=str(undone.pair), answer=undone.answer, entry=undone.entry)
    )


def _why_not(access: Access, pair: PairId) -> ActError:
    """Why a pair cannot be taken."""
    with reading(access.service.aside) as beside:
        if pair in leases.taken(beside, access.now):
            return TakenError("somebody else has this pair now")
    return UnknownPairError("no such pair waits for you")


def _shown(access: Access, rules: Rules, lease: Lease) -> Response:
    with told_plainly():
        context = context_of(access.connection, rules, reviewer_of(access), lease)
    access.saw(*told_of(context))
    model = pair_model(context, lease)
    headers = {"ETag": f'"{lease.etag}"', "Cache-Control": "no-store"}
    return Response(model.model_dump_json(), headers=headers, media_type="application/json")
