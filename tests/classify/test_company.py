"""What the sources that hold two clusters say of them being one child."""

import numpy as np
import pytest

from matcher.company import STEP, company_weight
from tests.spec.drawn import rows

# Shares of the children born in years 4 and 5 that sources A and B hold.
COVERAGE = np.array([[0, 0], [0, 0], [0, 0], [0, 0], [0.75, 0.5], [0.95, 0.0]])


def weight_between(one: int, other: int, text: str) -> float:
    """Bits for two of the drawn clusters; each record is drawn with its cluster and source."""
    drawn = rows(text)
    label = np.array([int(row["cluster"]) for row in drawn])
    source = np.array(["AB".index(row["source"]) for row in drawn], dtype=np.int32)
    year = np.array([int(row.get("year", -1)) for row in drawn], dtype=np.int32)
    found = company_weight(np.array([one]), np.array([other]), label, source, year, COVERAGE)
    return float(found[0])


def test_a_source_that_holds_only_one_of_two_suggests_that_they_are_one_child() -> None:
    # Three quarters of the other children would be in A, and half in B.
    assert weight_between(1, 2, "cluster | source | year\n1 | A | 4\n2 | B | 4") == 2 + 1


def test_a_source_that_holds_both_says_nothing() -> None:
    assert weight_between(1, 2, "cluster | source | year\n1 | A | 4\n2 | A | 4") == 0.0


def test_a_source_that_holds_neither_says_nothing() -> None:
    assert weight_between(1, 2, "cluster | source | year\n1 | B | 4\n2 | B | 4") == 0.0


def test_even_a_source_that_holds_nearly_all_may_have_missed_a_child() -> None:
    found = weight_between(1, 2, "cluster | source | year\n1 | A | 5\n2 | B | 5")
    assert found == pytest.approx(-np.log2(1 - 0.9), abs=STEP / 2)


def test_a_cluster_of_unknown_year_is_taken_to_be_of_the_others() -> None:
    assert weight_between(1, 2, "cluster | source | year\n1 | A | 4\n2 | B |") == 2 + 1


def test_where_no_year_is_known_nothing_is_said() -> None:
    assert weight_between(1, 2, "cluster | source | year\n1 | A |\n2 | B |") == 0.0


def test_of_two_years_nothing_follows_whichever_cluster_comes_first() -> None:
    # A namesake born in another year is another child.
    text = "cluster | source | year\n1 | A | 4\n2 | B | 5"
    assert weight_between(1, 2, text) == weight_between(2, 1, text) == 0.0


def test_a_cluster_whose_records_differ_in_the_year_is_taken_to_be_of_the_others() -> None:
    text = "cluster | source | year\n1 | A | 4\n1 | A | 5\n2 | B | 4"
    assert weight_between(1, 2, text) == 2 + 1
    both = "cluster | source | year\n1 | A | 4\n1 | A | 5\n2 | B | 5\n2 | B | 4"
    assert weight_between(1, 2, both) == 0.0
