"""The engine weighs each pair as the sum that explains it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.rules.matching import Comparison
from matcher.rules.model import LevelModel, Model
from matcher.scoring import Scorer
from matcher.weigh import Weights
from tests.property import engine, reference
from tests.property.strategies import VALUES, comparisons, steady, tables

share = st.floats(0.001, 1)


@st.composite
def weighed_rules(draw: st.DrawFn) -> tuple[list[Comparison], Model]:
    plain = [draw(comparisons("one")), draw(comparisons("two"))]
    third = draw(comparisons("interaction", tuple(plain)))
    rules = [*plain, third, draw(comparisons("further", (*plain, third)))]
    return rules, Model(
        version=1,
        trained_on="nothing",
        matches_per_record=1.0,
        comparisons={rule.name: draw(_level_models(rule)) for rule in rules},
    )


def _level_models(rule: Comparison) -> st.SearchStrategy[dict[str, LevelModel]]:
    known = (
        st.builds(LevelModel, weight=st.floats(-20, 20))
        if rule.is_interaction
        else st.builds(LevelModel, m=share, u=share)
    )
    names = [level.name for level in rule.levels if level.evidence]
    return st.fixed_dictionaries(dict.fromkeys(names, known))


frequencies = st.fixed_dictionaries(dict.fromkeys(VALUES, share))


def scorer(rules: list[Comparison], model: Model, frequency: dict, rows: list[dict]) -> Scorer:
    values = engine.table_of(rows).columns["forename"].values
    by_code = np.array([frequency[value] for value in values], dtype=np.float64)
    return Scorer(rules, Weights(rules, model, {"forename": by_code}))


def expected(rules: list[Comparison], model: Model, frequency: dict, left: dict, right: dict):
    levels = reference.grade_all(rules, left, right)
    partials = (
        reference.partial_weight(
            rule,
            levels[rule.name],
            model.comparisons[rule.name],
            left,
            right,
            {"forename": frequency},
        )
        for rule in rules
    )
    return levels, sum(partials)


@steady
@given(tables, weighed_rules(), frequencies)
def test_evidence_is_the_sum_of_one_partial_weight_per_comparison(
    rows: list[dict], weighed: tuple[list[Comparison], Model], frequency: dict
) -> None:
    rules, model = weighed
    l, r = engine.every_pair(len(rows))
    scored = scorer(rules, model, frequency, rows).score(engine.table_of(rows), (l, r), -np.inf)
    assert len(scored) == len(l)
    for at, (one, other) in enumerate(zip(l, r, strict=True)):
        levels, total = expected(rules, model, frequency, rows[one], rows[other])
        found = {rule.name: engine.name_of(rule, scored.levels[rule.name][at]) for rule in rules}
        assert found == levels
        assert scored.evidence[at] == pytest.approx(total, abs=1e-9)


@steady
@given(tables, weighed_rules(), frequencies, st.floats(-20, 40))
def test_pairs_are_kept_that_reach_the_floor_or_are_kept_apart_and_no_others(
    rows: list[dict], weighed: tuple[list[Comparison], Model], frequency: dict, floor: float
) -> None:
    rules, model = weighed
    l, r = engine.every_pair(len(rows))
    table = engine.table_of(rows)
    own = scorer(rules, model, frequency, rows)
    every = own.score(table, (l, r), -np.inf)
    wanted = every.take((every.evidence >= floor) | every.apart)
    kept = own.score(table, (l, r), floor)
    assert kept.l.tolist() == wanted.l.tolist()
    assert kept.r.tolist() == wanted.r.tolist()
    assert kept.evidence.tolist() == wanted.evidence.tolist()
    assert kept.apart.tolist() == wanted.apart.tolist()


@steady
@given(tables, weighed_rules(), frequencies, st.integers(1, 5))
def test_chunks_and_threads_do_not_change_what_is_found(
    rows: list[dict], weighed: tuple[list[Comparison], Model], frequency: dict, chunk: int
) -> None:
    rules, model = weighed
    l, r = engine.every_pair(len(rows))
    table = engine.table_of(rows)
    own = scorer(rules, model, frequency, rows)
    chunks = [(l[at : at + chunk], r[at : at + chunk]) for at in range(0, len(l), chunk)]
    at_once = own.score_all(table, [(l, r)], 0.0, threads=1)
    in_parts = own.score_all(table, reversed(chunks), 0.0, threads=2)
    assert in_parts.l.tolist() == at_once.l.tolist()
    assert in_parts.r.tolist() == at_once.r.tolist()
    assert in_parts.evidence.tolist() == at_once.evidence.tolist()
