"""Runs migrations on the connection, in the transaction, of whoever asked for them."""

from alembic import context

from api.db.engine import is_sqlite
from api.db.models import Table

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Table.metadata,
    # SQLite can hardly alter a table: it is made anew and its rows are copied.
    render_as_batch=is_sqlite(connection),
)
context.run_migrations()
