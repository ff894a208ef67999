"""Blocking rules, by worked examples: which pairs, which large blocks, how many given up."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.block import GivenUp, RuleBlocks, candidate_pairs, effective_key
from matcher.rules.matching import BlockingRule
from matcher.table import Table
from tests.property.strategies import steady
from tests.spec.drawn import categorical, coded


def table(text: str, *crossing: str) -> Table:
    frame = coded(text)
    return Table.of(frame, frame.columns, [frozenset(crossing)] if crossing else [])


def rule(**keys: object) -> BlockingRule:
    return BlockingRule.model_validate({"name": "a rule", **keys})


def pairs(text: str, *rules: BlockingRule, crossing: str = "") -> list[tuple[int, int]]:
    keys = [effective_key(own, table(text, *crossing.split())) for own in rules]
    return [(int(a), int(b)) for l, r in candidate_pairs(keys) for a, b in zip(l, r, strict=True)]


def test_records_with_equal_keys_are_paired_and_missing_keys_are_not() -> None:
    text = """
        forename_4 | date_of_birth
        AISH       | 2014-05-03
        AISH       | 2014-05-03
        AISH       |
                   | 2014-05-03
        AISH       |
        ZOE        | 2014-05-03
    """
    assert pairs(text, rule(key=["forename_4", "date_of_birth"])) == [(0, 1)]
    assert pairs(text, rule(key=["forename_4"])) == list(combinations([0, 1, 2, 4], 2))


def test_a_rule_with_against_pairs_what_one_side_shows_with_what_the_other_shows() -> None:
    text = """
        forename | surname
        AISHA    | KHAN
        KHAN     | AISHA
        KHAN     | ALI
        ZOE      | ZOE
    """
    swapped = rule(key=["forename", "surname"], against=["surname", "forename"])
    assert pairs(text, swapped, crossing="forename surname") == [(0, 1)]
    loose = rule(key=["forename"], against=["surname"])
    assert sorted(pairs(text, loose, crossing="forename surname")) == [(0, 1), (0, 2)]


def test_a_pair_that_several_rules_propose_comes_once() -> None:
    text = "a | b\nX | Y\nX | Y\nX | Z"
    assert sorted(pairs(text, rule(key=["a"]), rule(name="b", key=["b"]))) == [
        (0, 1),
        (0, 2),
        (1, 2),
    ]
    assert pairs(text, rule(key=["b"]), rule(name="a", key=["a"])) == [(0, 1), (0, 2), (1, 2)]


def test_a_block_too_large_is_narrowed() -> None:
    text = """
        name | year
        KHAN | 2013
        KHAN | 2014
        KHAN | 2013
        KHAN | 2014
        LEES | 2013
        LEES | 2014
    """
    narrowed = rule(key=["name"], largest_block=3, narrow_by=["year"])
    assert pairs(text, narrowed) == [(4, 5), (0, 2), (1, 3)]
    key = effective_key(narrowed, table(text))
    assert key.given_up == (GivenUp("a rule", records=4, pairs=4),)


def test_records_of_a_large_block_that_cannot_be_narrowed_are_reported() -> None:
    text = "name | year\nKHAN |\nKHAN |\nKHAN |"
    key = effective_key(rule(key=["name"], largest_block=2, narrow_by=["year"]), table(text))
    assert [len(l) for l, _ in candidate_pairs([key])] == []
    assert key.given_up == (GivenUp("a rule", records=3, pairs=3),)


def test_a_block_still_too_large_is_given_up_and_reported() -> None:
    text = """
        name | year
        KHAN | 2013
        KHAN | 2013
        KHAN | 2013
        KHAN | 2014
        KHAN | 2014
        LEES | 2013
        LEES | 2014
    """
    narrowed = rule(key=["name"], largest_block=2, narrow_by=["year"])
    assert pairs(text, narrowed) == [(5, 6), (3, 4)]
    key = effective_key(narrowed, table(text))
    assert key.given_up == (GivenUp("a rule", records=5, pairs=9),)


def test_a_block_given_up_by_one_rule_is_still_open_to_another() -> None:
    text = "a | b\nX | Y\nX | Y\nX | Z"
    assert pairs(text, rule(key=["a"], largest_block=2), rule(name="b", key=["b"])) == [(0, 1)]


def test_a_large_block_across_columns_is_given_up_on_both_sides() -> None:
    text = """
        forename | surname
        ALI      | KHAN
        ALI      | MIAH
        ALI      | DYSON
        ZOE      | ALI
        LEE      | ALI
        KIM      | LEE
    """
    crossed = rule(key=["forename"], against=["surname"], largest_block=2)
    assert pairs(text, crossed, crossing="forename surname") == [(4, 5)]
    key = effective_key(crossed, table(text, "forename", "surname"))
    assert key.given_up == (GivenUp("a rule", records=3, pairs=6),)


def test_a_block_as_large_as_allowed_is_kept() -> None:
    text = "a\nX\nX\nX"
    assert len(pairs(text, rule(key=["a"], largest_block=3))) == 3
    assert pairs(text, rule(key=["a"], largest_block=2)) == []


@pytest.mark.parametrize("text", ["a", "a\nX", "a | b\n | Y\n | Y"])
def test_nobody_one_record_or_an_empty_column_make_no_pair(text: str) -> None:
    assert pairs(text, rule(key=["a"])) == []


def test_thousands_of_records_in_one_block_are_given_up_at_once() -> None:
    size = 20_000
    big = Table.of(categorical({"a": ["X"] * size}), ["a"])
    key = effective_key(rule(key=["a"]), big)
    assert [len(l) for l, _ in candidate_pairs([key])] == []
    assert key.given_up == (GivenUp("a rule", size, size * (size - 1) // 2),)


def test_a_chunk_holds_no_more_pairs_than_asked_beyond_one_record() -> None:
    size, chunk = 300, 1_000
    key = effective_key(rule(key=["a"]), Table.of(categorical({"a": ["X"] * size}), ["a"]))
    lengths = [len(l) for l, _ in candidate_pairs([key], chunk)]
    assert sum(lengths) == size * (size - 1) // 2
    assert max(lengths) <= chunk + size


def test_what_a_rule_did_is_told() -> None:
    text = "name | year\nKHAN | 2013\nKHAN | 2014\nKHAN | 2013\nLEES | 2013\nLEES | 2014"
    own = rule(key=["name"], largest_block=2, narrow_by=["year"])
    told = RuleBlocks.of(own, effective_key(own, table(text)))
    assert told == RuleBlocks("a rule", pairs=2, largest_block=2, too_large=1, given_up=2)


CELL = st.sampled_from(["X", "Y", None])


@steady
@given(
    st.lists(st.tuples(CELL, CELL), max_size=12),
    st.integers(2, 6),
    st.sampled_from([[], ["b"]]),
)
def test_pairs_proposed_and_pairs_given_up_are_all_the_pairs_of_a_rule(
    cells: list[tuple[str | None, str | None]], largest: int, narrow_by: list[str]
) -> None:
    frame = categorical({"a": [a for a, _ in cells], "b": [b for _, b in cells]})
    own = Table.of(frame, ["a", "b"])
    bounded = effective_key(rule(key=["a"], largest_block=largest, narrow_by=narrow_by), own)
    free = effective_key(rule(key=["a"], largest_block=1_000), own)
    found = sum(len(l) for l, _ in candidate_pairs([bounded]))
    every = sum(len(l) for l, _ in candidate_pairs([free]))
    assert found + sum(block.pairs for block in bounded.given_up) == every
    assert all(block.records > largest for block in bounded.given_up)


@steady
@given(st.lists(st.tuples(CELL, CELL), max_size=12), st.integers(2, 6))
def test_narrowing_only_takes_pairs_away_and_only_from_large_blocks(
    cells: list[tuple[str | None, str | None]], largest: int
) -> None:
    frame = categorical({"a": [a for a, _ in cells], "b": [b for _, b in cells]})
    own = Table.of(frame, ["a", "b"])
    key = effective_key(rule(key=["a"], largest_block=largest, narrow_by=["b"]), own)
    found = {(int(a), int(b)) for l, r in candidate_pairs([key]) for a, b in zip(l, r, strict=True)}
    names = [a for a, _ in cells]
    blocks = {name: names.count(name) for name in set(names) if name is not None}
    narrow = {cell: cells.count(cell) for cell in cells if None not in cell}
    expected = {
        (one, other)
        for one, other in combinations(range(len(cells)), 2)
        if names[one] == names[other] is not None
        and (
            blocks[names[one]] <= largest
            or (cells[one] == cells[other] and narrow.get(cells[one], largest + 1) <= largest)
        )
    }
    assert found == expected
