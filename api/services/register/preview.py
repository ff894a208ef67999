"""What other rules, another model or other thresholds would do to the register.

Everything is linked by them in memory, by the same functions that a relink calls, and
compared with what the register holds. Nothing is written and nobody waits: it needs one
unchanging view of the database and no more (see `api.db.engine.reading`).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from api.db.models import Decision, Pair
from api.services.extracts import extracts_due
from api.services.extracts.current import current_activity, current_records
from api.services.measuring import all_measures
from api.services.register.columns import Numbers, columns
from api.services.register.conflicts import find_conflicts
from api.services.register.contradictions import Contradiction, contradicted
from api.services.register.kept_rules import InForce, last_rules
from api.services.register.linker import Linker
from api.services.register.placing import waiting_places
from api.services.register.planning import ChildCounts, ChildPlan, Clustered, plan_children
from api.services.register.previewed import mark_of
from api.services.register.queue import Query, open_conflicts, shown, stands
from api.services.register.queue import possible_links as queued_links
from api.services.register.reading import (
    last_run,
    link_keys,
    possible_links,
    read_crosswalk,
    read_possible_links,
)
from api.services.register.running import check_can_relink, holding_once
from api.services.register.whole import compute_whole, members
from matcher.deciding import Linked
from matcher.errors import DataError
from matcher.links import reported
from matcher.outcomes import MeasureInputs, MeasureResult, as_dict
from matcher.progress import Observer, Silent
from matcher.table import Mask

Pairs = tuple[str, str]


@dataclass(frozen=True)
class MovedLinks:
    """Pairs of records that would be reported, or would no longer be; ``before`` are now.

    Columns source_l, record_id_l, source_r, record_id_r, in order.
    """

    before: int
    gained: pd.DataFrame
    lost: pd.DataFrame

    @property
    def after(self) -> int:
        """How many there would be."""
        return self.before + len(self.gained) - len(self.lost)


@dataclass(frozen=True, slots=True)
class MovedConflicts:
    """How many conflicts wait now, and how many more and fewer would."""

    before: int
    gained: int
    lost: int

    @property
    def after(self) -> int:
        """How many there would be."""
        return self.before + self.gained - self.lost


@dataclass(frozen=True)
class MeasureMove:
    """A measure as it is and as it would be; missing where the rules do not have it."""

    name: str
    before: MeasureResult | None
    after: MeasureResult | None

    @property
    def moves(self) -> bool:
        """Whether anything of it would be another figure."""
        return self.before != self.after

    def as_dict(self) -> dict[str, Any]:
        """Plain values; the results as `matcher.outcomes` tells them."""
        return {
            "name": self.name,
            "moves": self.moves,
            "before": None if self.before is None else as_dict(self.before),
            "after": None if self.after is None else as_dict(self.after),
        }


@dataclass(frozen=True)
class Preview:
    """What a relink after run ``after_run`` would do. ``rules`` and ``model`` are hashes.

    It would make so many ``runs``. ``left_waiting`` are extracts that go on waiting, and
    ``mark`` tells what it would hold, see `previewed`.

    Ids: ``founded``, ``restored`` and ``retired``. Pairs of ids, from a child to one that
    takes some of its records: ``merges`` (all of them, and there is no other), ``splits``
    (to a child that begins, or one of several that share what an ended one held) and
    ``moves`` (to another child that was there already, while it goes on itself).

    ``possible`` and ``conflicts`` are as the queue has them: what somebody decided waits no
    more, and a link that was refused waits as a conflict.
    """

    after_run: int
    mark: str
    runs: int
    left_waiting: int
    rules: str
    model: str
    counts: ChildCounts
    founded: tuple[str, ...]
    restored: tuple[str, ...]
    retired: tuple[str, ...]
    merges: tuple[Pairs, ...]
    splits: tuple[Pairs, ...]
    moves: tuple[Pairs, ...]
    links: MovedLinks
    possible: MovedLinks
    conflicts: MovedConflicts
    contradicted: tuple[Contradiction, ...]
    measures: tuple[MeasureMove, ...]

    @property
    def queue_growth(self) -> int:
        """How many more possible links would wait for a person; below zero, fewer."""
        return self.possible.after - self.possible.before


def preview(
    connection: Connection, offered: InForce, *, observer: Observer | None = None
) -> Preview:
    """What `relink` with these rules would do. Writes nothing.

    Extracts that wait are left out, as a relink leaves them waiting; decisions that wait
    count. Raises DataError if there is nothing to link.
    """
    check_can_relink(connection)
    observer = observer or Silent()
    known = last_rules(connection)
    latest = last_run(connection)
    mark = mark_of(connection, offered)
    linker = Linker.of(connection, latest, offered.book.linkage, offered.model, observer)
    once = holding_once(connection, offered)
    linker = replace(linker, single=frozenset(name for name in once if once[name]))
    with observer.stage("read the register"):
        records = current_records(connection)
        records["unplaced"] &= ~records["id"].isin(waiting_places(connection))
    found = compute_whole(linker, records)
    if found is None:
        raise DataError("no record of a child is in the register, so there is nothing to link")
    scored, linked = found
    record = linked.prepared.records["id"].to_numpy(np.int64)
    with observer.stage("compare with the register"):
        gone = np.setdiff1d(members(connection), record)
        plan = plan_children(linker.rules, connection, Clustered.of(linked), gone)
        links, possible, conflicts, waiting = _moved_links(connection, records, record, linked)
    with observer.stage("measures"):
        measures = _measures(connection, known, offered, records, plan, waiting)
    merges, splits, moves = _successions(plan)
    return Preview(
        after_run=latest,
        mark=mark,
        runs=1,
        left_waiting=len(extracts_due(connection)),
        rules=offered.book.content_hash,
        model=offered.model.content_hash,
        counts=plan.counts,
        founded=tuple(plan.carried.founded),
        restored=tuple(plan.carried.restored),
        retired=tuple(plan.carried.ended),
        merges=merges,
        splits=splits,
        moves=moves,
        links=links,
        possible=possible,
        conflicts=conflicts,
        contradicted=contradicted(
            connection,
            scored,
            before=known.book.linkage.matching.thresholds,
            after=linker.matching.thresholds,
        ),
        measures=measures,
    )


def _successions(
    plan: ChildPlan,
) -> tuple[tuple[Pairs, ...], tuple[Pairs, ...], tuple[Pairs, ...]]:
    carried = plan.carried
    rows = [(one.child, one.successor, one.merged) for one in carried.successions]
    return sorted_out(rows, {*carried.founded, *carried.restored})


def sorted_out(
    rows: Sequence[tuple[str, str, bool]], begun: Collection[str]
) -> tuple[tuple[Pairs, ...], tuple[Pairs, ...], tuple[Pairs, ...]]:
    """Merges, splits and moves, of rows of child, successor, and whether the child ended.

    ``begun`` are ids that began.
    """
    several = Counter(child for child, _, _ in rows)
    found: tuple[list[Pairs], list[Pairs], list[Pairs]] = ([], [], [])
    for child, successor, ended in rows:
        merged = ended and several[child] == 1
        kind = 0 if merged else 1 if ended or successor in begun else 2
        found[kind].append((child, successor))
    merges, splits, moves = map(tuple, found)
    return merges, splits, moves


def _moved_links(
    connection: Connection, records: pd.DataFrame, record: Numbers, linked: Linked
) -> tuple[MovedLinks, MovedLinks, MovedConflicts, pd.DataFrame]:
    """What moves of links, of the queue and of conflicts; and every pair left to a person."""
    followed, waiting = reported(linked)
    own = pd.MultiIndex.from_arrays([record[linked.pairs.l], record[linked.pairs.r]])
    linked_now = pd.MultiIndex.from_arrays(
        columns(connection, select(Pair.l, Pair.r).where(Pair.link == 1))
    )
    conflicts = pd.MultiIndex.from_tuples(
        [(kind, record[l], record[r]) for kind, l, r in find_conflicts(linked)],
        names=["kind", "l", "r"],
    )
    queue = own[waiting & ~_decided(connection, own) & ~own.isin(conflicts.droplevel("kind"))]
    return (
        _moved(records, linked_now, own[followed]),
        _moved(records, queue_now(connection), queue),
        moved_conflicts(conflicts_now(connection), conflicts),
        possible_links(records, *(side[waiting] for side in _sides(own))),
    )


def _decided(connection: Connection, pairs: pd.MultiIndex) -> Mask:
    """Of which of these pairs a person said something that stands, in either order."""
    said = columns(connection, select(Decision.record_l, Decision.record_r).where(stands(Decision)))
    return pairs.isin(pd.MultiIndex.from_arrays(said)) | pairs.isin(
        pd.MultiIndex.from_arrays(said[::-1])
    )


def queue_now(connection: Connection) -> pd.Index:
    """The possible links that wait, as record.id of l and r."""
    return _shown(connection, queued_links()).droplevel("kind")


def conflicts_now(connection: Connection) -> pd.MultiIndex:
    """The conflicts that wait, as kind and record.id of l and r."""
    return _shown(connection, open_conflicts(doubted=True))


def moved_conflicts(was: pd.MultiIndex, will: pd.MultiIndex) -> MovedConflicts:
    """From those that wait to those that would."""
    return MovedConflicts(len(was), int((~will.isin(was)).sum()), int((~was.isin(will)).sum()))


def _shown(connection: Connection, section: Query) -> pd.MultiIndex:
    rows = [row for rows in shown(connection, section, None, 10_000) for row in rows]
    return pd.MultiIndex.from_tuples(
        [(row.kind, row.l, row.r) for row in rows], names=["kind", "l", "r"]
    )


def _moved(records: pd.DataFrame, was: pd.Index, will: pd.Index) -> MovedLinks:
    return MovedLinks(
        len(was), _keys(records, will[~will.isin(was)]), _keys(records, was[~was.isin(will)])
    )


def _sides(pairs: pd.Index) -> tuple[Numbers, Numbers]:
    l, r = (pairs.get_level_values(side).to_numpy(np.int64) for side in (0, 1))
    return l, r


def _keys(records: pd.DataFrame, pairs: pd.Index) -> pd.DataFrame:
    return link_keys(records, *_sides(pairs))


def _measures(
    connection: Connection,
    known: InForce,
    offered: InForce,
    records: pd.DataFrame,
    plan: ChildPlan,
    waiting: pd.DataFrame,
) -> tuple[MeasureMove, ...]:
    source, record_id = zip(*plan.keys, strict=True)
    crosswalk = pd.DataFrame(
        {"source": source, "record_id": record_id, "child_id": plan.carried.child}
    )
    activity = current_activity(connection)
    now = MeasureInputs(records, read_crosswalk(connection), activity)
    before = all_measures(known.book, now, read_possible_links(connection))
    after = all_measures(offered.book, now.with_crosswalk(crosswalk), waiting)
    return moves_of(before, after)


def moves_of(
    before: Iterable[MeasureResult], after: Iterable[MeasureResult]
) -> tuple[MeasureMove, ...]:
    """Each measure as it is and as it would be."""
    by_name = [{result.name: result for result in results} for results in (before, after)]
    names = dict.fromkeys([*by_name[0], *by_name[1]])
    return tuple(MeasureMove(name, by_name[0].get(name), by_name[1].get(name)) for name in names)
