"""Children of whom nothing changes though the weight of their pairs does.

When a name becomes commoner or rarer, the pairs of all who bear it weigh a little more or less,
and hardly ever does anything follow. A child is *settled* if its records are of different
sources and nothing but their weight joins them; if no pair may join one of them to another
child's; if nobody has decided anything of them or is asked to; if each of its records fits the
others better, by the margin of rivals, than anybody else; and if no pair of theirs has
crossed a threshold.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, or_, select

from api.db.among import among
from api.db.models import Membership, Pair, Record, Severance
from api.services.register.closure import Bounds, fellows
from api.services.register.columns import Numbers, columns
from api.services.register.decisions import decisions_in_force
from api.services.register.pairs import Weighed, places
from matcher.deciding import MARGIN_BELOW
from matcher.scoring import NOT_AGAINST


def unsettled(
    connection: Connection, records: Numbers, old: Weighed, new: Weighed, bounds: Bounds
) -> Numbers:
    """The records, of these, of children who are not settled.

    ``old`` and ``new`` are the pairs between these records as they weighed and as they weigh
    now and are kept. Where a prior moved as well, its pairs must be looked at beside.
    """
    if not len(records):
        return records
    child = _children_with(connection, records)
    everybody = child.index.to_numpy(np.int64)
    moved = _moved(old, new, bounds)
    crossed = moved[moved["crossed"]]
    stirring = [
        crossed["l"].to_numpy(np.int64),
        crossed["r"].to_numpy(np.int64),
        *_of_one_source(connection, child),
        *_decided(connection, everybody),
        *_entangled(connection, child, moved, bounds),
    ]
    stirred = child.reindex(np.unique(np.concatenate(stirring))).dropna().unique()
    return everybody[child.isin(stirred).to_numpy() & np.isin(everybody, records)]


def _children_with(connection: Connection, records: Numbers) -> "pd.Series[str]":
    """The child of each of these records and of their fellows, by record.id."""
    everybody = np.union1d(records, fellows(connection, records))
    query = select(Membership.record, Membership.child).where(
        Membership.to_run.is_(None), among(Membership.record, everybody)
    )
    record, child = columns(connection, query)
    return pd.Series(child, index=record)


def _moved(old: Weighed, new: Weighed, bounds: Bounds) -> pd.DataFrame:
    """Pairs that weigh another than they did: l, r, the lower and higher weight, crossed."""
    before, now = (
        pd.DataFrame(
            {
                "weight": bounds.weight(pairs),
                "against": pairs.evidence < NOT_AGAINST,
                "apart": pairs.apart != 0,
            },
            index=pd.MultiIndex.from_arrays([pairs.l, pairs.r], names=["l", "r"]),
        )
        for pairs in (old, new)
    )
    both = before.join(now, how="outer", lsuffix="_before", rsuffix="_now")
    # What is not kept, or was not, weighs too little to matter.
    weights = both[["weight_before", "weight_now"]].fillna(-np.inf)
    ranks = np.searchsorted(_steps(bounds), weights.to_numpy(), side="right")
    crossed = ranks[:, 0] != ranks[:, 1]
    for name in ("against", "apart"):
        known = both[[f"{name}_before", f"{name}_now"]].notna().all(axis=1)
        crossed |= (known & (both[f"{name}_before"] != both[f"{name}_now"])).to_numpy()
    return pd.DataFrame(
        {
            "lowest": weights.min(axis=1),
            "highest": weights.max(axis=1),
            "crossed": crossed,
        }
    ).reset_index()


def _steps(bounds: Bounds) -> list[float]:
    """Weights at which a pair becomes another."""
    at = bounds.thresholds
    return sorted([at.lower - MARGIN_BELOW, at.lower, at.upper - at.rival_margin, at.upper])


def _of_one_source(connection: Connection, child: "pd.Series[str]") -> list[Numbers]:
    """Records beside which their child has another of the same source."""
    everybody = child.index.to_numpy(np.int64)
    query = select(Record.id, Record.source).where(among(Record.id, everybody))
    record, source = columns(connection, query)
    held = pd.DataFrame({"child": child.reindex(record).to_numpy(), "source": source})
    return [record[held.duplicated(keep=False).to_numpy()]]


def _decided(connection: Connection, everybody: Numbers) -> list[Numbers]:
    """Records of which a person said whom they are or are not."""
    said = decisions_in_force(connection, everybody)
    either = (among(end, everybody) for end in (Severance.record_l, Severance.record_r))
    severed = select(Severance.record_l, Severance.record_r).where(or_(*either))
    return [said["l"].to_numpy(np.int64), said["r"].to_numpy(np.int64),
            *columns(connection, severed)]  # fmt: skip


def _entangled(
    connection: Connection, child: "pd.Series[str]", moved: pd.DataFrame, bounds: Bounds
) -> list[Numbers]:
    """Records in pairs that may count for more than their weight, or nearly as much as others."""
    everybody = child.index.to_numpy(np.int64)
    either = (among(end, everybody) for end in (Pair.l, Pair.r))
    kept = (Pair.l, Pair.r, Pair.group, Pair.evidence, Pair.apart, Pair.weight)
    query = select(*kept, Pair.waiting, Pair.company).where(or_(*either))
    l, r, group, evidence, apart, weight, waiting, company = columns(connection, query)
    pairs = Weighed(l, r, group, evidence, apart, weight)
    inside = _same(child, pairs)
    lowest = highest = bounds.weight(pairs)
    at = places((moved["l"].to_numpy(np.int64), moved["r"].to_numpy(np.int64)), (l, r))
    known = at >= 0
    if known.any():
        lowest, highest = lowest.copy(), highest.copy()
        lowest[known] = moved["lowest"].to_numpy()[at[known]]
        highest[known] = moved["highest"].to_numpy()[at[known]]
    thresholds, together = bounds.thresholds, pairs.apart == 0
    possible = bounds.possible(pairs) | (highest >= thresholds.lower)
    near = known & (highest >= thresholds.lower - MARGIN_BELOW)
    entangled = (
        (waiting != 0)
        | inside & (~together | (company != 0))
        | ~inside & together & (possible | near)
    )
    record = np.concatenate([l, r])
    own, other = np.tile(inside & possible, 2), np.tile(~inside & possible, 2)
    weakest = pd.Series(np.tile(lowest, 2)[own]).groupby(record[own]).min()
    strongest = pd.Series(np.tile(highest, 2)[other]).groupby(record[other]).max()
    ahead = (weakest - strongest).dropna()
    close = ahead.index[ahead < thresholds.rival_margin].to_numpy(np.int64)
    return [l[entangled], r[entangled], close]


def _same(child: "pd.Series[str]", pairs: Weighed) -> npt.NDArray[np.bool_]:
    """Pairs within one of these children."""
    code = pd.Series(pd.factorize(child)[0], index=child.index)
    l, r = (code.reindex(end).fillna(-1).to_numpy() for end in (pairs.l, pairs.r))
    return np.asarray((l == r) & (l >= 0))
