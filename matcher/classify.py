"""Pairs designated by two thresholds: link, possible link, or neither.

A record that has two candidates of nearly the same weight which cannot both be the same
child has rivals: neither is linked without a person, both are possible.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.rules.matching import Thresholds
from matcher.table import Mask, Positions

Bits = npt.NDArray[np.float64]

# So many of the strongest candidates of a record are looked at as rivals of the others.
RIVALS_PER_SOURCE = 6
RIVALS_PER_RECORD = 16

# Bits to which evidence is counted, and the prior rounded.
EVIDENCE_STEP = 1 / 16
PRIOR_STEP = 1 / 4

# What is taken for granted before any pair: so many matches, each among 2 to the power of so
# many pairs, which is about what records of 10,000 children have. Two short lists must not
# make a pair of twins a link because hardly anybody else is in them.
_DOUBT = 10.0
_DOUBTED_BITS = 13

# A group of pairs never counts as holding fewer matches than this.
_FEWEST_MATCHES = 0.5


@dataclass(frozen=True, slots=True)
class EvidenceCounts:
    """Scored pairs counted by group and evidence: all that the prior depends on.

    A group's pairs are those between sources, or those within one source. ``bin`` is the
    evidence in steps of `EVIDENCE_STEP`. Sorted by group, then bin.
    """

    group: npt.NDArray[np.int64]
    bin: npt.NDArray[np.int64]
    pairs: npt.NDArray[np.int64]

    @classmethod
    def of(cls, group: npt.NDArray[np.integer], evidence: Bits) -> "EvidenceCounts":
        """Counts of pairs, given one by one."""
        steps = evidence_bin(evidence)
        span = int(np.abs(steps).max(initial=0)) + 1
        keys, pairs = np.unique(
            group.astype(np.int64) * (2 * span) + steps + span, return_counts=True
        )
        return cls(keys // (2 * span), keys % (2 * span) - span, pairs.astype(np.int64))


def evidence_bin(evidence: Bits) -> npt.NDArray[np.int64]:
    """Evidence in whole steps."""
    return np.asarray(np.rint(evidence / EVIDENCE_STEP).astype(np.int64))


def estimate_prior(counts: EvidenceCounts, pairs: Bits, start: Bits) -> Bits:
    """Prior of a pair, in bits, by group of pairs: log2 odds that the two are one child.

    A group's pairs are those between sources, or those within one source, which may hold
    a child twice or never does. The expected number of matches is found by repeating:
    weigh with the prior, add up the match probabilities of the scored pairs, and take
    their share of all the group's ``pairs`` as the next prior (the EM step for a mixing
    proportion). ``start`` is a first number of matches per group.

    A few records say little of how many children there are to be mistaken for one another:
    the prior is no higher than if `_DOUBT` matches more had been found among as many pairs
    as a town has for each. The result is rounded to `PRIOR_STEP`, so that a few more records
    leave it as it was.
    """
    top = np.maximum(pairs / 2, _FEWEST_MATCHES)
    matches: Bits = np.clip(start, _FEWEST_MATCHES, top)
    odds = np.exp2(np.minimum(counts.bin * EVIDENCE_STEP, 200.0))
    for _ in range(1_000):
        prior_odds = matches / np.maximum(pairs - matches, _FEWEST_MATCHES)
        own = odds * prior_odds[counts.group]
        expected = np.bincount(counts.group, counts.pairs * own / (1 + own), len(pairs))
        found: Bits = np.clip(expected.astype(np.float64), _FEWEST_MATCHES, top)
        if np.all(np.abs(found - matches) <= 1e-9 * matches):
            break
        matches = found
    prior = np.log2(matches / np.maximum(pairs - matches, _FEWEST_MATCHES))
    prior = np.minimum(prior, np.log2((matches + _DOUBT) / (pairs + _DOUBT * 2**_DOUBTED_BITS)))
    return np.asarray(np.round(prior / PRIOR_STEP) * PRIOR_STEP)


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
    fitting: tuple[Positions, Positions],
    source: npt.NDArray[np.int32],
    thresholds: Thresholds,
) -> Designations:
    """Designations of scored pairs.

    ``source`` is the number of each record's source. Two records of one source are two
    children unless they are ``fitting``.
    """
    possible = weight >= thresholds.lower
    rival = np.zeros(len(weight), dtype=bool)
    near = np.flatnonzero(possible)
    if len(near):
        edges = _Edges.of(l[near], r[near], weight[near], source)
        span = np.int64(len(source))
        may_be_one = np.sort(_keys(*fitting, span))
        barred = apart & ~possible
        held_apart = np.sort(_keys(l[barred], r[barred], span))

        def two_children(b: Positions, c: Positions) -> Mask:
            between = _keys(b, c, span)
            strangers = (source[b] == source[c]) & ~_in(between, may_be_one)
            return np.asarray(strangers | _in(between, held_apart))

        margin = thresholds.rival_margin
        found = edges.threatened(edges.by_source, RIVALS_PER_SOURCE, two_children, margin)
        found |= edges.threatened(edges.by_record, RIVALS_PER_RECORD, two_children, margin)
        rival[near] = np.logical_or(found[: len(near)], found[len(near) :])
    # Two children of one family may look like one: a person decides, never the weight alone.
    return Designations((weight >= thresholds.upper) & ~rival & ~apart, possible, rival)


@dataclass(frozen=True)
class _Edges:
    """Each pair from both of its ends: ``other`` is the record that ``record`` fits.

    ``by_source`` and ``by_record`` number groups: the edges from one record into one source,
    and all edges from one record. ``rank`` is an edge's place among all, the strongest first.
    """

    other: Positions
    weight: Bits
    rank: npt.NDArray[np.int64]
    by_source: npt.NDArray[np.int64]
    by_record: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls, l: Positions, r: Positions, weight: Bits, source: npt.NDArray[np.int32]
    ) -> "_Edges":
        record, other = np.concatenate([l, r]), np.concatenate([r, l])
        by_record = record.astype(np.int64)
        by_source = by_record * (int(source.max(initial=0)) + 1) + source[other]
        weight = np.tile(weight, 2)
        rank = np.empty(len(other), dtype=np.int64)
        rank[np.lexsort((other, -weight))] = np.arange(len(other))
        return cls(other, weight, rank, by_source, by_record)

    def threatened(
        self,
        group: npt.NDArray[np.int64],
        rivals: int,
        two_children: Callable[[Positions, Positions], Mask],
        margin: float,
    ) -> Mask:
        """Edges beside which a rival of the same group is less than ``margin`` weaker.

        Only the strongest ``rivals`` of a group are looked at, so that a crowd of equal
        records costs no more than its pairs.
        """
        order = np.argsort(group * len(group) + self.rank)
        is_first = np.append(True, np.diff(group[order]) > 0)
        first = np.flatnonzero(is_first)
        size = np.diff(np.append(first, len(order)))
        of = np.cumsum(is_first) - 1
        start, end = first[of], (first + size)[of]
        other, weight = self.other[order], self.weight[order]
        found = np.zeros(len(order), dtype=bool)
        open_ = np.flatnonzero(size[of] > 1)
        for place in range(rivals):
            open_ = open_[start[open_] + place < end[open_]]
            # All rivals after one that is too weak are weaker still.
            open_ = open_[weight[open_] - weight[start[open_] + place] < margin]
            at = open_[open_ != start[open_] + place]
            found[at[two_children(other[at], other[start[at] + place])]] = True
            open_ = open_[~found[open_]]
        result = np.zeros(len(order), dtype=bool)
        result[order] = found
        return result


def _keys(l: Positions, r: Positions, span: np.int64) -> npt.NDArray[np.int64]:
    """One number for each unordered pair."""
    return np.asarray(np.minimum(l, r).astype(np.int64) * span + np.maximum(l, r))


def _in(keys: npt.NDArray[np.int64], known: npt.NDArray[np.int64]) -> Mask:
    """Which keys are known; those known are sorted."""
    if not len(known):
        return np.zeros(len(keys), dtype=bool)
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.asarray(known[at] == keys)
