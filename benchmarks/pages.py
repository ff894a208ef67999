"""How soon pages come, as a browser asks for them, and how large they are.

    python -m benchmarks.pages [--children 270000 | --register FILE.db] [--waiting 50000]

A copy of the register is served by `matcher serve`. In the copy so many pairs wait for a person,
the strongest of those that do not beside those that do. One person is signed in and goes
from page to page over a kept connection; each time is that of all requests that a step takes:
a pair is skipped, and the next one is shown.
"""

import argparse
import os
import random
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np

from api.db.engine import open_database, writing
from api.rest.service import opened
from api.services.access.accounts import add_person
from api.services.access.roles import Role
from api.services.access.signing_in import start_sign_in
from benchmarks.serving import made, rules_in_use, served
from benchmarks.tables import Table

PURPOSE = "early_years"
LARGEST_KB = 150


@dataclass
class Step:
    """What somebody does again and again, with the p95 in milliseconds that it should keep."""

    name: str
    p95: float
    do: Callable[[], httpx.Response]
    taken: list[float] = field(default_factory=list)
    largest: int = 0

    def repeat(self, times: int) -> None:
        """Do it, after a few times that do not count."""
        for number in range(-5, times):
            began = time.perf_counter()
            page = self.do()
            took = 1000 * (time.perf_counter() - began)
            if page.status_code != httpx.codes.OK:
                raise RuntimeError(f"{self.name}: status {page.status_code}")
            if number >= 0:
                self.taken.append(took)
                self.largest = max(self.largest, len(page.content))

    def row(self) -> list[str]:
        """Name, percentiles, target, and the largest page."""
        p50, p95 = (float(one) for one in np.percentile(self.taken, [50, 95]))
        fits = self.largest <= LARGEST_KB * 1000
        return [
            self.name, f"{p50:.0f}", f"{p95:.0f}",
            f"{self.p95:.0f} ms {'PASS' if p95 <= self.p95 else 'miss'}",
            f"{self.largest / 1000:.0f} {'PASS' if fits else 'miss'}",
        ]  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Reads the arguments, goes from page to page, and prints the table."""
    given = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        path = _copy(given.register or made(folder, given.children), folder / "pages.db")
        records, waiting = _let_wait(path, given.waiting)
        cookies = {"sign-in": _signed_in(path)}
        with served(path) as port:
            address = f"http://127.0.0.1:{port}"
            with httpx.Client(
                base_url=address, cookies=cookies, follow_redirects=True, timeout=120
            ) as browser:
                steps = _steps(browser, path)
                for step in steps:
                    step.repeat(given.times)
    table = Table(
        f"Pages over {records:,} records and {waiting:,} pairs that wait",
        ("step", "p50 ms", "p95 ms", "target", f"largest page, kB (at most {LARGEST_KB})"),
        [step.row() for step in steps],
        notes=[f"load of the machine at the end: {os.getloadavg()[0]:.1f}"],
    )
    print(table.text())
    return 0


def _copy(register: Path, path: Path) -> Path:
    with sqlite3.connect(register) as source, sqlite3.connect(path) as copy:
        source.backup(copy)
    return path


def _let_wait(path: Path, wanted: int) -> tuple[int, int]:
    """Let so many pairs wait; how many records there are, and pairs that wait."""
    with sqlite3.connect(path) as plain:
        (held,) = plain.execute("SELECT count(*) FROM pair WHERE waiting = 1").fetchone()
        plain.execute(
            "UPDATE pair SET waiting = 1, turn = -abs(weight) / 100 WHERE (l, r) IN (SELECT l, r "
            "FROM pair WHERE link = 0 AND waiting = 0 AND apart = 0 ORDER BY weight DESC LIMIT ?)",
            (max(wanted - held, 0),),
        )
        plain.execute("ANALYZE")
        (records,) = plain.execute("SELECT count(*) FROM record").fetchone()
        (waiting,) = plain.execute("SELECT count(*) FROM pair WHERE waiting = 1").fetchone()
    return records, waiting


def _signed_in(path: Path) -> str:
    """What a browser is known by in which a reviewer who is an analyst too is signed in."""
    engine, now, name = open_database(f"sqlite:///{path}"), datetime.now(UTC), "benchmark"
    with opened(engine, rules_in_use()) as service:
        with writing(engine) as connection:
            person = add_person(
                connection, name, roles=[Role.REVIEWER, Role.ANALYST], purposes=[PURPOSE],
                by=name, now=now,
            )  # fmt: skip
        return start_sign_in(service.aside, person, name, now=now).token


def _steps(browser: httpx.Client, path: Path) -> list[Step]:
    chosen = random.Random(1)
    with sqlite3.connect(path) as plain:
        some = "SELECT id FROM child WHERE to_run IS NULL ORDER BY random() LIMIT 2000"
        children = [row[0] for row in plain.execute(some)]
        sources = [row[0] for row in plain.execute("SELECT name FROM source ORDER BY name")]
    shown = browser.post("/review/next", data=_form(browser.get("/review").text))

    def skip() -> httpx.Response:
        nonlocal shown
        form = _form(shown.text)
        shown = browser.post(f"{shown.url.path}/skip", data=form)
        return shown

    def show_list() -> httpx.Response:
        state = chosen.choice(["all", "matched", "unmatched", "possible"])
        asked = {"base": chosen.choice(sources), "state": state}
        return browser.get("/matching", params=asked)

    def show_child() -> httpx.Response:
        return browser.get(f"/children/{chosen.choice(children)}")

    return [
        Step("next pair", 150, skip),
        Step("workbench list", 300, show_list),
        Step("child", 200, show_child),
    ]


def _form(text: str) -> dict[str, str]:
    """What the forms of a page carry: against forgery, and for the pair in hand."""
    found = {name: re.search(rf'name="{name}" value="([^"]*)"', text) for name in ("csrf", "token")}
    return {name: said[1] for name, said in found.items() if said is not None}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--children", type=int, default=270_000)
    parser.add_argument("--register", type=Path)
    parser.add_argument("--waiting", type=int, default=50_000)
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="where to put the copy; a temporary folder")
    return parser


if __name__ == "__main__":
    sys.exit(main())
