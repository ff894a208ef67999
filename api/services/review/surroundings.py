"""What stands around a pair: by record.id, before it is asked who may see it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import inf
from typing import Any

import numpy as np
from sqlalchemy import Connection, and_, or_, select
from sqlalchemy.orm import aliased

from api.db.among import among
from api.db.models import (
    Decision,
    Membership,
    Pair,
    Record,
    RecordVersion,
    Referral,
    ReviewAnswer,
    Source,
)
from api.db.tables import in_utc
from api.services.access.policy import View
from api.services.register.acts import Key
from api.services.register.clashes import Clashing, clashing_decisions
from api.services.register.conflicts import CONTRADICTION
from api.services.register.decisions import NON_MATCH, UNDO
from api.services.register.severances import severed_between
from api.services.review.pairs import PairId
from api.services.review.sections import DIFFERS, SETTLED, WAITING, is_open
from api.services.review.state import either_way

# Of so many pairs of a record at most, the strongest, others are looked at.
_NEAR = 30
_RIVALS = 5
_FELLOWS = 20
# Records of one family id: more than that are no family, but a placeholder.
_FAMILY = 30

# Made once: naming a table anew takes longer than asking it.
_OWN, _OTHER = aliased(RecordVersion), aliased(RecordVersion)
_MINE, _THEIRS = aliased(Record), aliased(Record)


class Kinship(StrEnum):
    """How two records look like brothers and sisters."""

    TWIN = "twin"
    SIBLING = "sibling"
    FAMILY = "family"

    @classmethod
    def of(
        cls, one: Mapping[str, str], other: Mapping[str, str], *, shares_family: bool
    ) -> "Kinship | None":
        """Of one family or home, with another forename: twin if born on one day."""
        if shares_family:
            home = True
        else:
            place = _alike(one, other, "postcode") or _alike(one, other, "address")
            home = place and _alike(one, other, "surname")
        if not home or not _differ(one, other, "forename" if "forename" in one else "name"):
            return None
        if _alike(one, other, "date_of_birth"):
            return cls.TWIN
        if not shares_family and not _differ(one, other, "date_of_birth"):
            return None
        return cls.FAMILY if shares_family else cls.SIBLING


@dataclass(frozen=True, slots=True)
class Earlier:
    """What somebody said of a pair: a decision, and if it was undone, or an answer.

    An answer waits, or a senior reviewer's decision ``settled`` it.
    """

    id: int
    kind: str
    by: str
    at: datetime
    why: str
    undone: bool = False
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Records around a pair, by the record of the pair that they stand around.

    ``near`` may be brothers and sisters: whether each shares the family id is said. Records of
    its own child are among them only where the rules keep the two apart. ``rivals`` gives their
    weight in bits, the strongest first. ``kept`` is the pair's own row, if it has one.
    ``divided`` says that one child holds both records, and that they are told as of two.
    """

    kept: Any
    child_of: Mapping[int, str]
    fellows: Mapping[int, Sequence[int]]
    near: Mapping[int, Sequence[tuple[int, bool]]]
    rivals: Mapping[int, Sequence[tuple[int, float]]]
    divided: bool

    @property
    def records(self) -> set[int]:
        """All of them."""
        found = {record for own in self.fellows.values() for record in own}
        found |= {record for own in self.near.values() for record, _ in own}
        return found | {record for own in self.rivals.values() for record, _ in own}

    def compared(self, *ends: int) -> list[tuple[int, int]]:
        """The pair of these two, and each of them with its rivals."""
        return [
            (ends[0], ends[1]),
            *((one, other) for one in ends for other, _ in self.rivals[one]),
        ]

    def without(self, hidden: Collection[int]) -> "Surroundings":
        """Without some records."""
        return replace(
            self,
            fellows={one: [n for n in own if n not in hidden] for one, own in self.fellows.items()},
            near={one: [n for n in own if n[0] not in hidden] for one, own in self.near.items()},
            rivals={
                one: [n for n in own if n[0] not in hidden] for one, own in self.rivals.items()
            },
        )


@dataclass(frozen=True, slots=True)
class HeldTwice:
    """A source that holds each child once, and its records of either child of a pair.

    ``source`` is missing where it may not be seen, and then so are its records.
    """

    source: str | None
    l: tuple[Key, ...]
    r: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Clashed:
    """A decision that a conflict comes of, and its two records, as far as they may be seen."""

    id: int
    pair: PairId
    kind: str
    by: str
    at: datetime
    why: str
    l: Key | None
    r: Key | None


def surroundings_of(
    connection: Connection, pair: PairId, *, blind: Callable[[], bool]
) -> Surroundings:
    """What stands around a pair; as if it were two children still, if it is one and ``blind``."""
    ends = (pair.low, pair.high)
    rows = _pairs_of(connection, ends)
    kept = next((row for row in rows if {row.l, row.r} == set(ends)), None)
    others: dict[int, list[Any]] = {
        end: [row for row in rows if end in (row.l, row.r) and {row.l, row.r} != set(ends)]
        for end in ends
    }
    family = _family_of(connection, ends)
    near = {
        end: list(dict.fromkeys([*((n, True) for n in family[end]),
                                 *((_other(row, end), False) for row in others[end][:_NEAR])]))
        for end in ends
    }  # fmt: skip
    candidates = {record for own in near.values() for record, _ in own} | set(ends)
    child_of = _children(connection, candidates)
    fellows = _fellows(connection, ends, child_of)
    both = {child_of.get(end) for end in ends}
    mine = {record for own in fellows.values() for record in own} | set(ends)
    shown_near: dict[int, list[tuple[int, bool]]] = {}
    for end, own in near.items():
        families = {record for record, shares in own if shares}
        apart = {_other(row, end) for row in others[end] if row.apart}
        distinct = dict.fromkeys(
            record for record, _ in own if record not in mine - apart and record not in ends
        )
        shown_near[end] = [(record, record in families) for record in distinct]
    rivals = {
        end: [
            (_other(row, end), float(row.weight))
            for row in others[end]
            if not row.apart and row.weight > 0 and child_of.get(_other(row, end)) not in both
        ][:_RIVALS]
        for end in ends
    }
    divided = len(both) == 1 and blind()
    if divided:
        fellows = _divided(fellows[pair.low], others, ends)
    return Surroundings(kept, child_of, fellows, shown_near, rivals, divided)


def _divided(
    fellows: Sequence[int], others: Mapping[int, Sequence[Any]], ends: tuple[int, int]
) -> dict[int, list[int]]:
    """Records of one child, each beside the end of the pair that it fits best."""
    weight = {end: {_other(row, end): float(row.weight) for row in others[end]} for end in ends}
    parts: dict[int, list[int]] = {end: [] for end in ends}
    for record in fellows:
        parts[max(ends, key=lambda end: weight[end].get(record, -inf))].append(record)
    return parts


def held_twice(
    connection: Connection, view: View, pair: PairId, l: str | None, r: str | None
) -> tuple[HeldTwice, ...]:
    """Sources that hold each child once, and have a record of each of these two children."""
    query = (
        select(Source.name, Record.id, Record.record_id, Membership.child)
        .join(Record, Record.source == Source.number)
        .join(Membership, Membership.record == Record.id)
        .where(
            Source.one_record_per_child,
            Membership.to_run.is_(None),
            Membership.child.in_([one for one in (l, r) if one is not None]),
        )
        .order_by(Source.name, Record.record_id)
    )
    held: dict[str, dict[str, list[Key]]] = {}
    rows = connection.execute(query).all()
    hidden = severed_from(connection, pair, {row.id for row in rows})
    for source, record, record_id, child in rows:
        if record not in hidden:
            key = (source, view.shown_id(source, record_id, record))
            held.setdefault(source, {}).setdefault(child, []).append(key)
    return tuple(
        HeldTwice(source, tuple(own[l or ""]), tuple(own[r or ""]))
        if source in view.sources
        else HeldTwice(None, (), ())
        for source, own in held.items()
        if len(own) == 2
    )


def clashing(
    connection: Connection, view: View, pair: PairId, conflict: str
) -> tuple[Clashed, ...]:
    """The decisions that a conflict of this kind on the pair comes of, in order."""
    named = (conflict, pair.low, pair.high)
    return _clashed(view, clashing_decisions(connection, [named]).get(named, ()))


def in_the_way(connection: Connection, view: View, pair: PairId) -> tuple[Clashed, ...]:
    """The decisions that cannot all hold together with a match of the two, in order.

    What was said of the pair itself is none of them: a match goes before it.
    """
    named = (CONTRADICTION, pair.low, pair.high)
    found = [
        one
        for one in clashing_decisions(connection, [named]).get(named, ())
        if {*one.records} != {*pair.records}
    ]
    return _clashed(view, found) if any(one.kind == NON_MATCH for one in found) else ()


def _clashed(view: View, found: Iterable[Clashing]) -> tuple[Clashed, ...]:
    return tuple(
        Clashed(
            one.id,
            PairId.of(*one.records),
            one.kind,
            one.by,
            one.at,
            one.why,
            *(
                (source, view.shown_id(source, record_id, record))
                if source in view.sources
                else None
                for (source, record_id), record in zip((one.l, one.r), one.records, strict=True)
            ),
        )
        for one in found
    )


def severed_from(connection: Connection, pair: PairId, records: Collection[int]) -> set[int]:
    """Of these records those that must not be shown beside this pair."""
    others = np.array(sorted(records), dtype=np.int64)
    hidden: set[int] = set()
    for record in (pair.low, pair.high):
        apart = severed_between(connection, np.full(len(others), record), others)
        hidden |= set(others[apart].tolist())
    return hidden


def earlier_decisions(connection: Connection, pair: PairId) -> list[Earlier]:
    """Decisions on a pair, the last first."""
    query = select(Decision).where(either_way(Decision, pair)).order_by(Decision.id.desc())
    rows = connection.execute(query).all()
    undone = {row.undoes for row in rows if row.kind == UNDO}
    return [
        Earlier(row.id, row.kind, row.by, in_utc(row.at), row.why, row.id in undone)
        for row in rows
        if row.kind != UNDO
    ]


def settled_answers(connection: Connection, pair: PairId) -> list[Earlier]:
    """Answers to a pair that a senior reviewer's decision settled, the last first."""
    query = select(ReviewAnswer).where(
        pair.is_of(ReviewAnswer.low, ReviewAnswer.high), ReviewAnswer.state == SETTLED
    )
    return [
        Earlier(row.id, row.kind, row.by, in_utc(row.at), row.why, settled=True)
        for row in connection.execute(query.order_by(ReviewAnswer.id.desc()))
    ]


def answers_to_settle(connection: Connection, pair: PairId) -> list[Earlier]:
    """Answers to a pair that have had no effect yet, in order."""
    query = select(ReviewAnswer).where(
        pair.is_of(ReviewAnswer.low, ReviewAnswer.high),
        ReviewAnswer.state.in_((WAITING, DIFFERS)),
    )
    return [
        Earlier(row.id, row.kind, row.by, in_utc(row.at), row.why)
        for row in connection.execute(query.order_by(ReviewAnswer.id))
    ]


def open_referral(connection: Connection, pair: PairId) -> Earlier | None:
    """The last referral of a pair that no decision has settled."""
    query = (
        select(Referral)
        .where(pair.is_of(Referral.low, Referral.high), is_open(Referral))
        .order_by(Referral.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Earlier(row.id, "referred", row.by, in_utc(row.at), row.note)


def _pairs_of(connection: Connection, ends: tuple[int, int]) -> list[Any]:
    """Kept pairs of either record, the strongest first."""
    query = select(Pair.l, Pair.r, Pair.weight, Pair.pattern, Pair.rival, Pair.apart).where(
        or_(Pair.l.in_(ends), Pair.r.in_(ends))
    )
    return sorted(connection.execute(query), key=lambda row: (-row.weight, row.l, row.r))


def _other(row: Any, end: int) -> int:
    return int(row.r if row.l == end else row.l)


def _family_of(connection: Connection, ends: tuple[int, int]) -> dict[int, list[int]]:
    """Children's records of the same source with the same family id."""
    query = (
        select(_OWN.record, _OTHER.record)
        .join(_MINE, _MINE.id == _OWN.record)
        .join(
            _OTHER,
            and_(
                _OTHER.family_id == _OWN.family_id,
                _OTHER.family_id.is_not(None),
                _OTHER.to_run.is_(None),
                _OTHER.role == "child",
                _OTHER.record != _OWN.record,
            ),
        )
        .join(_THEIRS, and_(_THEIRS.id == _OTHER.record, _THEIRS.source == _MINE.source))
        .where(_OWN.record.in_(ends), _OWN.to_run.is_(None))
        .order_by(_OTHER.record)
    )
    found: dict[int, list[int]] = {end: [] for end in ends}
    for end, record in connection.execute(query):
        found[end].append(record)
    return {end: own if len(own) <= _FAMILY else [] for end, own in found.items()}


def _children(connection: Connection, records: Collection[int]) -> dict[int, str]:
    query = select(Membership.record, Membership.child).where(
        Membership.to_run.is_(None),
        among(Membership.record, np.array(sorted(records), dtype=np.int64)),
    )
    return dict(iter(connection.execute(query)))


def _fellows(
    connection: Connection, ends: tuple[int, int], child_of: dict[int, str]
) -> dict[int, list[int]]:
    """Other records of the children of both; ``child_of`` is told whose they are."""
    children = sorted({child_of[end] for end in ends if end in child_of})
    query = select(Membership.record, Membership.child).where(
        Membership.to_run.is_(None), Membership.child.in_(children)
    )
    rows = sorted(connection.execute(query).all())
    child_of.update((record, child) for record, child in rows)
    return {
        end: [record for record, child in rows
              if child == child_of.get(end) and record not in ends][:_FELLOWS]
        for end in ends
    }  # fmt: skip


def _alike(one: Mapping[str, str], other: Mapping[str, str], name: str) -> bool:
    return name in one and name in other and _plain(one[name]) == _plain(other[name])


def _differ(one: Mapping[str, str], other: Mapping[str, str], name: str) -> bool:
    return name in one and name in other and _plain(one[name]) != _plain(other[name])


def _plain(value: str) -> str:
    return "".join(value.casefold().split())
