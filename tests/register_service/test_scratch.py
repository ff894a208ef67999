"""Folders for copies that hold details: gone, however the process that had them ended."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.services.scratch import scratch_folder

_HOLDER = """
from api.services.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "extract.csv").write_text("UPN,Forename")
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


@contextmanager
def _holder() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
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
