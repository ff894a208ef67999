"""Keys that are kept find the same pairs as blocking everything at once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from matcher.keys import (
    Keys,
    ShownKeys,
    key_lists,
    moved_blocks,
    proposed_within,
    searches,
    sized_keys,
)
from matcher.rules.matching import BlockingRule, MatchingRules, Thresholds
from tests.property import engine
from tests.property.strategies import blocking_rule_sets, steady, tables


def rules_of(blocking: list[BlockingRule]) -> MatchingRules:
    thresholds = Thresholds(lower=0, upper=1, rival_margin=1)
    return MatchingRules.model_construct(
        version=1, blocking=blocking, comparisons=[], thresholds=thresholds
    )


class Kept:
    """The keys of some rows, as a register would keep them."""

    def __init__(self, rules: MatchingRules, rows: list[dict]) -> None:
        lists = [columns for columns in key_lists(rules, []) if columns != ("birth_year",)]
        self.rules, self.shown = rules, ShownKeys(engine.table_of(rows), lists)
        self.keys, self.at = self.shown.all()

    def count(self, keys: Keys) -> Keys:
        assert set(keys.tolist()) <= set(sized_keys(self.rules, self.shown).tolist())
        return self.size(keys)

    def size(self, keys: Keys) -> Keys:
        return np.array([int((self.keys == key).sum()) for key in keys.tolist()], dtype=np.int64)

    def pairs(self) -> set[tuple[int, int]]:
        rows, wanted = searches(self.rules, self.shown, self.count)
        found = set()
        for row, key in zip(rows.tolist(), wanted.tolist(), strict=True):
            found |= {(row, other) for other in self.at[self.keys == key].tolist()}
        return {(min(pair), max(pair)) for pair in found if pair[0] != pair[1]}


@steady
@given(tables, blocking_rule_sets())
def test_kept_keys_propose_what_blocking_does(rows: list[dict], rules: list[BlockingRule]) -> None:
    assert Kept(rules_of(rules), rows).pairs() == set(engine.pairs(rules, rows, 100))


@steady
@given(tables, tables, blocking_rule_sets())
def test_pairs_within_some_records_are_those_that_are_found_among_all(
    some: list[dict], others: list[dict], blocking: list[BlockingRule]
) -> None:
    rules = rules_of(blocking)
    everybody, own = Kept(rules, some + others), Kept(rules, some)
    one, other = proposed_within(rules, own.shown, lambda _: everybody.size)
    found = {(min(pair), max(pair)) for pair in zip(one.tolist(), other.tolist(), strict=True)}
    inside = {pair for pair in everybody.pairs() if max(pair) < len(some)}
    assert {(l, r) for l, r in found if l != r} == inside


@steady
@given(tables, tables, blocking_rule_sets())
def test_of_pairs_without_a_new_record_only_those_in_moved_blocks_come_or_go(
    rows: list[dict], more: list[dict], blocking: list[BlockingRule]
) -> None:
    rules = rules_of(blocking)
    before, after, new = Kept(rules, rows), Kept(rules, rows + more), Kept(rules, more)
    moved = moved_blocks(rules, new.shown, before.size, after.size)
    touched = set(after.at[np.isin(after.keys, moved)].tolist())
    old = range(len(rows))
    differ = {pair for pair in before.pairs() ^ after.pairs() if pair[0] in old and pair[1] in old}
    assert all(l in touched and r in touched for l, r in differ)


def test_lists_of_columns_are_named_once_and_terms_and_the_year_are_among_them() -> None:
    rules = rules_of(
        [
            BlockingRule(name="one", key=["forename"], narrow_by=["surname"]),
            BlockingRule(name="two", key=["forename"], against=["surname"]),
        ]
    )
    assert key_lists(rules, ["surname"]) == [
        ("forename",),
        ("forename", "surname"),
        ("surname",),
        ("birth_year",),
    ]


@steady
@given(st.lists(st.text(max_size=3), min_size=1, max_size=5))
def test_a_key_says_of_which_list_it_is(values: list[str]) -> None:
    rows = [{"forename": value, "surname": value, "other": None} for value in values]
    kept = Kept(rules_of([BlockingRule(name="swap", key=["forename"], against=["surname"])]), rows)
    forenames, _ = kept.shown.of_list(("forename",))
    surnames, _ = kept.shown.of_list(("surname",))
    assert not set(forenames.tolist()) & set(surnames.tolist())
