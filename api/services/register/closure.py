"""Everything that a change can reach: whom it may join or part, and who may only be told of it.

Records are *bound* by a pair whose weight makes it possible, or a link, even if a level
keeps the two apart, for then it may be a rival; by what people decided; and by being of one
child until now. Which records are joined follows from these alone, so what is not bound to
a change cannot change with it. A pair that is only *near* being possible may be lifted by the
sources' company. That depends on what both of its ends are bound to, so these are looked at
beside what changed; they are reached as well only if they turn out to be joined otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, select
from sqlalchemy.orm import aliased

from api.db.models import Membership
from api.services.register.columns import Numbers, among, columns
from api.services.register.decisions import decided_partners
from api.services.register.pairs import Bits, Weighed, weighed_pairs
from matcher.deciding import MARGIN_BELOW
from matcher.rules.matching import Thresholds

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Bounds:
    """What makes a pair possible: thresholds, and the prior in bits by group's number."""

    thresholds: Thresholds
    priors: Mapping[int, float]

    def binding(self, pairs: Weighed) -> Flags:
        """Pairs that may join two records, or stop others from being joined."""
        possible = self._weight(pairs) >= self.thresholds.lower
        return np.asarray(possible | (pairs.weight >= self.thresholds.upper))

    def near(self, pairs: Weighed) -> Flags:
        """Pairs that company may make possible."""
        near = self._weight(pairs) >= self.thresholds.lower - MARGIN_BELOW
        return np.asarray(near & (pairs.apart == 0))

    def prior(self, group: Numbers) -> Bits:
        """The prior of pairs by their groups."""
        groups, which = np.unique(group, return_inverse=True)
        return np.array([self.priors[one] for one in groups.tolist()], dtype=np.float64)[which]

    def _weight(self, pairs: Weighed) -> Bits:
        return pairs.evidence + self.prior(pairs.group)


@dataclass(frozen=True)
class Reached:
    """Records bound to some, and those that are in a pair with one of them which is near."""

    records: Numbers
    beside: Numbers

    def with_more(self, other: "Reached") -> "Reached":
        """What both reached."""
        records = np.union1d(self.records, other.records)
        return Reached(records, np.setdiff1d(np.union1d(self.beside, other.beside), records))


def closure(
    connection: Connection, seeds: Numbers, bounds: Bounds, known: Reached | None = None
) -> Reached:
    """Records that are bound to these, through any number of others, with these.

    Those that were reached already are ``known``, and left out.
    """
    before = seeds[:0] if known is None else known.records
    reached = frontier = np.setdiff1d(seeds, before)
    beside = []
    while len(frontier):
        pairs = weighed_pairs(connection, frontier)
        beside += pairs.ends(bounds.near(pairs))
        found = [
            *pairs.ends(bounds.binding(pairs)),
            decided_partners(connection, frontier),
            fellows(connection, frontier),
        ]
        frontier = np.setdiff1d(np.setdiff1d(np.concatenate(found), reached), before)
        reached = np.union1d(reached, frontier)
    return Reached(reached, np.setdiff1d(np.concatenate([reached[:0], *beside]), reached))


_MINE, _THEIRS = aliased(Membership), aliased(Membership)
_FELLOWS = (
    select(_THEIRS.record)
    .select_from(_MINE)
    .join(_THEIRS, _THEIRS.child == _MINE.child)
    .where(_MINE.to_run.is_(None), _THEIRS.to_run.is_(None))
)


def fellows(connection: Connection, records: Numbers) -> Numbers:
    """Records that are of one child with these."""
    if not len(records):
        return records
    query = _FELLOWS.where(among(connection, _MINE.record, records))
    return np.unique(columns(connection, query)[0])


def joined_otherwise(
    connection: Connection, record: Numbers, label: Numbers, core: Numbers
) -> Numbers:
    """Records outside the core that are not with those that they were with until now.

    ``label`` says which of ``record`` are one child from now on.
    """
    outside = ~np.isin(record, core)
    if not outside.any():
        return record[:0]
    query = select(Membership.record, Membership.child).where(
        Membership.to_run.is_(None), among(connection, Membership.record, record[outside])
    )
    member, child = columns(connection, query)
    before = pd.Series(pd.factorize(child)[0], index=member).reindex(record[outside])
    now = label[outside]
    frame = pd.DataFrame({"before": before.to_numpy(), "now": now})
    moved = (
        np.isin(now, label[~outside])
        | (frame.groupby("now")["before"].transform("nunique") != 1).to_numpy()
        | (frame.groupby("before", dropna=False)["now"].transform("nunique") != 1).to_numpy()
    )
    return record[outside][moved]
