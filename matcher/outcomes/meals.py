"""Free school meals: eligible, not eligible or unknown."""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from matcher.outcomes.cohort import Cohort
from matcher.outcomes.inputs import People
from matcher.outcomes.verdicts import Verdicts
from matcher.rules.measures import EligibleForMeals

THURSDAY = 3


def eligible_for_meals(
    periods: pd.DataFrame, people: People, cohort: Cohort, rule: EligibleForMeals
) -> Verdicts:
    """Whether each member of the cohort was eligible, by the rule's choice of day.

    periods: columns record (position in people), start, end (the last day; NaT while open).
    Periods without a start, or with an end before it, say nothing. Unknown (meals_unknown) for
    a child without any record in the rule's sources.
    """
    first, last = eligibility_days(cohort.year, rule.when)
    end = periods["end"].fillna(pd.Timestamp.max)
    covers = (periods["start"] <= pd.Timestamp(last)) & (end >= pd.Timestamp(first))
    valid = periods["start"].notna() & (end >= periods["start"])
    records = periods.loc[covers & valid, "record"].to_numpy(dtype=np.int64)
    verdicts = Verdicts.of(cohort.holds(people.child[records]))
    verdicts.set_unknown(~cohort.holds(people.children_in(rule.sources)), "meals_unknown")
    return verdicts


def eligibility_days(year: int, when: str) -> tuple[date, date]:
    """First and last of the days of which any must be covered, for a reception year.

    >>> eligibility_days(2018, "on_census_day")
    (datetime.date(2018, 1, 18), datetime.date(2018, 1, 18))
    """
    if when == "on_census_day":
        day = spring_census_day(year)
        return day, day
    return date(year - 1, 9, 1), date(year, 8, 31)


def spring_census_day(year: int) -> date:
    """The third Thursday of January."""
    first = date(year, 1, 1)
    return first + timedelta(days=(THURSDAY - first.weekday()) % 7 + 14)
