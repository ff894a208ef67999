from datetime import date

import numpy as np
import pytest

from matcher.outcomes.cohort import reception_year, school_year
from matcher.outcomes.meals import eligibility_days, spring_census_day


@pytest.mark.parametrize(
    ("born", "year"),
    [
        ("2012-08-31", 2017),
        ("2012-09-01", 2018),
        ("2012-12-31", 2018),
        ("2013-01-01", 2018),
        ("2013-08-31", 2018),
        ("2013-09-01", 2019),
        ("1969-09-01", 1975),
    ],
)
def test_the_reception_year_is_that_in_which_a_child_turns_five(born: str, year: int) -> None:
    assert list(reception_year(np.array([born], dtype="datetime64[D]"))) == [year]


@pytest.mark.parametrize(
    ("year", "day"),
    [
        (2018, date(2018, 1, 18)),
        (2019, date(2019, 1, 17)),
        (2023, date(2023, 1, 19)),
        (2024, date(2024, 1, 18)),
        (2025, date(2025, 1, 16)),
    ],
)
def test_the_spring_census_is_on_the_third_thursday_of_january(year: int, day: date) -> None:
    assert spring_census_day(year) == day
    assert eligibility_days(year, "on_census_day") == (day, day)


def test_the_reception_year_runs_from_september_to_august() -> None:
    days = eligibility_days(2018, "ever_in_reception_year")
    assert days == (date(2017, 9, 1), date(2018, 8, 31))


def test_a_reception_year_is_told_by_both_its_years() -> None:
    assert (school_year(2018), school_year(2100)) == ("2017/18", "2099/00")
