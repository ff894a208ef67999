"""Folders for what is only there while it is worked with: copies of extracts, files half written.

Such a folder holds children's details, and a process that is killed cannot take its own away:
the next one that needs a folder at the same place does. A folder is in use as long as a living
process has it locked; the system lets go of the lock however the process ends. Where files
cannot be locked, as on some shares, nothing is taken for left behind.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "matcher-scratch-"


@contextmanager
def scratch_folder(beside: Path | None = None) -> Iterator[Path]:
    """An empty folder that only this user may read, gone afterwards.

    Among the system's temporary files; or, hidden, in the folder ``beside``, from where a file
    can take its place at once. Raises OSError where there can be none.
    """
    parent = Path(tempfile.gettempdir()) if beside is None else beside
    prefix = _PREFIX if beside is None else f".{_PREFIX}"
    _clear_left_behind(parent, prefix)
    folder, lock = _locked_folder(parent, prefix)
    try:
        yield folder
    finally:
        if folder.exists():
            shutil.rmtree(folder)
        os.close(lock)


def _locked_folder(parent: Path, prefix: str) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            lock = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue  # taken for one left behind, before it was locked
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder, lock
        os.close(lock)


def _clear_left_behind(parent: Path, prefix: str) -> None:
    for folder in parent.glob(f"{prefix}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # just gone, or somebody else's
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_uid == os.geteuid():
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # in use, or not to be locked
        finally:
            os.close(lock)
