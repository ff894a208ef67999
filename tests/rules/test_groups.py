"""Rules of groups: each code counts once, and examples say what it counts for."""

import shutil
from pathlib import Path

import pytest

from api.services.rules import check_rules
from tests.rules.test_names_between_files import spoil
from tests.spec.shipped import RULES


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Everything that ships, copied."""
    return Path(shutil.copytree(RULES, tmp_path / "rules"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[ABAN]", "[ABAN, APKN]", "listed more than once: APKN"),
        ('group: "Asian: Pakistani"', "group: Black", "APKN counts for Asian: Pakistani"),
        ("source: systmone", "source: sytmone", "no source 'sytmone'"),
        ("to_age: 9", "to_age: 4", "to_age must not be below from_age"),
    ],
)
def test_mistakes_are_told(rules: Path, old: str, new: str, message: str) -> None:
    spoil(rules / "groups.yaml", old, new)
    (problem,) = check_rules(rules)[0]
    assert problem.file.name == "groups.yaml"
    assert message in problem.message
