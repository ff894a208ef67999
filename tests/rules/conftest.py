"""A copy of the shipped rules that a test may spoil."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from matcher.errors import RuleError
from matcher.rules.library import load_linkage_rules
from tests.spec.shipped import RULES

Spoil = Callable[[str, str, str], int]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The linkage rules that ship, copied."""
    for path in RULES.glob("*.yaml"):
        shutil.copy(path, tmp_path / path.name)
    return tmp_path


@pytest.fixture
def spoil(directory: Path) -> Spoil:
    """Replaces the only occurrence of a text in a file; gives the line where it begins."""

    def spoil(name: str, old: str, new: str) -> int:
        path = directory / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")
        return text[: text.index(old)].count("\n") + 1

    return spoil


@pytest.fixture
def problems(directory: Path) -> Callable[[], list[tuple[str, int, str]]]:
    """File, line and message of everything that is wrong with the copied rules."""

    def problems() -> list[tuple[str, int, str]]:
        with pytest.raises(RuleError) as error:
            load_linkage_rules(directory)
        return [(found.file.name, found.line, found.message) for found in error.value.problems]

    return problems
