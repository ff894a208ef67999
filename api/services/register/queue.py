"""What waits for a person: conflicts, decisions on values that changed, and possible links.

Conflicts come first, then decisions, then possible links: those first of which a decision is
worth most (see `matcher.worth`). A pair that a person has decided on leaves at once, and comes
back if the decision is taken back or its values change. Of severed children nothing is told,
and of shielded ones no place.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Conflict, Decision, Pair, RecordVersion, Severance
from api.db.tables import in_utc
from api.services.register.acts import Key, keys_of
from api.services.register.clashes import Clashing, clashing_decisions
from api.services.register.conflicts import CONTRADICTION
from api.services.register.decisions import CANNOT_TELL, MATCH, UNDO
from api.services.register.kept_rules import last_rules
from api.services.register.severances import severed_between
from api.services.register.shields import WHEREABOUTS, shielded_records
from api.services.register.values import values_now
from api.services.register.withholding import seen_pairs

STALE, POSSIBLE = "changed_values", "possible_link"

Query = Select[*tuple[Any, ...]]
Found = Row[*tuple[Any, ...]]

# Where an item stands: section, then what its section is in order of.
Place = tuple[int, float, int, int]


@dataclass(frozen=True, slots=True)
class Remade:
    """A decision whose values changed, the old ones beside the new, by column of RECORDS.

    Both hold only what differs as written. ``address`` and ``postcode`` are left out of a
    shielded child's, and ``location_hidden`` says so. Columns that reviewers see only when they
    ask are left out too: ``masked_l`` and ``masked_r`` name those that differ.
    """

    id: int
    kind: str
    by: str
    at: datetime
    why: str
    then_l: Mapping[str, str]
    now_l: Mapping[str, str]
    then_r: Mapping[str, str]
    now_r: Mapping[str, str]
    masked_l: tuple[str, ...]
    masked_r: tuple[str, ...]
    location_hidden: bool


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A pair of records that waits.

    ``kind`` is that of a conflict (see `conflicts`), changed_values or possible_link.
    Weight, probability and reasons are missing where the two were never compared, or too
    unlike to be kept; what tells of a shielded child's home is not in them. ``clashing`` are the
    decisions that a conflict comes of, of which one is to be taken back. ``place`` is where the
    next page begins, if this is the last item.
    """

    kind: str
    l: Key
    r: Key
    weight: float | None
    probability: float | None
    reasons: tuple[str, ...]
    rival: bool
    conflict: int | None
    clashing: tuple[Clashing, ...]
    decision: Remade | None
    place: Place


def waiting_pairs(
    connection: Connection, *, after: Place | None = None, limit: int = 50
) -> list[QueueItem]:
    """The next items of the queue.

    Args:
        connection: sees the register.
        after: the place of the last item seen; without it, from the beginning.
        limit: how many at most.
    """
    found: list[Found] = []
    for section, query in enumerate(_sections()):
        if after is None or section >= after[0]:
            start = after if after is not None and after[0] == section else None
            found += _take(connection, query, start, limit - len(found))
        if len(found) == limit:
            break
    return _items(connection, found)


def queue_counts(connection: Connection, *, doubted: bool = False) -> dict[str, int]:
    """How many conflicts, decisions on changed values and possible links wait.

    ``doubted`` counts conflicts that somebody could not tell, too.
    """
    names = ("conflicts", STALE, POSSIBLE)
    anything = connection.scalar(select(Severance.id).limit(1)) is not None
    counts = {}
    for name, query in zip(names, _sections(doubted=doubted), strict=True):
        if anything:
            counts[name] = sum(len(rows) for rows in shown(connection, query, None, 10_000))
        else:
            of = query.order_by(None).subquery()
            counts[name] = connection.execute(select(func.count()).select_from(of)).scalar_one()
    return counts


@cache
def _sections(*, doubted: bool = False) -> list[Query]:
    """Queries in order, each with columns kind, at, first, second, l, r, section.

    Kept, as are their parts: to put one together takes longer than to ask it.
    """
    return [open_conflicts(doubted=doubted), stale_decisions(), possible_links()]


@cache
def open_conflicts(*, doubted: bool = False) -> Query:
    """Conflicts that no decision on the two waits to settle.

    Those that somebody could not tell are left out, unless asked for as ``doubted``: to ask
    again says nothing new before the values change, and then the decision comes up itself.
    """
    pending, taken_back = aliased(Decision), aliased(Decision)
    # Taking back what no run has followed yet leaves the conflict as it was.
    undoes_a_followed_one = exists().where(
        pending.kind == UNDO, taken_back.id == pending.undoes, taken_back.run.is_not(None)
    )
    # To say again that two match is followed as little as the match that is there.
    settled = exists().where(
        pending.run.is_(None),
        pending.kind != CANNOT_TELL,
        or_(pending.kind != MATCH, Conflict.kind != CONTRADICTION),
        _same(pending, Conflict),
        or_(stands(pending), undoes_a_followed_one),
    )
    doubt, later = aliased(Decision), aliased(Decision)
    overruled = exists().where(later.id > doubt.id, _same(later, Conflict), stands(later))
    in_doubt = exists().where(
        doubt.kind == CANNOT_TELL,
        answers_conflict(doubt),
        ~overruled,
    )
    open_ones = [] if doubted else [~in_doubt]
    return select(
        Conflict.kind.label("kind"),
        literal(0.0).label("at"),
        Conflict.id.label("first"),
        literal(0).label("second"),
        Conflict.record_l.label("l"),
        Conflict.record_r.label("r"),
        literal(0).label("section"),
    ).where(Conflict.to_run.is_(None), ~settled, *open_ones)


def answers_conflict(decision: Any) -> ColumnElement[bool]:
    """That a decision is about a conflict and newer than it, and was not taken back."""
    newer = or_(decision.run.is_(None), decision.run > Conflict.from_run)
    return and_(_same(decision, Conflict), newer, stands(decision))


@cache
def stale_decisions() -> Query:
    """Decisions in force that were made on other values."""
    later = aliased(Decision)
    superseded = exists().where(later.id > Decision.id, _same(later, Decision), stands(later))
    current = [
        exists().where(RecordVersion.record == side, RecordVersion.to_run.is_(None))
        for side in (Decision.record_l, Decision.record_r)
    ]
    return select(
        literal(STALE).label("kind"),
        literal(0.0).label("at"),
        Decision.id.label("first"),
        literal(0).label("second"),
        Decision.record_l.label("l"),
        Decision.record_r.label("r"),
        literal(1).label("section"),
    ).where(Decision.stale_run.is_not(None), stands(Decision), ~superseded, *current)


@cache
def possible_links() -> Query:
    """Pairs that a run leaves to a person, and that nobody decided on."""
    conflict = exists().where(
        Conflict.to_run.is_(None), Conflict.record_l == Pair.l, Conflict.record_r == Pair.r
    )
    return select(
        literal(POSSIBLE).label("kind"),
        Pair.turn.label("at"),
        Pair.l.label("first"),
        Pair.r.label("second"),
        Pair.l.label("l"),
        Pair.r.label("r"),
        literal(2).label("section"),
    ).where(Pair.waiting == 1, ~is_decided(Pair.l, Pair.r), ~conflict)


def is_decided(l: Any, r: Any) -> ColumnElement[bool]:
    """That a decision on two records, by their columns, was made and not taken back."""
    said = aliased(Decision)
    about = or_(
        and_(said.record_l == l, said.record_r == r),
        and_(said.record_l == r, said.record_r == l),
    )
    return exists().where(about, stands(said))


def stands(decision: Any) -> ColumnElement[bool]:
    """That an entry is a decision and was not taken back."""
    undo = aliased(Decision)
    return and_(decision.kind != UNDO, ~exists().where(undo.undoes == decision.id))


def _same(one: Any, other: Any) -> ColumnElement[bool]:
    """That two rows are about the same pair, in either order."""
    return or_(
        and_(one.record_l == other.record_l, one.record_r == other.record_r),
        and_(one.record_l == other.record_r, one.record_r == other.record_l),
    )


def _take(connection: Connection, query: Query, after: Place | None, limit: int) -> list[Found]:
    taken: list[Found] = []
    for rows in shown(connection, query, after, limit):
        taken += rows
        if len(taken) >= limit:
            break
    return taken[:limit]


def shown(
    connection: Connection,
    query: Query,
    after: Place | None,
    size: int,
    given: Mapping[str, object] | None = None,
) -> Iterator[list[Found]]:
    """Rows of a section after a place, in pieces, without pairs that nobody may see together.

    ``given`` are values of parameters that the query names.
    """
    of = query.subquery()
    order = (of.c.at, of.c.first, of.c.second)
    while True:
        piece = select(of).order_by(*order).limit(size)
        if after is not None:
            piece = piece.where(tuple_(*order) > tuple_(*map(literal, after[1:])))
        rows = connection.execute(piece, given).all()
        if rows:
            l, r = (np.array([getattr(row, side) for row in rows], np.int64) for side in "lr")
            severed = severed_between(connection, l, r)
            yield [row for row, hidden in zip(rows, severed.tolist(), strict=True) if not hidden]
        if len(rows) < size:
            return
        after = _place(rows[-1])


def _place(row: Found) -> Place:
    return row.section, row.at, row.first, row.second


def _items(connection: Connection, rows: Sequence[Found]) -> list[QueueItem]:
    records = sorted({record for row in rows for record in (row.l, row.r)})
    keys = keys_of(connection, records)
    shielded = set(shielded_records(connection).tolist())
    pairs = seen_pairs(connection, None, [(row.l, row.r) for row in rows])
    remade = _remade(connection, [row for row in rows if row.kind == STALE], shielded)
    clashing = clashing_decisions(
        connection, [(row.kind, row.l, row.r) for row in rows if row.section == 0]
    )
    items = []
    for row in rows:
        pair = pairs.get(frozenset((row.l, row.r)))
        items.append(
            QueueItem(
                kind=row.kind,
                l=keys[row.l],
                r=keys[row.r],
                weight=None if pair is None else pair.weight,
                probability=None if pair is None else pair.probability,
                reasons=() if pair is None else pair.reasons,
                rival=pair is not None and pair.rival,
                conflict=row.first if row.section == 0 else None,
                clashing=clashing.get((row.kind, row.l, row.r), ()),
                decision=remade.get(row.first) if row.kind == STALE else None,
                place=_place(row),
            )
        )
    return items


def _remade(connection: Connection, rows: Sequence[Found], shielded: set[int]) -> dict[int, Remade]:
    """Decisions by number, with the values that they were made on and those of now."""
    if not rows:
        return {}
    now = values_now(connection, {record for row in rows for record in (row.l, row.r)})
    numbers = np.array([row.first for row in rows], dtype=np.int64)
    masked = last_rules(connection).book.review.masked
    found = {}
    for made in connection.execute(select(Decision).where(among(Decision.id, numbers))):
        placeless = bool({made.record_l, made.record_r} & shielded)
        left_out = {*masked, *(WHEREABOUTS if placeless else ())}
        differ_l = _differing(made.values_l["values"], now[made.record_l])
        differ_r = _differing(made.values_r["values"], now[made.record_r])
        found[made.id] = Remade(
            id=made.id,
            kind=made.kind,
            by=made.by,
            at=in_utc(made.at),
            why=made.why,
            then_l=_without(made.values_l["values"], differ_l, left_out),
            now_l=_without(now[made.record_l], differ_l, left_out),
            then_r=_without(made.values_r["values"], differ_r, left_out),
            now_r=_without(now[made.record_r], differ_r, left_out),
            masked_l=tuple(name for name in differ_l if name in masked),
            masked_r=tuple(name for name in differ_r if name in masked),
            location_hidden=placeless,
        )
    return found


def _differing(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [
        name for name in (*now, *sorted(set(then) - set(now))) if then.get(name) != now.get(name)
    ]


def _without(
    values: Mapping[str, str], names: Sequence[str], left_out: Collection[str]
) -> dict[str, str]:
    """Values of these names, as far as there are any and they are not left out."""
    return {name: values[name] for name in names if name in values and name not in left_out}
