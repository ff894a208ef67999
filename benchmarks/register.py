"""How fast the register that is kept takes in, changes and tells, on both databases.

    python -m benchmarks.register --records 110000 1000000 --database both

Every step runs in a process of its own (`benchmarks.register_workloads`), so that its peak memory
is its own. See README.md for what each figure means.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.linkage import Cost, _run
from benchmarks.tables import NOTHING, Table
from tests.databases import Databases, SqliteFiles, postgres_server

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
STEPS = ("machine", "load", "deltas", "puts", "lookups")
# From this many records the targets of a million count; below, those of a town.
LARGE = 500_000
LOAD_SECONDS, LARGE_LOAD_SECONDS, PEAK_MIB = 30.0, 300.0, 3 * 1024
DELTA_SHARE, PUT_MS, LOOKUP_MS = 1 / 50, 50.0, 10.0

Costs = dict[str, Cost]


@dataclass(frozen=True)
class Row:
    """One figure on each database; ``best`` is what it must not exceed, if anything."""

    what: str
    figures: list[float | None]
    unit: str
    best: float | None = None
    digits: int = 1

    def cells(self) -> list[str]:
        """What, target, and each figure with whether it meets the target."""
        target = NOTHING if self.best is None else f"{self.best:,.{self.digits}f} {self.unit}"
        return [self.what, target, *(self._cell(figure) for figure in self.figures)]

    def _cell(self, figure: float | None) -> str:
        if figure is None:
            return NOTHING
        shown = f"{figure:,.{self.digits}f} {self.unit}"
        if self.best is None:
            return shown
        return f"{shown} {'PASS' if figure <= self.best else 'miss'}"


def main(arguments: list[str] | None = None) -> int:
    """Reads the arguments, runs every step and prints a table for each size."""
    given = _parser().parse_args(arguments)
    wanted = list(NAMES) if given.database == "both" else [given.database]
    results, tables = [], []
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        for records in given.records:
            folder = Path(name) / str(records)
            folder.mkdir()
            _step("benchmarks.workloads", "csv_files", given, folder, records, 1)
            with _databases(folder, wanted) as databases:
                found = {kind: _measured(folder, databases[kind], given) for kind in wanted}
            table = table_of(records, found)
            print(table.text() + "\n", flush=True)
            tables.append(table)
            results.append({"records": records, **_as_dict(found)})
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if given.markdown:
        text = "\n\n".join(table.markdown() for table in tables)
        given.markdown.write_text(text + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.register", description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[110_000])
    parser.add_argument("--database", choices=[*NAMES, "both"], default="both")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--time-limit", type=float, default=1800, help="seconds for each process")
    parser.add_argument("--folder", type=Path, help="where to make the data; a temporary folder")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    return parser


@contextlib.contextmanager
def _databases(folder: Path, wanted: list[str]) -> Iterator[dict[str, Databases]]:
    with contextlib.ExitStack() as stack:
        found: dict[str, Databases] = {"sqlite": SqliteFiles(folder)}
        if "postgresql" in wanted:
            found["postgresql"] = stack.enter_context(postgres_server())
        yield found


def _measured(folder: Path, databases: Databases, given: argparse.Namespace) -> Costs:
    url = databases.empty()
    return {
        name: _step("benchmarks.register_workloads", name, given, folder, url)
        for name in given.steps
    }


def _step(module: str, name: str, given: argparse.Namespace, folder: Path, *more: Any) -> Cost:
    call = [sys.executable, "-m", module, name, str(folder), *map(str, more)]
    cost = _run(call, given.time_limit)
    if cost.failure:
        print(f"{name}: {cost.failure}", file=sys.stderr, flush=True)
    return cost


def table_of(records: int, found: dict[str, Costs]) -> Table:
    """All figures of one size, a database a column."""
    each = list(found.values())
    loads = [_figure(costs, "load", "seconds") for costs in each]
    seconds = LARGE_LOAD_SECONDS if records >= LARGE else LOAD_SECONDS
    peaks = [float(c["load"].peak_mib) if _figure(c, "load", "seconds") else None for c in each]
    used = [costs["load"].cpu_seconds if took else None
            for costs, took in zip(each, loads, strict=True)]  # fmt: skip
    rows = [
        Row("first load: extracts to committed register", loads, "s", seconds),
        Row("- processor time of the process that does it", used, "s"),
        Row("its peak memory", peaks, "MiB", PEAK_MIB, 0),
    ]
    stages = {name: None for costs in each for name in _of(costs, "load").get("stages", {})}
    rows += [
        Row(f"- {name}", [_figure(costs, "load", "stages", name) for costs in each], "s")
        for name in stages
    ]
    sizes = {size: None for costs in each for size in _of(costs, "deltas").get("seconds", {})}
    for size in sorted(sizes, key=int):
        took = [_figure(costs, "deltas", "seconds", size) for costs in each]
        rows.append(Row(f"delta of {int(size):,}", took, "s", digits=2))
        shares = [t / load if t and load else None for t, load in zip(took, loads, strict=True)]
        best = DELTA_SHARE if size == "1000" and records >= LARGE else None
        rows.append(Row("- share of the first load", shares, "", best, 4))
    put = [Row(f"one record put, {p}", [_figure(c, "puts", f"{p}_ms") for c in each], "ms",
               PUT_MS if p == "p95" else None) for p in ("p50", "p95")]  # fmt: skip
    processor = [_figure(costs, "puts", "cpu_p50_ms") for costs in each]
    rows += [*put, Row("- processor time of it here, p50", processor, "ms")]
    asked = {name: None for costs in each for name in _of(costs, "lookups").get("lookups", {})}
    rows += [
        Row(f"{name}, p95", [_figure(c, "lookups", "lookups", name, "p95_ms") for c in each], "ms",
            LOOKUP_MS) for name in asked
    ]  # fmt: skip
    raw = [("sort 4 million numbers", "sort_s"), ("5 million rounds of a loop", "loop_s")]
    for what, key in raw:
        machine = [_figure(costs, "machine", key) for costs in each]
        rows.append(Row(f"machine: {what}", machine, "s", digits=2))
        ratios = [t / m if t and m else None for t, m in zip(loads, machine, strict=True)]
        rows.append(Row("- first load in times of it", ratios, "", digits=0))
    inserted = [_figure(costs, "machine", "rows_per_s") for costs in each]
    rows.append(Row("machine: rows of two numbers into the database", inserted, "/s", digits=0))
    shown = [row for row in rows if any(figure is not None for figure in row.figures)]
    failures = [f"{NAMES[kind]}, {name}: {cost.failure}" for kind, costs in found.items()
                for name, cost in costs.items() if cost.failure]  # fmt: skip
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load of the last 1, 5, 15 minutes {load}, "
    return Table(
        f"The register at about {records:,} records",
        ["", "target", *(NAMES[kind] for kind in found)],
        [row.cells() for row in shown],
        [when + f"{os.cpu_count()} processors", *failures],
    )


def _of(costs: Costs, step: str) -> dict[str, Any]:
    return costs[step].found if step in costs else {}


def _figure(costs: Costs, step: str, *path: str) -> float | None:
    found: Any = _of(costs, step)
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return None if found is None else float(found)


def _as_dict(found: dict[str, Costs]) -> dict[str, Any]:
    return {
        kind: {name: {"peak_mib": c.peak_mib, "failure": c.failure, **c.found}
               for name, c in costs.items()}
        for kind, costs in found.items()
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
