"""In which state a record of a base system is, as far as somebody may see.

Systems that may not be seen make no record a matched one, nor do records of which it may not
be told whose they are; and a possible link waits only if both of its records may be seen.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    false,
    literal,
    literal_column,
    not_,
    or_,
    select,
)

from api.db.among import among
from api.db.models import Membership, Pair, Record, SearchEntry, Source
from api.services.register.columns import Numbers
from api.services.register.criteria import Condition
from api.services.register.lookalikes import lookalike_records


class State(StrEnum):
    """Which records of a base system to list."""

    ALL = "all"
    MATCHED = "matched"  # another system holds the child
    UNMATCHED = "unmatched"
    POSSIBLE = "possible"  # a possible link of the child waits
    CHECKED = "checked"  # a person checked the record


# Written out, not as parameters: so the indexes of those few can be used.
_FLAGS: Mapping[State, ColumnElement[bool]] = {
    State.MATCHED: SearchEntry.matched == literal_column("1"),
    State.UNMATCHED: SearchEntry.matched == literal_column("0"),
    State.POSSIBLE: SearchEntry.possible == literal_column("1"),
    State.CHECKED: SearchEntry.checked == literal_column("1"),
}


@dataclass(frozen=True)
class Holdings:
    """What counts for the state of a record.

    ``told`` are the numbers of systems that may be seen, all if none; ``untold`` records of
    which it may not be told whose they are; ``held`` the systems that hold each child of
    which such a record is, without it.
    """

    told: frozenset[int] | None
    untold: Numbers
    held: Mapping[str, frozenset[int]]

    @classmethod
    def of(
        cls, connection: Connection, *, seen: Collection[str] | None, cleared: bool
    ) -> "Holdings":
        """Of somebody who may see some systems, all if None."""
        told = None
        if seen is not None:
            numbers: dict[str, int] = dict(
                iter(connection.execute(select(Source.name, Source.number)))
            )
            told = frozenset(numbers[name] for name in seen if name in numbers)
            told = None if len(told) == len(numbers) else told
        untold = np.empty(0, np.int64) if cleared else lookalike_records(connection)
        return cls(told, untold, _held(connection, untold))

    @property
    def are_all(self) -> bool:
        """Whether nothing is left out, so that a record's own flags say it."""
        return self.told is None and not len(self.untold)

    def counts(self, system: int) -> bool:
        """Whether a system counts."""
        return self.told is None or system in self.told

    def others(self, held: Iterable[int], own: int) -> list[int]:
        """Of the systems that hold a child, those other than ``own`` that count."""
        return [one for one in held if one != own and self.counts(one)]


def in_state(connection: Connection, holdings: Holdings, state: State) -> list[Condition]:
    """That a record is in a state."""
    if state is State.ALL:
        return []
    if state is State.CHECKED or holdings.are_all:
        return [_FLAGS[state]]
    if state is State.POSSIBLE:
        return [_waits(holdings)]
    matched = _matched(connection, holdings)
    return [matched if state is State.MATCHED else not_(matched)]


def _matched(connection: Connection, holdings: Holdings) -> Condition:
    plainly = _FLAGS[State.MATCHED]
    if holdings.told is not None:
        held = literal(" ") + SearchEntry.held + " "
        plainly = or_(
            false(),
            *(
                and_(SearchEntry.source != one, held.contains(f" {one} "))
                for one in sorted(holdings.told)
            ),
        )
    if not holdings.held:
        return plainly
    children = sorted(holdings.held)
    matched = [
        record
        for child, source, record in _members(connection, children)
        if holdings.others(holdings.held[child], source)
    ]
    return or_(
        and_(not_(among(SearchEntry.child, children)), plainly),
        among(SearchEntry.record, np.array(matched, np.int64)),
    )


def _waits(holdings: Holdings) -> Condition:
    """That a possible link of the child waits between two records that count."""
    where: list[Any] = [Pair.waiting == literal_column("1")]
    for end in (Pair.l, Pair.r):
        if holdings.told is not None:
            own = select(Record.id).where(
                Record.id == end, Record.source.in_(sorted(holdings.told))
            )
            where.append(own.exists())
        if len(holdings.untold):
            where.append(not_(among(end, holdings.untold)))
    ends = select(Pair.l).where(*where).union_all(select(Pair.r).where(*where))
    waiting = select(SearchEntry.child).where(SearchEntry.record.in_(ends))
    return SearchEntry.child.in_(waiting)


def _held(connection: Connection, untold: Numbers) -> dict[str, frozenset[int]]:
    if not len(untold):
        return {}
    of = select(Membership.child).where(
        Membership.to_run.is_(None), among(Membership.record, untold)
    )
    left_out = set(untold.tolist())
    found: dict[str, set[int]] = {}
    for child, source, record in _members(connection, sorted(connection.scalars(of.distinct()))):
        held = found.setdefault(child, set())
        if record not in left_out:
            held.add(source)
    return {child: frozenset(held) for child, held in found.items()}


def _members(connection: Connection, children: Sequence[str]) -> Iterable[Any]:
    """Child, source and record.id of the records of these children."""
    query = (
        select(Membership.child, Record.source, Membership.record)
        .join(Record, Record.id == Membership.record)
        .where(Membership.to_run.is_(None), among(Membership.child, children))
    )
    return connection.execute(query)
