"""Comparison levels, by worked examples."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from matcher.compare import LevelComparison, reached_levels
from matcher.rules.matching import Comparison
from matcher.table import MISSING, OPEN, Sides, Table
from tests.spec.drawn import coded


def comparison(*whens: dict[str, Any], needs: tuple[str, ...] = (), name: str = "it") -> Comparison:
    """A comparison whose levels are called by their number, the last ``other``."""
    levels: list[dict[str, Any]] = [
        {"name": str(number), "when": when, "reason": "so"} for number, when in enumerate(whens)
    ]
    return Comparison.model_validate(
        {
            "name": name,
            "title": name,
            "needs": list(needs),
            "levels": [*levels, {"name": "other", "reason": "otherwise"}],
        }
    )


def sides(text: str) -> Sides:
    """Each row's columns ``x_l`` and ``x_r`` are the two sides of one pair."""
    frame = coded(text)
    names = sorted({column[:-2] for column in frame})
    both = pd.DataFrame(
        {
            name: pd.api.types.union_categoricals([frame[f"{name}_l"], frame[f"{name}_r"]])
            for name in names
        }
    )
    table = Table.of(both, names, [frozenset(names)])
    positions = np.arange(len(frame), dtype=np.int32)
    return Sides(table, table, positions, positions + np.int32(len(frame)))


def graded(rule: Comparison, text: str) -> list[str]:
    levels = LevelComparison(rule).levels(sides(text))
    return ["missing" if level == MISSING else rule.levels[level].name for level in levels]


def test_levels_are_tried_in_order_and_the_first_that_fits_is_taken() -> None:
    rule = comparison({"same": ["a"]}, {"edits": {"column": "a", "at_most": 1}})
    found = graded(
        rule,
        """
        a_l  | a_r
        ANNA | ANNA
        ANNA | ANNE
        ANNA | ZOE
        """,
    )
    assert found == ["0", "1", "other"]


def test_a_value_that_is_needed_and_missing_on_either_side_is_no_evidence() -> None:
    rule = comparison({"same": ["a"]}, needs=("a",))
    found = graded(
        rule,
        """
        a_l  | a_r
        ANNA |
             | ANNA
             |
        ANNA | ANNA
        """,
    )
    assert found == ["missing", "missing", "missing", "0"]


def test_two_missing_values_are_not_the_same_value() -> None:
    for when in ({"same": ["a"]}, {"same_across": ["a", "b"]}, {"swapped": ["a", "b"]}):
        assert graded(comparison(when), "a_l | a_r | b_l | b_r\n | | |\n | | |") == ["other"] * 2


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"same_across": ["a", "b"]}, ["0", "0", "0", "other", "other"]),
        ({"swapped": ["a", "b"]}, ["other", "other", "0", "other", "other"]),
        ({"same": ["a", "b"]}, ["other", "other", "other", "other", "0"]),
        ({"present": ["a", "b"]}, ["other", "other", "0", "0", "0"]),
        ({"either": "b"}, ["0", "0", "0", "0", "0"]),
    ],
)
def test_columns_are_held_against_each_other_as_the_rule_says(
    when: dict[str, Any], expected: list[str]
) -> None:
    found = graded(
        comparison(when),
        """
        a_l  | b_l | a_r | b_r
        ANNA |     | ZOE | ANNA
        ANNA | ZOE | ZOE |
        ANNA | ZOE | ZOE | ANNA
        ANNA | LEE | ZOE | KIM
        ANNA | ZOE | ANNA| ZOE
        """,
    )
    assert found == expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"edits": {"column": "a", "at_most": 1}}, ["0", "0", "0", "other", "0"]),
        (
            {"edits": {"column": "a", "at_most": 1, "min_length": 4}},
            ["0", "0", "0", *["other"] * 2],
        ),
        ({"jaro_winkler": {"column": "a", "at_least": 0.92}}, ["0", "0", "other", *["other"] * 2]),
        ({"starts_with": {"column": "a", "min_length": 3}}, ["other", "0", *["other"] * 3]),
    ],
)
def test_spelling_may_differ_as_far_as_the_rule_says(
    when: dict[str, Any], expected: list[str]
) -> None:
    found = graded(
        comparison(when),
        """
        a_l    | a_r
        MARTHA | MARHTA
        AMINA  | AMINAH
        NABIL  | ZABIL
        AMINA  | ZOE
        AL     | ALI
        """,
    )
    assert found == expected


def test_lists_of_words_agree_where_they_share_one() -> None:
    found = graded(
        comparison({"shares": "a"}),
        """
        a_l              | a_r
        ELIZABETH BETH   | BETH BETHANY
        ELIZABETH        | BETHANY
        ELIZABETHAN      | ELIZABETH
        """,
    )
    assert found == ["0", "other", "other"]


def test_names_in_other_scripts_are_compared_letter_by_letter() -> None:
    rule = comparison({"same": ["a"]}, {"edits": {"column": "a", "at_most": 1}})
    found = graded(
        rule,
        """
        a_l  | a_r
        محمد | محمد
        রহিম | রহম
        李明 | 王芳
        """,
    )
    assert found == ["0", "1", "other"]


def test_no_pairs_have_no_levels() -> None:
    assert graded(comparison({"same": ["a"]}), "a_l | a_r") == []


def test_a_column_that_nobody_fills_in_is_no_evidence() -> None:
    rule = comparison({"jaro_winkler": {"column": "a", "at_least": 0.9}}, needs=("a",))
    assert graded(rule, "a_l | a_r\n | \n | ") == ["missing", "missing"]


def test_an_interaction_may_ask_for_levels_and_spelling_at_once() -> None:
    text = """
        a_l  | a_r  | b_l | b_r
        ANNA | ANNA | LEE | LEA
        ANNA | ZOE  | LEE | LEA
        ANNA | ANNA | LEE | KIM
    """
    first = comparison({"same": ["a"]}, name="first")
    near = {"edits": {"column": "b", "at_most": 1}}
    both = {"all": [{"levels": {"first": ["0"]}}, near]}
    rule = comparison({"any": [{"same": ["b"]}, both]}, name="second")
    pairs = sides(text)
    reached = {"first": reached_levels(first, LevelComparison(first).levels(pairs))}
    assert LevelComparison(rule).levels(pairs, reached).tolist() == [0, 1, 1]


def test_what_codes_do_not_settle_stays_open_until_strings_are_compared() -> None:
    rule = comparison({"same": ["a"]}, {"edits": {"column": "a", "at_most": 1}}, needs=("a",))
    compared = LevelComparison(rule)
    pairs = sides("a_l | a_r\nANNA | ANNA\nANNA | ANNE\nANNA | ZOE\nANNA |")
    cheap = compared.cheap_levels(pairs)
    assert cheap.tolist() == [0, OPEN, OPEN, MISSING]
    assert compared.first_costly == 1
    assert compared.settle(pairs, cheap).tolist() == [0, 1, 2, MISSING]


def test_reached_levels_name_the_pairs_of_each_level_and_of_none() -> None:
    rule = comparison({"same": ["a"]}, needs=("a",))
    reached = reached_levels(rule, np.array([0, 1, MISSING, 0], dtype=np.int8))
    assert {name: mask.tolist() for name, mask in reached.items()} == {
        "0": [True, False, False, True],
        "other": [False, True, False, False],
        "missing": [False, False, True, False],
    }
