"""Erasing records: linked away as if their source had deleted them, then forgotten.

What is left of a record is its number, when it was known, to which child it belonged, and
that it was erased. If its source lists it again, it comes as another record, since nothing
that could tell that it is the same is left.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, insert, select, update

from api.db.among import among
from api.db.models import (
    ACTIVITY,
    Erasure,
    Job,
    Membership,
    Record,
    RecordVersion,
    RunKind,
    Source,
    Succession,
)
from api.db.tables import in_utc
from api.services.access.audit import note_act
from api.services.register.acts import ActError, passes, require_reason
from api.services.register.columns import Numbers, columns
from api.services.register.history import find_child
from api.services.register.kept_rules import InForce, rules_in_force
from api.services.register.linker import LinkOutcome
from api.services.register.linking import LARGEST_PART, link_register
from api.services.register.running import begin_run, end_run, lock_register
from api.services.retention.due import due_records, free_to_erase
from api.services.retention.forgetting import end_corrections, forget
from api.services.retention.holds import held_records
from api.services.work import Task, enqueue
from matcher.progress import Observer, Silent

DUE = "due by the retention rules"
ERASE = "erase"


@dataclass(frozen=True, slots=True)
class PastErasure:
    """An erasure that was made: of how many records, in which run."""

    run: int
    records: int
    why: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Erased:
    """What an erasure did: its run, how many records by source, and what linking came to."""

    run: int
    by_source: Mapping[str, int]
    outcome: LinkOutcome

    @property
    def records(self) -> int:
        """How many in all."""
        return sum(self.by_source.values())


def erase_due(
    connection: Connection,
    offered: InForce,
    *,
    today: date,
    by: str,
    now: datetime,
    sources: list[str] | None = None,
    observer: Observer | None = None,
    largest_part: float = LARGEST_PART,
) -> Erased | None:
    """Erase what is due by today, of all or some sources, but for what is held; None if nothing."""
    lock_register(connection)
    book = rules_in_force(connection, offered).book
    records = free_to_erase(due_records(connection, book, today, sources=sources))
    if not len(records):
        return None
    return _erase(connection, offered, records, about="records due", why=DUE, by=by, now=now,
                  observer=observer, largest_part=largest_part)  # fmt: skip


def erase_asked(
    connection: Connection,
    offered: InForce,
    *,
    records: Numbers,
    about: str,
    why: str,
    by: str,
    now: datetime,
    observer: Observer | None = None,
    largest_part: float = LARGEST_PART,
) -> Erased:
    """Erase some records whether or not they are due. Raises ActError, see `check_can_erase`.

    ``about`` is a kind and an id, which the log of acts tells.
    """
    lock_register(connection)
    check_can_erase(connection, records=records, why=why)
    return _erase(connection, offered, records, about=about, why=why, by=by, now=now,
                  observer=observer, largest_part=largest_part)  # fmt: skip


def queue_erase_due(connection: Connection, sources: list[str], *, today: date, by: str) -> int:
    """Have what is due today of these sources erased by a worker; the job."""
    return enqueue(connection, ERASE, {"sources": sources, "today": today.isoformat()}, by)


def queue_erase_child(connection: Connection, child_id: str, *, why: str, by: str) -> int:
    """Have every record of a child erased by a worker; the job. Raises ActError."""
    check_can_erase(connection, records=records_of_child(connection, child_id), why=why)
    return enqueue(connection, ERASE, {"child": child_id, "why": why}, by)


def children_to_erase(connection: Connection, jobs: Collection[int]) -> dict[int, str]:
    """The child whose records a job erases, of those of these jobs that are about one."""
    query = select(Job.id, Job.request).where(Job.kind == ERASE, Job.id.in_(jobs))
    asked = connection.execute(query)
    return {job: request["child"] for job, request in asked if "child" in request}


def do_erase(
    offered: InForce, connection: Connection, task: Task, observer: Observer
) -> Mapping[str, Any]:
    """What was queued. Raises ActError if a hold was put meanwhile."""
    asked = task.request
    how: dict[str, Any] = {"by": task.by, "now": datetime.now(UTC), "observer": observer}
    done: Erased | None
    if "child" in asked:
        records = records_of_child(connection, asked["child"])
        about = f"child {asked['child']}"
        done = erase_asked(
            connection, offered, records=records, about=about, why=asked["why"], **how
        )
    else:
        today = date.fromisoformat(asked["today"])
        done = erase_due(connection, offered, today=today, sources=asked["sources"], **how)
    if done is None:
        return {"runs": [], "records": 0}
    return {"runs": [done.run], "records": done.records}


def check_can_erase(connection: Connection, *, records: Numbers, why: str) -> None:
    """Records that are there and that nobody holds, and a reason. Raises ActError."""
    require_reason(why)
    known = select(func.count()).where(among(Record.id, records), Record.erased_run.is_(None))
    if not len(records) or connection.scalar(known.select_from(Record)) != len(records):
        raise ActError("nothing of this is in the register, or it was erased already")
    if held := len(np.intersect1d(records, held_records(connection))):
        raise ActError(f"a hold is on {held} of the records; it has to be lifted first")


def can_erase(connection: Connection, *, records: Numbers, why: str) -> bool:
    """Whether these records can be erased now."""
    return passes(check_can_erase, connection, records=records, why=why)


def records_of_child(connection: Connection, child_id: str) -> Numbers:
    """Every record that was last of a child, or of one that was merged into it.

    Raises ActError if there is no such child.
    """
    if find_child(connection, child_id) is None:
        raise ActError("there is no child with this id")
    mine = {child_id} | {
        one
        for one in _led_to(connection, child_id)
        if (stood := find_child(connection, one)) and stood.successors == (child_id,)
    }
    ever = select(Membership.record).where(among(Membership.child, sorted(mine)))
    query = (
        select(Membership.record, Membership.child)
        .where(Membership.record.in_(ever))
        .order_by(Membership.record, Membership.from_run)
    )
    last: dict[int, str] = dict(iter(connection.execute(query)))
    found = [record for record, child in last.items() if child in mine]
    erased = select(Record.id).where(Record.erased_run.is_not(None))
    gone = columns(connection, erased.where(among(Record.id, np.array(found))))[0]
    return np.setdiff1d(np.array(found, dtype=np.int64), gone)


def count_by_source(connection: Connection, records: Numbers) -> dict[str, int]:
    """How many of these records each source has."""
    query = (
        select(Source.name, func.count())
        .join(Record, Record.source == Source.number)
        .where(among(Record.id, records))
        .group_by(Source.name)
        .order_by(Source.name)
    )
    return dict(iter(connection.execute(query)))


def past_erasures(connection: Connection, *, limit: int) -> list[PastErasure]:
    """The latest, the last one first."""
    query = select(Erasure.run, Erasure.records, Erasure.why, Erasure.by, Erasure.at)
    rows = connection.execute(query.order_by(Erasure.run.desc()).limit(limit))
    return [PastErasure(*row[:4], in_utc(row.at)) for row in rows]


def _led_to(connection: Connection, child_id: str) -> set[str]:
    """Children whose records went to this one, step by step."""
    found: set[str] = set()
    new = {child_id}
    while new:
        query = select(Succession.child).where(among(Succession.successor, sorted(new)))
        new = set(connection.scalars(query)) - found - {child_id}
        found |= new
    return found


def _erase(
    connection: Connection,
    offered: InForce,
    records: Numbers,
    *,
    about: str,
    why: str,
    by: str,
    now: datetime,
    observer: Observer | None,
    largest_part: float,
) -> Erased:
    observer = observer or Silent()
    rules = rules_in_force(connection, offered)
    by_source = count_by_source(connection, records)
    run = begin_run(connection, rules, kind=RunKind.ERASURE, by=by, now=now)
    left = end_corrections(connection, records, by=by, now=now, run=run)
    outcome = link_register(
        connection,
        run=run,
        rules=rules.book.linkage,
        model=rules.model,
        changed=_close(connection, records, run),
        recheck=left,
        largest_part=largest_part,
        observer=observer,
    )
    end_run(connection, run, outcome)
    with observer.stage("forget"):
        keys_until = forget(connection, records, run, now=now)
    row = {"run": run, "records": len(records), "why": why, "by": by, "at": now}
    connection.execute(insert(Erasure).values(row | {"keys_until": keys_until}))
    detail = {"run": run, "records": len(records), "by_source": by_source}
    note_act(connection, "erased", about, by=by, now=now, detail=detail)
    return Erased(run, by_source, outcome)


def _close(connection: Connection, records: Numbers, run: int) -> Numbers:
    """Let the records say nothing from this run on; those that were children's until now."""
    current = select(RecordVersion.record).where(
        RecordVersion.to_run.is_(None),
        RecordVersion.role == "child",
        among(RecordVersion.record, records),
    )
    changed: Numbers = np.unique(columns(connection, current)[0])
    tables: list[Any] = [RecordVersion, *ACTIVITY.values()]
    for table in tables:
        connection.execute(
            update(table)
            .where(table.to_run.is_(None), among(table.record, records))
            .values(to_run=run)
        )
    return changed
