"""How right the links are, beside the peers, in one run.

    python -m benchmarks.accuracy --children 20000 --seeds 1 2 3
    python -m benchmarks.accuracy --sets febrl1 febrl2 --no-towns --data FOLDER

Every engine gets the same records with the same fields (see README.md). Prints tables;
``--json`` and ``--markdown`` write them to files.
"""

import argparse
import contextlib
import io
import json
import logging
import platform
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from api.services.rules import RuleBook, load_rule_book, shipped_model, shipped_rules
from benchmarks import towns
from benchmarks.engines import Outcome, ours, ours_with_linked, trained_without_labels
from benchmarks.gaps import Missed, gap_table, missed_by_cause
from benchmarks.patterns import pattern_tables
from benchmarks.recordlinkage_peer import ecm
from benchmarks.sets import LOADERS, Absent, LabelledSet, load_sets
from benchmarks.splink_peer import as_documented, tuned
from benchmarks.tables import NOTHING, Table, bare, f1, figure, share
from matcher.evaluate import PairScores, evaluate
from matcher.rules.model import Model

PEERS = ("splink", "tuned", "recordlinkage")


def main(arguments: list[str] | None = None) -> int:
    """Reads the arguments, runs everything and prints the tables."""
    given = _parser().parse_args(arguments)
    warnings.simplefilter("ignore")
    book = load_rule_book(given.rules)
    model = shipped_model(book)
    tables: list[Table] = []
    results: dict[str, Any] = {
        "rules": book.content_hash,
        "model": model.content_hash,
        "versions": versions("splink", "duckdb", "recordlinkage", "pandas", "numpy"),
        "sets": [],
        "towns": [],
        "absent": [],
    }
    if not given.no_sets:
        tables += _sets(given, book, model, results)
    if not given.no_towns:
        tables += _towns(given, book, model, results)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if given.markdown:
        text = "\n\n".join(table.markdown() for table in tables)
        given.markdown.write_text(text + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--children", type=int, default=20_000, help="children of each town")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--sets", nargs="+", choices=list(LOADERS), help="labelled sets; all")
    parser.add_argument("--data", type=Path, help="folder with sets that no package brings")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--rules", type=Path, default=shipped_rules(), help="rules and model")
    parser.add_argument("--no-sets", action="store_true", help="towns only")
    parser.add_argument("--no-towns", action="store_true", help="labelled sets only")
    shown = "show the N commonest patterns of our false and missed pairs"
    parser.add_argument("--patterns", type=int, default=0, metavar="N", help=shown)
    why = "show why pairs of each ethnic group are missed in towns"
    parser.add_argument("--gaps", action="store_true", help=why)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    return parser


def versions(*names: str) -> dict[str, str]:
    """Versions of Python and of the packages that are installed."""
    found = {"python": platform.python_version()}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _peers(labelled: LabelledSet, wanted: list[str]) -> Iterator[list[Outcome]]:
    """For each peer all its outcomes, of which the best is shown."""
    runs: dict[str, Callable[[LabelledSet], Iterable[Outcome]]] = {
        "splink": as_documented,
        "tuned": tuned,
        "recordlinkage": lambda labelled: [ecm(labelled)],
    }
    for name in wanted:
        with _quiet():
            outcomes = list(runs[name](labelled))
        yield outcomes


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the peers print and log."""
    logging.disable(logging.CRITICAL)
    silence = io.StringIO()
    try:
        with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
            yield
    finally:
        logging.disable(logging.NOTSET)


# Labelled sets


def _sets(
    given: argparse.Namespace, book: RuleBook, model: Model, results: dict[str, Any]
) -> list[Table]:
    tables = []
    for loaded in load_sets(given.data, given.sets):
        if isinstance(loaded, Absent):
            results["absent"].append({"set": loaded.name, "looked": loaded.looked})
            print(f"{loaded.name}: left out; {loaded.looked}\n", flush=True)
            continue
        fitted = trained_without_labels(loaded, book, model)
        mine = [
            ours(loaded, book, model, "shipped model"),
            ours(loaded, book, fitted, "trained without labels"),
        ]
        shown = [(outcome, _pairs(loaded, outcome)) for outcome in mine]
        for outcomes in _peers(loaded, given.peers):
            scored = [(outcome, _pairs(loaded, outcome)) for outcome in outcomes]
            shown.append(min(scored, key=lambda one: _errors(one[1])))
            results["sets"] += [_set_result(loaded, *one) for one in scored]
        results["sets"] += [_set_result(loaded, *one) for one in shown[:2]]
        table = _set_table(loaded, shown)
        tables.append(table)
        print(table.text() + "\n", flush=True)
        if given.patterns:
            for found in pattern_tables(loaded, book, model, given.patterns):
                tables.append(found)
                print(found.text() + "\n", flush=True)
    return tables


def _pairs(labelled: LabelledSet, outcome: Outcome) -> PairScores:
    """Scores of all pairs of a set of one source, or of pairs across sources."""
    truth = labelled.truth
    across = len(labelled.sources) > 1
    if outcome.child_id is not None:
        crosswalk = truth[["source", "record_id"]].assign(child_id=outcome.child_id)
        found = evaluate(truth, crosswalk)
        return found.cross_source if across else found.pairs
    if outcome.pairs is None:
        raise ValueError("an outcome has clusters or pairs")
    l, r = outcome.pairs
    person = pd.factorize(truth["person_id"])[0]
    source = pd.factorize(truth["source"])[0]
    counted = source[l] != source[r] if across else np.ones(len(l), dtype=bool)
    everything = evaluate(truth, truth[["source", "record_id"]].assign(child_id="all"))
    actual = everything.cross_source.actual if across else everything.pairs.actual
    correct = int((counted & (person[l] == person[r])).sum())
    return PairScores(correct, int(counted.sum()), actual)


def _errors(scores: PairScores) -> int:
    return scores.false + scores.missed


def _set_result(labelled: LabelledSet, outcome: Outcome, scores: PairScores) -> dict[str, Any]:
    return {
        "set": labelled.name,
        "engine": outcome.engine,
        "setting": outcome.setting,
        "seconds": outcome.seconds,
        "correct": scores.correct,
        "false": scores.false,
        "missed": scores.missed,
        "precision": scores.precision.value,
        "recall": scores.recall.value,
        "f1": scores.f1,
    }


def _set_table(labelled: LabelledSet, shown: list[tuple[Outcome, PairScores]]) -> Table:
    best = min(_errors(scores) for outcome, scores in shown if outcome.engine == "this")
    rows = []
    for outcome, scores in shown:
        errors = _errors(scores)
        ratio = NOTHING
        if outcome.engine != "this":
            ratio = f"{best / errors:.2f}" if errors else ("0/0" if best == 0 else f"{best}/0")
        rows.append(
            [
                f"{outcome.engine}, {outcome.setting}",
                share((scores.precision.numerator, scores.precision.denominator)),
                share((scores.recall.numerator, scores.recall.denominator)),
                f1(scores.f1, scores.f1_interval),
                f"{scores.false:,}",
                f"{scores.missed:,}",
                f"{errors:,}",
                ratio,
                f"{outcome.seconds:.1f}",
            ]
        )
    actual = shown[0][1].actual
    where = "across sources" if len(labelled.sources) > 1 else "in one source"
    return Table(
        f"{labelled.name}: {len(labelled.records):,} records, {actual:,} true pairs {where}",
        ["engine", "precision", "recall", "F1", "false", "missed", "both", "ours/peer", "s"],
        rows,
        [labelled.about],
    )


# Towns


def _towns(
    given: argparse.Namespace, book: RuleBook, model: Model, results: dict[str, Any]
) -> list[Table]:
    by_engine: dict[str, list[towns.TownScores]] = {}
    tables = []
    missed: Missed | None = None
    for seed in given.seeds:
        town = towns.make_town(given.children, seed, book)
        outcome, linked = ours_with_linked(town.labelled, book, model, "shipped")
        mine = towns.score_town(town, outcome, review=True)
        if given.gaps:
            found = missed_by_cause(town.labelled, linked, book.linkage.matching)
            missed = found if missed is None else missed + found
        shown = [mine]
        for outcomes in _peers(town.labelled, given.peers):
            scored = [towns.score_town(town, outcome, review=False) for outcome in outcomes]
            shown.append(min(scored, key=lambda one: one.errors))
        for scores in shown:
            by_engine.setdefault(scores.engine, []).append(scores)
            results["towns"].append({"seed": seed, **asdict(scores)})
        print(f"seed {seed}: " + "; ".join(_brief(scores) for scores in shown), flush=True)
        if given.patterns:
            for shown_pattern in pattern_tables(town.labelled, book, model, given.patterns):
                tables.append(shown_pattern)
                print("\n" + shown_pattern.text(), flush=True)
    if missed is not None:
        tables.append(gap_table(missed))
        print("\n" + tables[-1].text(), flush=True)
    table = _town_table(given, by_engine)
    print("\n" + table.text() + "\n", flush=True)
    return [table, *tables]


def _brief(scores: towns.TownScores) -> str:
    reviewed = f" ({bare(scores.recall_reviewed)} reviewed)" if scores.recall_reviewed else ""
    return (
        f"{scores.engine} ({scores.setting}) precision {bare(scores.precision)}"
        f" recall {bare(scores.recall)}{reviewed}"
    )


def _town_table(given: argparse.Namespace, by_engine: dict[str, list[towns.TownScores]]) -> Table:
    pooled = {name: towns.add_up(scores) for name, scores in by_engine.items()}
    mine = by_engine["this"]
    head = ["", *(f"{name}" for name in pooled), "this, worst seed"]
    rows = [
        ["precision of automatic links", *(share(s.precision) for s in pooled.values()),
         figure(min(_value(s.precision) for s in mine))],
        ["recall of automatic links", *(share(s.recall) for s in pooled.values()),
         figure(min(_value(s.recall) for s in mine))],
        ["F1", *(figure(_f1(s)) for s in pooled.values()), figure(min(_f1(s) for s in mine))],
        ["false plus missed pairs", *(f"{s.errors:,}" for s in pooled.values()),
         f"{max(s.errors for s in mine):,}"],
        ["recall after review", *(share(s.recall_reviewed) for s in pooled.values()),
         figure(min(_value(s.recall_reviewed) for s in mine))],
        ["queue per 100 children", *(_per_100(s.queue) for s in pooled.values()),
         _per_100(max((s.queue for s in mine if s.queue), key=_value, default=None))],
        ["pairs of twins merged", *(_of(s.twins_merged) for s in pooled.values()),
         figure(max(_value(s.twins_merged) for s in mine))],
        ["adoptions joined", *(_of(s.adoptions_joined) for s in pooled.values()),
         str(max(s.adoptions_joined[0] for s in mine))],
    ]  # fmt: skip
    for column, title in (("ethnic_group", "ethnic groups"), ("deprivation_band", "bands")):
        for kind, after in (("groups_automatic", "automatic"), ("groups", "after review")):
            cells = [figure(towns.gap(getattr(s, kind).get(column, {}))) for s in pooled.values()]
            gaps = [towns.gap(getattr(s, kind).get(column, {})) or 0.0 for s in mine]
            rows.append([f"recall gap between {title}, {after}", *cells, figure(max(gaps))])
    for flag in towns.FLAGS:
        cells = [share(s.flags.get(flag)) for s in pooled.values()]
        rows.append([f"recall after review: {flag}", *cells,
                     figure(min(_value(s.flags.get(flag)) for s in mine))])  # fmt: skip
    rows.append(["expected calibration error",
                 *(figure(s.calibration_error) for s in pooled.values()),
                 figure(max(s.calibration_error or 0 for s in mine))])  # fmt: skip
    seeds = ", ".join(map(str, given.seeds))
    return Table(
        f"Invented towns of {given.children:,} children, seeds {seeds}, across sources",
        head,
        rows,
        [
            "Peers have no review; their figures are of automatic links throughout.",
            f"Groups with fewer than {towns.FEWEST_CHILDREN} children in a town are left out.",
        ],
    )


def _value(found: tuple[int, int] | None) -> float:
    return found[0] / found[1] if found and found[1] else float("nan")


def _f1(scores: towns.TownScores) -> float:
    return 2 * scores.precision[0] / max(scores.precision[1] + scores.recall[1], 1)


def _per_100(found: tuple[int, int] | None) -> str:
    return NOTHING if found is None else f"{100 * found[0] / found[1]:.2f}"


def _of(found: tuple[int, int]) -> str:
    return f"{found[0]} of {found[1]}"


if __name__ == "__main__":
    sys.exit(main())
