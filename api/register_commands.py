"""Commands that bring extracts into a register, and link it."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer
from sqlalchemy import Connection, Engine

from api import register_screen as screen
from api.arguments import day, number
from api.db.engine import reading, writing
from api.opening import (
    ByOption,
    DatabaseOption,
    JsonOption,
    LinkOption,
    ModelOption,
    RulesOption,
    WhyOption,
    existing_register,
    now,
    offered_rules,
    print_json,
    register,
    user_name,
)
from api.services import extracts as extract_steps
from api.services.extracts.listing import find_extract
from api.services.extracts.validation import accept_as_reported
from api.services.ingesting import ingest as ingest_extract
from api.services.ingesting import link_what_waits
from api.services.jobs import queue_extract
from api.services.observe import Recorder
from api.services.register.kept_rules import InForce, differ_from_last, rules_in_force
from api.services.register.preview import Preview
from api.services.register.preview import preview as preview_rules
from api.services.register.previewed import check_last_run, note_preview, previews_after
from api.services.register.rehearsal import rehearse
from api.services.register.running import RunResult
from api.services.register.running import relink as relink_all
from matcher.errors import DataError
from matcher.progress import Observer

commands = typer.Typer()

ExtractArgument = Annotated[
    int, typer.Argument(parser=number, metavar="EXTRACT", help="The extract's number.")
]
AsOfOption = Annotated[
    date,
    typer.Option(
        "--as-of", parser=day, metavar="DATE", help="The day it was exported, YYYY-MM-DD."
    ),
]


ModeOption = Annotated[
    Literal["snapshot", "delta"],
    typer.Option(
        help="snapshot: the extract lists all that the source holds. delta: it lists what changed."
    ),
]


@commands.command()
def ingest(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The system's name.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Its file, folder or zip.")],
    as_of: AsOfOption,
    mode: ModeOption = "snapshot",
    link: LinkOption = True,
    queue: Annotated[
        bool, typer.Option("--queue", help="Only receive it; a worker does the rest.")
    ] = False,
    new_source: Annotated[
        bool,
        typer.Option("--new-source", help="The source is new: no rule and no extract names it."),
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
                as_of=as_of,
                mode=mode,
                by=by or user_name(),
                new_source=new_source,
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
            as_of=as_of,
            mode=mode,
            by=by or user_name(),
            observer=recorder,
            link=link,
            new_source=new_source,
        )
    if as_json:
        print_json(screen.ingested_as_dict(found))
    else:
        screen.show_ingested(found, source)
    if found.waits or found.refusal:
        raise typer.Exit(1)


@commands.command()
def accept(extract: ExtractArgument, database: DatabaseOption = None, by: ByOption = None) -> None:
    """Let an extract in that waits for a person; the next run links it.

    If the register has changed so that its report does not hold any more, that is made again
    and shown instead.
    """
    with existing_register(database) as engine, writing(engine) as connection:
        book = rules_in_force(connection, offered_rules(None, None)).book
        holds = accept_as_reported(
            connection, extract, book=book, by=by or user_name(), now=now(), cleared=True
        )
        view = None if holds else find_extract(connection, extract, sources=None)
    if view is None:
        print(f"Extract {extract} is accepted. Link it with: matcher relink")
        return
    screen.show_reported_again(view)
    raise typer.Exit(1)


@commands.command()
def refuse(
    extract: ExtractArgument,
    why: WhyOption,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Have nothing to do with an extract that waits; its file is dropped."""
    with existing_register(database) as engine, writing(engine) as connection:
        extract_steps.refuse(connection, extract, by=by or user_name(), now=now(), why=why)
    print(f"Extract {extract} is refused.")


@commands.command()
def withdraw(
    extract: ExtractArgument,
    why: WhyOption,
    database: DatabaseOption = None,
    by: ByOption = None,
) -> None:
    """Take an extract back; the next run undoes what it did."""
    with existing_register(database) as engine, writing(engine) as connection:
        extract_steps.withdraw(connection, extract, by=by or user_name(), now=now(), why=why)
        linked = any(due.extract == extract for due in extract_steps.extracts_due(connection))
    undo = " Undo what it did with: matcher relink" if linked else " It was not linked yet."
    print(f"Extract {extract} is withdrawn.{undo}")


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
            "--after-run",
            parser=number,
            metavar="RUN",
            help="Only what you previewed after this run, if it is still the last one.",
        ),
    ] = None,
    without_preview: Annotated[
        bool,
        typer.Option("--without-preview", help="Put other rules in force that nobody looked at."),
    ] = False,
    database: DatabaseOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Link what waits; or, with other rules or another model, everything by those.

    Other rules are previewed first: --preview, then --after-run as it says.
    """
    if without_preview and (preview or after_run is not None):
        raise typer.BadParameter("it goes with neither --preview nor --after-run")
    offered = offered_rules(rules, model)
    recorder, who = Recorder(show=not as_json), by or user_name()
    with existing_register(database) as engine, recorder.live():
        if preview:
            if after_run is not None:
                with reading(engine) as connection:
                    check_last_run(connection, after_run)
            other = offered if rules or model else None
            shown = _previewed(engine, other, by=who, observer=recorder)
        elif rules or model:
            runs = [_put_in_force(engine, offered, who, recorder, after_run, without_preview)]
        else:
            runs = link_what_waits(engine, offered, by=who, observer=recorder, after_run=after_run)
    if preview:
        screen.show_preview(shown, as_json=as_json)
    elif as_json:
        print_json({"runs": [screen.run_as_dict(run) for run in runs]})
    elif runs:
        screen.show_runs(runs)
    else:
        print("Nothing waits to be linked.")


def _put_in_force(
    engine: Engine,
    offered: InForce,
    who: str,
    observer: Observer,
    after_run: int | None,
    without_preview: bool,
) -> RunResult:
    with writing(engine) as connection:
        if after_run is None and not without_preview:
            _check_same(connection, offered)
        known = None if after_run is None else previews_after(connection, after_run, by=who)
        return relink_all(
            connection, offered, by=who, now=now(), previewed=known, observer=observer
        )


def _check_same(connection: Connection, offered: InForce) -> None:
    """Raises DataError for other rules than those in force, or another model."""
    if any(differ_from_last(connection, offered)):
        raise DataError(
            "these are other rules than those in force, or another model; look at what they would "
            "do: add --preview, and then --after-run RUN with the run that it names. To put them "
            "in force as they are: add --without-preview"
        )


def _previewed(engine: Engine, other: InForce | None, *, by: str, observer: Observer) -> Preview:
    """What a relink would do, by other rules or with what waits; that it was shown is kept."""
    if other is not None:
        with reading(engine) as connection:
            found = preview_rules(connection, other, observer=observer)
    else:
        with writing(engine) as connection:
            found = rehearse(connection, now=now(), observer=observer)
    with writing(engine) as connection:
        note_preview(connection, after_run=found.after_run, mark=found.mark, by=by, now=now())
    return found
