"""Write the migration from the tables as migrations make them to the tables as modelled.

For those who change the software: ``make migration WHY="Visits have a place"``. Read
what it wrote before it is committed. Until a first release, ``make migration FIRST=1``
writes the first migration anew instead.
"""

import argparse
import hashlib
import re
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy.schema import CreateIndex, CreateTable

from api.db.engine import open_database
from api.db.models import Table
from api.db.schema import MIGRATIONS, configuration, upgrade

_FIRST = "The tables of the register"


def write_migration(why: str) -> Path:
    """Write the next migration; ``why`` becomes its title."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/empty.db")
        if _files():
            upgrade(engine)
        with engine.begin() as connection:
            number = f"{len(_files()) + 1:04}"
            command.revision(
                configuration(connection),
                message=why,
                autogenerate=True,
                # Names the tables too, so that a database made before they changed is
                # not taken for a current one, though the number is the same.
                rev_id=f"{number}_{_digest()[:6]}",
            )
        engine.dispose()
    written = next(path for path in _files() if path.name.startswith(number))
    text = written.read_text(encoding="utf-8")
    written.write_text(re.sub(r"\n *# ###.*", "", text), encoding="utf-8")
    title = re.sub(r"\W+", "_", why).strip("_").lower()[:40].rstrip("_")
    return written.rename(written.with_name(f"{number}_{title}.py"))


def write_first_migration_anew() -> Path:
    """Replace all migrations by one; only as long as no database is worth keeping."""
    for path in _files():
        path.unlink()
    return write_migration(_FIRST)


def _files() -> list[Path]:
    return sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))


def _digest() -> str:
    """SHA-256 of the statements that make the tables as modelled."""
    statements = []
    for table in Table.metadata.sorted_tables:
        statements.append(str(CreateTable(table)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements += [str(CreateIndex(index)) for index in indexes]
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()


def main() -> None:
    """Write a migration, as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m api.db.revise", description=__doc__)
    parser.add_argument("why", nargs="?", help="the title of the next migration")
    parser.add_argument("--first", action="store_true", help="write the first one anew")
    arguments = parser.parse_args()
    if bool(arguments.why) == arguments.first:
        parser.error("say why, or --first")
    print(write_first_migration_anew() if arguments.first else write_migration(arguments.why))


if __name__ == "__main__":
    main()
