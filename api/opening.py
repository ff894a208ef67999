"""The register that a command works on, and the options that its commands share."""

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Engine, exists, select
from sqlalchemy.exc import SQLAlchemyError

from api.arguments import require_file, require_folder
from api.db.aside import aside_of, fault_aside, files_of, remove_files
from api.db.engine import open_database, reading
from api.db.models import Audit
from api.db.schema import require_current, require_there
from api.services.register.kept_rules import InForce
from api.services.rules import load_rule_book, shipped_model, shipped_rules
from api.settings import read_settings
from matcher.rules.model import load_model

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="Where the register is kept, for example sqlite:///register.db. "
        "Default: MATCHER_DATABASE_URL, or register.db in this folder.",
        show_default=False,
    ),
]
RulesOption = Annotated[
    Path | None,
    typer.Option(
        "--rules",
        metavar="DIR",
        help="Folder of rules for a register that has none yet. Default: the shipped rules.",
    ),
]
ModelOption = Annotated[
    Path | None,
    typer.Option("--model", metavar="FILE", help="A trained model. Default: the shipped one."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")]
ByOption = Annotated[
    str | None,
    typer.Option("--by", help="Who does this. Default: the name you are logged in with."),
]
WhyOption = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason.")]
LinkOption = Annotated[
    bool, typer.Option("--link/--link-later", help="Link at once, or when next asked to.")
]


@contextmanager
def register(database: str | None) -> Iterator[Engine]:
    """The register's database, set up if it is empty.

    A file that is new is taken away again if what it was made for fails before anything is done.
    """
    engine = open_database(database or read_settings().database_url)
    new = [file for file in files_of(engine) if not file.exists()]
    try:
        require_current(engine)
        _warn_of_aside(engine)
        with aside_of(engine):
            pass  # It is there from the beginning, with the register's mark.
        yield engine
    except BaseException:
        if len(new) == len(files_of(engine)) and _nothing_done(engine):
            engine.dispose()
            remove_files(new)
        raise
    finally:
        engine.dispose()


def _nothing_done(engine: Engine) -> bool:
    """Whether nobody has done anything in a register: every act is in its log."""
    try:
        with reading(engine) as connection:
            return connection.scalar(select(exists(select(Audit.id)))) is False
    except SQLAlchemyError:
        return False


@contextmanager
def existing_register(database: str | None) -> Iterator[Engine]:
    """The register's database; a mistyped name makes no new one. Raises SchemaError."""
    engine = open_database(database or read_settings().database_url)
    try:
        require_there(engine)
        require_current(engine)
        _warn_of_aside(engine)
        yield engine
    finally:
        engine.dispose()


def _warn_of_aside(engine: Engine) -> None:
    fault = fault_aside(engine)
    if fault:
        typer.echo(f"matcher: warning: {fault}", err=True)


def offered_rules(rules: Path | None, model: Path | None) -> InForce:
    """Rules and model that a register begins with: those named, or the shipped ones."""
    require_folder(rules, "--rules")
    require_file(model, "--model")
    book = load_rule_book(rules or shipped_rules())
    return InForce(book, load_model(model, book.linkage.matching) if model else shipped_model(book))


def user_name() -> str:
    """Who is logged in; a machine's own processes may be nobody by name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def print_json(data: dict[str, Any]) -> None:
    """Show a result to programs."""
    print(json.dumps(data, indent=2, ensure_ascii=False, default=str))
