"""Pairs designated by two thresholds: link, possible link, or neither.

A record that has two candidates of nearly the same weight which cannot both be the same
child has rivals: neither is linked without a person, both are possible.
"""

from dataclasses import dataclass
from math import log2

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.rules.matching import Thresholds
from matcher.table import Mask, Positions

Bits = npt.NDArray[np.float64]


def estimate_prior(evidence: Bits, pairs: float, start: float) -> float:
    """Prior of a pair of these records, in bits: log2 odds that two of them are one child.

    The expected number of matches is found by repeating: weigh with the prior, count the
    expected matches among the scored pairs, and take their share of all ``pairs`` as the
    next prior (the EM step for the mixing proportion). ``start`` is a first number of
    matches.
    """
    if pairs <= 0:
        return 0.0
    matches = min(max(start, 1.0), pairs / 2)
    for _ in range(200):
        odds = np.exp2(np.minimum(evidence, 200.0)) * (matches / (pairs - matches))
        found = float((odds / (1 + odds)).sum())
        found = min(max(found, 1.0), pairs / 2)
        if abs(found - matches) < 1e-6 * matches:
            break
        matches = found
    return log2(matches / (pairs - matches))


def probability(weight: Bits) -> Bits:
    """Match probability of total weights in bits: 2^w / (1 + 2^w)."""
    return np.asarray(1 / (1 + np.exp2(-weight)))


@dataclass(frozen=True, slots=True)
class Designations:
    """For each pair: whether it is a link, whether it is possible, whether it has a rival."""

    link: Mask
    possible: Mask
    rival: Mask


def designate(
    l: Positions,  # noqa: E741
    r: Positions,
    weight: Bits,
    apart: Mask,
    single: npt.NDArray[np.int32],
    thresholds: Thresholds,
) -> Designations:
    """Designations of scored pairs.

    ``single`` is, per record, the number of a source that holds each child once, or -1.
    """
    possible = weight >= thresholds.lower
    link = weight >= thresholds.upper
    rival = np.zeros(len(weight), dtype=bool)
    near = np.flatnonzero(possible)
    if len(near):
        margin = thresholds.rival_margin
        rival[near] = _rivals_in_source(l[near], r[near], weight[near], single, margin)
        held_apart = apart & ~possible
        rival[near] |= _rivals_apart(
            l[near], r[near], weight[near], l[held_apart], r[held_apart], margin
        )
    return Designations(link & ~rival, possible, rival)


def _rivals_in_source(
    l: Positions, r: Positions, weight: Bits, single: npt.NDArray[np.int32], margin: float  # noqa: E741
) -> Mask:
    """Pairs whose record has a nearly equal candidate in a source that holds a child once."""
    edges = pd.DataFrame(
        {
            "record": np.concatenate([l, r]),
            "source": single[np.concatenate([r, l])],
            "weight": np.concatenate([weight, weight]),
        }
    )
    edges = edges[edges["source"] >= 0]
    if edges.empty:
        return np.zeros(len(l), dtype=bool)
    by_source = edges.sort_values("weight", ascending=False, kind="stable").groupby(
        ["record", "source"], sort=False
    )["weight"]
    best, second = by_source.nth(0), by_source.nth(1)
    crowded = edges.loc[second.index, ["record", "source"]].assign(second=second)
    first = edges.loc[best.index, ["record", "source"]].assign(best=best)
    rivals = crowded.merge(first, on=["record", "source"])
    rivals = rivals.set_index(["record", "source"])
    at = pd.MultiIndex.from_frame(edges[["record", "source"]])
    joined = rivals.reindex(at)
    own = edges["weight"].to_numpy()
    best_w, second_w = joined["best"].to_numpy(), joined["second"].to_numpy()
    # The strongest is threatened by the second; every other by the strongest.
    is_best = own >= best_w
    with np.errstate(invalid="ignore"):
        threatened = np.where(is_best, own - second_w < margin, True) & ~np.isnan(best_w)
    result = np.zeros(2 * len(l), dtype=bool)
    result[edges.index.to_numpy()] = threatened
    return np.asarray(result[: len(l)] | result[len(l) :])


def _rivals_apart(
    l: Positions,  # noqa: E741
    r: Positions,
    weight: Bits,
    apart_l: Positions,
    apart_r: Positions,
    margin: float,
) -> Mask:
    """Pairs (a, b) where a also fits c nearly as well, and b and c are kept apart."""
    edges = pd.DataFrame(
        {
            "record": np.concatenate([l, r]),
            "other": np.concatenate([r, l]),
            "weight": np.concatenate([weight, weight]),
            "pair": np.tile(np.arange(len(l)), 2),
        }
    )
    involved = np.unique(np.concatenate([apart_l, apart_r]))
    edges = edges[np.isin(edges["other"].to_numpy(), involved)]
    apart = pd.DataFrame(
        {
            "other": np.concatenate([apart_l, apart_r]),
            "rival": np.concatenate([apart_r, apart_l]),
        }
    )
    threats = edges.merge(apart, on="other").merge(
        edges[["record", "other", "weight"]].rename(
            columns={"other": "rival", "weight": "rival_weight"}
        ),
        on=["record", "rival"],
    )
    close = threats["weight"] - threats["rival_weight"] < margin
    result = np.zeros(len(l), dtype=bool)
    result[threats.loc[close, "pair"].to_numpy()] = True
    return result
