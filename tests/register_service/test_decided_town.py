"""Whatever people decide and take back: it holds, what cannot is listed, and order is nothing."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from api.db.engine import reading
from api.services.register.decisions import decisions_in_force
from tests.register_service.registers import Key
from tests.register_service.reviewed import Reviewed
from tests.register_service.test_same_register import PEOPLE

SOURCES = ("school", "clinic", "social")
KEYS = [(SOURCES[number % 3], str(number)) for number in range(len(PEOPLE))]

# Few enough that decisions meet.
records = st.sampled_from(KEYS[:5])
kinds = st.sampled_from(["match", "match", "non_match", "cannot_tell", "undo"])
# What is said of which two, and whether a run follows.
acts = st.tuples(kinds, records, records, st.booleans()).filter(lambda act: act[1] != act[2])


def test_decisions_hold_or_are_listed_as_linking_anew_says(engine: Engine, tmp_path: Path) -> None:
    register = Reviewed(engine, tmp_path)
    register.begin(
        {**person, "source": source, "record_id": key}
        for (source, key), person in zip(KEYS, PEOPLE, strict=True)
    )
    register.holds_each_child_once("clinic")
    undecided = register.children(), register.conflicts()
    seen: set[str] = set()

    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(acts, min_size=5, max_size=9))
    def check(history: list[tuple[str, Key, Key, bool]]) -> None:
        for number in register.decisions():
            register.take_back(number, run=False)
        register.run()
        assert (register.children(), register.conflicts()) == undecided
        act(register, history)
        listed = register.conflicts()
        seen.update(kind for kind, _, _ in listed)
        check_held(register, listed)
        before = register.children(), listed, waiting(register)
        for result in register.link_anew():
            assert result.outcome.children.nothing
        assert (register.children(), register.conflicts(), waiting(register)) == before

    check()
    assert seen >= {"contradiction", "held_twice"}


def act(register: Reviewed, history: list[tuple[str, Key, Key, bool]]) -> None:
    for kind, one, other, run in history:
        made = register.decisions()
        if kind != "undo":
            register.say(kind, one, other, run=run)
        elif made:
            register.take_back(made[int(one[1]) % len(made)])
    register.run()


def check_held(register: Reviewed, listed: list[tuple[str, Key, Key]]) -> None:
    """Matches are together unless listed, non-matches apart, and what is listed is so."""
    refused = {frozenset((l, r)) for kind, l, r in listed if kind == "contradiction"}
    with reading(register.engine) as connection:
        key = {number: key for key, number in register.ids(connection).items()}
        found = decisions_in_force(connection)
    for kind, l, r in zip(found["kind"], found["l"], found["r"], strict=True):
        if kind == "match":
            apart = frozenset((key[l], key[r])) in refused
            assert register.together(key[l], key[r]) != apart
        if kind == "non_match":
            assert not register.together(key[l], key[r])
    for kind, one, other in listed:
        if kind == "held_twice":
            assert one[0] == other[0] == "clinic"
        assert register.together(one, other) == (kind == "held_twice")


def waiting(register: Reviewed) -> list[tuple[str, Key, Key, float | None]]:
    return [(item.kind, item.l, item.r, item.weight) for item in register.queue()]
