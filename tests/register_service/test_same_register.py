"""However records and decisions arrive, the register is what linking them at once gives."""

import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine

from api.db.engine import open_database, reading, writing
from api.db.models import RecordVersion
from api.services.extracts import Mode
from api.services.register.acts import ActError
from api.services.register.kept_rules import InForce
from api.services.rules import load_rule_book, shipped_model
from tests.databases import Databases
from tests.end_to_end.command import RULES
from tests.register_service.batches import State, comes_to, in_one_run
from tests.register_service.registers import Key, Register, removed, shipped
from tests.spec.background import town
from tests.spec.drawn import rows

# Records of a few children in the ways in which systems hold them, twins and siblings among
# them, so that pairs are links, possible, rivals or kept apart.
PEOPLE = rows("""
forename   | surname      | date_of_birth | sex | address      | postcode | nhs_number
Aisha      | Malik        | 2014-05-03    | F   | 2 Mill Rd    | OL1 1AA  | 9434765919
Ayesha     | Malik        | 2014-03-05    | F   | 2 Mill Rd    | OL1 1AA  |
Aisha      | Begum        | 2014-05-03    | F   | 8 Dale Rd    | OL9 5BB  | 9434765919
Baby       | Malik        | 2014-05-03    |     | 2 Mill Rd    | ZZ99 3VZ |
Zara       | Malik        | 2014-05-03    | F   | 2 Mill Rd    | OL1 1AA  | 9990000018
Malik      | Zara         | 2014-05-03    | F   | 2 Mill Rd    | OL1 1AA  |
Zara       | Malik        | 2014-05-08    | F   | 2 Mill Rd    | OL1 1AA  |
Zahra      | Malik        | 2014-05-03    | F   | 2 Mill Rd    | OL1 1AA  |
Mohd Yusuf | Hussain      | 2013-06-15    | M   | 4 Elm St     | OL2 2BB  |
Yousuf     | Hussein      | 2013-06-21    | M   | 4 Elm St     | OL2 2BB  |
Yusuf      | Hussain      |               | M   |              |          |
Yusuf      | Hussain      | 2013-06-15    | M   | 9 Oak St     | OL4 1AA  |
Lily       | Lees         | 2015-02-11    | F   | 7 Ash Close  | OL3 5XX  |
Lilly      | Booth        | 2015-02-11    | F   | 7 Ash Close  | OL3 5XX  |
Lily       | Lees-Booth   | 2015-02-11    | F   | 1 New Street | OL8 1AB  |
L          | Lees         | 2015-11-02    |     |              | OL3 5XX  |
Ada        | Ashworth     | 2010-02-16    | F   | 20 Abbey Rd  | OL1 1AL  |
           |              | 2014-05-03    |     |              |          |
           | Zebedee      | 2010-02-16    | F   |              |          |
""")
SOURCES = ("school", "clinic", "social")
KEYS = [str(number) for number in range(1, 6)]

sources = st.sampled_from(SOURCES)
people = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(PEOPLE), max_size=len(KEYS))
places = st.tuples(sources, st.sampled_from(KEYS))


class Arrivals(RuleBasedStateMachine):
    """Extracts and acts of people, in any order. ``register`` and ``batch`` are set by the test.

    What the register must come to is kept here, and never read from it.
    """

    register: Register
    # Made anew of the final state, in one run.
    batch: Register
    # The invented town's school list comes with the school's own; the clinic's is a source.
    background: list[dict[str, str]]
    # Gives a database into which that is loaded.
    begun: Callable[[], str]
    # Rules to change to and back from.
    rule_sets: tuple[InForce, InForce]

    @initialize()
    def begin(self) -> None:
        self.register.engine.dispose()
        self.register.engine = open_database(self.begun())
        self.state = State({source: {} for source in SOURCES})
        self.earlier: dict[str, list[dict[str, Any]]] = {source: [] for source in SOURCES}
        self.day = 0
        self.register.rules = self.rule_sets[0]

    @rule(source=sources, listed=people)
    def load_a_snapshot(self, source: str, listed: dict[str, Any]) -> None:
        if listed:
            self._load(source, _rows(listed), "snapshot")
            self.state.held[source] = {key: (row, self.day) for key, row in listed.items()}

    @rule(source=sources, listed=people, away=st.sets(st.sampled_from(KEYS), max_size=3))
    def load_a_delta(self, source: str, listed: dict[str, Any], away: set[str]) -> None:
        held = self.state.held[source]
        gone = (away & held.keys()) - listed.keys()
        if listed:
            self._load(source, [*_rows(listed), *removed(gone)], "delta")
            left = {key: held[key] for key in held if key not in gone}
            self.state.held[source] = left | {key: (row, self.day) for key, row in listed.items()}

    @rule(record=places, person=st.sampled_from(PEOPLE))
    def put(self, record: Key, person: dict[str, Any]) -> None:
        source, key = record
        if self.state.held[source]:
            self.day += 1
            self.register.put(record, person, self.day)
            self.state.held[source] = {**self.state.held[source], key: (person, self.day)}
            # What came before can be withdrawn no more, since this is later.
            self.earlier[source] = []

    @rule(shielded=places, record=places, person=st.sampled_from(PEOPLE))
    def guess(self, shielded: Key, record: Key, person: dict[str, Any]) -> None:
        self.shield(shielded)
        self.put(record, person)

    @rule(record=places)
    def delete(self, record: Key) -> None:
        if self.state.holds(record) and len(self.state.held[record[0]]) > 1:
            self.register.delete(record)
            held = self.state.held[record[0]]
            self.state.held[record[0]] = {key: held[key] for key in held if key != record[1]}
            self.earlier[record[0]] = []

    @rule(source=sources)
    def load_the_same_again(self, source: str) -> None:
        held = self.state.held[source]
        if held:
            rows_ = _rows({key: row for key, (row, _) in held.items()})
            self._load(source, rows_, "snapshot")
            self.state.held[source] = {key: (row, self.day) for key, (row, _) in held.items()}
            before = self.register.children()
            assert self.register.load(source, rows_, "snapshot", self.day) == []
            assert self.register.children() == before

    def _load(self, source: str, listed: list[Any], mode: Mode) -> None:
        # A day later each time: the same delta of the same day is a second delivery.
        self.day += 1
        self.earlier[source].append(self.state.held[source])
        self.register.load(source, listed, mode, self.day)

    @rule(source=sources)
    def withdraw(self, source: str) -> None:
        if self.earlier[source]:
            self.register.withdraw_last(source)
            self.state.held[source] = self.earlier[source].pop()

    @rule(one=places, other=places, kind=st.sampled_from(["match", "non_match", "cannot_tell"]))
    def decide(self, one: Key, other: Key, kind: str) -> None:
        if one != other and self.state.holds(one) and self.state.holds(other):
            with suppress(ActError):  # of severed children nothing can be decided
                number = self.register.decide(kind, one, other)
                self.state.decisions[number] = (kind, one, other)

    @rule(which=st.integers(0, 5))
    def undo(self, which: int) -> None:
        if self.state.decisions:
            made = sorted(self.state.decisions)
            number = made[which % len(made)]
            self.register.undo(number)
            del self.state.decisions[number]

    @rule(record=places, surname=st.sampled_from(["Malick", "Leese"]))
    def correct(self, record: Key, surname: str) -> None:
        if self.state.holds(record):
            number = self.register.correct(record, "surname", surname)
            self.state.corrections[number] = (record, "surname", surname)

    @rule(which=st.integers(0, 5))
    def release(self, which: int) -> None:
        if self.state.corrections:
            made = sorted(self.state.corrections)
            self._release(made[which % len(made)])

    def _release(self, number: int) -> None:
        self.register.release(number)
        del self.state.corrections[number]

    @rule(record=places)
    def shield(self, record: Key) -> None:
        if self.state.holds(record):
            self.register.shield(record)

    @rule(record=places)
    def lift(self, record: Key) -> None:
        if self.state.holds(record):
            with suppress(ActError):  # none may be on it
                self.register.lift(record)

    @rule(one=places, other=places)
    @precondition(lambda self: self.day > 3 and not self.state.severances)
    def sever(self, one: Key, other: Key) -> None:
        if one != other and self.state.holds(one) and self.state.holds(other):
            child = {key: child for child in self.register.children() for key in child}
            same = child[one] == child[other]
            theirs = sorted(child[other] - {one})
            self.register.sever([one], theirs if same else [other])
            sides = ([one], theirs) if same else (sorted(child[one]), theirs)
            self.state.severances = list(product(*sides))

    @rule(which=st.integers(0, 20))
    def erase(self, which: int) -> None:
        with reading(self.register.engine) as connection:
            ever = self.register.ids(connection)
        known = [key for key in sorted(ever) if key[0] in SOURCES and key[1] in KEYS]
        if known:
            record = known[which % len(known)]
            self.register.erase(record)
            self.state.forget(record)
            for earlier in self.earlier[record[0]]:
                earlier.pop(record[1], None)

    @rule(number=st.sampled_from([0, 1]))
    def change_the_rules(self, number: int) -> None:
        self.register.relink(self.rule_sets[number])

    def teardown(self) -> None:
        if not hasattr(self, "state"):
            return
        for number, (record, _, _) in list(self.state.corrections.items()):
            # One whose record is gone stays where that was, which one run cannot know.
            if not self.state.holds(record):
                self._release(number)
        with writing(self.register.engine) as connection:
            self.register._run(connection)
        found = comes_to(self.register)
        # Who joined a side is of it for good, which one run cannot know.
        known = {frozenset(pair) for pair in self.state.severances}
        self.state.severances += [
            pair for pair in self.register.severances() if frozenset(pair) not in known
        ]
        held = {key for child in found["children"] for key in child if key[0] != "registry"}
        assert held == self.state.keys()
        self.batch.rules = self.register.rules
        self.state.unplaced = self.register.unplaced()
        self.state.unaccompanied = self.register.marked(RecordVersion.unaccompanied)
        in_one_run(self.batch, self.state, self.background)
        wanted = comes_to(self.batch)
        for what, expected in wanted.items():
            assert found[what] == expected, what
        entries = self.register.search_entries()
        for result in self.register.link_anew():
            assert result.outcome.children.nothing
        assert self.register.search_entries() == entries


def _rows(listed: dict[str, Any]) -> list[dict[str, str]]:
    return [{"record_id": key, **person} for key, person in sorted(listed.items())]


def half_a_town() -> list[dict[str, str]]:
    """Half of the invented town, as one source holds it."""
    frame = town()
    frame = frame[frame["source"] == "school"].astype(object)
    frame["date_of_birth"] = frame["date_of_birth"].astype(str).str[:10]
    found: list[dict[str, str]] = frame.fillna("").to_dict("records")
    return found


def other_rules(folder: Path) -> InForce:
    """The shipped rules with other thresholds."""
    shutil.copytree(RULES, folder)
    matching = folder / "matching.yaml"
    text = re.sub(r"(?m)^  upper: .*$", "  upper: 9", matching.read_text(encoding="utf-8"))
    matching.write_text(re.sub(r"(?m)^  lower: .*$", "  lower: 1", text), encoding="utf-8")
    book = load_rule_book(folder)
    return InForce(book, shipped_model(book))


def test_any_history_ends_in_the_register_that_one_run_gives(
    engine: Engine, databases: Databases, tmp_path: Path
) -> None:
    def fill(begun: Engine) -> None:
        Register(begun, tmp_path).load("registry", half_a_town())

    batch = open_database(databases.prepared())
    Arrivals.begun = staticmethod(lambda: databases.filled("half a town", fill))
    Arrivals.register = Register(engine, tmp_path)
    Arrivals.batch = Register(batch, tmp_path / "batch")
    Arrivals.batch.folder.mkdir()
    Arrivals.background = half_a_town()
    Arrivals.rule_sets = (shipped(), other_rules(tmp_path / "rules"))
    run_state_machine_as_test(
        Arrivals,
        settings=settings(
            max_examples=16,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    Arrivals.register.engine.dispose()
    batch.dispose()


@pytest.fixture
def register(engine: Engine, tmp_path: Path) -> Register:
    return Register(engine, tmp_path)


def test_the_same_extract_again_changes_nothing_and_tells_nothing(register: Register) -> None:
    listed = [{"record_id": "1", **PEOPLE[0]}, {"record_id": "2", **PEOPLE[4]}]
    register.load("school", listed)
    before = register.children()
    assert register.load("school", listed) == []
    assert register.children() == before
