"""Random small registers for engines to agree on, with what term frequencies are counted over."""

from collections.abc import Mapping, Sequence
from random import Random

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from matcher.prepared import Prepared
from matcher.rules.matching import BlockingRule, Comparison, MatchingRules, Thresholds
from matcher.rules.model import LevelModel, Model
from matcher.table import Table
from tests.property.engine import EVERY_CROSSING
from tests.property.strategies import COLUMNS, VALUES, comparisons
from tests.property.strategies import columns as any_column
from tests.spec.drawn import categorical

Row = Mapping[str, str | None]

CELLS = {
    **dict.fromkeys(COLUMNS, VALUES),
    "date_of_birth": ("2016-03-09", "2017-11-20", "2019-05-05"),
    "postcode": ("OL1 1AA", "OL2 2BB"),
}


@st.composite
def tables(draw: st.DrawFn, smallest: int = 20, largest: int = 30) -> list[dict]:
    """Rows of which many agree on something. Drawn by a seed, so that few examples say much."""
    chance = Random(draw(st.integers(0, 2**32)))
    return [
        {
            name: None if chance.random() < 0.2 else chance.choice(values)
            for name, values in CELLS.items()
        }
        for _ in range(chance.randint(smallest, largest))
    ]


@st.composite
def weighed_comparisons(draw: st.DrawFn) -> tuple[list[Comparison], Model]:
    """Two comparisons, one of their levels and one of all those, with a model."""
    plain = [draw(comparisons("one")), draw(comparisons("two"))]
    third = draw(comparisons("of levels", tuple(plain)))
    rules = [*plain, third, draw(comparisons("further", (*plain, third)))]
    model = Model(
        version=1,
        trained_on="nothing",
        matches_per_record=1.0,
        comparisons={rule.name: draw(_level_models(rule)) for rule in rules},
    )
    return rules, model


def _level_models(rule: Comparison) -> st.SearchStrategy[dict[str, LevelModel]]:
    # u so small that a common value would take more from the weight than it may.
    probability = st.sampled_from([1e-5, 0.002, 0.1, 0.9])
    known = st.builds(LevelModel, m=probability, u=probability)
    if rule.is_interaction:
        known = st.one_of(known, st.builds(LevelModel, weight=st.floats(-20, 20)))
    names = [level.name for level in rule.levels if level.evidence]
    return st.fixed_dictionaries(dict.fromkeys(names, known))


def prepared(
    rows: Sequence[Row], sources: Sequence[int] | None = None, single: Sequence[bool] = (False,)
) -> Prepared:
    """Rows as the pipeline would have prepared them."""
    cells = {name: [row[name] for row in rows] for name in CELLS}
    # What counting children needs beside the columns that rules are drawn over.
    cells["forename_4"] = [(row["forename"] or "")[:4] or None for row in rows]
    cells["birth_year"] = [(row["date_of_birth"] or "")[:4] or None for row in rows]
    frame = categorical(cells)
    table = Table.of(frame, cells, [EVERY_CROSSING])
    source = np.array(sources or [0] * len(rows), dtype=np.int32)
    records = pd.DataFrame(index=frame.index)
    names = [str(number) for number in range(len(single))]
    return Prepared(table, source, names, np.array(single), records, frame)


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
        largest_block=draw(st.integers(2, 6)),
        narrow_by=draw(st.lists(any_column, min_size=1, max_size=1)),
    )
