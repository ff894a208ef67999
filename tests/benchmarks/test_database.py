"""The database benchmark runs, on both databases."""

import pytest

from benchmarks import database


def test_every_step_is_measured_on_both_databases(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["database", "100"])
    database.main()
    printed = capsys.readouterr().out
    for kind in ("SQLite", "PostgreSQL"):
        assert printed.count(f"{kind}, in ") == 2
        assert printed.count(f"{kind}, restore with proof") == 2
