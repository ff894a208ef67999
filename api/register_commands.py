"""Commands that keep a register over time, in a database."""

import getpass
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from sqlalchemy import Engine

from api import register_screen as screen
from api.arguments import require_file, require_folder, require_writable_file
from api.db.aside import upgrade_aside
from api.db.engine import open_database, reading, writing
from api.db.schema import require_current
from api.db.schema import upgrade as upgrade_tables
from api.logs import configure_logs
from api.services import extracts as extract_steps
from api.services.access.access_log import enter_command
from api.services.backup import back_up
from api.services.backup import restore as restore_backup
from api.services.delivering import Deliverer
from api.services.exports import tidy_exports
from api.services.ingesting import ingest as ingest_extract
from api.services.ingesting import link_what_waits
from api.services.jobs import handlers, queue_extract
from api.services.observe import Recorder
from api.services.register.deciding import decide as enter_decision
from api.services.register.deciding import undo_decision
from api.services.register.exporting import Export
from api.services.register.exporting import export as write_export
from api.services.register.kept_rules import InForce, rules_in_force
from api.services.register.preview import preview as show_preview
from api.services.register.running import relink as relink_all
from api.services.rules import load_rule_book, shipped_model, shipped_rules
from api.services.status import status as status_of
from api.settings import Settings
from api.worker import told_by_signals, work
from matcher.rules.model import load_model

commands = typer.Typer()

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
ExtractArgument = Annotated[int, typer.Argument(metavar="EXTRACT", help="The extract's number.")]
AsOfOption = Annotated[
    datetime,
    typer.Option(
        "--as-of", formats=["%Y-%m-%d"], metavar="DATE", help="The day it was exported, YYYY-MM-DD."
    ),
]


WhyOption = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason.")]
LinkOption = Annotated[
    bool, typer.Option("--link/--link-later", help="Link at once, or when next asked to.")
]


@commands.command()
def ingest(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The system's name.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Its file, folder or zip.")],
    as_of: AsOfOption,
    mode: Annotated[
        Literal["snapshot", "delta"],
        typer.Option(
            help="snapshot: the extract lists all that the source holds. "
            "delta: it lists what changed."
        ),
    ] = "snapshot",
    link: LinkOption = True,
    queue: Annotated[
        bool, typer.Option("--queue", help="Only receive it; a worker does the rest.")
    ] = False,
    database: DatabaseOption = None,
    rules: RulesOption = None,
    model: ModelOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring an extract into the register: look it over, then link what changed.

    An extract that looks implausible waits until a person accepts or refuses it, and the
    exit status is 1.
    """
    if not path.exists():
        raise typer.BadParameter(f"there is no {path}", param_hint="PATH")
    offered = offered_rules(rules, model)
    if queue:
        with register(database) as engine:
            received, job = queue_extract(
                engine,
                offered,
                source=source,
                path=path,
                as_of=as_of.date(),
                mode=mode,
                by=by or user_name(),
            )
        screen.show_queued(received, job, as_json=as_json)
        return
    recorder = Recorder(show=not as_json)
    with register(database) as engine, recorder.live():
        found = ingest_extract(
            engine,
            offered,
            source=source,
            path=path,
            as_of=as_of.date(),
            mode=mode,
            by=by or user_name(),
            observer=recorder,
            link=link,
        )
    if as_json:
        _print_json(screen.ingested_as_dict(found))
    else:
        screen.show_ingested(found, source)
    if found.waits or found.refusal:
        raise typer.Exit(1)


@commands.command()
def accept(extract: ExtractArgument, database: DatabaseOption = None, by: ByOption = None) -> None:
    """Let an extract in that waits for a person; the next run links it."""
    with register(database) as engine, writing(engine) as connection:
        extract_steps.accept(connection, extract, by=by or user_name(), now=_now())
    print(f"Extract {extract} is accepted. Link it with: matcher relink")


@commands.command()
def refuse(
    extract: ExtractArgument,
    why: WhyOption,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Have nothing to do with an extract that waits; its file is dropped."""
    with register(database) as engine, writing(engine) as connection:
        extract_steps.refuse(connection, extract, by=by or user_name(), now=_now(), why=why)
    print(f"Extract {extract} is refused.")


@commands.command()
def withdraw(
    extract: ExtractArgument, database: DatabaseOption = None, by: ByOption = None
) -> None:
    """Take an extract back; the next run undoes what it did."""
    with register(database) as engine, writing(engine) as connection:
        extract_steps.withdraw(connection, extract, by=by or user_name(), now=_now())
    print(f"Extract {extract} is withdrawn. Undo what it did with: matcher relink")


@commands.command()
def decide(
    kind: Annotated[
        Literal["match", "non-match", "cannot-tell"],
        typer.Argument(help="One child, two children, or not to be told."),
    ],
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="One record's source ...")],
    record_id: Annotated[str, typer.Argument(metavar="ID", help="... and its id.")],
    other_source: Annotated[str, typer.Argument(metavar="SOURCE", help="The other's source ...")],
    other_id: Annotated[str, typer.Argument(metavar="ID", help="... and its id.")],
    why: WhyOption,
    link: LinkOption = True,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Say of two records whether they are one child. It holds until a person undoes it."""
    offered = offered_rules(None, None)
    with register(database) as engine:
        with writing(engine) as connection:
            number = enter_decision(
                connection,
                kind=kind.replace("-", "_"),
                one=(source, record_id),
                other=(other_source, other_id),
                why=why,
                by=by or user_name(),
                now=_now(),
            )
        print(f"Decision {number} is entered. To take it back: matcher undo {number} --why TEXT")
        _link(engine, offered, by, link)


@commands.command()
def undo(
    decision: Annotated[int, typer.Argument(metavar="DECISION", help="The decision's number.")],
    why: WhyOption,
    link: LinkOption = True,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Take a decision back; the register is then as if it had not been made."""
    offered = offered_rules(None, None)
    with register(database) as engine:
        with writing(engine) as connection:
            undo_decision(connection, decision, why=why, by=by or user_name(), now=_now())
        print(f"Decision {decision} is taken back.")
        _link(engine, offered, by, link)


@commands.command()
def relink(
    rules: Annotated[
        Path | None,
        typer.Option("--rules", metavar="DIR", help="Rules to put in force. Default: the same."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option("--model", metavar="FILE", help="A model to put in force."),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Only show what it would do; change nothing.")
    ] = False,
    after_run: Annotated[
        int | None,
        typer.Option(
            "--after-run", metavar="RUN", help="Only if this is still the last run, as previewed."
        ),
    ] = None,
    database: DatabaseOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Link what waits; or, with other rules or another model, everything by those."""
    offered = offered_rules(rules, model)
    recorder = Recorder(show=not as_json)
    with register(database) as engine, recorder.live():
        if preview:
            with reading(engine) as connection:
                chosen = offered if rules or model else rules_in_force(connection, offered)
                shown = show_preview(connection, chosen, observer=recorder)
        elif rules or model:
            with writing(engine) as connection:
                runs = [
                    relink_all(
                        connection,
                        offered,
                        by=by or user_name(),
                        now=_now(),
                        after_run=after_run,
                        observer=recorder,
                    )
                ]
        else:
            runs = link_what_waits(engine, offered, by=by or user_name(), observer=recorder)
    if preview:
        screen.show_preview(shown, as_json=as_json)
    elif as_json:
        _print_json({"runs": [screen.run_as_dict(run) for run in runs]})
    elif runs:
        screen.show_runs(runs)
    else:
        print("Nothing waits to be linked.")


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
    with register(database) as engine, reading(engine) as connection:
        enter_command(engine, f"matcher export {what}", by=user_name(), now=_now())
        rows = write_export(connection, what, out, as_of_run=as_of)
    print(f"{rows:,} rows written to {out}.")


@commands.command()
def status(database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Show what is in the register, and what waits."""
    with register(database) as engine, reading(engine) as connection:
        found = status_of(connection)
    if as_json:
        _print_json(asdict(found))
    else:
        screen.show_status(found)


@commands.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup to write.")],
    database: DatabaseOption = None,
) -> None:
    """Write everything in the register to one file, while it is in use."""
    require_writable_file(file)
    recorder = Recorder(show=True)
    with register(database) as engine, recorder.live():
        enter_command(engine, "matcher backup", by=user_name(), now=_now())
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
    with register(database) as engine, recorder.live():
        manifest = restore_backup(engine, file, recorder)
    screen.show_manifest(manifest, f"Restored from {file}, and verified")


@commands.command()
def upgrade(database: DatabaseOption = None) -> None:
    """Bring the database's tables to those that this version works with."""
    engine = open_database(database or Settings().database_url)
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
    local = Settings().environment == "local"
    with register(database) as engine, told_by_signals() as stop:
        if with_parent:
            threading.Thread(target=_until_closed, args=(stop,), daemon=True).start()
        deliverer = Deliverer(engine, local=local)
        tidy = partial(tidy_exports, engine)
        work(engine, handlers(offered), stop, beside=deliverer.run, tidy=tidy)


def _until_closed(stop: threading.Event) -> None:
    sys.stdin.buffer.read()
    stop.set()


@contextmanager
def register(database: str | None) -> Iterator[Engine]:
    """The register's database, set up if it is empty."""
    engine = open_database(database or Settings().database_url)
    try:
        require_current(engine)
        yield engine
    finally:
        engine.dispose()


def _link(engine: Engine, offered: InForce, by: str | None, link: bool) -> None:
    if not link:
        print("It takes effect with the next run: matcher relink")
        return
    recorder = Recorder(show=True)
    with recorder.live():
        runs = link_what_waits(engine, offered, by=by or user_name(), observer=recorder)
    screen.show_runs(runs)


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


def _now() -> datetime:
    return datetime.now(UTC)


def _print_json(data: dict[str, Any]) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False, default=str))
