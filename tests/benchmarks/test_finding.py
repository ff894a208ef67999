"""The benchmark of matching, searching and listing runs, on both databases."""

import pytest

from benchmarks import finding


def test_every_question_is_asked_of_both_databases(capsys: pytest.CaptureFixture[str]) -> None:
    finding.main(["--children", "150", "--asked", "4"])
    printed = capsys.readouterr().out
    assert printed.index("SQLite, ") < printed.index("PostgreSQL, ")
    for question in ("match one person", "match a batch of 4", "workbench list, all, by surname"):
        assert printed.count(question) == 2
