"""Rule files of measures: every problem at once, and examples that run."""

import shutil
from pathlib import Path

import pytest

from matcher.errors import RuleError
from matcher.outcomes import check_measures, load_measures, run_examples

RULES = Path(__file__).parents[2] / "linkage_rules" / "measures"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RULES, tmp_path / "measures"))


def change(directory: Path, name: str, old: str, new: str) -> int:
    """Replace text in a file; returns the line on which it stood."""
    path = directory / f"{name}.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def test_the_shipped_rules_are_right_and_their_examples_come_out() -> None:
    assert check_measures(RULES) == []
    assert set(load_measures(RULES)) >= {"gld_gap_by_fsm", "fsm_sustained_contact_before_gld"}


def test_all_problems_of_all_files_come_together_with_their_lines(copy: Path) -> None:
    better = change(copy, "gld_gap_by_fsm", "better: higher", "better: bigger")
    window = change(copy, "sustained_contact", "months: 12}", "month: 12}")
    with pytest.raises(RuleError) as error:
        load_measures(copy)
    found = [(problem.file.name, problem.line) for problem in error.value.problems]
    assert ("gld_gap_by_fsm.yaml", better) in found
    assert ("sustained_contact.yaml", window) in found
    assert {name for name, _ in found} == {"gld_gap_by_fsm.yaml", "sustained_contact.yaml"}
    assert check_measures(copy) == error.value.problems


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("gld_gap_by_fsm", "compare: meals", "compare: dinners", "no condition is called dinners"),
        ("gld_gap_by_fsm", "compare: meals", "", "condition meals is not used"),
        ("gld_gap_by_fsm", "denominator: []", "denominator: [meals]", "stands twice"),
        (
            "gld_gap_by_fsm",
            "definition: good_level_of_development",
            "definition: other",
            "no definition 'other'",
        ),
        (
            "gld_gap_by_fsm",
            "definition: good_level_of_development",
            "definition: sustained_contact",
            "does not define good_level_of_development",
        ),
        ("gld_gap_by_fsm", "kind: measure", "kind: mesure", "kind must be one of"),
        ("gld_gap_by_fsm", "name: gld_gap_by_fsm", "name: sustained_contact", "is taken by"),
        ("gld_gap_by_fsm", "version: 1", "version: 0", "greater than 0"),
        ("gld_gap_by_fsm", "unit: child", "unit: child\nunit: family", "given twice"),
        ("sustained_contact", ", months: 12}", "}", "needs months"),
        ("sustained_contact", "kind: any_months", "kind: whole_time", "takes no months"),
        ("good_level_of_development", "last_year: 2021", "last_year: 2022", "overlap in time"),
        ("good_level_of_development", "last_year: 2021", "last_year: 2012", "before first_year"),
        ("good_level_of_development", "G11, G12]", "G11, G11]", "stands twice"),
        ("good_level_of_development", "E11, E12]", "E11, G12]", "share the name of a goal"),
        ("good_level_of_development", "CLL_AS3, CLL_AS4]", "CLL_AS3, X]", "which goals lacks"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(
    copy: Path, name: str, old: str, new: str, message: str
) -> None:
    change(copy, name, old, new)
    with pytest.raises(RuleError, match=message):
        load_measures(copy)


def test_an_unknown_definition_is_reported_on_its_line(copy: Path) -> None:
    line = change(copy, "gld_gap_by_fsm", "definition: good_level_of_development", "definition: x")
    with pytest.raises(RuleError) as error:
        load_measures(copy)
    assert [problem.line for problem in error.value.problems] == [line]


def test_a_folder_without_rules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"holds no \.yaml file"):
        load_measures(tmp_path)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("gld_gap_by_fsm", "value: -13.4", "value: -13.5", "expected value -13.5, got -13.4"),
        ("gld_gap_by_fsm", "{meals_unknown: 1}", "{}", "expected excluded {}, got"),
        ("sustained_contact", "minimum_contacts: 3", "minimum_contacts: 4", "expected True, got"),
        ("good_level_of_development", "expect: reached", "expect: unknown", "got reached"),
    ],
)
def test_an_example_that_does_not_come_out_is_a_problem(
    copy: Path, name: str, old: str, new: str, message: str
) -> None:
    change(copy, name, old, new)
    problems = [problem for problem in check_measures(copy) if problem.file.stem == name]
    assert any(message in problem.message for problem in problems)
    assert all(problem.line > 1 for problem in problems)


def test_an_example_is_reported_on_its_own_line(copy: Path) -> None:
    path = copy / "gld_gap_by_fsm.yaml"
    change(copy, "gld_gap_by_fsm", "value: -13.4", "value: -13.5")
    (problem,) = run_examples(load_measures(copy)["gld_gap_by_fsm"], path)
    assert "Oldham 2018" in path.read_text().splitlines()[problem.line - 1]
