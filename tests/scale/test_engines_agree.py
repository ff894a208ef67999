"""Splink on DuckDB, the fast engine and the plain reference give the same, whatever the rules."""

from collections.abc import Sequence
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher import pipeline
from matcher.population import Population
from matcher.prepared import Prepared
from matcher.rules.matching import BlockingRule, Comparison, MatchingRules
from matcher.rules.model import Model
from matcher.scale import score_on_splink
from matcher.scoring import ScoredPairs
from tests.property import engine, reference
from tests.property.strategies import blocking_rule_sets, steady
from tests.scale.strategies import (
    bounded_blocking_rules,
    matching,
    prepared,
    tables,
    weighed_comparisons,
)

# Setting up Splink takes longer than many pairs do.
few = settings(steady, max_examples=25)


def on_the_core(records: Prepared, rules: MatchingRules, model: Model) -> ScoredPairs:
    population = pipeline.count_population(records, rules)
    scorer = pipeline.weigh(records, rules, model, population)
    pairs = pipeline.proposed(records, pipeline.block(records, rules))
    return scorer.score_all(records.table, pairs, -np.inf, threads=1)


def assert_same(found: pd.DataFrame, core: ScoredPairs) -> None:
    assert found["l"].tolist() == core.l.tolist()
    assert found["r"].tolist() == core.r.tolist()
    for name, levels in core.levels.items():
        assert found[name].tolist() == levels.tolist()
    assert found["evidence"].to_numpy() == pytest.approx(core.evidence, abs=1e-9)


def by_reference(
    rows: Sequence[dict], records: Prepared, rules: MatchingRules, model: Model
) -> dict[tuple[int, int], tuple[dict[str, str], float]]:
    """Level names and evidence of each candidate pair, worked out one pair at a time."""
    values = records.table.columns["forename"].values  # noqa: PD011
    population = Population.of(records.table, records.source, records.sources, ["forename"])
    shares = population.shares(records.table, "forename")
    frequency = {"forename": dict(zip(values, shares, strict=True))}
    found = {}
    for l, r in reference.candidate_pairs(rules.blocking, rows):
        levels = reference.grade_all(rules.comparisons, rows[l], rows[r])
        parts = (
            reference.partial_weight(
                rule, levels[rule.name], model.comparisons[rule.name], rows[l], rows[r], frequency
            )
            for rule in rules.comparisons
        )
        found[l, r] = levels, sum(parts)
    return found


@few
@given(tables(), blocking_rule_sets(), weighed_comparisons())
def test_pairs_levels_and_weights_are_those_of_the_core_and_of_the_reference(
    rows: list[dict], blocking: list[BlockingRule], weighed: tuple[list[Comparison], Model]
) -> None:
    rules, model = matching(blocking, weighed[0]), weighed[1]
    records = prepared(rows)
    found = score_on_splink(records, rules, model)
    assert_same(found, on_the_core(records, rules, model))
    expected = by_reference(rows, records, rules, model)
    assert set(zip(found["l"], found["r"], strict=True)) == set(expected)
    for at, pair in enumerate(zip(found["l"], found["r"], strict=True)):
        levels, evidence = expected[pair]
        named = {x.name: engine.name_of(x, found[x.name][at]) for x in rules.comparisons}
        assert named == levels
        assert found["evidence"][at] == pytest.approx(evidence, abs=1e-9)


AS_IT_IS = Comparison.model_validate(
    {"name": "any", "title": "Any", "levels": [
        {"name": "same", "when": {"same": ["forename"]}, "reason": "same"},
        {"name": "different", "reason": "different"},
    ]}
)  # fmt: skip
KNOWN = Model.model_validate(
    {"version": 1, "trained_on": "nothing", "matches_per_record": 1, "comparisons": {
        "any": {"same": {"m": 0.9, "u": 0.1}, "different": {"m": 0.1, "u": 0.9}},
    }}
)  # fmt: skip


@few
@given(
    tables(smallest=30, largest=40),
    st.randoms(use_true_random=False),
    st.lists(st.booleans(), min_size=3, max_size=3),
    bounded_blocking_rules("one"),
    bounded_blocking_rules("other"),
)
def test_large_blocks_and_sources_that_hold_a_child_once_bound_pairs_alike(
    rows: list[dict], chance: Random, single: list[bool], one: BlockingRule, other: BlockingRule
) -> None:
    records = prepared(rows, [chance.randrange(3) for _ in rows], single)
    rules = matching([one, other], [AS_IT_IS])
    assert_same(score_on_splink(records, rules, KNOWN), on_the_core(records, rules, KNOWN))


NOTHING = dict.fromkeys(["forename", "surname", "other", "date_of_birth", "postcode"])


@pytest.mark.parametrize(
    "rows",
    [[], [{**NOTHING, "forename": "AMINA"}], [NOTHING, NOTHING]],
    ids=["no record", "one record", "nothing but missing values"],
)
def test_where_there_is_nothing_to_compare_there_is_no_pair(rows: list[dict]) -> None:
    rules = matching([BlockingRule(name="forename", key=["forename"])], [AS_IT_IS])
    found = score_on_splink(prepared(rows), rules, KNOWN)
    assert found.columns.tolist() == ["l", "r", "any", "evidence"]
    assert found.empty
