"""What the sources that hold two clusters say of them being one child."""

import numpy as np
import pytest

from matcher.company import company_weight
from tests.spec.drawn import rows


def weight_between(one: int, other: int, text: str) -> float:
    """Bits for two of the drawn clusters; each record is drawn with its cluster and source."""
    drawn = rows(text)
    label = np.array([int(row["cluster"]) for row in drawn])
    source = np.array(["AB".index(row["source"]) for row in drawn], dtype=np.int32)
    year = np.array([int(row.get("year", -1)) for row in drawn], dtype=np.int32)
    return float(company_weight(np.array([one]), np.array([other]), label, source, year)[0])


FIVE_IN_A = "".join(f"\n{cluster} | A | 4" for cluster in range(10, 15))


def test_a_source_that_holds_only_one_of_two_suggests_that_they_are_one_child() -> None:
    text = "cluster | source | year\n1 | A | 4\n2 | B | 4" + FIVE_IN_A
    # Of seven children born that year A holds six and B one; five are added to be careful.
    expected = -np.log2(1 - 6 / 12) - np.log2(1 - 1 / 12)
    assert weight_between(1, 2, text) == pytest.approx(expected)


def test_a_source_that_holds_both_says_nothing() -> None:
    text = "cluster | source | year\n1 | A | 4\n2 | A | 4" + FIVE_IN_A
    assert weight_between(1, 2, text) == 0.0


def test_a_source_that_holds_neither_says_nothing() -> None:
    text = "cluster | source | year\n1 | B | 4\n2 | B | 4" + FIVE_IN_A
    assert weight_between(1, 2, text) == 0.0


def test_a_source_that_does_not_cover_the_year_of_birth_says_little() -> None:
    covered = "cluster | source | year\n1 | A | 4\n2 | B | 4" + FIVE_IN_A
    elsewhere = "cluster | source | year\n1 | A | 5\n2 | B | 5" + FIVE_IN_A
    assert weight_between(1, 2, elsewhere) < weight_between(1, 2, covered)


def test_it_does_not_matter_which_cluster_comes_first_and_it_never_speaks_against() -> None:
    text = "cluster | source | year\n1 | A | 4\n2 | B | 5\n3 | B |" + FIVE_IN_A
    for one, other in ((1, 2), (1, 3), (2, 3)):
        assert weight_between(one, other, text) == weight_between(other, one, text) >= 0.0
