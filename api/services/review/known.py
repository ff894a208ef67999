"""Pairs of which a steward knows the answer: they measure reviewers and decide nothing.

To a reviewer such a pair looks like any possible link: what stands around it is divided as if
its records were two children's, and no child is named.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Any

from sqlalchemy import Connection, and_, case, exists, func, insert, or_, select, update

from api.db.models import KnownPair, Pair, Record, ReviewAnswer, Source
from api.db.tables import in_utc
from api.services.access.audit import note_act
from api.services.access.policy import View
from api.services.register.acts import ActError, Key, UnknownError, find_record, keys_of
from api.services.register.decisions import MATCH, NON_MATCH
from api.services.register.queue import POSSIBLE
from api.services.register.severances import are_severed
from api.services.register.standing import Standing
from api.services.review.pairs import PairId, Reviewer, shown_keys
from api.services.review.state import state_of
from matcher.rules.review import ReviewRules, draw_of

# Pair, kind as the reviewer is told, and the number of the known pair.
KnownToTake = tuple[PairId, str, int | None]

VOID = "void"


@dataclass(frozen=True, slots=True)
class Known:
    """A known pair: ``kind`` is match or non_match; how many answered it, and how many so."""

    id: int
    pair: PairId
    one: Key
    other: Key
    kind: str
    by: str
    at: datetime
    ended_at: datetime | None
    answers: int
    right: int


def mark_known(
    connection: Connection, *, one: Key, other: Key, kind: str, by: str, now: datetime
) -> int:
    """Have a pair measure reviewers; its number. Raises ActError."""
    if kind not in (MATCH, NON_MATCH):
        raise ActError(f"the answer to a known pair is {MATCH} or {NON_MATCH}")
    if one == other:
        raise ActError("a pair is two records, and this is one")
    l, r = find_record(connection, one), find_record(connection, other)
    if are_severed(connection, l, r):
        raise ActError("these two records may not be looked at together")
    pair = PairId.of(l, r)
    open_ones = select(KnownPair.id).where(
        pair.is_of(KnownPair.low, KnownPair.high), KnownPair.ended_at.is_(None)
    )
    if connection.scalar(open_ones) is not None:
        raise ActError("this pair is a known one already")
    entry = {"low": pair.low, "high": pair.high, "kind": kind, "by": by, "at": now}
    number: int = connection.execute(
        insert(KnownPair).values(entry).returning(KnownPair.id)
    ).scalar_one()
    note_act(connection, "known_pair_marked", f"known pair {number}", by=by, now=now)
    return number


def end_known(connection: Connection, number: int, *, by: str, now: datetime) -> None:
    """Have a known pair be handed out no more. Raises UnknownError, or ActError if it ended."""
    own = update(KnownPair).where(KnownPair.id == number, KnownPair.ended_at.is_(None))
    if connection.execute(own.values(ended_at=now)).rowcount == 0:
        if connection.scalar(select(KnownPair.id).where(KnownPair.id == number)) is None:
            raise UnknownError(f"there is no known pair {number}")
        raise ActError(f"known pair {number} has ended already")
    note_act(connection, "known_pair_ended", f"known pair {number}", by=by, now=now)


def known_pairs(
    connection: Connection,
    view: View,
    *,
    only: int | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> list[Known]:
    """Those that may be seen, the newest first, with how reviewers answered.

    Args:
        connection: sees the register.
        view: what may be seen; both records must be of a source in it.
        only: the number of one of them.
        before: only those that are older than this one.
        limit: how many at most.
    """
    right = func.sum(case((ReviewAnswer.kind == KnownPair.kind, 1), else_=0))
    answers = (
        select(ReviewAnswer.known, func.count().label("answers"), right.label("right"))
        .join(KnownPair, KnownPair.id == ReviewAnswer.known)
        .where(ReviewAnswer.state != VOID)
        .group_by(ReviewAnswer.known)
        .subquery()
    )
    query = (
        select(KnownPair, answers.c.answers, answers.c.right)
        .outerjoin(answers, answers.c.known == KnownPair.id)
        .order_by(KnownPair.id.desc())
    )
    seen = (
        select(Record.id)
        .join(Source, Source.number == Record.source)
        .where(Source.name.in_(sorted(view.sources)))
    )
    query = query.where(KnownPair.low.in_(seen), KnownPair.high.in_(seen))
    if only is not None:
        query = query.where(KnownPair.id == only)
    if before is not None:
        query = query.where(KnownPair.id < before)
    rows = connection.execute(query.limit(limit)).all()
    records = [record for row in rows for record in (row.low, row.high)]
    keys = shown_keys(connection, view, records)
    return [
        Known(
            id=row.id,
            pair=PairId(row.low, row.high),
            one=keys[row.low],
            other=keys[row.high],
            kind=row.kind,
            by=row.by,
            at=in_utc(row.at),
            ended_at=None if row.ended_at is None else in_utc(row.ended_at),
            answers=row.answers or 0,
            right=row.right or 0,
        )
        for row in rows
    ]


def known_to_take(
    connection: Connection, rules: ReviewRules, reviewer: Reviewer, busy: set[PairId], *, turn: int
) -> KnownToTake | None:
    """A known pair that this reviewer has not answered, if it is time for one on this turn.

    Those come first that are as hard to tell as what waits: others show what they are by that
    they are easy. One that waits itself is handed out as such.
    """
    if draw_of(reviewer.by, turn) >= rules.known_share:
        return None
    answered = exists().where(
        ReviewAnswer.by == reviewer.by,
        ReviewAnswer.state != VOID,
        ReviewAnswer.low == KnownPair.low,
        ReviewAnswer.high == KnownPair.high,
    )
    query = (
        select(KnownPair.id, KnownPair.low, KnownPair.high, Pair.weight)
        .outerjoin(
            Pair,
            or_(
                and_(Pair.l == KnownPair.low, Pair.r == KnownPair.high),
                and_(Pair.l == KnownPair.high, Pair.r == KnownPair.low),
            ),
        )
        .where(KnownPair.ended_at.is_(None), ~answered, func.coalesce(Pair.waiting, 0) == 0)
    )
    rows = connection.execute(query).all()
    keys = keys_of(connection, [record for row in rows for record in (row.low, row.high)])
    for row in _hardest_first(connection, reviewer, rows):
        pair = PairId(row.low, row.high)
        seen = {keys[row.low][0], keys[row.high][0]} <= reviewer.view.sources
        if seen and pair not in busy and not are_severed(connection, row.low, row.high):
            state = state_of(connection, pair)
            if state.low is not None and state.high is not None:
                return pair, POSSIBLE, row.id
    return None


def _hardest_first(
    connection: Connection, reviewer: Reviewer, rows: Sequence[Any]
) -> Sequence[Any]:
    """By how far outside the thresholds the weight is, then in an order of the reviewer's own."""
    standing = Standing.at(connection)
    if standing is None:
        return []
    thresholds = standing.matching.thresholds

    def turn(row: Any) -> tuple[float, float]:
        outside = inf
        if row.weight is not None:
            outside = max(thresholds.lower - row.weight, row.weight - thresholds.upper, 0.0)
        return outside, draw_of(reviewer.by, row.id)

    return sorted(rows, key=turn)
