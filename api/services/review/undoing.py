"""Taking back one's own latest answer; a senior reviewer takes back any decision."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, exists, func, select, update
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Decision, ReviewAnswer
from api.db.tables import in_utc
from api.services.access.audit import note_act
from api.services.access.policy import View
from api.services.register.acts import ActError, Key, require_reason
from api.services.register.columns import columns
from api.services.register.deciding import check_can_undo, undo_decision
from api.services.register.decisions import UNDO
from api.services.register.severances import are_severed, severed_between
from api.services.review.answering import ENTERED, queue_linking
from api.services.review.ending import end_leases
from api.services.review.known import VOID
from api.services.review.pairs import PairId, Reviewer, may_see_pair, shown_keys
from api.services.review.second import check_one_may_undo
from api.services.review.sections import DIFFERS, SETTLED, WAITING
from api.services.review.waiting import waits_for_others
from matcher.rules.review import ReviewRules

# What is asked before somebody has given a reason.
_ANY = "any"

# Made once: naming a table anew takes longer than asking it.
_OWN, _BESIDE, _UNDO = aliased(Decision), aliased(Decision), aliased(Decision)


class NotYoursError(ActError):
    """Somebody else decided this, or decided something since."""


@dataclass(frozen=True, slots=True)
class Undone:
    """An answer that was taken back, of which pair, and the entry that undoes its decision.

    ``decisions`` is how many were taken back: all of a change that was made as a whole.
    ``known`` is the number of a known pair.
    """

    answer: int | None
    pair: PairId
    entry: int | None
    decisions: int = 1
    known: int | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A decision as it may be told: who said what of which records, and when."""

    kind: str
    by: str
    at: datetime
    records: dict[int, Key]


def made_decision(connection: Connection, view: View, number: int) -> Made | None:
    """A decision by its number; nothing of one on records that may not be seen together."""
    row = connection.execute(select(Decision.__table__).where(Decision.id == number)).one_or_none()
    if row is None or row.kind == UNDO or are_severed(connection, row.record_l, row.record_r):
        return None
    keys = shown_keys(connection, view, [row.record_l, row.record_r])
    if not {source for source, _ in keys.values()} <= view.sources:
        return None
    return Made(row.kind, row.by, in_utc(row.at), keys)


def undo_latest(
    connection: Connection,
    rules: ReviewRules | None,
    reviewer: Reviewer,
    *,
    why: str,
    now: datetime,
    answer: int | None = None,
) -> Undone:
    """Take back the reviewer's last answer, or an older one of which their list says that it waits.

    ``answer`` is the number of the one that they mean, the last without. ``rules`` are none
    before the first run. Raises ActError if there is none, it is settled or undone already, or a
    later one is last.
    """
    require_reason(why)
    latest = _latest(connection, reviewer.by)
    if answer is not None and (latest is None or answer != latest.id):
        latest = _older(connection, reviewer, answer)
    if latest is None:
        raise ActError("you have answered nothing that could be taken back")
    return _undo(connection, rules, reviewer, latest, why=why, now=now)


def last_to_undo(
    connection: Connection, rules: ReviewRules | None, reviewer: Reviewer
) -> int | None:
    """The number of the reviewer's last answer, if they can look at it and take it back."""
    latest = _latest(connection, reviewer.by)
    if latest is None or latest.state == SETTLED:
        return None
    pair = PairId(latest.low, latest.high)
    if not may_see_pair(connection, reviewer.view, pair) or are_severed(connection, *pair.records):
        return None
    if latest.state == ENTERED:
        try:
            check_can_undo(connection, latest.decision, why=_ANY)
            check_one_may_undo(connection, rules, pair, latest.decision)
        except ActError:
            return None
    number: int = latest.id
    return number


def undo_one(
    connection: Connection,
    rules: ReviewRules | None,
    reviewer: Reviewer,
    decision: int,
    *,
    why: str,
    now: datetime,
) -> Undone:
    """Take a decision back: one's own if it is the latest, any if senior.

    With all that was entered with it where records were moved: half of that would move others.
    Raises NotYoursError, TwoDecideError of one that a contradiction comes of where two people
    decide these, and ActError if it cannot be taken back.
    """
    _, l, r = check_can_undo(connection, decision, why=why)
    whole = changed_with(connection, decision)
    if len(whole) > 1:
        return _undo_whole(connection, rules, reviewer, whole, decision, PairId.of(l, r), why, now)
    latest = _latest(connection, reviewer.by)
    if latest is not None and latest.decision == decision:
        return _undo(connection, rules, reviewer, latest, why=why, now=now)
    if not reviewer.senior and not _is_own_last(connection, reviewer.by, decision):
        raise NotYoursError("only your own latest decision is yours to take back")
    check_one_may_undo(connection, rules, PairId.of(l, r), decision)
    entry = undo_decision(connection, decision, why=why, by=reviewer.by, now=now)
    queue_linking(connection, by=reviewer.by)
    end_leases(connection, [PairId.of(l, r)], now)
    return Undone(None, PairId.of(l, r), entry)


def pair_of(connection: Connection, decision: int) -> PairId:
    """The two records of a decision that there is."""
    query = select(Decision.record_l, Decision.record_r).where(Decision.id == decision)
    return PairId.of(*connection.execute(query).one())


def changed_with(connection: Connection, decision: int) -> list[int]:
    """The decisions in force of the change that this one was entered with; at least this one.

    Without those on pairs that are severed since.
    """
    beside = _beside(connection, [decision])
    return sorted({decision, *beside.get(decision, ())})


def undone_with(connection: Connection, decisions: Collection[int]) -> dict[int, int]:
    """How many decisions are taken back with each of these: more than one of a whole change."""
    beside = _beside(connection, decisions)
    return {one: max(1, len(beside.get(one, ()))) for one in decisions}


def _beside(connection: Connection, decisions: Collection[int]) -> dict[int, list[int]]:
    """The decisions in force of the changes that these were entered with, if they were with any."""
    query = (
        select(_OWN.id, _BESIDE.id, _BESIDE.record_l, _BESIDE.record_r)
        .join(_BESIDE, _BESIDE.change == _OWN.change)
        .where(
            among(_OWN.id, np.array(sorted(decisions), np.int64)),
            ~exists().where(_UNDO.undoes == _BESIDE.id),
        )
    )
    one, other, l, r = columns(connection, query)
    severed = severed_between(connection, l, r)
    found: dict[int, list[int]] = {}
    for decision, with_it in zip(one[~severed].tolist(), other[~severed].tolist(), strict=True):
        found.setdefault(decision, []).append(with_it)
    return found


def _undo_whole(
    connection: Connection,
    rules: ReviewRules | None,
    reviewer: Reviewer,
    whole: list[int],
    decision: int,
    pair: PairId,
    why: str,
    now: datetime,
) -> Undone:
    if not reviewer.senior and not _is_own_last(connection, reviewer.by, whole[-1]):
        raise NotYoursError("only your own latest decision is yours to take back")
    pairs = []
    for one in whole:
        _, l, r = check_can_undo(connection, one, why=why)
        pairs.append(PairId.of(l, r))
        check_one_may_undo(connection, rules, pairs[-1], one)
    entries = {
        one: undo_decision(connection, one, why=why, by=reviewer.by, now=now)
        for one in reversed(whole)
    }
    queue_linking(connection, by=reviewer.by)
    end_leases(connection, pairs, now)
    return Undone(None, pair, entries[decision], len(whole))


def _undo(
    connection: Connection,
    rules: ReviewRules | None,
    reviewer: Reviewer,
    latest: Any,
    *,
    why: str,
    now: datetime,
) -> Undone:
    pair, entry = PairId(latest.low, latest.high), None
    if are_severed(connection, *pair.records):
        # Nothing more is told, as where such a pair is to be decided on.
        raise ActError("your answer may not be taken back; ask the register's guardian")
    if latest.state == SETTLED:
        raise ActError("a senior reviewer has settled this pair since; it cannot be taken back")
    if latest.state == ENTERED:
        check_one_may_undo(connection, rules, pair, latest.decision)
        entry = undo_decision(connection, latest.decision, why=why, by=reviewer.by, now=now)
        queue_linking(connection, by=reviewer.by)
        _as_before(connection, latest)
    elif latest.state == DIFFERS:
        _as_before(connection, latest)
    _set(connection, ReviewAnswer.id == latest.id, state=VOID, agreed=None)
    note_act(connection, "answer_undone", f"answer {latest.id}", by=reviewer.by, now=now)
    end_leases(connection, [pair], now)
    return Undone(latest.id, pair, entry, known=latest.known)


def _as_before(connection: Connection, latest: Any) -> None:
    """Let other answers to the pair stand as they did before this one."""
    others = (ReviewAnswer.low == latest.low) & (ReviewAnswer.high == latest.high)
    others &= ReviewAnswer.id != latest.id
    if latest.state == DIFFERS:
        _set(connection, others & (ReviewAnswer.state == DIFFERS), state=WAITING, agreed=None)
        return
    same = others & (ReviewAnswer.decision == latest.decision)
    settled = same & (ReviewAnswer.state == SETTLED)
    differing = settled & ReviewAnswer.agreed.is_(False)
    _set(connection, differing, state=DIFFERS, decision=None)
    _set(connection, settled, state=WAITING, decision=None)
    _set(connection, same & (ReviewAnswer.state == ENTERED), state=WAITING, decision=None,
         agreed=None)  # fmt: skip


def _latest(connection: Connection, by: str) -> Any:
    query = (
        select(ReviewAnswer)
        .where(ReviewAnswer.by == by, ReviewAnswer.state != VOID)
        .order_by(ReviewAnswer.id.desc())
        .limit(1)
    )
    return connection.execute(query).one_or_none()


def _older(connection: Connection, reviewer: Reviewer, answer: int) -> Any:
    """An answer of theirs that waits for others, as their list of the queue says."""
    row = connection.execute(
        select(ReviewAnswer).where(ReviewAnswer.id == answer, ReviewAnswer.by == reviewer.by)
    ).one_or_none()
    if row is None:
        raise ActError(f"you have given no answer {answer}")
    if row.state == VOID:
        raise ActError("this answer is undone already")
    if not waits_for_others(connection, reviewer, PairId(row.low, row.high)):
        raise ActError(
            "you have answered another pair since, and only your latest is yours to undo"
        )
    return row


def _is_own_last(connection: Connection, by: str, decision: int) -> bool:
    query = select(func.max(Decision.id)).where(Decision.by == by, Decision.kind != UNDO)
    return connection.scalar(query) == decision


def _set(connection: Connection, which: Any, **values: Any) -> None:
    connection.execute(update(ReviewAnswer).where(which).values(**values))
