"""The service as a process of its own."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path


def test_a_service_that_is_told_to_end_leaves_no_file_and_no_worker(tmp_path: Path) -> None:
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
        begun = {"running on", "begins"}
        for line in service.stderr:
            begun -= {one for one in begun if one in line}
            if not begun:
                break
        assert list(aside.iterdir())
        service.send_signal(signal.SIGTERM)
        # Until nobody writes to it: the worker neither.
        told = service.stderr.read()
        assert service.wait(30) == 0
    assert re.search("worker .* ends", told)
    assert "Traceback" not in told and "Fatal" not in told
    assert not list(aside.iterdir())
