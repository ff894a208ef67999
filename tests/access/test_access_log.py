"""An access is given only when its entry is kept."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event, func, select, text

from api.db.engine import open_database, reading, writing
from api.db.models import Access
from api.services.access import chain
from api.services.access.access_log import (
    LARGEST_BATCH,
    AccessEntry,
    AccessLog,
    AccessLogError,
    enter_command,
)
from tests.access.conftest import NOW

ENTRY = AccessEntry(
    at=NOW,
    by="census",
    route="GET /v1/children/{child_id}",
    about=("C1", "C2"),
    status=200,
    request="r1",
    purpose="early_years",
    key=3,
)


def count(aside: Engine) -> int:
    with reading(aside) as connection:
        return connection.scalar(select(func.count()).select_from(Access)) or 0


def good(aside: Engine) -> int:
    with reading(aside) as connection:
        last, broken = chain.verify(connection, Access)
    assert broken is None
    return last.entries


def test_an_entry_is_kept_when_entering_returns(aside: Engine) -> None:
    with AccessLog(aside) as log:
        log.enter(ENTRY)
        with reading(aside) as connection:
            row = connection.execute(select(Access.__table__)).one()
    assert (row.by, row.key, row.purpose) == ("census", 3, "early_years")
    assert (row.route, row.about, row.status) == (ENTRY.route, ["C1", "C2"], 200)


def test_entries_of_many_requests_at_once_are_all_kept_in_one_chain(aside: Engine) -> None:
    entries = [replace(ENTRY, request=str(number)) for number in range(400)]
    with AccessLog(aside) as log, ThreadPoolExecutor(16) as pool:
        list(pool.map(log.enter, entries))
    assert good(aside) == 400


def test_entries_that_wait_are_written_together(aside: Engine) -> None:
    commits = 0

    def committed(_: object) -> None:
        nonlocal commits
        commits += 1

    event.listen(aside, "commit", committed)
    with AccessLog(aside) as log:
        with writing(aside) as other:
            # On PostgreSQL the chain's lock is what the writer waits for, on SQLite the file's.
            chain.append(other, Access, [])
            futures = [log.submit(ENTRY) for _ in range(LARGEST_BATCH)]
        for future in futures:
            future.result()
    assert good(aside) == LARGEST_BATCH
    # That of the other one, of the entries that came while it began, and of the rest.
    assert commits <= 4


def test_closing_writes_what_waits_and_then_takes_no_more(aside: Engine) -> None:
    log = AccessLog(aside)
    futures = [log.submit(ENTRY) for _ in range(50)]
    log.close()
    assert all(future.done() and future.exception() is None for future in futures)
    assert count(aside) == 50
    with pytest.raises(AccessLogError, match="closed"):
        log.enter(ENTRY)
    log.close()


def test_a_log_that_cannot_be_written_is_told_to_everybody_who_waits(aside: Engine) -> None:
    with writing(aside) as connection:
        connection.execute(text("DROP TABLE access"))
    with AccessLog(aside) as log:
        futures = [log.submit(ENTRY) for _ in range(3)]
        for future in futures:
            with pytest.raises(AccessLogError, match="nothing personal is shown"):
                future.result()


def test_a_log_that_failed_goes_on_when_it_can(aside: Engine) -> None:
    with AccessLog(aside) as log:
        with writing(aside) as connection:
            connection.execute(text("ALTER TABLE access RENAME TO elsewhere"))
        with pytest.raises(AccessLogError):
            log.enter(ENTRY)
        with writing(aside) as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO access"))
        log.enter(ENTRY)
    assert good(aside) == 1


def test_an_entry_that_cannot_be_written_does_not_take_others_with_it(aside: Engine) -> None:
    unwritable = replace(ENTRY, about=(object(),))  # type: ignore[arg-type]
    with AccessLog(aside) as log:
        futures = [log.submit(one) for one in (ENTRY, unwritable, ENTRY)]
        futures[0].result()
        with pytest.raises(AccessLogError):
            futures[1].result()
        futures[2].result()
    assert good(aside) == 2


def test_several_processes_write_one_chain(engine: Engine, aside: Engine) -> None:
    def work(_: int) -> None:
        url = aside.url.render_as_string(hide_password=False)
        own = open_database(url)
        with AccessLog(own) as log:
            for _ in range(10):
                log.enter(ENTRY)
        own.dispose()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    assert good(aside) == 30


def test_it_is_written_while_a_run_holds_the_register(engine: Engine, aside: Engine) -> None:
    with writing(engine), AccessLog(aside) as log:
        log.submit(ENTRY).result(timeout=5)
    assert count(aside) == 1


def test_a_command_that_gives_out_personal_data_is_an_entry(engine: Engine, aside: Engine) -> None:
    enter_command(engine, "matcher export register", by="root", now=NOW)
    with reading(aside) as connection:
        row = connection.execute(select(Access.__table__)).one()
    assert (row.by, row.route, row.about, row.status) == ("root", "matcher export register", [], 0)


def test_its_thread_ends_with_it(aside: Engine) -> None:
    with AccessLog(aside):
        assert any(thread.name == "access-log" for thread in threading.enumerate())
    assert not any(thread.name == "access-log" for thread in threading.enumerate())
