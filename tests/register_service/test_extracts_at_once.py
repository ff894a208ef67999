"""Extracts of one source that are received, validated and linked at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Event
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, Engine, select

from api.db.engine import reading, writing
from api.db.models import Extract, ExtractState, Record, RecordVersion
from api.services.extracts import StateError, accept, receive, refuse, withdraw
from api.services.extracts.states import hold_extract
from api.services.extracts.validation import Validated, validate
from api.services.ingesting import ingest
from api.services.jobs import handlers, queue_extract
from api.services.register.running import run_register
from api.services.work import Pace, run_next
from matcher.progress import Silent
from tests.at_once import overtaken
from tests.register_service.extracts import DAY, NOW, people
from tests.register_service.registers import shipped

BY: Any = {"by": "analyst", "now": NOW}
T = TypeVar("T")


def at_once(*acts: Callable[[], T]) -> list[T]:
    """What each gives, all begun together in threads of their own."""
    ready = Barrier(len(acts))

    def begin(act: Callable[[], T]) -> T:
        ready.wait(timeout=60)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [begun.result(timeout=300) for begun in [pool.submit(begin, act) for act in acts]]


def listed(folder: Path, *numbers: int) -> Path:
    path = folder / f"list-{'-'.join(map(str, numbers[:3]))}-{len(numbers)}.csv"
    rows = [{"record_id": str(n), "forename": f"A{n}"} for n in numbers]
    path.write_text(people(rows), encoding="utf-8")
    return path


def bring(engine: Engine, path: Path, day: int = 0, mode: Any = "snapshot") -> int:
    with writing(engine) as connection:
        return receive(
            connection,
            source="toddlers",
            path=path,
            as_of=DAY + timedelta(days=day),
            mode=mode,
            book=shipped().book,
            **BY,
        ).extract


def check(engine: Engine, extract: int) -> Validated:
    with writing(engine) as connection:
        return validate(connection, extract, book=shipped().book, **BY)


def link(engine: Engine) -> None:
    with writing(engine) as connection:
        run_register(connection, shipped(), **BY)


def extracts(engine: Engine) -> dict[int, Any]:
    with reading(engine) as connection:
        rows = connection.execute(select(Extract.__table__).order_by(Extract.id)).all()
    return {row.id: row for row in rows}


def held(engine: Engine) -> set[str]:
    """Record ids of which something is said now."""
    query = select(Record.record_id).join(RecordVersion).where(RecordVersion.to_run.is_(None))
    with reading(engine) as connection:
        return set(connection.scalars(query))


def test_two_extracts_received_at_once_are_both_kept(engine: Engine, tmp_path: Path) -> None:
    first, second = listed(tmp_path, 1, 2), listed(tmp_path, 1, 2, 3)
    at_once(lambda: bring(engine, first), lambda: bring(engine, second, 1))
    assert {row.state for row in extracts(engine).values()} == {"received"}
    assert len({row.source for row in extracts(engine).values()}) == 1
    assert sorted(row.as_of for row in extracts(engine).values()) == [DAY, DAY + timedelta(days=1)]


@pytest.mark.parametrize("known", [False, True], ids=["of a new source", "of a known source"])
def test_the_same_extract_received_at_once_is_kept_once(
    engine: Engine, tmp_path: Path, known: bool
) -> None:
    if known:
        bring(engine, listed(tmp_path, 1))
    path = listed(tmp_path, 1, 2)
    before = set(extracts(engine))
    found = at_once(*[lambda: bring(engine, path)] * 3)
    assert len(set(found)) == 1 and set(extracts(engine)) - before == set(found)


@pytest.mark.parametrize("turn", range(3))
def test_two_deltas_that_two_workers_take_at_once_are_both_in_the_register(
    engine: Engine, tmp_path: Path, turn: int
) -> None:
    check(engine, bring(engine, listed(tmp_path, *range(60))))
    link(engine)
    two, three = listed(tmp_path, 100, 101), listed(tmp_path, 200, 201, 202)
    at_once(lambda: queue(engine, two), lambda: queue(engine, three))
    at_once(lambda: work(engine, "one"), lambda: work(engine, "two"))
    rows = extracts(engine).values()
    assert [row.state for row in rows] == ["current"] * 3
    assert len({row.run for row in rows}) == 3
    assert len(held(engine)) == 65
    assert sorted(row.report["change"]["new"] for row in rows) == [2, 3, 60]


def queue(engine: Engine, path: Path) -> None:
    queue_extract(
        engine,
        shipped(),
        source="toddlers",
        path=path,
        as_of=DAY + timedelta(days=1),
        mode="delta",
        by="analyst",
        new_source=False,
    )


def work(engine: Engine, name: str) -> None:
    while run_next(engine, handlers(shipped()), name, Event(), Pace()) is not None:
        pass


def test_an_extract_is_compared_with_what_one_leaves_that_is_let_in_at_that_moment(
    engine: Engine, tmp_path: Path
) -> None:
    check(engine, bring(engine, listed(tmp_path, *range(60))))
    link(engine)
    more = bring(engine, listed(tmp_path, *range(100)), 1)
    fewer = bring(engine, listed(tmp_path, *range(50)), 2)
    found = overtaken(
        engine,
        lambda: check(engine, fewer),
        lambda connection: validate(connection, more, book=shipped().book, **BY),
    )
    assert found.report is not None
    assert found.report["waited"] == [more]
    told = found.report["change"]
    assert {name: told[name] for name in ("current", "new", "gone", "unchanged")} == {
        "current": 100,
        "new": 0,
        "gone": 50,
        "unchanged": 50,
    }
    assert found.state == ExtractState.VALIDATED  # half of all that there then is would go
    link(engine)
    states = [row.state for row in extracts(engine).values()]
    assert states == ["superseded", "current", "validated"]
    assert len(held(engine)) == 100


def test_what_two_bring_at_once_is_judged_and_linked_once(engine: Engine, tmp_path: Path) -> None:
    path = listed(tmp_path, *range(60))
    extract = bring(engine, path)

    def judge_and_link(connection: Connection) -> None:
        validate(connection, extract, book=shipped().book, **BY)
        run_register(connection, shipped(), **BY)

    late = overtaken(
        engine,
        lambda: ingest(
            engine,
            shipped(),
            source="toddlers",
            path=path,
            as_of=DAY,
            mode="snapshot",
            by="analyst",
            observer=Silent(),
        ),
        judge_and_link,
    )
    assert (late.extract, late.state, late.unchanged) == (extract, ExtractState.CURRENT, True)
    assert late.runs == []
    (row,) = extracts(engine).values()
    assert (row.state, row.run, row.report["change"]["new"]) == ("current", 1, 60)


def test_what_is_withdrawn_while_a_run_links_it_does_not_stay(
    engine: Engine, tmp_path: Path
) -> None:
    check(engine, bring(engine, listed(tmp_path, *range(60))))
    link(engine)
    extract = bring(engine, listed(tmp_path, 100), 1, "delta")
    check(engine, extract)
    overtaken(
        engine,
        lambda: link(engine),
        lambda connection: withdraw(connection, extract, why="a slip", **BY),
    )
    assert extracts(engine)[extract].state == "withdrawn"
    assert len(held(engine)) == 60


def test_what_is_accepted_while_somebody_refuses_it_stays_accepted(
    engine: Engine, tmp_path: Path
) -> None:
    check(engine, bring(engine, listed(tmp_path, *range(60))))
    link(engine)
    extract = bring(engine, listed(tmp_path, 1), 1)
    assert check(engine, extract).state == ExtractState.VALIDATED

    def let_in(connection: Connection) -> None:
        hold_extract(connection, extract)
        accept(connection, extract, **BY)

    def refuse_it() -> None:
        with writing(engine) as connection:
            refuse(connection, extract, why="a slip", **BY)

    with pytest.raises(StateError, match="is accepted"):
        overtaken(engine, refuse_it, let_in)
    link(engine)
    assert held(engine) == {"1"}
