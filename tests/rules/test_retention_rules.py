"""Retention rules say on which day a record is due, and prove it by their examples."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.services.rules import check_rules
from matcher.rules.document import parse_rules
from matcher.rules.retention import RetentionRules, birthday, failing_examples
from tests.spec.shipped import RULES

Spoil = Callable[[str, str, str], int]
DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))


@pytest.fixture(scope="module")
def rules() -> RetentionRules:
    return parse_rules(RetentionRules, RULES / "retention.yaml")


def test_the_shipped_examples_hold(rules: RetentionRules) -> None:
    assert list(failing_examples(rules)) == []


def test_the_shipped_file_says_that_its_periods_are_invented() -> None:
    assert "INVENTED DEFAULTS" in (RULES / "retention.yaml").read_text(encoding="utf-8")


@given(day=DAYS, years=st.integers(0, 150))
def test_a_birthday_is_the_same_day_or_the_one_after(day: date, years: int) -> None:
    found = birthday(day, years)
    assert found.year == day.year + years
    assert (found.month, found.day) in {(day.month, day.day), (3, 1)}
    assert found >= day


@given(closed=DAYS, born=st.none() | DAYS, carer=st.booleans())
def test_nothing_closed_is_due_before_its_years_are_over(
    rules: RetentionRules, closed: date, born: date | None, carer: bool
) -> None:
    for source in (*rules.sources, "another"):
        schedule = rules.sources.get(source, rules.default)
        due = rules.due_on(source, closed=closed, born=born, carer=carer)
        assert due is not None and due >= birthday(closed, schedule.closed.years)
        if born is not None and not carer and schedule.closed.until_age is not None:
            assert due >= birthday(born, schedule.closed.until_age)


def test_an_example_that_fails_is_told_at_its_line(directory: Path, spoil: Spoil) -> None:
    line = spoil("retention.yaml", "due: 2026-01-31", "due: 2026-02-01")
    problems, _ = check_rules(directory)
    told = [(one.line, one.message) for one in problems if "by these rules" in one.message]
    message = (
        "a carer's own birthday does not count: by these rules it is due 2026-01-31, "
        "expected 2026-02-01"
    )
    assert told == [(line - 5, message)]


def test_a_schedule_of_a_source_that_is_not_there_is_told(directory: Path, spoil: Spoil) -> None:
    line = spoil("retention.yaml", "  swift:\n", "  swfit:\n")
    problems, _ = check_rules(directory)
    told = {(one.line, one.message) for one in problems if "sources.swfit" in one.message}
    assert told == {(line, "sources.swfit: no source 'swfit': sources/swfit.yaml is not there")}
