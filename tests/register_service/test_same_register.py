"""However records and decisions arrive, the register is what linking them at once gives."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import Engine

from api.services.extracts import Mode
from tests.databases import delete_everything
from tests.register_service.registers import Register, removed
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
""")
SOURCES = ("school", "clinic", "social")
KEYS = [str(number) for number in range(1, 6)]

sources = st.sampled_from(SOURCES)
people = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(PEOPLE), max_size=len(KEYS))
places = st.tuples(sources, st.sampled_from(KEYS))


class Arrivals(RuleBasedStateMachine):
    """Extracts and decisions, in any order. ``register`` is set by the test."""

    register: Register
    # The invented town's school list comes with the school's own; the clinic's is a source.
    background: list[dict[str, str]]

    @initialize()
    def begin(self) -> None:
        delete_everything(self.register.engine)
        self.held: dict[str, dict[str, Any]] = {source: {} for source in SOURCES}
        self.day = 0
        self.register.load("registry", self.background)

    @rule(source=sources, listed=people)
    def load_a_snapshot(self, source: str, listed: dict[str, Any]) -> None:
        if listed:
            self._load(source, _rows(listed), "snapshot")
            self.held[source] = dict(listed)

    @rule(source=sources, listed=people, away=st.sets(st.sampled_from(KEYS), max_size=3))
    def load_a_delta(self, source: str, listed: dict[str, Any], away: set[str]) -> None:
        gone = (away & self.held[source].keys()) - listed.keys()
        if listed:
            self._load(source, [*_rows(listed), *removed(gone)], "delta")
            self.held[source].update(listed)
            for key in gone:
                del self.held[source][key]

    @rule(source=sources)
    def load_the_same_again(self, source: str) -> None:
        if self.held[source]:
            self._load(source, _rows(self.held[source]), "snapshot")
            before = self.register.children()
            again = _rows(self.held[source])
            assert self.register.load(source, again, "snapshot", self.day) == []
            assert self.register.children() == before

    def _load(self, source: str, listed: list[Any], mode: Mode) -> None:
        # A day later each time: the same delta of the same day is a second delivery.
        self.day += 1
        self.register.load(source, listed, mode, self.day)

    @rule(one=places, other=places, kind=st.sampled_from(["match", "non_match", "cannot_tell"]))
    def decide(self, one: tuple[str, str], other: tuple[str, str], kind: str) -> None:
        if one != other and all(key in self.held[source] for source, key in (one, other)):
            self.register.decide(kind, one, other)

    @rule(which=st.integers(0, 5))
    def undo(self, which: int) -> None:
        made = self.register.decisions()
        if made:
            self.register.undo(made[which % len(made)])

    def teardown(self) -> None:
        if not hasattr(self, "held"):
            return
        found = self.register.children()
        listed = {(source, key) for source, held in self.held.items() for key in held}
        assert {key for child in found for key in child if key[0] != "registry"} == listed
        assert found == self.register.linked_at_once()
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


def test_any_history_ends_in_the_register_that_one_run_gives(
    engine: Engine, tmp_path: Path
) -> None:
    Arrivals.register = Register(engine, tmp_path)
    Arrivals.background = half_a_town()
    run_state_machine_as_test(
        Arrivals,
        settings=settings(
            max_examples=12,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def register(engine: Engine, tmp_path: Path) -> Register:
    return Register(engine, tmp_path)


def test_the_same_extract_again_changes_nothing_and_tells_nothing(register: Register) -> None:
    listed = [{"record_id": "1", **PEOPLE[0]}, {"record_id": "2", **PEOPLE[4]}]
    register.load("school", listed)
    before = register.children()
    assert register.load("school", listed) == []
    assert register.children() == before
