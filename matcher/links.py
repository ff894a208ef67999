"""The links that a run reports: those it followed, and those that wait for a person.

Links are pairs designated as links whose records ended in one cluster. Possible links are
the strongest pair between two clusters that could be one child: deciding it decides all.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.classify import probability
from matcher.deciding import Linked
from matcher.patterns import packed, unpacked
from matcher.rules.matching import MatchingRules
from matcher.table import MISSING, Mask
from matcher.untold import Untold

LINK_COLUMNS = (
    "source_l",
    "record_id_l",
    "source_r",
    "record_id_r",
    "match_weight",
    "match_probability",
    "designation",
    "reason",
)

RIVAL = "another record fits nearly as well"
REFUSED = "joining them would put two children together"
ALONE = "no system holds the two as different records"
SAID = "a person said that they are one child"
COMMON = "nothing agrees but what many children have in common"
_NOTES = (RIVAL, REFUSED, ALONE, SAID, COMMON)


@dataclass(frozen=True)
class ReportedLinks:
    """What is told of each link, in order of the left record, then the right.

    ``l`` and ``r`` are positions of records; ``pattern`` is as in `matcher.patterns`;
    ``weight`` is in bits. ``possible`` marks those that wait, ``refused`` those of them that
    clustering refused; ``alone`` those for which the sources' company counted, ``said``
    those that a person said are one child, ``common`` those of which nothing agrees but what
    many children have in common.
    """

    l: npt.NDArray[np.integer]
    r: npt.NDArray[np.integer]
    pattern: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]
    possible: Mask
    rival: Mask
    refused: Mask
    alone: Mask
    said: Mask
    common: Mask

    def table(
        self,
        source: npt.NDArray[np.object_],
        record_id: npt.NDArray[np.object_],
        rules: MatchingRules,
        untold: Untold | None = None,
    ) -> pd.DataFrame:
        """LINK_COLUMNS. ``source`` and ``record_id`` are those of all records.

        Reasons are without comparisons that are ``untold``, and of such a pair it is not told
        whether more agrees than is told; weights are as they are given.
        """
        return pd.DataFrame(
            {
                "source_l": source[self.l],
                "record_id_l": record_id[self.l],
                "source_r": source[self.r],
                "record_id_r": record_id[self.r],
                "match_weight": np.round(self.weight, 3),
                "match_probability": np.round(probability(self.weight), 6),
                "designation": np.where(self.possible, "possible", "link"),
                "reason": self._reasons(rules, untold),
            }
        )

    def _reasons(self, rules: MatchingRules, untold: Untold | None) -> npt.NDArray[np.object_]:
        """The sentence of each pair, built once per distinct pattern, notes and what is untold."""
        hidden = np.zeros(len(self.l), np.int64) if untold is None else untold.of
        kinds = (frozenset[str](),) if untold is None else untold.kinds
        common = self.common & np.array([not kind for kind in kinds], dtype=bool)[hidden]
        marks = (self.rival, self.refused, self.alone, self.said, common)
        notes = np.sum([mark.astype(np.int64) << bit for bit, mark in enumerate(marks)], 0)
        told, inverse = np.unique(
            np.stack([self.pattern, notes, hidden]), axis=1, return_inverse=True
        )
        levels = unpacked(rules.comparisons, told[0])
        sentences = []
        for at, (noted, kind) in enumerate(zip(told[1].tolist(), told[2].tolist(), strict=True)):
            parts = []
            for comparison in rules.comparisons:
                level = int(levels[comparison.name][at])
                if (
                    level != MISSING
                    and comparison.levels[level].evidence
                    and comparison.name not in kinds[kind]
                ):
                    parts.append(comparison.levels[level].reason)
            parts += [note for bit, note in enumerate(_NOTES) if noted >> bit & 1]
            sentences.append("; ".join(parts))
        return np.array(sentences, dtype=object)[inverse]


def link_table(linked: Linked, rules: MatchingRules) -> pd.DataFrame:
    """LINK_COLUMNS, in order of the left record, then the right."""
    records = linked.prepared.records
    source = records["source"].astype(object).to_numpy()
    return reported_links(linked, rules).table(source, records["record_id"].to_numpy(), rules)


def reported_links(linked: Linked, rules: MatchingRules) -> ReportedLinks:
    """The links of a run; positions are those in ``linked.prepared.records``."""
    followed, waiting = reported(linked)
    chosen = np.flatnonzero(followed | waiting)
    pairs = linked.pairs
    return ReportedLinks(
        l=pairs.l[chosen],
        r=pairs.r[chosen],
        pattern=packed(
            rules.comparisons, {name: own[chosen] for name, own in pairs.levels.items()}
        ),
        weight=linked.weight[chosen],
        possible=waiting[chosen],
        rival=linked.designations.rival[chosen],
        refused=(waiting & linked.designations.link)[chosen],
        alone=linked.company[chosen] > 0,
        said=linked.said[chosen] > 0,
        common=linked.common[chosen],
    )


def reported(linked: Linked) -> tuple[Mask, Mask]:
    """Pairs that are links, and pairs that are possible links.

    Two clusters that hold different records of one source are two children, so the weaker
    evidence of a possible link between them asks nobody's time. A link that clustering
    refused for that reason is a conflict, which a person must see.
    """
    label, pairs, found = linked.clusters.label, linked.pairs, linked.designations
    together = label[pairs.l] == label[pairs.r]
    waiting = np.flatnonzero((found.possible | found.link) & ~together)
    waiting = waiting[found.link[waiting] | _compatible(linked, waiting)]
    waiting = waiting[~_settled(linked, waiting)]
    one = np.minimum(label[pairs.l[waiting]], label[pairs.r[waiting]])
    other = np.maximum(label[pairs.l[waiting]], label[pairs.r[waiting]])
    order = np.lexsort((waiting, -linked.weight[waiting], other, one))
    between = one[order] * len(label) + other[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = between[1:] != between[:-1]
    possible = np.zeros(len(pairs), dtype=bool)
    possible[waiting[order[first]]] = True
    return found.link & together, possible


def _compatible(linked: Linked, waiting: npt.NDArray[np.intp]) -> Mask:
    """Whether the two clusters of each pair could be joined.

    Every two records of one source, one from each cluster, must fit each other: so there
    are as many fitting pairs of one source between the clusters as there are pairs at all.
    """
    label, pairs, source = linked.clusters.label, linked.pairs, linked.prepared.source
    names, cluster = np.unique(label, return_inverse=True)
    held = np.zeros((len(names), int(source.max(initial=0)) + 1), dtype=np.int32)
    np.add.at(held, (cluster, source), 1)
    l, r = cluster[pairs.l[waiting]], cluster[pairs.r[waiting]]
    needed = (held[l].astype(np.int64) * held[r]).sum(axis=1)
    one, other = linked.fitting
    fitting = pair_number(cluster[one], cluster[other], len(names))
    keys, counts = np.unique(fitting, return_counts=True)
    wanted = pair_number(l, r, len(names))
    at = np.searchsorted(keys, wanted)
    at_most = np.minimum(at, max(len(keys) - 1, 0))
    found = np.zeros(len(wanted), dtype=np.int64)
    if len(keys):
        found = np.where(keys[at_most] == wanted, counts[at_most], 0)
    return np.asarray(found >= needed)


def _settled(linked: Linked, waiting: npt.NDArray[np.intp]) -> Mask:
    """Pairs between two clusters of which a person said that some record is of another child."""
    label, pairs, cannot = linked.clusters.label, linked.pairs, linked.decisions.cannot
    apart = pair_number(label[cannot[0]], label[cannot[1]], len(label))
    between = pair_number(label[pairs.l[waiting]], label[pairs.r[waiting]], len(label))
    return np.isin(between, apart)


def pair_number(
    one: npt.NDArray[np.intp], other: npt.NDArray[np.intp], size: int
) -> npt.NDArray[np.int64]:
    """One number for two clusters in either order."""
    return np.minimum(one, other).astype(np.int64) * size + np.maximum(one, other)
