"""What the command line shows of a register: what an extract did, and what waits."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from api.db.models import ExtractState, JobState
from api.services.backup import Manifest
from api.services.extracts import Received
from api.services.extracts.listing import ExtractView
from api.services.extracts.stops import stop_says
from api.services.ingesting import Ingested
from api.services.register.preview import MeasureMove, Pairs, Preview
from api.services.register.running import RunResult
from api.services.status import Status
from api.services.work import JobView
from matcher.outcomes import MeasureResult
from matcher.outcomes import render_text as measure_as_text
from matcher.read import note_says

_OUT = Console(highlight=False)

_RUN_SAYS = (
    ("founded", "children new to the register"),
    ("restored", "children who are back"),
    ("merged", "children merged into another"),
    ("emptied", "children without a record left"),
    ("joined", "records that joined a child"),
    ("left", "records that left a child"),
    ("values_changed", "children with other values"),
)
_ACTIVITY_SAYS = (("activity_begun", "began"), ("activity_ended", "ended"))


def ingested_as_dict(found: Ingested) -> dict[str, Any]:
    """What `matcher ingest --json` prints."""
    return {
        "extract": found.extract,
        "state": found.state,
        "unchanged": found.unchanged,
        "changed_since": found.changed_since,
        "refusal": found.refusal,
        "report": found.report,
        "runs": [run_as_dict(run) for run in found.runs],
    }


def run_as_dict(result: RunResult) -> dict[str, Any]:
    """What a run did, as plain values."""
    return {
        "run": result.run,
        "extracts": {str(extract): dict(counts) for extract, counts in result.applied.items()},
        "linked_everything": result.outcome.whole,
        "records_looked_at": result.outcome.looked_at,
        "children": asdict(result.outcome.children),
        "conflicts_arisen": result.conflicts,
        "moved": None if result.moved is None else asdict(result.moved),
    }


def show_ingested(found: Ingested, source: str) -> None:
    """What became of an extract."""
    linked = found.state != ExtractState.ACCEPTED
    if found.unchanged and linked and not found.runs and not found.waits:
        _OUT.print(f"Nothing changed: the register has this extract of {source} already.")
        _show_changed_since(found.changed_since, source)
        return
    if found.refusal:
        _OUT.print(f"Extract {found.extract} of {source} was refused: {found.refusal}")
        return
    if found.unchanged and not found.waits:
        _OUT.print(f"The register has this extract of {source} already: extract {found.extract}.")
        _show_changed_since(found.changed_since, source)
    elif found.report:
        title = f"Extract {found.extract} of {source}"
        show_report(found.report, title, found.extract, waits=found.waits)
    show_runs(found.runs)
    if found.state == ExtractState.ACCEPTED:
        _OUT.print("It is accepted. Link it with: matcher relink")
    if found.state == ExtractState.SUPERSEDED:
        _OUT.print("It is superseded: a later extract of its source was accepted already.")


def _show_changed_since(count: int, source: str) -> None:
    if not count:
        return
    were = f"1 record of {source} was" if count == 1 else f"{count:,} records of {source} were"
    _OUT.print(
        f"But {were} put or deleted one by one since. To have again what the extract says of them, "
        "bring it with a later --as-of.",
        soft_wrap=True,
        highlight=False,
    )


def show_reported_again(view: ExtractView) -> None:
    """An extract that was to be accepted on a report that did not hold any more."""
    if view.report is None:
        _OUT.print(f"Extract {view.id} of {view.source} was refused: {view.refusal}")
        return
    _OUT.print("The register has changed since the report was made. It was made again:")
    show_report(view.report, f"Extract {view.id} of {view.source}", view.id, waits=True)


def show_queued(received: Received, job: int | None, *, as_json: bool) -> None:
    """An extract that was received, and the job that does the rest."""
    if as_json:
        print(json.dumps({"extract": received.extract, "job": job}, indent=2))
    elif job is None:
        _OUT.print(f"Nothing changed: extract {received.extract} is this one already.")
    else:
        _OUT.print(f"Extract {received.extract} is received; job {job} does the rest.")


def show_runs(runs: list[RunResult]) -> None:
    """What runs did to children; of a relink also to links, and what is in force since."""
    for at, result in enumerate(runs):
        children, moved = asdict(result.outcome.children), result.moved
        children["merged"] = children["ended"] - children["emptied"]
        counts = [(says, children[name]) for name, says in _RUN_SAYS]
        counts += [("conflicts that arose", result.conflicts)]
        if moved is not None:
            counts += [("links gained", moved.links_gained), ("links lost", moved.links_lost)]
        activity = [(says, result.activity[name]) for name, says in _ACTIVITY_SAYS]
        if any(count for _, count in counts):
            counts += [(f"rows of activity that {says}", count) for says, count in activity]
            table = _plain(f"Run {result.run}")
            for says, count in counts:
                if count:
                    table.add_row(says, f"{count:,}")
            _OUT.print(table)
        elif any(count for _, count in activity):
            told = [f"{_rows(count)} of activity {says}" for says, count in activity if count]
            _OUT.print(f"Run {result.run}: no child changed; {' and '.join(told)}.")
        elif at and not result.applied:
            # It holds what the one before it brought about, of which no more is told.
            _OUT.print(f"Run {result.run} completed this: no child changed any more.")
        else:
            _OUT.print(f"Run {result.run}: nothing changed in the register.")
        if moved is not None and moved.rules:
            _OUT.print("Other rules are in force from now on.")
        if moved is not None and moved.model:
            _OUT.print("Another model is in force from now on.")


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def preview_as_dict(found: Preview) -> dict[str, Any]:
    """What `matcher relink --preview --json` prints."""
    return {
        "after_run": found.after_run,
        "runs": found.runs,
        "extracts_left_waiting": found.left_waiting,
        "rules": found.rules,
        "model": found.model,
        "children": asdict(found.counts),
        "founded": list(found.founded),
        "restored": list(found.restored),
        "retired": list(found.retired),
        "merges": [list(pair) for pair in found.merges],
        "splits": [list(pair) for pair in found.splits],
        "moves": [list(pair) for pair in found.moves],
        "links_gained": found.links.gained.to_dict("records"),
        "links_lost": found.links.lost.to_dict("records"),
        "queue": {"before": found.possible.before, "after": found.possible.after},
        "conflicts": {"before": found.conflicts.before, "after": found.conflicts.after},
        "queue_growth": found.queue_growth,
        "possible_links_gained": found.possible.gained.to_dict("records"),
        "possible_links_lost": found.possible.lost.to_dict("records"),
        "decisions_contradicted": [
            {
                "decision": one.decision,
                "kind": one.kind,
                "weight": one.weight,
                "already": one.already,
            }
            for one in found.contradicted
        ],
        "measures": [move.as_dict() for move in found.measures],
    }


def show_preview(found: Preview, *, as_json: bool) -> None:
    """What a relink would do."""
    if as_json:
        print(json.dumps(preview_as_dict(found), indent=2))
        return
    table = _plain(f"A relink after run {found.after_run} would do this")
    for says, count in (
        ("children merged into another", _of(found.merges)),
        ("children split", _of(found.splits)),
        ("children of whom records would move to another", _of(found.moves)),
        ("ids founded", len(found.founded)),
        ("ids restored", len(found.restored)),
        ("ids retired", len(found.retired)),
        ("children with other values", found.counts.values_changed),
        ("links gained", len(found.links.gained)),
        ("links lost", len(found.links.lost)),
        ("possible links in the queue now", found.possible.before),
        ("possible links in the queue then", found.possible.after),
        ("conflicts now", found.conflicts.before),
        ("conflicts then", found.conflicts.after),
        ("decisions newly contradicted", sum(not one.already for one in found.contradicted)),
        ("decisions contradicted already", sum(one.already for one in found.contradicted)),
    ):
        table.add_row(says, f"{count:,}")
    _OUT.print(table)
    for move in found.measures:
        for line in measure_lines(move):
            _OUT.print(f"  {line}", soft_wrap=True)
    if found.left_waiting:
        count = found.left_waiting
        waits = "1 extract waits and goes" if count == 1 else f"{count} extracts wait and go"
        _OUT.print(f"{waits} on waiting, for the run after this.")
    if not found.runs:
        _OUT.print("Nothing waits to be linked.")
        return
    _OUT.print(
        "Nothing was changed. To put it in force, leave out --preview and add "
        f"--after-run {found.after_run}.",
        soft_wrap=True,
    )


def measure_lines(move: MeasureMove) -> list[str]:
    """How a measure would move: its figure, and what is said beside it where that is otherwise."""
    lines = [f"measure {move.name}: {_moves_how(move)}"]
    if move.moves:
        before, after = _figures(move.before), _figures(move.after)
        for when, own, other in (("before", before, after), ("after", after, before)):
            said = [own[0], *(line for line in own[1:] if line not in other)]
            lines.append(f"  {when}: {'; '.join(said)}")
    return lines


def _moves_how(move: MeasureMove) -> str:
    if not move.moves:
        return "as before"
    had, has = (one is not None and one.computed for one in (move.before, move.after))
    if had and has:
        same = _figures(move.before)[0] == _figures(move.after)[0]
        return "the same figure, but not what is said beside it" if same else "another figure"
    if had:
        return "no figure any more"
    return "a figure, where there is none now" if has else "no figure, for another reason"


def _figures(result: MeasureResult | None) -> list[str]:
    """What a measure comes to, and what belongs to it; or why there is no figure."""
    if result is None:
        return ["The rules have no such measure."]
    return [line.strip() for line in measure_as_text(result).splitlines()[1:]]


def _of(successions: tuple[Pairs, ...]) -> int:
    """Of how many children they tell: one that is split has several successors."""
    return len({child for child, _ in successions})


def show_status(found: Status) -> None:
    """What is in the register, and what waits."""
    table = Table(title="Sources", title_justify="left", title_style="bold")
    table.add_column("source")
    table.add_column("as of")
    for name in ("records", "of children", "rejects in all its extracts"):
        table.add_column(name, justify="right")
    for source in found.sources:
        table.add_row(
            source.name,
            str(source.as_of or "withdrawn"),
            f"{source.records:,}",
            f"{source.children:,}",
            f"{source.rejects:,}",
        )
    _OUT.print(table)
    counts = _plain("Register")
    counts.add_row("children", f"{found.children:,}")
    counts.add_row("possible links, for a person to decide", f"{found.pairs_waiting:,}")
    counts.add_row("decisions on values that changed since", f"{found.decisions_on_other_values:,}")
    counts.add_row("conflicts, for a person to settle", f"{found.conflicts:,}")
    counts.add_row("extracts that wait", f"{len(found.waiting):,}")
    _OUT.print(counts)
    for one in found.waiting:
        why = f" ({', '.join(one.stops)})" if one.stops else ""
        _OUT.print(f"  extract {one.id} of {one.source}, as of {one.as_of}: {one.state}{why}")
    for refused in found.refused:
        _OUT.print(
            f"  extract {refused.id} of {refused.source}, as of {refused.as_of}: refused, "
            f"{refused.refusal}",
            soft_wrap=True,
        )
    show_jobs(found.jobs)
    for run in found.runs:
        _OUT.print(f"  run {run.id}: {run.kind} by {run.by} at {run.at:%Y-%m-%d %H:%M}")


def show_jobs(jobs: Sequence[JobView]) -> None:
    """Queued work, a line each, and what can be done where it failed."""
    for job in jobs:
        stage = f", {job.stage}" if job.stage else ""
        problem = f", {job.problem}" if job.problem else ""
        _OUT.print(f"  job {job.id} ({job.kind}): {job.state}{stage}{problem}", soft_wrap=True)
    failed = [job.id for job in jobs if job.state == JobState.FAILED]
    if failed:
        _OUT.print(
            f"To have it done again: matcher jobs retry {failed[0]}; "
            f"to let it be: matcher jobs cancel {failed[0]}",
            soft_wrap=True,
        )


def show_manifest(manifest: Manifest, title: str) -> None:
    """What a backup holds."""
    _OUT.print(f"{title}: {manifest.rows:,} rows, SHA-256 {manifest.sha256}", soft_wrap=True)


def show_report(report: Mapping[str, Any], title: str, extract: int, *, waits: bool) -> None:
    """The data-quality report of an extract, and why it ``waits`` for a person if it does."""
    table = _plain(title)
    table.add_row("rows", f"{report['rows']:,}")
    table.add_row("records", f"{report['records']:,}")
    for code, count in report["rejects_by_code"].items():
        table.add_row(f"rejects: {code}", f"{count:,}")
    for name in ("new", "changed", "gone", "unchanged"):
        table.add_row(f"{name}", f"{report['change'][name]:,}")
    if another := report["change"]["another_person"]:
        table.add_row("ids of another person now", f"{another:,}")
    for kind, counts in report["change"].get("activity", {}).items():
        for name in ("new", "gone", "unchanged"):
            table.add_row(f"{kind}: {name}", f"{counts[name]:,}")
    _OUT.print(table)
    for note in report["notes"]:
        about = ", ".join(name for name in (note["file"], note["column"]) if name)
        says = f"{about}: {note_says(note['code'])}: {note['count']:,}"
        _OUT.print(says, soft_wrap=True, markup=False, highlight=False)
    if waits:
        _show_stops(report, extract)


def _show_stops(report: Mapping[str, Any], extract: int) -> None:
    _OUT.print("It waits for a person, because:")
    for stop in report["stops"]:
        _OUT.print(f"  {stop_says(stop)}", soft_wrap=True)
    _OUT.print(f"If it is right: matcher accept {extract}, then matcher relink")
    _OUT.print(f"If it is wrong: matcher refuse {extract} --why TEXT", soft_wrap=True)


def _plain(title: str) -> Table:
    _OUT.print(f"[bold]{title}[/bold]")
    table = Table(show_header=False)
    table.add_column("what")
    table.add_column("count", justify="right")
    return table
