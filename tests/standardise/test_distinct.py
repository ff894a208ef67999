"""Work on distinct values gives what work on every row would."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from matcher.standardise.distinct import derive, distinct_rows, spread
from tests.property.strategies import steady
from tests.spec.drawn import categorical

CELL = st.sampled_from([None, "A", "B", "C", "D"])


@steady
@given(st.lists(st.tuples(CELL, CELL), max_size=12))
def test_distinct_combinations_spread_back_give_the_rows(
    cells: list[tuple[str | None, ...]],
) -> None:
    frame = categorical({"one": [a for a, _ in cells], "two": [b for _, b in cells]})
    found, inverse = distinct_rows([frame["one"], frame["two"]])
    assert [found[at] for at in inverse] == cells
    assert len(set(found)) == len(found)


@steady
@given(st.lists(CELL, max_size=12))
def test_a_derived_column_is_the_function_of_each_value_and_missing_of_missing(
    cells: list[str | None],
) -> None:
    column = categorical({"one": cells})["one"]
    table = {"A": "x", "B": "x", "C": "", "D": None}
    derived = derive(column.array, lambda value: table[value])
    expected = [(table[cell] or None) if cell else None for cell in cells]
    assert [value if isinstance(value, str) else None for value in derived] == expected


def test_equal_results_of_different_values_are_one_value() -> None:
    column = pd.Categorical(["a", "A", "b"])
    assert derive(column, str.upper).categories.tolist() == ["A", "B"]


def test_nothing_spreads_to_nothing() -> None:
    frame = categorical({"one": []})
    found, inverse = distinct_rows([frame["one"]])
    assert found == []
    assert len(spread([], inverse)) == 0
