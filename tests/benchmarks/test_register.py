"""The benchmark of the register runs on both databases, and says what meets its target."""

from pathlib import Path

import pytest

from benchmarks import register, register_workloads
from benchmarks.linkage import Cost


def test_every_step_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register.main(
        ["--records", "400", "--database", "sqlite", "--markdown", str(tmp_path / "register.md")]
    )
    printed = capsys.readouterr()
    assert printed.err == ""
    for figure in ("first load", "delta of 100", "one record put, p95", "crosswalk, p95"):
        (line,) = [line for line in printed.out.splitlines() if line.startswith(figure)]
        assert "–" not in line.removesuffix("–").split("  ", 1)[1].replace(" – ", "", 1)
    assert "| SQLite |" in (tmp_path / "register.md").read_text(encoding="utf-8")


def test_a_figure_above_its_target_is_told_as_missed() -> None:
    cells = register.Row("one record put", [49.0, 51.0, None], "ms", 50.0).cells()
    assert cells == ["one record put", "50.0 ms", "49.0 ms PASS", "51.0 ms miss", "–"]


def test_a_step_that_failed_is_told_in_the_notes() -> None:
    failed = {"load": Cost(0.0, 0.0, 0, {}, "stopped after 1 s")}
    assert register.table_of(100, {"sqlite": failed}).notes[-1] == "SQLite, load: stopped after 1 s"


def test_stages_of_single_extracts_are_added_up() -> None:
    seconds = {"read extract 1": 1.0, "read extract 12": 2.0, "block": 4.0}
    assert register_workloads._summed(seconds) == {"read extracts": 3.0, "block": 4.0}
