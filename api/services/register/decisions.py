"""What people decided of pairs, as linking must hold it."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, or_, select

from api.db.among import among
from api.db.models import Decision, Severance
from api.services.register.columns import Numbers, columns
from matcher.deciding import Decisions

MATCH, NON_MATCH, CANNOT_TELL, UNDO = "match", "non_match", "cannot_tell", "undo"


_NOTHING = pd.DataFrame(
    {name: np.empty(0, object if name == "kind" else np.int64) for name in ("id", "kind", "l", "r")}
)


def decisions_in_force(
    connection: Connection, records: Numbers | None = None, *, as_of_run: int | None = None
) -> pd.DataFrame:
    """The decision that holds on each pair: columns id, kind, l, r (record.id, l < r).

    Of several on one pair the last that was not undone. ``records`` leaves only pairs of
    which one is among them; ``as_of_run`` only what that run or one before it held.
    """
    query = select(
        Decision.id, Decision.kind, Decision.record_l, Decision.record_r, Decision.undoes
    ).order_by(Decision.id)
    if records is not None:
        query = query.where(
            or_(
                among(Decision.record_l, records),
                among(Decision.record_r, records),
            )
        )
    if as_of_run is not None:
        query = query.where(Decision.run <= as_of_run)
    number, kind, l, r, undone = columns(connection, query)
    if not len(number):
        return _NOTHING
    low, high = np.minimum(l, r), np.maximum(l, r)
    frame = pd.DataFrame({"id": number, "kind": kind, "l": low, "r": high})
    holds = (frame["kind"] != UNDO) & ~frame["id"].isin(undone)
    return frame[holds].drop_duplicates(["l", "r"], keep="last").reset_index(drop=True)


def as_positions(
    connection: Connection,
    record: Numbers,
    *,
    decided_until: int | None = None,
    severed_until: int | None = None,
    supposed: Mapping[tuple[int, int], str] | None = None,
) -> Decisions:
    """Decisions and severances among records, as positions in ``record`` with l < r.

    Only those that a run held, up to the number given; without one also those that wait for a
    run. ``supposed`` goes before what was decided of the same pairs.
    """
    found = decisions_in_force(connection, record, as_of_run=decided_until)
    if supposed:
        more = [{"kind": kind, "l": l, "r": r} for (l, r), kind in supposed.items()]
        rows = [*found[["kind", "l", "r"]].to_dict("records"), *more]
        found = pd.DataFrame(rows).drop_duplicates(["l", "r"], keep="last")
    severed = select(Severance.record_l, Severance.record_r).where(
        or_(
            among(Severance.record_l, record),
            among(Severance.record_r, record),
        )
    )
    if severed_until is not None:
        severed = severed.where(Severance.run <= severed_until)
    l, r = columns(connection, severed)
    if found.empty and not len(l):
        return Decisions()
    # A severance goes before whatever was said of the same two.
    severed_pairs = pd.MultiIndex.from_arrays([np.minimum(l, r), np.maximum(l, r)])
    found = found[~pd.MultiIndex.from_frame(found[["l", "r"]]).isin(severed_pairs)]
    must = found[found["kind"] == MATCH]
    cannot = found[found["kind"] == NON_MATCH]
    return Decisions(
        _placed(record, must["l"].to_numpy(), must["r"].to_numpy()),
        _placed(
            record,
            np.concatenate([cannot["l"].to_numpy(np.int64), l]),
            np.concatenate([cannot["r"].to_numpy(np.int64), r]),
        ),
    )


def _placed(
    record: Numbers, one: Numbers, other: Numbers
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    place = pd.Index(record)
    a = place.get_indexer(pd.Index(one)).astype(np.int32)
    b = place.get_indexer(pd.Index(other)).astype(np.int32)
    known = (a >= 0) & (b >= 0)
    l, r = np.minimum(a, b)[known], np.maximum(a, b)[known]
    order = np.lexsort((r, l))
    return l[order], r[order]
