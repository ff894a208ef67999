"""How many children share a name, counted over children and not over records."""

import numpy as np
import pandas as pd
import pytest

from matcher.population import Population, coarse, hashed
from matcher.table import Table
from tests.spec.drawn import coded

COLUMNS = ["forename", "forename_4", "date_of_birth", "birth_year", "postcode"]


def population(text: str, source: list[int] | None = None) -> tuple[Population, Table]:
    frame = coded(text)
    for name in COLUMNS:
        if name not in frame:
            frame[name] = pd.Categorical([None] * len(frame), categories=np.array([], dtype=object))
    table = Table.of(frame, COLUMNS)
    numbers = np.array(source or [0] * table.size, dtype=np.int32)
    return Population.of(table, numbers, ["A", "B"], ["forename"]), table


def shares(text: str) -> dict[str, float]:
    found, table = population(text)
    values = table.columns["forename"].values  # noqa: PD011
    return dict(zip(values, found.shares(table, "forename"), strict=True))


def test_a_child_in_five_systems_does_not_make_a_name_common() -> None:
    found = shares("""
        forename | date_of_birth | postcode
        ZOE      | 2014-05-03    | OL1 1AA
        ZOE      | 2014-05-03    | OL1 1AA
        ZOE      | 2014-05-03    | OL9 9ZZ
        ZOE      | 2014-05-03    |
        ZOE      | 2014-05-03    | OL1 1AA
        ALI      | 2013-02-04    | OL2 2BB
    """)
    # One child of two has the name, and half a child is added.
    assert found["ZOE"] == found["ALI"] == pytest.approx(1.5 / 2)


def test_children_with_other_birthdays_each_count() -> None:
    found = shares("""
        forename | date_of_birth | postcode
        ZOE      | 2014-05-03    | OL1 1AA
        ALI      | 2013-02-04    | OL2 2BB
        ALI      | 2013-02-05    | OL2 2BB
        ALI      | 2013-02-06    | OL2 2BB
        ALI      | 2013-02-07    | OL2 2BB
    """)
    assert found["ALI"] == 3 * found["ZOE"]


def test_without_a_birthday_a_child_counts_once_per_postcode() -> None:
    found = shares("""
        forename | date_of_birth | postcode
        ZOE      |               | OL1 1AA
        ZOE      |               | OL1 1AA
        ALI      |               | OL1 1AA
    """)
    assert found["ZOE"] == found["ALI"]


def test_no_share_is_zero_or_more_than_one() -> None:
    found = shares("""
        forename | date_of_birth | postcode
        ZOE      | 2014-05-03    | OL1 1AA
        ALI      | 2013-02-04    |
                 | 2013-02-04    |
        AMINA    |               |
    """)
    assert set(found) == {"ZOE", "ALI", "AMINA"}
    assert all(0 < share <= 1 for share in found.values())


def test_a_missing_name_counts_for_nobody() -> None:
    found, _ = population(
        "forename | date_of_birth | postcode\nZOE | 2014-05-03 |\n | 2014-05-04 |"
    )
    assert found.totals["forename"] == 1


def test_nobody_has_no_shares() -> None:
    assert shares("forename | date_of_birth | postcode") == {}


def test_a_source_covers_the_children_that_it_holds_of_those_born_in_a_year() -> None:
    text = """
        forename | forename_4 | date_of_birth | birth_year
        ZOE      | ZOE        | 2014-05-03    | 2014
        ZOE      | ZOE        | 2014-05-03    | 2014
        ALI      | ALI        | 2014-06-04    | 2014
        AMINA    | AMIN       | 2013-02-04    | 2013
    """
    found, _ = population(text, [0, 1, 0, 1])
    # Five children are added to each year, so that few do not count for much.
    years = hashed(np.array(["2014", "2013", "1999"], dtype=object))
    expected = [[2 / 7, 1 / 7], [0 / 6, 1 / 6], [0, 0]]
    assert found.coverage(years, ["A", "B"]) == pytest.approx(np.array(expected))


def test_records_are_counted_by_source() -> None:
    found, _ = population("forename\nZOE\nZOE\nALI", [0, 1, 1])
    assert found.held == {"A": 1, "B": 2}


@pytest.mark.parametrize(
    ("count", "expected"), [(0, 0), (1, 1), (2, 2), (3, 2.828), (4, 4), (5, 5.657), (1000, 1024)]
)
def test_counts_are_used_to_half_a_bit(count: int, expected: float) -> None:
    assert coarse(np.array([count]))[0] == pytest.approx(expected, abs=0.001)
