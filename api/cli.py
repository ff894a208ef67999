"""The ``matcher`` command.

Exit status: 0 good, 1 the data or the rules have a problem, 2 the call was wrong.
"""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from api import screen
from api.services import demo as demonstration
from api.services.evaluating import evaluate_files
from api.services.linking import RESULT_FILES, Extract, link_extracts
from api.services.observe import Recorder
from api.services.rules import check_rules, load_rule_book, shipped_model, shipped_rules
from api.services.thresholds import advise
from api.services.training import train_model
from matcher.errors import MatcherError
from matcher.evaluate import as_dict as evaluation_as_dict
from matcher.evaluate import render_text as evaluation_as_text
from matcher.rules.model import load_model
from matcher.thresholds import Costs

app = typer.Typer(
    name="matcher",
    help="Link the extracts of systems that share no key into one register of children.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
rules_app = typer.Typer(
    help="Look after the rules: source definitions, matching, measures.", no_args_is_help=True
)
app.add_typer(rules_app, name="rules")

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
    named = _parse(extracts)
    _require_folder(rules)
    _require_file(model)
    _require_writable(out)
    _require_apart(out, named)
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
    named = _parse(extracts)
    _require_folder(rules)
    _require_file(truth)
    if out.is_dir():
        raise typer.BadParameter(f"{out} is a folder; name a file", param_hint="--out")
    _require_writable(out.absolute().parent)
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
    for path in (truth, crosswalk, links):
        _require_file(path)
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
    named = _parse(extracts)
    _require_folder(rules)
    _require_file(model)
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
    _require_writable(out)
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
    _require_writable(out)
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
    _require_folder(directory)
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


def _parse(extracts: list[str]) -> list[Extract]:
    named: list[Extract] = []
    for argument in extracts:
        name, separator, path = argument.partition("=")
        if not separator or not name or not path:
            raise typer.BadParameter(
                f"{argument!r} is not NAME=PATH, for example estart=members.csv"
            )
        if not name.replace("_", "").replace("-", "").isalnum():
            raise typer.BadParameter(f"{name!r} is not a source name: use letters, digits, - and _")
        if not Path(path).exists():
            raise typer.BadParameter(f"{name}: there is no {path}")
        if name in {extract.source for extract in named}:
            raise typer.BadParameter(f"{name} is given twice; give each extract its own name")
        named.append(Extract(name, Path(path)))
    return named


def _require_folder(path: Path | None) -> None:
    if path is not None and not path.is_dir():
        raise typer.BadParameter(f"there is no folder {path}")


def _require_writable(out: Path) -> None:
    """Say before the work, not after it, that results cannot be written."""
    if out.exists() and not out.is_dir():
        raise typer.BadParameter(f"{out} is a file, not a folder", param_hint="--out")
    there = next(parent for parent in [out, *out.absolute().parents] if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise typer.BadParameter(f"{there} cannot be written to", param_hint="--out")


def _require_apart(out: Path, extracts: list[Extract]) -> None:
    """Results must not take the place of what they are made from."""
    written = {(out / name).resolve() for name in RESULT_FILES}
    for extract in extracts:
        if extract.path.resolve() in written or extract.path.resolve() == out.resolve():
            raise typer.BadParameter(
                f"{extract.source}: the results would be written over this extract; "
                "name another folder",
                param_hint="--out",
            )


def _require_file(path: Path | None) -> None:
    if path is not None and not path.is_file():
        raise typer.BadParameter(f"there is no file {path}")


def _print_json(data: dict[str, Any]) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False))


def main() -> None:
    """Run the command; every problem ends with one message and exit status 1.

    The text of an unforeseen error is not shown, since it might quote somebody's details.
    """
    try:
        app()
    except MatcherError as error:
        print(f"matcher: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        where = Path(error.filename).name if error.filename else "a file"
        print(f"matcher: {where}: {error.strerror}", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        print(
            f"matcher: this is a fault of the software: {type(error).__name__} at "
            f"{Path(place.filename).name}:{place.lineno}. Nothing was written.",
            file=sys.stderr,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
