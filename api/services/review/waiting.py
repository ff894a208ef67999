"""What waits for one reviewer, in the order in which it should be decided.

For senior reviewers first what others referred to them and where two answers differ. Then,
for everybody, the queue of the register: conflicts, decisions on values that changed, and
possible links, of which a decision is worth most first. Before these last come pairs that
somebody chose and answered who was not the one to decide alone; they look like possible links.
What a reviewer answered already is left out, and what they may not see.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
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
    Decision,
    Pair,
    QualitySample,
    Record,
    RecordVersion,
    Referral,
    ReviewAnswer,
    SampledPair,
    Source,
)
from api.services.access.policy import View
from api.services.register.queue import (
    POSSIBLE,
    STALE,
    Place,
    Query,
    answers_conflict,
    open_conflicts,
    possible_links,
    shown,
    stale_decisions,
    stands,
)
from api.services.register.withholding import seen_in_whole
from api.services.review.pairs import PairId, Reviewer

REFERRED, ADJUDICATION = "referred", "adjudication"
CONFLICT_KINDS = ("contradiction", "held_twice", "refused_link")
# Any of them, where a part of the queue is chosen.
CONFLICT = "conflict"
KINDS = (REFERRED, ADJUDICATION, *CONFLICT_KINDS, STALE, POSSIBLE)

WAITING, DIFFERS = "waiting", "differs"

_PIECE = 50

# Queries are kept, for to put one together takes longer than to ask it. Whose they are is given
# as they are asked.
_BY = "reviewer"
_REVIEWER = bindparam(_BY, type_=String)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the queue: of a kind, with a record of a source, within weights in bits.

    The kind `CONFLICT` is any conflict. Or one ``pair`` of it. Pairs of which something counts
    that the reviewer may not see are in no part by weight.
    """

    kind: str | None = None
    source: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    pair: PairId | None = None


@dataclass(frozen=True, slots=True)
class Waits:
    """A pair that waits: its records by record.id, ``l`` first in key order, and its place."""

    pair: PairId
    kind: str
    l: int
    r: int
    place: Place


EVERYTHING = Wanted()


def waiting_for(
    connection: Connection,
    reviewer: Reviewer,
    *,
    wanted: Wanted = EVERYTHING,
    after: Place | None = None,
    size: int = _PIECE,
) -> Iterator[Waits]:
    """What waits for the reviewer, after a place, read in pieces of ``size``."""
    sources = _sources_seen(connection, reviewer.view)
    for section, query in enumerate(_sections(reviewer.senior)):
        if after is not None and section < after[0]:
            continue
        start = after if after is not None and section == after[0] else None
        chosen = _chosen(query, wanted, sources)
        for rows in shown(connection, chosen, start, size, {_BY: reviewer.by}):
            for row in _weighed(connection, reviewer, wanted, rows):
                place = (section, row.at, row.first, row.second)
                yield Waits(PairId.of(row.l, row.r), row.kind, row.l, row.r, place)


def waiting_for_seniors(
    connection: Connection, by: str, *, at_most: int, view: View | None = None
) -> dict[str, int]:
    """How many pairs wait for a senior reviewer only, by kind; no more than ``at_most`` each.

    Those that somebody with a view may see, else all.
    """
    sources = _sources_seen(connection, view) if view is not None else None
    counts = {}
    for kind, query in ((REFERRED, _referred()), (ADJUDICATION, _adjudications())):
        chosen = _chosen(query, EVERYTHING, sources)
        pieces = shown(connection, chosen, None, _PIECE, {_BY: by})
        found = (row for rows in pieces for row in rows)
        counts[kind] = sum(1 for _ in islice(found, at_most))
    return counts


def sampled_for(connection: Connection, reviewer: Reviewer) -> Iterator[Waits]:
    """Pairs of the last quality sample that nobody answered, in the order of their random turn.

    Most are no part of the queue.
    """
    section = len(KINDS)
    query = _chosen(_open_sample(), EVERYTHING, _sources_seen(connection, reviewer.view))
    for rows in shown(connection, query, None, _PIECE, {_BY: reviewer.by}):
        for row in rows:
            place = (section, row.at, row.first, row.second)
            yield Waits(PairId.of(row.l, row.r), row.kind, row.l, row.r, place)


def is_sampled(connection: Connection, pair: PairId) -> bool:
    """Whether an unanswered pair is of the last quality sample."""
    own = _sampled().where(pair.is_of(SampledPair.low, SampledPair.high))
    return connection.execute(own).first() is not None


def _weighed(
    connection: Connection, reviewer: Reviewer, wanted: Wanted, rows: Sequence[Any]
) -> Sequence[Any]:
    """Without those whose weight may not be told, if it was asked for."""
    if wanted.at_least is None and wanted.at_most is None:
        return rows
    whole = seen_in_whole(connection, reviewer.view, [(row.l, row.r) for row in rows])
    return [row for row in rows if frozenset((row.l, row.r)) in whole]


@cache
def _sections(senior: bool) -> list[Query]:
    own = [_referred(), _adjudications()]
    if not senior:
        own = [query.where(literal(False)) for query in own]
    # What others could not tell is for senior reviewers, once each.
    conflicts = open_conflicts(doubted=senior)
    base = [
        conflicts.where(~_answered_by_reviewer()),
        stale_decisions(),
        _chosen_by_others(),
        possible_links(),
    ]
    return [*own, *(_open_to_reviewer(query) for query in base)]


def kind_in_queue(connection: Connection, pair: PairId) -> str:
    """What a pair waits as in the queue of the register; nothing if it does not wait."""
    for query in (open_conflicts(doubted=True), stale_decisions(), possible_links()):
        found = connection.execute(_about(query, pair).limit(1)).first()
        if found is not None:
            return str(found.kind)
    return ""


def waits_for_seniors(connection: Connection, pair: PairId) -> str | None:
    """As what a pair waits for a senior reviewer: adjudication or referred; none if for all."""
    differ = exists().where(
        pair.is_of(ReviewAnswer.low, ReviewAnswer.high), ReviewAnswer.state == DIFFERS
    )
    referred = exists().where(pair.is_of(Referral.low, Referral.high), is_open(Referral))
    for kind, condition in ((ADJUDICATION, differ), (REFERRED, referred)):
        if connection.scalar(select(literal(1)).where(condition)) is not None:
            return kind
    return None


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
        for one, other in [_sides(query)]
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


def _answered_by_reviewer() -> ColumnElement[bool]:
    """That the reviewer has said of a conflict what they could: alone, or with somebody."""
    decision, answer = aliased(Decision), aliased(ReviewAnswer)
    with_others = exists().where(answer.decision == decision.id, answer.by == _REVIEWER)
    return exists().where(answers_conflict(decision), or_(decision.by == _REVIEWER, with_others))


@cache
def _referred() -> Query:
    return select(
        literal(REFERRED).label("kind"),
        literal(0.0).label("at"),
        Referral.id.label("first"),
        literal(0).label("second"),
        Referral.low.label("l"),
        Referral.high.label("r"),
        literal(0).label("section"),
    ).where(
        is_open(Referral),
        ~_waits_for_others(Referral),
        _both_current(Referral.low, Referral.high),
    )


@cache
def _adjudications() -> Query:
    return (
        select(
            literal(ADJUDICATION).label("kind"),
            literal(0.0).label("at"),
            func.min(ReviewAnswer.id).label("first"),
            literal(0).label("second"),
            ReviewAnswer.low.label("l"),
            ReviewAnswer.high.label("r"),
            literal(1).label("section"),
        )
        .where(
            ReviewAnswer.state == DIFFERS,
            ~_waits_for_others(ReviewAnswer),
            _both_current(ReviewAnswer.low, ReviewAnswer.high),
        )
        .group_by(ReviewAnswer.low, ReviewAnswer.high)
    )


def _waits_for_others(pair: Any) -> ColumnElement[bool]:
    """That the reviewer has answered a pair, and others must say what becomes of it."""
    mine = aliased(ReviewAnswer)
    return exists().where(
        mine.low == pair.low,
        mine.high == pair.high,
        mine.state.in_((WAITING, DIFFERS)),
        mine.by == _REVIEWER,
    )


@cache
def _sampled() -> Query:
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
def _open_sample() -> Query:
    return _open_to_reviewer(_sampled())


def _open_to_reviewer(query: Query) -> Query:
    """Of the register's queue, what nobody must settle first, and the reviewer did not answer."""
    l, r = _sides(query)
    answer, referral = aliased(ReviewAnswer), aliased(Referral)
    answered = exists().where(
        _same(answer, l, r),
        or_(
            answer.state == DIFFERS,
            and_(answer.state == WAITING, answer.by == _REVIEWER),
        ),
    )
    referred = exists().where(_same(referral, l, r), is_open(referral))
    return query.where(~answered, ~referred)


def _chosen(query: Query, wanted: Wanted, sources: Sequence[int] | None) -> Query:
    l, r = _sides(query)
    kind = query.selected_columns["kind"]
    if wanted.pair is not None:
        query = _about(query, wanted.pair)
    if wanted.kind == CONFLICT:
        query = query.where(kind.in_(CONFLICT_KINDS))
    elif wanted.kind is not None:
        query = query.where(kind == wanted.kind)
    if sources is not None:
        for side in (l, r):
            query = query.where(exists().where(Record.id == side, Record.source.in_(sources)))
    if wanted.source is not None:
        held = exists().where(
            or_(Record.id == l, Record.id == r),
            Record.source == Source.number,
            Source.name == wanted.source,
        )
        query = query.where(held)
    if wanted.at_least is not None or wanted.at_most is not None:
        pair = aliased(Pair)
        bounds = [or_(and_(pair.l == l, pair.r == r), and_(pair.l == r, pair.r == l))]
        if wanted.at_least is not None:
            bounds.append(pair.weight >= wanted.at_least)
        if wanted.at_most is not None:
            bounds.append(pair.weight <= wanted.at_most)
        query = query.where(exists().where(*bounds))
    return query


def _about(query: Query, pair: PairId) -> Query:
    l, r = _sides(query)
    return query.where(
        or_(and_(l == pair.low, r == pair.high), and_(l == pair.high, r == pair.low))
    )


def _sides(query: Query) -> tuple[Any, Any]:
    """The columns of the tables that hold the two records."""
    columns = query.selected_columns
    return columns["l"].element, columns["r"].element


def _same(table: Any, l: Any, r: Any) -> ColumnElement[bool]:
    return or_(and_(table.low == l, table.high == r), and_(table.low == r, table.high == l))


def _sources_seen(connection: Connection, view: View) -> list[int] | None:
    """Numbers of the sources that may be seen; none if that is all of them."""
    known = dict(iter(connection.execute(select(Source.name, Source.number))))
    seen = [number for name, number in known.items() if name in view.sources]
    return None if len(seen) == len(known) else seen
