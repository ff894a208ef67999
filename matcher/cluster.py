"""Records joined into clusters, one per child, strongest link first.

Must-links come before links. A merge is refused when it would join two sides of a
cannot-link, two records that are kept apart, or two records of one source that do not fit
each other. Ties break by position, so records must come in the order of their keys.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from matcher.table import Mask, Positions

Labels = npt.NDArray[np.int64]
Sources = npt.NDArray[np.int32]
Pairs = tuple[Positions, Positions]

_NOBODY: Pairs = (np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32))


@dataclass(frozen=True, slots=True)
class Clusters:
    """``label`` of each record: the position of its cluster's first record.

    ``refused`` marks the links that clustering did not follow, ``refused_must`` likewise
    the must-links, which a cannot-link contradicts.
    """

    label: Labels
    refused: Mask
    refused_must: Mask


def cluster(
    source: Sources,
    links: Pairs,
    weight: npt.NDArray[np.float64],
    *,
    apart: Pairs = _NOBODY,
    fitting: Pairs = _NOBODY,
    must: Pairs = _NOBODY,
    cannot: Pairs = _NOBODY,
) -> Clusters:
    """Clusters of records; ``source`` is the number of each record's source.

    Two records of one source are joined only if they are ``fitting``: nothing else says
    that they are one child held twice. Must-links hold over everything but a cannot-link.
    """
    all_l = np.concatenate([must[0], links[0]])
    all_r = np.concatenate([must[1], links[1]])
    order = np.lexsort((links[1], links[0], -weight)) + len(must[0])
    order = np.concatenate([np.lexsort((must[1], must[0])), order])
    component = _components(len(source), all_l, all_r)
    barred_l = np.concatenate([cannot[0], apart[0]])
    barred_r = np.concatenate([cannot[1], apart[1]])
    twice = source[fitting[0]] == source[fitting[1]]
    same_l, same_r = fitting[0][twice], fitting[1][twice]
    troubled = _troubled(component, barred_l, barred_r, source, same_l, same_r)
    label = _first_of(component)
    refused = np.zeros(len(all_l), dtype=bool)
    inside = troubled[component[all_l[order]]]
    if inside.any():
        members = np.flatnonzero(troubled[component])

        def inside_of(l: Positions, r: Positions) -> dict[int, set[int]]:
            kept = (component[l] == component[r]) & troubled[component[l]]
            return _neighbours(l[kept], r[kept])

        greedy = _Greedy(
            members,
            source,
            inside_of(cannot[0], cannot[1]),
            inside_of(barred_l, barred_r),
            inside_of(same_l, same_r),
        )
        for edge in order[inside]:
            forced = edge < len(must[0])
            refused[edge] = not greedy.merge(int(all_l[edge]), int(all_r[edge]), forced)
        label[members] = [greedy.root(member) for member in members.tolist()]
        label = _first_of(label)
    return Clusters(label, refused[len(must[0]) :], refused[: len(must[0])])


def _components(size: int, l: Positions, r: Positions) -> Labels:
    graph = coo_array((np.ones(len(l), dtype=np.int8), (l, r)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _first_of(label: Labels) -> Labels:
    """Each record's label replaced by the first position that has it."""
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int64)


def _troubled(
    component: Labels,
    barred_l: Positions,
    barred_r: Positions,
    source: Sources,
    same_l: Positions,
    same_r: Positions,
) -> Mask:
    """Components in which some merge may have to be refused."""
    size = int(component.max(initial=-1)) + 1
    result = np.zeros(size, dtype=bool)
    result[component[barred_l[component[barred_l] == component[barred_r]]]] = True
    sources = int(source.max(initial=0)) + 1
    keys, counts = np.unique(component * sources + source, return_counts=True)
    pairs = np.bincount(keys // sources, counts * (counts - 1) // 2, size)
    within = same_l[component[same_l] == component[same_r]]
    return np.asarray(result | (pairs > np.bincount(component[within], minlength=size)))


def _neighbours(l: Positions, r: Positions) -> dict[int, set[int]]:
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
        source: Sources,
        cannot: dict[int, set[int]],
        barred: dict[int, set[int]],
        fitting: dict[int, set[int]],
    ) -> None:
        self.parent = {member: member for member in members.tolist()}
        self.members = {member: {member} for member in self.parent}
        self.by_source = {member: {int(source[member]): {member}} for member in self.parent}
        self.barred = {member: set(barred.get(member, ())) for member in self.parent}
        self.cannot, self.fitting = cannot, fitting

    def root(self, member: int) -> int:
        while self.parent[member] != member:
            self.parent[member] = self.parent[self.parent[member]]
            member = self.parent[member]
        return member

    def merge(self, l: int, r: int, forced: bool) -> bool:
        """Join the clusters of two records unless that is refused."""
        one, other = sorted((self.root(l), self.root(r)))
        if one == other:
            return True
        if self._ruled_out(one, other) if forced else self._refused(one, other):
            return False
        self.parent[other] = one
        self.members[one] |= self.members.pop(other)
        self.barred[one] |= self.barred.pop(other)
        for source, held in self.by_source.pop(other).items():
            self.by_source[one].setdefault(source, set()).update(held)
        return True

    def _ruled_out(self, one: int, other: int) -> bool:
        return any(
            self.cannot.get(member, set()) & self.members[other] for member in self.members[one]
        )

    def _refused(self, one: int, other: int) -> bool:
        if self.barred[one] & self.members[other]:
            return True
        mine, theirs = self.by_source[one], self.by_source[other]
        return any(
            theirs[source] - self.fitting.get(member, set())
            for source in mine.keys() & theirs.keys()
            for member in mine[source]
        )
