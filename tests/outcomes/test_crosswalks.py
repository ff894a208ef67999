from collections.abc import Callable

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.crosswalks import accept_possible_links
from matcher.errors import DataError

Table = Callable[[str], pd.DataFrame]

CROSSWALK = """
    source  record_id  child_id
    a       1          C3
    a       2          C2
    a       3          C1
    a       4          C4
"""


def test_clusters_joined_by_possible_links_take_the_smallest_child_id(table: Table) -> None:
    links = table("""
        source_l  record_id_l  source_r  record_id_r  designation
        a         1            a         2            possible
        a         2            a         3            possible
        a         3            a         4            link
        a         4            b         9            possible
    """)
    accepted = accept_possible_links(table(CROSSWALK), links)
    assert list(accepted["child_id"]) == ["C1", "C1", "C1", "C4"]
    assert list(accepted["record_id"]) == ["1", "2", "3", "4"]


def test_without_possible_links_the_crosswalk_stays_as_it_is(table: Table) -> None:
    links = table("source_l record_id_l source_r record_id_r designation")
    pd.testing.assert_frame_equal(accept_possible_links(table(CROSSWALK), links), table(CROSSWALK))
    assert accept_possible_links(table(CROSSWALK).iloc[:0], links).empty


def test_a_child_id_may_not_be_empty(table: Table) -> None:
    links = table("source_l record_id_l source_r record_id_r designation")
    with pytest.raises(DataError, match="child_id is empty in 4 rows"):
        accept_possible_links(table(CROSSWALK).assign(child_id=None), links)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=10))
def test_children_are_together_exactly_if_a_path_of_possible_links_joins_them(
    edges: list[tuple[int, int]],
) -> None:
    numbers = [str(number) for number in range(8)]
    crosswalk = pd.DataFrame({"source": "a", "record_id": numbers, "child_id": numbers})
    links = pd.DataFrame(
        [("a", str(left), "a", str(right), "possible") for left, right in edges],
        columns=["source_l", "record_id_l", "source_r", "record_id_r", "designation"],
    )
    reached = {number: {number} for number in range(8)}
    for _ in range(8):
        for left, right in edges:
            both = reached[left] | reached[right]
            for number in both:
                reached[number] = both
    expected = [str(min(reached[number])) for number in range(8)]
    assert list(accept_possible_links(crosswalk, links)["child_id"]) == expected
    backwards = accept_possible_links(crosswalk, links.iloc[::-1])
    assert list(backwards["child_id"]) == expected
