"""What linking could not do without going against somebody: a person must settle it.

* contradiction: a match decision that was not followed, because a non-match decision (or a
  severance) keeps the two sides apart
* held_twice: two records of a source that holds each child once, in one child
* refused_link: a link that was not followed, because it would have made such two

Each is named by a pair of records. It is open from the run that first saw it until the run
that no longer does.
"""

from collections.abc import Iterator

import numpy as np
from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from api.db.among import among
from api.db.bulk import insert
from api.db.models import Conflict
from api.services.register.columns import Numbers
from matcher.deciding import Linked
from matcher.links import reported
from matcher.table import Mask, Positions

CONTRADICTION, HELD_TWICE, REFUSED_LINK = "contradiction", "held_twice", "refused_link"

# Kind, and the positions of two records.
Found = tuple[str, int, int]


def find_conflicts(linked: Linked) -> list[Found]:
    """All conflicts of a run, by kind and then by key."""
    return sorted({*_contradictions(linked), *_held_twice(linked), *_refused_links(linked)})


def _contradictions(linked: Linked) -> Iterator[Found]:
    refused = linked.clusters.refused_must
    l, r = (side[refused].tolist() for side in linked.decisions.must)
    yield from ((CONTRADICTION, one, other) for one, other in zip(l, r, strict=True))


def _held_twice(linked: Linked) -> Iterator[Found]:
    """Each further record of such a source in one cluster, with the first one."""
    label, source = linked.clusters.label, linked.prepared.source
    at = np.flatnonzero(linked.prepared.single[source])
    order = at[np.lexsort((at, source[at], label[at]))]
    same = (label[order[1:]] == label[order[:-1]]) & (source[order[1:]] == source[order[:-1]])
    first = -1
    for place in np.flatnonzero(same).tolist():
        if place == 0 or not same[place - 1]:
            first = int(order[place])
        yield HELD_TWICE, first, int(order[place + 1])


def _refused_links(linked: Linked) -> Iterator[Found]:
    """Of the links between two clusters the strongest, which stands for all."""
    _, waiting = reported(linked)
    at = np.flatnonzero(waiting & linked.designations.link)
    l, r = linked.pairs.l[at], linked.pairs.r[at]
    twice = _share_a_single_source(linked, l, r)
    yield from (
        (REFUSED_LINK, one, other)
        for one, other in zip(l[twice].tolist(), r[twice].tolist(), strict=True)
    )


def _share_a_single_source(linked: Linked, l: Positions, r: Positions) -> Mask:
    """Whether some source that holds each child once has a record in both clusters."""
    label, source = linked.clusters.label, linked.prepared.source
    result = np.zeros(len(l), dtype=bool)
    for number in np.flatnonzero(linked.prepared.single).tolist():
        held = label[source == number]
        result |= np.isin(label[l], held) & np.isin(label[r], held)
    return result


def update_conflicts(
    connection: Connection,
    run: int,
    linked: Linked | None,
    gone: Numbers,
    *,
    core: Mask | None = None,
) -> None:
    """Open the conflicts that this run sees first, and close those that it no longer sees.

    Args:
        connection: may write.
        run: the run.
        linked: what it found; its records have record.id in ``id``.
        gone: records that belong to nobody any more.
        core: records whose conflicts it decides, if not those of all in the register.
    """
    if linked is None:
        record, found = np.empty(0, dtype=np.int64), []
    else:
        record, found = linked.prepared.records["id"].to_numpy(np.int64), find_conflicts(linked)
    if core is not None:
        found = [(kind, l, r) for kind, l, r in found if core[l] or core[r]]
    seen = [(kind, int(record[l]), int(record[r])) for kind, l, r in found]
    query = select(Conflict.id, Conflict.kind, Conflict.record_l, Conflict.record_r)
    condition: ColumnElement[bool] = Conflict.to_run.is_(None)
    if core is not None:
        looked = np.union1d(record[core], gone)
        either = or_(
            among(Conflict.record_l, looked),
            among(Conflict.record_r, looked),
        )
        condition = and_(condition, either)
    known = {
        (kind, l, r): number for number, kind, l, r in connection.execute(query.where(condition))
    }
    over = np.array(sorted(n for key, n in known.items() if key not in set(seen)), dtype=np.int64)
    if len(over):
        closed = update(Conflict).where(among(Conflict.id, over))
        connection.execute(closed.values(to_run=run))
    new = [key for key in seen if key not in known]
    if new:
        kind, l, r = (list(column) for column in zip(*new, strict=True))
        insert(connection, Conflict, {"kind": kind, "record_l": l, "record_r": r, "from_run": run})
