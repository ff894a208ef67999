"""Commands that look at a register and change nothing of it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import pandas as pd
import typer
from sqlalchemy import Connection, Engine

from api import look_screen as screens
from api import register_screen as screen
from api.arguments import number, require_writable_file
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
from api.services.access.caller import Caller
from api.services.access.policy import View, known_purposes, read_terms, view_of
from api.services.access.roles import Role
from api.services.extracts.listing import all_rejects, find_extract, list_extracts
from api.services.output import folder_of
from api.services.register.acts import Key, numbers_of
from api.services.register.begun import begun_in_history
from api.services.register.changes import ChildChange, RecordChange, child_history, record_history
from api.services.register.entered import entered_decisions
from api.services.register.exporting import Export
from api.services.register.exporting import export as write_export
from api.services.register.history import child_of
from api.services.register.queue import QueueItem, queue_counts, waiting_pairs
from api.services.register.viewing import record_number, view_child, view_record
from api.services.runs import list_sources
from api.services.status import status as status_of
from matcher.errors import DataError
from matcher.register.ids import is_child_id

commands = typer.Typer()
extracts = typer.Typer(help="Look at extracts.", invoke_without_command=True)
show = typer.Typer(help="Show a child or a record, with its history.", no_args_is_help=True)

# Entries of a history that are shown at most.
_HISTORY = 1_000

ExtractArgument = Annotated[
    int, typer.Argument(parser=number, metavar="EXTRACT", help="The extract's number.")
]
PurposeOption = Annotated[
    str,
    typer.Option("--purpose", metavar="PURPOSE", help="What you look for, such as early_years."),
]
AsOfRunOption = Annotated[
    int | None,
    typer.Option(
        "--as-of", parser=number, metavar="RUN", help="As it was after this run. Default: now."
    ),
]


@commands.command()
def export(
    what: Annotated[Export, typer.Argument(help="What to write.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A CSV file.")],
    as_of: AsOfRunOption = None,
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


@commands.command()
def queue(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to show.")] = 20,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what waits for a person: conflicts, decisions on other values, possible links."""
    with existing_register(database) as engine, reading(engine) as connection:
        counts = queue_counts(connection)
        found: list[QueueItem] = []
        with _entered(engine, "queue") as about:
            if any(counts.values()):
                found = waiting_pairs(connection, limit=limit)
            keys = {key for one in found for key in (one.l, one.r)}
            keys |= {key for one in found for made in one.clashing for key in (made.l, made.r)}
            about += _records(connection, keys)
    if as_json:
        print_json({"counts": counts, "pairs": [asdict(item) for item in found]})
    else:
        screens.show_queue(found, counts)


@commands.command()
def decisions(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many to show.")] = 50,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the latest decisions of people, and whether each holds."""
    with (
        existing_register(database) as engine,
        reading(engine) as connection,
        _entered(engine, "decisions") as about,
    ):
        found = entered_decisions(connection, limit=limit)
        about += _records(connection, {key for one in found for key in (one.l, one.r)})
    if as_json:
        print_json({"decisions": [asdict(one) for one in found]})
    else:
        screens.show_decisions(found)


@commands.command()
def agreements(database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Show what each source may be used for, on which basis, and until when."""
    with existing_register(database) as engine, reading(engine) as connection:
        found = list_sources(connection, None, now().date())
    if as_json:
        print_json({"sources": [asdict(source) for source in found]})
    else:
        screens.show_sources(found)


@extracts.callback()
def list_all_extracts(
    context: typer.Context,
    source: Annotated[
        str | None, typer.Option("--source", metavar="SOURCE", help="Only those of one source.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many to show.")] = 50,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show extracts, the latest first; or one with its report and rejects."""
    if context.invoked_subcommand is not None:
        return
    with existing_register(database) as engine, reading(engine) as connection:
        found = list_extracts(
            connection, sources=None, source=source, state=None, before=None, limit=limit
        )
    if as_json:
        print_json({"extracts": [asdict(one) for one in found]})
    else:
        screens.show_extracts(found)


@extracts.command("show")
def show_one_extract(
    extract: ExtractArgument, database: DatabaseOption = None, as_json: JsonOption = False
) -> None:
    """Show an extract's data-quality report, and why it waits if it does."""
    with existing_register(database) as engine, reading(engine) as connection:
        found = find_extract(connection, extract, sources=None)
    if found is None:
        raise DataError(f"there is no extract {extract}")
    if as_json:
        print_json(asdict(found))
    else:
        screens.show_extract(found)


@extracts.command("rejects")
def show_extract_rejects(
    extract: ExtractArgument,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A CSV file to write them to.")
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Show where in an extract rows could not become records, and why."""
    if out is not None:
        require_writable_file(out)
    with existing_register(database) as engine:
        with reading(engine) as connection:
            if find_extract(connection, extract, sources=None) is None:
                raise DataError(f"there is no extract {extract}")
        if out is None:
            every = (one for piece in all_rejects(engine, extract) for one in piece)
            screens.show_rejects(every, extract)
            return
        columns = ["file", "row", "column", "code", "message"]
        frames = (
            pd.DataFrame([asdict(one) for one in piece], columns=columns)
            for piece in all_rejects(engine, extract)
        )
        with folder_of(out) as folder:
            folder.pieces(out.name, columns, frames)
    print(f"Rejects of extract {extract} written to {out}.")


_Change = TypeVar("_Change", ChildChange, RecordChange)


@show.command("child")
def show_one_child(
    child: Annotated[str, typer.Argument(metavar="CHILD", help="The child's id.")],
    purpose: PurposeOption,
    as_of: AsOfRunOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a child: where its id leads, its values, records and history."""
    with existing_register(database) as engine, reading(engine) as connection:
        view = _view(connection, purpose)
        with _entered(engine, "show child", purpose) as about:
            about += [child] if is_child_id(child) else []
            found = view_child(connection, view, child, as_of_run=as_of)
            if found is None:
                if as_of is not None and view_child(connection, view, child) is not None:
                    raise DataError(f"the child began after run {as_of}")
                raise DataError("no child has or had this id; check it")
            history = _until(as_of, child_history(connection, view, child, limit=_HISTORY))
            about += [*found.standing.successors, *(f"record {x.record}" for x in found.records)]
            about += [other for entry in history for other in entry.children]
        known = begun_in_history(connection, child, history)
    if as_json:
        print_json(asdict(found) | {"history": [asdict(entry) for entry in history]})
    else:
        screens.show_child(found, history, known)


@show.command("record")
def show_one_record(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The record's source.")],
    record_id: Annotated[str, typer.Argument(metavar="ID", help="Its id there.")],
    purpose: PurposeOption,
    as_of: AsOfRunOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a record: what it says, the child it belongs to, and its history."""
    with existing_register(database) as engine, reading(engine) as connection:
        view = _view(connection, purpose)
        with _entered(engine, "show record", purpose) as about:
            about += _records(connection, [(source, record_id)])
            view.require_named(source)
            number = record_number(connection, source, record_id)
            if number is None:
                raise DataError(f"{source} has no record with this id; check both")
            found = view_record(connection, view, source, record_id, as_of_run=as_of)
            child = child_of(connection, source, record_id, as_of_run=as_of)
            every = record_history(connection, view, source, number, limit=_HISTORY)
            history = _until(as_of, every)
            about += [one for one in (child, *(entry.child_id for entry in history)) if one]
    if as_json:
        shown = None if found is None else asdict(found)
        entries = [asdict(entry) for entry in history]
        print_json({"record": shown, "child_id": child, "history": entries})
    else:
        screens.show_record(found, child, history)


@contextmanager
def _entered(engine: Engine, command: str, purpose: str | None = None) -> Iterator[list[str]]:
    """Ids that a command tells of: entered in the access log before it tells anything of them."""
    about: list[str] = []
    try:
        yield about
    finally:
        enter_command(
            engine, f"matcher {command}", by=user_name(), now=now(), purpose=purpose, about=about
        )


def _records(connection: Connection, keys: Collection[Key]) -> list[str]:
    """Records as the logs call them."""
    return [f"record {number}" for number in sorted(numbers_of(connection, keys).values())]


def _until(run: int | None, history: list[_Change]) -> list[_Change]:
    return [one for one in history if run is None or one.run <= run]


def _view(connection: Connection, purpose: str) -> View:
    """What may be seen for a purpose by whoever may read the database; no shielded places."""
    terms = read_terms(connection)
    known = known_purposes(terms)
    if purpose not in known:
        may = f"they may be for {', '.join(known)}" if known else "it has none yet"
        raise DataError(f"no source in the register may be used for this purpose; {may}")
    caller = Caller(user_name(), frozenset({Role.STEWARD}), frozenset({purpose}), purpose)
    return view_of(terms, caller, now().date())
