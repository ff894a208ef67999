"""Blocking rules on recordlinkage's ``Index`` seam."""

import numpy as np
import pandas as pd
from recordlinkage.base import BaseIndexAlgorithm

from matcher.block.keys import effective_key
from matcher.block.pairs import pairs_of_key
from matcher.rules.matching import BlockingRule
from matcher.table import Positions, Table


class BlockingKeys(BaseIndexAlgorithm):  # type: ignore[misc]
    """One blocking rule as a recordlinkage index over STANDARDISED frames."""

    def __init__(self, rule: BlockingRule) -> None:
        super().__init__()
        self.rule = rule

    def _link_index(self, df_a: pd.DataFrame, df_b: pd.DataFrame) -> pd.MultiIndex:
        both = pd.DataFrame(
            {
                name: pd.api.types.union_categoricals([df_a[name], df_b[name]])
                for name in sorted(self.rule.columns)
            }
        )
        l, r = self._positions(both)
        across = (l < len(df_a)) & (r >= len(df_a))
        return pd.MultiIndex.from_arrays([df_a.index[l[across]], df_b.index[r[across] - len(df_a)]])

    def _dedup_index(self, df_a: pd.DataFrame) -> pd.MultiIndex:
        l, r = self._positions(df_a)
        return pd.MultiIndex.from_arrays([df_a.index[l], df_a.index[r]])

    def _positions(self, frame: pd.DataFrame) -> tuple[Positions, Positions]:
        table = Table.of(frame, self.rule.columns, self.rule.crossings)
        chunks = list(pairs_of_key(effective_key(self.rule, table)))
        empty = np.empty(0, dtype=np.int32)
        return (
            np.concatenate([l for l, _ in chunks] or [empty]),
            np.concatenate([r for _, r in chunks] or [empty]),
        )
