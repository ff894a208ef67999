"""A run: everything that waits is applied and linked, in one transaction.

Accepted extracts are applied and withdrawn ones undone; decisions, corrections and
severances that no run has held yet take effect. Nothing of a run can be seen before it
is committed as a whole.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, func, insert, literal_column, select, text, update

from api.db.engine import is_sqlite
from api.db.models import Conflict, Correction, Decision, Pair, Run, RunKind, Severance, Source
from api.services.extracts import Applied, Due, apply, diff, extracts_due, read_kept, undo
from api.services.register.columns import Numbers, columns
from api.services.register.conflicts import REFUSED_LINK
from api.services.register.corrections import left_with
from api.services.register.entered import conflicts_since
from api.services.register.feed_places import keep_key
from api.services.register.kept_rules import InForce, differ_from_last, keep_rules, rules_in_force
from api.services.register.linker import LinkOutcome
from api.services.register.linking import LARGEST_PART, link_register
from api.services.register.placing import place_again, waiting_places
from api.services.register.previewed import Previewed, mark_of
from matcher.errors import DataError
from matcher.progress import Observer, Silent
from matcher.read import ReadResult

# The number under which PostgreSQL queues those who change the register.
_LOCK = 7_205_759_403

# The number is written out, since only then is the index of those that wait used each time.
_WAITING = select(func.count()).select_from(Pair).where(Pair.waiting == literal_column("1"))
_CONFLICTS = (
    select(Conflict.kind, func.count()).where(Conflict.to_run.is_(None)).group_by(Conflict.kind)
)


@dataclass(frozen=True)
class MovedInForce:
    """What a relink brought about beside children: links that are new, and that are no more.

    ``rules`` and ``model`` say whether others are in force since.
    """

    rules: bool
    model: bool
    links_gained: int
    links_lost: int


@dataclass(frozen=True)
class RunResult:
    """What a run did. ``applied`` counts by extract; ``run`` is its number.

    ``conflicts`` is how many it was the first to see, of those that anybody may be shown.
    ``moved`` is counted by a relink only: others would look through all links for it.
    """

    run: int
    applied: Mapping[int, Mapping[str, int]]
    outcome: LinkOutcome
    conflicts: int
    moved: MovedInForce | None = None

    @property
    def activity(self) -> dict[str, int]:
        """Rows of activity that begin to hold, and that end, over all of its extracts."""
        names = ("activity_begun", "activity_ended")
        return {name: sum(one[name] for one in self.applied.values()) for name in names}


def something_waits(connection: Connection) -> bool:
    """Whether a run would have anything to do."""
    return bool(extracts_due(connection)) or len(_waiting_records(connection)) > 0


def run_register(
    connection: Connection,
    offered: InForce,
    *,
    by: str,
    now: datetime,
    reads: Mapping[int, ReadResult] | None = None,
    previewed: Previewed | None = None,
    anew: bool = False,
    largest_part: float = LARGEST_PART,
    observer: Observer | None = None,
) -> list[RunResult]:
    """Do everything that waits, in as few runs as it takes; none if nothing waits.

    Args:
        connection: a transaction that may write.
        offered: the rules to begin with, if the register has none in force yet.
        by: who asked for it.
        now: when.
        reads: extracts that have been read already, by number.
        previewed: of what may be done; see `rehearsal`.
        anew: one run at least, and link everything.
        largest_part: see `link_register`.
        observer: told of stages.

    Raises DataError if it would not do what was ``previewed``.
    """
    lock_register(connection)
    if previewed is not None:
        previewed.check_run(connection)
    rules = rules_in_force(connection, offered)
    observer = observer or Silent()
    results: list[RunResult] = []
    while (every := extracts_due(connection)) or something_waits(connection) or anew:
        due = _one_a_source(every)
        run = begin_run(connection, rules, kind=_kind(due, anew), by=by, now=now)
        waiting = _held_by(connection, run)
        if previewed is not None and not results:
            previewed.check_mark(mark_of(connection, rules, every, run=run))
        applied = {
            one.extract: _apply(connection, one, run, rules, reads or {}, observer) for one in due
        }
        placed = place_again(connection, run)
        outcome = link_register(
            connection,
            run=run,
            rules=rules.book.linkage,
            model=rules.model,
            changed=_joined([[placed], *([a.new, a.changed, a.gone] for a in applied.values())]),
            recheck=_joined([[a.redated] for a in applied.values()] + [[waiting]]),
            anew=anew,
            largest_part=largest_part,
            observer=observer,
        )
        anew = False
        counts = {extract: dict(one.counts) for extract, one in applied.items()}
        result = RunResult(run, counts, outcome, len(conflicts_since(connection, run)))
        end_run(connection, run, outcome, result.activity)
        results.append(result)
    if previewed is not None and not results:
        previewed.check_mark(mark_of(connection, rules))
    return results


def relink(
    connection: Connection,
    offered: InForce,
    *,
    by: str,
    now: datetime,
    previewed: Previewed | None = None,
    observer: Observer | None = None,
) -> RunResult:
    """Put other rules in force, and link everything that is current by them, in one run.

    Extracts that wait go on waiting; the next run links them by these rules. What was read
    of earlier ones stays as it was read.

    Args:
        connection: a transaction that may write.
        offered: the rules and the model from now on.
        by: who asked for it.
        now: when.
        previewed: of what may be done; see `preview`.
        observer: told of stages.

    Raises DataError if the register is empty, or if this would not do what was ``previewed``.
    """
    lock_register(connection)
    check_can_relink(connection)
    if previewed is not None:
        previewed.check_run(connection)
    (rules, model), before = differ_from_last(connection, offered), _links(connection)
    run = begin_run(connection, offered, kind=RunKind.RELINK, by=by, now=now)
    _held_by(connection, run)
    if previewed is not None:
        previewed.check_mark(mark_of(connection, offered, run=run))
    place_again(connection, run)
    for name, once in holding_once(connection, offered).items():
        same = Source.name == name, Source.one_record_per_child != once
        connection.execute(update(Source).where(*same).values(one_record_per_child=once))
    nothing = np.empty(0, dtype=np.int64)
    outcome = link_register(
        connection,
        run=run,
        rules=offered.book.linkage,
        model=offered.model,
        changed=nothing,
        recheck=nothing,
        anew=True,
        observer=observer,
    )
    end_run(connection, run, outcome)
    after = _links(connection)
    moved = MovedInForce(
        rules=rules,
        model=model,
        links_gained=int((~after.isin(before)).sum()),
        links_lost=int((~before.isin(after)).sum()),
    )
    return RunResult(run, {}, outcome, len(conflicts_since(connection, run)), moved)


def _links(connection: Connection) -> pd.MultiIndex:
    """Links, by record.id of both ends."""
    query = select(Pair.l, Pair.r).where(Pair.link == 1)
    return pd.MultiIndex.from_arrays(columns(connection, query))


def check_can_relink(connection: Connection) -> None:
    """Raises DataError for an empty register."""
    if connection.scalar(select(func.max(Run.id))) is None:
        raise DataError("the register is empty; ingest and link an extract first")


def holding_once(connection: Connection, rules: InForce) -> dict[str, bool]:
    """By source, whether it holds each child once, as the rules say."""
    names = connection.scalars(select(Source.name)).all()
    return {name: rules.book.definition(name).one_record_per_child for name in names}


def lock_register(connection: Connection) -> None:
    """Wait until nobody else changes the register; on SQLite any writer has waited already."""
    if not is_sqlite(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def begin_run(
    connection: Connection, rules: InForce, *, kind: RunKind, by: str, now: datetime
) -> int:
    """Enter a run; its number."""
    keep_rules(connection, rules, now=now)
    keep_key(connection)
    values = {
        "kind": kind,
        "at": now,
        "by": by,
        "rules": rules.book.content_hash,
        "model": rules.model.content_hash,
        "population": {},
        "counts": {},
    }
    run: int = connection.execute(insert(Run).values(values).returning(Run.id)).scalar_one()
    return run


def end_run(
    connection: Connection,
    run: int,
    outcome: LinkOutcome,
    activity: Mapping[str, int] | None = None,
) -> None:
    """Enter what a run found, and how much ``activity`` its extracts began and ended."""
    conflicts = dict(connection.execute(_CONFLICTS).all())
    waiting = connection.scalar(_WAITING) or 0
    counts: dict[str, Any] = asdict(outcome.children) | {
        "whole": outcome.whole,
        "looked_at": outcome.looked_at,
        "candidate_pairs": outcome.candidates,
        # As the queue counts: a link that was refused waits as a conflict.
        "waiting": waiting - conflicts.get(REFUSED_LINK, 0),
        "conflicts": sum(conflicts.values()),
        **(activity or {}),
    }
    if outcome.blocks:
        counts["blocking"] = [asdict(one) for one in outcome.blocks]
    connection.execute(
        update(Run).where(Run.id == run).values(population=outcome.given.as_json(), counts=counts)
    )


def _kind(due: list[Due], anew: bool) -> RunKind:
    """What a run is for: extracts to link or undo, or else what people decided and corrected."""
    if due and all(one.undo for one in due):
        return RunKind.UNDO
    return RunKind.LINK if due or anew else RunKind.DECISION


def _one_a_source(due: list[Due]) -> list[Due]:
    """The first of each source; the rest must wait for the next run."""
    first: dict[int, Due] = {}
    for one in due:
        first.setdefault(one.source, one)
    return list(first.values())


def _apply(
    connection: Connection,
    due: Due,
    run: int,
    rules: InForce,
    reads: Mapping[int, ReadResult],
    observer: Observer,
) -> Applied:
    if due.undo:
        return undo(connection, extract=due.extract, run=run)
    read = reads.get(due.extract)
    if read is None:
        with observer.stage(f"read extract {due.extract}"):
            read = read_kept(connection, due.extract, rules.book)
    with observer.stage(f"apply extract {due.extract}"):
        changes = diff(connection, source=due.source, read=read, mode=due.mode, as_of=due.as_of)
        return apply(connection, changes, extract=due.extract, run=run)


def _waiting_records(connection: Connection) -> Numbers:
    """Records of decisions, severances, corrections and lifted shields no run has held yet."""
    found = [
        waiting_places(connection),
        *columns(
            connection,
            select(Decision.record_l, Decision.record_r).where(Decision.run.is_(None)),
        ),
        *columns(
            connection,
            select(Severance.record_l, Severance.record_r).where(Severance.run.is_(None)),
        ),
        *columns(connection, select(Correction.record).where(Correction.run.is_(None))),
    ]
    return np.unique(np.concatenate(found))


def _held_by(connection: Connection, run: int) -> Numbers:
    """Enter the run in all that waits for one; the records that it is about.

    In one step, so that what a person enters meanwhile is not taken for held.
    """
    found: list[int] = []
    for table, ends in (
        (Decision, (Decision.record_l, Decision.record_r)),
        (Severance, (Severance.record_l, Severance.record_r)),
        (Correction, (Correction.record,)),
    ):
        held = update(table).where(table.run.is_(None)).values(run=run).returning(*ends)
        records = [record for row in connection.execute(held) for record in row]
        found += records
        if table is Correction:
            # What was corrected on a record that is gone shows on whoever it stayed with.
            found += left_with(connection, records)
    return np.unique(np.array(found, dtype=np.int64))


def _joined(parts: list[list[Numbers]]) -> Numbers:
    every = [ids for part in parts for ids in part]
    return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *every]))
