"""Which decisions move records between two children, or from one to a new one.

Every record that leaves a child is decided to be no match with each that stays. Where what is
to be one child would not hold together by itself, one match joins each two parts of it. What
linking makes of these is looked at before they are shown: where it would join what is to be
apart, or part what is to be one, more decisions are planned, until it would not.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from sqlalchemy import Connection, select

from api.db.among import among
from api.db.models import Membership
from api.services.register.acts import ActError
from api.services.register.decisions import MATCH, NON_MATCH, decisions_in_force
from api.services.register.pairs import pairs_within
from api.services.register.supposing import clusters_if
from api.services.register.viewing import ShownRecord
from api.services.review.grouping import Group
from api.services.review.pairs import PairId

# Decisions are looked at again so often until linking would make what was chosen.
_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Planned:
    """A decision that would be entered, on two records."""

    kind: str
    l: ShownRecord
    r: ShownRecord

    @property
    def pair(self) -> PairId:
        """The two."""
        return PairId.of(self.l.key.record, self.r.key.record)


@dataclass(frozen=True, slots=True)
class Plan:
    """Decisions that would be entered. ``beside`` has, by place, how many records of other
    children linking would then put with those that go there.
    """

    decisions: tuple[Planned, ...]
    beside: Mapping[str, int]

    def state_with(self, group: Group) -> str:
        """Names the group and all that is planned for it, so that a change is noticed."""
        said = sorted((one.pair.records, one.kind) for one in self.decisions)
        text = repr((group.state, said, sorted(self.beside.items())))
        return hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclass(frozen=True, slots=True)
class _Tied:
    """What linking holds of pairs among the records: weights, and which of them are links."""

    weights: Mapping[PairId, float]
    links: Set[PairId]

    @classmethod
    def of(cls, connection: Connection, place: Mapping[int, str]) -> "_Tied":
        """As it is now."""
        kept = pairs_within(connection, np.array(sorted(place), dtype=np.int64))
        pairs = [PairId.of(int(l), int(r)) for l, r in zip(kept.l, kept.r, strict=True)]
        weights = dict(zip(pairs, kept.found["weight"].astype(float), strict=True))
        links = {one for one, link in zip(pairs, kept.found["link"], strict=True) if link}
        return cls(weights, links)


def planned(connection: Connection, group: Group, to: Mapping[int, str]) -> Plan:
    """Decisions by which each record goes to its place: a child's id, or NEW.

    A record without a place stays; where all do, nothing is planned. A match that is not followed
    now is left as it is, unless one of its records moves or the change would have it followed.
    Raises ActError if there is no such place, or if linking would make other children whatever
    were decided of these records.
    """
    if not set(to.values()) <= set(group.places):
        raise ActError("choose one of these children, or a new one")
    place = {number: to.get(number, child) for number, child in group.child_of.items()}
    moved = {number for number, goal in place.items() if goal != group.child_of[number]}
    if not moved:
        return Plan((), {})
    tied = _Tied.of(connection, place)
    held = _held(connection, group)
    changed = {of[number] for number in moved for of in (place, group.child_of)}
    apart = list(_apart(group, place, held, moved))
    joined = list(_joined(tied, place, held, changed))
    then = held | dict.fromkeys((PairId.of(*pair) for pair in apart), NON_MATCH)
    then |= dict.fromkeys((PairId.of(*pair) for pair in joined), MATCH)
    apart += _freed(place, then)
    said = {PairId.of(*pair): NON_MATCH for pair in apart}
    said |= {PairId.of(*pair): MATCH for pair in joined}
    label = _amended(connection, tied, place, changed, said)
    by_number = {one.key.record: one for one in group.records}
    decisions = [
        Planned(kind, *sorted((by_number[pair.low], by_number[pair.high]), key=lambda one: one.key))
        for pair, kind in said.items()
    ]
    return Plan(tuple(decisions), _beside(connection, group, place, changed, label))


def _amended(
    connection: Connection,
    tied: _Tied,
    place: Mapping[int, str],
    changed: set[str],
    said: dict[PairId, str],
) -> dict[int, int]:
    """Add to ``said`` what it takes until linking makes the children as chosen; what it makes."""
    numbers = np.array(sorted(place), dtype=np.int64)
    for _ in range(_ROUNDS):
        label = clusters_if(connection, numbers, {one.records: kind for one, kind in said.items()})
        wrong = dict(_wrong(tied, place, changed, label))
        if not wrong:
            return label
        if wrong.items() <= said.items():
            break
        said |= wrong
    raise ActError(
        "linking would not make these children, because of what is decided of other records; "
        "decide pair by pair"
    )


def _wrong(
    tied: _Tied, place: Mapping[int, str], changed: set[str], label: Mapping[int, int]
) -> Iterator[tuple[PairId, str]]:
    """Decisions against what linking would make otherwise than chosen."""
    of = {number: label.get(number, -1 - number) for number in place}
    for one, other in combinations(sorted(place), 2):
        goals = {place[one], place[other]}
        if len(goals) == 2 and goals & changed and of[one] == of[other]:
            yield PairId.of(one, other), NON_MATCH
    for goal in sorted(changed):
        mine = [number for number in sorted(place) if place[number] == goal]
        parts = {of[number]: [one for one in mine if of[one] == of[number]] for number in mine}
        for pair in _bridges(list(parts.values()), tied.weights):
            yield PairId.of(*pair), MATCH


def _beside(
    connection: Connection,
    group: Group,
    place: Mapping[int, str],
    changed: set[str],
    label: Mapping[int, int],
) -> dict[str, int]:
    """How many records of other children linking would put with those of each place."""
    goal_of = {label[number]: goal for number, goal in place.items() if goal in changed}
    beside = [number for number, own in label.items() if own in goal_of and number not in place]
    others = connection.scalars(
        select(Membership.record).where(
            among(Membership.record, np.array(beside, dtype=np.int64)),
            Membership.to_run.is_(None),
            Membership.child.not_in(group.children),
        )
    )
    return dict(Counter(goal_of[label[number]] for number in others))


def _held(connection: Connection, group: Group) -> dict[PairId, str]:
    """What is decided of pairs among the records."""
    numbers = np.array(sorted(group.child_of), dtype=np.int64)
    rows = decisions_in_force(connection, numbers)
    return {
        PairId.of(int(l), int(r)): kind
        for kind, l, r in zip(rows["kind"], rows["l"], rows["r"], strict=True)
        if l in group.child_of and r in group.child_of
    }


def _apart(
    group: Group, place: Mapping[int, str], held: Mapping[PairId, str], moved: set[int]
) -> Iterator[tuple[int, int]]:
    """Pairs that were one child until now, or decided to be, and are not to be."""
    for one, other in combinations(sorted(place), 2):
        if place[one] == place[other] or not {one, other} & moved:
            continue
        said = held.get(PairId.of(one, other))
        together = group.child_of[one] == group.child_of[other]
        if said == MATCH or (together and said != NON_MATCH):
            yield one, other


def _freed(place: Mapping[int, str], then: Mapping[PairId, str]) -> Iterator[tuple[int, int]]:
    """Matches between two places that no other decision would keep apart any more."""
    ties = {
        pair for pair, kind in then.items() if kind == MATCH and place[pair.low] == place[pair.high]
    }
    part = {number: at for at, own in enumerate(_parts(sorted(place), ties)) for number in own}
    barred = {
        frozenset((part[pair.low], part[pair.high]))
        for pair, kind in then.items()
        if kind == NON_MATCH
    }
    for pair in sorted(one for one, kind in then.items() if kind == MATCH and one not in ties):
        ends = frozenset((part[pair.low], part[pair.high]))
        if ends not in barred:
            barred.add(ends)
            yield pair.records


def _joined(
    tied: _Tied, place: Mapping[int, str], held: Mapping[PairId, str], changed: set[str]
) -> Iterator[tuple[int, int]]:
    """Pairs that are to be decided matches so that each child holds together."""
    for goal in dict.fromkeys(one for one in place.values() if one in changed):
        mine = [number for number in sorted(place) if place[number] == goal]
        refused = [
            (one, other)
            for one, other in combinations(mine, 2)
            if held.get(PairId.of(one, other)) == NON_MATCH
        ]
        yield from refused
        firm = {
            pair
            for one, other in combinations(mine, 2)
            if (pair := PairId.of(one, other)) in tied.links or held.get(pair) == MATCH
        } | {PairId.of(*pair) for pair in refused}
        yield from _bridges(_parts(mine, firm), tied.weights)


def _parts(numbers: Sequence[int], firm: set[PairId]) -> list[list[int]]:
    """Records that hold together by these pairs."""
    part = {number: {number} for number in numbers}
    for pair in sorted(firm):
        one, other = part[pair.low], part[pair.high]
        if one is not other:
            one |= other
            for number in other:
                part[number] = one
    return [sorted(found) for found in {min(found): found for found in part.values()}.values()]


def _bridges(
    parts: Sequence[Sequence[int]], weights: Mapping[PairId, float]
) -> Iterator[tuple[int, int]]:
    """For each part but the first its pair of most weight with those before."""
    before = list(parts[0]) if parts else []
    for part in parts[1:]:
        yield max(
            product(before, part),
            key=lambda pair: (weights.get(PairId.of(*pair), -np.inf), -pair[0], -pair[1]),
        )
        before += part
