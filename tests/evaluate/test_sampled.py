"""Precision and recall from samples, beside whole populations of which the truth is known."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.evaluate.sampled import (
    FEWEST_DRAWN,
    Estimate,
    Stratum,
    allocate,
    precision,
    recall,
)

# Of each stratum: its pairs, its matches, whether they are links.
Population = list[tuple[int, int, bool]]

POPULATIONS: dict[str, Population] = {
    "a town, most of it clear": [
        (90_000, 89_990, True),
        (2_000, 1_800, True),
        (1_000, 400, False),
        (90_000, 90, False),
    ],
    "links that are often wrong": [
        (5_000, 3_500, True),
        (5_000, 2_500, True),
        (5_000, 2_500, False),
        (5_000, 500, False),
    ],
    "lists of a small service": [
        (60, 57, True),
        (40, 32, True),
        (30, 15, False),
        (500, 10, False),
    ],
}


def estimates(
    population: Population, answered: list[int], matches: list[int]
) -> tuple[Estimate, Estimate]:
    strata = [
        Stratum(size, n, k, linked)
        for (size, _, linked), n, k in zip(population, answered, matches, strict=True)
    ]
    right, share = precision([one for one in strata if one.linked]), recall(strata)
    assert right is not None
    assert share is not None
    return right, share


@pytest.mark.parametrize("population", POPULATIONS.values(), ids=POPULATIONS.keys())
def test_intervals_hold_the_truth_at_least_as_often_as_they_say(population: Population) -> None:
    chance = np.random.default_rng(20_260)
    links = [one for one in population if one[2]]
    right = sum(matches for _, matches, _ in links)
    truth = (
        right / sum(size for size, _, _ in links),
        right / sum(matches for _, matches, _ in population),
    )
    answered = allocate([size for size, _, _ in population], 200)
    draws, seen = 400, np.zeros(2)
    means = np.zeros(2)
    for _ in range(draws):
        matches = [
            int(chance.hypergeometric(true, size - true, n))
            for (size, true, _), n in zip(population, answered, strict=True)
        ]
        for at, found in enumerate(estimates(population, answered, matches)):
            seen[at] += found.interval.lower <= truth[at] <= found.interval.upper
            means[at] += found.value / draws
    assert min(seen) / draws >= 0.95
    assert means == pytest.approx(truth, abs=0.01)


@given(st.integers(1, 14), st.data())
def test_limits_are_those_of_every_possible_sample_counted(size: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(0, size))
    k = data.draw(st.integers(0, n))

    def chances(matches: int) -> list[float]:
        return [
            comb(matches, one) * comb(size - matches, n - one) / comb(size, n)
            for one in range(n + 1)
        ]

    fitting = [
        matches
        for matches in range(k, size - (n - k) + 1)
        if sum(chances(matches)[k:]) > 0.025 and sum(chances(matches)[: k + 1]) > 0.025
    ]
    limits = Stratum(size, n, k, linked=True).limits
    assert (limits.lower, limits.upper) == (fitting[0], fitting[-1])


def test_what_was_judged_whole_is_known() -> None:
    found = estimates([(40, 36, True), (10, 4, False)], [40, 10], [36, 4])
    assert [one.value for one in found] == [0.9, 0.9]
    ends = [end for one in found for end in (one.interval.lower, one.interval.upper)]
    assert ends == pytest.approx([0.9] * 4)


def test_each_answer_stands_for_as_many_pairs_as_its_stratum_has_for_each() -> None:
    strata = [Stratum(1_000, 10, 10, linked=True), Stratum(100, 10, 5, linked=True)]
    missed = Stratum(500, 10, 1, linked=False)
    found, share = precision(strata), recall([*strata, missed])
    assert found is not None
    assert share is not None
    assert found.value == pytest.approx((1_000 + 50) / 1_100)
    assert share.value == pytest.approx(1_050 / (1_050 + 50))


def test_matches_that_are_known_beside_the_sample_count_without_doubt() -> None:
    strata = [Stratum(100, 100, 100, linked=True), Stratum(50, 50, 0, linked=False)]
    found = recall(strata, linked=300, missed=100)
    assert found is not None
    assert found.value == pytest.approx(0.8)
    assert found.interval.upper - found.interval.lower == pytest.approx(0, abs=1e-9)


def test_a_sample_that_found_no_missed_match_leaves_room_for_some() -> None:
    strata = [Stratum(1_000, 50, 50, linked=True), Stratum(10_000, 50, 0, linked=False)]
    found = recall(strata)
    assert found is not None
    assert found.value == found.interval.upper == 1.0
    assert 0.5 < found.interval.lower < 0.7


def test_without_answers_enough_there_is_no_estimate() -> None:
    few = [Stratum(1_000, 4, 4, linked=True)]
    assert [precision(few), recall(few), precision([]), recall([])] == [None] * 4
    assert precision([Stratum(3, 3, 3, linked=True)]) is not None


@pytest.mark.parametrize("counts", [(5, 6, 0), (5, 3, 4), (5, 2, -1)])
def test_counts_that_cannot_be_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        Stratum(*counts, linked=True)


@given(st.lists(st.integers(1, 10**6), max_size=8), st.integers(100, 1_000))
def test_what_is_drawn_is_as_much_as_was_asked_for(sizes: list[int], total: int) -> None:
    drawn = allocate(sizes, total)
    assert all(min(size, FEWEST_DRAWN) <= n <= size for size, n in zip(sizes, drawn, strict=True))
    assert sum(drawn) == min(sum(sizes), total)
