"""The engine grades each pair as the definition of its level reads."""

import pandas as pd
import recordlinkage
from hypothesis import given
from hypothesis import strategies as st

from matcher.compare import LevelComparison, reached_levels
from matcher.rules.matching import Comparison
from matcher.table import OPEN, Sides
from tests.property import engine, reference
from tests.property.strategies import comparisons, steady, tables


@st.composite
def comparison_sets(draw: st.DrawFn) -> list[Comparison]:
    """Two plain comparisons, one of their levels, and one of all those."""
    plain = [draw(comparisons("one")), draw(comparisons("two"))]
    third = draw(comparisons("interaction", tuple(plain)))
    return [*plain, third, draw(comparisons("further", (*plain, third)))]


@steady
@given(tables, comparison_sets())
def test_every_level_is_the_one_that_the_rules_say(
    rows: list[dict], rules: list[Comparison]
) -> None:
    l, r = engine.every_pair(len(rows))
    expected = [reference.grade_all(rules, rows[a], rows[b]) for a, b in zip(l, r, strict=True)]
    assert engine.graded(rules, engine.table_of(rows), l, r) == expected


@steady
@given(tables, comparisons())
def test_a_level_does_not_depend_on_which_record_comes_first(
    rows: list[dict], rule: Comparison
) -> None:
    l, r = engine.every_pair(len(rows))
    table = engine.table_of(rows)
    assert engine.graded([rule], table, l, r) == engine.graded([rule], table, r, l)


@steady
@given(tables, comparison_sets())
def test_codes_first_and_strings_later_give_the_same_levels(
    rows: list[dict], rules: list[Comparison]
) -> None:
    l, r = engine.every_pair(len(rows))
    table = engine.table_of(rows)
    sides, reached = Sides(table, table, l, r), {}
    for rule in rules:
        comparison = LevelComparison(rule)
        cheap = comparison.cheap_levels(sides, reached)
        whole = comparison.levels(sides, reached)
        settled = cheap != OPEN
        assert (cheap[settled] == whole[settled]).all()
        assert (whole[~settled] >= comparison.first_costly).all()
        assert (comparison.settle(sides, cheap.copy(), reached) == whole).all()
        reached[rule.name] = reached_levels(rule, whole)


@steady
@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=10), tables, comparisons()
)
def test_on_recordlinkages_compare_a_rule_gives_the_same_levels(
    links: list[tuple[int, int]], rows: list[dict], rule: Comparison
) -> None:
    links = [(l, r) for l, r in links if l < len(rows) and r < len(rows)]
    frame = engine.frame_of(rows)
    compare = recordlinkage.Compare([LevelComparison(rule)])
    index = pd.MultiIndex.from_tuples(links, names=["l", "r"]) if links else _no_links()
    found = compare.compute(index, frame, frame)[rule.name]
    expected = [reference.grade(rule, rows[l], rows[r], {}) for l, r in links]
    assert [engine.name_of(rule, level) for level in found] == expected


def _no_links() -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([[], []], names=["l", "r"])
