"""Handing out pairs: the one that a reviewer has in hand already, or the best that is free."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from api.db.engine import once_committed, reading, writing
from api.db.models import Referral, ReviewAnswer
from api.services.register.clashes import holds_a_conflict
from api.services.register.conflicts import CONTRADICTION, HELD_TWICE
from api.services.register.queue import POSSIBLE
from api.services.review import leases
from api.services.review.given import standing_answers
from api.services.review.known import KnownToTake, known_to_take
from api.services.review.leases import Lease
from api.services.review.pairs import PairId, Reviewer, StaleError, may_see_pair
from api.services.review.state import PairState, changes, state_of
from api.services.review.waiting import (
    EVERYTHING,
    Waits,
    Wanted,
    sampled_for,
    waiting_for,
    waits_for_seniors,
)
from matcher.rules.review import ReviewRules, draw_of

# How often another reviewer may be quicker before this one is told to ask again.
_TRIES = 50


@dataclass(frozen=True, slots=True)
class LeftOver:
    """Pairs of a list that are not handed out, each counted once.

    Those of which the reviewer, or somebody, has said what they can, those that are ``taken``: in
    somebody else's hand, and those that the reviewer skipped lately.
    """

    answered: int
    taken: int
    skipped: int


def take_next(
    connection: Connection,
    aside: Engine,
    rules: ReviewRules,
    reviewer: Reviewer,
    *,
    now: datetime,
    wanted: Wanted = EVERYTHING,
) -> Lease | None:
    """The pair that the reviewer has in hand, else the next one that is nobody's; none if none is.

    Args:
        connection: sees the register.
        aside: the database of `api.db.aside`; each step there is a transaction of its own.
        rules: the review rules of the register.
        reviewer: whose hand it goes into.
        now: when.
        wanted: which part of the queue.
    """
    with reading(aside) as beside:
        lease = leases.in_hand(beside, reviewer.by, now)
        busy = leases.taken(beside, now)
        since = now - timedelta(hours=rules.skip_hours)
        skipped = leases.passed_over(beside, reviewer.by, since)
    if lease is not None:
        kept = _still_wanted(connection, aside, reviewer, lease)
        if kept is not None:
            return kept
    for tried, (pair, kind, known) in enumerate(
        _candidates(connection, rules, reviewer, wanted, busy=busy, skipped=skipped)
    ):
        state = state_of(connection, pair)
        if state.low is None or state.high is None:
            continue
        with writing(aside) as beside:
            found = leases.take(
                beside,
                pair,
                by=reviewer.by,
                kind=kind,
                known=known,
                state=state,
                now=now,
                minutes=rules.lease_minutes,
            ) or leases.in_hand(beside, reviewer.by, now)
        if found is not None or tried >= _TRIES:
            return found
    return None


def take_pair(
    connection: Connection,
    aside: Engine,
    rules: ReviewRules,
    reviewer: Reviewer,
    pair: PairId,
    *,
    now: datetime,
) -> Lease | None:
    """One pair of the queue, chosen by the reviewer; none if it is somebody's, or does not wait.

    What waits for others to answer is none that waits for them. A pair of whose decision a conflict
    comes can be answered anew: as a possible link, which is what it would be without a decision.

    A pair that the reviewer has in hand is given back for it, and only for it.
    """
    with reading(aside) as beside:
        before = leases.in_hand(beside, reviewer.by, now)
    if before is not None and before.pair == pair:
        return _still_wanted(connection, aside, reviewer, before)
    kind = _waits_as(connection, reviewer, pair)
    if kind is None:
        return None
    return _swapped(aside, rules, reviewer, (pair, kind, None), state_of(connection, pair), now=now)


def take_again(
    connection: Connection,
    aside: Engine,
    rules: ReviewRules,
    reviewer: Reviewer,
    pair: PairId,
    *,
    known: int | None,
    now: datetime,
) -> bool:
    """Have a reviewer have the pair in hand whose answer they took back, once that is committed.

    Also if it does not wait before the next run: else what follows would tell which pairs are
    ``known``, or of a sample. False if it can be shown no more, or only senior reviewers may
    answer it. Somebody else may still be quicker.
    """
    state = state_of(connection, pair)
    if None in (state.low, state.high) or not may_see_pair(connection, reviewer.view, pair):
        return False
    kind = None if known else _waits_as(connection, reviewer, pair)
    if kind is None and not known and waits_for_seniors(connection, pair) is not None:
        return False
    to_take = (pair, kind or POSSIBLE, known)

    def take() -> None:
        with suppress(SQLAlchemyError):
            _swapped(aside, rules, reviewer, to_take, state, now=now)

    once_committed(connection, take)
    return True


def _swapped(
    aside: Engine,
    rules: ReviewRules,
    reviewer: Reviewer,
    to_take: KnownToTake,
    state: PairState,
    *,
    now: datetime,
) -> Lease | None:
    """The pair in their hand, for which what they had is given back; none if it is somebody's."""
    pair, kind, known = to_take
    with writing(aside) as beside:
        before = leases.in_hand(beside, reviewer.by, now)
        if before is not None:
            leases.release(beside, before)
        taken = leases.take(
            beside,
            pair,
            by=reviewer.by,
            kind=kind,
            known=known,
            state=state,
            now=now,
            minutes=rules.lease_minutes,
        )
        if taken is None:
            beside.rollback()
        return taken


def can_take(connection: Connection, reviewer: Reviewer, pair: PairId) -> bool:
    """Whether a pair waits for this reviewer, whoever has it in hand."""
    return _waits_as(connection, reviewer, pair) is not None


def _waits_as(connection: Connection, reviewer: Reviewer, pair: PairId) -> str | None:
    """As what a pair can be taken; none if not by this reviewer."""
    item = next(waiting_for(connection, reviewer, wanted=Wanted(pair=pair)), None)
    if item is not None:
        return None if item.waits else item.kind
    free = (
        holds_a_conflict(connection, *pair.records, (CONTRADICTION, HELD_TWICE))
        and may_see_pair(connection, reviewer.view, pair)
        and waits_for_seniors(connection, pair) is None
        and pair not in standing_answers(connection, reviewer.by)
    )
    return POSSIBLE if free else None


def check_unchanged(lease: Lease, etag: str, now: PairState, *, swapped: bool) -> None:
    """Raises StaleError if the reviewer saw another state of the pair."""
    found = changes(lease.state, now, swapped=swapped)
    if not found and etag != lease.etag:
        found = ["page"]
    if found:
        raise StaleError(found)


def _still_wanted(
    connection: Connection, aside: Engine, reviewer: Reviewer, lease: Lease
) -> Lease | None:
    """The lease, brought to how the pair stands now.

    None, and given back, if it was decided, or may not be seen any more or not for this purpose.
    """
    state = state_of(connection, lease.pair)
    settled = state.decisions != lease.state["decisions"] or None in (state.low, state.high)
    unseen = not may_see_pair(connection, reviewer.view, lease.pair)
    with writing(aside) as beside:
        if settled or unseen:
            leases.release(beside, lease)
            return None
        return leases.show_anew(beside, lease, state)


def _candidates(
    connection: Connection,
    rules: ReviewRules,
    reviewer: Reviewer,
    wanted: Wanted,
    *,
    busy: set[PairId],
    skipped: set[PairId],
) -> Iterator[KnownToTake]:
    busy = busy | skipped
    if wanted == EVERYTHING:
        # Each pair that a reviewer is done with is a turn, so that what is drawn does not go on.
        turn = _done(connection, reviewer) + len(skipped)
        known = known_to_take(connection, rules, reviewer, busy, turn=turn)
        if known is not None:
            yield known
        if draw_of(reviewer.by, turn, "sample") < rules.sample_share:
            yield from _free(sampled_for(connection, reviewer), busy)
    yield from _free(waiting_for(connection, reviewer, wanted=wanted), busy)
    if wanted == EVERYTHING:
        # Where nothing else waits, a sample is answered all the same.
        yield from _free(sampled_for(connection, reviewer), busy)


def left_over(
    connection: Connection,
    aside: Engine,
    rules: ReviewRules,
    reviewer: Reviewer,
    *,
    now: datetime,
    wanted: Wanted = EVERYTHING,
) -> LeftOver:
    """What is in the reviewer's list where `take_next` found none of it to hand out."""
    with reading(aside) as beside:
        busy = leases.taken(beside, now)
        skipped = leases.passed_over(beside, reviewer.by, now - timedelta(hours=rules.skip_hours))
    counts = {"answered": 0, "taken": 0, "skipped": 0}
    for item in waiting_for(connection, reviewer, wanted=wanted):
        if item.answered:
            counts["answered"] += 1
        elif item.pair in busy:
            counts["taken"] += 1
        elif item.pair in skipped:
            counts["skipped"] += 1
    return LeftOver(**counts)


def _done(connection: Connection, reviewer: Reviewer) -> int:
    """How many pairs a reviewer has answered or referred."""
    mine = (
        select(func.count()).where(table.by == reviewer.by).scalar_subquery()
        for table in (ReviewAnswer, Referral)
    )
    return sum(connection.execute(select(*mine)).one())


def _free(items: Iterable[Waits], busy: set[PairId]) -> Iterator[KnownToTake]:
    return (
        (item.pair, item.kind, None)
        for item in items
        if item.pair not in busy and not item.answered
    )
