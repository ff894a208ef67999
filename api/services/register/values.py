"""What records said when a person decided on them, and whether they say something else now.

Values are kept as the source wrote them. To be compared, both sides are standardised by the
rules in force, so that neither a new way to write a value nor a new rule counts as a change.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select, update

from api.db.among import among
from api.db.models import Decision
from api.services.extracts import current_records
from api.services.extracts.hashes import content_hash
from api.services.register.columns import Numbers
from api.services.register.decisions import decisions_in_force
from api.services.register.shields import WHEREABOUTS
from matcher.frames import RECORD_TEXT_COLUMNS, records_from
from matcher.rules.library import LinkageRules
from matcher.standardise import standardise

Values = Mapping[str, str]

# What is kept of a record: all that any rules could compare.
KEPT = (*(name for name in RECORD_TEXT_COLUMNS if name != "role"), "date_of_birth")


def values_now(connection: Connection, records: Iterable[int]) -> dict[int, dict[str, str]]:
    """What each of these records says, by record.id; one that is not current is left out."""
    return _said_now(connection, records)[0]


def _said_now(
    connection: Connection, records: Iterable[int]
) -> tuple[dict[int, dict[str, str]], set[int]]:
    """The same, and those of which the place is not compared."""
    wanted = np.array(sorted(set(records)), dtype=np.int64)
    frame = current_records(connection, wanted)
    frame = frame[(frame["role"] == "child").to_numpy()]
    cells = frame[list(KEPT)].astype(object)
    cells["date_of_birth"] = frame["date_of_birth"].dt.strftime("%Y-%m-%d").astype(object)
    found = {}
    for number, source, row in zip(
        frame["id"].tolist(), frame["source"].astype(object), cells.to_dict("records"), strict=True
    ):
        said = {str(name): str(value) for name, value in row.items() if not pd.isna(value)}
        found[number] = {"source": str(source), **said}
    return found, set(frame.loc[frame["unplaced"].to_numpy(dtype=bool), "id"].tolist())


def kept(values: Values) -> dict[str, Any]:
    """Values with their hash, as a decision keeps them."""
    number = int(content_hash(_frame([values]), KEPT)[0])
    return {"content_hash": f"{number:x}", "values": dict(values)}


def differ(rules: LinkageRules, old: Sequence[Values], new: Sequence[Values]) -> list[bool]:
    """For each record, whether anything that the rules compare is another value now."""
    if not old:
        return []
    compared = sorted(
        set().union(*(one.columns for one in rules.matching.comparisons)) - {"source"}
    )
    both = standardise(_frame([*old, *new]), rules.names, rules.values)
    changed = np.zeros(len(old), dtype=bool)
    for name in compared:
        codes = both[name].cat.codes.to_numpy()
        changed |= codes[: len(old)] != codes[len(old) :]
    return changed.tolist()


def _frame(rows: Sequence[Values]) -> pd.DataFrame:
    return records_from(rows)


def mark_stale(
    connection: Connection, run: int, rules: LinkageRules, records: Numbers | None
) -> None:
    """Note which decisions in force were made on other values than the records' of this run.

    ``records`` are those that changed; without them, every decision is looked at. One whose
    records say again what they said is as good as new.
    """
    numbers = decisions_in_force(connection, records)["id"].to_numpy(np.int64)
    if not len(numbers):
        return
    query = select(
        Decision.id,
        Decision.record_l,
        Decision.record_r,
        Decision.values_l,
        Decision.values_r,
        Decision.stale_run,
    ).where(among(Decision.id, numbers))
    rows = connection.execute(query.order_by(Decision.id)).all()
    both = {n for row in rows for n in (row.record_l, row.record_r)}
    now, unplaced = _said_now(connection, both)
    sides = [
        (row.id, *(_placed(said, record not in unplaced) for said in (then["values"], now[record])))
        for row in rows
        for record, then in ((row.record_l, row.values_l), (row.record_r, row.values_r))
        if record in now and then.get("values")
    ]
    changed = differ(rules, [then for _, then, _ in sides], [said for _, _, said in sides])
    known = {number for number, _, _ in sides}
    stale = {number for (number, _, _), other in zip(sides, changed, strict=True) if other}
    begins = [row.id for row in rows if row.id in stale and row.stale_run is None]
    ends = [row.id for row in rows if row.id in known - stale and row.stale_run is not None]
    for some, value in ((begins, run), (ends, None)):
        if some:
            ids = np.array(some, dtype=np.int64)
            where = among(Decision.id, ids)
            connection.execute(update(Decision).where(where).values(stale_run=value))


def _placed(said: Values, placed: bool) -> Values:
    """What a record says, as it is compared."""
    return {name: text for name, text in said.items() if placed or name not in WHEREABOUTS}
