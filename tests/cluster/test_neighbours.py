"""Records of one source that links to others hold together are compared with each other."""

import numpy as np

from matcher import neighbours as module
from matcher.neighbours import neighbours

Pair = tuple[int, int]


def found(
    strong: list[Pair], source: list[int], single: list[bool], known: list[Pair]
) -> set[Pair]:
    def arrays(pairs: list[Pair]) -> tuple:
        l, r = zip(*pairs, strict=True) if pairs else ((), ())
        return np.array(l, dtype=np.int32), np.array(r, dtype=np.int32)

    chunks = neighbours(
        arrays(strong), np.array(source, dtype=np.int32), np.array(single), arrays(known)
    )
    return {(int(a), int(b)) for l, r in chunks for a, b in zip(l, r, strict=True)}


def test_two_records_of_one_source_linked_to_a_third_are_compared() -> None:
    assert found([(0, 1), (1, 2)], [0, 1, 0], [False, False], []) == {(0, 2)}


def test_pairs_that_are_known_are_not_compared_again() -> None:
    assert found([(0, 1), (1, 2)], [0, 0, 0], [False], [(0, 1), (1, 2)]) == {(0, 2)}


def test_a_source_that_holds_each_child_once_is_left_out() -> None:
    assert found([(0, 1), (1, 2)], [0, 1, 0], [True, False], []) == set()


def test_records_that_nothing_holds_together_are_left_out() -> None:
    assert found([(0, 1)], [0, 1, 0], [False, False], []) == set()


def test_a_group_too_large_to_be_one_child_is_left_out(monkeypatch) -> None:
    monkeypatch.setattr(module, "LARGEST_GROUP", 2)
    assert found([(0, 1), (1, 2)], [0, 0, 0], [False], []) == set()
