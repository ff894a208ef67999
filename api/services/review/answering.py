"""What a reviewer says of the pair in hand, and what becomes of it.

Most answers are entered as decisions at once. Where two people must decide, the first
answer waits; if the second says the same it is entered, else a senior reviewer settles it.
Answers to known pairs are kept and decide nothing. Whoever answers is told only whether
a decision was entered, so that nobody knows which pairs are decided twice, or known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from api.db.engine import reading, writing
from api.db.models import Decision, Job, JobState, Referral, ReviewAnswer
from api.services.access.audit import note_act
from api.services.jobs import LINK
from api.services.register.acts import ActError, require_reason
from api.services.register.deciding import check_can_decide, decide
from api.services.review import leases
from api.services.review.known import VOID
from api.services.review.leases import Lease
from api.services.review.pairs import PairId, Reviewer, keys_of
from api.services.review.state import PairState, state_of
from api.services.review.taking import check_unchanged
from api.services.review.waiting import ADJUDICATION, DIFFERS, REFERRED, WAITING
from api.services.work import enqueue
from matcher.rules.review import ReviewRules, draw_of

ENTERED, NOTED = "entered", "noted"
KNOWN, SETTLED = "known", "settled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an answer.

    ``state`` is entered, with the number of the decision, or noted: kept, without effect so far.
    """

    answer: int
    state: str
    decision: int | None


def answer(
    connection: Connection,
    aside: Engine,
    rules: ReviewRules,
    reviewer: Reviewer,
    pair: PairId,
    *,
    kind: str,
    why: str,
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
        why: in the reviewer's words.
        token: of the lease.
        etag: of the state that the reviewer was shown.
        now: when.

    Raises TakenError if the pair is not theirs any more, StaleError if it changed, and
    ActError if it cannot be decided so.
    """
    with reading(aside) as beside:
        lease = leases.require(beside, pair, token, reviewer.by)
    keys = keys_of(connection, [pair.low, pair.high])
    one, other = sorted(keys.values())
    swapped = keys[pair.low] != one
    state = state_of(connection, pair)
    check_unchanged(lease, etag, state, swapped=swapped)
    check_can_decide(connection, kind=kind, one=one, other=other, why=why)
    said = {
        "low": pair.low,
        "high": pair.high,
        "kind": kind,
        "why": why,
        "by": reviewer.by,
        "at": now,
        "seconds": max(0.0, (now - lease.taken_at).total_seconds()),
        "read": state.read,
    }

    def enter() -> int:
        number = decide(
            connection, kind=kind, one=one, other=other, why=why, by=reviewer.by, now=now
        )
        queue_linking(connection, by=reviewer.by)
        return number

    outcome = _keep(connection, rules, reviewer, lease, said, state, enter)
    with writing(aside) as beside:
        leases.finish(beside, lease, now)
    return outcome


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
    with reading(aside) as beside:
        lease = leases.require(beside, pair, token, reviewer.by)
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
    return number


def queue_linking(connection: Connection, *, by: str) -> int | None:
    """Have a run let decisions take effect: one for all that are made until it begins."""
    waits = select(Job.id).where(Job.kind == LINK, Job.state == JobState.QUEUED).limit(1)
    if connection.scalar(waits) is not None:
        return None
    return enqueue(connection, LINK, {"by": by}, by)


def _keep(
    connection: Connection,
    rules: ReviewRules,
    reviewer: Reviewer,
    lease: Lease,
    said: Mapping[str, Any],
    state: PairState,
    enter: Any,
) -> Outcome:
    if lease.known is not None:
        return Outcome(_enter(connection, said, KNOWN, known=lease.known), NOTED, None)
    others = _standing(connection, lease.pair)
    if reviewer.senior and lease.kind in (REFERRED, ADJUDICATION):
        decision = enter()
        _set(connection, [one.id for one in others], state=SETTLED, decision=decision)
        return Outcome(_enter(connection, said, ENTERED, decision=decision), ENTERED, decision)
    _set(connection, [one.id for one in others if one.read != state.read], state=VOID)
    first = next((one for one in others if one.read == state.read), None)
    if first is None:
        if rules.takes_two(lease.kind, draw_of(lease.pair)):
            return Outcome(_enter(connection, said, WAITING), NOTED, None)
        decision = enter()
        return Outcome(_enter(connection, said, ENTERED, decision=decision), ENTERED, decision)
    if first.kind != said["kind"]:
        _set(connection, [first.id], state=DIFFERS, agreed=False)
        return Outcome(_enter(connection, said, DIFFERS, agreed=False), NOTED, None)
    decision = enter()
    _set(connection, [first.id], state=ENTERED, decision=decision, agreed=True)
    number = _enter(connection, said, ENTERED, decision=decision, agreed=True)
    return Outcome(number, ENTERED, decision)


def _standing(connection: Connection, pair: PairId) -> list[Any]:
    """Answers to the pair that have had no effect yet."""
    query = select(ReviewAnswer.id, ReviewAnswer.kind, ReviewAnswer.read, ReviewAnswer.by).where(
        pair.is_of(ReviewAnswer.low, ReviewAnswer.high),
        ReviewAnswer.state.in_((WAITING, DIFFERS)),
    )
    return list(connection.execute(query.order_by(ReviewAnswer.id)))


def _enter(connection: Connection, said: Mapping[str, Any], state: str, **more: Any) -> int:
    row = {**said, "state": state, **more}
    number: int = connection.execute(
        insert(ReviewAnswer).values(row).returning(ReviewAnswer.id)
    ).scalar_one()
    note_act(connection, "pair_answered", f"answer {number}", by=row["by"], now=row["at"])
    return number


def _set(connection: Connection, numbers: list[int], **values: Any) -> None:
    if numbers:
        connection.execute(
            update(ReviewAnswer).where(ReviewAnswer.id.in_(numbers)).values(**values)
        )
