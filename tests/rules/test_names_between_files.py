"""What one rule file names and another must give: sources, activity, purposes, definitions."""

import shutil
from pathlib import Path

import pytest

from api.services.rules import check_rules, load_rule_book
from matcher.errors import RuleError
from tests.spec.shipped import RULES


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Everything that ships, copied."""
    return Path(shutil.copytree(RULES, tmp_path / "rules"))


def spoil(path: Path, old: str, new: str) -> int:
    """Replace the first occurrence; the line on which it stands, counted from 1."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def told(rules: Path) -> list[tuple[str, int, str]]:
    with pytest.raises(RuleError) as error:
        load_rule_book(rules)
    return [(found.file.name, found.line, found.message) for found in error.value.problems]


def test_survivorship_may_rank_only_sources_that_are_defined(rules: Path) -> None:
    path = rules / "survivorship.yaml"
    everywhere = spoil(path, "sources: [school_census, ctf,", "sources: [school_census, cft,")
    one_field = spoil(path, "sources: [systmone]}", "sources: [systm_one]}")
    assert told(rules) == [
        (
            "survivorship.yaml",
            everywhere,
            "sources.1: no source 'cft': sources/cft.yaml is not there",
        ),
        (
            "survivorship.yaml",
            one_field,
            "fields.nhs_number.sources.0: no source 'systm_one': sources/systm_one.yaml is not "
            "there",
        ),
    ]


def test_measures_may_name_only_sources_that_are_defined(rules: Path) -> None:
    path = rules / "measures" / "fsm_sustained_contact_before_gld.yaml"
    cohort = spoil(path, "cohort: {source: eyfsp,", "cohort: {source: eyfs,")
    contact = spoil(path, "sources: [estart]", "sources: [e_start]")
    example = spoil(path, "linked_to: [school_census, estart]", "linked_to: [school, estart]")
    found = [
        (line, message.split(": ")[1]) for file, line, message in told(rules) if file == path.name
    ]
    assert (cohort, "no source 'eyfs'") in found
    assert (contact, "no source 'e_start'") in found
    assert (example, "no source 'school'") in found


def test_a_measure_needs_sources_that_yield_what_it_counts(rules: Path) -> None:
    path = rules / "measures" / "gld_gap_by_fsm.yaml"
    line = spoil(path, "sources: [school_census]", "sources: [school_census, systmone]")
    assert (
        path.name,
        line,
        "conditions.meals.sources.1: source 'systmone' yields no fsm_periods",
    ) in told(rules)


def test_a_measure_needs_sources_that_may_be_used_for_outcomes(rules: Path) -> None:
    spoil(rules / "sources" / "eyfsp.yaml", ", outcomes]", "]")
    problems = [message for _, _, message in told(rules) if message.startswith("cohort.source: ")]
    expected = (
        "source 'eyfsp' may not be used for outcomes: its purposes are education, early_years"
    )
    assert problems == [f"cohort.source: {expected}"] * 2


def test_a_field_may_be_kept_only_for_a_purpose_that_some_source_has(rules: Path) -> None:
    path = rules / "sources" / "generic.yaml"
    line = spoil(path, "  upn: [education]", "  upn: [eduction]")
    expected = "field_purposes.upn.0: no source has the purpose 'eduction'"
    assert told(rules) == [("generic.yaml", line, expected)]


def test_checking_tells_what_linking_refuses(rules: Path) -> None:
    spoil(rules / "survivorship.yaml", "ctf,", "cft,")
    problems, _ = check_rules(rules)
    refused = told(rules)
    assert [(found.file.name, found.line, found.message) for found in problems] == refused


def test_a_value_of_the_wrong_kind_hides_no_name_in_a_measure(rules: Path) -> None:
    path = rules / "measures" / "gld_gap_by_fsm.yaml"
    better = spoil(path, "better: higher", "better: more")
    numerator = spoil(path, "numerator: [good_level]", "numerator: [god_level]")
    definition = spoil(path, "definition: good_level_of", "definition: goods_level_of")
    condition = spoil(path, "\n  good_level:\n", "\n  good_level:\n") + 1
    source = spoil(path, "sources: [school_census]", "sources: [school]")
    assert [(line, message.split(": ")[-1]) for _, line, message in told(rules)] == [
        (better, "must be one of 'higher', 'lower' or 'neither'"),
        (condition, "condition good_level is not used"),
        (definition, "no definition 'goods_level_of_development'"),
        (source, "sources/school.yaml is not there"),
        (numerator, "no condition is called god_level"),
    ]


def test_a_source_that_cannot_be_read_is_not_said_to_be_absent(rules: Path) -> None:
    spoil(rules / "sources" / "ctf.yaml", "title: ", "titel: ")
    assert {(file, message) for file, _, message in told(rules)} == {
        ("ctf.yaml", "title: is missing"),
        ("ctf.yaml", "titel: unknown key"),
    }


def test_examples_run_in_every_file_that_can_be_read(rules: Path) -> None:
    spoil(rules / "measures" / "gld_gap_by_fsm.yaml", "better: higher", "better: more")
    spoil(rules / "sources" / "ctf.yaml", "title: ", "titel: ")
    spoil(rules / "sources" / "generic.yaml", "reject: no_name", "reject: no_date")
    spoil(rules / "values.yaml", 'postcode_district: "OL1"', 'postcode_district: "OL2"')
    spoil(
        rules / "survivorship.yaml",
        "forename: Robert, forename_source",
        "forename: Bob, forename_source",
    )
    problems, _ = check_rules(rules)
    assert {problem.file.name for problem in problems} == {
        "gld_gap_by_fsm.yaml",
        "ctf.yaml",
        "generic.yaml",
        "values.yaml",
        "survivorship.yaml",
    }
    assert len(problems) == len(set(problems)) == 6
