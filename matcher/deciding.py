"""Weighed pairs to clusters: designations, what people said, and the company of sources."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from matcher.block import GivenUp, RuleBlocks
from matcher.classify import Designations, designate
from matcher.cluster import Clusters, cluster
from matcher.company import company_weight
from matcher.neighbours import neighbours
from matcher.population import Population, hashed
from matcher.prepared import Prepared
from matcher.progress import Observer, Silent
from matcher.rules.matching import Thresholds
from matcher.scoring import NOT_AGAINST, Pairs, ScoredPairs, Scorer
from matcher.table import Mask, Positions
from matcher.weigh.weights import Bits, agreeing

# Bits below the lower threshold beyond which nothing could make a pair possible, neither
# another prior nor the sources' company; bounds what is kept and looked at.
MARGIN_BELOW = 4.0
# Bits that stand for what a person said, so that no evidence outweighs it.
_SETTLED = 1_000.0


@dataclass(frozen=True)
class Scored:
    """Pairs compared and weighed, before anything is decided; ``prior`` is in bits, per pair.

    Pairs are positions in ``prepared.records``. ``candidates`` counts all that were proposed;
    ``blocks`` says what each blocking rule proposed of them; ``scorer`` is what weighed them.
    """

    prepared: Prepared
    population: Population
    candidates: int
    given_up: tuple[GivenUp, ...]
    blocks: tuple[RuleBlocks, ...]
    pairs: ScoredPairs
    prior: Bits
    scorer: Scorer


_NO_PAIRS: Pairs = (np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32))


@dataclass(frozen=True)
class Decisions:
    """What people said of pairs of records, as positions l < r: one child, or two."""

    must: Pairs = _NO_PAIRS
    cannot: Pairs = _NO_PAIRS


@dataclass(frozen=True)
class Linked(Scored):
    """All that one run found out.

    ``company`` and ``weight`` are in bits, one per pair: the weight is the evidence of the
    comparisons plus the prior plus what the sources' company says. ``said`` is 1 for pairs
    that a person said are one child, -1 for two, 0 for all others. ``common`` marks pairs of
    which nothing agrees but what many children have in common, ``open`` those for which
    company counts. ``fitting`` are pairs of one source that may be one child.
    """

    decisions: Decisions
    said: npt.NDArray[np.int8]
    common: Mask
    open: Mask
    company: Bits
    weight: Bits
    designations: Designations
    clusters: Clusters
    fitting: Pairs


def decide(
    scored: Scored,
    thresholds: Thresholds,
    decisions: Decisions | None = None,
    *,
    complete: Mask | None = None,
    observer: Observer | None = None,
) -> Linked:
    """Designations and clusters of weighed pairs under two thresholds and people's decisions.

    ``complete`` are the records of which all pairs are here that matter to them, if not of
    all: what their pairs come to is right, and company counts between no others.
    """
    observer = observer or Silent()
    decisions = decisions or Decisions()
    prepared, pairs = scored.prepared, scored.pairs
    weight = pairs.evidence + scored.prior
    alone = _unaccompanied(prepared)
    said = _said(pairs, decisions)
    pairs = replace(pairs, apart=np.where(said == 0, pairs.apart, said < 0))
    with observer.stage("classify"):
        settled = np.select([said > 0, said < 0], [_SETTLED, -_SETTLED], weight)
        fitting = _fitting(scored, pairs, settled, thresholds)
        found = designate(
            pairs.l, pairs.r, settled, pairs.apart, fitting, prepared.source, thresholds
        )
        by_level = ((own.rule, own.by_level) for _, own in scored.scorer.plain)
        agrees = agreeing(by_level, pairs.levels)
        found = replace(
            found, link=found.link & agrees | (said > 0), rival=found.rival & (said == 0)
        )
    with observer.stage("cluster"):
        clusters = _cluster(prepared, pairs, weight, found, fitting, decisions)
        near = weight >= thresholds.lower - MARGIN_BELOW
        open_ = _open(pairs, clusters, found) & near & (said == 0)
        if complete is not None:
            open_ &= complete[pairs.l] & complete[pairs.r]
        open_ &= ~(alone[pairs.l] | alone[pairs.r])
        company = _company(scored, clusters, open_)
        weight = weight + company
        lifted = company > 0
        found = replace(
            found,
            link=found.link | lifted & agrees & (weight >= thresholds.upper),
            possible=found.possible | lifted & (weight >= thresholds.lower),
        )
        clusters = _cluster(prepared, pairs, weight, found, fitting, decisions)
    return Linked(
        prepared=prepared,
        population=scored.population,
        candidates=scored.candidates,
        given_up=scored.given_up,
        blocks=scored.blocks,
        pairs=pairs,
        prior=scored.prior,
        scorer=scored.scorer,
        decisions=decisions,
        said=said,
        common=~agrees,
        open=open_,
        company=company,
        weight=weight,
        designations=found,
        clusters=clusters,
        fitting=fitting,
    )


def _unaccompanied(prepared: Prepared) -> Mask:
    """Records for which the sources' company does not count, if a column marks any."""
    if "unaccompanied" not in prepared.records:
        return np.zeros(len(prepared.records), dtype=bool)
    return prepared.records["unaccompanied"].to_numpy(dtype=np.bool_)


def _fitting(scored: Scored, pairs: ScoredPairs, weight: Bits, thresholds: Thresholds) -> Pairs:
    """Pairs of one source that nothing speaks against, so that they may be one child.

    Those that strong pairs to others would join are compared for this, whether or not a rule
    proposed them; weaker pairs are neither links nor rivals of one.
    """
    prepared, source = scored.prepared, scored.prepared.source
    fits = (source[pairs.l] == source[pairs.r]) & ~pairs.apart
    fits &= (pairs.evidence >= NOT_AGAINST) | (weight >= thresholds.upper)
    strong = (weight >= thresholds.upper - thresholds.rival_margin) & ~pairs.apart
    more = neighbours(
        (pairs.l[strong], pairs.r[strong]), source, prepared.single, (pairs.l, pairs.r)
    )
    others = scored.scorer.score_all(prepared.table, more, NOT_AGAINST, threads=1)
    others = others.take(~others.apart)
    return np.concatenate([pairs.l[fits], others.l]), np.concatenate([pairs.r[fits], others.r])


def _cluster(
    prepared: Prepared,
    pairs: ScoredPairs,
    weight: Bits,
    found: Designations,
    fitting: Pairs,
    decisions: Decisions,
) -> Clusters:
    apart = _held_apart(prepared, pairs, found)
    return cluster(
        prepared.source,
        (pairs.l[found.link], pairs.r[found.link]),
        weight[found.link],
        apart=(pairs.l[apart], pairs.r[apart]),
        fitting=fitting,
        must=decisions.must,
        cannot=decisions.cannot,
    )


def _said(pairs: ScoredPairs, decisions: Decisions) -> npt.NDArray[np.int8]:
    """What people said of each scored pair: 1 for one child, -1 for two, 0 for nothing."""
    result = np.zeros(len(pairs), dtype=np.int8)
    span = np.int64(max(pairs.r.max(initial=0), *(d.max(initial=0) for d in _ends(decisions)))) + 1
    number = pairs.l * span + pairs.r
    result[np.isin(number, decisions.must[0] * span + decisions.must[1])] = 1
    result[np.isin(number, decisions.cannot[0] * span + decisions.cannot[1])] = -1
    return result


def _ends(decisions: Decisions) -> tuple[Positions, ...]:
    return (*decisions.must, *decisions.cannot)


def _held_apart(prepared: Prepared, pairs: ScoredPairs, found: Designations) -> Mask:
    """Pairs that clustering must not join, not even through others.

    Two records that look like children of one family but may be one child are joined where
    others say so. A record without a forename cannot: it could be either child.
    """
    columns = prepared.table.columns
    nameless = (columns["forename"].codes < 0) | (columns["prefix_only"].codes >= 0)
    l, r = pairs.l[found.link], pairs.r[found.link]
    beside = np.zeros(len(nameless), dtype=bool)
    beside[l[nameless[r]]] = True
    beside[r[nameless[l]]] = True
    return np.asarray(pairs.apart & (~found.possible | beside[pairs.l] & beside[pairs.r]))


def _open(pairs: ScoredPairs, clusters: Clusters, found: Designations) -> Mask:
    """Pairs between two clusters for which the sources' company counts.

    They have no rival, and no level says that they are two children of one family.
    """
    label = clusters.label
    return np.asarray(~found.rival & ~pairs.apart & (label[pairs.l] != label[pairs.r]))


def _company(scored: Scored, clusters: Clusters, open_: Mask) -> Bits:
    """Partial weight of each open pair from the sources that hold the two clusters."""
    prepared, pairs, label = scored.prepared, scored.pairs, clusters.label
    years = prepared.table.columns["birth_year"]
    at = np.flatnonzero(open_)
    result = np.zeros(len(pairs))
    result[at] = company_weight(
        label[pairs.l[at]],
        label[pairs.r[at]],
        label,
        prepared.source,
        years.codes,
        scored.population.coverage(hashed(years.values), prepared.sources),
    )
    return result
