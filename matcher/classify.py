"""Pairs designated by two thresholds: link, possible link, or neither.

A record that has two candidates of nearly the same weight which cannot both be the same
child has rivals: neither is linked without a person, both are possible.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.rules.matching import Thresholds
from matcher.table import Mask, Positions

Bits = npt.NDArray[np.float64]

# A group of pairs never counts as holding fewer matches than this.
_FEWEST_MATCHES = 0.5


def estimate_prior(
    evidence: Bits, group: npt.NDArray[np.integer], pairs: Bits, start: Bits
) -> Bits:
    """Prior of a pair, in bits, by group of pairs: log2 odds that the two are one child.

    A group's pairs are those between sources, or those within one source, which may hold
    a child twice or never does. The expected number of matches is found by repeating:
    weigh with the prior, add up the match probabilities of the scored pairs, and take
    their share of all the group's ``pairs`` as the next prior (the EM step for a mixing
    proportion). ``start`` is a first number of matches per group.
    """
    top = np.maximum(pairs / 2, _FEWEST_MATCHES)
    matches: Bits = np.clip(start, _FEWEST_MATCHES, top)
    odds = np.exp2(np.minimum(evidence, 200.0))
    for _ in range(200):
        prior_odds = matches / np.maximum(pairs - matches, _FEWEST_MATCHES)
        own = odds * prior_odds[group]
        expected = np.bincount(group, own / (1 + own), len(pairs))
        found: Bits = np.clip(expected.astype(np.float64), _FEWEST_MATCHES, top)
        if np.all(np.abs(found - matches) <= 1e-6 * matches):
            break
        matches = found
    return np.asarray(np.log2(matches / np.maximum(pairs - matches, _FEWEST_MATCHES)))


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
    l: Positions,
    r: Positions,
    weight: Bits,
    apart: Mask,
    source: npt.NDArray[np.int32],
    thresholds: Thresholds,
) -> Designations:
    """Designations of scored pairs. ``source`` is the number of each record's source."""
    possible = weight >= thresholds.lower
    rival = np.zeros(len(weight), dtype=bool)
    near = np.flatnonzero(possible)
    if len(near):
        barred = np.flatnonzero(apart & ~possible)
        edges = _edges(l[near], r[near], weight[near], source, apart[near])
        threats = pd.concat(
            [_rivals_in_source(edges, source), _rivals_apart(edges, l[barred], r[barred])]
        )
        close = threats["weight"] - threats["rival_weight"] < thresholds.rival_margin
        rival[near[threats.loc[close, "pair"].to_numpy()]] = True
    # Two children of one family may look like one: a person decides, never the weight alone.
    return Designations((weight >= thresholds.upper) & ~rival & ~apart, possible, rival)


def _edges(
    l: Positions, r: Positions, weight: Bits, source: npt.NDArray[np.int32], apart: Mask
) -> pd.DataFrame:
    """record, other, source (of the other), weight, apart, pair: each pair from both ends."""
    other = np.concatenate([r, l])
    return pd.DataFrame(
        {
            "record": np.concatenate([l, r]),
            "other": other,
            "source": source[other],
            "weight": np.tile(weight, 2),
            "apart": np.tile(apart, 2),
            "pair": np.tile(np.arange(len(l)), 2),
        }
    )


def _rivals_in_source(edges: pd.DataFrame, source: npt.NDArray[np.int32]) -> pd.DataFrame:
    """Pairs whose record fits another record of the same source, which is another child.

    Two records of one source are taken for one child only where they fit each other and do
    not look like two children of one family.
    """
    crowded = edges[edges.duplicated(["record", "source"], keep=False)]
    both = crowded.merge(
        crowded[["record", "source", "other", "weight"]].rename(
            columns={"other": "rival", "weight": "rival_weight"}
        ),
        on=["record", "source"],
    )
    both = both[both["other"] != both["rival"]]
    span = np.int64(len(source))
    within = edges["source"].to_numpy() == source[edges["record"].to_numpy()]
    same = edges[within & ~edges["apart"].to_numpy()]
    fitting = same["record"].to_numpy() * span + same["other"].to_numpy()
    pairs = both["other"].to_numpy() * span + both["rival"].to_numpy()
    return both.loc[~np.isin(pairs, fitting), ["pair", "weight", "rival_weight"]]


def _rivals_apart(edges: pd.DataFrame, l: Positions, r: Positions) -> pd.DataFrame:
    """Pairs (a, b) where a also fits c, and b and c are kept apart."""
    held = edges[np.isin(edges["other"].to_numpy(), np.concatenate([l, r]))]
    apart = pd.DataFrame({"other": np.concatenate([l, r]), "rival": np.concatenate([r, l])})
    rivals = held[["record", "other", "weight"]].rename(
        columns={"other": "rival", "weight": "rival_weight"}
    )
    found = held.merge(apart, on="other").merge(rivals, on=["record", "rival"])
    return found[["pair", "weight", "rival_weight"]]
