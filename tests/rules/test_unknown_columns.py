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
    ]


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
