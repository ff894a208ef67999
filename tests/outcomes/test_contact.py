"""Sustained contact against a plain reference, and each window at its edge."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.outcomes.contact import add_months, anchors, sustained
from matcher.rules.measures import SustainedContact

BORN = date(2013, 1, 10)
BEFORE = date(2018, 6, 30)


def definition(**changes: object) -> SustainedContact:
    return SustainedContact.model_validate(
        {
            "kind": "sustained_contact",
            "name": "trial",
            "version": 1,
            "title": "Trial",
            "minimum_contacts": 2,
            "window": {"kind": "whole_time"},
            "distinct_days": True,
            "attended_by": "family",
            "examples": [
                {"title": "None", "born": BORN, "before": BEFORE, "contacts": [], "expect": False}
            ],
        }
        | changes,
        strict=False,
    )


def is_sustained(rule: SustainedContact, *days: date, **columns: list[object]) -> bool:
    rows = pd.DataFrame({"member": 0, "date": pd.to_datetime(list(days))})
    rows = rows.assign(**({"activity": "Stay and play", "attended": True} | columns))
    born, before = (np.array([day], dtype="datetime64[D]") for day in (BORN, BEFORE))
    return bool(sustained(rows, born, before, rule)[0])


ANY_YEAR = {"kind": "any_months", "months": 12}
LAST_YEAR = {"kind": "last_months", "months": 12}
FINANCIAL_YEAR = {"kind": "financial_year"}
WHOLE_TIME = {"kind": "whole_time"}


@pytest.mark.parametrize(
    ("window", "first", "second", "expected"),
    [
        (ANY_YEAR, date(2015, 3, 1), date(2016, 2, 29), True),
        (ANY_YEAR, date(2015, 3, 1), date(2016, 3, 1), False),
        (LAST_YEAR, date(2017, 6, 30), date(2018, 6, 29), True),
        (LAST_YEAR, date(2017, 6, 29), date(2018, 6, 29), False),
        (FINANCIAL_YEAR, date(2016, 4, 1), date(2017, 3, 31), True),
        (FINANCIAL_YEAR, date(2016, 3, 31), date(2016, 4, 1), False),
        (WHOLE_TIME, date(2013, 1, 10), date(2018, 6, 29), True),
        (WHOLE_TIME, date(2013, 1, 9), date(2018, 6, 29), False),
        (WHOLE_TIME, date(2013, 1, 10), date(2018, 6, 30), False),
    ],
)
def test_a_window_includes_its_first_day_and_ends_before_its_last(
    window: dict[str, object], first: date, second: date, expected: bool
) -> None:
    assert is_sustained(definition(window=window), first, second) is expected


def test_contacts_before_birth_count_where_the_definition_says_so() -> None:
    days = (date(2012, 11, 1), date(2012, 12, 1))
    assert is_sustained(definition(since_birth=False), *days)
    assert not is_sustained(definition(), *days)


def test_the_same_day_counts_twice_only_without_distinct_days() -> None:
    day = date(2016, 1, 11)
    assert is_sustained(definition(distinct_days=False), day, day)
    assert not is_sustained(definition(), day, day)


def test_spread_is_counted_in_days_from_first_to_last() -> None:
    days = (date(2016, 1, 1), date(2016, 1, 29))
    assert is_sustained(definition(minimum_spread_days=28), *days)
    assert not is_sustained(definition(minimum_spread_days=29), *days)


def test_only_named_activities_count_without_regard_to_case() -> None:
    days = (date(2016, 1, 1), date(2016, 1, 29))
    rule = definition(activities=["stay and PLAY"])
    assert is_sustained(rule, *days)
    assert not is_sustained(rule, *days, activity=["Stay and play", None])


def test_what_was_not_attended_or_not_recorded_does_not_count() -> None:
    days = (date(2016, 1, 1), date(2016, 1, 29))
    assert not is_sustained(definition(), *days, attended=[True, False])
    rows = pd.DataFrame({"attended": pd.array([True, None], dtype="boolean")})
    assert not is_sustained(definition(), *days, attended=rows["attended"])


def test_no_contacts_are_not_sustained() -> None:
    assert not is_sustained(definition())


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        ("end_of_assessment", date(2018, 6, 30)),
        ("start_of_reception_year", date(2017, 9, 1)),
        ("fifth_birthday", date(2018, 1, 10)),
    ],
)
def test_time_counts_back_from_the_anchor(anchor: str, expected: date) -> None:
    born = np.array([BORN], dtype="datetime64[D]")
    assert anchors(born, 2018, anchor)[0] == np.datetime64(expected)


def test_a_month_that_is_shorter_ends_on_its_last_day() -> None:
    days = np.array(["2016-08-31", "2016-02-29", "2015-12-31"], dtype="datetime64[D]")
    assert list(add_months(days, 6).astype(str)) == ["2017-02-28", "2016-08-29", "2016-06-30"]
    assert list(add_months(days, -12).astype(str)) == ["2015-08-31", "2015-02-28", "2014-12-31"]
    leap = np.array(["2012-02-29"], dtype="datetime64[D]")
    assert str(anchors(leap, 2017, "fifth_birthday")[0]) == "2017-03-01"


def plain_reference(rule: SustainedContact, days: list[date]) -> bool:
    """Try every stretch that begins and ends with a contact, by the definition's words."""
    days = sorted(set(days) if rule.distinct_days else days)
    days = [day for day in days if BORN <= day < BEFORE]
    for first in range(len(days)):
        for last in range(first, len(days)):
            start, end = days[first], days[last]
            fits = {
                "whole_time": True,
                "any_months": end < _months_later(start, rule.window.months or 0),
                "last_months": start >= _months_later(BEFORE, -(rule.window.months or 0)),
                "financial_year": _financial_year(start) == _financial_year(end),
            }[rule.window.kind]
            enough = last - first + 1 >= rule.minimum_contacts
            if fits and enough and (end - start).days >= rule.minimum_spread_days:
                return True
    return False


def _months_later(day: date, months: int) -> date:
    return (pd.Timestamp(day) + pd.DateOffset(months=months)).date()


def _financial_year(day: date) -> int:
    return day.year if day.month >= 4 else day.year - 1


days_around = st.integers(-40, 2100).map(lambda offset: BORN + timedelta(days=offset))


@given(
    st.lists(st.lists(days_around, max_size=12), min_size=1, max_size=3),
    st.sampled_from(
        [
            WHOLE_TIME,
            FINANCIAL_YEAR,
            *(
                {"kind": kind, "months": months}
                for kind in ("any_months", "last_months")
                for months in (1, 6, 18)
            ),
        ]
    ),
    st.integers(1, 5),
    st.integers(0, 60),
    st.booleans(),
)
def test_it_equals_the_plain_reference_for_every_child(
    children: list[list[date]],
    window: dict[str, object],
    minimum: int,
    spread: int,
    distinct: bool,
) -> None:
    rule = definition(
        window=window, minimum_contacts=minimum, minimum_spread_days=spread, distinct_days=distinct
    )
    rows = [(member, day) for member, days in enumerate(children) for day in days]
    frame = pd.DataFrame(rows, columns=["member", "date"]).assign(activity="x", attended=True)
    frame["date"] = pd.to_datetime(frame["date"])
    born = np.full(len(children), np.datetime64(BORN))
    before = np.full(len(children), np.datetime64(BEFORE))
    found = sustained(frame, born, before, rule)
    assert list(found) == [plain_reference(rule, days) for days in children]
