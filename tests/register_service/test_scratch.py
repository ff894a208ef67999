"""Folders for copies that hold details: gone, however the process that had them ended."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from api.services.backup import back_up
from api.services.output import OutputFolder
from api.services.scratch import scratch_folder

_HOLDER = """
import sys
from pathlib import Path
from api.services.scratch import scratch_folder
with scratch_folder(*map(Path, sys.argv[1:])) as folder:
    (folder / "extract.csv").write_text("UPN,Forename")
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


@contextmanager
def _holder(*beside: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    call = [sys.executable, "-c", _HOLDER, *map(str, beside)]
    process = subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
    finally:
        process.kill()
        process.communicate()


def test_a_folder_is_gone_after_its_use_and_was_for_this_user_alone() -> None:
    with scratch_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "extract.csv").write_text("UPN,Forename")
    assert not folder.exists()


def test_what_a_killed_process_left_behind_is_cleared_by_the_next_one() -> None:
    with _holder() as (process, left):
        process.kill()
        process.wait()
        assert (left / "extract.csv").exists()
        with scratch_folder() as folder:
            assert not left.exists()
            assert folder.exists()


@pytest.mark.parametrize("write", ["backup", "output"])
def test_what_a_killed_process_left_beside_its_file_is_cleared_when_one_is_written_there(
    engine: Engine, tmp_path: Path, write: str
) -> None:
    beside = tmp_path / "out"
    beside.mkdir()
    (beside / ".matcher-scratch-file").write_text("")
    with _holder(beside) as (process, left), _holder(beside) as (_, in_use):
        process.kill()
        process.wait()
        assert left.parent == beside
        assert left.exists()
        if write == "backup":
            back_up(engine, beside / "kept.zip")
        else:
            with OutputFolder(beside) as into:
                into.text("kept.zip", "")
        kept = {"kept.zip", in_use.name, ".matcher-scratch-file"}
        assert {path.name for path in beside.iterdir()} == kept
        assert (beside / "kept.zip").stat().st_mode & 0o777 == 0o600


def test_folders_that_are_in_use_are_left_alone_also_by_their_own_process() -> None:
    with _holder() as (process, theirs), scratch_folder() as folder, scratch_folder() as other:
        assert (theirs / "extract.csv").exists()
        assert folder.exists()
        assert other.exists()
        process.communicate("\n")
        assert process.returncode == 0
        assert not theirs.exists()


def test_what_is_not_a_folder_is_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "matcher-scratch-link").symlink_to(elsewhere)
    (tmp_path / "matcher-scratch-file").write_text("")
    with scratch_folder():
        assert elsewhere.exists()
        assert (tmp_path / "matcher-scratch-file").exists()
