"""The speed benchmark measures what a process did, and says so when it did not finish."""

import sys
from pathlib import Path

from benchmarks import workloads
from benchmarks.linkage import _engine_row, _run


def test_a_process_is_measured_and_what_it_printed_is_kept():
    program = "import json; x = bytearray(50_000_000); print(json.dumps({'clusters': 3}))"
    cost = _run([sys.executable, "-c", program], 60)
    assert cost.found == {"clusters": 3}
    assert cost.peak_mib >= 47
    assert cost.seconds > 0


def test_a_process_that_takes_too_long_is_stopped():
    cost = _run([sys.executable, "-c", "import time; time.sleep(60)"], 0.5)
    assert cost.failure.startswith("stopped")
    assert cost.seconds < 30


def test_a_process_that_fails_says_why():
    cost = _run([sys.executable, "-c", "raise ValueError('no data')"], 60)
    assert cost.failure == "failed: ValueError: no data"


def test_an_engine_that_was_not_run_has_no_figures():
    assert _engine_row("recordlinkage", None, None)[1] == "not run"


def test_towns_side_by_side_share_no_block(tmp_path: Path):
    pairs = []
    for towns in (1, 2):
        made = workloads.material(tmp_path, 400 * towns, towns)
        found = workloads.ours(tmp_path)
        pairs.append(found["candidate_pairs"] / made["records"])
        assert found["clusters"] > 0
    assert 0.7 < pairs[1] / pairs[0] < 1.4
