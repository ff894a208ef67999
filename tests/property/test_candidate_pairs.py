"""The engine proposes exactly the pairs that some rule proposes."""

import pandas as pd
import pytest
import recordlinkage
from hypothesis import given
from hypothesis import strategies as st

from matcher.block import BlockingKeys, RuleBlocks, effective_key, sampled_pairs
from matcher.rules.matching import BlockingRule
from matcher.table import Table
from tests.property import engine, reference
from tests.property.strategies import (
    blocking_rule_sets,
    blocking_rules,
    linkable_tables,
    steady,
    tables,
)


@steady
@given(tables, blocking_rule_sets(), st.integers(1, 6))
def test_every_pair_that_a_rule_proposes_is_there_once_and_in_order(
    rows: list[dict], rules: list[BlockingRule], chunk: int
) -> None:
    found = engine.pairs(rules, rows, chunk)
    assert all(l < r for l, r in found)
    assert len(set(found)) == len(found)
    assert set(found) == reference.candidate_pairs(rules, rows)


@steady
@given(tables, blocking_rule_sets(), st.integers(0, 99))
def test_a_sample_has_whole_blocks_of_pairs_each_once(
    rows: list[dict], rules: list[BlockingRule], seed: int
) -> None:
    keys = [effective_key(rule, engine.table_of(rows)) for rule in rules]

    def sample(share: float) -> list[tuple[int, int]]:
        parts = sampled_pairs(keys, share, seed)
        return [(int(a), int(b)) for l, r in parts for a, b in zip(l, r, strict=True)]

    assert sample(1.0) == engine.pairs(rules, rows, 100)
    assert sample(0.0) == []
    some = sample(0.5)
    assert len(set(some)) == len(some)
    assert set(some) <= set(sample(1.0))


def test_a_sample_of_many_blocks_has_about_its_share() -> None:
    rows = [{**dict.fromkeys(engine.COLUMNS), "forename": str(at // 2)} for at in range(4_000)]
    key = effective_key(BlockingRule(name="forename", key=["forename"]), engine.table_of(rows))
    assert sum(len(l) for l, _ in sampled_pairs([key], 0.25, 1)) == pytest.approx(500, rel=0.15)


@steady
@given(tables, blocking_rules())
def test_the_pairs_of_a_rule_are_counted_without_making_them(
    rows: list[dict], rule: BlockingRule
) -> None:
    table = Table.of(engine.frame_of(rows), rule.columns, rule.crossings)
    counted = RuleBlocks.of(rule, effective_key(rule, table))
    assert counted.pairs == len(reference.candidate_pairs([rule], rows))


@steady
@given(linkable_tables, blocking_rules())
def test_on_recordlinkages_index_a_rule_proposes_the_same_pairs_of_one_file(
    rows: list[dict], rule: BlockingRule
) -> None:
    frame = engine.frame_of(rows)
    frame.index = pd.Index([f"key {number}" for number in range(len(rows))])
    index = recordlinkage.Index([BlockingKeys(rule)]).index(frame)
    found = {(frame.index.get_loc(l), frame.index.get_loc(r)) for l, r in index}
    assert {tuple(sorted(pair)) for pair in found} == reference.candidate_pairs([rule], rows)
    assert len(found) == len(index)


@steady
@given(linkable_tables, linkable_tables, blocking_rules())
def test_on_recordlinkages_index_a_rule_proposes_the_pairs_across_two_files(
    left: list[dict], right: list[dict], rule: BlockingRule
) -> None:
    df_a, df_b = engine.frame_of(left), engine.frame_of(right)
    df_b.index += 1000
    found = list(recordlinkage.Index([BlockingKeys(rule)]).index(df_a, df_b))
    expected = {
        (l, r + 1000)
        for l, one in enumerate(left)
        for r, other in enumerate(right)
        if reference.proposes(rule, one, other) or reference.proposes(rule, other, one)
    }
    assert len(set(found)) == len(found)
    assert set(found) == expected


@steady
@given(linkable_tables, blocking_rule_sets())
def test_on_recordlinkages_index_several_rules_propose_what_the_engine_does(
    rows: list[dict], rules: list[BlockingRule]
) -> None:
    index = recordlinkage.Index([BlockingKeys(rule) for rule in rules]).index(engine.frame_of(rows))
    assert {tuple(sorted(pair)) for pair in index} == set(engine.pairs(rules, rows, 100))
