"""Children by ethnic group, deprivation and source, and which systems should hold them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, func, select

from api.db.among import among
from api.db.models import (
    Ethnicity,
    Extract,
    Golden,
    Membership,
    PostcodeDeprivation,
    Record,
    Source,
)
from api.services.extracts.dates import in_force
from api.services.register.columns import Numbers, columns
from api.services.register.shields import shielded_records
from api.services.rules import RuleBook
from matcher.intervals import Proportion
from matcher.rules.groups import GroupRules

Mask = npt.NDArray[np.bool_]

NOT_KNOWN = "Not known"
FIFTHS = (
    "1, the most deprived fifth of England",
    "2",
    "3",
    "4",
    "5, the least deprived fifth of England",
)


@dataclass(frozen=True)
class ChildGroup:
    """Children of a group; and by source, those that are of it whatever that source says."""

    name: str
    all: Mask
    without: Mapping[int, Mask]
    known: bool = True


@dataclass(frozen=True)
class Children:
    """Every child, by place: records by source, and where each should be and is found."""

    index: pd.Index
    born: npt.NDArray[np.datetime64]
    decile: Numbers
    sources: Mapping[int, str]
    records: Mapping[int, Numbers]
    expected: Mapping[int, Mask]

    @classmethod
    def read(cls, connection: Connection, rules: GroupRules) -> "Children":
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

    def found(self, group: ChildGroup) -> Proportion:
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
            Membership.to_run.is_(None), among(Membership.record, shielded)
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


def by_ethnic_group(connection: Connection, children: Children, book: RuleBook) -> list[ChildGroup]:
    """Groups of ethnicity as the sources of the highest rank state it; none if none does."""
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
        ChildGroup(
            name,
            everywhere == at,
            {one: (said == at) & (at >= 0) for one, said in elsewhere.items()},
            known=at >= 0,
        )
        for at, name in [*enumerate(names), (-1, NOT_KNOWN)]
        if (everywhere == at).any()
    ]


def by_deprivation(connection: Connection, children: Children) -> list[ChildGroup]:
    """Fifths of deprivation by the golden postcode; none if no table of them is loaded."""
    if connection.scalar(select(PostcodeDeprivation.postcode).limit(1)) is None:
        return []
    fifth = np.where(children.decile < 0, -1, (children.decile - 1) // 2)
    return [
        ChildGroup(name, own, dict.fromkeys(children.expected, own), known=at >= 0)
        for at, name in [*enumerate(FIFTHS), (-1, NOT_KNOWN)]
        if (own := fifth == at).any()
    ]


def by_source(children: Children) -> list[ChildGroup]:
    """Children whom each source holds. A system's own children say nothing of its gaps."""
    return [
        ChildGroup(name, own, {one: own & (one != at) for one in children.expected})
        for at, name in children.sources.items()
        if (own := children.records[at] > 0).any()
    ]
