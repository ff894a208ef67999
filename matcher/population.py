"""How many children share a name or were born in a year, as records tell before linking.

A child who is held in five systems must not make a rare name look common, and which records
are one child is not known yet. So records that agree on a value *and* a date of birth
count once, and those without a date count once per value and postcode.

Counts are used coarsely, to half a bit: a few more records leave every weight as it was,
so that what was linked before need not be looked at again. Groups are known by a hash of
their value, which says the same in every run and whatever else is there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.table import Codes, Mask, Table

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

# Groups that are counted beside those of each term.
COHORT = "born in a year"
HELD = "born in a year, held by a source"

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Claims:
    """That records say ``what`` of the group ``of``, by record; only where ``present``.

    A group has as many children as different things are said of it.
    """

    kind: str
    of: Hashes
    what: Hashes
    present: Mask


@dataclass(frozen=True, slots=True)
class Tally:
    """Children by group. Hashes of groups are sorted."""

    of: Hashes
    children: Counts

    @classmethod
    def count(cls, claims: Claims) -> "Tally":
        """Different claims by group."""
        of, what = claims.of[claims.present], claims.what[claims.present]
        first = ~pd.Series(joined([of, what])).duplicated().to_numpy()
        return cls(*_counted(of[first]))

    def of_groups(self, groups: Hashes) -> Counts:
        """Children of each group; of an unknown one, none."""
        if not len(self.of):
            return np.zeros(len(groups), dtype=np.int64)
        at = np.minimum(np.searchsorted(self.of, groups), len(self.of) - 1)
        return np.where(self.of[at] == groups, self.children[at], 0)


def _counted(groups: Hashes) -> tuple[Hashes, Counts]:
    of, children = np.unique(groups, return_counts=True)
    return of, children.astype(np.int64)


@dataclass(frozen=True)
class Population:
    """What weights depend on beside the two records and the model.

    ``held`` counts records of children by source; ``totals`` the children of all groups of a
    kind together.
    """

    held: Mapping[str, int]
    tallies: Mapping[str, Tally]
    totals: Mapping[str, int]

    @classmethod
    def of(
        cls, table: Table, source: Codes, sources: Sequence[str], terms: Sequence[str]
    ) -> "Population":
        """The population of all these records. ``terms`` are columns whose rarity counts."""
        held = np.bincount(source, minlength=len(sources)).tolist()
        tallies = {
            claims.kind: Tally.count(claims) for claims in all_claims(table, source, sources, terms)
        }
        totals = {kind: int(tally.children.sum()) for kind, tally in tallies.items()}
        return cls(dict(zip(sources, held, strict=True)), tallies, totals)

    def shares(self, table: Table, term: str) -> npt.NDArray[np.float64]:
        """Share of children that have each value of a column, by code; never zero."""
        children = self.tallies[term].of_groups(hashed(table.columns[term].values))
        total = coarse(np.array([max(self.totals[term], 1)]))
        # A value seen once is not quite as rare as it looks.
        return np.minimum((coarse(children) + 0.5) / total, 1.0)

    def coverage(self, year: Hashes, sources: Sequence[str]) -> npt.NDArray[np.float64]:
        """Share of the children born in each year that each source holds: years × sources.

        Years are given by the hash of their text.
        """
        everybody = self.tallies[COHORT].of_groups(year).astype(np.float64)
        held = [
            self.tallies[HELD].of_groups(joined([year, np.repeat(own, len(year))]))
            for own in hashed(np.array(sources, dtype=object))
        ]
        shape = (len(year), len(sources))
        # Some added, so that the coverage of a small cohort is not taken for certain.
        return np.asarray(np.stack(held, axis=1).reshape(shape) / (everybody[:, None] + 5.0))


def all_claims(
    table: Table, source: Codes, sources: Sequence[str], terms: Sequence[str]
) -> Iterator[Claims]:
    """Every kind of claim that records make.

    Needs the columns date_of_birth, postcode, birth_year and forename_4 in the table.
    """
    birth, has_birth = of_records(table, ["date_of_birth"])
    place, has_place = of_records(table, ["postcode"])
    who = np.where(has_birth, birth, np.where(has_place, ~place, np.uint64(0)))
    for term in terms:
        of, present = of_records(table, [term])
        yield Claims(term, of, who, present)
    child, known = of_records(table, ["forename_4", "date_of_birth"])
    year, _ = of_records(table, ["birth_year"])
    yield Claims(COHORT, year, child, known)
    holder = hashed(np.array(sources, dtype=object))[source]
    yield Claims(HELD, joined([year, holder]), child, known)


def hashed(values: npt.NDArray[np.object_]) -> Hashes:
    """A hash of each text, the same in every run."""
    return np.asarray(pd.util.hash_array(values, categorize=False), dtype=np.uint64)


def of_records(table: Table, columns: Sequence[str]) -> tuple[Hashes, Mask]:
    """A hash of each record's values in some columns, and whether it has them all."""
    return of_cells([cells(table, name) for name in columns])


def cells(table: Table, name: str) -> tuple[Hashes, Mask]:
    """A hash of each record's value in one column, and whether it has one."""
    column = table.columns[name]
    by_code = np.append(hashed(column.values), np.uint64(0))
    return by_code[column.codes], column.codes >= 0


def of_cells(parts: Sequence[tuple[Hashes, Mask]]) -> tuple[Hashes, Mask]:
    """The same of several columns, which must be one at least."""
    hashes, present = zip(*parts, strict=True)
    return joined(hashes), np.logical_and.reduce(present)


def joined(parts: Sequence[Hashes]) -> Hashes:
    """One hash of several, which depends on their order."""
    result = parts[0]
    for part in parts[1:]:
        mixed = (result ^ (result >> np.uint64(29))) * _MULTIPLIER
        result = (mixed ^ (mixed >> np.uint64(32))) + part * _MULTIPLIER
    return result


def coarse(counts: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Counts rounded to the nearest power of the square root of two; none stays none."""
    counts = np.asarray(counts)
    rounded = np.exp2(np.round(2 * np.log2(np.maximum(counts, 1))) / 2)
    return np.asarray(np.where(counts > 0, rounded, 0.0))
