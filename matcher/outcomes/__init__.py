"""Outcome measures of the linked register: pure, from frames and rules to results.

>>> measures = load_measures(directory)                          # doctest: +SKIP
>>> result = measure(measures["gld_gap_by_fsm"], inputs)         # doctest: +SKIP
>>> print(render_text(result))                                   # doctest: +SKIP

For the range over possible links: ``accepted = accept_possible_links(crosswalk, links)`` and
``measure_range(rule, inputs, crosswalk, accepted)``.
"""

from matcher.crosswalks import accept_possible_links
from matcher.outcomes.cohort import school_year
from matcher.outcomes.compute import (
    measure,
    measure_by_framework,
    measure_by_minimum_contacts,
    measure_range,
)
from matcher.outcomes.disclosure import protect_all
from matcher.outcomes.examples import check_measures, run_examples
from matcher.outcomes.inputs import MeasureInputs
from matcher.outcomes.profiles import PROFILES, Profile
from matcher.outcomes.report import render_text
from matcher.outcomes.result import (
    Count,
    LinkRange,
    MeasureResult,
    Part,
    as_dict,
    empty_groups,
)
from matcher.outcomes.rounding import round_half_up
from matcher.outcomes.shares import ToldShare, tell_parts, tell_share
from matcher.rules.measures import Measure, load_measures

__all__ = [
    "PROFILES",
    "Count",
    "LinkRange",
    "Measure",
    "MeasureInputs",
    "MeasureResult",
    "Part",
    "Profile",
    "ToldShare",
    "accept_possible_links",
    "as_dict",
    "check_measures",
    "empty_groups",
    "load_measures",
    "measure",
    "measure_by_framework",
    "measure_by_minimum_contacts",
    "measure_range",
    "protect_all",
    "render_text",
    "round_half_up",
    "run_examples",
    "school_year",
    "tell_parts",
    "tell_share",
]
