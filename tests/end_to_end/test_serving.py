"""The service as a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_told_to_end_leaves_no_file_and_no_worker(
    tmp_path: Path, number: signal.Signals
) -> None:
    """What lies aside may be of children: extracts that were being sent."""
    aside = tmp_path / "aside"
    aside.mkdir()
    database = f"sqlite:///{tmp_path / 'register.db'}"
    with subprocess.Popen(
        [sys.executable, "-m", "api.cli", "serve", "--port", "0", "--database", database],
        env={**os.environ, "TMPDIR": str(aside)},
        stderr=subprocess.PIPE,
        text=True,
    ) as service:
        assert service.stderr is not None
        assert any("running on" in line for line in service.stderr)
        assert list(aside.iterdir())
        service.send_signal(number)
        # Until nobody writes to it: the worker neither.
        service.stderr.read()
        assert service.wait(30) == 0
    assert not list(aside.iterdir())
