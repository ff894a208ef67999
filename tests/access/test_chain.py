"""What was altered, dropped, put in between or cut off shows, and where first."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, delete, insert, select, text, update

from api.db.append_only import unprotect
from api.db.engine import is_sqlite, open_database, reading, writing
from api.db.models import Audit
from api.services.access import chain
from api.services.access.audit import note_act
from api.services.access.chain import START, Head
from tests.access.conftest import NOW


def note(connection: Connection, number: int) -> None:
    detail = {"rows": number, "share": number / 7, "names": ["Zoë 名", None], 3: {"b": 1, "a": 2}}
    note_act(
        connection,
        "extract_received",
        f"extract {number}",
        by="ada",
        now=NOW + timedelta(microseconds=number),
        detail=detail,  # type: ignore[arg-type]
    )


@pytest.fixture
def log(engine: Engine) -> Iterator[Engine]:
    """Six entries, in a log whose protection somebody has taken away."""
    for number in range(1, 7):
        with writing(engine) as connection:
            note(connection, number)
    with writing(engine) as connection:
        unprotect(connection, "audit")
    yield engine


def verify(engine: Engine, *heads: Head) -> tuple[int, tuple[int, str] | None]:
    """How many entries are good, and the first broken one."""
    with reading(engine) as connection:
        last, broken = chain.verify(connection, Audit, heads)
    return last.entries, (broken.entry, broken.why) if broken else None


def test_a_log_as_it_was_written_is_good_to_its_end(log: Engine) -> None:
    assert verify(log) == (6, None)


def test_an_empty_log_is_good(engine: Engine) -> None:
    assert verify(engine) == (0, None)


def alter_by(connection: Connection) -> None:
    connection.execute(update(Audit).where(Audit.id == 4).values(by="eve"))


def alter_moment(connection: Connection) -> None:
    moved = NOW + timedelta(microseconds=5)
    connection.execute(update(Audit).where(Audit.id == 4).values(at=moved))


def alter_detail(connection: Connection) -> None:
    connection.execute(update(Audit).where(Audit.id == 4).values(detail={}))


def alter_purpose(connection: Connection) -> None:
    connection.execute(update(Audit).where(Audit.id == 4).values(purpose="education"))


def alter_and_seal_again(connection: Connection) -> None:
    row = connection.execute(select(Audit.__table__).where(Audit.id == 4)).one()
    changed = {**row._asdict(), "by": "eve"}
    changed["hash"] = chain._seal(changed)
    connection.execute(update(Audit).where(Audit.id == 4).values(changed))


def drop_one(connection: Connection) -> None:
    connection.execute(delete(Audit).where(Audit.id == 4))


def drop_one_and_close_the_gap(connection: Connection) -> None:
    drop_one(connection)
    for number in (5, 6):
        connection.execute(update(Audit).where(Audit.id == number).values(id=number - 1))


def swap_two(connection: Connection) -> None:
    for old, new in ((4, 99), (5, 4), (99, 5)):
        connection.execute(update(Audit).where(Audit.id == old).values(id=new))


def make_unreadable(connection: Connection) -> None:
    kept = "detail = 'not json'" if is_sqlite(connection) else "hash = 'x'"
    connection.execute(text(f"UPDATE audit SET {kept} WHERE id = 4"))


def make_no_moment(connection: Connection) -> None:
    moment = "'not a date'" if is_sqlite(connection) else "'infinity'"
    connection.execute(text(f"UPDATE audit SET at = {moment} WHERE id = 4"))


@pytest.mark.parametrize(
    "tamper, entry, why",
    [
        (make_unreadable, 4, "altered"),
        (make_no_moment, 4, "altered"),
        (alter_by, 4, "altered"),
        (alter_moment, 4, "altered"),
        (alter_detail, 4, "altered"),
        (alter_purpose, 4, "altered"),
        (alter_and_seal_again, 5, "does not follow"),
        (drop_one, 4, "missing; the next one there is 5"),
        (drop_one_and_close_the_gap, 4, "does not follow"),
        (swap_two, 4, "does not follow"),
    ],
)
def test_the_first_entry_that_is_not_as_it_was_written_is_named(
    tamper: Callable[[Connection], None], entry: int, why: str, log: Engine
) -> None:
    with writing(log) as connection:
        tamper(connection)
    good, broken = verify(log)
    assert good == entry - 1
    assert broken is not None
    assert broken[0] == entry
    assert why in broken[1]


def test_a_log_that_is_not_there_any_more_is_said_to_be_missing(log: Engine) -> None:
    with writing(log) as connection:
        connection.execute(text("ALTER TABLE audit RENAME TO elsewhere"))
    try:
        assert verify(log) == (0, (1, "the log itself is missing"))
    finally:
        with writing(log) as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO audit"))


def test_a_tail_that_was_cut_off_shows_against_a_head_that_was_noted(log: Engine) -> None:
    with reading(log) as connection:
        noted = chain.head(connection, Audit)
    with writing(log) as connection:
        connection.execute(delete(Audit).where(Audit.id > 4))
    assert verify(log) == (4, None)
    good, broken = verify(log, noted)
    assert good == 4
    assert broken is not None
    assert "ends before entry 6" in broken[1]


def test_a_log_that_was_written_anew_as_a_whole_shows_against_a_head_that_was_noted(
    log: Engine,
) -> None:
    with reading(log) as connection:
        noted = chain.head(connection, Audit)
    with writing(log) as connection:
        connection.execute(delete(Audit))
        for number in range(1, 7):
            note(connection, number + 10)
    assert verify(log) == (6, None)
    good, broken = verify(log, noted)
    assert (good, broken and broken[0]) == (5, 6)


def test_a_log_that_went_on_from_a_head_that_was_noted_is_good(log: Engine) -> None:
    with reading(log) as connection:
        noted = chain.head(connection, Audit)
    with writing(log) as connection:
        note(connection, 7)
    assert verify(log, noted, Head(0, START)) == (7, None)


def test_a_head_is_read_as_it_is_printed(log: Engine) -> None:
    with reading(log) as connection:
        noted = chain.head(connection, Audit)
    assert Head.parse(str(noted)) == noted
    for wrong in ("", "6", "6:", "x:" + START, "6:" + START[1:], START, "-1:" + START):
        with pytest.raises(ValueError):
            Head.parse(wrong)


def test_an_act_that_is_undone_leaves_no_entry_and_no_gap(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        note(connection, 1)
        raise ZeroDivisionError
    with writing(engine) as connection:
        note(connection, 2)
    assert verify(engine) == (1, None)


def test_those_who_write_at_once_write_one_chain(engine: Engine) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        own = open_database(engine.url.render_as_string(hide_password=False))
        try:
            for _ in range(5):
                with writing(own) as connection:
                    note(connection, number)
        except BaseException as error:
            failures.append(error)
        own.dispose()

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert verify(engine) == (20, None)


def test_an_entry_says_what_it_was_given(engine: Engine) -> None:
    with writing(engine) as connection:
        note(connection, 1)
        row = connection.execute(select(Audit.__table__)).one()
    assert (row.id, row.by, row.about, row.previous) == (1, "ada", "extract 1", START)
    assert row.detail["names"] == ["Zoë 名", None]


def test_an_entry_that_was_put_in_at_the_end_without_a_seal_shows(log: Engine) -> None:
    with writing(log) as connection:
        last = chain.head(connection, Audit)
        row = {"id": 7, "at": NOW, "by": "eve", "action": "x", "about": "y", "detail": {}}
        connection.execute(insert(Audit).values(**row, previous=last.hash, hash=START))
    assert verify(log) == (6, (7, "what it says was altered"))
