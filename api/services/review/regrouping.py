"""Moving records between two children, or from one to a new one: as decisions on pairs.

Like all decisions these take effect with the next run.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, update

from api.db.models import Decision
from api.services.access.audit import note_act
from api.services.register.acts import ActError, require_reason
from api.services.review.answering import check_can_settle, settle
from api.services.review.grouping import group_of
from api.services.review.pairs import InHandError, PairId, Reviewer, StaleError
from api.services.review.planning import Planned, planned
from api.services.review.second import TwoDecideError
from matcher.rules.review import ReviewRules


class RefusedPairError(ActError):
    """A change that cannot be made because of one of its decisions.

    ``waits`` says that its pair is to be answered in the review queue first, ``in_hand`` that
    somebody has it there.
    """

    def __init__(self, refused: Planned, why: ActError) -> None:
        self.refused = refused
        self.waits = isinstance(why, TwoDecideError)
        self.in_hand = isinstance(why, InHandError)
        super().__init__(str(why))


def check_can_enter(
    connection: Connection,
    aside: Engine,
    rules: ReviewRules,
    reviewer: Reviewer,
    decisions: Sequence[Planned],
    *,
    now: datetime,
) -> None:
    """That a senior reviewer may enter all of these alone. Raises RefusedPairError.

    The change is one act, seen as a whole: half of its decisions, while the others wait for a
    second person, would be children that nobody wants. So of the pairs that two people decide
    only those are left to them that wait as what the rules name; the share that is drawn, to
    learn how well people agree, says nothing of a change like this.
    """
    for one in decisions:
        try:
            check_can_settle(connection, aside, rules, reviewer, one.pair, now=now)
        except ActError as error:
            raise RefusedPairError(one, error) from error


def enter(
    connection: Connection,
    aside: Engine,
    rules: ReviewRules,
    reviewer: Reviewer,
    pair: PairId,
    to: Mapping[int, str],
    *,
    state: str,
    why: str,
    now: datetime,
) -> list[int]:
    """Enter what was planned, and queue a run; the numbers of the decisions.

    Raises StaleError if the records, their children, the decisions on them or those planned are
    others than ``state`` names, and ActError if nothing would change or something cannot be
    decided.
    """
    group = group_of(connection, rules, reviewer, pair)
    plan = planned(connection, group, to)
    decisions = plan.decisions
    if not decisions:
        raise ActError("nothing would change; move at least one record")
    if plan.state_with(group) != state:
        raise StaleError(["page"])
    require_reason(why)
    check_can_enter(connection, aside, rules, reviewer, decisions, now=now)
    numbers = [
        settle(connection, reviewer, one.pair, kind=one.kind, why=why, now=now) for one in decisions
    ]
    if len(numbers) > 1:
        own = update(Decision).where(Decision.id.in_(numbers))
        connection.execute(own.values(change=numbers[0]))
    about = f"decisions {numbers[0]} to {numbers[-1]}"
    note_act(connection, "records_moved", about, by=reviewer.by, now=now)
    return numbers
