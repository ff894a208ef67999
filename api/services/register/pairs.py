"""Pairs that are kept, with their levels and what was last said of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    literal,
    or_,
    select,
    union_all,
    update,
)

from api.db.among import among
from api.db.bulk import insert
from api.db.models import BlockingKey, Pair
from api.services.register.columns import Numbers, columns
from matcher.deciding import Linked
from matcher.links import reported
from matcher.patterns import packed, unpacked
from matcher.rules.matching import MatchingRules
from matcher.scoring import ScoredPairs
from matcher.worth import turns

Bits = npt.NDArray[np.float64]
Ends = tuple[Numbers, Numbers]

FINDINGS = ("company", "weight", "link", "waiting", "rival", "open", "turn")
_COLUMNS = ("l", "r", "group", "pattern", "evidence", "apart", *FINDINGS)
_IN_BITS = ("evidence", "company", "weight", "turn")
# What the index by the second record has.
_BY_SECOND = ("l", "r", "group", "evidence", "apart", "company")


@dataclass(frozen=True)
class KeptPairs:
    """Rows of `api.db.linkage.Pair`: ``l`` and ``r`` are record.id, ``found`` by column."""

    l: Numbers
    r: Numbers
    group: Numbers
    pattern: Numbers
    evidence: Bits
    apart: Numbers
    found: Mapping[str, Any]

    @classmethod
    def joined(cls, parts: Sequence["KeptPairs"]) -> "KeptPairs":
        """The pairs of all parts, of which there must be one."""
        rows = [part.rows for part in parts]
        return cls.of({name: np.concatenate([own[name] for own in rows]) for name in _COLUMNS})

    @classmethod
    def of(cls, rows: Mapping[str, Any]) -> "KeptPairs":
        """Pairs by column."""
        own = {name: rows[name] for name in _COLUMNS if name not in FINDINGS}
        return cls(found={name: rows[name] for name in FINDINGS}, **own)

    @property
    def rows(self) -> dict[str, Any]:
        """All columns."""
        own = {name: getattr(self, name) for name in _COLUMNS if name not in FINDINGS}
        return own | dict(self.found)

    def take(self, chosen: npt.NDArray[np.bool_]) -> "KeptPairs":
        """Some of the pairs."""
        return KeptPairs.of({name: own[chosen] for name, own in self.rows.items()})

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.l)

    @property
    def weighed(self) -> "Weighed":
        """As they were last weighed."""
        return Weighed(self.l, self.r, self.group, self.evidence, self.apart, self.found["weight"])

    def findings_of(self, pairs: "Weighed") -> dict[str, Any]:
        """What was last found of pairs but their weight, by column; nothing of other pairs."""
        at = places((self.l, self.r), (pairs.l, pairs.r))
        known = at >= 0
        found = {name: np.zeros(len(at), dtype=last.dtype) for name, last in self.found.items()}
        for name, last in self.found.items():
            found[name][known] = last[at[known]]
        return found | {"weight": pairs.weight + found["company"]}

    def scored(self, rules: MatchingRules, record: Numbers) -> ScoredPairs:
        """The pairs as positions in ``record``, ids in key order, and in that order."""
        place = pd.Index(record)
        l = place.get_indexer(pd.Index(self.l)).astype(np.int32)
        r = place.get_indexer(pd.Index(self.r)).astype(np.int32)
        order = np.lexsort((r, l))
        levels = unpacked(rules.comparisons, self.pattern[order])
        return ScoredPairs(
            l[order], r[order], levels, self.evidence[order], self.apart[order].astype(bool)
        )


@dataclass(frozen=True)
class Weighed:
    """Pairs by record.id, with what was last found of their weight, in bits."""

    l: Numbers
    r: Numbers
    group: Numbers
    evidence: Bits
    apart: Numbers
    weight: Bits

    @classmethod
    def joined(cls, parts: Sequence["Weighed"]) -> "Weighed":
        """The pairs of all parts, of which there must be one."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def take(self, chosen: npt.NDArray[np.bool_]) -> "Weighed":
        """Some of the pairs."""
        return Weighed(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def ends(self, chosen: npt.NDArray[np.bool_]) -> list[Numbers]:
        """Both ends of some."""
        return [self.l[chosen], self.r[chosen]]


_IDS, _BITS = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
NO_PAIRS = Weighed(_IDS, _IDS, _IDS, _BITS, _IDS, _BITS)
NO_KEPT = KeptPairs.of({name: _BITS if name in _IN_BITS else _IDS for name in _COLUMNS})


def places(pairs: Ends, wanted: Ends) -> npt.NDArray[np.intp]:
    """Where each wanted pair is among these, which are distinct; -1 if it is not."""
    ids, at = np.unique(np.concatenate([*pairs, *wanted]), return_inverse=True)
    size = len(pairs[0])
    l, r, wanted_l, wanted_r = np.split(at, [size, 2 * size, 2 * size + len(wanted[0])])
    number, sought = l * len(ids) + r, wanted_l * len(ids) + wanted_r
    order = np.argsort(number)
    found = np.searchsorted(number, sought, sorter=order)
    place = np.append(order, -1)[found]
    return np.where(np.append(number, -1)[place] == sought, place, -1)


def pairs_within(connection: Connection, records: Numbers) -> KeptPairs:
    """Pairs of which both records are among these."""
    found = columns(connection, select(*_every_column()).where(among(Pair.l, records)))
    pairs = KeptPairs.of(dict(zip(_COLUMNS, found, strict=True)))
    return pairs.take(np.isin(pairs.r, records))


def pairs_at(
    connection: Connection, records: Numbers, heavy: ColumnElement[bool]
) -> tuple[KeptPairs, dict[str, Any]]:
    """Pairs of which the first record is among these; those of the second that are ``heavy``.

    Of the latter what `Weighed` has but the weight, and the company, by column: what an index
    has of them. Both in one statement, since a register asks this several times for a record.
    """
    own = [getattr(Pair, name) if name in _BY_SECOND else literal(0) for name in _WHOLE]
    query = union_all(
        select(_state(_FLAGS) + 1, *(getattr(Pair, name) for name in _WHOLE)).where(
            among(Pair.l, records)
        ),
        select(_state(("apart",)), *own).where(among(Pair.r, records), heavy),
    )
    state, *found = columns(connection, query)
    rows = dict(zip(_WHOLE, found, strict=True)) | _unpacked(state)
    first = state & 1 == 1
    kept = KeptPairs.of({name: of_all[first] for name, of_all in rows.items()})
    return kept, {name: rows[name][~first] for name in _BY_SECOND}


# Columns of 0 or 1, which take as long to fetch as any other: they come as one number, by bits
# from the second on, with the group above them.
_FLAGS = ("apart", "link", "waiting", "rival", "open")
_WHOLE = tuple(name for name in _COLUMNS if name not in ("group", *_FLAGS))
_GROUP = 1 + len(_FLAGS)


def _state(flags: Sequence[str]) -> ColumnElement[int]:
    """The group and these flags of a pair as one even number."""
    state: ColumnElement[int] = Pair.group * 2**_GROUP
    for name in flags:
        state += getattr(Pair, name) * 2 ** (1 + _FLAGS.index(name))
    return state


def _unpacked(state: Numbers) -> dict[str, Numbers]:
    """Group and flags, by column."""
    flags = {name: state >> 1 + at & 1 for at, name in enumerate(_FLAGS)}
    return {"group": state >> _GROUP, **flags}


def forget_pairs(connection: Connection, records: Numbers) -> None:
    """Delete the pairs of which any record is among these."""
    connection.execute(delete(Pair).where(_any_of(records)))


def weighed_pairs(connection: Connection, records: Numbers) -> Weighed:
    """The pairs of which any record is among these."""
    if not len(records):
        return NO_PAIRS
    names = [field.name for field in fields(Weighed)]
    query = select(*(getattr(Pair, name) for name in names)).where(_any_of(records))
    return Weighed(*columns(connection, query))


def forget_these(connection: Connection, pairs: Weighed) -> None:
    """Delete these pairs. One by one, since a condition on each end makes SQLite try all."""
    if len(pairs.l):
        ends = zip(pairs.l.tolist(), pairs.r.tolist(), strict=True)
        one = and_(Pair.l == bindparam("at_l"), Pair.r == bindparam("at_r"))
        connection.execute(delete(Pair).where(one), [{"at_l": l, "at_r": r} for l, r in ends])


def move_prior(
    connection: Connection, group: int, old: float, new: float, lowest: float
) -> Numbers:
    """Weigh the pairs of a group by another prior; records of those that may count.

    They are in pairs whose weight without company reaches ``lowest``, in bits, by either
    prior. Nothing is ever made of other pairs, so that their weight is all there is to write.
    """
    mine = and_(Pair.group == group, Pair.group > 0) if group else Pair.group == 0
    counts = Pair.evidence + max(old, new) >= lowest
    query = select(Pair.l, Pair.r).where(mine, counts)
    found = np.unique(np.concatenate(columns(connection, query)))
    connection.execute(
        update(Pair).where(mine, ~counts).values(weight=Pair.evidence + new),
        execution_options={"synchronize_session": False},
    )
    return found


def open_pairs_of(connection: Connection, keys: Numbers) -> Numbers:
    """Records in pairs for which company counts, one of which shows one of the keys.

    Both are read whole: a database that looks for each pair among all who show a key, or for
    all their pairs, takes minutes of a million records.
    """
    showing = select(BlockingKey.record).where(among(BlockingKey.key, keys))
    (shown,) = columns(connection, showing)
    l, r = columns(connection, select(Pair.l, Pair.r).where(Pair.open == 1))
    chosen = np.isin(l, shown) | np.isin(r, shown)
    return np.union1d(l[chosen], r[chosen])


def keep_pairs(
    connection: Connection,
    rules: MatchingRules,
    pairs: ScoredPairs,
    record: Numbers,
    group: Numbers,
    found: Mapping[str, Any],
) -> None:
    """Add pairs, given as positions in ``record``, with what is found of them, by FINDINGS."""
    rows: dict[str, Any] = {
        "l": record[pairs.l],
        "r": record[pairs.r],
        "group": group,
        "pattern": packed(rules.comparisons, pairs.levels),
        "evidence": pairs.evidence,
        "apart": pairs.apart.astype(np.int64),
        **found,
    }
    for some in in_parts(np.lexsort((rows["r"], rows["l"]))):
        insert(connection, Pair, {name: own[some] for name, own in rows.items()})


# Rows that are written at once: each is held several times meanwhile.
_AT_ONCE = 1_000_000


def in_parts(order: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.intp]]:
    """Places of rows, in the order of their table, a part at a time."""
    for start in range(0, len(order), _AT_ONCE):
        yield order[start : start + _AT_ONCE]


def findings(linked: Linked) -> dict[str, Any]:
    """What a run says of each scored pair, by column."""
    followed, waiting = reported(linked)
    return {
        "company": linked.company,
        "weight": linked.weight,
        "link": followed.astype(np.int64),
        "waiting": waiting.astype(np.int64),
        "rival": linked.designations.rival.astype(np.int64),
        "open": linked.open.astype(np.int64),
        "turn": turns(linked, waiting),
    }


@dataclass(frozen=True)
class Changed:
    """Kept pairs, by record.id, of which a run says something else: what, by column.

    ``moved`` marks those that are a link now or wait now and were or did not, or the other way.
    """

    l: Numbers
    r: Numbers
    found: Mapping[str, Any]
    moved: npt.NDArray[np.bool_]

    def without(self, records: Numbers) -> "Changed":
        """But for the pairs of these records."""
        some = ~(np.isin(self.l, records) | np.isin(self.r, records))
        found = {name: own[some] for name, own in self.found.items()}
        return Changed(self.l[some], self.r[some], found, self.moved[some])

    def write(self, connection: Connection) -> None:
        """Keep what it says."""
        if not len(self.l):
            return
        columns = {"at_l": self.l, "at_r": self.r, **self.found}
        rows = zip(*(own.tolist() for own in columns.values()), strict=True)
        connection.execute(
            update(Pair)
            .where(and_(Pair.l == bindparam("at_l"), Pair.r == bindparam("at_r")))
            .values({name: bindparam(name) for name in self.found}),
            [dict(zip(columns, row, strict=True)) for row in rows],
            execution_options={"synchronize_session": False},
        )


def changed_findings(kept: KeptPairs, linked: Linked, record: Numbers, core: Numbers) -> Changed:
    """What a run says otherwise than before of the pairs of which any record is of the core."""
    found = findings(linked)
    # `Linked` has the pairs in key order, the kept ones in any.
    place = places((record[linked.pairs.l], record[linked.pairs.r]), (kept.l, kept.r))
    differ = {name: own[place] != kept.found[name] for name, own in found.items()}
    mine = np.isin(kept.l, core) | np.isin(kept.r, core)
    rows = np.flatnonzero(mine & np.logical_or.reduce(list(differ.values())))
    return Changed(
        kept.l[rows],
        kept.r[rows],
        {name: own[place[rows]] for name, own in found.items()},
        (differ["link"] | differ["waiting"])[rows],
    )


def _any_of(records: Numbers) -> Any:
    return or_(among(Pair.l, records), among(Pair.r, records))


def _every_column() -> list[Any]:
    return [getattr(Pair, name) for name in _COLUMNS]
