"""Records joined into clusters, one per child, strongest link first.

Must-links come before links. A merge is refused when it would join two sides of a
cannot-link, two records that are kept apart, or two records of a source that holds each
child once. Ties break by position, so records must come in the order of their keys.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from matcher.table import Mask, Positions

Labels = npt.NDArray[np.int64]
Pairs = tuple[Positions, Positions]

_NOBODY: Pairs = (np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32))


@dataclass(frozen=True, slots=True)
class Clusters:
    """``label`` of each record: the position of its cluster's first record.

    ``refused`` marks the links that clustering did not follow.
    """

    label: Labels
    refused: Mask


def cluster(
    size: int,
    links: Pairs,
    weight: npt.NDArray[np.float64],
    *,
    apart: Pairs = _NOBODY,
    single: npt.NDArray[np.int32] | None = None,
    must: Pairs = _NOBODY,
    cannot: Pairs = _NOBODY,
) -> Clusters:
    """Clusters of ``size`` records.

    ``single`` is, per record, the number of a source that holds each child once, or -1.
    Must-links hold over everything but a cannot-link.
    """
    single = np.full(size, -1, dtype=np.int32) if single is None else single
    all_l = np.concatenate([must[0], links[0]])
    all_r = np.concatenate([must[1], links[1]])
    order = np.lexsort((links[1], links[0], -weight)) + len(must[0])
    order = np.concatenate([np.arange(len(must[0])), order])
    component = _components(size, all_l, all_r)
    barred_l = np.concatenate([cannot[0], apart[0]])
    barred_r = np.concatenate([cannot[1], apart[1]])
    troubled = _troubled(component, barred_l, barred_r, single)
    label = _first_of(component)
    refused = np.zeros(len(all_l), dtype=bool)
    inside = troubled[component[all_l[order]]]
    if inside.any():
        hard = set(zip(cannot[0].tolist(), cannot[1].tolist(), strict=True))
        members = np.flatnonzero(troubled[component])
        greedy = _Greedy(members, single, hard, _neighbours(barred_l, barred_r))
        for edge in order[inside]:
            forced = edge < len(must[0])
            refused[edge] = not greedy.merge(int(all_l[edge]), int(all_r[edge]), forced)
        label[members] = [greedy.root(member) for member in members.tolist()]
        label = _first_of(label)
    return Clusters(label, refused[len(must[0]) :])


def _components(size: int, l: Positions, r: Positions) -> Labels:  # noqa: E741
    graph = coo_array((np.ones(len(l), dtype=np.int8), (l, r)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _first_of(label: Labels) -> Labels:
    """Each record's label replaced by the first position that has it."""
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int64)


def _troubled(
    component: Labels, l: Positions, r: Positions, single: npt.NDArray[np.int32]  # noqa: E741
) -> Mask:
    """Components in which some merge may have to be refused."""
    result = np.zeros(int(component.max(initial=-1)) + 1, dtype=bool)
    result[component[l[component[l] == component[r]]]] = True
    once = np.flatnonzero(single >= 0)
    keys, counts = np.unique(
        component[once] * (int(single.max(initial=0)) + 1) + single[once], return_counts=True
    )
    result[keys[counts > 1] // (int(single.max(initial=0)) + 1)] = True
    return result


def _neighbours(l: Positions, r: Positions) -> dict[int, set[int]]:  # noqa: E741
    found: dict[int, set[int]] = {}
    for one, other in zip(l.tolist(), r.tolist(), strict=True):
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return found


class _Greedy:
    """Union–find that knows what may not be joined."""

    def __init__(
        self,
        members: Labels,
        single: npt.NDArray[np.int32],
        hard: set[tuple[int, int]],
        barred: dict[int, set[int]],
    ) -> None:
        self.parent = {member: member for member in members.tolist()}
        self.members = {member: {member} for member in self.parent}
        self.sources = {m: {int(single[m])} - {-1} for m in self.parent}
        self.barred = {member: set(barred.get(member, ())) for member in self.parent}
        self.hard: dict[int, set[int]] = {}
        for one, other in hard:
            self.hard.setdefault(one, set()).add(other)
            self.hard.setdefault(other, set()).add(one)

    def root(self, member: int) -> int:
        while self.parent[member] != member:
            self.parent[member] = self.parent[self.parent[member]]
            member = self.parent[member]
        return member

    def merge(self, l: int, r: int, forced: bool) -> bool:  # noqa: E741
        """Join the clusters of two records unless that is refused."""
        one, other = sorted((self.root(l), self.root(r)))
        if one == other:
            return True
        if forced:
            smaller = min(self.members[one], self.members[other], key=len)
            larger = self.members[other] if smaller is self.members[one] else self.members[one]
            if any(self.hard.get(member, set()) & larger for member in smaller):
                return False
        elif self.barred[one] & self.members[other] or self.sources[one] & self.sources[other]:
            return False
        self.parent[other] = one
        self.members[one] |= self.members.pop(other)
        self.sources[one] |= self.sources.pop(other)
        self.barred[one] |= self.barred.pop(other)
        return True
