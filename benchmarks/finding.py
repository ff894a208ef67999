"""How soon a person is matched, a search answered and a workbench listed, on both databases.

    python -m benchmarks.finding [--children 270000] [--asked 300]

An invented town is linked into a register, which is then asked as an application would
ask it: each question on a connection of its own, one after another, by one process. The
register on PostgreSQL is a copy of the one on SQLite. On a busy machine compare *cpu ms*,
which leaves out what the PostgreSQL server itself takes.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, func, select, text, update

from api.db.engine import open_database, reading, writing
from api.db.models import Extract, ExtractState, Record, SearchEntry, Source
from api.services.access.caller import Caller
from api.services.access.policy import read_terms, view_of
from api.services.access.roles import Role
from api.services.backup import back_up, restore
from api.services.extracts import receive
from api.services.register.criteria import Criterion
from api.services.register.finding import LARGEST_BATCH, find_persons
from api.services.register.kept_rules import InForce
from api.services.register.resembling import resembling
from api.services.register.running import run_register
from api.services.register.searching import Sort, count_records, search_records
from api.services.register.searching_children import search_children
from api.services.register.states import State
from api.services.register.values import values_now
from api.services.rules import load_rule_book, shipped_model, shipped_rules
from benchmarks.tables import Table
from fixtures.generator import generate
from tests.databases import SqliteFiles, postgres_server

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_PURPOSE = "early_years"
_CALLER = Caller("benchmark", frozenset({Role.REVIEWER}), frozenset({_PURPOSE}), _PURPOSE)
TICKED = (Criterion.SURNAME_4, Criterion.FORENAME_4, Criterion.BORN)


@dataclass(frozen=True)
class Asked:
    """A held record: what it says, as a person who is looked for, and its key."""

    person: dict[str, str]
    record: int
    source: str
    record_id: str

    def said(self, *names: str) -> dict[str, str]:
        """Some of its values."""
        return {name: self.person[name] for name in names}


Question = Callable[[Connection, Asked], object]


def main(arguments: list[str] | None = None) -> None:
    """Makes both registers, asks each, and prints a table for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finding", description=__doc__)
    parser.add_argument("--children", type=int, default=270_000, help="of the invented town")
    parser.add_argument("--asked", type=int, default=300, help="times that each is asked")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, postgres_server() as postgres:
        folder = Path(name)
        embedded = open_database(SqliteFiles(folder).prepared())
        _link_town(embedded, folder, given.children)
        back_up(embedded, folder / "register.zip")
        server = open_database(postgres.empty())
        restore(server, folder / "register.zip")
        with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        for title, engine in (("SQLite", embedded), ("PostgreSQL", server)):
            print(_measured(title, engine, given.asked).text(), end="\n\n", flush=True)
            engine.dispose()


def _link_town(engine: Engine, folder: Path, children: int) -> None:
    book = load_rule_book(shipped_rules())
    counts = generate(children, 1, folder, native=False)
    with writing(engine) as connection:
        for source in sorted(counts):
            received = receive(
                connection,
                source=source,
                path=folder / f"{source}.csv",
                as_of=date(2024, 9, 1),
                mode="snapshot",
                by="benchmark",
                book=book,
                now=NOW,
            )
            own = update(Extract).where(Extract.id == received.extract)
            connection.execute(own.values(state=ExtractState.ACCEPTED))
        run_register(connection, InForce(book, shipped_model(book)), by="benchmark", now=NOW)


def _measured(title: str, engine: Engine, times: int) -> Table:
    with reading(engine) as connection:
        held = connection.scalar(select(func.count()).select_from(SearchEntry))
        asked = _asked(connection, times)
        base = _largest_source(connection)
    rows = [_row(name, engine, question, asked) for name, question in _questions(base).items()]
    batch = [one.person for one in asked][:LARGEST_BATCH]
    rows.append(
        _row(
            f"match a batch of {len(batch):,}",
            engine,
            lambda connection, _: find_persons(connection, batch),
            asked[:3],
        )
    )
    head = ("", "median ms", "p95 ms", "longest ms", "cpu ms")
    return Table(f"{title}, {held:,} records of children", head, rows)


def _asked(connection: Connection, times: int) -> list[Asked]:
    """Records, by chance but the same each time, that say all that is asked for."""
    numbers = list(connection.scalars(select(SearchEntry.record).order_by(SearchEntry.record)))
    some = random.Random(7).sample(numbers, min(len(numbers), 3 * times))
    said = values_now(connection, some)
    query = select(Record.id, Record.record_id).where(Record.id.in_(some))
    key: dict[int, str] = dict(iter(connection.execute(query)))
    needed = {"forename", "surname", "date_of_birth", "postcode", "address"}
    return [
        Asked({n: v for n, v in said[one].items() if n not in ("source", "family_id")},
              one, said[one]["source"], key[one])
        for one in some
        if needed <= said[one].keys() and _can_be_searched(said[one])
    ][:times]  # fmt: skip


def _can_be_searched(said: dict[str, str]) -> bool:
    placeholder = said["date_of_birth"].endswith("-01-01") or said["postcode"].startswith("ZZ")
    return not placeholder and said["forename"].upper().split()[0] not in ("BABY", "TWIN", "INFANT")


def _largest_source(connection: Connection) -> str:
    found: str = connection.execute(
        select(Source.name)
        .join(SearchEntry, SearchEntry.source == Source.number)
        .group_by(Source.name)
        .order_by(func.count().desc())
        .limit(1)
    ).scalar_one()
    return found


def _questions(base: str) -> dict[str, Question]:
    def by_names(connection: Connection, one: Asked) -> object:
        return search_records(connection, one.said("forename", "surname"), TICKED[:2])

    def children_by_surname(connection: Connection, one: Asked) -> object:
        return search_children(connection, one.said("surname"), [Criterion.SURNAME_4])

    def by_everything(connection: Connection, one: Asked) -> object:
        values = one.said("forename", "surname", "date_of_birth", "postcode", "address")
        return search_records(connection, values, [Criterion.FORENAME_4, Criterion.SURNAME_4,
            Criterion.NAMES_SWAPPED, Criterion.BORN, Criterion.POSTCODE])  # fmt: skip

    def workbench(state: State, sort: Sort) -> Question:
        def listed(connection: Connection, one: Asked) -> object:
            return count_records(connection, base), search_records(
                connection, source=base, state=state, sort=sort, after=one.record
            )

        return listed

    def resembles(criteria: Sequence[Criterion]) -> Question:
        def asked(connection: Connection, one: Asked) -> object:
            view = view_of(read_terms(connection), _CALLER, NOW.date())
            return resembling(connection, (one.source, one.record_id), criteria, view=view)

        return asked

    return {
        "match one person": lambda connection, one: find_persons(connection, [one.person]),
        "search by names": by_names,
        "search by date of birth": lambda connection, one: search_records(
            connection, one.said("date_of_birth"), [Criterion.BORN]
        ),
        "search by postcode": lambda connection, one: search_records(
            connection, one.said("postcode")
        ),
        "search by everything": by_everything,
        "children by start of surname": children_by_surname,
        **{
            f"workbench list, {state}, by {sort}": workbench(state, sort)
            for state, sort in (
                (State.ALL, Sort.SURNAME),
                (State.MATCHED, Sort.DATE_OF_BIRTH),
                (State.UNMATCHED, Sort.FORENAME),
                (State.POSSIBLE, Sort.SURNAME),
            )
        },
        "possible matches of a record": resembles(TICKED),
        "possible matches by surname alone": resembles(TICKED[:1]),
    }


def _row(name: str, engine: Engine, question: Question, asked: Sequence[Asked]) -> Sequence[str]:
    walls, cpus = [], []
    for one in asked:
        wall, cpu = time.perf_counter(), time.process_time()
        with reading(engine) as connection:
            question(connection, one)
        walls.append((time.perf_counter() - wall) * 1_000)
        cpus.append((time.process_time() - cpu) * 1_000)
    figures: tuple[Any, ...] = (
        np.median(walls), np.percentile(walls, 95), max(walls), np.median(cpus),
    )  # fmt: skip
    return [name, *(f"{value:,.1f}" for value in figures)]


if __name__ == "__main__":
    main(sys.argv[1:])
