"""What the command line shows of a run, in tables that fit a terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from api.services import demo
from api.services.demo import Demonstration
from api.services.linking import LinkRun
from api.services.thresholds import Advice
from matcher.evaluate import Evaluation
from matcher.outcomes import MeasureResult
from matcher.outcomes import render_text as measure_as_text

_OUT = Console(highlight=False)


def show_run(run: LinkRun, out: Path) -> None:
    """Counts of a run, its measures, and where its files are."""
    _sources(run.summary["sources"])
    _links(run.summary)
    _too_large(run.summary["blocks_given_up"])
    _measures(run.measures)
    _OUT.print(f"\nWritten to {out}: crosswalk.csv, links.csv, register.csv, rejects.csv, ")
    _OUT.print("summary.json (all counts, costs and versions).")


def show_demo(shown: Demonstration, out: Path) -> None:
    """The register, how it compares with the truth, and what to type next."""
    if not shown.changed:
        _OUT.print("Nothing changed: the register has these extracts already.\n")
    _sources(shown.reports)
    _links(shown.counts)
    _quality(shown.evaluation)
    _measures(shown.measures)
    _OUT.print("\n[bold]What to type next[/bold]")
    command = ".venv/bin/matcher"
    database = f"--database sqlite:///{out}/register.db"
    _OUT.print(f"  {command} serve {database}", soft_wrap=True)
    _OUT.print(
        f"      the register in a browser: sign in as {demo.NAME} with the password "
        f"'{demo.PASSWORD}', which opens this demonstration only",
        soft_wrap=True,
    )
    _OUT.print(f"  {command} status {database}", soft_wrap=True)
    _OUT.print(f"  less {out}/register.csv                 the register of children")
    _OUT.print(f"  less {out}/links.csv                    each link with its weight and reason")
    _OUT.print(
        f"  {command} evaluate --truth {out}/truth.csv --crosswalk {out}/crosswalk.csv "
        f"--links {out}/links.csv",
        soft_wrap=True,
    )
    _OUT.print(f"  {command} link --out mine NAME=PATH ...    your own extracts")
    _OUT.print(f"  {command} --help")


def show_advice(advice: Advice) -> None:
    """The consequences of thresholds, the rules' own and the cheapest marked."""
    table = Table(title="Thresholds", title_justify="left", title_style="bold")
    for name in ("lower", "upper", "links", "queue", "false", "missed", "cost"):
        table.add_column(name, justify="right")
    table.add_column("")
    for found in advice.consequences:
        marks = ["suggested"] if found == advice.suggested else []
        marks += ["in the rules"] if found == advice.current else []
        table.add_row(
            f"{found.lower:g}",
            f"{found.upper:g}",
            f"{found.links:,}",
            f"{found.queue:,}",
            f"{found.expected_false:,.1f}",
            f"{found.expected_missed:,.1f}",
            f"{found.cost(advice.costs):,.0f}",
            ", ".join(marks),
        )
    _OUT.print(table)
    _OUT.print(
        "Thresholds are total weights in bits. Queue: possible links for a person to decide. "
        "False and missed links are expectations from the match probabilities. To change the "
        "thresholds, edit them in a copy of matching.yaml."
    )


def show_counts(counts: Mapping[str, int], out: Path) -> None:
    """Records by source of a generated town."""
    for source, count in counts.items():
        _OUT.print(f"{source:14} {count:>10,} records")
    _OUT.print(f"{'all':14} {sum(counts.values()):>10,} records, written to {out}")


def _sources(sources: Mapping[str, Any]) -> None:
    table = Table(title="Extracts read", title_justify="left", title_style="bold")
    table.add_column("source")
    for name in ("rows", "records", "of children", "activity", "rejects"):
        table.add_column(name, justify="right")
    for name, counts in sources.items():
        table.add_row(
            name,
            f"{counts['rows']:,}",
            f"{counts['records']:,}",
            f"{counts['children']:,}",
            f"{sum(counts['activity'].values()):,}",
            f"{counts['rejects']:,}",
        )
    _OUT.print(table)


def _links(summary: Mapping[str, Any]) -> None:
    table = Table(title="Linked", title_justify="left", title_style="bold", show_header=False)
    table.add_column("what")
    table.add_column("count", justify="right")
    for what, key in (
        ("records of children", "records_of_children"),
        ("candidate pairs", "candidate_pairs"),
        ("links", "links"),
        ("possible links, for a person to decide", "possible_links"),
        ("children in the register", "children"),
    ):
        table.add_row(what, f"{summary[key]:,}")
    _OUT.print(table)


def _too_large(given_up: Sequence[Mapping[str, Any]]) -> None:
    if given_up:
        pairs = sum(block["pairs"] for block in given_up)
        _OUT.print(
            f"{len(given_up)} blocks were too large to compare: {pairs:,} pairs were given up "
            "(summary.json says by which rule)."
        )


def _quality(evaluation: Evaluation) -> None:
    table = Table(title="Against the truth", title_justify="left", title_style="bold")
    for name in ("pairs", "precision", "recall", "F1"):
        table.add_column(name, justify="left" if name == "pairs" else "right")
    for name, scores in (
        ("all", evaluation.pairs),
        ("across sources", evaluation.cross_source),
        ("within a source", evaluation.within_source),
    ):
        table.add_row(
            name, _share(scores.precision.value), _share(scores.recall.value), _share(scores.f1)
        )
    _OUT.print(table)


def _share(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def _measures(measures: Sequence[MeasureResult]) -> None:
    computed = [result for result in measures if result.computed]
    if not computed:
        _OUT.print("\nNo measure could be computed: they need an extract of eyfsp.")
    for result in computed:
        _OUT.print()
        _OUT.print(measure_as_text(result).rstrip(), soft_wrap=True)
