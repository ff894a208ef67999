"""What the command line shows of extracts, of what waits for people, and of children."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from api.register_screen import show_report
from api.services.extracts.listing import ExtractView
from api.services.register.acts import Key
from api.services.register.begun import Begun, only_moved
from api.services.register.changes import ChildChange, RecordChange
from api.services.register.clashes import Clashing
from api.services.register.entered import ArisenConflict, EnteredDecision
from api.services.register.queue import QueueItem, Remade
from api.services.register.viewing import ShownChild, ShownRecord
from api.services.runs import SourceView

_OUT = Console(highlight=False)

_KIND_SAYS = {"match": "match", "non_match": "non-match", "cannot_tell": "cannot tell"}
_CONFLICT_SAYS = {
    "contradiction": "a match that was decided is not followed, since others keep the two apart",
    "held_twice": "two records of a source that holds each child once are one child",
    "refused_link": "a link is not followed, since a source would hold the child twice",
}
_WAITS_SAYS = {
    **_CONFLICT_SAYS,
    "changed_values": "it was decided on values that are others by now",
    "possible_link": "it may be one child",
}


def show_extracts(found: Sequence[ExtractView]) -> None:
    """Extracts, a row each."""
    if not found:
        _OUT.print("No extract was received yet.")
        return
    table = Table()
    for name in ("extract", "source", "as of", "mode", "state", "received by", "run"):
        table.add_column(name)
    for one in found:
        run = "" if one.run is None else str(one.run)
        table.add_row(
            str(one.id), one.source, str(one.as_of), one.mode, one.state, one.received_by, run
        )
    _OUT.print(table)


def show_extract(found: ExtractView) -> None:
    """One extract with its report."""
    title = f"Extract {found.id} of {found.source}, as of {found.as_of}: {found.state}"
    why = found.refusal or found.withdrawal
    if why:
        _OUT.print(f"{title}, {why}", soft_wrap=True)
    if found.report is None:
        if not why:
            _OUT.print(f"{title}. It was not looked over yet.")
        return
    show_report(found.report, title, found.id, waits=found.state == "validated")
    table = Table(title="Fields of records of children", title_justify="left", title_style="bold")
    table.add_column("field")
    for name in ("filled", "usable", "share filled"):
        table.add_column(name, justify="right")
    children = found.report["children"]
    for field, counts in found.report["fields"].items():
        share = counts["present"] / children if children else 0.0
        usable = f"{counts['valid']:,}" if "valid" in counts else ""
        table.add_row(field, f"{counts['present']:,}", usable, f"{share:.0%}")
    _OUT.print(table)
    twice = found.report["duplicates"]
    _OUT.print(
        f"Records that repeat another's whole content: {twice['same_content']:,}; its names, date "
        f"of birth and postcode: {twice['same_person']:,}",
        soft_wrap=True,
    )


def show_rejects(found: Iterable[Any], extract: int) -> None:
    """Rejects, a line each: place and reason."""
    shown = False
    for one in found:
        shown = True
        column = f", {one.column}" if one.column else ""
        _OUT.print(f"{one.file}, row {one.row}{column}: {one.message}", soft_wrap=True)
    if not shown:
        _OUT.print(f"Extract {extract} has no rejects.")


def show_queue(found: Sequence[QueueItem], counts: dict[str, int]) -> None:
    """What waits for a person: how much, and the first of it with reasons."""
    conflicts, changed, possible = (
        f"{counts[kind]:,} {one if counts[kind] == 1 else many}"
        for kind, one, many in (
            ("conflicts", "conflict", "conflicts"),
            ("changed_values", "decision on changed values", "decisions on changed values"),
            ("possible_link", "possible link", "possible links"),
        )
    )
    _OUT.print(f"What waits: {conflicts}, {changed} and {possible}.")
    for item in found:
        chance = "" if item.probability is None else f" ({item.probability:.0%})"
        says = _WAITS_SAYS.get(item.kind, item.kind)
        _OUT.print(f"{_pair(item.l, item.r)}: {says}{chance}", soft_wrap=True)
        for reason in item.reasons:
            _OUT.print(f"    {reason}", soft_wrap=True)
        if item.decision is not None:
            _show_remade(item.decision, item)
        _show_clashing(item.clashing)
    if any(not item.clashing for item in found):
        _OUT.print("To decide: matcher decide match|non-match SOURCE ID SOURCE ID --why TEXT")


def _show_remade(made: Remade, item: QueueItem) -> None:
    """A decision on values that are others by now: those of then beside those of now."""
    _say(f"    decision {made.id}, {_KIND_SAYS[made.kind]} by {made.by}: {made.why}")
    for key, then, now, masked in (
        (item.l, made.then_l, made.now_l, made.masked_l),
        (item.r, made.then_r, made.now_r, made.masked_r),
    ):
        for name in dict.fromkeys((*now, *then)):
            was, is_now = (side.get(name, "nothing") for side in (then, now))
            _say(f"    {' '.join(key)}: {name} was {was}, is {is_now}")
        for name in masked:
            _say(f"    {' '.join(key)}: {name} is another, which matcher show record tells")
    if made.location_hidden:
        _say("    where the child lives is hidden")


def _show_clashing(clashing: Sequence[Clashing]) -> None:
    """The decisions that a conflict comes of, and how to settle it."""
    for one in clashing:
        pair = f"{' '.join(one.l)} and {' '.join(one.r)}"
        _say(f"    decision {one.id}, {_KIND_SAYS[one.kind]} of {pair} by {one.by}: {one.why}")
    if clashing:
        numbers = "|".join(str(one.id) for one in clashing)
        _say(f"    To settle it, take back one that is wrong: matcher undo {numbers} --why TEXT")


def _say(text: str) -> None:
    _OUT.print(text, soft_wrap=True, markup=False)


def show_conflicts(found: Sequence[ArisenConflict]) -> None:
    """Conflicts that an act brought about."""
    for one in found:
        _OUT.print(
            f"A conflict arose: {_pair(one.l, one.r)}: {_CONFLICT_SAYS.get(one.kind, one.kind)}",
            soft_wrap=True,
        )
    if found:
        _OUT.print("Conflicts are listed by: matcher queue")


def show_still_hidden(found: Sequence[Key]) -> None:
    """Records from which a shield was not lifted that was lifted from another child."""
    for key in found:
        _say(f"It still hides {' '.join(key)}, to which it had spread.")
    if found:
        _say("If they need it no more: matcher lift SOURCE ID --why TEXT")


def show_decisions(found: Sequence[EnteredDecision]) -> None:
    """Decisions, a line each."""
    for one in found:
        _OUT.print(
            f"{one.id}: {_pair(one.l, one.r)}: {one.kind} by {one.by} on {one.at:%Y-%m-%d} "
            f"({one.standing}): {one.why}",
            soft_wrap=True,
        )
    if not found:
        _OUT.print("Nothing was decided yet.")


def show_sources(found: Sequence[SourceView]) -> None:
    """What each source may be used for."""
    for source in found:
        _OUT.print(f"{source.name}: {source.title}")
        for one in source.agreements:
            until = f", until {one.ends}" if one.ends else ""
            over = "" if one.in_force else " (not in force)"
            _OUT.print(f"    for {', '.join(one.purposes)}{until}{over}", soft_wrap=True)
            _OUT.print(f"    basis: {one.lawful_basis or 'not stated'}", soft_wrap=True)
            for field, may in one.fields.items():
                _OUT.print(f"    {field} only for {', '.join(may) or 'nothing'}", soft_wrap=True)


# Of children that were both there already.
_MOVED_SAYS = {"child_split": "lost records to", "child_split_off": "took records from"}


def show_child(found: ShownChild, history: Sequence[ChildChange], known: Begun) -> None:
    """A child: where its id leads, its values, its records, its history."""
    standing = found.standing
    leads = f", see {', '.join(standing.successors)}" if standing.successors else ""
    _OUT.print(f"[bold]Child {standing.child_id}[/bold]: {standing.standing}{leads}")
    for field, (value, source) in found.golden.items():
        _OUT.print(f"  {field}: {value} ({source})", soft_wrap=True, markup=False)
    if found.location_hidden:
        _OUT.print("  where the child lives is hidden")
    for member in found.records:
        _OUT.print(f"  record {member.source} {member.record_id}", markup=False)
    for entry in history:
        about = list(entry.children)
        if entry.source is not None:
            about.append(f"{entry.source} {entry.record_id}")
        about += entry.fields
        moved = only_moved(standing.child_id, entry, known)
        _show_entry(entry, _MOVED_SAYS[entry.kind] if moved else _kind(entry), about)


def show_record(
    found: ShownRecord | None, child: str | None, history: Iterable[RecordChange]
) -> None:
    """A record: what it says, whose it is, its history."""
    if found is None:
        _OUT.print("The source does not list this record any more.")
    else:
        for name, value in found.values.items():
            _OUT.print(f"  {name}: {value}", soft_wrap=True, markup=False)
        if found.location_hidden:
            _OUT.print("  where the child lives is hidden")
        if found.erased:
            _OUT.print("  what it said was erased")
    _OUT.print(f"  child: {child or 'none'}")
    for entry in history:
        about = [entry.child_id] if entry.child_id else list(entry.fields)
        if entry.kind == "record_said" and not about:
            # Nothing is another that may be told, or nothing but the day.
            _show_entry(entry, f"record listed, as of {entry.as_of or 'no known day'}")
        else:
            _show_entry(entry, _kind(entry), about)


def _kind(entry: ChildChange | RecordChange) -> str:
    return entry.kind.replace("_", " ")


def _show_entry(entry: ChildChange | RecordChange, says: str, about: Sequence[str] = ()) -> None:
    of = f": {', '.join(about)}" if about else ""
    _OUT.print(
        f"  run {entry.run}, {entry.when.at:%Y-%m-%d}: {says}{of}",
        soft_wrap=True,
        markup=False,
    )


def _pair(l: tuple[str, str], r: tuple[str, str]) -> str:
    return f"{l[0]} {l[1]} and {r[0]} {r[1]}".replace("[", "\\[")
