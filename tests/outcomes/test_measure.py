"""Measures as drawn tables: the frames, the call, and what must come of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.register_screen import measure_lines
from api.services.register.preview import MeasureMove
from matcher.errors import DataError
from matcher.intervals import Proportion
from matcher.outcomes import (
    Measure,
    MeasureInputs,
    MeasureResult,
    accept_possible_links,
    as_dict,
    load_measures,
    measure,
    measure_by_framework,
    measure_by_minimum_contacts,
    measure_range,
    render_text,
)

Table = Callable[[str], pd.DataFrame]

RULES = Path(__file__).parents[2] / "linkage_rules" / "measures"
MEASURES = load_measures(RULES)
GAP = MEASURES["gld_gap_by_fsm"]
HEADLINE = MEASURES["fsm_sustained_contact_before_gld"]
GOALS = [f"G{number:02}" for number in range(1, 13)]

RECORDS = """
    source         record_id  role   date_of_birth  family_id
    eyfsp          E1         child  2013-03-01     -
    eyfsp          E2         child  2013-03-01     -
    eyfsp          E3         child  2012-09-01     -
    eyfsp          E4         child  2013-08-31     -
    school_census  S1         child  2013-03-01     -
    school_census  S2         child  2013-03-01     -
    school_census  S3         child  2012-09-01     -
    school_census  S4         child  2013-08-31     -
    estart         M1         child  2013-03-01     XX1
    estart         M2         child  2013-03-01     XX2
    estart         C1         carer  -              XX1
    estart         C2         carer  -              XX2
    estart         B1         child  2015-01-01     XX1
"""
CROSSWALK = """
    source         record_id  child_id
    eyfsp          E1         ann
    school_census  S1         ann
    estart         M1         ann
    eyfsp          E2         bob
    school_census  S2         bob
    eyfsp          E3         cat
    school_census  S3         cat
    eyfsp          E4         dan
    school_census  S4         dan
    estart         M2         bob2
    estart         B1         sibling
"""
LEVELS = """
    record_id  score
    E1         2
    E2         2
    E3         2
    E4         1
"""
PERIODS = """
    source         record_id  start       end
    school_census  S1         2016-09-01  -
    school_census  S2         2017-11-01  2018-01-18
    school_census  S4         2018-02-01  -
    school_census  S3         2018-01-01  2017-01-01
"""
CONTACTS = """
    source  record_id  date        attended
    estart  M1         2016-01-11  yes
    estart  C1         2016-02-08  yes
    estart  B1         2016-03-07  yes
    estart  M2         2016-01-11  yes
    estart  M2         2016-02-08  yes
    estart  C2         2016-03-07  yes
"""
POSSIBLE = """
    source_l  record_id_l  source_r  record_id_r  designation
    estart    M2           eyfsp     E2           possible
"""


def dates(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return frame.assign(**{name: pd.to_datetime(frame[name]) for name in columns})


def results(levels: pd.DataFrame, goals: list[str] = GOALS) -> pd.DataFrame:
    """One row per child and goal, from one score per child."""
    rows = levels.assign(source="eyfsp").merge(pd.DataFrame({"goal": goals}), how="cross")
    return rows[["source", "record_id", "goal", "score"]].astype({"goal": "category"})


@pytest.fixture
def inputs(table: Table) -> MeasureInputs:
    contacts = table(CONTACTS).assign(centre="North", activity="Stay and play")
    contacts["attended"] = contacts["attended"] == "yes"
    return MeasureInputs(
        records=dates(table(RECORDS), "date_of_birth").astype(
            {"source": "category", "role": "category", "family_id": "category"}
        ),
        crosswalk=table(CROSSWALK),
        activities={
            "eyfsp_results": results(table(LEVELS)),
            "fsm_periods": dates(table(PERIODS), "start", "end"),
            "contacts": dates(contacts, "date"),
        },
    )


def with_frame(inputs: MeasureInputs, name: str, frame: pd.DataFrame | None) -> MeasureInputs:
    others = {key: value for key, value in inputs.activities.items() if key != name}
    return replace(inputs, activities=others if frame is None else others | {name: frame})


def choosing(rule: Measure, condition: str, **choices: object) -> Measure:
    """The measure with other choices in one of its conditions."""
    changed = rule.spec.conditions[condition].model_copy(update=choices)
    conditions = {**rule.spec.conditions, condition: changed}
    return replace(rule, spec=rule.spec.model_copy(update={"conditions": conditions}))


def defining(rule: Measure, **choices: object) -> Measure:
    """The measure with another definition of sustained contact."""
    changed = rule.definitions["sustained_contact"].model_copy(update=choices)
    return replace(rule, definitions={**rule.definitions, "sustained_contact": changed})


def shares(result: MeasureResult) -> dict[str, Proportion]:
    return {part.name: part.share for part in result.parts}


def excluded(result: MeasureResult) -> dict[str, int]:
    return {count.code: count.count for count in result.excluded}


# The gap ------------------------------------------------------------------------------


def test_the_gap_is_the_share_of_those_eligible_less_that_of_the_others(
    inputs: MeasureInputs,
) -> None:
    result = measure(GAP, inputs)
    assert shares(result) == {"yes": Proportion(2, 2), "no": Proportion(1, 2)}
    assert result.value == 50.0
    assert (result.reception_year, result.framework, result.cohort) == (2018, "2013-21", 4)
    assert (result.numerator, result.denominator) == (3, 4)
    assert result.interval is not None
    assert result.interval.lower < 50 < result.interval.upper


def test_ever_in_the_reception_year_is_another_choice_than_census_day(
    inputs: MeasureInputs,
) -> None:
    result = measure(choosing(GAP, "meals", when="ever_in_reception_year"), inputs)
    assert shares(result) == {"yes": Proportion(2, 3), "no": Proportion(1, 1)}
    assert any("any day of the reception year" in line for line in result.definition)


@pytest.mark.parametrize(
    ("published", "eligible", "n_eligible", "others", "n_others"),
    [("-13.4", 353, 663, 1896, 2844), ("-22.5", 248, 505, 1810, 2528)],
    ids=["Oldham 2018", "counts that fit Plymouth 2018"],
)
def test_gaps_come_from_unrounded_values(
    inputs: MeasureInputs,
    published: str,
    eligible: int,
    n_eligible: int,
    others: int,
    n_others: int,
) -> None:
    result = measure(GAP, inputs)
    yes, no = result.parts[:2]
    parts = (
        replace(yes, share=Proportion(eligible, n_eligible)),
        replace(no, share=Proportion(others, n_others)),
    )
    assert str(replace(result, parts=parts).rounded()) == published


def test_children_of_unknown_status_are_among_the_others_to_2021_and_apart_from_2022(
    inputs: MeasureInputs, table: Table
) -> None:
    crosswalk = table(CROSSWALK)
    crosswalk.loc[crosswalk["record_id"] == "S4", "child_id"] = "somebody"
    before = measure(GAP, inputs.with_crosswalk(crosswalk))
    assert shares(before)["no"] == Proportion(1, 2)
    assert excluded(before) == {}
    assert before.unlinked == 1

    later = inputs.records.assign(
        date_of_birth=inputs.records["date_of_birth"] + pd.DateOffset(years=6)
    )
    goals = [goal.replace("G", "E") for goal in GOALS]
    new = with_frame(
        replace(inputs, records=later, crosswalk=crosswalk),
        "eyfsp_results",
        results(table(LEVELS), goals),
    )
    after = measure(GAP, new)
    assert after.framework == "2022 on"
    assert excluded(after) == {"meals_unknown": 1}
    assert shares(after)["unknown"] == Proportion(0, 1)
    assert after.denominator == 3


def test_years_never_stand_in_one_series_across_a_break(
    inputs: MeasureInputs, table: Table
) -> None:
    records = table("""
        source  record_id  role   date_of_birth  family_id
        eyfsp   E5         child  2013-10-01     F5
        eyfsp   E6         child  2018-10-01     F6
    """)
    plain = inputs.records.astype({"family_id": object})
    both = pd.concat(
        [
            inputs.activities["eyfsp_results"],
            results(table("record_id score\nE5 2")),
            results(table("record_id score\nE6 2"), [goal.replace("G", "E") for goal in GOALS]),
        ]
    )
    more = with_frame(
        replace(inputs, records=pd.concat([plain, dates(records, "date_of_birth")])),
        "eyfsp_results",
        both,
    )
    found = measure_by_framework(GAP, more)
    years = {name: [result.reception_year for result in series] for name, series in found.items()}
    assert years == {"2013-21": [2018, 2019], "2022 on": [2024]}
    assert measure(GAP, more).reception_year == 2024
    assert measure(GAP, replace(more, reception_year=2019)).cohort == 1


def test_two_records_of_a_child_with_other_results_contradict_each_other(
    inputs: MeasureInputs, table: Table
) -> None:
    crosswalk = table(CROSSWALK)
    crosswalk.loc[crosswalk["record_id"] == "E4", "child_id"] = "cat"
    result = measure(GAP, inputs.with_crosswalk(crosswalk))
    assert result.cohort == 3
    assert excluded(result) == {"results_disagree": 1}


def test_children_without_a_date_of_birth_are_in_no_year_and_counted(
    inputs: MeasureInputs, table: Table
) -> None:
    records = inputs.records.copy()
    records.loc[records["record_id"].isin(["E1", "E4", "S4"]), "date_of_birth"] = pd.NaT
    result = measure(GAP, replace(inputs, records=records))
    assert excluded(result) == {"no_date_of_birth": 1}
    assert result.cohort == 3, "the census has the date of birth of E1's child"


# The headline -------------------------------------------------------------------------


def test_contact_of_any_family_member_counts_for_the_child(inputs: MeasureInputs) -> None:
    result = measure(HEADLINE, inputs)
    assert (result.numerator, result.denominator) == (1, 2)
    assert result.unit == "family"


@pytest.mark.parametrize(
    ("attended_by", "minimum", "numerator"),
    [("family", 3, 1), ("child", 1, 1), ("child", 2, 0), ("carer", 1, 1), ("carer", 2, 0)],
)
def test_whose_attendance_counts_is_a_choice(
    inputs: MeasureInputs, attended_by: str, minimum: int, numerator: int
) -> None:
    rule = defining(
        HEADLINE, attended_by=attended_by, minimum_contacts=minimum, minimum_spread_days=0
    )
    assert measure(rule, inputs).numerator == numerator


def test_families_without_a_linked_record_are_counted(inputs: MeasureInputs) -> None:
    result = measure(HEADLINE, inputs)
    by_source = {count.code: count.count for count in result.unlinked_by_source}
    assert by_source == {"school_census": 0, "estart": 3}
    assert result.unlinked == 3
    assert result.unlinked_in_denominator == 1


def test_the_range_runs_from_all_possible_links_refused_to_all_accepted(
    inputs: MeasureInputs, table: Table
) -> None:
    accepted = accept_possible_links(inputs.crosswalk, table(POSSIBLE))
    result = measure_range(HEADLINE, inputs, inputs.crosswalk, accepted)
    assert result.value == 50.0
    assert result.range is not None
    assert (result.range.refused, result.range.accepted) == (50.0, 100.0)
    assert (result.range.accepted_numerator, result.range.accepted_denominator) == (2, 2)
    assert result.range.accepted_unlinked == 2


@pytest.mark.parametrize(("which", "numerator"), [("any_child", 2), ("all_children", 1)])
def test_a_family_with_one_child_at_a_good_level_and_one_not(
    inputs: MeasureInputs, table: Table, which: str, numerator: int
) -> None:
    records = inputs.records.copy()
    records["family_id"] = records["family_id"].astype(object)
    records.loc[records["record_id"].isin(["E1", "E4"]), "family_id"] = "F9"
    rule = choosing(HEADLINE, "good_level", family=which)
    result = measure(rule, replace(inputs, records=records))
    assert result.denominator == numerator


def test_all_eligible_families_are_another_denominator(inputs: MeasureInputs) -> None:
    rule = replace(
        HEADLINE,
        spec=HEADLINE.spec.model_copy(
            update={"denominator": ("meals",), "numerator": ("contact", "good_level")}
        ),
    )
    result = measure(rule, inputs)
    assert (result.numerator, result.denominator) == (1, 3)


def test_it_shows_how_the_result_moves_with_the_threshold(inputs: MeasureInputs) -> None:
    found = measure_by_minimum_contacts(HEADLINE, inputs, (1, 3, 4))
    assert {minimum: result.numerator for minimum, result in found.items()} == {1: 1, 3: 1, 4: 0}
    assert any("at least 4 contacts" in line for line in found[4].definition)


# What is not there --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "missing", "why"),
    [
        (GAP, "eyfsp_results", "no EYFS Profile results from eyfsp were given"),
        (GAP, "fsm_periods", "no free school meals periods from school_census were given"),
        (HEADLINE, "contacts", "no contacts from estart were given"),
    ],
)
@pytest.mark.parametrize("empty", [True, False])
def test_without_an_extract_it_says_what_is_missing(
    inputs: MeasureInputs, rule: Measure, missing: str, why: str, empty: bool
) -> None:
    frame = inputs.activities[missing].iloc[:0] if empty else None
    result = measure(rule, with_frame(inputs, missing, frame))
    assert not result.computed
    assert result.why_not == why
    assert result.value is None
    assert result.definition
    assert f"Not computed: {why}." in render_text(result)
    assert as_dict(result)["value"] is None


def test_without_any_frame_at_all_it_is_not_computed(inputs: MeasureInputs) -> None:
    bare = replace(inputs, activities={}, crosswalk=inputs.crosswalk.iloc[:0])
    assert not measure(GAP, bare).computed
    assert not measure(HEADLINE, replace(bare, records=inputs.records.iloc[:0])).computed
    assert not measure_range(GAP, bare, bare.crosswalk, bare.crosswalk).computed


def test_without_a_source_it_says_which(inputs: MeasureInputs) -> None:
    records = inputs.records[inputs.records["source"] != "estart"]
    result = measure(HEADLINE, replace(inputs, records=records))
    assert result.why_not == "no records from estart were given"


def test_a_year_without_children_or_without_a_framework_is_not_computed(
    inputs: MeasureInputs,
) -> None:
    empty = measure(GAP, replace(inputs, reception_year=2016))
    assert empty.why_not == "no child with results was in reception in 2015/16"
    records = inputs.records.assign(
        date_of_birth=inputs.records["date_of_birth"] - pd.DateOffset(years=12)
    )
    early = measure(GAP, replace(inputs, records=records))
    assert early.why_not == "good_level_of_development has no framework for 2005/06"


def test_bad_frames_are_refused_without_showing_values(inputs: MeasureInputs) -> None:
    twice = pd.concat([inputs.crosswalk, inputs.crosswalk.iloc[:1]])
    with pytest.raises(DataError, match="crosswalk: 1 row repeats") as error:
        measure(GAP, inputs.with_crosswalk(twice))
    assert "E1" not in str(error.value)
    assert "ann" not in str(error.value)
    with pytest.raises(DataError, match="records: missing column family_id"):
        measure(GAP, replace(inputs, records=inputs.records.drop(columns="family_id")))
    with pytest.raises(DataError, match="fsm_periods: missing column end"):
        measure(
            GAP,
            with_frame(
                inputs, "fsm_periods", pd.DataFrame(columns=["source", "record_id", "start"])
            ),
        )


# How it shows -------------------------------------------------------------------------


def test_the_text_shows_the_figure_with_all_that_it_rests_on(
    inputs: MeasureInputs, table: Table
) -> None:
    accepted = accept_possible_links(inputs.crosswalk, table(POSSIBLE))
    text = render_text(measure_range(HEADLINE, inputs, inputs.crosswalk, accepted))
    for line in (
        "  50.0% (95% interval 9.5 to 90.5), reception year 2017/18; higher is better",
        "  1 of 2 families",
        "  Possible links all refused: 50.0%; all accepted: 100.0%",
        "  Not linked: 3 of 4 children, no record in estart",
        "  Families in the denominator without any linked record: 1",
        "  Definitions: good_level_of_development version 1, sustained_contact version 1.",
    ):
        assert line in text.splitlines()
    assert "at least 3 contacts on different days within any 12 months" in text


def test_a_preview_says_what_moves_beside_a_figure_that_stays(
    inputs: MeasureInputs, table: Table
) -> None:
    accepted = accept_possible_links(inputs.crosswalk, table(POSSIBLE))
    before, after = (
        measure_range(HEADLINE, inputs, inputs.crosswalk, links)
        for links in (accepted, inputs.crosswalk)
    )
    figure = "50.0% (95% interval 9.5 to 90.5), reception year 2017/18; higher is better"
    possible = "Possible links all refused: 50.0%; all accepted"
    assert measure_lines(MeasureMove(before.name, before, after)) == [
        f"measure {before.name}: the same figure, but not what is said beside it",
        f"  before: {figure}; {possible}: 100.0%",
        f"  after: {figure}; {possible}: 50.0%",
    ]


def test_the_result_goes_through_json(inputs: MeasureInputs) -> None:
    for rule in MEASURES.values():
        plain = as_dict(measure_range(rule, inputs, inputs.crosswalk, inputs.crosswalk))
        assert json.loads(json.dumps(plain)) == plain
    assert plain["parts"][0]["share"]["numerator"] == 2
    assert plain["value_rounded"] == "50.0"


# Whatever the data --------------------------------------------------------------------

child = st.fixed_dictionaries(
    {
        "score": st.sampled_from(["1", "2", "A", None]),
        "meals": st.sampled_from(["eligible", "not", "unlinked"]),
        "family": st.sampled_from(["XX1", "XX2", None]),
        "contacts": st.integers(0, 4),
    }
)


def frames(children: list[dict[str, object]]) -> MeasureInputs:
    records = [("school_census", "S", "child", "2000-01-01", None)]
    records += [("estart", "M", "child", "2000-01-01", None)]
    crosswalk = [("school_census", "S", "nobody"), ("estart", "M", "nobody")]
    levels, periods, contacts = [], [("school_census", "S")], [("estart", "M", "2001-01-01")]
    for number, row in enumerate(children):
        for source in ("eyfsp", "school_census", "estart"):
            linked = source != "school_census" or row["meals"] != "unlinked"
            family = row["family"] if source == "estart" else None
            records.append((source, f"{number}", "child", "2013-03-01", family))
            crosswalk.append((source, f"{number}", f"C{number}" if linked else f"U{number}"))
        levels.append((f"{number}", row["score"]))
        if row["meals"] != "not":
            periods.append(("school_census", f"{number}"))
        months = range(1, 1 + int(str(row["contacts"])))
        contacts += [("estart", f"{number}", f"2016-{month:02}-15") for month in months]
    names = ["source", "record_id", "role", "date_of_birth", "family_id"]
    period_frame = pd.DataFrame(periods, columns=["source", "record_id"])
    contact_frame = pd.DataFrame(contacts, columns=["source", "record_id", "date"])
    return MeasureInputs(
        records=dates(pd.DataFrame(records, columns=names), "date_of_birth"),
        crosswalk=pd.DataFrame(crosswalk, columns=["source", "record_id", "child_id"]),
        activities={
            "eyfsp_results": results(pd.DataFrame(levels, columns=["record_id", "score"])),
            "fsm_periods": period_frame.assign(start=pd.Timestamp("2016-09-01"), end=pd.NaT).astype(
                {"end": "datetime64[ns]"}
            ),
            "contacts": dates(contact_frame, "date").assign(
                centre="North", activity="Stay and play", attended=True
            ),
        },
    )


@settings(deadline=None, max_examples=20)
@given(st.lists(child, min_size=1, max_size=6))
def test_everybody_is_counted_once_and_order_does_not_matter(
    children: list[dict[str, object]],
) -> None:
    inputs = frames(children)
    result = measure(GAP, inputs)
    assert result.denominator + sum(excluded(result).values()) == result.cohort == len(children)
    assert sum(part.share.denominator for part in result.parts) == result.denominator
    eligible = [row for row in children if row["meals"] == "eligible" and row["score"]]
    reached = [row for row in eligible if row["score"] == "2"]
    assert shares(result)["yes"] == Proportion(len(reached), len(eligible))

    headline = measure(HEADLINE, inputs)
    assert 0 <= headline.numerator <= headline.denominator <= len(children)
    backwards = replace(
        inputs,
        records=inputs.records.iloc[::-1],
        crosswalk=inputs.crosswalk.iloc[::-1],
        activities={name: frame.iloc[::-1] for name, frame in inputs.activities.items()},
    )
    assert measure(GAP, backwards) == result
    assert measure(HEADLINE, backwards) == headline
