"""Transactions behave alike on both databases."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from api.db.engine import open_database, reading, writing
from api.db.errors import DatabaseError
from api.db.models import Reject, RuleSet, Source

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def add(connection: Connection, name: str) -> None:
    connection.execute(
        insert(Source).values(name=name, title="A source", one_record_per_child=False)
    )


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(Source)) or 0


def test_what_is_written_is_there_afterwards(engine: Engine) -> None:
    with writing(engine) as connection:
        add(connection, "estart")
    with reading(engine) as connection:
        assert count(connection) == 1


def test_an_exception_undoes_the_whole_transaction_tables_included(engine: Engine) -> None:
    with pytest.raises(RuntimeError), writing(engine) as connection:
        add(connection, "estart")
        connection.execute(text("CREATE TABLE extra (x INTEGER)"))
        raise RuntimeError
    with reading(engine) as connection:
        assert count(connection) == 0
        assert not engine.dialect.has_table(connection, "extra")


def test_a_reader_sees_one_state_throughout_and_does_not_wait(engine: Engine) -> None:
    with reading(engine) as reader:
        assert count(reader) == 0
        with writing(engine) as writer:
            add(writer, "estart")
            assert count(reader) == 0
        assert count(reader) == 0
    with reading(engine) as reader:
        assert count(reader) == 1


def test_what_a_reader_writes_is_not_kept(engine: Engine) -> None:
    with reading(engine) as reader:
        add(reader, "estart")
    with reading(engine) as reader:
        assert count(reader) == 0


def test_writers_that_read_first_queue_instead_of_failing(engine: Engine) -> None:
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for turn in range(5):
                with writing(engine) as connection:
                    count(connection)
                    time.sleep(0.005)
                    add(connection, f"{name}{turn}")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with reading(engine) as connection:
        assert count(connection) == 20


def test_a_row_without_what_it_refers_to_is_refused(engine: Engine) -> None:
    reject = {"extract": 1, "file": "f", "row": 1, "column": "c", "code": "x", "message": "m"}
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(insert(Reject).values(reject))


def test_a_refused_row_is_told_without_its_values(engine: Engine) -> None:
    row = {"hash": "Quillfeather", "files": {}, "first_used_at": NOW}
    with pytest.raises(IntegrityError) as caught, writing(engine) as connection:
        connection.execute(insert(RuleSet).values(row))
        connection.execute(insert(RuleSet).values(row))
    assert "rule_set" in str(caught.value)
    assert "Quillfeather" not in f"{caught.value!r} {caught.value} {caught.value.orig}"


def test_any_common_spelling_of_postgresql_is_taken() -> None:
    for scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        assert open_database(f"{scheme}://host/register").driver == "psycopg"


@pytest.mark.parametrize("url", ["", "register.db", "mysql://host/register", "postgresql:/"])
def test_another_url_is_refused_with_the_shapes_that_work(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"sqlite:///register\.db or postgresql://"):
        open_database(url)


def test_a_sqlite_file_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="folder"):
        open_database(f"sqlite:///{tmp_path}/missing/register.db")
