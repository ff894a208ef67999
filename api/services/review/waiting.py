"""What waits for one reviewer, in the order in which it should be decided.

For senior reviewers first what others referred to them and where two answers differ. Then,
for everybody, the queue of the register: conflicts, decisions on values that changed, and
possible links, of which a decision is worth most first. Before these last come pairs that
somebody chose and answered who was not the one to decide alone; they look like possible links.
What a reviewer answered already is left out, but for conflicts that their answer did not end
and for what waits for senior reviewers; and what they may not see.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from api.db.models import (
    Pair,
    Record,
    RecordVersion,
    Referral,
    ReviewAnswer,
    SampledPair,
    Severance,
    Source,
)
from api.services.access.policy import View
from api.services.register.clashes import holds_a_conflict
from api.services.register.conflicts import CONTRADICTION, HELD_TWICE
from api.services.register.queue import (
    POSSIBLE,
    STALE,
    Place,
    Query,
    open_conflicts,
    possible_links,
    shown,
    stale_decisions,
)
from api.services.register.withholding import seen_in_whole
from api.services.review.pairs import PairId, Reviewer
from api.services.review.sections import (
    ADJUDICATION,
    BY,
    CONFLICT,
    CONFLICT_KINDS,
    DIFFERS,
    KINDS,
    REFERRED,
    WAITING,
    about,
    adjudications,
    is_open,
    open_sample,
    referrals,
    sampled_pairs,
    sections,
    sides_of,
)

_PIECE = 50
_COUNTED_AT_ONCE = 10_000


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
    """A pair that waits: its records by record.id, ``l`` first in key order, and its place.

    ``answered`` is what stays open though nothing more is asked of the reviewer: it is not handed
    out to them. Then ``waits`` says that their own answer to it waits for others, and ``matched``
    that a match was decided which cannot be followed while other decisions hold.
    """

    pair: PairId
    kind: str
    l: int
    r: int
    place: Place
    answered: bool = False
    waits: bool = False
    matched: bool = False


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
    for section, query in enumerate(sections(reviewer.senior)):
        if after is not None and section < after[0]:
            continue
        start = after if after is not None and section == after[0] else None
        chosen = _chosen(query, wanted, sources)
        for rows in shown(connection, chosen, start, size, {BY: reviewer.by}):
            for row in _weighed(connection, reviewer, wanted, rows):
                place = (section, row.at, row.first, row.second)
                said = (
                    bool(getattr(row, name, False)) for name in ("answered", "waits", "matched")
                )
                yield Waits(PairId.of(row.l, row.r), row.kind, row.l, row.r, place, *said)


def waiting_for_seniors(connection: Connection, by: str, *, at_most: int) -> dict[str, int]:
    """How many pairs wait for a senior reviewer only, by kind; no more than ``at_most`` each."""
    counts = {}
    for kind, query in ((REFERRED, referrals()), (ADJUDICATION, adjudications())):
        pieces = shown(connection, query, None, _PIECE, {BY: by})
        found = (row for rows in pieces for row in rows)
        counts[kind] = sum(1 for _ in islice(found, at_most))
    return counts


def sampled_for(connection: Connection, reviewer: Reviewer) -> Iterator[Waits]:
    """Pairs of the last quality sample that nobody answered, in the order of their random turn.

    Most are no part of the queue.
    """
    section = len(KINDS)
    query = _chosen(open_sample(), EVERYTHING, _sources_seen(connection, reviewer.view))
    for rows in shown(connection, query, None, _PIECE, {BY: reviewer.by}):
        for row in rows:
            place = (section, row.at, row.first, row.second)
            yield Waits(PairId.of(row.l, row.r), row.kind, row.l, row.r, place)


def is_sampled(connection: Connection, pair: PairId) -> bool:
    """Whether an unanswered pair is of the last quality sample."""
    own = sampled_pairs().where(pair.is_of(SampledPair.low, SampledPair.high))
    return connection.execute(own).first() is not None


def _weighed(
    connection: Connection, reviewer: Reviewer, wanted: Wanted, rows: Sequence[Any]
) -> Sequence[Any]:
    """Without those whose weight may not be told, if it was asked for."""
    if wanted.at_least is None and wanted.at_most is None:
        return rows
    whole = seen_in_whole(connection, reviewer.view, [(row.l, row.r) for row in rows])
    return [row for row in rows if frozenset((row.l, row.r)) in whole]


def kind_in_queue(connection: Connection, pair: PairId) -> str:
    """What a pair waits as in the queue of the register; nothing if it does not wait."""
    for query in (open_conflicts(doubted=True), stale_decisions(), possible_links()):
        found = connection.execute(about(query, pair).limit(1)).first()
        if found is not None:
            return str(found.kind)
    return ""


def counts_for(connection: Connection, reviewer: Reviewer) -> dict[str, int]:
    """How much is in the reviewer's list, by kind; all conflicts are one."""
    sources = _sources_seen(connection, reviewer.view)
    severed = connection.scalar(select(Severance.id).limit(1)) is not None
    given = {BY: reviewer.by}
    counts = dict.fromkeys((REFERRED, ADJUDICATION, CONFLICT, STALE, POSSIBLE), 0)
    kinds = (REFERRED, ADJUDICATION, CONFLICT, STALE, POSSIBLE, POSSIBLE)
    for kind, section in zip(kinds, sections(reviewer.senior), strict=True):
        query = _chosen(section, EVERYTHING, sources)
        if severed:
            # Which pairs nobody may see together is found out piece by piece.
            pieces = shown(connection, query, None, _COUNTED_AT_ONCE, given)
            counts[kind] += sum(len(rows) for rows in pieces)
        else:
            of = query.order_by(None).subquery()
            counts[kind] += connection.execute(
                select(func.count()).select_from(of), given
            ).scalar_one()
    return counts


def waits_for_others(connection: Connection, reviewer: Reviewer, pair: PairId) -> bool:
    """Whether the reviewer has answered a pair that is in their list until others did."""
    item = next(waiting_for(connection, reviewer, wanted=Wanted(pair=pair)), None)
    return item is not None and item.waits


def still_waits(connection: Connection, pair: PairId) -> bool:
    """Whether there is anything to say of a pair, for anybody."""
    current = select(func.count()).where(
        RecordVersion.record.in_(pair.records), RecordVersion.to_run.is_(None)
    )
    if connection.scalar(current) != 2:
        return False
    answered = exists().where(
        pair.is_of(ReviewAnswer.low, ReviewAnswer.high), ReviewAnswer.state == WAITING
    )
    return (
        kind_in_queue(connection, pair) != ""
        or waits_for_seniors(connection, pair) is not None
        or connection.scalar(select(literal(1)).where(answered)) is not None
        or is_sampled(connection, pair)
        or holds_a_conflict(connection, *pair.records, (CONTRADICTION, HELD_TWICE))
    )


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


def _chosen(query: Query, wanted: Wanted, sources: Sequence[int] | None) -> Query:
    l, r = sides_of(query)
    kind = query.selected_columns["kind"]
    if wanted.pair is not None:
        query = about(query, wanted.pair)
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


def _sources_seen(connection: Connection, view: View) -> list[int] | None:
    """Numbers of the sources that may be seen; none if that is all of them."""
    known = dict(iter(connection.execute(select(Source.name, Source.number))))
    seen = [number for name, number in known.items() if name in view.sources]
    return None if len(seen) == len(known) else seen
