"""The fast engine, called on plain rows."""

from collections.abc import Mapping, Sequence

import numpy as np

from matcher.block import candidate_pairs, effective_key
from matcher.compare import LevelComparison, reached_levels
from matcher.rules.matching import BlockingRule, Comparison
from matcher.table import MISSING, Sides, Table
from tests.property.strategies import COLUMNS
from tests.spec.drawn import categorical

Row = Mapping[str, str | None]
EVERY_CROSSING = frozenset(COLUMNS)


def frame_of(rows: Sequence[Row]):
    return categorical({name: [row[name] for row in rows] for name in COLUMNS})


def table_of(rows: Sequence[Row]) -> Table:
    return Table.of(frame_of(rows), COLUMNS, [EVERY_CROSSING])


def pairs(rules: Sequence[BlockingRule], rows: Sequence[Row], chunk: int) -> list[tuple[int, int]]:
    keys = [effective_key(rule, table_of(rows)) for rule in rules]
    return [
        (int(a), int(b)) for l, r in candidate_pairs(keys, chunk) for a, b in zip(l, r, strict=True)
    ]


def every_pair(size: int) -> tuple[np.ndarray, np.ndarray]:
    l, r = np.triu_indices(size, k=1)
    return l.astype(np.int32), r.astype(np.int32)


def graded(rules: Sequence[Comparison], table: Table, l, r) -> list[dict[str, str]]:
    """Level names of each pair, by comparison."""
    sides, reached, found = Sides(table, table, l, r), {}, {}
    for rule in rules:
        levels = LevelComparison(rule).levels(sides, reached)
        reached[rule.name] = reached_levels(rule, levels)
        found[rule.name] = [name_of(rule, level) for level in levels]
    return [dict(zip(found, names, strict=True)) for names in zip(*found.values(), strict=True)]


def name_of(rule: Comparison, level: int) -> str:
    return "missing" if level == MISSING else rule.levels[level].name
