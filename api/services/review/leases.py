"""Pairs in reviewers' hands. ``beside`` is a connection to what is kept aside.

Each step is a transaction of its own that ends at once, so that nobody waits for anybody.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from api.db.engine import is_sqlite
from api.db.models import ReviewLease, ReviewSkip
from api.db.tables import in_utc
from api.services.review.pairs import AnsweredError, NotInHandError, PairId, TakenError
from api.services.review.state import PairState

# What was answered stays taken so long if its lease is not ended when the answer is committed.
SETTLES = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Lease:
    """A pair in a reviewer's hand until ``expires_at``.

    ``token`` shows that it is; ``etag`` names what the reviewer was shown, ``state`` holds it.
    ``known`` is the number of a known pair. ``revealed`` are masked fields shown since.
    ``answered`` says that it was answered or referred.
    """

    pair: PairId
    by: str
    token: str
    kind: str
    known: int | None
    etag: str
    state: Mapping[str, Any]
    revealed: frozenset[str]
    taken_at: datetime
    expires_at: datetime
    answered: bool


def in_hand(beside: Connection, by: str, now: datetime) -> Lease | None:
    """The pair that this reviewer has, if any."""
    query = select(ReviewLease).where(
        ReviewLease.by == by, ReviewLease.done_at.is_(None), ReviewLease.expires_at > now
    )
    return _lease(beside.execute(query).one_or_none())


def taken(beside: Connection, now: datetime, *, known: bool = True) -> set[PairId]:
    """Every pair in somebody's hand, or only those whose answer is not ``known``."""
    query = select(ReviewLease.low, ReviewLease.high).where(ReviewLease.expires_at > now)
    if not known:
        query = query.where(ReviewLease.known.is_(None))
    return {PairId(low, high) for low, high in beside.execute(query)}


def is_anothers(beside: Connection, pair: PairId, by: str, now: datetime) -> bool:
    """Whether somebody else has the pair in hand."""
    query = select(ReviewLease.low).where(
        _is(pair), ReviewLease.by != by, ReviewLease.expires_at > now
    )
    return beside.scalar(query) is not None


def passed_over(beside: Connection, by: str, since: datetime) -> set[PairId]:
    """Pairs that this reviewer skipped since then, and that nobody else had after that."""
    query = select(ReviewSkip.low, ReviewSkip.high).where(
        ReviewSkip.by == by, ReviewSkip.at > since
    )
    return {PairId(low, high) for low, high in beside.execute(query)}


def skipped_at(beside: Connection, pair: PairId, by: str) -> datetime | None:
    """When this reviewer skipped a pair that nobody else had after that."""
    at = beside.scalar(
        select(ReviewSkip.at).where(
            ReviewSkip.low == pair.low, ReviewSkip.high == pair.high, ReviewSkip.by == by
        )
    )
    return None if at is None else in_utc(at)


def take(
    beside: Connection,
    pair: PairId,
    *,
    by: str,
    kind: str,
    known: int | None,
    state: PairState,
    now: datetime,
    minutes: int,
) -> Lease | None:
    """Put a pair into a reviewer's hand; none if it, or another one in that hand, is in the way."""
    over = or_(
        and_(_is(pair), ReviewLease.expires_at <= now),
        and_(ReviewLease.by == by, ReviewLease.done_at.is_(None), ReviewLease.expires_at <= now),
    )
    beside.execute(delete(ReviewLease).where(over))
    token = secrets.token_urlsafe(18)
    row = {
        "low": pair.low,
        "high": pair.high,
        "by": by,
        "token": token,
        "kind": kind,
        "known": known,
        "state": state.as_json(),
        "etag": state.etag,
        "revealed": [],
        "taken_at": now,
        "expires_at": now + timedelta(minutes=minutes),
    }
    dialect = sqlite if is_sqlite(beside) else postgresql
    entered = beside.execute(dialect.insert(ReviewLease).values(row).on_conflict_do_nothing())
    if entered.rowcount == 0:
        return None
    others = and_(ReviewSkip.low == pair.low, ReviewSkip.high == pair.high, ReviewSkip.by != by)
    beside.execute(delete(ReviewSkip).where(others))
    return _found(beside, pair, token, by)


def require(beside: Connection, pair: PairId, token: str, by: str) -> Lease:
    """The lease that the token shows, also when it has expired but nobody took the pair since.

    Raises TakenError if somebody else has it by now, NotInHandError if nobody else does, and
    AnsweredError once it is answered: that can be taken back, and nothing else be done with it.
    """
    found = _found(beside, pair, token, by)
    if found is not None and found.answered:
        raise AnsweredError("you have answered this pair; take the next one")
    if found is None:
        if beside.scalar(select(ReviewLease.by).where(_is(pair), ReviewLease.by != by)):
            raise TakenError("somebody else has this pair by now; take the next one")
        raise NotInHandError("you do not have this pair in hand; take it, or the next one")
    return found


def show_anew(beside: Connection, lease: Lease, state: PairState) -> Lease:
    """Note that the reviewer is shown the pair as it stands now."""
    values = {"state": state.as_json(), "etag": state.etag}
    beside.execute(update(ReviewLease).where(_is(lease.pair)).values(values))
    return require(beside, lease.pair, lease.token, lease.by)


def renew(beside: Connection, lease: Lease, *, now: datetime, minutes: int) -> Lease:
    """Have the lease last from now on. Raises TakenError if it is done with."""
    until = now + timedelta(minutes=minutes)
    mine = and_(_is(lease.pair), ReviewLease.token == lease.token)
    beside.execute(update(ReviewLease).where(mine).values(expires_at=until))
    return require(beside, lease.pair, lease.token, lease.by)


def release(beside: Connection, lease: Lease) -> None:
    """Give the pair back."""
    mine = and_(_is(lease.pair), ReviewLease.token == lease.token)
    beside.execute(delete(ReviewLease).where(mine))


def finish(beside: Connection, lease: Lease, now: datetime) -> None:
    """Mark the pair answered; it stays taken until the answer is committed (see `ending`).

    Raises AnsweredError if another answer was quicker.
    """
    mine = and_(_is(lease.pair), ReviewLease.token == lease.token, ReviewLease.done_at.is_(None))
    values = {"done_at": now, "expires_at": now + SETTLES}
    if beside.execute(update(ReviewLease).where(mine).values(values)).rowcount == 0:
        raise AnsweredError("you have answered this pair; take the next one")


def end(beside: Connection, pair: PairId, now: datetime) -> None:
    """End whoever's lease of a pair, unless it was taken since."""
    beside.execute(delete(ReviewLease).where(_is(pair), ReviewLease.taken_at <= now))


def skip(beside: Connection, lease: Lease, now: datetime) -> None:
    """Give the pair back, and do not have it again before others had it or time passed."""
    mine = and_(
        ReviewSkip.low == lease.pair.low,
        ReviewSkip.high == lease.pair.high,
        ReviewSkip.by == lease.by,
    )
    beside.execute(delete(ReviewSkip).where(mine))
    row = {"low": lease.pair.low, "high": lease.pair.high, "by": lease.by, "at": now}
    beside.execute(insert(ReviewSkip).values(row))
    release(beside, lease)


def reveal(beside: Connection, lease: Lease, fields: frozenset[str]) -> Lease:
    """Note which masked fields the reviewer was shown."""
    shown = sorted(lease.revealed | fields)
    beside.execute(update(ReviewLease).where(_is(lease.pair)).values(revealed=shown))
    return require(beside, lease.pair, lease.token, lease.by)


def _is(pair: PairId) -> Any:
    return and_(ReviewLease.low == pair.low, ReviewLease.high == pair.high)


def _found(beside: Connection, pair: PairId, token: str, by: str) -> Lease | None:
    query = select(ReviewLease).where(_is(pair), ReviewLease.by == by, ReviewLease.token == token)
    return _lease(beside.execute(query).one_or_none())


def _lease(row: Any) -> Lease | None:
    if row is None:
        return None
    return Lease(
        pair=PairId(row.low, row.high),
        by=row.by,
        token=row.token,
        kind=row.kind,
        known=row.known,
        etag=row.etag,
        state=row.state,
        revealed=frozenset(row.revealed),
        taken_at=in_utc(row.taken_at),
        expires_at=in_utc(row.expires_at),
        answered=row.done_at is not None,
    )
