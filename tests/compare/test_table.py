"""Coded columns: equal values have equal codes wherever they are held against each other."""

# ruff: noqa: PD011 (a column's vocabulary is called values)

import numpy as np
import pandas as pd

from matcher.table import Table
from tests.spec.drawn import categorical, coded


def test_columns_that_are_crossed_share_one_vocabulary() -> None:
    frame = coded("forename | surname\nANNA | LEE\nLEE | ANNA\n | LEE")
    table = Table.of(frame, ["forename", "surname"], [frozenset({"forename", "surname"})])
    forename, surname = table.columns["forename"], table.columns["surname"]
    assert forename.codes[0] == surname.codes[1]
    assert forename.codes[1] == surname.codes[0] == surname.codes[2]
    assert forename.codes[2] == -1
    assert forename.values is surname.values


def test_crossings_that_meet_in_a_column_share_one_vocabulary_in_all() -> None:
    frame = coded("a | b | c | d\nX | Y | X | X")
    table = Table.of(frame, "abcd", [frozenset("ab"), frozenset("bc")])
    assert table.columns["a"].values is table.columns["c"].values
    assert table.columns["a"].codes[0] == table.columns["c"].codes[0]
    assert table.columns["d"].values is not table.columns["a"].values


def test_plain_rows_are_coded_as_a_frame_is() -> None:
    rows = [{"a": "X", "b": "Y", "c": "Z"}, {"a": "", "b": "X"}, {"a": "Z", "c": "Z"}]
    table = Table.of_rows(rows, "ac", [frozenset("ab")])
    assert table.size == 3
    assert table.columns["a"].values is table.columns["b"].values
    assert table.columns["a"].values is not table.columns["c"].values
    for name in "abc":
        column = table.columns[name]
        shown = ["" if code < 0 else column.values[code] for code in column.codes]
        assert shown == [row.get(name, "") for row in rows]


def test_codes_stand_for_the_values_of_the_frame() -> None:
    frame = coded("a | b\nX | Y\n | X\nZ |")
    table = Table.of(frame, "ab", [frozenset("ab")])
    for name in "ab":
        column = table.columns[name]
        shown = [None if code < 0 else column.values[code] for code in column.codes]
        assert shown == [value if isinstance(value, str) else None for value in frame[name]]


def test_categories_that_no_row_uses_do_not_move_codes() -> None:
    frame = pd.DataFrame({"a": pd.Categorical(["X", None], categories=["W", "X", "Y"])})
    column = Table.of(frame, ["a"]).columns["a"]
    assert column.values[column.codes[0]] == "X"
    assert column.codes[1] == -1


def test_some_rows_of_a_table_are_a_table() -> None:
    table = Table.of(coded("a\nX\nY\nZ"), ["a"])
    part = table.take(np.array([2, 0]))
    assert part.size == 2
    assert part.columns["a"].values[part.columns["a"].codes].tolist() == ["Z", "X"]


def test_a_table_without_rows_or_without_values_can_be_coded() -> None:
    assert Table.of(categorical({"a": []}), ["a"]).size == 0
    assert Table.of(categorical({"a": [None, None]}), ["a"]).columns["a"].codes.tolist() == [-1, -1]
