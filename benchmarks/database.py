"""Rows per second into and out of both databases, beside the machine's own raw speed.

Run with ``python -m benchmarks.database [ROWS]``. Raw speed is a plain CSV file of the same
rows, written by the standard library.
"""

import csv
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine, select

from api.db import bulk
from api.db.engine import open_database, reading, writing
from api.db.fetching import fetch_frame
from api.db.models import BlockingKey, Source
from api.services.backup import back_up, restore
from tests.databases import Databases, SqliteFiles, postgres_server

SPREAD = np.random.default_rng(0)


def main() -> None:
    """Measure both databases with a table of numbers and one of text."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name, postgres_server() as postgres:
        folder = Path(name)
        kinds: dict[str, Databases] = {"SQLite": SqliteFiles(folder), "PostgreSQL": postgres}
        for title, material in (("numbers", numbers(rows)), ("text", texts(rows))):
            print(f"{rows:,} rows of {title} ({len(material)} columns), rows per second")
            with measured("plain CSV", rows):
                write_csv(folder / "plain.csv", material)
            for kind, databases in kinds.items():
                measure(kind, databases, material, folder, rows)


def numbers(rows: int) -> dict[str, Any]:
    return {
        "key": SPREAD.integers(-(2**63), 2**63 - 1, rows),
        "record": np.arange(rows),
    }


def texts(rows: int) -> dict[str, Any]:
    titles = pd.Categorical.from_codes(
        SPREAD.integers(0, 5000, rows), [f"a name that is common {n}" for n in range(5000)]
    )
    return {
        "number": np.arange(1, rows + 1),
        "name": [f"one of its own {n}" for n in range(rows)],
        "title": titles,
        "one_record_per_child": SPREAD.integers(0, 2, rows) == 1,
    }


def measure(
    kind: str, databases: Databases, material: dict[str, Any], folder: Path, rows: int
) -> None:
    table: Any = BlockingKey if "record" in material else Source
    engine, other = open_database(databases.prepared()), open_database(databases.prepared())
    with measured(f"{kind}, in", rows), writing(engine) as connection:
        bulk.insert(connection, table, material)
    with measured(f"{kind}, out as a frame", rows), reading(engine) as connection:
        assert len(fetch_frame(connection, select(table.__table__), plain=["name"])) == rows
    if table is BlockingKey:
        join(kind, engine, rows)
    file = folder / f"{kind}.zip"
    file.unlink(missing_ok=True)
    with measured(f"{kind}, backup", rows):
        back_up(engine, file)
    with measured(f"{kind}, restore with proof", rows):
        restore(other, file)
    engine.dispose()
    other.dispose()


def join(kind: str, engine: Engine, rows: int) -> None:
    wanted = SPREAD.choice(rows, rows // 10, replace=False)
    with measured(f"{kind}, a tenth of them by keys", len(wanted)), reading(engine) as connection:
        keys = bulk.temporary_keys(connection, "wanted", wanted)
        chosen = select(BlockingKey.__table__).join(keys, keys.c.key == BlockingKey.record)
        assert len(fetch_frame(connection, chosen)) == len(wanted)


def write_csv(path: Path, material: dict[str, Any]) -> None:
    columns = [np.asarray(column).tolist() for column in material.values()]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(zip(*columns, strict=True))


@contextmanager
def measured(
    what: str, rows: int, clock: Callable[[], float] = time.perf_counter
) -> Iterator[None]:
    began = clock()
    yield
    print(f"  {what:40} {rows / (clock() - began):>12,.0f}", flush=True)


if __name__ == "__main__":
    main()
