"""The ``matcher`` command.

Exit status: 0 good, 1 the data or the rules have a problem, 2 the call was wrong.
"""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from api import (
    access_commands,
    act_commands,
    keep_commands,
    look_commands,
    register_commands,
    retention_commands,
    screen,
    service_commands,
)
from api.arguments import (
    parse_extracts,
    require_apart,
    require_costs,
    require_file,
    require_folder,
    require_writable,
    require_writable_file,
    results_in,
)
from api.failures import tell
from api.services import demo as demonstration
from api.services.evaluating import evaluate_files
from api.services.linking import link_extracts, versions
from api.services.observe import Recorder
from api.services.rules import check_rules, load_rule_book, shipped_model, shipped_rules
from api.services.thresholds import advise
from api.services.training import train_model
from matcher.evaluate import as_dict as evaluation_as_dict
from matcher.evaluate import render_text as evaluation_as_text
from matcher.rules.model import load_model
from matcher.thresholds import Costs

app = typer.Typer(
    name="matcher",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
rules_app = typer.Typer(
    help="Look after the rules: source definitions, matching, measures.", no_args_is_help=True
)
app.add_typer(rules_app, name="rules")
app.add_typer(register_commands.commands)
app.add_typer(act_commands.commands)
app.add_typer(look_commands.commands)
app.add_typer(look_commands.extracts, name="extracts")
app.add_typer(look_commands.show, name="show")
app.add_typer(keep_commands.commands)
app.add_typer(keep_commands.jobs, name="jobs")
app.add_typer(retention_commands.commands)
app.add_typer(retention_commands.holds, name="holds")
app.add_typer(retention_commands.erase, name="erase")
app.add_typer(service_commands.commands)
app.add_typer(access_commands.users, name="users")
app.add_typer(access_commands.keys, name="keys")
app.add_typer(access_commands.audit, name="audit")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"matcher {versions()['child-register']}")
        raise typer.Exit


@app.callback()
def matcher(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Link the extracts of systems that share no key into one register of children."""


RulesOption = Annotated[
    Path | None,
    typer.Option("--rules", metavar="DIR", help="Folder of rules. Default: the shipped rules."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")]
ExtractsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME=PATH",
        help="Each source's name and its extract: a file, folder or zip. For example "
        "estart=members.csv. A name without a definition is read as a generic CSV or XLSX.",
    ),
]


@app.command()
def link(
    extracts: ExtractsArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.")],
    rules: RulesOption = None,
    model: Annotated[
        Path | None,
        typer.Option("--model", metavar="FILE", help="A trained model. Default: the shipped one."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Link extracts into one register of children.

    Writes crosswalk.csv, links.csv, register.csv, rejects.csv and summary.json into DIR.
    """
    named = parse_extracts(extracts)
    require_folder(rules, "--rules")
    require_file(model, "--model")
    require_writable(out)
    require_apart([out, *results_in(out)], [*(extract.path for extract in named), model])
    book = load_rule_book(rules or shipped_rules())
    chosen = load_model(model, book.linkage.matching) if model else shipped_model(book)
    recorder = Recorder(show=not as_json)
    with recorder.live():
        run = link_extracts(named, book, chosen, out, recorder)
    if as_json:
        _print_json(run.summary)
    else:
        screen.show_run(run, out)


@app.command()
def train(
    extracts: ExtractsArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write the model.")],
    rules: RulesOption = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth",
            metavar="FILE",
            help="Known persons (source, record_id, person_id), to train with labels.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random pairs.")] = 0,
) -> None:
    """Estimate a model from extracts and write it as a readable file with a content hash."""
    named = parse_extracts(extracts)
    require_folder(rules, "--rules")
    require_file(truth, "--truth")
    require_writable_file(out)
    require_apart([out], [*(extract.path for extract in named), truth])
    book = load_rule_book(rules or shipped_rules())
    recorder = Recorder(show=True)
    with recorder.live():
        model = train_model(named, book, truth, seed, out, recorder)
    print(f"Model written to {out}, content hash {model.content_hash[:12]}.")


@app.command()
def evaluate(
    truth: Annotated[
        Path,
        typer.Option(
            "--truth",
            metavar="FILE",
            help="CSV with source, record_id, person_id and any group columns.",
        ),
    ],
    crosswalk: Annotated[
        Path, typer.Option("--crosswalk", metavar="FILE", help="The crosswalk.csv of a run.")
    ],
    links: Annotated[
        Path | None,
        typer.Option("--links", metavar="FILE", help="The links.csv of the run, for the queue."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare a run with the truth: precision, recall and F1, also by group."""
    require_file(truth, "--truth")
    require_file(crosswalk, "--crosswalk")
    require_file(links, "--links")
    result = evaluate_files(truth, crosswalk, links)
    if as_json:
        _print_json(evaluation_as_dict(result))
    else:
        print(evaluation_as_text(result), end="")


@app.command()
def thresholds(
    extracts: ExtractsArgument,
    rules: RulesOption = None,
    model: Annotated[
        Path | None,
        typer.Option("--model", metavar="FILE", help="A trained model. Default: the shipped one."),
    ] = None,
    false: Annotated[float, typer.Option(min=0, help="What one false link costs.")] = 50.0,
    missed: Annotated[float, typer.Option(min=0, help="What one missed link costs.")] = 10.0,
    review: Annotated[float, typer.Option(min=0, help="What one reviewed pair costs.")] = 1.0,
    as_json: JsonOption = False,
) -> None:
    """Show what each pair of thresholds would cost, and suggest one for stated costs.

    Prints the size of the queue and the expected false and missed links. Writes nothing.
    """
    named = parse_extracts(extracts)
    require_folder(rules, "--rules")
    require_file(model, "--model")
    require_costs(false=false, missed=missed, review=review)
    book = load_rule_book(rules or shipped_rules())
    chosen = load_model(model, book.linkage.matching) if model else shipped_model(book)
    recorder = Recorder(show=not as_json)
    with recorder.live():
        advice = advise(named, book, chosen, Costs(false, missed, review), recorder)
    if as_json:
        _print_json(advice.as_dict())
    else:
        screen.show_advice(advice)


@app.command()
def generate(
    children: Annotated[int, typer.Option(min=50, help="How many children.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same town.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the extracts.")],
    generic: Annotated[
        bool, typer.Option("--generic", help="Seven generic CSV files instead of native formats.")
    ] = False,
) -> None:
    """Make the extracts of an invented town, with the truth."""
    require_writable(out)
    recorder = Recorder(show=True)
    with recorder.live():
        counts = demonstration.generate_town(children, seed, out, recorder, generic=generic)
    screen.show_counts(counts, out)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.")] = (
        Path("demo")
    ),
) -> None:
    """Link the invented town that comes with this software, and say how well it went."""
    require_writable(out)
    recorder = Recorder(show=True)
    with recorder.live():
        shown = demonstration.run(out, recorder)
    screen.show_demo(shown, out)


@rules_app.command("check")
def rules_check(
    directory: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Default: the shipped rules.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Report every mistake in every rule file, and run the worked examples."""
    require_folder(directory, "DIR")
    chosen = directory or shipped_rules()
    problems, count = check_rules(chosen)
    if as_json:
        _print_json(
            {
                "files": count,
                "problems": [
                    {"file": str(p.file), "line": p.line, "message": p.message} for p in problems
                ],
            }
        )
    else:
        for problem in problems:
            print(problem)
        found = f"{len(problems)} problems" if len(problems) != 1 else "1 problem"
        print(f"{count} rule files checked: {found if problems else 'all good'}.")
    if problems:
        raise typer.Exit(1)


def _print_json(data: dict[str, Any]) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False))


@cache
def command() -> Any:
    """All commands with their arguments, as they are called."""
    return typer.main.get_command(app)


def main() -> None:
    """Run the command; every problem ends with one message and its exit status.

    With ``--json``, the message is also printed as JSON, so that a program always has a
    document to read.
    """
    try:
        status = command()(standalone_mode=False)
    except Exception as error:
        failure = tell(error)
        if failure.message:
            print(f"matcher: {failure.message}{failure.hint}", file=sys.stderr)
        if "--json" in sys.argv:
            _print_json({"error": failure.as_dict()})
        status = failure.status
    sys.exit(status)


if __name__ == "__main__":
    main()
