"""What the next runs would do: done in a transaction, compared with what was, and undone.

So it is what they do, to the last record of an extract that nobody has linked yet. Whoever would
write to the register waits meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Child, Event, Pair, Record, Source, Succession
from api.services.extracts import extracts_due
from api.services.register.columns import columns
from api.services.register.contradictions import Contradiction, contradicting
from api.services.register.kept_rules import InForce, last_rules
from api.services.register.measures import register_measures
from api.services.register.planning import ChildCounts
from api.services.register.preview import (
    MovedLinks,
    Pairs,
    Preview,
    conflicts_now,
    moved_conflicts,
    moves_of,
    queue_now,
    sorted_out,
)
from api.services.register.previewed import mark_of
from api.services.register.reading import last_run, link_keys
from api.services.register.running import (
    RunResult,
    check_can_relink,
    lock_register,
    run_register,
)
from matcher.outcomes import MeasureResult
from matcher.progress import Observer


@dataclass(frozen=True)
class _State:
    """Pairs of records that are linked and that wait, conflicts, what decisions contradict, and
    measures.
    """

    linked: pd.Index
    waiting: pd.Index
    conflicts: pd.MultiIndex
    contradicted: tuple[Contradiction, ...]
    measures: tuple[MeasureResult, ...]

    @classmethod
    def of(cls, connection: Connection, rules: InForce) -> "_State":
        """As it is now."""
        linked = columns(connection, select(Pair.l, Pair.r).where(Pair.link == 1))
        return cls(
            pd.MultiIndex.from_arrays(linked),
            queue_now(connection),
            conflicts_now(connection),
            contradicting(connection, rules.book.linkage.matching.thresholds),
            register_measures(connection, rules.book),
        )


def rehearse(connection: Connection, *, now: datetime, observer: Observer | None = None) -> Preview:
    """What `run_register` would do with what waits, by the rules in force.

    ``connection`` is a transaction that may write; it holds nothing of it at the end. Raises
    DataError if the register is empty.
    """
    check_can_relink(connection)
    lock_register(connection)
    rules, latest = last_rules(connection), last_run(connection)
    mark = mark_of(connection, rules, extracts_due(connection))
    before = _State.of(connection, rules)
    rehearsed = connection.begin_nested()
    try:
        runs = run_register(connection, rules, by="preview", now=now, observer=observer)
        after = _State.of(connection, rules)
        founded, restored, retired = _children(connection, latest)
        merges, splits, moves = _successions(connection, latest, {*founded, *restored})
        already = {one.decision for one in before.contradicted}
        return Preview(
            after_run=latest,
            mark=mark,
            runs=len(runs),
            left_waiting=0,
            rules=rules.book.content_hash,
            model=rules.model.content_hash,
            counts=_counts(runs),
            founded=founded,
            restored=restored,
            retired=retired,
            merges=merges,
            splits=splits,
            moves=moves,
            links=_moved(connection, before.linked, after.linked),
            possible=_moved(connection, before.waiting, after.waiting),
            conflicts=moved_conflicts(before.conflicts, after.conflicts),
            contradicted=tuple(
                replace(one, already=one.decision in already) for one in after.contradicted
            ),
            measures=moves_of(before.measures, after.measures),
        )
    finally:
        rehearsed.rollback()


def _counts(runs: Sequence[RunResult]) -> ChildCounts:
    names = [field.name for field in fields(ChildCounts)]
    return ChildCounts(
        **{name: sum(getattr(run.outcome.children, name) for run in runs) for name in names}
    )


def _children(connection: Connection, latest: int) -> tuple[tuple[str, ...], ...]:
    """Ids that began, began again and ended since a run."""

    def ids(*where: object) -> tuple[str, ...]:
        return tuple(connection.scalars(select(Child.id).where(*where).order_by(Child.id)))  # type: ignore[arg-type]

    again = select(Event.child).where(Event.run > latest, Event.kind == "child_restored")
    old = Child.from_run <= latest
    return (
        ids(Child.from_run > latest, Child.to_run.is_(None)),
        ids(old, Child.to_run.is_(None), Child.id.in_(again)),
        ids(old, Child.to_run > latest, Child.id.not_in(again)),
    )


def _successions(
    connection: Connection, latest: int, begun: set[str]
) -> tuple[tuple[Pairs, ...], tuple[Pairs, ...], tuple[Pairs, ...]]:
    rows = connection.execute(
        select(Succession.child, Succession.successor, Succession.kind)
        .where(Succession.run > latest)
        .order_by(Succession.id)
    ).all()
    return sorted_out([(child, to, kind == "merged") for child, to, kind in rows], begun)


def _moved(connection: Connection, was: pd.Index, will: pd.Index) -> MovedLinks:
    gained, lost = will[~will.isin(was)], was[~was.isin(will)]
    ends = [index.get_level_values(side).to_numpy(np.int64) for index in (gained, lost)
            for side in (0, 1)]  # fmt: skip
    number, source, record_id = columns(
        connection,
        select(Record.id, Source.name, Record.record_id)
        .join(Source, Source.number == Record.source)
        .where(among(Record.id, np.unique(np.concatenate(ends)))),
    )
    records = pd.DataFrame({"id": number, "source": source, "record_id": record_id})
    return MovedLinks(len(was), link_keys(records, *ends[:2]), link_keys(records, *ends[2:]))
