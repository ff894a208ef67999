"""Which pairs two people must decide for what they wait as, whoever answers."""

from sqlalchemy import Connection

from api.services.register.acts import ActError
from api.services.register.clashes import holds_a_conflict
from api.services.review.pairs import PairId, Reviewer
from api.services.review.sections import ADJUDICATION, REFERRED
from api.services.review.waiting import kind_in_queue
from matcher.rules.review import ReviewRules


class TwoDecideError(ActError):
    """Two people decide the pair, each in the review queue."""


def two_must_decide(connection: Connection, rules: ReviewRules, pair: PairId, kind: str) -> bool:
    """Whether two people decide a pair that waits as this, so that no draw is asked.

    Where a kind of conflict is for two people, so is every decision that one comes of: to change
    it ends the conflict as surely as an answer to the pair that it is named by.
    """
    kinds = rules.second.kinds
    return kind in kinds or holds_a_conflict(connection, *pair.records, kinds)


def settles_alone(
    connection: Connection, rules: ReviewRules, reviewer: Reviewer, pair: PairId, kind: str
) -> bool:
    """Whether this reviewer's answer is the last word on a pair that waits as this.

    A senior reviewer's is where two answers differ, and where somebody referred the pair, unless
    two people must decide that.
    """
    if not reviewer.senior or kind not in (REFERRED, ADJUDICATION):
        return False
    return kind == ADJUDICATION or not two_must_decide(
        connection, rules, pair, kind_in_queue(connection, pair)
    )


def check_one_may_undo(
    connection: Connection, rules: ReviewRules | None, pair: PairId, decision: int
) -> None:
    """That one person may take back this decision on the pair. Raises TwoDecideError.

    ``rules`` are none before the first run, when nothing conflicts.
    """
    if rules is None:
        return
    if holds_a_conflict(connection, *pair.records, rules.second.kinds, without=decision):
        raise TwoDecideError(
            "a conflict comes of this decision that two people settle; to end it, answer the two "
            "records of the decision anew in the review queue"
        )
