"""How well each group of children is linked: by ethnic group, deprivation and source.

Missed links fall unequally, so the errors of all children together say too little. What is
told of a group: how many of its children other systems know and the systems that should
hold them do too; how many possible pairs wait for a person; and what people found wrong in
pairs that they decided. Counts of children are protected as the disclosure rules say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import Audit, Decision, Membership
from api.services.child_groups import (
    ChildGroup,
    Children,
    Mask,
    by_deprivation,
    by_ethnic_group,
    by_source,
)
from api.services.quality import decided_pairs
from api.services.register.columns import Numbers, columns
from api.services.register.decisions import MATCH
from api.services.register.queue import possible_links
from api.services.register.reading import last_run
from api.services.rules import RuleBook
from matcher.intervals import Interval, Proportion, newcombe
from matcher.outcomes import Profile, ToldShare, tell_parts, tell_share

# Of fewer decided pairs nothing is told: with 30, the 95% interval of a share is up to 35
# points wide, and with fewer it says nothing.
FEWEST_DECIDED = 30

# The ways to group children, with what a group is of.
ETHNIC_GROUP, DEPRIVATION, SOURCE = "ethnic_group", "deprivation", "source"


@dataclass(frozen=True, slots=True)
class GroupQuality:
    """One group. A count is None where it is too small to be told.

    ``found`` are children that are in every system expected to hold them, of those that
    another system knows. ``false`` are links that people said are none, of ``decided_links``;
    ``missed`` pairs below the upper threshold that they said are matches, of
    ``decided_matches``; each None where too few are decided to say.
    """

    name: str
    children: int | None
    records: int | None
    found: ToldShare
    waiting_per_100: float | None
    false: Proportion | None
    missed: Proportion | None
    known: bool = True


@dataclass(frozen=True, slots=True)
class Gap:
    """The share found of the group that has the lowest, less that of all others together.

    In percentage points. The interval is one at 95% for every group's gap at once, since the
    lowest of many groups lies low by chance alone.
    """

    lowest: str
    points: float
    interval: Interval

    @property
    def is_sure(self) -> bool:
        """Whether chance alone seldom makes such a gap."""
        return self.interval.upper < 0


@dataclass(frozen=True, slots=True)
class Grouping:
    """All groups of one kind; none where nothing in the register tells them apart."""

    name: str
    groups: tuple[GroupQuality, ...]
    gap: Gap | None


def quality_by_group(connection: Connection, book: RuleBook, upper: float) -> tuple[Grouping, ...]:
    """By ethnic group, deprivation and source, as of now; ``upper`` is the upper threshold."""
    state = _state(connection, book)
    kept = _KEPT.get(connection.engine)
    if kept is None or kept[0] != state:
        kept = _KEPT[connection.engine] = (state, _worked_out(connection, book, upper))
    return kept[1]


# The last result of each database: a page and its charts ask for the same.
_KEPT: WeakKeyDictionary[Engine, tuple[tuple[Any, ...], tuple[Grouping, ...]]] = WeakKeyDictionary()


def _state(connection: Connection, book: RuleBook) -> tuple[Any, ...]:
    """What tells that nothing has changed: whatever people do is in the log of acts."""
    acts = connection.scalar(select(func.max(Audit.id)))
    decisions = connection.scalar(select(func.max(Decision.id)))
    return last_run(connection), acts, decisions, book.content_hash


def _worked_out(connection: Connection, book: RuleBook, upper: float) -> tuple[Grouping, ...]:
    children = Children.read(connection, book.groups)
    pairs = _Pairs.read(connection, children, upper)
    return tuple(
        _grouping(name, cut, children, pairs, book.disclosure)
        for name, cut in (
            (ETHNIC_GROUP, by_ethnic_group(connection, children, book)),
            (DEPRIVATION, by_deprivation(connection, children)),
            (SOURCE, by_source(children)),
        )
    )


@dataclass(frozen=True)
class _Pairs:
    """Pairs by the places of their children: those that wait, and those that people decided."""

    waiting: tuple[Numbers, Numbers]
    decided: tuple[Numbers, Numbers]
    linked: Mask
    match: Mask

    @classmethod
    def read(cls, connection: Connection, children: Children, upper: float) -> "_Pairs":
        """As of now; by its weight a decided pair is a link or not."""
        one, other = aliased(Membership), aliased(Membership)
        some = possible_links().order_by(None).subquery()
        waiting = columns(
            connection,
            select(one.child, other.child)
            .select_from(some)
            .join(one, (one.record == some.c.l) & one.to_run.is_(None))
            .join(other, (other.record == some.c.r) & other.to_run.is_(None)),
        )
        decided = decided_pairs(connection)
        records = np.unique(decided[["l", "r"]].to_numpy(np.int64))
        query = select(Membership.record, Membership.child).where(
            Membership.to_run.is_(None), among(Membership.record, records)
        )
        child = {row.record: row.child for row in connection.execute(query)}
        decided = decided[decided["l"].isin(child) & decided["r"].isin(child)]
        l, r = (
            children.index.get_indexer(pd.Index([child[at] for at in decided[side]], dtype=object))
            for side in ("l", "r")
        )
        w_l, w_r = (children.index.get_indexer(pd.Index(side)) for side in waiting)
        return cls(
            (w_l, w_r),
            (l, r),
            decided["weight"].to_numpy(float) >= upper,
            (decided["kind"] == MATCH).to_numpy(dtype=np.bool_),
        )

    def waiting_of(self, group: Mask) -> int:
        """Pairs that wait, of which either record is a child's of the group."""
        return int((group[self.waiting[0]] | group[self.waiting[1]]).sum())

    def errors_of(self, group: Mask) -> tuple[Proportion | None, Proportion | None]:
        """False of decided links, and missed of decided matches, where enough are decided."""
        own = group[self.decided[0]] | group[self.decided[1]]
        links, matches = own & self.linked, own & self.match
        shares = (
            Proportion(int((links & ~self.match).sum()), int(links.sum())),
            Proportion(int((matches & ~self.linked).sum()), int(matches.sum())),
        )
        false, missed = (one if one.denominator >= FEWEST_DECIDED else None for one in shares)
        return false, missed


def _grouping(
    name: str, groups: Sequence[ChildGroup], children: Children, pairs: _Pairs, profile: Profile
) -> Grouping:
    counts = [int(group.all.sum()) for group in groups]
    told = tell_parts(counts, profile)
    found = []
    for group, count, shown in zip(groups, counts, told, strict=True):
        records = sum(
            int(held[group.all].sum())
            for at, held in children.records.items()
            if name != SOURCE or children.sources[at] == group.name
        )
        waiting = profile.count(pairs.waiting_of(group.all))
        false, missed = pairs.errors_of(group.all)
        found.append(
            GroupQuality(
                name=group.name,
                children=shown,
                records=None if shown is None else profile.count(records),
                found=tell_share(children.found(group), profile),
                waiting_per_100=None if not shown or waiting is None else 100 * waiting / count,
                false=false,
                missed=missed,
                known=group.known,
            )
        )
    return Grouping(name, tuple(found), None if name == SOURCE else gap_of(found))


def gap_of(groups: Sequence[GroupQuality]) -> Gap | None:
    """Of groups that are known and whose shares may be told; None of fewer than two."""
    told = {one.name: one.found.proportion for one in groups if one.known}
    shares = {name: share for name, share in told.items() if share is not None}
    if len(shares) < 2:
        return None
    lowest = min(shares, key=lambda name: (shares[name].value or 0.0, name))
    one = shares.pop(lowest)
    others = Proportion(
        sum(share.numerator for share in shares.values()),
        sum(share.denominator for share in shares.values()),
    )
    interval = newcombe(one, others, confidence=1 - 0.05 / (len(shares) + 1))
    if interval is None or one.value is None or others.value is None:
        return None
    return Gap(lowest, 100 * (one.value - others.value), interval.scaled(100))
