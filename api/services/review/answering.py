"""What a reviewer says of the pair in hand, and what becomes of it.

Most answers are entered as decisions at once. Where two people must decide, the first
answer waits; if the second says the same it is entered, else a senior reviewer settles it.
Answers to known pairs are kept and decide nothing. Whoever answers is told only whether
a decision was entered, so that nobody knows which pairs are decided twice, or known; but for
conflicts, and for senior reviewers whose answer is one of two that differ: these see in their list
that it waits for others.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from api.db.engine import reading, writing
from api.db.models import Decision, Job, JobState, Record, Referral, ReviewAnswer
from api.services.access.audit import note_act
from api.services.jobs import LINK
from api.services.register.acts import ActError, keys_of, require_reason
from api.services.register.deciding import check_can_decide, decide
from api.services.review import leases
from api.services.review.ending import end_leases
from api.services.review.given import last_answer
from api.services.review.known import VOID
from api.services.review.leases import Lease
from api.services.review.pairs import (
    AnsweredError,
    InHandError,
    NotInHandError,
    PairId,
    Reviewer,
    StaleError,
    UnknownPairError,
)
from api.services.review.second import TwoDecideError, settles_alone, two_must_decide
from api.services.review.sections import DIFFERS, KNOWN, REFERRED, SETTLED, WAITING
from api.services.review.state import changes_since, state_of
from api.services.review.taking import check_unchanged
from api.services.review.waiting import kind_in_queue, waits_for_seniors
from api.services.review.weights import to_keep
from api.services.work import enqueue
from matcher.rules.review import ReviewRules, draw_of

ENTERED, NOTED = "entered", "noted"

# What is kept where a reviewer gives no reason: nothing is said in their name.
NO_REASON = "No reason given"

# Since when an answer can be what ended a lease.
_LATELY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an answer.

    ``state`` is entered, with the number of the decision, or noted: kept, without effect so far.
    """

    answer: int
    state: str
    decision: int | None


@dataclass(frozen=True, slots=True)
class Said:
    """An answer. ``read`` is a hash of what the two records said.

    ``seconds`` is how long the reviewer had the pair; none of one that was not handed out.
    """

    pair: PairId
    kind: str
    why: str
    reviewer: Reviewer
    at: datetime
    seconds: float | None
    read: str


def answer(
    connection: Connection,
    aside: Engine,
    rules: ReviewRules,
    reviewer: Reviewer,
    pair: PairId,
    *,
    kind: str,
    why: str | None,
    token: str,
    etag: str,
    now: datetime,
) -> Outcome:
    """Keep what the reviewer says of the pair: match, non_match or cannot_tell, and why.

    Args:
        connection: a transaction that may write; a decision takes effect with the next run,
            which is queued.
        aside: the database of `api.db.aside`.
        rules: the review rules of the register.
        reviewer: who says it.
        pair: what about.
        kind: match, non_match or cannot_tell.
        why: in the reviewer's words; without any, that none was given is kept.
        token: of the lease.
        etag: of the state that the reviewer was shown.
        now: when.

    Raises TakenError if the pair is not theirs any more, StaleError if it changed, and
    ActError if it cannot be decided so.
    """
    why = (why or "").strip() or NO_REASON
    lease = _in_hand(connection, aside, reviewer, pair, token, now)
    keys = keys_of(connection, [pair.low, pair.high])
    one, other = sorted(keys.values())
    swapped = keys[pair.low] != one
    state = state_of(connection, pair)
    check_unchanged(lease, etag, state, swapped=swapped)
    check_can_decide(connection, kind=kind, one=one, other=other, why=why)
    if lease.known is None:
        _require_none_of_their_own(connection, pair, reviewer)
    seconds = max(0.0, (now - lease.taken_at).total_seconds())
    said = Said(pair, kind, why, reviewer, now, seconds, state.read)
    outcome = _keep(connection, rules, said, lease.kind, lease.known)
    with writing(aside) as beside:
        leases.finish(beside, lease, now)
    end_leases(connection, [pair], now)
    return outcome


def answer_chosen(
    connection: Connection,
    aside: Engine,
    rules: ReviewRules,
    reviewer: Reviewer,
    pair: PairId,
    *,
    kind: str,
    why: str,
    shown: str,
    now: datetime,
) -> Outcome:
    """Keep what somebody says of two records that they chose themselves, as on the workbench.

    ``shown`` is what `PairState.shown` was when they looked.

    It becomes what an answer to the same pair would in the queue: a decision, or a first
    answer that waits for a second person. A pair that waits for a senior reviewer is settled
    by one, who has not answered it. Raises InHandError if somebody else has it in hand,
    StaleError if it changed since, and ActError if it cannot be decided so.
    """
    require_reason(why)
    _require_free(aside, reviewer, pair, now)
    keys = keys_of(connection, [pair.low, pair.high])
    if len(keys) < 2:
        raise UnknownPairError("there is no such pair")
    # One after the other, so that the second sees what the first one decided.
    own = Record.id.in_([pair.low, pair.high])
    connection.execute(select(Record.id).where(own).order_by(Record.id).with_for_update())
    state = state_of(connection, pair)
    changed = changes_since(shown, state)
    if changed:
        raise StaleError(changed)
    one, other = sorted(keys.values())
    check_can_decide(connection, kind=kind, one=one, other=other, why=why)
    _require_none_of_their_own(connection, pair, reviewer)
    waits_as = waits_for_seniors(connection, pair)
    if waits_as is not None and not reviewer.senior:
        raise ActError("this pair waits for a senior reviewer")
    said = Said(pair, kind, why, reviewer, now, None, state.read)
    outcome = _keep(connection, rules, said, waits_as or kind_in_queue(connection, pair), None)
    with writing(aside) as beside:
        lease = leases.in_hand(beside, reviewer.by, now)
        if lease is not None and lease.pair == pair:
            leases.finish(beside, lease, now)
    end_leases(connection, [pair], now)
    return outcome


def check_can_settle(
    connection: Connection,
    aside: Engine,
    rules: ReviewRules,
    reviewer: Reviewer,
    pair: PairId,
    *,
    now: datetime,
) -> None:
    """That a senior reviewer may decide a pair alone, within a change confirmed as a whole.

    Raises InHandError of a pair that somebody else has in hand, TwoDecideError of one that two
    people decide for what it waits as, and ActError of one's own.
    """
    _require_free(aside, reviewer, pair, now)
    _require_none_of_their_own(connection, pair, reviewer)
    if two_must_decide(connection, rules, pair, kind_in_queue(connection, pair)):
        raise TwoDecideError(
            "two people decide a pair that this change moves; answer it in the review queue first"
        )


def settle(
    connection: Connection, reviewer: Reviewer, pair: PairId, *, kind: str, why: str, now: datetime
) -> int:
    """Enter a senior reviewer's decision, whatever was answered before; its number.

    Raises ActError.
    """
    said = Said(pair, kind, why, reviewer, now, None, state_of(connection, pair).read)
    others = _standing(connection, pair)
    decision = _decide(connection, said)
    _set(connection, [one.id for one in others], state=SETTLED, decision=decision)
    end_leases(connection, [pair], now)
    return decision


def refer(
    connection: Connection,
    aside: Engine,
    reviewer: Reviewer,
    pair: PairId,
    *,
    note: str,
    token: str,
    now: datetime,
) -> int:
    """Leave the pair in hand to a senior reviewer; the referral's number. Raises ActError."""
    lease = _in_hand(connection, aside, reviewer, pair, token, now)
    require_reason(note)
    if reviewer.senior:
        raise ActError("you are a senior reviewer; decide, or skip the pair")
    entry = {
        "low": pair.low,
        "high": pair.high,
        "note": note,
        "by": reviewer.by,
        "at": now,
        "after_decision": connection.scalar(select(func.max(Decision.id))) or 0,
    }
    number: int = connection.execute(
        insert(Referral).values(entry).returning(Referral.id)
    ).scalar_one()
    note_act(connection, "pair_referred", f"referral {number}", by=reviewer.by, now=now)
    with writing(aside) as beside:
        leases.finish(beside, lease, now)
    end_leases(connection, [pair], now)
    return number


def queue_linking(connection: Connection, *, by: str) -> int | None:
    """Have a run let decisions take effect: one for all that are made until it begins."""
    waits = select(Job.id).where(Job.kind == LINK, Job.state == JobState.QUEUED).limit(1)
    if connection.scalar(waits) is not None:
        return None
    return enqueue(connection, LINK, {"by": by}, by)


def _keep(
    connection: Connection, rules: ReviewRules, said: Said, kind: str, known: int | None
) -> Outcome:
    """What becomes of it. ``kind`` is what the pair waits as, ``known`` number of a known pair."""
    if known is not None:
        return Outcome(_enter(connection, said, KNOWN, known=known), NOTED, None)
    others = _standing(connection, said.pair)
    if settles_alone(connection, rules, said.reviewer, said.pair, kind):
        decision = _decide(connection, said)
        _set(connection, [one.id for one in others], state=SETTLED, decision=decision)
        return Outcome(_enter(connection, said, ENTERED, decision=decision), ENTERED, decision)
    _set(connection, [one.id for one in others if one.read != said.read], state=VOID)
    first = next((one for one in others if one.read == said.read), None)
    if first is None:
        if _takes_two(connection, rules, said.pair, kind):
            return Outcome(_enter(connection, said, WAITING), NOTED, None)
        decision = _decide(connection, said)
        return Outcome(_enter(connection, said, ENTERED, decision=decision), ENTERED, decision)
    if first.kind != said.kind:
        _set(connection, [first.id], state=DIFFERS, agreed=False)
        return Outcome(_enter(connection, said, DIFFERS, agreed=False), NOTED, None)
    decision = _decide(connection, said)
    _set(connection, [first.id], state=ENTERED, decision=decision, agreed=True)
    number = _enter(connection, said, ENTERED, decision=decision, agreed=True)
    return Outcome(number, ENTERED, decision)


def _takes_two(connection: Connection, rules: ReviewRules, pair: PairId, kind: str) -> bool:
    """Whether a first answer to the pair waits for a second one."""
    if kind == REFERRED:
        kind = kind_in_queue(connection, pair)
    return rules.takes_two(kind, draw_of(pair)) or two_must_decide(connection, rules, pair, kind)


def _decide(connection: Connection, said: Said) -> int:
    one, other = sorted(keys_of(connection, [said.pair.low, said.pair.high]).values())
    number = decide(
        connection,
        kind=said.kind,
        one=one,
        other=other,
        why=said.why,
        by=said.reviewer.by,
        now=said.at,
    )
    queue_linking(connection, by=said.reviewer.by)
    return number


def _in_hand(
    connection: Connection,
    aside: Engine,
    reviewer: Reviewer,
    pair: PairId,
    token: str,
    now: datetime,
) -> Lease:
    """The lease that the token shows. Raises AnsweredError if it ended with their answer."""
    try:
        with reading(aside) as beside:
            return leases.require(beside, pair, token, reviewer.by)
    except AnsweredError:
        raise
    except NotInHandError:
        since = now - _LATELY
        if last_answer(connection, pair, by=reviewer.by, since=since) is not None:
            raise AnsweredError("you have answered this pair; take the next one") from None
        raise


def _require_free(aside: Engine, reviewer: Reviewer, pair: PairId, now: datetime) -> None:
    """What is in somebody's hand is theirs to decide until they are done, or their time is over."""
    with reading(aside) as beside:
        if leases.is_anothers(beside, pair, reviewer.by, now):
            raise InHandError


def _require_none_of_their_own(connection: Connection, pair: PairId, reviewer: Reviewer) -> None:
    """Nobody is the second person of their own answer."""
    if any(one.by == reviewer.by for one in _standing(connection, pair)):
        raise AnsweredError("you have answered this pair; it waits for somebody else now")


def _standing(connection: Connection, pair: PairId) -> list[Any]:
    """Answers to the pair that have had no effect yet."""
    query = select(ReviewAnswer.id, ReviewAnswer.kind, ReviewAnswer.read, ReviewAnswer.by).where(
        pair.is_of(ReviewAnswer.low, ReviewAnswer.high),
        ReviewAnswer.state.in_((WAITING, DIFFERS)),
    )
    return list(connection.execute(query.order_by(ReviewAnswer.id)))


def _enter(connection: Connection, said: Said, state: str, **more: Any) -> int:
    row = {
        "low": said.pair.low,
        "high": said.pair.high,
        "kind": said.kind,
        "why": said.why,
        "by": said.reviewer.by,
        "at": said.at,
        "seconds": said.seconds,
        "read": said.read,
        "state": state,
        "weighed": to_keep(connection, said.reviewer, said.pair),
        **more,
    }
    number: int = connection.execute(
        insert(ReviewAnswer).values(row).returning(ReviewAnswer.id)
    ).scalar_one()
    note_act(connection, "pair_answered", f"answer {number}", by=said.reviewer.by, now=said.at)
    return number


def _set(connection: Connection, numbers: list[int], **values: Any) -> None:
    if numbers:
        connection.execute(
            update(ReviewAnswer).where(ReviewAnswer.id.in_(numbers)).values(**values)
        )
