"""An answer that a reviewer gave, as they may see it again themselves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, true

from api.db.models import ReviewAnswer
from api.db.tables import in_utc
from api.services.register.conflicts import CONTRADICTION
from api.services.register.decisions import MATCH
from api.services.review.known import VOID
from api.services.review.pairs import PairId, Reviewer
from api.services.review.sections import DIFFERS, KNOWN, WAITING
from api.services.review.waiting import Wanted, kind_in_queue, waiting_for


@dataclass(frozen=True, slots=True)
class Given:
    """What a reviewer said of a pair. What became of it is not told, see `answering`.

    ``latest`` says that it is their last one, which they can take back; ``undone`` that they did.
    ``unfollowed`` says that it is a match which the register cannot follow while other decisions
    keep the two apart. ``waits_as`` is what the pair waits as in their list of the queue, where
    their answer waits for others, and can be taken back though it is not the last. ``weighed`` is
    what the weight was made of then, see `weights`.
    """

    id: int
    pair: PairId
    kind: str
    why: str
    at: datetime
    latest: bool
    undone: bool
    unfollowed: bool
    waits_as: str | None
    weighed: dict[str, Any] | None


def last_answer(
    connection: Connection, pair: PairId, *, by: str, since: datetime | None = None
) -> Any:
    """The id, kind and why of somebody's last answer to a pair that they did not take back."""
    return connection.execute(
        select(ReviewAnswer.id, ReviewAnswer.kind, ReviewAnswer.why)
        .where(
            pair.is_of(ReviewAnswer.low, ReviewAnswer.high),
            ReviewAnswer.by == by,
            ReviewAnswer.state != VOID,
            ReviewAnswer.at >= since if since is not None else true(),
        )
        .order_by(ReviewAnswer.id.desc())
        .limit(1)
    ).one_or_none()


def same_answer(
    connection: Connection, pair: PairId, *, by: str, kind: str, why: str
) -> int | None:
    """The number of the reviewer's last answer to a pair, if it stands and says just this."""
    row = last_answer(connection, pair, by=by)
    return row.id if row is not None and (row.kind, row.why) == (kind, why) else None


def given_answer(connection: Connection, number: int, reviewer: Reviewer) -> Given | None:
    """The reviewer's own answer of this number; none of anybody else's."""
    own = ReviewAnswer.by == reviewer.by
    row = connection.execute(
        select(ReviewAnswer).where(ReviewAnswer.id == number, own)
    ).one_or_none()
    if row is None:
        return None
    standing = select(func.max(ReviewAnswer.id)).where(own, ReviewAnswer.state != VOID)
    pair = PairId(row.low, row.high)
    waits = row.state in (WAITING, DIFFERS)
    listed = next(waiting_for(connection, reviewer, wanted=Wanted(pair=pair)), None)
    return Given(
        id=row.id,
        pair=pair,
        kind=row.kind,
        why=row.why,
        at=in_utc(row.at),
        latest=connection.scalar(standing) == number,
        undone=row.state == VOID,
        unfollowed=row.kind == MATCH
        and row.state not in (KNOWN, VOID)
        and kind_in_queue(connection, pair) == CONTRADICTION,
        waits_as=listed.kind if waits and listed is not None and listed.waits else None,
        weighed=row.weighed,
    )


def standing_answers(connection: Connection, by: str) -> dict[PairId, int]:
    """The numbers of somebody's answers that wait for others, by pair."""
    query = select(ReviewAnswer.low, ReviewAnswer.high, ReviewAnswer.id).where(
        ReviewAnswer.by == by, ReviewAnswer.state.in_((WAITING, DIFFERS))
    )
    return {PairId(low, high): number for low, high, number in connection.execute(query)}


def answers_since(connection: Connection, *, by: str, since: datetime) -> int:
    """How many pairs somebody has answered since then, without what they took back."""
    query = select(func.count()).where(
        ReviewAnswer.by == by, ReviewAnswer.at >= since, ReviewAnswer.state != VOID
    )
    return connection.scalar(query) or 0
