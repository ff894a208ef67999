"""How well each group of children is linked: by ethnic group, deprivation and source.

Missed links fall unequally, so the errors of all children together say too little. What is
told of a group: how many of its children other systems know and the systems that should
hold them do too; how many possible pairs wait for a person; and what people found wrong in
pairs that they decided. Counts of children are protected as the disclosure rules say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.orm import aliased

from api.db.models import (
    Audit,
    Decision,
    Ethnicity,
    Extract,
    Golden,
    Membership,
    PostcodeDeprivation,
    Record,
    Source,
)
from api.services.extracts.dates import in_force
from api.services.quality import decided_pairs
from api.services.register.columns import Numbers, among, columns
from api.services.register.decisions import MATCH
from api.services.register.queue import possible_links
from api.services.register.reading import last_run
from api.services.register.shields import shielded_records
from api.services.rules import RuleBook
from matcher.intervals import Interval, Proportion, newcombe
from matcher.outcomes import Profile, ToldShare, tell_parts, tell_share
from matcher.rules.groups import GroupRules

Mask = npt.NDArray[np.bool_]

# Of fewer decided pairs nothing is told: with 30, the 95% interval of a share is up to 35
# points wide, and with fewer it says nothing.
FEWEST_DECIDED = 30

NOT_KNOWN = "Not known"
FIFTHS = (
    "1, the most deprived fifth of England",
    "2",
    "3",
    "4",
    "5, the least deprived fifth of England",
)
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
    children = _Children.read(connection, book.groups)
    pairs = _Pairs.read(connection, children, upper)
    return tuple(
        _grouping(name, cut, children, pairs, book.disclosure)
        for name, cut in (
            (ETHNIC_GROUP, _by_ethnic_group(connection, children, book)),
            (DEPRIVATION, _by_deprivation(connection, children)),
            (SOURCE, _by_source(children)),
        )
    )


@dataclass(frozen=True)
class _Group:
    """Children of a group; and by source, those that are of it whatever that source says."""

    name: str
    all: Mask
    without: Mapping[int, Mask]
    known: bool = True


@dataclass(frozen=True)
class _Children:
    """Every child, by place: records by source, and where each should be and is found."""

    index: pd.Index
    born: npt.NDArray[np.datetime64]
    decile: Numbers
    sources: Mapping[int, str]
    records: Mapping[int, Numbers]
    expected: Mapping[int, Mask]

    @classmethod
    def read(cls, connection: Connection, rules: GroupRules) -> "_Children":
        """All of now. The deciles are -1 where they are not known, or must not be looked at."""
        child, source, count = columns(
            connection,
            select(Membership.child, Record.source, func.count())
            .join(Record, Record.id == Membership.record)
            .where(Membership.to_run.is_(None))
            .group_by(Membership.child, Record.source),
        )
        index = pd.Index(np.unique(child.astype(str)), dtype=object)
        place = index.get_indexer(pd.Index(child))
        names = {
            row.number: row.name
            for row in connection.execute(select(Source.number, Source.name).order_by(Source.name))
        }
        records = {}
        for number in names:
            own = source == number
            held = np.zeros(len(index), dtype=np.int64)
            held[place[own]] = count[own]
            records[number] = held
        born, decile = _golden(connection, index)
        found = cls(index, born, decile, names, records, {})
        return cls(index, born, decile, names, records, found._expected(connection, rules))

    def _expected(self, connection: Connection, rules: GroupRules) -> dict[int, Mask]:
        """By source, children of an age whom it should hold, since another system knows them."""
        number = {name: at for at, name in self.sources.items()}
        systems = sum(np.minimum(held, 1) for held in self.records.values())
        days = _days(connection)
        found: dict[int, Mask] = {}
        for rule in rules.expected:
            at = number.get(rule.source)
            if at is None or at not in days:
                continue
            elsewhere = (systems - np.minimum(self.records[at], 1)) > 0
            age = _ages(self.born, days[at])
            fits = elsewhere & (age >= rule.from_age) & (age <= rule.to_age)
            found[at] = found.get(at, np.zeros(len(self.index), dtype=np.bool_)) | fits
        return found

    def found(self, group: _Group) -> Proportion:
        """Children in every system expected to hold them, of those expected in any.

        A child counts where it is of the group whatever the system that is looked at says of
        it; or else only those who are found there would be of the group.
        """
        wanted = np.zeros(len(self.index), dtype=np.bool_)
        missing = np.zeros(len(self.index), dtype=np.bool_)
        for at, expected in self.expected.items():
            own = expected & group.without[at]
            wanted |= own
            missing |= own & (self.records[at] == 0)
        return Proportion(int((wanted & ~missing).sum()), int(wanted.sum()))


def _golden(connection: Connection, index: pd.Index) -> tuple[npt.NDArray[np.datetime64], Numbers]:
    """Days of birth, and deciles of deprivation, shielded children's left out."""
    child, born, decile = columns(
        connection,
        select(Golden.child, Golden.date_of_birth, PostcodeDeprivation.decile)
        .outerjoin(PostcodeDeprivation, PostcodeDeprivation.postcode == Golden.postcode)
        .where(Golden.to_run.is_(None)),
    )
    place = index.get_indexer(pd.Index(child))
    days = np.full(len(index), np.datetime64("NaT"), dtype="datetime64[D]")
    deciles = np.full(len(index), -1, dtype=np.int64)
    days[place] = np.array([one or "NaT" for one in born], dtype="datetime64[D]")
    deciles[place] = decile
    shielded = shielded_records(connection)
    if len(shielded):
        query = select(Membership.child).where(
            Membership.to_run.is_(None), among(connection, Membership.record, shielded)
        )
        deciles[index.get_indexer(pd.Index(connection.scalars(query.distinct()).all()))] = -1
    return days, deciles


def _days(connection: Connection) -> dict[int, np.datetime64]:
    """The day of each source's latest extract in force."""
    query = (
        select(Extract.source, func.max(func.coalesce(Extract.held_on, Extract.as_of)))
        .where(in_force())
        .group_by(Extract.source)
    )
    return {number: np.datetime64(str(day)) for number, day in connection.execute(query)}


def _ages(born: npt.NDArray[np.datetime64], day: np.datetime64) -> npt.NDArray[np.float64]:
    """Whole years, NaN where the birthday is not known."""
    dates, on = pd.Series(pd.DatetimeIndex(born)), pd.Timestamp(day)
    before = (dates.dt.month > on.month) | ((dates.dt.month == on.month) & (dates.dt.day > on.day))
    return np.asarray(on.year - dates.dt.year - before, dtype=np.float64)


def _by_ethnic_group(connection: Connection, children: _Children, book: RuleBook) -> list[_Group]:
    child, source, code = columns(
        connection,
        select(Membership.child, Record.source, Ethnicity.ethnicity)
        .join(Record, Record.id == Membership.record)
        .join(Ethnicity, Ethnicity.record == Membership.record)
        .where(Membership.to_run.is_(None), Ethnicity.to_run.is_(None)),
    )
    if not len(child):
        return []
    names = list(book.groups.ethnic_groups)
    number = {
        text: -1 if (name := book.groups.ethnic_group(text)) is None else names.index(name)
        for text in set(code)
    }
    ranked = book.linkage.survivorship.sources
    rank = {
        at: (ranked.index(name) if name in ranked else len(ranked), name)
        for at, name in children.sources.items()
    }
    order = {at: place for place, at in enumerate(sorted(rank, key=lambda at: rank[at]))}
    stated = pd.DataFrame(
        {
            "child": children.index.get_indexer(pd.Index(child)),
            "source": source,
            "rank": [order[at] for at in source.tolist()],
            "group": [number[text] for text in code],
        }
    )
    stated = stated[stated["group"] >= 0].sort_values(["rank", "group"])

    def group_of(some: pd.DataFrame) -> Numbers:
        found = np.full(len(children.index), -1, dtype=np.int64)
        first = some.drop_duplicates("child")
        found[first["child"]] = first["group"]
        return found

    everywhere = group_of(stated)
    elsewhere = {at: group_of(stated[stated["source"] != at]) for at in children.expected}
    # Whose group is not known is often so because no record was found that states it.
    return [
        _Group(
            name,
            everywhere == at,
            {one: (said == at) & (at >= 0) for one, said in elsewhere.items()},
            known=at >= 0,
        )
        for at, name in [*enumerate(names), (-1, NOT_KNOWN)]
        if (everywhere == at).any()
    ]


def _by_deprivation(connection: Connection, children: _Children) -> list[_Group]:
    if connection.scalar(select(PostcodeDeprivation.postcode).limit(1)) is None:
        return []
    fifth = np.where(children.decile < 0, -1, (children.decile - 1) // 2)
    return [
        _Group(name, own, dict.fromkeys(children.expected, own), known=at >= 0)
        for at, name in [*enumerate(FIFTHS), (-1, NOT_KNOWN)]
        if (own := fifth == at).any()
    ]


def _by_source(children: _Children) -> list[_Group]:
    return [
        _Group(name, own, {one: own & (one != at) for one in children.expected})
        for at, name in children.sources.items()
        if (own := children.records[at] > 0).any()
    ]


@dataclass(frozen=True)
class _Pairs:
    """Pairs by the places of their children: those that wait, and those that people decided."""

    waiting: tuple[Numbers, Numbers]
    decided: tuple[Numbers, Numbers]
    linked: Mask
    match: Mask

    @classmethod
    def read(cls, connection: Connection, children: _Children, upper: float) -> "_Pairs":
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
            Membership.to_run.is_(None), among(connection, Membership.record, records)
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
    name: str, groups: Sequence[_Group], children: _Children, pairs: _Pairs, profile: Profile
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
