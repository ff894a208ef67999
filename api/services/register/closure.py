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

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, or_, select, union_all
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Decision, Membership, Pair
from api.services.register.columns import Numbers, columns
from api.services.register.decisions import MATCH
from api.services.register.pairs import Bits, Weighed, weighed_pairs
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
        return or_(Pair.evidence >= evidence, Pair.weight >= min(own.lower, own.upper))

    def prior(self, group: Numbers) -> Bits:
        """The prior of pairs by their groups."""
        groups, which = np.unique(group, return_inverse=True)
        return np.array([self.priors[one] for one in groups.tolist()], dtype=np.float64)[which]

    def weight(self, pairs: Weighed) -> Bits:
        """What the comparisons and the prior come to, without company."""
        return pairs.evidence + self.prior(pairs.group)


@dataclass(frozen=True)
class Reached:
    """What a change can reach: the ``core``, of which everything is to be said anew.

    Everything that matters to the pairs of ``complete`` records, which are the core and all
    whose pairs with it are near, is among ``records``.
    """

    core: Numbers
    complete: Numbers
    records: Numbers


def reach(connection: Connection, seeds: Numbers, bounds: Bounds) -> Reached:
    """What these records, of whose pairs something changed, can reach."""
    core, pairs = closure(connection, seeds, bounds)
    more, others = closure(connection, _ends(pairs, bounds.near(pairs)), bounds, core)
    complete = np.union1d(core, more)
    outer = [_ends(some, bounds.possible(some)) for some in (pairs, others)]
    around, _ = closure(connection, np.union1d(*outer), bounds, complete)
    return Reached(core, complete, np.union1d(complete, around))


def _ends(pairs: Weighed, chosen: Flags) -> Numbers:
    return np.unique(np.concatenate(pairs.ends(chosen)))


def closure(
    connection: Connection, seeds: Numbers, bounds: Bounds, known: Numbers | None = None
) -> tuple[Numbers, Weighed]:
    """Records that are bound to these, through any number of others, with these; their pairs.

    What is ``known`` already is left out; it must be closed itself. Of the pairs, those that
    may count.
    """
    known = _NOBODY if known is None else known
    reached = frontier = np.setdiff1d(seeds, known)
    read = [weighed_pairs(connection, _NOBODY)]
    while len(frontier):
        pairs = weighed_pairs(connection, frontier, bounds.counting)
        read.append(pairs)
        found = [*pairs.ends(bounds.binding(pairs)), _tied(connection, frontier)]
        frontier = np.setdiff1d(np.concatenate(found), np.union1d(reached, known))
        reached = np.union1d(reached, frontier)
    return reached, Weighed.joined(read)


_MINE, _THEIRS = aliased(Membership), aliased(Membership)
_FELLOWS = (
    select(_THEIRS.record)
    .select_from(_MINE)
    .join(_THEIRS, _THEIRS.child == _MINE.child)
    .where(_MINE.to_run.is_(None), _THEIRS.to_run.is_(None))
)


def _tied(connection: Connection, records: Numbers) -> Numbers:
    """Records that are of one child with these, or that people joined with them at any time.

    Whether that was undone need not be known: what is reached for nothing comes out as it was.
    """
    joined = Decision.kind == MATCH
    query = union_all(
        _FELLOWS.where(among(_MINE.record, records)),
        select(Decision.record_r).where(joined, among(Decision.record_l, records)),
        select(Decision.record_l).where(joined, among(Decision.record_r, records)),
    )
    return columns(connection, query)[0]


def fellows(connection: Connection, records: Numbers) -> Numbers:
    """Records that are of one child with these."""
    if not len(records):
        return records
    query = _FELLOWS.where(among(_MINE.record, records))
    return np.unique(columns(connection, query)[0])
