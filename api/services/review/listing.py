"""The queue and the decisions as lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, exists, or_, select
from sqlalchemy.orm import aliased

from api.db.engine import reading
from api.db.models import Decision, Record, Source
from api.db.tables import in_utc
from api.services.access.policy import View
from api.services.register.acts import Key
from api.services.register.decisions import UNDO
from api.services.register.queue import Place
from api.services.register.severances import severed_between
from api.services.register.withholding import seen_pairs
from api.services.review import leases
from api.services.review.given import standing_answers
from api.services.review.pairs import PairId, Reviewer, shown_keys
from api.services.review.waiting import EVERYTHING, Wanted, waiting_for


@dataclass(frozen=True, slots=True)
class Queued:
    """A pair that waits, ``l`` first in key order; ``taken`` if somebody has it in hand.

    ``answered`` is one of which nothing more is asked of the reviewer and that is open all the
    same. ``own`` is the number of their answer to it where that waits for others, and ``matched``
    says that a match was decided which cannot be followed while other decisions hold.

    ``weight``, in bits and without what may not be seen, is missing where the two were never
    compared.
    """

    pair: PairId
    kind: str
    l: Key
    r: Key
    records: tuple[int, int]
    weight: float | None
    taken: bool
    answered: bool
    own: int | None
    matched: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision on two records; ``undone`` if it was taken back.

    ``run`` is the one that it took effect with, ``stale`` says that the records say something
    else by now.
    """

    id: int
    kind: str
    pair: PairId
    l: Key
    r: Key
    by: str
    at: datetime
    why: str
    undone: bool
    run: int | None
    stale: bool


def queued(
    connection: Connection,
    aside: Engine,
    reviewer: Reviewer,
    *,
    now: datetime,
    wanted: Wanted = EVERYTHING,
    after: Place | None = None,
    limit: int = 50,
) -> list[Queued]:
    """What waits for a reviewer, in order, after a place; whoever has it in hand."""
    found = waiting_for(connection, reviewer, wanted=wanted, after=after, size=limit)
    items = list(islice(found, limit))
    records = [record for item in items for record in (item.l, item.r)]
    keys = shown_keys(connection, reviewer.view, records)
    kept = seen_pairs(connection, reviewer.view, [(item.l, item.r) for item in items])
    own = standing_answers(connection, reviewer.by) if any(item.waits for item in items) else {}
    with reading(aside) as beside:
        taken = leases.taken(beside, now)
    order = {record: place for place, record in enumerate(keys)}
    listed = []
    for item in items:
        l, r = sorted((item.l, item.r), key=order.__getitem__)
        told = kept.get(frozenset((l, r)))
        listed.append(
            Queued(
                pair=item.pair,
                kind=item.kind,
                l=keys[l],
                r=keys[r],
                records=(item.l, item.r),
                weight=None if told is None else told.weight,
                taken=item.pair in taken,
                answered=item.answered,
                own=own.get(item.pair),
                matched=item.matched,
                place=item.place,
            )
        )
    return listed


def decisions_made(
    connection: Connection,
    reviewer: Reviewer,
    *,
    by: str | None = None,
    record: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Decided]:
    """Decisions that the reviewer may see, the last first, before a number.

    Only those of a person, and on a record (by record.id), if they are named.
    """
    found: list[Decided] = []
    while len(found) < limit:
        rows = _decisions(connection, reviewer, by, record, before, limit)
        found += _shown(connection, reviewer.view, rows)
        if len(rows) < limit:
            break
        before = rows[-1].id
    return found[:limit]


def _decisions(
    connection: Connection,
    reviewer: Reviewer,
    by: str | None,
    record: int | None,
    before: int | None,
    limit: int,
) -> Sequence[Any]:
    undo = aliased(Decision)
    query = (
        select(
            Decision,
            exists().where(undo.undoes == Decision.id).label("undone"),
        )
        .where(Decision.kind != UNDO)
        .order_by(Decision.id.desc())
        .limit(limit)
    )
    for side in (Decision.record_l, Decision.record_r):
        seen = exists().where(
            Record.id == side,
            Source.number == Record.source,
            Source.name.in_(sorted(reviewer.view.sources)),
        )
        query = query.where(seen)
    if by is not None:
        query = query.where(Decision.by == by)
    if record is not None:
        query = query.where(or_(Decision.record_l == record, Decision.record_r == record))
    if before is not None:
        query = query.where(Decision.id < before)
    return connection.execute(query).all()


def _shown(connection: Connection, view: View, rows: Sequence[Any]) -> list[Decided]:
    l, r = (np.array([getattr(row, f"record_{side}") for row in rows], np.int64) for side in "lr")
    severed = severed_between(connection, l, r).tolist()
    keys = shown_keys(connection, view, [*l.tolist(), *r.tolist()])
    return [
        Decided(
            id=row.id,
            kind=row.kind,
            pair=PairId.of(row.record_l, row.record_r),
            l=keys[row.record_l],
            r=keys[row.record_r],
            by=row.by,
            at=in_utc(row.at),
            why=row.why,
            undone=row.undone,
            run=row.run,
            stale=row.stale_run is not None,
        )
        for row, hidden in zip(rows, severed, strict=True)
        if not hidden
    ]
