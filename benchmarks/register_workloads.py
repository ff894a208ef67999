"""What the benchmark of the register times, each in a process of its own.

``python -m benchmarks.register_workloads NAME FOLDER URL``: the folder holds the seven files of a
town in ``csv``, the URL names the database. Prints one line of JSON.
"""

import contextlib
import csv
import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, func, insert, select, text, update

from api.db import bulk
from api.db.engine import is_sqlite, open_database, reading, writing
from api.db.models import (
    BlockingKey,
    Child,
    Extract,
    ExtractState,
    Membership,
    Record,
    Run,
    Source,
    Succession,
)
from api.db.schema import upgrade
from api.services.extracts import receive
from api.services.register.history import child_of, find_child, records_of, same_child
from api.services.register.kept_rules import InForce
from api.services.register.running import run_register
from api.services.register.single import put_record
from api.services.rules import load_rule_book, shipped_model, shipped_rules
from benchmarks.workloads import Stages
from matcher.frames import RECORD_COLUMNS
from matcher.progress import Advance

# After everybody in an invented town is born.
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TODAY = date(2026, 1, 1)
BY = "benchmark"
SOURCES = ("estart", "systmone", "school_census", "caf", "swift", "tribal", "t234")
# Deltas of these sizes, in this order; the middle one of those of one size counts.
DELTAS = (1_000, 1_000, 1_000, 100, 10_000)
PUTS = 300
LOOKUPS = 500
# A history as long as any: times that a record changed its child, and merges one after another.
MOVES = 5_000
MERGES = 999
_RAW_ROWS = 300_000
# What Linux tells peaks in.
_KIB_A_MIB = 1024

Row = dict[str, str]


def machine(_: Path, url: str) -> dict[str, Any]:
    """What the machine does by itself now: sorts, Python's loops, rows into the database."""
    values = np.random.default_rng(0).random(4_000_000)
    with _timed() as sort:
        np.sort(values)
    with _timed() as loop:
        sum(number * number for number in range(5_000_000))
    engine = _opened(url)
    rows = {"key": np.arange(_RAW_ROWS), "record": np.arange(_RAW_ROWS)}
    with contextlib.suppress(_Undo), writing(engine) as connection:
        with _timed() as inserted:
            bulk.insert(connection, BlockingKey, rows)
        raise _Undo
    return {
        "sort_s": sort(),
        "loop_s": loop(),
        "rows_per_s": _RAW_ROWS / inserted(),
        "load": os.getloadavg()[0],
    }


class _Undo(Exception):  # noqa: N818
    """Ends a transaction of which nothing is to stay."""


class _Peaks(Stages):
    """Keeps also the most memory, in MiB, that was used until the end of each stage."""

    def __init__(self) -> None:
        super().__init__()
        self.peak_mib: dict[str, int] = {}

    @contextlib.contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Time a stage."""
        with super().stage(name, total) as advance:
            yield advance
        self.peak_mib[name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _KIB_A_MIB


def load(folder: Path, url: str) -> dict[str, Any]:
    """Extracts of all sources to a committed register, in one run."""
    rules, stages, engine = _rules(), _Peaks(), _opened(url)
    begun = time.perf_counter()
    with writing(engine) as connection:
        with stages.stage("receive"):
            for source in SOURCES:
                _accept(connection, rules, source, folder / "csv" / f"{source}.csv", "snapshot")
        (result,) = run_register(connection, rules, by=BY, now=NOW, observer=stages)
        records = connection.scalar(select(func.count()).select_from(Record))
    if not is_sqlite(engine):
        # What its own housekeeping does in the first minute.
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    return {
        "seconds": time.perf_counter() - begun,
        "records": records,
        "children": result.outcome.children.founded,
        "stages": _summed(stages.seconds),
        "peaks_mib": stages.peak_mib,
    }


def _summed(seconds: dict[str, float]) -> dict[str, float]:
    """Stages of single extracts under one name."""
    found: dict[str, float] = {}
    for name, took in seconds.items():
        one = name.rstrip("0123456789 ") + ("s" if name[-1].isdigit() else "")
        found[one] = found.get(one, 0.0) + took
    return found


def deltas(folder: Path, url: str) -> dict[str, Any]:
    """Changes of one source: of ten, seven moved home and three are new."""
    rules, engine = _rules(), _opened(url)
    people, draw = _people(folder, "systmone"), random.Random(1)
    found: dict[str, list[float]] = {}
    for number, size in enumerate(size for size in DELTAS if size <= len(people)):
        path = folder / f"delta-{number}.csv"
        _write(path, _changes(people, size, draw, number))
        with _timed() as took, writing(engine) as connection:
            _accept(connection, rules, "systmone", path, "delta")
            run_register(connection, rules, by=BY, now=NOW)
        found.setdefault(str(size), []).append(took())
    return {"seconds": {size: float(np.median(each)) for size, each in found.items()}}


def _changes(people: list[Row], size: int, draw: random.Random, number: int) -> Iterator[Row]:
    for place, person in enumerate(draw.sample(people, size)):
        other = draw.choice(people)
        if place % 10 < 3:
            name = {"forename": other["forename"], "surname": draw.choice(people)["surname"]}
            born = {"date_of_birth": draw.choice(people)["date_of_birth"]}
            key = {"record_id": f"new-{number}-{place}", "nhs_number": "", "upn": ""}
            yield {**person, **name, **born, **key}
        else:
            yield {**person, "address": other["address"], "postcode": other["postcode"]}


def puts(folder: Path, url: str) -> dict[str, Any]:
    """Single records of any source that moved home, each matched and committed by itself."""
    rules, engine = _rules(), _opened(url)
    draw = random.Random(2)
    people = [(source, row) for source in SOURCES for row in _people(folder, source)]
    took, used = [], []
    for source, row in draw.sample(people, min(PUTS, len(people) // 10)):
        said = {name: row[name] for name in RECORD_COLUMNS if row.get(name)}
        values = {name: said[name] for name in said if name not in ("record_id", "as_of")}
        values["postcode"] = draw.choice(people)[1]["postcode"] or values.get("postcode", "")
        began = time.process_time()
        with _timed() as one, writing(engine) as connection:
            put_record(
                connection,
                rules,
                source=source,
                record_id=row["record_id"],
                values={name: value for name, value in values.items() if value},
                as_of=None,
                by=BY,
                now=NOW,
            )
        took.append(one())
        used.append(time.process_time() - began)
    return _milliseconds(took[5:]) | {"cpu_p50_ms": _milliseconds(used[5:])["p50_ms"]}


def lookups(_: Path, url: str) -> dict[str, Any]:
    """Who a record's child is and was, and what became of old ids, at the longest histories."""
    engine = _opened(url)
    with writing(engine) as connection:
        history = _history(connection)
    draw = random.Random(3)
    with reading(engine) as connection:
        some = [
            tuple(row)
            for row in connection.execute(
                select(Source.name, Record.record_id)
                .join(Source, Source.number == Record.source)
                .limit(20 * LOOKUPS)
            )
        ]
        keys = [*draw.sample(some, min(LOOKUPS, len(some))), *[history.key] * 50]
        runs = [draw.randint(1, history.last_run) for _ in keys]
        each: dict[str, list[Callable[[], object]]] = {
            "crosswalk": [_asks(same_child, connection, *key, into="estart") for key in keys],
            "crosswalk as of a run": [
                _asks(same_child, connection, *key, into="estart", as_of_run=run)
                for key, run in zip(keys, runs, strict=True)
            ],
            "child as of a run": [
                _asks(child_of, connection, *key, as_of_run=run)
                for key, run in zip(keys, runs, strict=True)
            ],
            f"records of a child of {MOVES:,} memberships": [
                _asks(records_of, connection, history.child, as_of_run=run) for run in runs[:50]
            ],
            f"an id {MERGES} merges ago": [_asks(find_child, connection, history.oldest)] * 50,
        }
        return {"lookups": {name: _asked(questions) for name, questions in each.items()}}


class _History:
    """A record that changed its child at every run, and an id that was merged at every run."""

    def __init__(self, key: tuple[str, str], child: str, oldest: str, last_run: int) -> None:
        self.key, self.child, self.oldest, self.last_run = key, child, oldest, last_run


def _history(connection: Connection) -> _History:
    last = connection.execute(select(Run.__table__).order_by(Run.id.desc()).limit(1)).one()
    base = {name: value for name, value in last._mapping.items() if name != "id"}
    connection.execute(insert(Run), [base] * MOVES)
    runs = np.array(sorted(connection.scalars(select(Run.id)).all())[-MOVES:])
    record, home = connection.execute(
        select(Membership.record, Membership.child).where(Membership.to_run.is_(None)).limit(1)
    ).one()
    moved = (Membership.record == record) & Membership.to_run.is_(None)
    connection.execute(update(Membership).where(moved).values(to_run=int(runs[0])))
    chain = [f"past-{number}" for number in range(MERGES)]
    bulk.insert(
        connection,
        Child,
        {"id": chain, "from_run": runs[:MERGES], "to_run": runs[1 : MERGES + 1]},
    )
    bulk.insert(
        connection,
        Succession,
        {"run": runs[1 : MERGES + 1], "kind": "merged", "child": chain,
         "successor": [*chain[1:], home]},
    )  # fmt: skip
    bulk.insert(
        connection,
        Membership,
        {"record": record, "from_run": runs[:-1], "to_run": runs[1:],
         "child": [home if at % 2 else chain[0] for at in range(MOVES - 1)]},
    )  # fmt: skip
    connection.execute(
        insert(Membership).values(record=record, from_run=int(runs[-1]), child=home, to_run=None)
    )
    key = connection.execute(
        select(Source.name, Record.record_id)
        .join(Source, Source.number == Record.source)
        .where(Record.id == record)
    ).one()
    return _History((key[0], key[1]), home, chain[0], int(runs[-1]))


def _asks(function: Callable[..., object], *given: Any, **named: Any) -> Callable[[], object]:
    return lambda: function(*given, **named)


def _asked(questions: Iterable[Callable[[], object]]) -> dict[str, float]:
    took = []
    for question in questions:
        with _timed() as one:
            question()
        took.append(one())
    return _milliseconds(took[5:])


def _milliseconds(took: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(took, [50, 95])
    return {"p50_ms": 1000 * float(p50), "p95_ms": 1000 * float(p95)}


@contextlib.contextmanager
def _timed() -> Iterator[Callable[[], float]]:
    """Gives a function that tells, afterwards, how many seconds it took."""
    ended: list[float] = []
    begun = time.perf_counter()
    yield lambda: ended[0] - begun
    ended.append(time.perf_counter())


def _opened(url: str) -> Engine:
    engine = open_database(url)
    upgrade(engine)
    return engine


def _rules() -> InForce:
    book = load_rule_book(shipped_rules())
    return InForce(book, shipped_model(book))


def _accept(connection: Connection, rules: InForce, source: str, path: Path, mode: str) -> None:
    received = receive(
        connection,
        source=source,
        path=path,
        as_of=TODAY,
        mode="delta" if mode == "delta" else "snapshot",
        by=BY,
        book=rules.book,
        now=NOW,
    )
    accepted = update(Extract).where(Extract.id == received.extract)
    connection.execute(accepted.values(state=ExtractState.ACCEPTED))


def _people(folder: Path, source: str) -> list[Row]:
    """Rows of children."""
    with (folder / "csv" / f"{source}.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["role"] != "carer"]


def _write(path: Path, rows: Iterable[Row]) -> None:
    listed = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)


WORKLOADS: dict[str, Callable[[Path, str], dict[str, Any]]] = {
    "machine": machine,
    "load": load,
    "deltas": deltas,
    "puts": puts,
    "lookups": lookups,
}


def main(arguments: list[str]) -> int:
    """NAME FOLDER URL: does the work and prints what it found."""
    name, folder, url = arguments
    with contextlib.redirect_stdout(sys.stderr):
        found = WORKLOADS[name](Path(folder), url)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
