import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.intervals import Interval, Proportion, f1_interval, newcombe, wilson


@pytest.mark.parametrize(
    ("successes", "n", "lower", "upper"),
    [
        (5, 100, 0.0215437, 0.1117505),
        (65, 100, 0.5525444, 0.7363576),
        (20, 100, 0.1333669, 0.2888292),
        (222, 3215, 0.0607917, 0.0783396),
    ],
)
def test_wilson_gives_the_published_limits(
    successes: int, n: int, lower: float, upper: float
) -> None:
    found = wilson(successes, n)
    assert found is not None
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=1e-7)


@pytest.mark.parametrize(
    ("successes", "n", "lower", "upper"),
    [(2249, 3507, 62.5, 65.7), (353, 663, 49.4, 57.0), (1896, 2844, 64.9, 68.4)],
)
def test_wilson_gives_the_limits_of_oldham_2018(
    successes: int, n: int, lower: float, upper: float
) -> None:
    found = wilson(successes, n)
    assert found is not None
    assert (round(100 * found.lower, 1), round(100 * found.upper, 1)) == (lower, upper)


def test_nothing_out_of_nothing_has_no_interval() -> None:
    assert wilson(0, 0) is None
    assert Proportion(0, 0).value is None
    assert Proportion(0, 0).interval is None
    assert newcombe(Proportion(0, 0), Proportion(1, 2)) is None
    assert f1_interval(0, 0, 0) is None


@pytest.mark.parametrize(("successes", "n"), [(-1, 4), (5, 4)])
def test_what_is_no_proportion_is_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="is not a proportion"):
        wilson(successes, n)
    with pytest.raises(ValueError, match="is not a proportion"):
        Proportion(successes, n)


def test_newcombe_gives_the_limits_of_his_own_example() -> None:
    found = newcombe(Proportion(56, 70), Proportion(48, 80))
    assert found is not None
    assert (round(found.lower, 4), round(found.upper, 4)) == (0.0524, 0.3339)


def test_f1_of_perfect_links_ends_at_one() -> None:
    found = f1_interval(50, 0, 0)
    assert found is not None
    assert found.upper == 1
    assert 0.9 < found.lower < 1


@given(st.integers(0, 500), st.integers(0, 500))
def test_an_interval_lies_in_0_to_1_around_its_share(successes: int, failures: int) -> None:
    n = successes + failures
    found = wilson(successes, n)
    if n == 0:
        assert found is None
        return
    assert found is not None
    assert 0 <= found.lower <= successes / n <= found.upper <= 1
    opposite = wilson(failures, n)
    assert opposite is not None
    assert opposite.lower == pytest.approx(1 - found.upper, abs=1e-12)


def test_scaled_limits_keep_their_order() -> None:
    assert Interval(0.1, 0.2).scaled(100) == Interval(10.0, 20.0)
