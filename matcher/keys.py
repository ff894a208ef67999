"""Blocking keys that can be kept: one number for what a record shows, the same in every run.

With the keys of all records at hand, the candidate pairs of a few records are found without
looking at any others, and are those that linking everything at once would propose: blocks
are bounded by their sizes over all records.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from matcher.population import Hashes, cells, joined, of_cells, of_records
from matcher.rules.matching import BlockingRule, MatchingRules
from matcher.table import Mask, Table

Columns = tuple[str, ...]
Keys = npt.NDArray[np.int64]
# How many records show each of some keys.
Count = Callable[[Keys], npt.NDArray[np.int64]]

BIRTH_YEAR: Columns = ("birth_year",)


def key_lists(rules: MatchingRules, terms: Sequence[str]) -> list[Columns]:
    """Every list of columns that records are found by, in a fixed order.

    Beside those of the blocking rules: each term whose rarity counts, and the year of birth.
    """
    lists: dict[Columns, None] = {}
    for rule in rules.blocking:
        for side in _Sides.of(rule):
            lists.setdefault(side.mine)
            lists.setdefault(side.mine_narrow)
    for term in terms:
        lists.setdefault((term,))
    lists.setdefault(BIRTH_YEAR)
    return list(lists)


@dataclass(frozen=True, slots=True)
class _Sides:
    """One side of a rule: columns of the record, and those of the records it is paired with."""

    mine: Columns
    theirs: Columns
    mine_narrow: Columns
    theirs_narrow: Columns

    @classmethod
    def of(cls, rule: BlockingRule) -> "list[_Sides]":
        key, against = tuple(rule.key), tuple(rule.against or rule.key)
        narrow = tuple(rule.narrow_by)
        first = cls(key, against, key + narrow, against + narrow)
        if key == against:
            return [first]
        return [first, cls(against, key, against + narrow, key + narrow)]


def kept_keys(number: int, base: Hashes) -> Keys:
    """Keys as they are kept: hashes of values that say of which list of columns they are."""
    return joined([base, np.full(len(base), number + 1, dtype=np.uint64)]).view(np.int64)


class ShownKeys:
    """The keys that the records of a table show, and those that they look for others by.

    What was worked out once is kept: lists of columns have columns in common, and are
    asked for several times.
    """

    def __init__(self, table: Table, lists: Sequence[Columns]) -> None:
        self.table = table
        self.number = {columns: number for number, columns in enumerate(lists)}
        self._cells: dict[str, tuple[Hashes, Mask]] = {}
        self._bases: dict[Columns, tuple[Hashes, Mask]] = {}
        self._sought: dict[tuple[Columns, Columns], Keys] = {}
        self._asked: tuple[MatchingRules, _Asked] | None = None

    def present(self, columns: Columns) -> Mask:
        """Which records have values in all of some columns."""
        return self._base(columns)[1]

    def sought(self, mine: Columns, theirs: Columns) -> Keys:
        """Of each record, the key by which another shows in ``theirs`` what it has in ``mine``."""
        if (mine, theirs) not in self._sought:
            self._sought[mine, theirs] = kept_keys(self.number[theirs], self._base(mine)[0])
        return self._sought[mine, theirs]

    def asked(self, rules: MatchingRules) -> "_Asked":
        """The blocks that the records would be of."""
        if self._asked is None or self._asked[0] is not rules:
            self._asked = rules, _Asked.by(rules, self)
        return self._asked[1]

    def of_list(self, columns: Columns) -> tuple[Keys, npt.NDArray[np.intp]]:
        """Keys of one list as they are kept, and the positions of the records. Keeps nothing."""
        base, present = of_records(self.table, columns)
        at = np.flatnonzero(present)
        return kept_keys(self.number[columns], base[at]), at

    def all(self) -> tuple[Keys, npt.NDArray[np.intp]]:
        """Keys of all lists as they are kept, and the positions of the records."""
        keys, rows = [], []
        for columns in self.number:
            at = np.flatnonzero(self.present(columns))
            keys.append(self.sought(columns, columns)[at])
            rows.append(at)
        return np.concatenate(keys), np.concatenate(rows)

    def _base(self, columns: Columns) -> tuple[Hashes, Mask]:
        """Hash of each record's values, comparable between lists; and whether it has them."""
        if columns not in self._bases:
            self._bases[columns] = of_cells([self._cell(name) for name in columns])
        return self._bases[columns]

    def _cell(self, name: str) -> tuple[Hashes, Mask]:
        if name not in self._cells:
            self._cells[name] = cells(self.table, name)
        return self._cells[name]


class KeyIndex:
    """Kept keys, each with a record that shows it; in any order."""

    def __init__(self, keys: Keys, records: npt.NDArray[np.integer]) -> None:
        order = np.argsort(keys, kind="stable")
        self._keys, self._records = keys[order], records[order].astype(np.int64)

    def size(self, keys: Keys) -> npt.NDArray[np.int64]:
        """How many show each key."""
        start, end = self._range(keys)
        return end - start

    def met(
        self, seekers: npt.NDArray[np.integer], keys: Keys
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Each seeker, of one key each, with every record that shows its key."""
        start, end = self._range(keys)
        size = end - start
        offset = np.cumsum(size) - size
        at = np.repeat(start - offset, size) + np.arange(size.sum())
        return np.repeat(seekers.astype(np.int64), size), self._records[at]

    def _range(self, keys: Keys) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        sides = (np.searchsorted(self._keys, keys, side=side) for side in ("left", "right"))
        start, end = (side.astype(np.int64) for side in sides)
        return start, end


@dataclass(frozen=True, slots=True)
class _Asked:
    """Blocks that records would be of, one a row: what each shows, and what it looks for.

    ``row`` is the record's position and ``limit`` the most records that the block may hold.
    ``narrows`` is 0 for the key itself, 1 for the narrower one of a rule that has such, of
    the part of a rule that ``part`` numbers.
    """

    row: npt.NDArray[np.intp]
    shows: Keys
    seeks: Keys
    limit: npt.NDArray[np.int64]
    part: npt.NDArray[np.int64]
    narrows: npt.NDArray[np.int64]

    @classmethod
    def by(cls, rules: MatchingRules, shown: ShownKeys) -> "_Asked":
        """By every rule."""
        rows: list[npt.NDArray[np.intp]] = [np.empty(0, dtype=np.intp)]
        shows, seeks = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        each = [(0, 0, 0)]
        sides = [(rule, side) for rule in rules.blocking for side in _Sides.of(rule)]
        for part, (rule, side) in enumerate(sides):
            for narrows, (mine, theirs) in enumerate(_lists(side)):
                at = np.flatnonzero(shown.present(mine))
                rows.append(at)
                shows.append(shown.sought(mine, mine)[at])
                seeks.append(shown.sought(mine, theirs)[at])
                each.append((rule.largest_block, part, narrows))
        of = np.repeat(np.array(each, dtype=np.int64), [len(row) for row in rows], axis=0)
        return cls(*(np.concatenate(own) for own in (rows, shows, seeks)), *of.T)

    @property
    def keys(self) -> Keys:
        """All keys, of which the counts tell how large the blocks are."""
        return np.unique(np.concatenate([self.shows, self.seeks]))

    def take(self, chosen: Mask) -> "_Asked":
        """Some of the blocks."""
        return _Asked(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def searched(self, count: Count) -> "_Asked":
        """The blocks that are looked into: the narrower one where the key's own is too large."""
        large = self.too_large(count)
        rows = int(self.row.max(initial=0)) + 1
        place = self.part * rows + self.row
        wanted = (self.narrows == 0) | np.isin(place, place[large & (self.narrows == 0)])
        return self.take(wanted & ~large)

    def too_large(self, count: Count) -> Mask:
        """Blocks of more records than may be: of the larger side where the sides differ, as
        `matcher.block` says.
        """
        own, other = count(self.shows), count(self.seeks)
        return np.asarray((own > 0) & (other > 0) & (np.maximum(own, other) > self.limit))


def sized_keys(rules: MatchingRules, shown: ShownKeys) -> Keys:
    """Every key whose count `searches` and `moved_blocks` will ask for."""
    return shown.asked(rules).keys


def _lists(side: _Sides) -> Iterator[tuple[Columns, Columns]]:
    yield side.mine, side.theirs
    if side.mine_narrow != side.mine:
        yield side.mine_narrow, side.theirs_narrow


def searches(
    rules: MatchingRules, shown: ShownKeys, count: Count
) -> tuple[npt.NDArray[np.intp], Keys]:
    """Where to look for the partners of each record: its position, and a kept key.

    ``count`` gives the number of records of the whole register that show each key.
    """
    searched = shown.asked(rules).searched(count)
    return searched.row, searched.seeks


def proposed_within(
    rules: MatchingRules, shown: ShownKeys, counts: Callable[[Keys], Count]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Each record with every one of the same table that a rule proposes for it, as positions.

    A pair may come several times, and records with themselves. ``counts`` is asked once how many
    records of the whole register show each of some keys: those that two of these records share.
    """
    index, asked = KeyIndex(*shown.all()), shown.asked(rules)
    alone = np.where(asked.shows == asked.seeks, 1, 0)
    shared = asked.take(index.size(asked.seeks) > alone)
    searched = shared.searched(counts(shared.keys))
    return index.met(searched.row, searched.seeks)


def moved_blocks(rules: MatchingRules, shown: ShownKeys, before: Count, after: Count) -> Keys:
    """Keys of blocks that became too large, or are no longer: their records need new partners."""
    asked = shown.asked(rules)
    moved = asked.too_large(before) != asked.too_large(after)
    return np.unique(np.concatenate([asked.shows[moved], asked.seeks[moved]]))
