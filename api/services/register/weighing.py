"""Persons who are not in the register weighed against its records; nothing is stored.

They are found through the kept blocking keys, with the same bounds on large blocks, and
weighed by the same comparisons, counts and priors as in a run. So a person who says what a
held record says gets with any other record the weight that the register has for the two,
but for what the sources' company adds.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import BlockingKey, Record, RecordVersion, Source
from api.services.register.columns import Numbers, columns
from api.services.register.counts import blocking_counts
from api.services.register.shields import WHEREABOUTS
from api.services.register.standing import ReadRules, Standing
from api.services.register.state import BETWEEN
from matcher.deciding import MARGIN_BELOW
from matcher.frames import RECORD_TEXT_COLUMNS
from matcher.keys import KeyIndex, ShownKeys, searches, sized_keys
from matcher.scoring import ScoredPairs, Scorer
from matcher.standardise import Standardiser, standardise
from matcher.standardise.distinct import spread
from matcher.table import Mask, Sides, Table

Person = Mapping[str, str]
"""Columns of RECORDS as text, dates as YYYY-MM-DD, see `SAID`."""

Bits = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]

_TEXTS = tuple(name for name in RECORD_TEXT_COLUMNS if name != "role")
# What can be said of a person; a source only if its own records are to count as such.
SAID = ("source", *_TEXTS, "date_of_birth")

# Up to so many records, single values are quicker to work on than columns.
_FEW = 500
_NONE = np.empty(0, dtype=np.int64)


def is_day(text: str) -> bool:
    """Whether this is a day as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@dataclass(frozen=True)
class Meetings:
    """Pairs of a person, counted from 0, and a held record (record.id).

    ``weight`` includes the ``prior``, both in bits. ``apart`` marks pairs of which a level
    says that they are two children of one family.
    """

    person: Positions
    record: Numbers
    weight: Bits
    prior: Bits
    apart: Mask
    pairs: ScoredPairs
    table: Table
    scorer: Scorer

    def explained(self, at: Positions) -> tuple[dict[str, Any], dict[str, Any]]:
        """Level and partial weight in bits, by comparison, of some of the pairs."""
        sides = Sides(self.table, self.table, self.pairs.l[at], self.pairs.r[at])
        return self.scorer.explain(sides)


def weigh_persons(
    connection: Connection,
    standing: Standing,
    persons: Sequence[Person],
    *,
    placeless: Numbers = _NONE,
    left_out: Numbers = _NONE,
    floor: float | None = None,
    of_sources: Sequence[Collection[str]] | None = None,
) -> Meetings | None:
    """Weigh persons against the records that blocking rules propose; nothing if none are.

    Args:
        connection: sees the register.
        standing: what it goes by.
        persons: whom to look for, by the columns in `SAID`.
        placeless: records whose place is not looked at, neither to find nor to weigh them.
        left_out: records that nobody is found by.
        floor: evidence in bits below which a pair is left out, a run's if none is given;
            pairs that are kept apart stay.
        of_sources: for each person the sources whose records are looked at; all, if left out.
    """
    person, record = _proposed(connection, standing, persons, placeless)
    kept = ~np.isin(record, left_out)
    person, record = person[kept], record[kept]
    everyone = np.unique(record)
    if not len(everyone):
        return None
    said = [*persons, *_held(connection, everyone, placeless)]
    table = _coded(standing.read, said)
    scorer = standing.scorer(connection, table)
    sources = _Sources(standing, [one.get("source") for one in said])
    l, r = person, len(persons) + np.searchsorted(everyone, record)
    allowed = sources.may_be_one(l, r)
    if of_sources is not None:
        allowed &= sources.are_among(of_sources, l, r)
    chosen = (l[allowed].astype(np.int32), r[allowed].astype(np.int32))
    pairs = scorer.score(table, chosen, standing.given.floor if floor is None else floor)
    prior = sources.prior(pairs.l, pairs.r)
    return Meetings(
        person=pairs.l.astype(np.int64),
        record=everyone[pairs.r - len(persons)],
        weight=pairs.evidence + prior,
        prior=prior,
        apart=pairs.apart,
        pairs=pairs,
        table=table,
        scorer=scorer,
    )


# Bits by which priors and rarities may come to move a weight later.
DRIFT = 1.0


@dataclass(frozen=True, slots=True)
class Nearness:
    """Of persons, each beside a held record: how their weights compare with what could count.

    In bits above the lower threshold, at most: ``weight`` of any, ``open`` of those to which the
    company of sources might add. ``least`` is the least evidence of any, in bits.
    """

    weight: Bits
    open: Bits
    least: Bits

    @property
    def may_be(self) -> Mask:
        """Which might be linked or wait to be, whatever the company of sources adds."""
        return (self.weight >= 0) | self.by_company

    @property
    def alone(self) -> Mask:
        """Which might be linked or wait to be without it."""
        return self.weight >= -DRIFT

    @property
    def by_company(self) -> Mask:
        """Which might be or do so by what it adds."""
        return self.open >= -MARGIN_BELOW


def nearness(
    connection: Connection,
    standing: Standing,
    persons: Sequence[Person],
    others: Numbers,
    *,
    instead: Callable[[Person], Sequence[Person]],
) -> Nearness:
    """How near each person is to being linked to the held record beside it.

    That is, if the person said any of what comes ``instead``, by what the record says; these
    have the same columns, of which the person's own are not looked at.
    """
    numbers, at = np.unique(others, return_inverse=True)
    held = said_now(connection, numbers)
    ways = [instead(one) for one in held]
    guessed = [
        {name: text for name, text in (own | way).items() if text}
        for own, one in zip(map(dict, persons), at.tolist(), strict=True)
        for way in ways[one]
    ]
    each = np.repeat(np.arange(len(at)), [len(ways[one]) for one in at.tolist()])
    table = _coded(standing.read, [*guessed, *held])
    sources = _Sources(standing, [one.get("source") for one in (*guessed, *held)])
    l = np.arange(len(guessed), dtype=np.int32)
    r = at[each].astype(np.int32) + np.int32(len(guessed))
    allowed = sources.may_be_one(l, r)
    scorer = standing.scorer(connection, table)
    pairs = scorer.score(table, (l[allowed], r[allowed]), -np.inf)
    above = pairs.evidence + sources.prior(pairs.l, pairs.r) - standing.matching.thresholds.lower
    best, open_ = np.full(len(at), -np.inf), np.full(len(at), -np.inf)
    np.maximum.at(best, each[pairs.l], above)
    np.maximum.at(open_, each[pairs.l[~pairs.apart]], above[~pairs.apart])
    least = np.full(len(at), np.inf)
    np.minimum.at(least, each[pairs.l], pairs.evidence)
    return Nearness(best, open_, least)


def said_now(connection: Connection, records: Numbers) -> list[Person]:
    """What these records say, in order of record.id."""
    return _held(connection, records, None)


def _proposed(
    connection: Connection, standing: Standing, persons: Sequence[Person], placeless: Numbers
) -> tuple[Positions, Numbers]:
    """Each person with every record that a blocking rule proposes, once."""
    read = standing.read
    shown = ShownKeys(_coded(read, persons), read.lists)
    count = blocking_counts(connection, sized_keys(read.matching, shown))
    person, keys = searches(read.matching, shown, count)
    query = select(BlockingKey.key, BlockingKey.record).where(
        among(BlockingKey.key, np.unique(keys))
    )
    index = KeyIndex(*columns(connection, query))
    met = _met(index, person, keys)
    if len(placeless):
        # Found by place alone, a shielded child would be given away.
        unplaced = _met(index, *searches(read.unplaced, shown, count))
        met = met[~np.isin(met % _RECORDS, placeless) | np.isin(met, unplaced)]
    return met // _RECORDS, met % _RECORDS


# More than there can be of either persons or records: one number says which two have met.
_RECORDS = np.int64(2**40)


def _met(index: KeyIndex, person: npt.NDArray[np.integer], keys: Numbers) -> Numbers:
    """Persons with the records that show the keys they look for, each pair once.

    As person * `_RECORDS` + record.
    """
    persons, records = index.met(person, keys)
    return np.unique(persons * _RECORDS + records)


def _coded(read: ReadRules, said: Sequence[Person]) -> Table:
    """What is compared of these, standardised and coded."""
    linkage = read.linkage
    if len(said) <= _FEW:
        standardiser = Standardiser(linkage.names, linkage.values, remembers=True)
        rows = [standardiser.record(one) for one in said]
        return Table.of_rows(rows, read.columns, read.crossings)
    cells: dict[str, Any] = {
        name: spread([one.get(name) for one in said], np.arange(len(said)))
        for name in SAID
        if name != "date_of_birth"
    }
    born = [one.get("date_of_birth") or None for one in said]
    cells["date_of_birth"] = np.array(born, dtype="datetime64[D]").astype("datetime64[ns]")
    frame = standardise(pd.DataFrame(cells), linkage.names, linkage.values)
    return Table.of(frame, read.columns, read.crossings)


def _held(connection: Connection, records: Numbers, placeless: Numbers | None) -> list[Person]:
    """What these records say, in order of record.id; with all places if none are ``placeless``."""
    query = (
        select(RecordVersion.record, RecordVersion.unplaced, RecordVersion.date_of_birth,
               Source.name, *(getattr(RecordVersion, name) for name in _TEXTS))
        .join(Record, Record.id == RecordVersion.record)
        .join(Source, Source.number == Record.source)
        .where(RecordVersion.to_run.is_(None), among(RecordVersion.record, records))
        .order_by(RecordVersion.record)
    )  # fmt: skip
    hidden = set(() if placeless is None else placeless.tolist())
    found: list[Person] = []
    for number, unplaced, born, *texts in connection.execute(query):
        said = {name: text for name, text in zip(SAID, texts, strict=False) if text}
        if born is not None:
            said["date_of_birth"] = born.isoformat()
        if number in hidden or (unplaced and placeless is not None):
            said = {name: text for name, text in said.items() if name not in WHEREABOUTS}
        found.append(said)
    return found


class _Sources:
    """What follows for pairs from the sources of their two sides, if those are known."""

    def __init__(self, standing: Standing, names: Sequence[str | None]) -> None:
        numbers = {name: number for number, name in enumerate(sorted(standing.given.held))}
        self.numbers = numbers
        priors = standing.given.priors
        self.between = priors[BETWEEN]
        self.within = np.array([*(priors[name] for name in numbers), self.between])
        self.single = np.array([*(name in standing.single for name in numbers), False])
        self.source = np.array([numbers.get(name or "", -1) for name in names], dtype=np.int64)

    def may_be_one(self, l: npt.NDArray[np.integer], r: npt.NDArray[np.integer]) -> Mask:
        """Whether the two are not of one source that holds each child once."""
        same = self.source[l] == self.source[r]
        return np.asarray(~same | ~self.single[self.source[r]])

    def are_among(
        self,
        sources: Sequence[Collection[str]],
        l: npt.NDArray[np.integer],
        r: npt.NDArray[np.integer],
    ) -> Mask:
        """Whether the source of the right side is among those that the left side has."""
        table = np.zeros((len(sources), len(self.numbers) + 1), dtype=bool)
        for person, own in enumerate(sources):
            table[person, [self.numbers[name] for name in own if name in self.numbers]] = True
        return np.asarray(table[l, self.source[r]])

    def prior(self, l: npt.NDArray[np.integer], r: npt.NDArray[np.integer]) -> Bits:
        """Prior of each pair, in bits."""
        own = self.source[r]
        return np.where(self.source[l] == own, self.within[own], self.between)
