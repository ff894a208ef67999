"""Decisions that the model would not have come to by its thresholds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Pair
from api.services.register.columns import Numbers, columns
from api.services.register.decisions import MATCH, NON_MATCH, decisions_in_force
from api.services.register.whole import members
from matcher.deciding import Scored
from matcher.rules.matching import Thresholds

Bits = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Contradiction:
    """A decision on a pair of records (record.id) which the weight speaks against.

    ``weight`` is the pair's, in bits, without the decision; missing where it is so low that
    the pair is not kept. ``already`` says whether it is so by the rules in force as well.
    """

    decision: int
    kind: str
    l: int
    r: int
    weight: float | None
    already: bool


def contradicted(
    connection: Connection, scored: Scored, *, before: Thresholds, after: Thresholds
) -> tuple[Contradiction, ...]:
    """Matches whose weight is below the lower threshold, non-matches that would be links.

    In order of decision. ``scored`` holds all current records, weighed by the rules that are
    looked at, to which ``after`` belongs; ``before`` belongs to those in force.
    """
    record = scored.prepared.records["id"].to_numpy(np.int64)
    found = _decided(connection, record)
    weight, apart = _weighed(found, record, scored)
    was, was_apart = _kept(connection, found)
    already = _against(found, was, was_apart, before)
    return _told(found, weight, _against(found, weight, apart, after), already)


def contradicting(connection: Connection, thresholds: Thresholds) -> tuple[Contradiction, ...]:
    """The same by the weights and the thresholds in force: all of them, as if new."""
    found = _decided(connection, members(connection))
    weight, apart = _kept(connection, found)
    against = _against(found, weight, apart, thresholds)
    return _told(found, weight, against, np.zeros(len(found), dtype=bool))


def _decided(connection: Connection, current: Numbers) -> pd.DataFrame:
    """Matches and non-matches between current records."""
    found = decisions_in_force(connection)
    here = found["l"].isin(current) & found["r"].isin(current)
    return found[found["kind"].isin([MATCH, NON_MATCH]) & here].sort_values("id")


def _told(
    found: pd.DataFrame, weight: Bits, against: Flags, already: Flags
) -> tuple[Contradiction, ...]:
    rows = zip(found["id"], found["kind"], found["l"], found["r"], weight, already, strict=True)
    told = [
        Contradiction(
            int(number), str(kind), int(l), int(r), float(bits) if np.isfinite(bits) else None,
            bool(so),
        )
        for number, kind, l, r, bits, so in rows
    ]  # fmt: skip
    return tuple(one for one, so in zip(told, against, strict=True) if so)


def _against(found: pd.DataFrame, weight: Bits, apart: Flags, thresholds: Thresholds) -> Flags:
    match = (found["kind"] == MATCH).to_numpy()
    return np.where(match, weight < thresholds.lower, (weight >= thresholds.upper) & ~apart)


def _weighed(found: pd.DataFrame, record: Numbers, scored: Scored) -> tuple[Bits, Flags]:
    pairs = scored.pairs
    known = pd.MultiIndex.from_arrays(_unordered(record[pairs.l], record[pairs.r]))
    return _looked_up(found, known, pairs.evidence + scored.prior, pairs.apart)


def _kept(connection: Connection, found: pd.DataFrame) -> tuple[Bits, Flags]:
    ids = np.union1d(found["l"].to_numpy(np.int64), found["r"].to_numpy(np.int64))
    query = select(Pair.l, Pair.r, Pair.weight - Pair.company, Pair.apart).where(
        among(Pair.l, ids), among(Pair.r, ids)
    )
    l, r, weight, apart = columns(connection, query)
    known = pd.MultiIndex.from_arrays(_unordered(l, r))
    return _looked_up(found, known, weight, apart == 1)


def _unordered(l: Numbers, r: Numbers) -> list[Numbers]:
    return [np.minimum(l, r), np.maximum(l, r)]


def _looked_up(
    found: pd.DataFrame, known: pd.MultiIndex, weight: Any, apart: Any
) -> tuple[Bits, Flags]:
    """By decision; a pair that is not known has no weight at all."""
    at = known.get_indexer(pd.MultiIndex.from_frame(found[["l", "r"]]))
    return (
        np.append(np.asarray(weight, dtype=np.float64), -np.inf)[at],
        np.append(np.asarray(apart, dtype=bool), False)[at],
    )
