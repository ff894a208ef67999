"""The sections of a reviewer's queue, as queries: what is in each, and what is left out of it.

Columns are those of `api.services.register.queue`; ``l`` and ``r`` are columns of the tables that
hold them. Queries are kept, for to put one together takes longer than to ask it. Whose they are is
given as they are asked, by the name `BY`.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from api.db.models import (
    Conflict,
    Decision,
    QualitySample,
    RecordVersion,
    Referral,
    ReviewAnswer,
    SampledPair,
)
from api.services.register.conflicts import CONTRADICTION
from api.services.register.decisions import MATCH
from api.services.register.queue import (
    POSSIBLE,
    STALE,
    Query,
    answers_conflict,
    open_conflicts,
    possible_links,
    stale_decisions,
    stands,
)
from api.services.review.pairs import PairId

REFERRED, ADJUDICATION = "referred", "adjudication"
CONFLICT_KINDS = ("contradiction", "held_twice", "refused_link")
# Any of them, where a part of the queue is chosen.
CONFLICT = "conflict"
KINDS = (REFERRED, ADJUDICATION, *CONFLICT_KINDS, STALE, POSSIBLE)

WAITING, DIFFERS, SETTLED, KNOWN = "waiting", "differs", "settled", "known"

BY = "reviewer"
_REVIEWER = bindparam(BY, type_=String)


@cache
def sections(senior: bool) -> list[Query]:
    """All of them, in the order in which they are handed out.

    Of what may stay in the list after an answer, ``answered`` says that it is not handed out to
    the reviewer again, ``waits`` that their answer to it waits for others, and ``matched`` that a
    match was decided which the register cannot follow, so that no answer to it says more.
    """
    own = [referrals(), adjudications()]
    if not senior:
        own = [query.where(literal(False)) for query in own]
    # What others could not tell is for senior reviewers.
    return [
        *own,
        _open_to_reviewer(_conflicts(doubted=senior), unless_waiting=False),
        *(
            _open_to_reviewer(query)
            for query in (stale_decisions(), _chosen_by_others(), possible_links())
        ),
    ]


def _chosen_by_others() -> Query:
    """Pairs that wait for a second answer and for nothing else: somebody chose them.

    They are called possible links, so that whoever answers second does not know that they do.
    """
    l, r = ReviewAnswer.low, ReviewAnswer.high
    waits_anyway = [
        query.where(or_(and_(one == l, other == r), and_(one == r, other == l)))
        .correlate(ReviewAnswer)
        .exists()
        for query in (open_conflicts(doubted=True), stale_decisions(), possible_links())
        for one, other in [sides_of(query)]
    ]
    decision = aliased(Decision)
    decided = exists().where(
        or_(
            and_(decision.record_l == l, decision.record_r == r),
            and_(decision.record_l == r, decision.record_r == l),
        ),
        decision.at > ReviewAnswer.at,
    )
    return select(
        literal(POSSIBLE).label("kind"),
        literal(0.0).label("at"),
        ReviewAnswer.id.label("first"),
        literal(0).label("second"),
        l.label("l"),
        r.label("r"),
        literal(2).label("section"),
    ).where(ReviewAnswer.state == WAITING, _both_current(l, r), ~decided, ~or_(*waits_anyway))


def _conflicts(*, doubted: bool) -> Query:
    """Open conflicts, with what there is to know of them, see `sections`."""
    query = open_conflicts(doubted=doubted)
    waits, matched = _waits_for_others(*sides_of(query)), _matched_again()
    answered = or_(_answered_by_reviewer(), waits, matched)
    return query.add_columns(
        answered.label("answered"), waits.label("waits"), matched.label("matched")
    )


def _answered_by_reviewer() -> ColumnElement[bool]:
    """That the reviewer has said of a conflict what they could: alone, or with somebody."""
    decision, answer = aliased(Decision), aliased(ReviewAnswer)
    with_others = exists().where(answer.decision == decision.id, answer.by == _REVIEWER)
    return exists().where(answers_conflict(decision), or_(decision.by == _REVIEWER, with_others))


def _matched_again() -> ColumnElement[bool]:
    """That people were asked of a contradiction, and said that the two match all the same."""
    decision = aliased(Decision)
    return and_(
        Conflict.kind == CONTRADICTION,
        exists().where(answers_conflict(decision), decision.kind == MATCH),
    )


@cache
def referrals() -> Query:
    """Pairs that somebody referred to senior reviewers."""
    query = select(
        literal(REFERRED).label("kind"),
        literal(0.0).label("at"),
        Referral.id.label("first"),
        literal(0).label("second"),
        Referral.low.label("l"),
        Referral.high.label("r"),
        literal(0).label("section"),
    ).where(is_open(Referral), _both_current(Referral.low, Referral.high))
    return _with_answers(query, Referral.low, Referral.high)


@cache
def adjudications() -> Query:
    """Pairs whose two answers differ, those of the reviewer too: others must settle these."""
    query = (
        select(
            literal(ADJUDICATION).label("kind"),
            literal(0.0).label("at"),
            func.min(ReviewAnswer.id).label("first"),
            literal(0).label("second"),
            ReviewAnswer.low.label("l"),
            ReviewAnswer.high.label("r"),
            literal(1).label("section"),
        )
        .where(ReviewAnswer.state == DIFFERS, _both_current(ReviewAnswer.low, ReviewAnswer.high))
        .group_by(ReviewAnswer.low, ReviewAnswer.high)
    )
    return _with_answers(query, ReviewAnswer.low, ReviewAnswer.high)


def _with_answers(query: Query, low: Any, high: Any) -> Query:
    """A section of pairs that a reviewer is not handed once they have answered."""
    waits = _waits_for_others(low, high)
    return query.add_columns(
        waits.label("answered"), waits.label("waits"), literal(False).label("matched")
    )


def _waits_for_others(l: Any, r: Any) -> ColumnElement[bool]:
    """That the reviewer has answered a pair, and others must say what becomes of it."""
    mine = aliased(ReviewAnswer)
    return exists().where(
        _same(mine, l, r),
        mine.state.in_((WAITING, DIFFERS)),
        mine.by == _REVIEWER,
    )


@cache
def sampled_pairs() -> Query:
    """Pairs of the last quality sample that nobody answered, in their random order."""
    answer = aliased(Decision)
    answered = exists().where(
        or_(
            and_(answer.record_l == SampledPair.low, answer.record_r == SampledPair.high),
            and_(answer.record_l == SampledPair.high, answer.record_r == SampledPair.low),
        ),
        answer.id > QualitySample.after_decision,
        stands(answer),
    )
    last = select(func.max(QualitySample.id)).scalar_subquery()
    return (
        select(
            literal(POSSIBLE).label("kind"),
            SampledPair.turn.label("at"),
            SampledPair.low.label("first"),
            SampledPair.high.label("second"),
            SampledPair.low.label("l"),
            SampledPair.high.label("r"),
            literal(len(KINDS)).label("section"),
        )
        .join(QualitySample, QualitySample.id == SampledPair.sample)
        .where(
            SampledPair.sample == last, ~answered, _both_current(SampledPair.low, SampledPair.high)
        )
    )


def is_open(referral: Any) -> ColumnElement[bool]:
    """That no decision was made on a referred pair since."""
    later = aliased(Decision)
    same = or_(
        and_(later.record_l == referral.low, later.record_r == referral.high),
        and_(later.record_l == referral.high, later.record_r == referral.low),
    )
    return ~exists().where(same, later.id > referral.after_decision, stands(later))


def _both_current(low: Any, high: Any) -> ColumnElement[bool]:
    return and_(
        *(
            exists().where(RecordVersion.record == side, RecordVersion.to_run.is_(None))
            for side in (low, high)
        )
    )


@cache
def open_sample() -> Query:
    """Those of them that the reviewer may be given."""
    return _open_to_reviewer(sampled_pairs())


def _open_to_reviewer(query: Query, *, unless_waiting: bool = True) -> Query:
    """Of the register's queue, what nobody must settle first.

    ``unless_waiting`` leaves out what the reviewer has answered, and others did not yet.
    """
    l, r = sides_of(query)
    answer, referral = aliased(ReviewAnswer), aliased(Referral)
    others = answer.state == DIFFERS
    if unless_waiting:
        others = or_(others, and_(answer.state == WAITING, answer.by == _REVIEWER))
    answered = exists().where(_same(answer, l, r), others)
    referred = exists().where(_same(referral, l, r), is_open(referral))
    return query.where(~answered, ~referred)


def about(query: Query, pair: PairId) -> Query:
    """What of a section is about this pair."""
    l, r = sides_of(query)
    return query.where(
        or_(and_(l == pair.low, r == pair.high), and_(l == pair.high, r == pair.low))
    )


def sides_of(query: Query) -> tuple[Any, Any]:
    """The columns of the tables that hold the two records."""
    columns = query.selected_columns
    return columns["l"].element, columns["r"].element


def _same(table: Any, l: Any, r: Any) -> ColumnElement[bool]:
    return or_(and_(table.low == l, table.high == r), and_(table.low == r, table.high == l))
