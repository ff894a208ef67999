"""The journey of a child: what happened with it, across all systems, in time order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import Connection, Date, func, select

from api.db.among import among
from api.db.models import ACTIVITY, Extract
from api.services.access.policy import View
from api.services.extracts.current import held
from api.services.register.columns import Numbers
from api.services.register.history import Member, members_of
from api.services.register.lookalikes import lookalikes
from api.services.register.shields import shielded_children
from api.services.register.viewing import seen_members
from matcher.frames import ACTIVITY_COLUMNS

# Where a step of a journey stands: day, kind, number of its row.
Place = tuple[str, str, int]

_KEY = ("source", "record_id")

# Ethnicity is kept beside a record and is nothing that happened.
HAPPENED = tuple(kind for kind in ACTIVITY if kind != "ethnicities")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened. ``kind`` is one of HAPPENED, or of ACTIVITY if asked for.

    ``day`` is its date, or the one on which it began; of what has none, the day of the
    extract that told of it, and ``dated`` says no.
    """

    kind: str
    day: date
    dated: bool
    key: Member
    values: Mapping[str, Any]
    place: Place


@dataclass(frozen=True, slots=True)
class Journey:
    """Steps in order; where they led is left out if ``location_hidden``."""

    steps: Sequence[Step]
    location_hidden: bool


def journey_of(
    connection: Connection,
    view: View,
    child_id: str,
    *,
    as_of_run: int | None = None,
    after: Place | None = None,
    limit: int = 100,
    kinds: Collection[str] = HAPPENED,
) -> Journey:
    """The next steps of a child's journey as it is known now, or was after a run."""
    members, _ = members_of(connection, child_id, as_of_run=as_of_run)
    untold = lookalikes(connection, view).records
    key = {one.record: one for one in seen_members(view, members, untold)}
    numbers = np.array(sorted(key), dtype=np.int64)
    past = as_of_run is not None
    shielded = bool(shielded_children(connection, [child_id], at_any_time=past))
    steps = [
        _step(view, kind, row, key[row.record], shielded=shielded)
        for kind in kinds
        for row in _rows(connection, kind, numbers, as_of_run)
    ]
    steps.sort(key=lambda step: step.place)
    steps = [step for step in steps if after is None or step.place > after]
    return Journey(steps[:limit], view.hides_location(shielded))


def _rows(
    connection: Connection, kind: str, records: Numbers, as_of_run: int | None
) -> Sequence[Any]:
    table: Any = ACTIVITY[kind]
    told = func.coalesce(Extract.held_on, Extract.as_of, type_=Date()).label("told")
    query = (
        select(table.__table__, told)
        .join(Extract, Extract.id == table.extract)
        .where(held(table, as_of_run), among(table.record, records))
    )
    return connection.execute(query).all()


def _step(view: View, kind: str, row: Any, key: Member, *, shielded: bool) -> Step:
    said = {name: getattr(row, name) for name in ACTIVITY_COLUMNS[kind] if name not in _KEY}
    own = said.get("date") or said.get("start")
    day = own or row.told
    known = {name: value for name, value in said.items() if value is not None}
    return Step(
        kind,
        day,
        own is not None,
        key,
        view.of_values(key.source, known, shielded=shielded),
        (day.isoformat(), kind, row.id),
    )
