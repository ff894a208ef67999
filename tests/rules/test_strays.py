"""A file that nothing reads is told, since somebody may believe that it counts."""

import shutil
from pathlib import Path

import pytest

from api.services.rules import check_rules, load_rule_book
from matcher.errors import RuleError
from matcher.rules.strays import stray_files
from tests.spec.shipped import RULES


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Everything that ships, copied."""
    return Path(shutil.copytree(RULES, tmp_path / "rules"))


def told(rules: Path) -> list[str]:
    problems = stray_files(rules)
    return [f"{problem.file.relative_to(rules)}: {problem.message}" for problem in problems]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("survivorshp.yaml", "should it be called survivorship.yaml?"),
        ("matching.yml", "should it be called matching.yaml?"),
        ("Matching.YAML", "should it be called matching.yaml?"),
        ("matching.yaml.txt", "should it be called matching.yaml?"),
        ("matching.yaml.bak", "should it be called matching.yaml?"),
        ("pictures.docx", "unknown file, which is not read: remove it"),
        ("sources/nursery.yml", "not read: rename it to nursery.yaml"),
        ("sources/nursery.YAML", "not read: rename it to nursery.yaml"),
        ("sources/nursery.csv", "unknown file, which is not read"),
        ("models/ours.yml", "not read: rename it to ours.yaml"),
        ("measures/gap.yaml~", "unknown file, which is not read"),
    ],
)
def test_a_file_that_is_not_read_is_told(rules: Path, name: str, message: str) -> None:
    (rules / name).write_text("name: nursery\n", encoding="utf-8")
    (found,) = told(rules)
    assert found.startswith(f"{name}: ")
    assert message in found


@pytest.mark.parametrize("name", ["source", "sources/old", "old"])
def test_a_folder_that_is_not_read_is_told(rules: Path, name: str) -> None:
    (rules / name).mkdir()
    (rules / name / "nursery.yaml").write_text("name: nursery\n", encoding="utf-8")
    (found,) = told(rules)
    assert found.startswith(f"{name}: unknown folder, which is not read")


def test_a_file_that_is_mistyped_is_told_beside_the_one_that_is_missing(rules: Path) -> None:
    (rules / "survivorship.yaml").rename(rules / "survivorshp.yaml")
    problems, _ = check_rules(rules)
    remedy = "should it be called survivorship.yaml?"
    assert [(problem.file.name, problem.message) for problem in problems] == [
        ("survivorship.yaml", "cannot be read: No such file or directory"),
        ("survivorshp.yaml", f"unknown file, which is not read: {remedy}"),
    ]


def test_notes_and_hidden_files_are_nobody_elses_affair(rules: Path) -> None:
    for name in ("README.md", "notes.txt", ".DS_Store", ".matching.yaml.swp", "sources/README.md"):
        (rules / name).write_text("ours\n", encoding="utf-8")
    assert told(rules) == []


def test_linking_refuses_rules_that_somebody_may_believe_to_count(rules: Path) -> None:
    (rules / "sources" / "nursery.yml").write_text("name: nursery\n", encoding="utf-8")
    with pytest.raises(RuleError, match=r"nursery\.yml:1: not read"):
        load_rule_book(rules)
