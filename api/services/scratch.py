"""Folders for copies of extracts and exports while they are worked with.

Such a copy holds children's details, and a process that is killed cannot take its own away:
the next one that needs a folder does. A folder is in use as long as a living process has it
locked; the system lets go of the lock however the process ends.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "matcher-scratch-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder that only this user may read, gone afterwards."""
    _clear_left_behind()
    folder, lock = _locked_folder()
    try:
        yield folder
    finally:
        if folder.exists():
            shutil.rmtree(folder)
        os.close(lock)


def _locked_folder() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            lock = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue  # taken for one left behind, before it was locked
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder, lock
        os.close(lock)


def _clear_left_behind() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # just gone, or somebody else's
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_uid == os.geteuid():
                shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue  # in use
        finally:
            os.close(lock)
