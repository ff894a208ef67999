"""Everything that a change can reach, and what must be known to say what becomes of it.

Records are *bound* to each other where their pair may be joined, or nearly: by a pair whose
weight is close enough to a link to be a link's rival, or that the sources' company made one; by
what people decided; and by being of one child until now. Clusters, and which records of one
source may be one child, follow within what is bound.

A pair that is merely *possible* binds nobody, or half a town would hang together by such pairs.
It counts as a rival of others at its two ends, and waits for a person or not by what
becomes of these: so its ends are reached if it changed itself. What is beside the reached is
only read: around each record of which something is to be known stand all whose pairs with it
count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, literal, or_, select, union_all
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Decision, Membership, Pair
from api.services.register.columns import Numbers, columns
from api.services.register.decisions import MATCH
from api.services.register.pairs import NO_KEPT, NO_PAIRS, Bits, KeptPairs, Weighed, pairs_at
from matcher.deciding import MARGIN_BELOW
from matcher.rules.matching import Thresholds

Flags = npt.NDArray[np.bool_]

_NOBODY = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Bounds:
    """What a pair counts for: thresholds, and the prior in bits by group's number."""

    thresholds: Thresholds
    priors: Mapping[int, float]

    def binding(self, pairs: Weighed) -> Flags:
        """Pairs that may join two records, or be a rival of one that does."""
        strong = self.weight(pairs) >= self.thresholds.upper - self.thresholds.rival_margin
        joined = pairs.weight >= self.thresholds.upper
        return np.asarray((strong | joined) & (pairs.apart == 0))

    def possible(self, pairs: Weighed) -> Flags:
        """Pairs that may be a rival of any other, even if a level keeps the two apart."""
        weight = np.maximum(self.weight(pairs), pairs.weight)
        return np.asarray(weight >= self.thresholds.lower)

    def near(self, pairs: Weighed) -> Flags:
        """Pairs that are possible, or that company may make possible."""
        near = self.weight(pairs) >= self.thresholds.lower - MARGIN_BELOW
        return np.asarray(near & (pairs.apart == 0)) | self.possible(pairs)

    @cached_property
    def counting(self) -> ColumnElement[bool]:
        """What every pair is that is binding, possible or near by any prior, and few others."""
        own = self.thresholds
        least = min(own.lower - MARGIN_BELOW, own.upper - own.rival_margin)
        evidence = least - max(self.priors.values(), default=0.0)
        return or_(Pair.evidence >= evidence, Pair.company > 0)

    def prior(self, group: Numbers) -> Bits:
        """The prior of pairs by their groups."""
        groups, which = np.unique(group, return_inverse=True)
        return np.array([self.priors[one] for one in groups.tolist()], dtype=np.float64)[which]

    def weighed(self, rows: Mapping[str, Any]) -> Weighed:
        """Pairs with the weight that these priors, and the company that they have, come to."""
        given = {name: own for name, own in rows.items() if name != "company"}
        prior = self.prior(rows["group"])
        return Weighed(**given, weight=rows["evidence"] + prior + rows["company"])

    def weight(self, pairs: Weighed) -> Bits:
        """What the comparisons and the prior come to, without company."""
        return pairs.evidence + self.prior(pairs.group)


@dataclass(frozen=True)
class Reached:
    """What a change can reach: the ``core``, of which everything is to be said anew.

    Everything that matters to the pairs of ``complete`` records, which are the core and all
    whose pairs with it are near, is among ``records``. ``pairs`` are those of two of these.
    """

    core: Numbers
    complete: Numbers
    records: Numbers
    pairs: KeptPairs


def reach(connection: Connection, seeds: Numbers, bounds: Bounds) -> Reached:
    """What these records, of whose pairs something changed, can reach.

    What a prior has moved must be among the seeds: pairs are looked at by those of ``bounds``.
    """
    core = closure(connection, seeds, bounds)
    more = closure(connection, _ends(core.pairs, bounds.near(core.pairs)), bounds, core.records)
    complete = np.union1d(core.records, more.records)
    outer = [_ends(some.pairs, bounds.possible(some.pairs)) for some in (core, more)]
    around = closure(connection, np.union1d(*outer), bounds, complete)
    records = np.union1d(complete, around.records)
    pairs = KeptPairs.joined([*core.kept, *more.kept, *around.kept])
    return Reached(core.records, complete, records, pairs.take(np.isin(pairs.r, records)))


def _ends(pairs: Weighed, chosen: Flags) -> Numbers:
    return np.unique(np.concatenate(pairs.ends(chosen)))


@dataclass(frozen=True)
class _Closed:
    """Records that are bound to each other, and to nobody else.

    ``pairs`` has those of theirs that may count; ``kept`` all of which the first is one of them.
    """

    records: Numbers
    pairs: Weighed
    kept: Sequence[KeptPairs]


def closure(
    connection: Connection, seeds: Numbers, bounds: Bounds, known: Numbers = _NOBODY
) -> _Closed:
    """Records that are bound to these, through any number of others, with these.

    What is ``known`` already is left out; it must be closed itself.
    """
    reached = frontier = np.setdiff1d(seeds, known)
    fellows = _NOBODY
    read, kept = [NO_PAIRS], [NO_KEPT]
    while len(frontier):
        own, others = pairs_at(connection, frontier, bounds.counting)
        kept.append(own)
        pairs = Weighed.joined([own.weighed, bounds.weighed(others)])
        read.append(pairs)
        joined, fellows = _tied(connection, frontier, fellows)
        found = [*pairs.ends(bounds.binding(pairs)), joined, fellows]
        frontier = np.setdiff1d(np.concatenate(found), np.union1d(reached, known))
        reached = np.union1d(reached, frontier)
    return _Closed(reached, Weighed.joined(read), kept)


_MINE, _THEIRS = aliased(Membership), aliased(Membership)
_FELLOWS = (
    select(_THEIRS.record)
    .select_from(_MINE)
    .join(_THEIRS, _THEIRS.child == _MINE.child)
    .where(_MINE.to_run.is_(None), _THEIRS.to_run.is_(None))
)


def _tied(connection: Connection, records: Numbers, known: Numbers) -> tuple[Numbers, Numbers]:
    """Records that people joined with these at any time, and those that are of one child.

    Whether that was undone need not be known: what is reached for nothing comes out as it was.
    ``known`` are records whose fellows are reached already, being those of others.
    """
    joined = Decision.kind == MATCH
    strangers = np.setdiff1d(records, known)
    query = union_all(
        _FELLOWS.add_columns(literal(1)).where(among(_MINE.record, strangers)),
        select(Decision.record_r, literal(0)).where(joined, among(Decision.record_l, records)),
        select(Decision.record_l, literal(0)).where(joined, among(Decision.record_r, records)),
    )
    found, is_fellow = columns(connection, query)
    return found[is_fellow == 0], found[is_fellow == 1]


def fellows(connection: Connection, records: Numbers) -> Numbers:
    """Records that are of one child with these."""
    if not len(records):
        return records
    query = _FELLOWS.where(among(_MINE.record, records))
    return np.unique(columns(connection, query)[0])
