"""Moving records between two children, or from one to a new one: as decisions on pairs.

Every record that leaves a child is decided to be no match with each that stays. Where what is
to be one child would not hold together by itself, one match joins each two parts of it. What
linking makes of these is looked at before they are shown: where it would join what is to be
apart, or part what is to be one, more decisions are planned, until it would not. Like all
decisions these take effect with the next run.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations, product
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, select, update

from api.db.among import among
from api.db.models import Decision, Membership, Source
from api.services.access.audit import note_act
from api.services.register.acts import ActError, keys_of, require_reason
from api.services.register.decisions import MATCH, NON_MATCH, decisions_in_force
from api.services.register.history import child_of
from api.services.register.pairs import pairs_within
from api.services.register.severances import severed_between
from api.services.register.supposing import clusters_if
from api.services.register.viewing import ShownRecord, view_child, view_records
from api.services.review.answering import check_can_settle, settle
from api.services.review.names import IN_PARTS
from api.services.review.pairs import (
    InHandError,
    PairId,
    Reviewer,
    StaleError,
    UnknownPairError,
)
from api.services.review.second import TwoDecideError
from matcher.rules.review import ReviewRules

# More records than that nobody can look through at once.
_RECORDS = 40

# Decisions are looked at again so often until linking would make what was chosen.
_ROUNDS = 10

# A place for records of neither child.
NEW = "new"


@dataclass(frozen=True, slots=True)
class Group:
    """The records of one or two children, as far as they may be seen, without what is masked.

    ``names`` and ``born``, their dates of birth, are those of the children's golden values,
    empty or none where they may not be seen.
    ``child_of`` is by record.id. ``state`` names all of it, so that a change is noticed.
    """

    children: tuple[str, ...]
    names: Mapping[str, str]
    born: Mapping[str, Any]
    records: tuple[ShownRecord, ...]
    child_of: Mapping[int, str]
    state: str

    @property
    def places(self) -> tuple[str, ...]:
        """Where a record can go."""
        return (*self.children, NEW)


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


class RefusedPairError(ActError):
    """A change that cannot be made because of one of its decisions.

    ``waits`` says that its pair is to be answered in the review queue first, ``in_hand`` that
    somebody has it there.
    """

    def __init__(self, refused: Planned, why: ActError) -> None:
        self.refused = refused
        self.waits = isinstance(why, TwoDecideError)
        self.in_hand = isinstance(why, InHandError)
        super().__init__(str(why))


def group_of(connection: Connection, rules: ReviewRules, reviewer: Reviewer, pair: PairId) -> Group:
    """The children of both records, with all that may be seen of them.

    Raises UnknownPairError if the two may not be seen together, and ActError if there are too
    many records.
    """
    keys = keys_of(connection, [pair.low, pair.high])
    if len(keys) < 2 or not {source for source, _ in keys.values()} <= reviewer.view.sources:
        raise UnknownPairError("there is no such pair")
    of = [child_of(connection, *keys[record]) for record in (pair.low, pair.high)]
    children = tuple(dict.fromkeys(child for child in of if child is not None))
    if None in of:
        raise UnknownPairError("there is no such pair")
    found: list[ShownRecord] = []
    belongs: dict[int, str] = {}
    for child in children:
        own = view_records(connection, reviewer.view, child, limit=_RECORDS + 1)
        found += [_without_masked(one, rules) for one in own]
        belongs |= {one.key.record: child for one in own}
    if len(found) > _RECORDS:
        raise ActError(f"these children have more than {_RECORDS} records; decide pair by pair")
    numbers = np.array([one.key.record for one in found], dtype=np.int64)
    l, r = (np.array(side, dtype=np.int64) for side in zip(*combinations(numbers, 2), strict=True))
    if severed_between(connection, l, r).any():
        raise UnknownPairError("there is no such pair")
    decisions = decisions_in_force(connection, numbers)["id"].tolist()
    said = sorted((one.key.record, belongs[one.key.record], one.version) for one in found)
    state = hashlib.sha256(repr((said, decisions)).encode()).hexdigest()[:20]
    golden = {child: _golden(connection, rules, reviewer, child) for child in children}
    names = {
        child: " ".join(str(values[part]) for part in IN_PARTS if part in values)
        for child, values in golden.items()
    }
    born = {child: values.get("date_of_birth") for child, values in golden.items()}
    return Group(children, names, born, tuple(found), belongs, state)


def _without_masked(record: ShownRecord, rules: ReviewRules) -> ShownRecord:
    kept = {name: value for name, value in record.values.items() if name not in rules.masked}
    return replace(record, values=kept)


def _golden(
    connection: Connection, rules: ReviewRules, reviewer: Reviewer, child: str
) -> dict[str, Any]:
    """A child's golden values, without what is masked."""
    shown = view_child(connection, reviewer.view, child)
    golden = {} if shown is None else shown.golden
    return {name: value for name, (value, _) in golden.items() if name not in rules.masked}


def single_sources(connection: Connection) -> frozenset[str]:
    """Sources that hold each child once."""
    return frozenset(connection.scalars(select(Source.name).where(Source.one_record_per_child)))


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
    tied: "_Tied",
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
    tied: "_Tied", place: Mapping[int, str], changed: set[str], label: Mapping[int, int]
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


def check_can_enter(
    connection: Connection,
    aside: Engine,
    rules: ReviewRules,
    reviewer: Reviewer,
    decisions: Sequence[Planned],
    *,
    now: datetime,
) -> None:
    """That a senior reviewer may enter all of these alone. Raises RefusedPairError.

    The change is one act, seen as a whole: half of its decisions, while the others wait for a
    second person, would be children that nobody wants. So of the pairs that two people decide
    only those are left to them that wait as what the rules name; the share that is drawn, to
    learn how well people agree, says nothing of a change like this.
    """
    for one in decisions:
        try:
            check_can_settle(connection, aside, rules, reviewer, one.pair, now=now)
        except ActError as error:
            raise RefusedPairError(one, error) from error


def enter(
    connection: Connection,
    aside: Engine,
    rules: ReviewRules,
    reviewer: Reviewer,
    pair: PairId,
    to: Mapping[int, str],
    *,
    state: str,
    why: str,
    now: datetime,
) -> list[int]:
    """Enter what was planned, and queue a run; the numbers of the decisions.

    Raises StaleError if the records, their children, the decisions on them or those planned are
    others than ``state`` names, and ActError if nothing would change or something cannot be
    decided.
    """
    group = group_of(connection, rules, reviewer, pair)
    plan = planned(connection, group, to)
    decisions = plan.decisions
    if not decisions:
        raise ActError("nothing would change; move at least one record")
    if plan.state_with(group) != state:
        raise StaleError(["page"])
    require_reason(why)
    check_can_enter(connection, aside, rules, reviewer, decisions, now=now)
    numbers = [
        settle(connection, reviewer, one.pair, kind=one.kind, why=why, now=now) for one in decisions
    ]
    if len(numbers) > 1:
        own = update(Decision).where(Decision.id.in_(numbers))
        connection.execute(own.values(change=numbers[0]))
    about = f"decisions {numbers[0]} to {numbers[-1]}"
    note_act(connection, "records_moved", about, by=reviewer.by, now=now)
    return numbers


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
