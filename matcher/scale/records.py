"""The table of records that another engine reads, one row per record.

| column | meaning |
|---|---|
| record_position | place of the record in the table, by which pairs are named |
| (those the comparisons look at) | standardised values, categorical |
| block_0, block_1, … | effective key of each blocking rule; missing proposes nothing |
| block_0_against, … | key that the other side shows, where the rule names other columns |
| rarity_(comparison)_(level) | code of the value whose frequency adjusts that level's weight |
| single_source | number of the record's source, if it holds each child once |

Keys are the core's own, so that large blocks are narrowed and given up alike everywhere.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.block import EffectiveKey
from matcher.rules.matching import Comparison, Level, MatchingRules
from matcher.rules.model import Model
from matcher.scale.levels import rarity_column
from matcher.table import Table
from matcher.weigh.weights import LARGEST_ADJUSTMENT, Frequencies

POSITION = "record_position"
SINGLE_SOURCE = "single_source"

Numbers = npt.NDArray[np.integer]


def splink_records(
    rules: MatchingRules,
    table: Table,
    keys: Sequence[EffectiveKey],
    single_source: Numbers | None = None,
) -> pd.DataFrame:
    """The table of records.

    ``single_source`` has the number of each record's source, or -1 where that may hold a
    child more than once.
    """
    columns: dict[str, object] = {POSITION: np.arange(table.size)}
    for name in sorted(set().union(*(rule.columns for rule in rules.comparisons))):
        column = table.columns[name]
        columns[name] = pd.Categorical.from_codes(
            cast(Sequence[int], column.codes), categories=pd.Index(column.values, dtype=object)
        )
    for (first, second), key in zip(key_columns(rules), keys, strict=True):
        columns[first] = _numbers(key.first)
        columns[second] = _numbers(key.second)
    for rule, level, column_name in _rarities(rules.comparisons):
        columns[rarity_column(rule, level)] = _numbers(table.columns[column_name].codes)
    if single_source is not None:
        columns[SINGLE_SOURCE] = _numbers(single_source)
    return pd.DataFrame(columns)


def rarity_tables(
    rules: Sequence[Comparison], model: Model, frequencies: Mapping[str, Frequencies]
) -> dict[str, pd.DataFrame]:
    """For each rarity column the frequency of each code, bounded as the core bounds it."""
    tables = {}
    for rule, level, column in _rarities(rules):
        known = model.comparisons[rule.name][level.name]
        m, u = known.m, known.u
        if m is None or u is None:
            continue
        name = rarity_column(rule, level)
        most = min(max(m, u), u * 2.0**LARGEST_ADJUSTMENT)
        bounded = np.minimum(frequencies[column], most)
        tables[name] = pd.DataFrame({name: np.arange(len(bounded)), f"tf_{name}": bounded})
    return tables


def key_columns(rules: MatchingRules) -> list[tuple[str, str]]:
    """Names of each blocking rule's two columns; the same one where both sides show one key."""
    names = [f"block_{number}" for number in range(len(rules.blocking))]
    return [
        (name, f"{name}_against" if rule.against else name)
        for name, rule in zip(names, rules.blocking, strict=True)
    ]


def _rarities(rules: Sequence[Comparison]) -> list[tuple[Comparison, Level, str]]:
    return [
        (rule, level, level.term_frequency)
        for rule in rules
        for level in rule.levels
        if level.evidence and level.term_frequency is not None
    ]


def _numbers(codes: Numbers) -> pd.Series:
    """Codes with missing values where they are negative."""
    return pd.Series(codes, dtype="Int64").mask(codes < 0)
