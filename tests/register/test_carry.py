"""Ids stay with the records that held them."""

from collections.abc import Collection

import numpy as np

from matcher.register import Carried, Succession, carry_ids
from matcher.register.ids import child_id


def carried(
    clusters: str,
    before: str,
    *,
    since: list[int] | None = None,
    once: dict[int, list[str]] | None = None,
    age: dict[str, int] | None = None,
    left: Collection[str] = (),
    taken: Collection[str] = (),
) -> Carried:
    """Records a, b, c, ... of one source, each drawn by its cluster and the child it was."""
    label = np.array([ord(letter) for letter in clusters], dtype=np.int64)
    keys = [("school", letter) for letter in "abcdefgh"[: len(clusters)]]
    held = [None if child == "." else child for child in before]
    runs = since or [1] * len(held)
    return carry_ids(
        label, keys, held, runs, once or {}, age or {}, left, lambda ids: set(ids) & set(taken)
    )


def test_a_cluster_whose_records_were_one_child_stays_that_child() -> None:
    found = carried("xxx", "AA.")
    assert found == Carried(["A", "A", "A"], [], [], [], [])


def test_records_never_held_found_a_child_by_the_first_of_them() -> None:
    new = child_id("school", "a")
    assert carried("xx", "..") == Carried([new, new], [new], [], [], [])


def test_a_merge_keeps_the_child_with_most_records_and_the_other_leads_to_it() -> None:
    found = carried("xxx", "ABB")
    assert found == Carried(["B", "B", "B"], [], [], ["A"], [Succession("A", "B", merged=True)])


def test_of_two_with_as_many_records_the_older_stays() -> None:
    assert carried("xx", "AB", age={"A": 7, "B": 3}).child == ["B", "B"]


def test_a_split_leaves_the_id_with_most_records_and_names_its_successor() -> None:
    found = carried("xxy", "AAA")
    new = child_id("school", "c")
    assert found == Carried(["A", "A", new], [new], [], [], [Succession("A", new, merged=False)])


def test_a_split_of_what_was_merged_gives_both_their_ids_back() -> None:
    found = carried("xxy", "BBB", once={2: ["A"]})
    assert found == Carried(["B", "B", "A"], [], ["A"], [], [Succession("B", "A", merged=False)])


def test_what_came_by_a_merge_leaves_without_the_id_it_came_to() -> None:
    found = carried("xy", "BB", since=[3, 1], once={0: ["A"]})
    assert found.child == ["A", "B"]


def test_an_id_that_somebody_else_still_has_is_not_taken_back() -> None:
    found = carried("xyz", "B.A", once={1: ["A"]})
    assert found.child == ["B", child_id("school", "b"), "A"]


def test_an_id_is_never_founded_twice() -> None:
    first, second = child_id("school", "a"), child_id("school", "a", attempt=1)
    assert carried("x", ".", taken=[first]).child == [second] != [first]


def test_a_child_whose_records_are_all_gone_ends_without_a_successor() -> None:
    found = carried("x", "A", left=["B"])
    assert (found.ended, found.successions) == (["B"], [])


def test_records_that_change_children_say_so_of_each() -> None:
    found = carried("xxyy", "AABA")
    assert found.child == ["A", "A", "B", "B"]
    assert found.successions == [Succession("A", "B", merged=False)]
