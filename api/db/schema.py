"""The tables of a database: which state they are in, and the way to another.

A database names the migration that it is at. It is used only if that is the one that this
version of the software works with; an empty one is set up by the first who opens it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DatabaseError as RefusedByDatabase
from sqlalchemy.exc import OperationalError

from api.db.engine import is_sqlite, reading
from api.db.errors import DatabaseError, SchemaError

MIGRATIONS = Path(__file__).parent / "migrations"

# Any number will do; it is what processes that migrate one PostgreSQL database queue at.
_QUEUE = 7_466_301


@cache
def head() -> str:
    """The migration that this version of the software works with."""
    revision = _scripts().get_current_head()
    assert revision is not None, "the package holds migrations"
    return revision


def current(engine: Engine) -> str | None:
    """The migration that a database is at; None if it holds no table.

    Raises DatabaseError if it cannot be reached, SchemaError if it holds something else.
    """
    with _told_plainly(), reading(engine) as connection:
        return _current(connection)


def require_current(engine: Engine) -> None:
    """Make sure that the tables are those that this version works with.

    An empty database is set up. Raises SchemaError, with the remedy, for any other.
    """
    found = current(engine)
    if found is None:
        upgrade(engine)
    elif found == head():
        return
    elif found in _known():
        raise SchemaError(
            f"the database is at migration {found}, this version works with {head()}; "
            "make a backup, then run: matcher upgrade"
        )
    else:
        raise _too_new(found)


def require_there(engine: Engine) -> None:
    """Raises SchemaError, and makes nothing, where there is no register yet."""
    file = engine.url.database if is_sqlite(engine) else None
    if (file is not None and not Path(file).is_file()) or current(engine) is None:
        raise SchemaError(
            "there is no register in this database; check --database or MATCHER_DATABASE_URL, "
            "or begin one with: matcher ingest"
        )


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the tables to a later migration, all of it or nothing."""
    with _told_plainly(), _migrating(engine) as connection:
        found = _current(connection)
        if found is not None and found not in _known():
            raise _too_new(found)
        command.upgrade(configuration(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Bring the tables back to an earlier migration; "base" is before all of them."""
    with _told_plainly(), _migrating(engine) as connection:
        command.downgrade(configuration(connection), revision)


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration, which needs no file. ``connection`` is in a transaction."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """A transaction in which tables may be made anew under others that refer to them."""
    with engine.connect() as connection:
        if not is_sqlite(connection):
            with connection.begin():
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_QUEUE})"))
                yield connection
            return
        driver = connection.connection
        # Only outside of a transaction can this be switched.
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
                if connection.execute(text("PRAGMA foreign_key_check")).first() is not None:
                    raise SchemaError("a migration would leave rows that refer to none; undone")
        finally:
            driver.execute("PRAGMA foreign_keys = ON")


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Say what a driver's errors mean here, without what they quote."""
    try:
        yield
    except OperationalError as error:
        raise DatabaseError(
            "the database cannot be reached or written to; check its URL, that it is running "
            f"and who may use it ({type(error.orig).__name__})"
        ) from None
    except RefusedByDatabase as error:
        if "file is not a database" in str(error.orig):
            raise SchemaError("the file is not a database; name another one") from None
        if "malformed" in str(error.orig):
            raise SchemaError(
                "the database is damaged; leave it as it is, and put back a backup of it with "
                "matcher restore"
            ) from None
        raise


def _current(connection: Connection) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None and set(inspect(connection).get_table_names()) - {"alembic_version"}:
        raise SchemaError("the database holds tables of something else; name another one")
    return revision


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(configuration())


def _known() -> set[str]:
    return {script.revision for script in _scripts().walk_revisions()}


def _too_new(found: str) -> SchemaError:
    return SchemaError(
        f"the database is at migration {found}, which this version ({head()}) does not know; "
        "use the version of the software that made it, or a later one"
    )
