"""A new extract is judged against what its source will hold once all before it is done."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from api.db.engine import reading, writing
from api.db.models import Extract, ExtractState, Record, Run
from api.services.extracts import Mode, StateError, accept, receive, withdraw
from api.services.extracts.validation import Validated, accept_as_reported, validate
from tests.register_service.extracts import DAY, NOW, people
from tests.register_service.registers import Register, shipped

BY: Any = {"by": "analyst", "now": NOW}
NO_ACTIVITY = {"activity_begun": 0, "activity_ended": 0}


def listed(count: int, **said: str) -> str:
    return people([{"record_id": str(n), "forename": f"A{n}", **said} for n in range(count)])


@dataclass
class Nursery:
    """A register of one source: thirty records were brought, and twelve in their place."""

    register: Register

    def receive(self, content: str, day: int, mode: Mode = "snapshot") -> tuple[int, bool]:
        path = self.register.folder / "list.csv"
        path.write_text(content, encoding="utf-8")
        with writing(self.register.engine) as connection:
            found = receive(
                connection,
                source="toddlers",
                path=path,
                as_of=DAY + timedelta(days=day),
                mode=mode,
                book=shipped().book,
                **BY,
            )
            return found.extract, found.unchanged

    def check(self, extract: int) -> Validated:
        with writing(self.register.engine) as connection:
            return validate(connection, extract, book=shipped().book, **BY)

    def bring(self, content: str, day: int, mode: Mode = "snapshot") -> Validated:
        return self.check(self.receive(content, day, mode)[0])

    def accept(self, extract: int) -> bool:
        with writing(self.register.engine) as connection:
            return accept_as_reported(connection, extract, book=shipped().book, cleared=True, **BY)

    def withdraw(self, extract: int) -> None:
        with writing(self.register.engine) as connection:
            withdraw(connection, extract, why="a slip", **BY)

    def link(self) -> list[Any]:
        with writing(self.register.engine) as connection:
            return [result.applied for result in self.register._run(connection)]

    def begin(self, content: str, day: int) -> None:
        with writing(self.register.engine) as connection:
            path = self.register.folder / "list.csv"
            path.write_text(content, encoding="utf-8")
            extract = receive(
                connection, source="toddlers", path=path, as_of=DAY + timedelta(days=day),
                mode="snapshot", book=shipped().book, **BY,
            ).extract  # fmt: skip
            found = validate(connection, extract, book=shipped().book, **BY)
            if found.state == ExtractState.VALIDATED:
                accept(connection, extract, **BY)
            self.register._run(connection)

    def count(self, table: Any) -> int:
        with reading(self.register.engine) as connection:
            return connection.scalar(select(func.count()).select_from(table)) or 0

    def state(self, extract: int) -> str | None:
        with reading(self.register.engine) as connection:
            return connection.scalar(select(Extract.state).where(Extract.id == extract))


@pytest.fixture
def nursery(engine: Engine, tmp_path: Path) -> Iterator[Nursery]:
    found = Nursery(Register(engine, tmp_path))
    found.begin(listed(30), 0)
    found.begin(listed(12), 1)
    yield found


def change(found: Validated) -> dict[str, int]:
    assert found.report is not None
    return {name: found.report["change"][name] for name in ("current", "new", "changed", "gone")}


def stops(found: Validated) -> set[str]:
    assert found.report is not None
    return {stop["code"] for stop in found.report["stops"]}


def test_a_snapshot_after_a_withdrawal_is_compared_with_what_that_brings_back(
    nursery: Nursery,
) -> None:
    nursery.withdraw(2)
    found = nursery.bring(listed(15), 2)
    assert change(found) == {"current": 30, "new": 0, "changed": 0, "gone": 15}
    assert found.state == ExtractState.VALIDATED
    assert "gone" in stops(found)


def test_what_was_looked_at_ahead_leaves_no_trace(nursery: Nursery) -> None:
    before = [nursery.count(table) for table in (Record, Run)]
    nursery.withdraw(2)
    nursery.bring(listed(36), 2)
    assert [nursery.count(table) for table in (Record, Run)] == before
    assert (nursery.state(1), nursery.state(2)) == ("superseded", "withdrawn")


def test_what_the_source_held_before_a_withdrawal_is_plausible_again(nursery: Nursery) -> None:
    nursery.withdraw(2)
    found = nursery.bring(listed(33), 2)
    assert change(found) == {"current": 30, "new": 3, "changed": 0, "gone": 0}
    assert stops(found) == set()
    assert nursery.link() == [
        {2: {"new": 18, "changed": 0, "gone": 0, **NO_ACTIVITY}},
        {3: {"new": 3, "changed": 0, "gone": 0, "unchanged": 30, **NO_ACTIVITY}},
    ]


def test_what_a_withdrawal_makes_current_again_is_recognised(nursery: Nursery) -> None:
    nursery.withdraw(2)
    assert nursery.receive(listed(30), 0) == (1, True)
    assert nursery.receive(listed(12), 1)[1] is False


def test_a_date_before_what_a_withdrawal_makes_current_again_is_refused(nursery: Nursery) -> None:
    nursery.withdraw(2)
    with pytest.raises(StateError, match="older than that of extract 1, which will be current"):
        nursery.receive(listed(27), -1)


def test_a_delta_after_a_withdrawal_says_what_it_will_change(nursery: Nursery) -> None:
    nursery.begin(listed(12, surname="Hill"), 2)
    nursery.withdraw(3)
    found = nursery.bring(listed(12, surname="Hill"), 3, "delta")
    assert change(found) == {"current": 12, "new": 0, "changed": 12, "gone": 0}


def test_an_extract_is_compared_with_one_that_was_accepted_and_waits(nursery: Nursery) -> None:
    first = nursery.bring(listed(18), 2)
    assert first.state == ExtractState.ACCEPTED
    second = nursery.bring(listed(21), 3)
    assert change(second) == {"current": 18, "new": 3, "changed": 0, "gone": 0}
    assert [one for applied in nursery.link() for one in applied.values()] == [
        {"new": 6, "changed": 0, "gone": 0, "unchanged": 12, **NO_ACTIVITY},
        {"new": 3, "changed": 0, "gone": 0, "unchanged": 18, **NO_ACTIVITY},
    ]


def test_the_first_extracts_of_a_register_wait_one_after_another(
    engine: Engine, tmp_path: Path
) -> None:
    nursery = Nursery(Register(engine, tmp_path))
    assert nursery.bring(listed(18), 0).state == ExtractState.ACCEPTED
    found = nursery.bring(listed(6), 1)
    assert change(found) == {"current": 18, "new": 0, "changed": 0, "gone": 12}
    assert found.state == ExtractState.VALIDATED


def test_a_report_that_a_withdrawal_made_untrue_is_not_accepted(nursery: Nursery) -> None:
    found = nursery.bring(listed(3), 2)
    assert (found.state, change(found)["gone"]) == (ExtractState.VALIDATED, 9)
    nursery.withdraw(2)
    assert nursery.accept(3) is False
    assert nursery.accept(3) is True
    assert [one["gone"] for applied in nursery.link() for one in applied.values()] == [0, 27]


@pytest.mark.parametrize("linked", [True, False])
def test_what_an_accepted_extract_was_compared_with_cannot_be_withdrawn(
    nursery: Nursery, linked: bool
) -> None:
    if not linked:
        assert nursery.bring(listed(15), 2).state == ExtractState.ACCEPTED
    latest = 2 if linked else 3
    assert nursery.bring(listed(18), 3).state == ExtractState.ACCEPTED
    with pytest.raises(StateError, match="withdraw the later ones first"):
        nursery.withdraw(latest)
    nursery.withdraw(latest + 1)
    nursery.withdraw(latest)
