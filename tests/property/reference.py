"""Linkage as its definition reads: one pair at a time, strings compared each time anew.

Slow and plain. The engine must give what this gives.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import log2

import jellyfish

from matcher.rules.matching import BlockingRule, Comparison, Condition
from matcher.rules.model import LevelModel

Row = Mapping[str, str | None]
Levels = dict[str, str]


def proposes(rule: BlockingRule, one: Row, other: Row) -> bool:
    """Whether the first row shows the rule's key and the second what it is held against."""
    first = [one[name] for name in rule.key]
    second = [other[name] for name in rule.against or rule.key]
    return None not in first and first == second


def candidate_pairs(rules: Sequence[BlockingRule], rows: Sequence[Row]) -> set[tuple[int, int]]:
    return {
        (l, r)
        for l, r in combinations(range(len(rows)), 2)
        if any(proposes(x, rows[l], rows[r]) or proposes(x, rows[r], rows[l]) for x in rules)
    }


def grade(rule: Comparison, left: Row, right: Row, reached: Levels) -> str:
    """Name of the level that the pair reaches, or ``missing``."""
    if any(left[name] is None or right[name] is None for name in rule.needs):
        return "missing"
    for level in rule.levels:
        if level.when is None or true_of(level.when, left, right, reached):
            return level.name
    raise AssertionError("the last level takes every other pair")


def grade_all(rules: Sequence[Comparison], left: Row, right: Row) -> Levels:
    reached: Levels = {}
    for rule in rules:
        reached[rule.name] = grade(rule, left, right, reached)
    return reached


def true_of(condition: Condition, left: Row, right: Row, reached: Levels) -> bool:
    def equal(one: str, other: str) -> bool:
        return left[one] is not None and left[one] == right[other]

    def both(column: str) -> tuple[str, str] | None:
        a, b = left[column], right[column]
        return None if a is None or b is None else (a, b)

    if condition.same is not None:
        return all(equal(name, name) for name in condition.same)
    if condition.same_across is not None:
        one, other = condition.same_across
        return equal(one, other) or equal(other, one)
    if condition.swapped is not None:
        one, other = condition.swapped
        return equal(one, other) and equal(other, one)
    if condition.jaro_winkler is not None:
        texts = both(condition.jaro_winkler.column)
        least = condition.jaro_winkler.at_least
        return texts is not None and jellyfish.jaro_winkler_similarity(*texts) >= least
    if condition.edits is not None:
        texts = both(condition.edits.column)
        return (
            texts is not None
            and min(map(len, texts)) >= condition.edits.min_length
            and jellyfish.damerau_levenshtein_distance(*texts) <= condition.edits.at_most
        )
    if condition.starts_with is not None:
        texts = both(condition.starts_with.column)
        return (
            texts is not None
            and min(map(len, texts)) >= condition.starts_with.min_length
            and (texts[0].startswith(texts[1]) or texts[1].startswith(texts[0]))
        )
    if condition.shares is not None:
        texts = both(condition.shares)
        return texts is not None and bool(set(texts[0].split()) & set(texts[1].split()))
    if condition.present is not None:
        return all(both(name) is not None for name in condition.present)
    if condition.either is not None:
        return left[condition.either] is not None or right[condition.either] is not None
    if condition.levels is not None:
        return all(reached[name] in levels for name, levels in condition.levels.items())
    if condition.negate is not None:
        return not true_of(condition.negate, left, right, reached)
    if condition.all is not None:
        return all(true_of(part, left, right, reached) for part in condition.all)
    return any(true_of(part, left, right, reached) for part in condition.any or [])


def partial_weight(
    rule: Comparison,
    level_name: str,
    model: Mapping[str, LevelModel],
    left: Row,
    right: Row,
    frequency: Mapping[str, Mapping[str, float]],
) -> float:
    """Bits for one comparison: log2(m / u), and for a rare value log2(m / its frequency).

    What a value's rarity adds or takes is at most 10 bits; where two unlike values agree,
    the more frequent one counts.
    """
    if level_name == "missing":
        return 0.0
    level = next(level for level in rule.levels if level.name == level_name)
    if not level.evidence:
        return 0.0
    known = model[level_name]
    if known.weight is not None:
        return known.weight
    assert known.m is not None
    assert known.u is not None
    weight = log2(known.m / known.u)
    column = level.term_frequency
    if column is None:
        return weight
    values = [value for value in (left[column], right[column]) if value is not None]
    if len(values) < 2:
        return weight
    shares = [frequency[column][value] for value in values]
    most = max(known.m, known.u)
    return weight + min(max(-10.0, min(10.0, log2(known.u / min(share, most)))) for share in shares)
