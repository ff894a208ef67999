"""Rows of the logs are added, never changed or dropped, whoever asks the database."""

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from api.db.append_only import append_only_tables, protect, unprotect
from api.db.engine import is_sqlite, reading, writing
from api.db.models import Table
from tests.db.rows import counts, fill

LOGS = ["access", "audit"]


def test_both_logs_holds_and_what_headers_were_said_to_mean_are_append_only() -> None:
    assert append_only_tables(Table.metadata) == [*LOGS, "hold", "source_mapping"]


@pytest.mark.parametrize("table", LOGS)
@pytest.mark.parametrize("statement", ["UPDATE {} SET route = 'x'", "DELETE FROM {}"])
def test_the_database_refuses(table: str, statement: str, engine: Engine) -> None:
    with writing(engine) as connection:
        before = fill(connection)
    statement = statement.format(table).replace("route", "by" if table == "audit" else "route")
    with pytest.raises(DBAPIError, match="never changed or dropped"), writing(engine) as connection:
        connection.execute(text(statement.replace(" by ", ' "by" ')))
    with reading(engine) as connection:
        assert counts(connection) == before


@pytest.mark.parametrize("table", LOGS)
def test_no_row_is_put_in_the_place_of_another(table: str, engine: Engine) -> None:
    with writing(engine) as connection:
        fill(connection)
        before = connection.execute(text(f"SELECT * FROM {table}")).all()
    again = f"INTO {table} SELECT * FROM {table} WHERE id = 1"
    statement = f"INSERT OR REPLACE {again}" if is_sqlite(engine) else f"INSERT {again}"
    with pytest.raises(DBAPIError), writing(engine) as connection:
        connection.execute(text(statement))
    with reading(engine) as connection:
        assert connection.execute(text(f"SELECT * FROM {table}")).all() == before


def test_a_log_is_not_emptied_as_a_whole(engine: Engine) -> None:
    truncate = "DELETE FROM audit" if is_sqlite(engine) else "TRUNCATE audit"
    with writing(engine) as connection:
        fill(connection)
    with pytest.raises(DBAPIError, match="never changed or dropped"), writing(engine) as connection:
        connection.execute(text(truncate))


def differences(engine: Engine) -> list[Any]:
    with reading(engine) as connection:
        found: list[Any] = compare_metadata(MigrationContext.configure(connection), Table.metadata)
    return found


def test_a_migration_is_written_for_a_table_that_is_to_be_protected_or_no_more(
    engine: Engine,
) -> None:
    assert differences(engine) == []
    with writing(engine) as connection:
        unprotect(connection, "audit")
        protect(connection, "extract")
    assert differences(engine) == [("keep_append_only", "audit"), ("let_rows_change", "extract")]
