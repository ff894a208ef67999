"""Commands that look after a register: its copies, its tables and its queued work."""

import os
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from api import register_screen as screen
from api.arguments import number, require_file, require_writable_file
from api.db.aside import upgrade_aside
from api.db.engine import open_database, reading, writing
from api.db.schema import upgrade as upgrade_tables
from api.logs import configure_logs
from api.opening import (
    ByOption,
    DatabaseOption,
    JsonOption,
    ModelOption,
    RulesOption,
    existing_register,
    now,
    offered_rules,
    print_json,
    register,
    user_name,
)
from api.services.access.access_log import enter_command
from api.services.access.audit import note_act
from api.services.backup import back_up
from api.services.backup import restore as restore_backup
from api.services.delivering import Deliverer
from api.services.deprivation import load_lookup
from api.services.exports import tidy_exports
from api.services.jobs import handlers
from api.services.observe import Recorder
from api.services.register.kept_rules import rules_in_force
from api.services.retention.forgetting import sweep
from api.services.work import cancel, jobs_by_id, recent, retry
from api.settings import read_settings
from api.worker import told_by_signals, work
from matcher.errors import DataError

commands = typer.Typer()
jobs = typer.Typer(help="Look after queued work.", invoke_without_command=True)

JobArgument = Annotated[int, typer.Argument(parser=number, metavar="JOB", help="The job's number.")]


@commands.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup to write.")],
    database: DatabaseOption = None,
) -> None:
    """Write everything in the register to one file, while it is in use."""
    require_writable_file(file)
    recorder = Recorder(show=True)
    with existing_register(database) as engine, recorder.live():
        enter_command(engine, "matcher backup", by=user_name(), now=now())
        manifest = back_up(engine, file, recorder)
    screen.show_manifest(manifest, f"Written to {file}")


@commands.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    database: DatabaseOption = None,
) -> None:
    """Read a backup into an empty database, and prove that it is what was written."""
    require_file(file, "FILE")
    recorder = Recorder(show=True)
    engine = open_database(database or read_settings().database_url)
    try:
        with recorder.live():
            manifest = restore_backup(engine, file, recorder)
    finally:
        engine.dispose()
    screen.show_manifest(manifest, f"Restored from {file}, and verified")


@commands.command()
def deprivation(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The published lookup by postcode, as CSV."),
    ],
    database: DatabaseOption = None,
    rules: RulesOption = None,
    by: ByOption = None,
) -> None:
    """Load how deprived each postcode is, to tell how well each part of the area is linked.

    The lookup takes the place of the one before. Nothing that links reads it.
    """
    require_file(file, "FILE")
    offered = offered_rules(rules, None)
    with register(database) as engine, writing(engine) as connection:
        values = rules_in_force(connection, offered).book.linkage.values
        loaded = load_lookup(connection, file, values, by=by or user_name(), now=now())
    print(f"{loaded.postcodes:,} postcodes are known, from {loaded.rows:,} rows.")
    if loaded.left_out:
        print(f"{loaded.left_out:,} rows had no postcode, or no decile from 1 to 10.")
    if loaded.repeated:
        print(f"{loaded.repeated:,} rows said the same again.")


@commands.command()
def upgrade(database: DatabaseOption = None) -> None:
    """Bring the database's tables to those that this version works with."""
    engine = open_database(database or read_settings().database_url)
    upgrade_tables(engine)
    upgrade_aside(engine)
    engine.dispose()
    print("The database is up to date.")


@commands.command()
def worker(
    database: DatabaseOption = None,
    rules: RulesOption = None,
    model: ModelOption = None,
    with_parent: Annotated[
        bool, typer.Option("--with-parent", hidden=True, help="End when standard input does.")
    ] = False,
) -> None:
    """Do queued work until told to stop (Ctrl+C or SIGTERM).

    Several may run on PostgreSQL, one on SQLite. What a worker is at when it ends in any way
    goes on elsewhere, or when it runs again.
    """
    configure_logs(pretty=sys.stderr.isatty())
    offered = offered_rules(rules, model)
    local = read_settings().environment == "local"
    with existing_register(database) as engine, told_by_signals() as stop:
        if with_parent:
            threading.Thread(target=_until_closed, args=(stop,), daemon=True).start()
        deliverer = Deliverer(engine, local=local)

        def tidy() -> None:
            tidy_exports(engine)
            sweep(engine, now())

        work(engine, handlers(offered), stop, beside=deliverer.run, tidy=tidy)


def _until_closed(stop: threading.Event) -> None:
    # Not through a buffer: whoever waits at one holds its lock when the process ends.
    while os.read(sys.stdin.fileno(), 1):
        pass
    stop.set()


@jobs.callback()
def list_jobs(
    context: typer.Context, database: DatabaseOption = None, as_json: JsonOption = False
) -> None:
    """Show the latest queued work, and where each piece stands."""
    if context.invoked_subcommand is not None:
        return
    with existing_register(database) as engine:
        found = recent(engine)
    if as_json:
        print_json({"jobs": [asdict(job) for job in found]})
    elif found:
        screen.show_jobs(found)
    else:
        print("No work was queued yet.")


@jobs.command("retry")
def retry_job(job: JobArgument, database: DatabaseOption = None, by: ByOption = None) -> None:
    """Have a job done again that failed or was cancelled."""
    with existing_register(database) as engine, writing(engine) as connection:
        _require_job(connection, job)
        if not retry(connection, job):
            raise DataError(f"job {job} did not fail, so there is nothing to do again")
        note_act(connection, "job_retried", f"job {job}", by=by or user_name(), now=now())
    print(f"Job {job} waits for a worker again.")


@jobs.command("cancel")
def cancel_job(job: JobArgument, database: DatabaseOption = None, by: ByOption = None) -> None:
    """Cancel a job that waits or runs, or let one be that failed."""
    with existing_register(database) as engine:
        with reading(engine) as connection:
            _require_job(connection, job)
        if not cancel(engine, job):
            raise DataError(f"job {job} is over, so there is nothing to cancel")
        with writing(engine) as connection:
            note_act(connection, "job_cancelled", f"job {job}", by=by or user_name(), now=now())
    print(f"Job {job} is cancelled.")


def _require_job(connection: Connection, job: int) -> None:
    if not jobs_by_id(connection, [job]):
        raise DataError(f"there is no job {job}")
