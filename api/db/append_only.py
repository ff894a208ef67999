"""Tables to which rows are only added: the database itself refuses to change or drop any.

A model asks for it by ``info={APPEND_ONLY: True}``. `make migration` finds that, as it finds
columns and indexes, and writes ``op.invoke(KeepAppendOnly("table"))`` into the migration.
"""

from collections.abc import Iterable
from typing import Any

from alembic.autogenerate import comparators, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import UpgradeOps
from alembic.util import DispatchPriority
from sqlalchemy import Connection, MetaData, Table, event, text

from api.db.engine import is_sqlite

APPEND_ONLY = "append_only"

_REFUSAL = "rows of this table are never changed or dropped"


def append_only_tables(metadata: MetaData) -> list[str]:
    """Names of the tables that ask for it."""
    return sorted(table.name for table in metadata.tables.values() if table.info.get(APPEND_ONLY))


def protect(connection: Connection, table: str) -> None:
    """From now on, rows can only be added."""
    for statement in _statements(table, sqlite=is_sqlite(connection)):
        connection.execute(text(statement))


def unprotect(connection: Connection, table: str) -> None:
    """Let rows be changed; for migrations, and tests that begin anew."""
    if is_sqlite(connection):
        for act in ("update", "delete", "replace"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{act}"))
    else:
        connection.execute(text(f"DROP FUNCTION IF EXISTS {table}_is_append_only CASCADE"))


def protect_models(metadata: MetaData) -> None:
    """Have the tables protected wherever they are made from the models, as migrations do."""
    for name in append_only_tables(metadata):
        event.listen(metadata.tables[name], "after_create", _when_made)


def _when_made(table: Table, connection: Connection, **_: Any) -> None:
    protect(connection, table.name)


def _statements(table: str, *, sqlite: bool) -> Iterable[str]:
    if sqlite:
        for act in ("update", "delete"):
            yield (
                f"CREATE TRIGGER {table}_no_{act} BEFORE {act.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
            )
        # A row that is put in place of another one is neither changed nor deleted.
        other = f"SELECT 1 FROM {table} WHERE id = NEW.id"  # noqa: S608 - names of ours
        yield (
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS ({other}) "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )
        return
    yield (
        f"CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
    )
    yield (
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_append_only()"
    )


def _protected(connection: Connection) -> set[str]:
    if is_sqlite(connection):
        query = "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE '%_append_only'"
    return {name.strip('"') for name in connection.scalars(text(query))}


class KeepAppendOnly(MigrateOperation):
    """Protects a table, in a migration."""

    def __init__(self, table: str) -> None:
        self.table = table

    def reverse(self) -> "LetRowsChange":
        """For the way down."""
        return LetRowsChange(self.table)

    def to_diff_tuple(self) -> tuple[str, str]:
        """What differs."""
        return "keep_append_only", self.table


class LetRowsChange(MigrateOperation):
    """Ends the protection of a table, in a migration."""

    def __init__(self, table: str) -> None:
        self.table = table

    def reverse(self) -> KeepAppendOnly:
        """For the way down."""
        return KeepAppendOnly(self.table)

    def to_diff_tuple(self) -> tuple[str, str]:
        """What differs."""
        return "let_rows_change", self.table


@Operations.implementation_for(KeepAppendOnly)
def _keep(operations: Operations, operation: KeepAppendOnly) -> None:
    protect(operations.get_bind(), operation.table)


@Operations.implementation_for(LetRowsChange)
def _let(operations: Operations, operation: LetRowsChange) -> None:
    unprotect(operations.get_bind(), operation.table)


@renderers.dispatch_for(KeepAppendOnly)
@renderers.dispatch_for(LetRowsChange)
def _render(context: AutogenContext, operation: KeepAppendOnly | LetRowsChange) -> str:
    # The way up and the way down need one each.
    context.imports.add(f"from {__name__} import KeepAppendOnly, LetRowsChange")
    return f'op.invoke({type(operation).__name__}("{operation.table}"))'


# Last, since the tables must have been made.
@comparators.dispatch_for("schema", priority=DispatchPriority.LAST)
def _compare(context: AutogenContext, upgrade: UpgradeOps, _schemas: object) -> None:
    assert context.connection is not None
    assert isinstance(context.metadata, MetaData)
    wanted, there = set(append_only_tables(context.metadata)), _protected(context.connection)
    upgrade.ops.extend(KeepAppendOnly(name) for name in sorted(wanted - there))
    upgrade.ops.extend(LetRowsChange(name) for name in sorted(there - wanted))
