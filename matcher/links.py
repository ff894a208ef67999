"""The links that a run reports: those it followed, and those that wait for a person.

Links are pairs designated as links whose records ended in one cluster. Possible links are
the strongest pair between two clusters that could be one child: deciding it decides all.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from matcher.classify import probability
from matcher.pipeline import Linked
from matcher.rules.matching import MatchingRules
from matcher.table import MISSING, Mask

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


def link_table(linked: Linked, rules: MatchingRules) -> pd.DataFrame:
    """LINK_COLUMNS, in order of the left record, then the right."""
    followed, waiting = reported(linked)
    chosen = np.flatnonzero(followed | waiting)
    records = linked.prepared.records
    source = records["source"].astype(object).to_numpy()
    record_id = records["record_id"].to_numpy()
    l, r = linked.pairs.l[chosen], linked.pairs.r[chosen]
    weight = linked.weight[chosen]
    return pd.DataFrame(
        {
            "source_l": source[l],
            "record_id_l": record_id[l],
            "source_r": source[r],
            "record_id_r": record_id[r],
            "match_weight": np.round(weight, 3),
            "match_probability": np.round(probability(weight), 6),
            "designation": np.where(waiting[chosen], "possible", "link"),
            "reason": _reasons(linked, rules, chosen),
        }
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
    fits = np.flatnonzero(pairs.fits & (source[pairs.l] == source[pairs.r]))
    fitting = pair_number(cluster[pairs.l[fits]], cluster[pairs.r[fits]], len(names))
    keys, counts = np.unique(fitting, return_counts=True)
    wanted = pair_number(l, r, len(names))
    at = np.searchsorted(keys, wanted)
    at_most = np.minimum(at, max(len(keys) - 1, 0))
    found = np.zeros(len(wanted), dtype=np.int64)
    if len(keys):
        found = np.where(keys[at_most] == wanted, counts[at_most], 0)
    return np.asarray(found >= needed)


def pair_number(
    one: npt.NDArray[np.intp], other: npt.NDArray[np.intp], size: int
) -> npt.NDArray[np.int64]:
    """One number for two clusters in either order."""
    return np.minimum(one, other).astype(np.int64) * size + np.maximum(one, other)


def _reasons(
    linked: Linked, rules: MatchingRules, chosen: npt.NDArray[np.intp]
) -> npt.NDArray[np.object_]:
    """The sentence of each pair, built once per distinct pattern."""
    label, pairs = linked.clusters.label, linked.pairs
    refused = linked.designations.link & (label[pairs.l] != label[pairs.r])
    alone = linked.company > 0
    notes = (linked.designations.rival + 2 * refused.astype(np.int64) + 4 * alone)[chosen]
    pattern = notes
    for comparison in rules.comparisons:
        levels = pairs.levels[comparison.name][chosen].astype(np.int64)
        pattern = pattern * (len(comparison.levels) + 1) + levels - MISSING
    _, first, inverse = np.unique(pattern, return_index=True, return_inverse=True)
    sentences = []
    for at in first:
        parts = []
        for comparison in rules.comparisons:
            level = int(pairs.levels[comparison.name][chosen[at]])
            if level != MISSING and comparison.levels[level].evidence:
                parts.append(comparison.levels[level].reason)
        parts += [note for bit, note in enumerate((RIVAL, REFUSED, ALONE)) if notes[at] >> bit & 1]
        sentences.append("; ".join(parts))
    return np.array(sentences, dtype=object)[inverse]
