"""Random small registers for engines to agree on, with what term frequencies are counted over."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from matcher.pipeline import Prepared
from matcher.rules.matching import BlockingRule, Comparison, MatchingRules, Thresholds
from matcher.table import Table
from tests.property.engine import EVERY_CROSSING
from tests.property.strategies import COLUMNS, cells
from tests.property.strategies import columns as any_column
from tests.spec.drawn import categorical

Row = Mapping[str, str | None]

EVERY_COLUMN = (*COLUMNS, "date_of_birth", "postcode")

rows = st.fixed_dictionaries(
    {
        **dict.fromkeys(COLUMNS, cells),
        "date_of_birth": st.sampled_from([None, "2016-03-09", "2017-11-20"]),
        "postcode": st.sampled_from([None, "OL1 1AA"]),
    }
)
tables = st.lists(rows, max_size=14)


def prepared(
    rows: Sequence[Row], sources: Sequence[int] | None = None, single: Sequence[bool] = (False,)
) -> Prepared:
    """Rows as the pipeline would have prepared them."""
    frame = categorical({name: [row[name] for row in rows] for name in EVERY_COLUMN})
    table = Table.of(frame, EVERY_COLUMN, [EVERY_CROSSING])
    source = np.array(sources or [0] * len(rows), dtype=np.int32)
    return Prepared(pd.DataFrame(index=frame.index), frame, table, source, np.array(single))


def matching(blocking: list[BlockingRule], comparisons: list[Comparison]) -> MatchingRules:
    return MatchingRules(
        version=1,
        blocking=blocking,
        comparisons=comparisons,
        thresholds=Thresholds(lower=0, upper=0, rival_margin=0),
    )


@st.composite
def bounded_blocking_rules(draw: st.DrawFn, name: str) -> BlockingRule:
    """A rule whose blocks are soon too large, so that they are narrowed or given up."""
    return BlockingRule(
        name=name,
        key=[draw(any_column)],
        against=draw(st.one_of(st.none(), st.lists(any_column, min_size=1, max_size=1))),
        largest_block=draw(st.integers(2, 4)),
        narrow_by=draw(st.lists(any_column, max_size=1)),
    )
