from collections.abc import Callable

import pandas as pd
import pytest

from matcher.errors import DataError
from matcher.evaluate import LinkScores, PairScores, evaluate

Table = Callable[[str], pd.DataFrame]

TRUTH = """
    source  record_id  person_id
    a       1          anna
    b       1          anna
    c       1          anna
    d       1          anna
    a       2          ben
    b       2          ben
    c       2          carl
"""
CROSSWALK = """
    source  record_id  child_id
    a       1          C1
    b       1          C1
    c       1          C2
    d       1          C2
    a       2          C3
    b       2          C4
    c       2          C5
"""
LINKS = """
    source_l  record_id_l  source_r  record_id_r  match_weight  match_probability  designation
    a         1            b         1            12            0.9995             link
    c         1            d         1            12            0.9995             link
    b         1            c         1            2             0.80               possible
    b         2            c         2            2             0.85               possible
    d         1            e         9            2             0.80               possible
"""


def link_scores(table: Table, links: str = LINKS) -> LinkScores:
    result = evaluate(table(TRUTH), table(CROSSWALK), table(links)).links
    assert result is not None
    return result


def test_the_queue_is_the_possible_links_among_the_truths_records(table: Table) -> None:
    scores = link_scores(table)
    assert (scores.links, scores.possible, scores.true_possible) == (2, 2, 1)
    assert scores.not_in_truth == 1
    assert scores.children == 3
    assert scores.possible_per_100_children == pytest.approx(66.67, abs=0.01)


def test_a_perfect_reviewer_joins_whole_clusters_and_refuses_false_links(table: Table) -> None:
    result = evaluate(table(TRUTH), table(CROSSWALK), table(LINKS))
    assert result.pairs == PairScores(correct=2, predicted=2, actual=7)
    assert result.links is not None
    assert result.links.after_review == PairScores(correct=6, predicted=6, actual=7)


def test_calibration_compares_probability_with_truth_bin_by_bin(table: Table) -> None:
    scores = link_scores(table)
    middle, top = scores.reliability
    assert (middle.lower, middle.upper) == (0.8, 0.9)
    assert middle.expected == pytest.approx(0.825)
    assert (middle.observed.numerator, middle.observed.denominator) == (1, 2)
    assert (top.lower, top.upper, top.observed.value) == (0.999, 1.0, 1.0)
    assert scores.calibration_error == pytest.approx((2 * 0.325 + 2 * 0.0005) / 4)


def test_links_without_a_probability_are_left_out_of_calibration(table: Table) -> None:
    scores = link_scores(table, LINKS.replace("0.9995", "-     "))
    assert [row.lower for row in scores.reliability] == [0.8]
    assert scores.links == 2


def test_no_links_at_all_have_no_calibration(table: Table) -> None:
    scores = link_scores(table, "\n".join(LINKS.strip().splitlines()[:1]))
    assert scores.calibration_error is None
    assert scores.reliability == ()
    assert scores.after_review == PairScores(correct=2, predicted=2, actual=7)


def test_probabilities_of_0_and_1_have_bins(table: Table) -> None:
    scores = link_scores(table, LINKS.replace("0.9995", "1.0").replace("0.85", "0.0"))
    assert [row.lower for row in scores.reliability] == [0.0, 0.8, 0.999]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("designation", "outcome", "missing column designation"),
        ("possible", "maybe", "only link or possible"),
        ("0.9995", "high", "numbers from 0 to 1"),
        ("0.9995", "1.5", "numbers from 0 to 1"),
        ("c         1            d", "d         1            d", "paired with itself"),
        (
            "b         1            c         1",
            "d         1            c         1",
            "stands twice",
        ),
    ],
)
def test_bad_links_are_refused_without_showing_values(
    table: Table, old: str, new: str, message: str
) -> None:
    with pytest.raises(DataError, match=message) as error:
        link_scores(table, LINKS.replace(old, new))
    assert "maybe" not in str(error.value)
    assert "high" not in str(error.value)
