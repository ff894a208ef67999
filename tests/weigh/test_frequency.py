"""Shares of names, counted over children and not over records."""

import pytest

from matcher.table import Table
from matcher.weigh import term_frequencies
from tests.spec.drawn import coded


def shares(text: str) -> dict[str, float]:
    table = Table.of(coded(text), ["forename", "date_of_birth", "postcode"])
    found = term_frequencies(table, "forename")
    return dict(zip(table.columns["forename"].values, found, strict=True))


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
    assert found["ZOE"] == found["ALI"] == pytest.approx(0.5)


def test_children_with_other_birthdays_each_count() -> None:
    found = shares("""
        forename | date_of_birth | postcode
        ZOE      | 2014-05-03    | OL1 1AA
        ALI      | 2013-02-04    | OL2 2BB
        ALI      | 2013-02-05    | OL2 2BB
        ALI      | 2013-02-06    | OL2 2BB
    """)
    assert found["ALI"] > 2 * found["ZOE"]


def test_without_a_birthday_a_child_counts_once_per_postcode() -> None:
    found = shares("""
        forename | date_of_birth | postcode
        ZOE      |               | OL1 1AA
        ZOE      |               | OL1 1AA
        ALI      |               | OL1 1AA
    """)
    assert found["ZOE"] == found["ALI"]


def test_shares_add_up_to_one_and_none_is_zero() -> None:
    found = shares("""
        forename | date_of_birth | postcode
        ZOE      | 2014-05-03    | OL1 1AA
        ALI      | 2013-02-04    |
                 | 2013-02-04    |
        AMINA    |               |
    """)
    assert sum(found.values()) == pytest.approx(1)
    assert min(found.values()) > 0


def test_a_missing_name_counts_for_nobody() -> None:
    with_missing = shares(
        "forename | date_of_birth | postcode\nZOE | 2014-05-03 |\n | 2014-05-04 |"
    )
    assert with_missing == {"ZOE": pytest.approx(1)}


def test_nobody_has_no_shares() -> None:
    assert shares("forename | date_of_birth | postcode") == {}
