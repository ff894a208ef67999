"""The benchmark of pages goes from page to page over a register that is served."""

import pytest

from benchmarks import pages


def test_every_step_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert pages.main(["--children", "150", "--waiting", "30", "--times", "2"]) == 0
    printed = capsys.readouterr().out
    assert "and 30 pairs that wait" in printed
    for step in ("next pair", "workbench list", "child"):
        assert f"\n{step} " in printed
