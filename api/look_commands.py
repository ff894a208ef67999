"""Commands that look at a register and change nothing of it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from api import register_screen as screen
from api.arguments import require_writable_file
from api.db.engine import reading
from api.opening import (
    DatabaseOption,
    JsonOption,
    existing_register,
    now,
    print_json,
    user_name,
)
from api.services.access.access_log import enter_command
from api.services.register.exporting import Export
from api.services.register.exporting import export as write_export
from api.services.status import status as status_of

commands = typer.Typer()


@commands.command()
def export(
    what: Annotated[Export, typer.Argument(help="What to write.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A CSV file.")],
    as_of: Annotated[
        int | None,
        typer.Option("--as-of", metavar="RUN", help="As it was after this run. Default: now."),
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Write the crosswalk, the links, the register or the events to a file."""
    require_writable_file(out)
    with existing_register(database) as engine, reading(engine) as connection:
        enter_command(engine, f"matcher export {what}", by=user_name(), now=now())
        rows = write_export(connection, what, out, as_of_run=as_of)
    print(f"{rows:,} rows written to {out}.")


@commands.command()
def status(database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Show what is in the register, and what waits."""
    with existing_register(database) as engine, reading(engine) as connection:
        found = status_of(connection)
    if as_json:
        print_json(asdict(found))
    else:
        screen.show_status(found)
