"""Families are seen by their brothers and sisters; without them nobody looks like a twin."""

import pytest

from matcher.families import are_children, twins_explained
from matcher.frames import records_from
from matcher.prepared import prepare
from matcher.table import Table
from tests.spec import shipped

HOME = {"surname": "Lees", "address": "12 Albion Street", "postcode": "OL1 1AA"}


def table(rows: list[dict[str, str]]) -> Table:
    given = [{"source": "s", "record_id": str(at), **row} for at, row in enumerate(rows)]
    return prepare(records_from(given), shipped.rules(), ()).table


def home(number: int) -> dict[str, str]:
    return {
        **HOME,
        "surname": f"Lee{'abcdefghijklmnop'[number % 16]}s",
        "address": f"{number} Albion",
    }


def test_brothers_and_sisters_explain_a_few_twins() -> None:
    family = [
        {"forename": name, "date_of_birth": f"{year}-05-03"}
        for name, year in [("Amy", 2010), ("Ben", 2012), ("Cora", 2014), ("Dan", 2014)]
    ]
    rows = [{**home(number), **child} for number in range(10) for child in family]
    assert twins_explained(table(rows)) == pytest.approx(0.04 * 50 / 10)


def test_pairs_that_look_like_twins_are_none_where_nobody_has_brothers_or_sisters() -> None:
    rows = [
        {**home(number), "forename": name, "date_of_birth": "2014-05-03"}
        for number in range(10)
        for name in ("Amy", "May")
    ]
    assert twins_explained(table(rows)) == 0.0


def test_few_pairs_that_look_like_twins_say_nothing() -> None:
    rows = [{**HOME, "forename": name, "date_of_birth": "2014-05-03"} for name in ("Amy", "Ben")]
    assert twins_explained(table(rows)) == 1.0


def test_families_are_not_seen_without_homes() -> None:
    rows = [{"forename": "Amy", "surname": "Lees", "date_of_birth": "2014-05-03"}] * 20
    assert twins_explained(table(rows)) == 0.0


@pytest.mark.parametrize(("last", "children"), [(2012, True), (2060, False)])
def test_children_are_born_within_a_childhood(last: int, children: bool) -> None:
    step = (last - 1993) // 19
    rows = [
        {"forename": "Amy", "surname": "Lees", "date_of_birth": f"{1993 + step * at}-05-03"}
        for at in range(20)
    ]
    assert are_children(table(rows)) is children


def test_births_that_nobody_knows_may_be_childrens() -> None:
    assert are_children(table([{"forename": "Amy", "surname": "Lees"}]))
