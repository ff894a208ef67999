"""One record against many that are held in memory: candidates, best first.

The same blocking keys, comparisons and weights as a run, for a single record: positions
that share a key are found in sorted keys, and only they are compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.prepared import Prepared
from matcher.rules.library import LinkageRules
from matcher.rules.matching import BlockingRule
from matcher.scoring import Scorer
from matcher.standardise import standardise_record
from matcher.table import Column, Positions, Sides, Table

Hashes = npt.NDArray[np.uint64]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A held record by its position, the level of each comparison, and bits of evidence."""

    position: int
    levels: dict[str, int]
    partial: dict[str, float]

    @property
    def evidence(self) -> float:
        """Sum of the partial weights, without the prior."""
        return sum(self.partial.values())


class Lookup:
    """Held records, indexed by every blocking rule."""

    def __init__(self, prepared: Prepared, rules: LinkageRules, scorer: Scorer) -> None:
        self.prepared, self.rules, self.scorer = prepared, rules, scorer
        self._index = [_RuleIndex(rule, prepared.table) for rule in rules.matching.blocking]
        keys = {name for rule in rules.matching.blocking for name in rule.columns}
        self._columns = {name: prepared.table.columns[name] for name in sorted(keys)}
        self._codes = {
            id(column.values): {value: code for code, value in enumerate(column.values)}
            for column in self._columns.values()
        }

    def candidates(self, record: Mapping[str, str], at_least: float = 0.0) -> list[Candidate]:
        """Held records that a blocking rule proposes for a record, strongest evidence first.

        ``record`` gives RECORDS columns as plain text, dates as YYYY-MM-DD. ``at_least`` is
        the least evidence, in bits, without the prior.
        """
        values = standardise_record(record, self.rules.names, self.rules.values)
        codes = {
            name: self._codes[id(column.values)].get(values.get(name, ""), -1)
            for name, column in self._columns.items()
        }
        found = [index.positions(codes) for index in self._index]
        positions = np.unique(np.concatenate(found))
        if not len(positions):
            return []
        return self._compare(values, positions, at_least)

    def _compare(
        self, values: Mapping[str, str], positions: Positions, at_least: float
    ) -> list[Candidate]:
        held = self.prepared.table.take(positions)
        one, many, origin = _side_by_side(values, held)
        sides = Sides(
            one, many, np.zeros(len(positions), np.int32), np.arange(len(positions), dtype=np.int32)
        )
        levels, partial = self.scorer.explain(sides, origin)
        total = np.sum(list(partial.values()), axis=0)
        order = np.lexsort((positions, -total))
        return [
            Candidate(
                int(positions[at]),
                {name: int(own[at]) for name, own in levels.items()},
                {name: float(own[at]) for name, own in partial.items()},
            )
            for at in order
            if total[at] >= at_least
        ]


class _RuleIndex:
    """Positions by blocking key, for one rule, from both of its sides."""

    def __init__(self, rule: BlockingRule, table: Table) -> None:
        self.rule = rule
        against = rule.against or rule.key
        self.sides = [(rule.key, _Sorted(table, against))]
        if rule.against is not None:
            self.sides.append((against, _Sorted(table, rule.key)))

    def positions(self, codes: Mapping[str, int]) -> Positions:
        """Records whose key equals that of these codes; none if the block is too large."""
        found = [index.equal([codes[name] for name in key]) for key, index in self.sides]
        return np.concatenate([at if len(at) < self.rule.largest_block else at[:0] for at in found])


class _Sorted:
    """Hashes of some columns' codes in order, and whose they are."""

    def __init__(self, table: Table, columns: list[str]) -> None:
        codes = [table.columns[name].codes for name in columns]
        present = np.flatnonzero(np.logical_and.reduce([own >= 0 for own in codes]))
        hashes = _hash([own[present].astype(np.uint64) for own in codes])
        order = np.argsort(hashes, kind="stable")
        self.hashes = hashes[order]
        self.at: Positions = present[order].astype(np.int32)
        self.codes = codes

    def equal(self, codes: list[int]) -> Positions:
        if min(codes) < 0:
            return self.at[:0]
        wanted = _hash([np.array([code], dtype=np.uint64) for code in codes])[0]
        begin, end = (
            np.searchsorted(self.hashes, wanted, "left"),
            np.searchsorted(self.hashes, wanted, "right"),
        )
        at = self.at[begin:end]
        same = np.logical_and.reduce(
            [own[at] == code for own, code in zip(self.codes, codes, strict=True)]
        )
        return at[same]


def _hash(codes: list[Hashes]) -> Hashes:
    result = np.zeros(len(codes[0]), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for own in codes:
            result = (result ^ own) * _MULTIPLIER
            result ^= result >> np.uint64(29)
    return result


def _side_by_side(
    values: Mapping[str, str], held: Table
) -> tuple[Table, Table, dict[str, npt.NDArray[np.int32]]]:
    """A table of the one record and one of the held, over a small vocabulary of their own.

    Also, by column, the held records' vocabulary codes of the small ones; -1 is unknown.
    """
    one: dict[str, Column] = {}
    many: dict[str, Column] = {}
    origin: dict[str, npt.NDArray[np.int32]] = {}
    groups: dict[int, list[str]] = {}
    for name, column in held.columns.items():
        groups.setdefault(id(column.values), []).append(name)
    for names in groups.values():
        whole = held.columns[names[0]].values
        seen = np.unique(np.concatenate([held.columns[name].codes for name in names]))
        seen = seen[seen >= 0]
        texts = [*whole[seen], *(values.get(name, "") for name in names)]
        numbers: dict[str, int] = {}
        for text in texts:
            if text:
                numbers.setdefault(text, len(numbers))
        vocabulary = np.array(list(numbers), dtype=object)
        back = np.full(len(numbers), -1, dtype=np.int32)
        back[: len(seen)] = seen
        for name in names:
            codes = held.columns[name].codes
            local = np.where(codes >= 0, np.searchsorted(seen, codes), -1).astype(np.int32)
            many[name] = Column(local, vocabulary)
            code = numbers.get(values.get(name, ""), -1)
            one[name] = Column(np.array([code], dtype=np.int32), vocabulary)
            origin[name] = back
    return Table(one, 1), Table(many, held.size), origin
