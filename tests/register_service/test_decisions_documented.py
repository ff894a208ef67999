"""The page on decisions tells the kinds and fields that there are."""

import re
from pathlib import Path

from api.services.register.conflicts import CONTRADICTION, HELD_TWICE, REFUSED_LINK
from api.services.register.deciding import KINDS
from api.services.register.decisions import UNDO
from api.services.register.queue import POSSIBLE, STALE
from matcher.rules.survivorship import GOLDEN_FIELDS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "decisions.md"


def first_cells(title: str) -> list[str]:
    """What the first column of the table under a title names."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_kinds_of_decisions_and_conflicts_are_listed() -> None:
    assert first_cells("Decisions") == [*KINDS, UNDO]
    assert first_cells("Conflicts") == [CONTRADICTION, HELD_TWICE, REFUSED_LINK]


def test_every_golden_field_is_listed_with_what_can_be_set() -> None:
    assert sorted(first_cells("Corrections")) == sorted(GOLDEN_FIELDS)


def test_kinds_of_the_queue_are_named() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"`{STALE}`" in page
    assert f"`{POSSIBLE}`" in page
