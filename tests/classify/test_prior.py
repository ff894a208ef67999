"""The prior: how many matches there are to be found among these records."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.classify import PRIOR_STEP, EvidenceCounts, estimate_prior, probability
from tests.property.strategies import steady


def prior_of(evidence: list[float], pairs: float, start: float = 10.0) -> float:
    """The prior where all pairs are of one group."""
    counts = EvidenceCounts.of(np.zeros(len(evidence), dtype=np.int64), np.array(evidence))
    return float(estimate_prior(counts, np.array([pairs]), np.array([start]))[0])


def near(bits: float) -> object:
    """The prior is rounded."""
    return pytest.approx(bits, abs=PRIOR_STEP / 2)


def test_where_evidence_is_clear_the_prior_is_the_share_of_matches() -> None:
    found = prior_of([60.0] * 1_000, pairs=1e8)
    assert found == near(np.log2(1_000 / 1e8))


@pytest.mark.parametrize("start", [0.0, 1.0, 500.0, 1e9])
def test_the_prior_does_not_depend_on_where_the_search_starts(start: float) -> None:
    evidence = [25.0] * 80 + [5.0] * 100 + [-10.0] * 500
    assert prior_of(evidence, 1e6, start) == prior_of(evidence, 1e6)


@steady
@given(st.lists(st.floats(-20, 40), min_size=1, max_size=30), st.floats(1e7, 1e9))
def test_the_prior_expects_as_many_matches_as_it_then_finds(
    evidence: list[float], pairs: float
) -> None:
    prior = prior_of(evidence, pairs)
    # Rounded to an eighth of a bit either way, and the evidence to a thirty-second.
    expected = pairs * float(probability(np.array([prior]))[0])
    found = float(probability(np.array(evidence) + prior).sum())
    assert expected == pytest.approx(max(found, 0.5), rel=2**0.25 - 1)


def test_each_group_of_pairs_has_its_own_prior() -> None:
    evidence = np.array([60.0] * 100 + [60.0] * 4)
    counts = EvidenceCounts.of(np.array([1] * 100 + [0] * 4), evidence)
    found = estimate_prior(counts, np.array([1e6, 1e7]), np.array([50.0, 50.0]))
    assert found.tolist() == [near(np.log2(4 / 1e6)), near(np.log2(100 / 1e7))]


@pytest.mark.parametrize(("matches", "pairs"), [(1, 1), (2, 10), (20, 400)])
def test_two_short_lists_do_not_make_a_match_likely(matches: int, pairs: int) -> None:
    # At least ten bits of evidence are needed for even odds, however alike the lists are.
    assert prior_of([40.0] * matches, pairs) <= -10


def test_a_group_without_pairs_or_without_evidence_has_a_finite_prior() -> None:
    nothing = EvidenceCounts.of(np.empty(0, dtype=np.int64), np.empty(0))
    found = estimate_prior(nothing, np.array([0.0, 1e4]), np.array([5.0, 5.0]))
    assert np.isfinite(found).all()
    assert found[1] < -10


def test_pairs_are_counted_by_group_and_evidence() -> None:
    counts = EvidenceCounts.of(np.array([1, 0, 1, 1]), np.array([2.0, -3.0, 2.01, -3.0]))
    assert counts.group.tolist() == [0, 1, 1]
    assert counts.bin.tolist() == [-48, -48, 32]
    assert counts.pairs.tolist() == [1, 1, 2]
