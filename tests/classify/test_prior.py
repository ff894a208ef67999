"""The prior: how many matches there are to be found among these records."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.classify import estimate_prior, probability
from tests.property.strategies import steady


def prior_of(evidence: list[float], pairs: float, start: float = 10.0) -> float:
    """The prior where all pairs are of one group."""
    group = np.zeros(len(evidence), dtype=np.int64)
    found = estimate_prior(np.array(evidence), group, np.array([pairs]), np.array([start]))
    return float(found[0])


def test_where_evidence_is_clear_the_prior_is_the_share_of_matches() -> None:
    assert prior_of([60.0] * 100, pairs=10_000) == pytest.approx(np.log2(100 / 9_900), abs=1e-6)


@pytest.mark.parametrize("start", [0.0, 1.0, 500.0, 1e9])
def test_the_prior_does_not_depend_on_where_the_search_starts(start: float) -> None:
    evidence = [25.0] * 80 + [5.0] * 100 + [-10.0] * 500
    assert prior_of(evidence, 1e6, start) == pytest.approx(prior_of(evidence, 1e6), abs=1e-4)


@steady
@given(st.lists(st.floats(-20, 40), min_size=1, max_size=30), st.floats(1_000, 1e6))
def test_the_prior_expects_as_many_matches_as_it_then_finds(
    evidence: list[float], pairs: float
) -> None:
    prior = prior_of(evidence, pairs)
    expected = pairs * float(probability(np.array([prior]))[0])
    found = float(probability(np.array(evidence) + prior).sum())
    assert expected == pytest.approx(max(found, 0.5), rel=0.02)


def test_each_group_of_pairs_has_its_own_prior() -> None:
    evidence = np.array([60.0] * 100 + [60.0] * 4)
    group = np.array([1] * 100 + [0] * 4)
    found = estimate_prior(evidence, group, np.array([1e6, 1e4]), np.array([50.0, 50.0]))
    assert found == pytest.approx([np.log2(4 / (1e6 - 4)), np.log2(100 / 9_900)], abs=1e-6)


def test_a_group_without_pairs_or_without_evidence_has_a_finite_prior() -> None:
    nothing = np.empty(0)
    found = estimate_prior(nothing, nothing.astype(int), np.array([0.0, 1e4]), np.array([5.0, 5.0]))
    assert np.isfinite(found).all()
    assert found[1] < -10
