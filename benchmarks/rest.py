"""How soon the API answers other systems, and how many requests it carries, over HTTP.

    python -m benchmarks.rest [--children 270000 | --register FILE.db] [--seconds 10]

An invented town is linked into a SQLite register, which `matcher serve` serves; processes of
their own ask it over kept connections, as systems do, each request with its key, purpose and
entry in the access log. While a run is under way means: while a worker links everything anew.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from api.db.engine import open_database, writing
from api.db.models import Record, Source
from api.services.access.keys import create_key
from api.services.access.roles import Role
from api.services.register.running import run_register
from api.services.register.values import values_now
from benchmarks.serving import made, rules_in_use, served
from benchmarks.tables import Table
from matcher.rules.library import LinkageRules
from matcher.standardise import standardise_record

Ask = tuple[str, str, bytes | None]
PURPOSE = "early_years"
ASKERS = 4


@dataclass(frozen=True)
class Target:
    """What is asked, how often at most, and the p95 in milliseconds that it should keep."""

    name: str
    asks: Sequence[Ask]
    p95: float


@dataclass(frozen=True)
class Answered:
    """Milliseconds of each request, and requests a second of all askers together."""

    milliseconds: "np.ndarray[Any, Any]"
    per_second: float

    def at(self, share: int) -> float:
        """A percentile."""
        return float(np.percentile(self.milliseconds, share))


def main(arguments: list[str] | None = None) -> int:
    """Reads the arguments, asks, and prints the table."""
    given = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = given.register or made(Path(folder), given.children)
        targets, key = _questions(path)
        rows = []
        with served(path) as port:
            alone = {}
            for target in targets:
                _asked(port, key, target.asks, 1, 2.0)
                alone[target.name] = _asked(port, key, target.asks, 1, given.seconds)
                rows.append(_row(target.name, alone[target.name], target.p95))
            many = _asked(port, key, targets[0].asks, ASKERS, given.seconds)
            rows.append(_row(f"GET child, {ASKERS} askers at once", many, None))
            with _linking(path):
                busy = _asked(port, key, targets[0].asks, 1, given.seconds)
            rows.append(_row("GET child while everything is linked", busy, None))
        ratio = busy.at(95) / alone[targets[0].name].at(95)
        table = Table(
            "The API over HTTP",
            ("request", "p50 ms", "p95 ms", "per second", "target", ""),
            rows,
            notes=[
                f"{many.per_second:,.0f} requests/s sustained (target 300: "
                f"{'PASS' if many.per_second >= 300 else 'miss'})",
                f"p95 while a run is under way: {ratio:.1f} times idle (target 3: "
                f"{'PASS' if ratio <= 3 else 'miss'})",
                f"load of the machine at the end: {os.getloadavg()[0]:.1f}, "
                f"cores: {os.cpu_count()}",
            ],
        )
    print(table.text())
    return 0


def _row(name: str, found: Answered, target: float | None) -> list[str]:
    told = "" if target is None else f"{target:.0f} ms"
    verdict = "" if target is None else "PASS" if found.at(95) <= target else "miss"
    return [
        name,
        f"{found.at(50):.1f}",
        f"{found.at(95):.1f}",
        f"{found.per_second:,.0f}",
        told,
        verdict,
    ]


def _questions(path: Path) -> tuple[list[Target], str]:
    """What is asked of this register, and a key to ask with."""
    engine = open_database(f"sqlite:///{path}")
    with writing(engine) as connection:
        name = f"benchmark-{time.time_ns()}"
        key = create_key(
            connection, name, roles=[Role.SYSTEM, Role.STEWARD], purposes=[PURPOSE],
            unattended=False, per_minute=10_000_000, by="benchmark", now=datetime.now(UTC),
        ).key  # fmt: skip
        with sqlite3.connect(path) as plain:
            some = "WHERE to_run IS NULL ORDER BY random() LIMIT 2000"
            children = [row[0] for row in plain.execute(f"SELECT id FROM child {some}")]
            numbers = [row[0] for row in plain.execute(f"SELECT record FROM membership {some}")]
        found = connection.execute(
            select(Record.id, Source.name, Record.record_id)
            .join(Source, Source.number == Record.source)
            .where(Record.id.in_(numbers))
        )
        keys = {number: (source, record_id) for number, source, record_id in found}
        values = values_now(connection, set(numbers[:500]))
    engine.dispose()
    people = [
        {
            name: said[name]
            for name in ("forename", "surname", "date_of_birth", "postcode")
            if said.get(name)
        }
        for said in values.values()
    ]
    linkage = rules_in_use().book.linkage
    people = [one for one in people if _can_be_found(one, linkage)]
    listed = [{"source": keys[number][0], "record_id": keys[number][1]} for number in numbers]
    bulks = [random.Random(seed).sample(listed, min(1000, len(listed))) for seed in range(10)]
    return [
        Target("GET child", [("GET", f"/v1/children/{one}", None) for one in children], 15),
        Target("POST match", [_post("/v1/match", {"person": one}) for one in people], 50),
        Target(
            "POST search",
            [_post("/v1/children/search", {k: one[k] for k in ("surname", "date_of_birth")})
             for one in people],
            150,
        ),
        Target(
            "POST crosswalk of 1,000",
            [_post("/v1/crosswalk", {"records": bulk, "targets": ["systmone"]}) for bulk in bulks],
            500,
        ),
    ], key  # fmt: skip


def _can_be_found(person: dict[str, str], linkage: LinkageRules) -> bool:
    """Whether names and birthday say something: some records hold placeholders."""
    known = standardise_record(person, linkage.names, linkage.values)
    return all(known.get(name) for name in ("forename", "surname", "date_of_birth"))


def _post(path: str, body: Any) -> Ask:
    return "POST", path, json.dumps(body).encode()


@contextmanager
def _linking(path: Path) -> Iterator[None]:
    """A process that links everything anew, and undoes it at the end, for as long as this."""
    process = multiprocessing.get_context("spawn").Process(target=_link_anew, args=(path,))
    process.start()
    try:
        time.sleep(4)
        yield
        if not process.is_alive():
            raise RuntimeError("linking everything anew failed")
    finally:
        process.terminate()
        process.join(60)


def _link_anew(path: Path) -> None:
    engine = open_database(f"sqlite:///{path}")
    rules = rules_in_use()
    with engine.connect() as connection:
        while True:
            run_register(connection, rules, by="benchmark", now=datetime.now(UTC), anew=True)
            connection.rollback()


def _asked(port: int, key: str, asks: Sequence[Ask], askers: int, seconds: float) -> Answered:
    """Ask for so long, from so many processes at once."""
    with multiprocessing.get_context("spawn").Pool(askers) as pool:
        calls = [(port, key, list(asks), seconds, seed) for seed in range(askers)]
        found = pool.starmap(_ask, calls)
    taken = np.concatenate([one for one, _ in found])
    return Answered(taken, float(sum(len(one) / spent for one, spent in found)))


def _ask(
    port: int, key: str, asks: list[Ask], seconds: float, seed: int
) -> tuple["np.ndarray[Any, Any]", float]:
    chosen = random.Random(seed)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {
        "Authorization": f"Bearer {key}",
        "Purpose": PURPOSE,
        "Content-Type": "application/json",
    }
    taken = []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        method, path, body = chosen.choice(asks)
        start = time.perf_counter()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            told = f"status {answer.status}: {said.decode()}"
            raise RuntimeError(f"{method} {path.split('/')[2]}: {told}")
        taken.append(1000 * (time.perf_counter() - start))
    return np.array(taken), time.perf_counter() - began


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--children", type=int, default=270_000)
    parser.add_argument("--register", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
