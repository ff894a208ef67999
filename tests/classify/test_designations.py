"""Links and possible links by two thresholds, and what a rival does."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.classify import Designations, designate, probability
from matcher.rules.matching import Thresholds
from tests.property.strategies import steady

THRESHOLDS = Thresholds(lower=0.0, upper=10.0, rival_margin=4.0)
Pair = tuple[int, int]


def designated(
    source: list[int], weight: dict[Pair, float], apart: frozenset[Pair] = frozenset()
) -> Designations:
    """Designations of the pairs in ``weight``, in its order."""
    l, r = zip(*weight, strict=True) if weight else ((), ())
    bits = np.array(list(weight.values()), dtype=np.float64)
    kept = np.array([pair in apart for pair in weight], dtype=bool)
    return designate(
        np.array(l, dtype=np.int32),
        np.array(r, dtype=np.int32),
        bits,
        kept,
        arrays([pair for pair, b in weight.items() if fits(source, pair, b, apart)]),
        np.array(source, dtype=np.int32),
        THRESHOLDS,
    )


def arrays(chosen: list[Pair]) -> tuple[np.ndarray, np.ndarray]:
    l, r = zip(*chosen, strict=True) if chosen else ((), ())
    return np.array(l, dtype=np.int32), np.array(r, dtype=np.int32)


def fits(source: list[int], pair: Pair, bits: float, apart: frozenset[Pair]) -> bool:
    """Whether the two may be one child held twice by one source."""
    same = source[pair[0]] == source[pair[1]]
    return same and bits >= THRESHOLDS.lower and pair not in apart


def words(found: Designations) -> list[str]:
    return [
        "link" if link else "possible" if possible else "neither"
        for link, possible in zip(found.link, found.possible, strict=True)
    ]


@pytest.mark.parametrize(
    ("weight", "word"),
    [(10.0, "link"), (9.999, "possible"), (0.0, "possible"), (-0.001, "neither"), (40.0, "link")],
)
def test_two_thresholds_make_links_possible_links_and_neither(weight: float, word: str) -> None:
    assert words(designated([0, 1], {(0, 1): weight})) == [word]


def test_two_records_of_one_source_that_fit_nearly_as_well_are_both_only_possible() -> None:
    found = designated([0, 1, 1], {(0, 1): 20.0, (0, 2): 17.0})
    assert words(found) == ["possible", "possible"]
    assert found.rival.tolist() == [True, True]


def test_a_rival_that_is_much_weaker_does_not_hold_the_stronger_back() -> None:
    found = designated([0, 1, 1], {(0, 1): 20.0, (0, 2): 15.0})
    assert words(found) == ["link", "possible"]
    assert found.rival.tolist() == [False, True]


def test_a_rival_below_the_lower_threshold_is_none() -> None:
    assert words(designated([0, 1, 1], {(0, 1): 11.0, (0, 2): -0.5})) == ["link", "neither"]
    close = designated([0, 1, 1], {(0, 1): 11.0, (0, 2): 8.0})
    assert words(close) == ["possible", "possible"]


def test_two_records_of_one_source_that_fit_each_other_are_no_rivals() -> None:
    found = designated([0, 1, 1], {(0, 1): 20.0, (0, 2): 19.0, (1, 2): 15.0})
    assert words(found) == ["link", "link", "link"]


def test_twins_of_one_source_are_rivals_however_well_they_fit_each_other() -> None:
    weight = {(0, 1): 20.0, (0, 2): 19.0, (1, 2): 15.0}
    found = designated([0, 1, 1], weight, frozenset([(1, 2)]))
    assert words(found) == ["possible", "possible", "possible"]


def test_records_of_different_sources_are_no_rivals_unless_kept_apart() -> None:
    weight = {(0, 1): 20.0, (0, 2): 19.0, (1, 2): -5.0}
    assert words(designated([0, 1, 2], weight)) == ["link", "link", "neither"]
    kept = designated([0, 1, 2], weight, frozenset([(1, 2)]))
    assert words(kept) == ["possible", "possible", "neither"]


def test_a_pair_kept_apart_is_never_a_link_whatever_its_weight() -> None:
    assert words(designated([0, 1], {(0, 1): 99.0}, frozenset([(0, 1)]))) == ["possible"]


def test_no_pairs_are_designated_nothing() -> None:
    assert words(designated([0, 1], {})) == []


SIZE = 6
pairs = st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)).filter(lambda p: p[0] < p[1])


@steady
@given(
    st.lists(st.integers(0, 2), min_size=SIZE, max_size=SIZE),
    st.dictionaries(pairs, st.integers(-4, 16).map(float), max_size=12),
    st.frozensets(pairs, max_size=4),
)
def test_designations_are_those_of_looking_at_each_pair_and_each_rival(
    source: list[int], weight: dict[Pair, float], apart: frozenset[Pair]
) -> None:
    found = designated(source, weight, apart)
    assert found.rival.tolist() == [has_rival(pair, source, weight, apart) for pair in weight]
    for (pair, bits), word, rival in zip(weight.items(), words(found), found.rival, strict=True):
        assert (word != "neither") == (bits >= THRESHOLDS.lower)
        assert (word == "link") == (bits >= THRESHOLDS.upper and not rival and pair not in apart)


def has_rival(
    pair: Pair, source: list[int], weight: dict[Pair, float], apart: frozenset[Pair]
) -> bool:
    def possible(one: int, other: int) -> float | None:
        bits = weight.get((min(one, other), max(one, other)), -99.0)
        return bits if bits >= THRESHOLDS.lower else None

    def two_children(one: int, other: int) -> bool:
        known = (min(one, other), max(one, other))
        looks_so = known in apart and known in weight
        if possible(one, other) is not None:
            return source[one] == source[other] and looks_so
        return source[one] == source[other] or looks_so

    own = possible(*pair)
    if own is None:
        return False
    for (end, other), rival in product([pair, pair[::-1]], range(SIZE)):
        theirs = None if rival in pair else possible(end, rival)
        close = theirs is not None and own - theirs < THRESHOLDS.rival_margin
        if close and two_children(other, rival):
            return True
    return False


@steady
@given(
    st.dictionaries(pairs, st.integers(-4, 16).map(float), min_size=1, max_size=12),
    st.frozensets(pairs, max_size=4),
    st.randoms(use_true_random=False),
)
def test_designations_do_not_depend_on_the_order_of_pairs(
    weight: dict[Pair, float], apart: frozenset[Pair], random
) -> None:
    source = [0, 0, 1, 1, 2, 3]
    turned = list(weight)
    random.shuffle(turned)
    one = dict(zip(weight, words(designated(source, weight, apart)), strict=True))
    shuffled = {pair: weight[pair] for pair in turned}
    other = dict(zip(turned, words(designated(source, shuffled, apart)), strict=True))
    assert one == other


@pytest.mark.parametrize(
    ("weight", "chance"), [(0.0, 1 / 2), (1.0, 2 / 3), (-1.0, 1 / 3), (10.0, 1024 / 1025)]
)
def test_a_weight_is_log2_odds(weight: float, chance: float) -> None:
    assert probability(np.array([weight]))[0] == pytest.approx(chance)


def test_no_weight_overflows() -> None:
    assert probability(np.array([-900.0, 900.0])).tolist() == [pytest.approx(0.0), 1.0]
