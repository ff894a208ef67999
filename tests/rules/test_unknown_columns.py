"""Columns that no record has are told beside every other mistake of the rules."""

import shutil
from pathlib import Path

import pytest

from api.services.rules import check_rules
from tests.spec.shipped import RULES


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Everything that ships, copied."""
    return Path(shutil.copytree(RULES, tmp_path / "rules"))


def told(rules: Path) -> list[tuple[str, int, str]]:
    problems, _ = check_rules(rules)
    return [(problem.file.name, problem.line, problem.message) for problem in problems]


MATCHING = """\
version: one
blocking:
  - name: first
    key: [surname, shoe_size]
comparisons:
  - name: it
    title: It
    needs: [forename]
    levels:
      - name: same
        when: {all: [{same: [hat_size]}, {edits: {column: eye_colour, at_most: few}}]}
        reason: same
      - {name: other, reason: other, when: {levels: {it: [shoe_size_of_it]}}}
      - {name: none, reason: none}
thresholds: {lower: -1, upper: 5, rival_margin: 1}
"""


def test_a_wrong_kind_of_value_does_not_hide_unknown_columns(rules: Path) -> None:
    (rules / "matching.yaml").write_text(MATCHING, encoding="utf-8")
    edits = "comparisons.0.levels.0.when.all.1.edits"
    assert told(rules) == [
        ("matching.yaml", 1, "version: must be a whole number"),
        ("matching.yaml", 4, "there is no column 'shoe_size'"),
        ("matching.yaml", 11, f"{edits}.at_most: must be a whole number"),
        ("matching.yaml", 11, "there is no column 'eye_colour'"),
        ("matching.yaml", 11, "there is no column 'hat_size'"),
        (
            "matching.yaml",
            13,
            "comparisons.0.levels.1: no earlier comparison 'it' with level shoe_size_of_it",
        ),
    ]


def test_a_wrong_kind_of_value_does_not_hide_what_is_wrong_between_levels(rules: Path) -> None:
    text = """\
version: one
blocking:
  - {name: first, key: [surname]}
  - {name: first, key: [surname], largest_block: many}
comparisons:
  - name: it
    title: It
    levels:
      - {name: same, when: {same: surname}, reason: same}
      - {name: same, when: {same: [surname]}, reason: same again}
      - {name: late, reason: late}
      - {name: none, reason: none, when: {same: [surname]}}
  - name: other
    title: Other
    levels:
      - {name: both, when: {not: {levels: {it: [sane], that: [same]}}}, reason: [both]}
      - {name: none, reason: none}
  - {name: other, title: Other, levels: some}
  - name: last
    title: Last
    levels:
      - {name: odd, when: {levels: {it: [missing], other: [odd]}}, reason: odd}
      - {name: none, reason: none}
thresholds: {lower: -1, upper: 5, rival_margin: 1}
"""
    (rules / "matching.yaml").write_text(text, encoding="utf-8")
    assert [(line, message) for _, line, message in told(rules)] == [
        (1, "version: must be a whole number"),
        (4, "blocking.1.largest_block: must be a whole number"),
        (4, "blocking.1: two blocking rules are called 'first'"),
        (9, "comparisons.0.levels.0.when.same: must be a list"),
        (10, "comparisons.0.levels.1: two levels have the same name 'same'"),
        (11, "comparisons.0.levels.2: only the last level may leave out 'when'"),
        (12, "comparisons.0.levels.3: the last level takes every other pair, so it has no 'when'"),
        (16, "comparisons.1.levels.0.reason: must be text"),
        (16, "comparisons.1.levels.0: no earlier comparison 'it' with level sane"),
        (16, "comparisons.1.levels.0: no earlier comparison 'that' with level same"),
        (18, "comparisons.2.levels: must be a list"),
        (18, "comparisons.2: two comparisons are called 'other'"),
    ]


def test_an_unknown_column_is_told_wherever_it_is_named(rules: Path) -> None:
    (rules / "matching.yaml").write_text(
        MATCHING.replace("hat_size", "shoe_size"), encoding="utf-8"
    )
    lines = [line for _, line, message in told(rules) if message.endswith("column 'shoe_size'")]
    assert lines == [4, 11]


def test_another_file_that_is_wrong_does_not_hide_unknown_columns(rules: Path) -> None:
    right = (rules / "matching.yaml").read_text(encoding="utf-8")
    wrong = right.replace("key: [nhs_number]", "key: [shoe_size]", 1)
    (rules / "matching.yaml").write_text(wrong, encoding="utf-8")
    (rules / "names.yaml").unlink()
    messages = [(file, message) for file, _, message in told(rules)]
    assert ("matching.yaml", "there is no column 'shoe_size'") in messages
    assert len(messages) == 2


def test_what_cannot_be_read_at_all_names_no_columns(rules: Path) -> None:
    (rules / "matching.yaml").write_text("blocking: [\n", encoding="utf-8")
    assert [file for file, _, _ in told(rules)] == ["matching.yaml"]
