"""What a register comes to, to be compared with one that a single run made of the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, select, update

from api.db.engine import reading, writing
from api.db.models import Golden, Membership, Pair, RecordVersion, Severance
from api.services.register import corrections, deciding
from api.services.register.queue import STALE, waiting_pairs
from api.services.register.reading import REPORTED
from matcher.register.golden import GOLDEN_COLUMNS
from tests.databases import delete_everything
from tests.register_service.registers import NOW, Key, Register

Listed = Mapping[str, Any]


@dataclass
class State:
    """What was said until now, kept by the test alone.

    ``held`` gives by source and key a row and the day on which it was listed last.
    ``decisions`` and ``corrections`` are by number, in the order of entry.
    """

    held: dict[str, dict[str, tuple[Listed, int]]]
    decisions: dict[int, tuple[str, Key, Key]] = field(default_factory=dict)
    corrections: dict[int, tuple[Key, str, str]] = field(default_factory=dict)
    severances: list[tuple[Key, Key]] = field(default_factory=list)
    # Records that were put alone under a shield.
    unplaced: set[Key] = field(default_factory=set)
    unaccompanied: set[Key] = field(default_factory=set)

    def holds(self, key: Key) -> bool:
        return key[1] in self.held[key[0]]

    def forget(self, key: Key) -> None:
        """Nothing of a record counts any more; one that comes by its key is another."""
        self.held[key[0]].pop(key[1], None)
        self.decisions = {n: made for n, made in self.decisions.items() if key not in made[1:]}
        self.corrections = {n: made for n, made in self.corrections.items() if made[0] != key}
        self.severances = [ends for ends in self.severances if key not in ends]

    def keys(self) -> set[Key]:
        return {(source, key) for source, held in self.held.items() for key in held}


def in_one_run(register: Register, state: State, background: Sequence[Listed]) -> None:
    """Let a register know all of a state, and link that in one run whatever came before."""
    delete_everything(register.engine)
    with writing(register.engine) as connection:
        register.accept(connection, "registry", background)
        for source, held in state.held.items():
            for day in sorted({day for _, day in held.values()}):
                rows = [
                    {"record_id": key, **person}
                    for key, (person, listed) in sorted(held.items())
                    if listed == day
                ]
                first = day == min(listed for _, listed in held.values())
                register.accept(connection, source, rows, "snapshot" if first else "delta", day)
        register._run(connection)
        _enter(register, connection, state)
        register._run(connection, anew=True)


def _enter(register: Register, connection: Connection, state: State) -> None:
    who: Any = {"by": "reviewer", "now": NOW}
    for kind, one, other in state.decisions.values():
        if state.holds(one) and state.holds(other):
            deciding.decide(connection, kind=kind, one=one, other=other, why="a test", **who)
    ids = register.ids(connection)
    for name in ("unplaced", "unaccompanied"):
        marked = [ids[key] for key in getattr(state, name)]
        own = update(RecordVersion).where(RecordVersion.record.in_(marked))
        connection.execute(own.values({name: True}))
    for one, other in state.severances:
        if one in ids and other in ids:
            ends = {"record_l": ids[one], "record_r": ids[other]}
            connection.execute(
                insert(Severance).values(**ends, why="a test", by="reviewer", at=NOW)
            )
    rules = register.rules.book.linkage
    for record, name, value in state.corrections.values():
        corrections.correct(
            connection, record=record, field=name, value=value, why="a test", rules=rules, **who
        )


def comes_to(register: Register) -> dict[str, Any]:
    """Children by their records, golden values, reported pairs and what waits."""
    with reading(register.engine) as connection:
        key = {number: key for key, number in register.ids(connection).items()}
        members: dict[str, set[Key]] = {}
        held = select(Membership.child, Membership.record).where(Membership.to_run.is_(None))
        for child, record in connection.execute(held):
            members.setdefault(child, set()).add(key[record])
        columns = [getattr(Golden, name) for name in GOLDEN_COLUMNS]
        golden = select(Golden.child, *columns).where(Golden.to_run.is_(None))
        told = (Pair.weight, Pair.link, Pair.waiting, Pair.rival, Pair.pattern)
        pairs = connection.execute(select(Pair.l, Pair.r, *told).where(REPORTED))
        items = waiting_pairs(connection, limit=10_000)
        return {
            "children": {frozenset(records) for records in members.values()},
            "golden": {
                frozenset(members[row[0]]): tuple(row[1:]) for row in connection.execute(golden)
            },
            "pairs": {(key[row.l], key[row.r]): (round(row.weight, 6), *row[3:]) for row in pairs},
            # A decision made on other values waits only where the values were others once.
            "queue": {
                (item.kind, frozenset((item.l, item.r))) for item in items if item.kind != STALE
            },
        }
