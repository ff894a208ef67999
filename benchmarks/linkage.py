"""How fast linking is and how much memory it takes, beside the peers, in one run.

    python -m benchmarks.linkage --records 100000 1000000

Every workload runs in a process of its own, so that its peak memory is its own; this
process stays small for the same reason. See README.md for what each figure means.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.tables import NOTHING, Table

ENGINES = {"ours": "this", "splink": "Splink on DuckDB", "recordlinkage": "recordlinkage"}
NOT_RUN = "not run"


@dataclass(frozen=True)
class Cost:
    """Wall and processor seconds, peak memory, and what the process said; or why not."""

    seconds: float
    cpu_seconds: float
    peak_mib: int
    found: dict[str, Any] = field(default_factory=dict)
    failure: str = ""

    def stage(self, name: str) -> float:
        """Seconds of a stage, 0 if it had none of that name."""
        return float(self.found.get("stages", {}).get(name, 0.0))

    @property
    def worked(self) -> float:
        """Seconds of all stages: without starting Python and importing."""
        return float(sum(self.found.get("stages", {}).values()))


def main(arguments: list[str] | None = None) -> int:
    """Reads the arguments, runs every workload and prints the tables."""
    given = _parser().parse_args(arguments)
    results: dict[str, Any] = {"engines": [], "scaling": [], "others": {}}
    tables = []
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        tables += [_show(_engines(Path(folder), n, given, results)) for n in given.records]
        if given.scaling:
            tables.append(_show(_scaling(Path(folder), given, results)))
        if not given.engines_only:
            tables.append(_show(_others(Path(folder), given, results)))
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if given.markdown:
        text = "\n\n".join(table.markdown() for table in tables)
        given.markdown.write_text(text + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.linkage", description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--recordlinkage-up-to", type=int, default=100_000, metavar="RECORDS",
                        help="it needs much memory: beyond this it is not run")  # fmt: skip
    parser.add_argument("--scaling", action="store_true",
                        help="one town of 100,000 records against ten side by side")  # fmt: skip
    parser.add_argument("--engines-only", action="store_true",
                        help="without training, lookup and the command")  # fmt: skip
    parser.add_argument("--time-limit", type=float, default=1800, help="seconds for each process")
    parser.add_argument("--repeat", type=int, default=1, help="the fastest of so many runs counts")
    parser.add_argument("--folder", type=Path, help="where to make the data; a temporary folder")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    return parser


def _show(table: Table) -> Table:
    print(table.text() + "\n", flush=True)
    return table


def _engines(
    folder: Path, records: int, given: argparse.Namespace, results: dict[str, Any]
) -> Table:
    """All engines on the records of one town."""
    made = _work("material", folder, given, records, 1)
    _work("prepare_for_peers", folder, given)
    costs: dict[str, Cost | None] = {}
    for engine in given.engines:
        bounded = engine == "recordlinkage" and records > given.recordlinkage_up_to
        costs[engine] = None if bounded else _fastest(engine, folder, given)
    results["engines"] += [
        {"records": made.found.get("records"), "engine": engine, **_as_dict(cost)}
        for engine, cost in costs.items()
    ]
    mine = costs.get("ours")
    rows = [_engine_row(ENGINES[engine], cost, mine) for engine, cost in costs.items()]
    return Table(
        f"{made.found.get('records', 0):,} records of one town, from Parquet to clusters",
        [
            "engine",
            "candidate pairs",
            "clusters",
            "s",
            "s without standardising",
            "cpu s",
            "peak MiB",
            "times as slow",
            "times as much memory",
        ],
        rows,
        [
            "The peers read records that the core has standardised, with blocking keys and",
            "rarities computed; ours is compared to them without standardising, but its memory",
            "is that of the whole run. cpu s includes starting Python.",
        ],
    )


def _engine_row(name: str, cost: Cost | None, mine: Cost | None) -> list[str]:
    if cost is None or cost.failure:
        reason = NOT_RUN if cost is None else cost.failure
        return [name, reason, *[NOTHING] * 7]
    bare = cost.worked - cost.stage("standardise")
    ratios = [NOTHING, NOTHING]
    if mine is not None and mine is not cost and not mine.failure:
        ratios = [
            f"{bare / (mine.worked - mine.stage('standardise')):.1f}",
            f"{cost.peak_mib / mine.peak_mib:.1f}",
        ]
    pairs = cost.found.get("candidate_pairs")
    return [
        name,
        NOTHING if pairs is None else f"{pairs:,}",
        f"{cost.found['clusters']:,}",
        f"{cost.worked:.1f}",
        f"{bare:.1f}",
        f"{cost.cpu_seconds:.1f}",
        f"{cost.peak_mib:,}",
        *ratios,
    ]


def _scaling(folder: Path, given: argparse.Namespace, results: dict[str, Any]) -> Table:
    """One, three and ten towns side by side: more records, blocks of the same size."""
    rows: list[list[str]] = []
    first: Cost | None = None
    for towns in (1, 3, 10):
        made = _work("material", folder, given, 100_000 * towns, towns)
        cost = _fastest("ours", folder, given)
        results["scaling"].append({**made.found, **_as_dict(cost)})
        if cost.failure:
            rows.append([f"{towns}", cost.failure, *[NOTHING] * 5])
            continue
        first = first or cost
        records, pairs = made.found["records"], cost.found["candidate_pairs"]
        rows.append(
            [
                f"{towns}",
                f"{records:,}",
                f"{pairs:,}",
                f"{pairs / records:.1f}",
                f"{cost.worked:.1f}",
                f"{cost.worked / first.worked:.1f}",
                f"{cost.peak_mib:,}",
            ]
        )
    return Table(
        "Towns side by side: ten times the records at equal block sizes",
        [
            "towns",
            "records",
            "candidate pairs",
            "pairs per record",
            "s",
            "times one town",
            "peak MiB",
        ],
        rows,
    )


def _others(folder: Path, given: argparse.Namespace, results: dict[str, Any]) -> Table:
    """Training, one record against all, and the command, at the largest size."""
    records = max(given.records)
    made = _work("material", folder, given, records, 1)
    size = f"{made.found.get('records', 0):,} records"
    train = _fastest("training", folder, given)
    look = _fastest("lookup", folder, given)
    files = _work("csv_files", folder, given, records, 1)
    command = _command(folder, given)
    results["others"] = {
        "training": _as_dict(train),
        "lookup": _as_dict(look),
        "matcher_link": {**files.found, **_as_dict(command)},
    }
    found = look.found
    milliseconds = (
        look.failure
        or f"p50 {found['p50_ms']:.1f} ms, p95 {found['p95_ms']:.1f}, p99 {found['p99_ms']:.1f}"
    )
    rows = [
        _other_row(f"training without labels, {size}", train, f"{train.worked:.1f} s"),
        _other_row(f"one record against {size} in memory", look, milliseconds),
        _other_row(
            f"matcher link, {files.found.get('records', 0):,} rows in seven CSV files",
            command,
            f"{command.seconds:.1f} s",
        ),
    ]
    return Table("Other work", ["work", "time", "cpu s of the process", "peak MiB"], rows)


def _other_row(work: str, cost: Cost, time_taken: str) -> list[str]:
    return [work, cost.failure or time_taken, f"{cost.cpu_seconds:.1f}", f"{cost.peak_mib:,}"]


def _command(folder: Path, given: argparse.Namespace) -> Cost:
    """``matcher link`` on seven CSV files, reading and writing included."""
    extracts = [
        f"{path.stem}={path}"
        for path in sorted((folder / "csv").glob("*.csv"))
        if path.stem not in ("truth", "twins", "adoptions")
    ]
    start = "from api.cli import main; main()"
    call = [sys.executable, "-c", start, "link", *extracts, "--out", str(folder / "out"), "--json"]
    return _run(call, given.time_limit)


def _fastest(name: str, folder: Path, given: argparse.Namespace) -> Cost:
    costs = [_work(name, folder, given) for _ in range(given.repeat)]
    return min(costs, key=lambda cost: (bool(cost.failure), cost.worked))


def _work(name: str, folder: Path, given: argparse.Namespace, *numbers: int) -> Cost:
    call = [sys.executable, "-m", "benchmarks.workloads", name, str(folder), *map(str, numbers)]
    cost = _run(call, given.time_limit)
    if cost.failure:
        print(f"{name}: {cost.failure}", file=sys.stderr, flush=True)
    return cost


def _run(call: list[str], limit: float) -> Cost:
    """Runs a process to its end, or kills it at the limit, and tells what it used."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=errors, text=True)
        timer = threading.Timer(limit, process.send_signal, [signal.SIGKILL])
        timer.start()
        said = ""
        if process.stdout:
            with process.stdout as output:
                said = output.read()
        _, status, used = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        complaint = errors.read().strip().splitlines()
    seconds = time.perf_counter() - begun
    failure, found = "", {}
    if process.returncode == -signal.SIGKILL and seconds >= limit:
        failure = f"stopped after {limit:g} s"
    elif process.returncode != 0:
        failure = f"failed: {complaint[-1] if complaint else process.returncode}"
    else:
        lines = said.strip().splitlines()
        with_json = said if said.lstrip().startswith("{") and len(lines) > 1 else lines[-1]
        found = json.loads(with_json)
    peak = used.ru_maxrss // (1024 * 1024 if sys.platform == "darwin" else 1024)
    return Cost(seconds, used.ru_utime + used.ru_stime, peak, found, failure)


def _as_dict(cost: Cost | None) -> dict[str, Any]:
    return {"failure": NOT_RUN} if cost is None else asdict(cost)


if __name__ == "__main__":
    sys.exit(main())
