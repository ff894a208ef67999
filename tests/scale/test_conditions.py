"""Compiled conditions, run on DuckDB, hold for the pairs for which the rules say they do."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations

import duckdb
import jellyfish
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.compare.conditions import holds
from matcher.rules.matching import Condition
from matcher.scale import letters
from matcher.scale.conditions import DUCKDB, ConditionCompiler
from matcher.table import Sides, Table
from tests.property import reference
from tests.property.strategies import COLUMNS, conditions, steady, tables
from tests.spec.drawn import categorical


@cache
def connection() -> duckdb.DuckDBPyConnection:
    own = duckdb.connect()
    letters.give_duckdb(own)
    return own


@pytest.fixture(autouse=True, scope="module")
def _closed_at_the_end() -> Iterator[None]:
    # A fixture's value would be kept by hypothesis, and DuckDB tells when one is left behind.
    yield
    connection().close()
    connection.cache_clear()


def on_duckdb(given_: Sequence[Condition], pairs: pd.DataFrame) -> list[tuple[bool, ...]]:
    """For each pair, which of the conditions hold. ``pairs`` has columns ``x_l`` and ``x_r``."""
    compiler = ConditionCompiler(DUCKDB, {})
    asked = ", ".join(f"coalesce({compiler.sql(condition)}, FALSE)" for condition in given_)
    connection().register("pairs", pairs)
    return connection().execute(f"SELECT {asked} FROM pairs ORDER BY number").fetchall()


@steady
@given(tables, st.lists(conditions, min_size=1, max_size=8))
def test_a_condition_holds_for_the_pairs_for_which_its_definition_holds(
    rows: list[dict], drawn: list[dict]
) -> None:
    chosen = [Condition.model_validate(condition) for condition in drawn]
    both = list(combinations(rows, 2))
    columns = {f"{name}_l": [one[name] for one, _ in both] for name in COLUMNS}
    columns |= {f"{name}_r": [other[name] for _, other in both] for name in COLUMNS}
    found = on_duckdb(chosen, categorical(columns).assign(number=range(len(both))))
    expected = [tuple(reference.true_of(x, one, other, {}) for x in chosen) for one, other in both]
    assert found == expected


# Scripts whose letters are of one byte, two and three, and of several characters each.
ALPHABETS = ("ABCD ", "ABÉÖ", "АБВГ", "রহিমা", "ابتث", "A\u0301B\u0323")


@st.composite
def texts(draw: st.DrawFn) -> str:
    letters_of = st.sampled_from(draw(st.sampled_from(ALPHABETS)))
    return " ".join("".join(draw(st.lists(letters_of, min_size=1, max_size=9))).split()) or "A"


@st.composite
def spellings(draw: st.DrawFn) -> Condition:
    kind = draw(st.sampled_from(["jaro_winkler", "edits", "starts_with", "shares"]))
    settings = {
        "jaro_winkler": {"column": "name", "at_least": draw(st.integers(50, 99)) / 100},
        "edits": {
            "column": "name",
            "at_most": draw(st.integers(1, 4)),
            "min_length": draw(st.integers(1, 4)),
        },
        "starts_with": {"column": "name", "min_length": draw(st.integers(1, 4))},
        "shares": "name",
    }
    return Condition.model_validate({kind: settings[kind]})


def on_the_core(given_: Sequence[Condition], left: list[str], right: list[str]) -> list[tuple]:
    table = Table.of(categorical({"name": left + right}), ["name"])
    l = np.arange(len(left), dtype=np.int32)
    sides = Sides(table, table, l, l + np.int32(len(left)))
    return list(zip(*(holds(x, sides, {}).tolist() for x in given_), strict=True))


@steady
@given(
    st.lists(st.tuples(texts(), texts()), min_size=1, max_size=30),
    st.lists(spellings(), min_size=1, max_size=8),
)
def test_spelling_counts_letters_in_every_script(
    pairs: list[tuple[str, str]], chosen: list[Condition]
) -> None:
    left, right = (list(side) for side in zip(*pairs, strict=True))
    frame = pd.DataFrame({"name_l": left, "name_r": right, "number": range(len(left))})
    assert on_duckdb(chosen, frame) == on_the_core(chosen, left, right)


def test_a_similarity_that_equals_its_bound_is_enough_whatever_the_last_bit() -> None:
    # 23/25 to jellyfish is 0.9199999999999999, and to DuckDB 0.92.
    left, right = "DIDDDFJBCJEF", "DDDDFJCEJF"
    assert jellyfish.jaro_winkler_similarity(left, right) < 0.92
    bound = Condition.model_validate({"jaro_winkler": {"column": "name", "at_least": 0.92}})
    frame = pd.DataFrame({"name_l": [left], "name_r": [right], "number": [0]})
    assert on_duckdb([bound], frame) == [(True,)]
    assert on_the_core([bound], [left], [right]) == [(True,)]


def test_calls_into_python_are_for_texts_beyond_ascii_only(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, similarity = [], jellyfish.jaro_winkler_similarity

    def counted(left: str, right: str) -> float:
        calls.append((left, right))
        return similarity(left, right)

    connection.cache_clear()
    monkeypatch.setattr(jellyfish, "jaro_winkler_similarity", counted)
    bound = Condition.model_validate({"jaro_winkler": {"column": "name", "at_least": 0.8}})
    left, right = ["AMINA", "রহিম", "AMINA"], ["AMINAH", "রহিম", "রহিম"]
    frame = pd.DataFrame({"name_l": left, "name_r": right, "number": [0, 1, 2]})
    assert on_duckdb([bound], frame) == [(True,), (True,), (False,)]
    assert sorted(calls) == [("AMINA", "রহিম"), ("রহিম", "রহিম")]
    connection.cache_clear()
