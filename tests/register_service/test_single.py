"""One record put or deleted at a time."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine, func, select

from api.db.engine import reading, writing
from api.db.models import Event, Golden
from api.services.register.deciding import decide
from api.services.register.past_links import past_links
from api.services.register.single import (
    OlderDayError,
    Put,
    RecordRefusedError,
    delete_record,
    put_record,
)
from matcher.errors import DataError
from tests.register_service.registers import DAY, NOW, Register, shipped
from tests.register_service.test_same_register import PEOPLE, half_a_town

NEXT_WEEK = NOW + timedelta(days=7)


@pytest.fixture
def register(engine: Engine, tmp_path: Path) -> Register:
    register = Register(engine, tmp_path)
    register.load("registry", half_a_town())
    register.load("school", [{"record_id": "1", **PEOPLE[0]}])
    register.load("clinic", [{"record_id": "9", **PEOPLE[8]}])
    return register


def put(
    register: Register,
    source: str,
    record_id: str,
    values: dict[str, str],
    *,
    as_of: date | None = None,
    now: datetime = NOW,
) -> Put:
    with writing(register.engine) as connection:
        return put_record(
            connection,
            shipped(),
            source=source,
            record_id=record_id,
            values=values,
            as_of=as_of,
            by="clinic",
            now=now,
        )


def events(register: Register) -> int:
    with reading(register.engine) as connection:
        return connection.scalar(select(func.count()).select_from(Event)) or 0


def test_a_record_put_is_linked_at_once(register: Register) -> None:
    done = put(register, "clinic", "1", PEOPLE[0])
    assert (done.created, done.changed) == (True, True)
    assert frozenset({("school", "1"), ("clinic", "1")}) in register.children()
    assert register.children() == register.linked_at_once()


def test_a_put_that_was_a_mistake_and_is_corrected_leaves_each_child_its_id(
    register: Register,
) -> None:
    """The record that came by mistake is the first in order of keys."""
    first = put(register, "school", "2", PEOPLE[12]).child
    other = put(register, "clinic", "2", PEOPLE[16]).child
    assert put(register, "clinic", "2", PEOPLE[12]).child == first != other
    assert put(register, "clinic", "2", PEOPLE[16]).child == other
    assert put(register, "school", "2", {**PEOPLE[12], "sex": "F"}).child == first


def test_the_same_again_changes_nothing_and_is_no_run(register: Register) -> None:
    first = put(register, "clinic", "1", PEOPLE[0])
    again = put(register, "clinic", "1", PEOPLE[0])
    assert (again.created, again.changed, again.run) == (False, False, None)
    assert again.child == first.child is not None


def test_what_is_older_is_not_written_over_what_is_newer(register: Register) -> None:
    put(register, "clinic", "1", PEOPLE[0], as_of=date(2024, 5, 2))
    before = register.children()
    with pytest.raises(OlderDayError, match=r"1 May 2024 is older .* now, 2 May 2024"):
        put(register, "clinic", "1", PEOPLE[12], as_of=date(2024, 5, 1))
    assert register.children() == before
    assert not put(register, "clinic", "1", PEOPLE[0], as_of=date(2024, 5, 1)).changed
    assert put(register, "clinic", "1", PEOPLE[12], as_of=date(2024, 5, 2)).changed
    assert put(register, "clinic", "1", PEOPLE[0]).changed


def test_what_an_extract_brought_is_of_its_day(register: Register) -> None:
    with pytest.raises(OlderDayError):
        put(register, "clinic", "9", PEOPLE[0], as_of=DAY - timedelta(days=1))
    assert put(register, "clinic", "9", PEOPLE[0], as_of=DAY).changed


def test_the_same_on_a_later_day_is_of_that_day_and_changes_nothing_else(
    register: Register,
) -> None:
    first = put(register, "clinic", "1", PEOPLE[0], as_of=date(2024, 5, 1))
    before, told = register.children(), events(register)
    again = put(register, "clinic", "1", PEOPLE[0], as_of=date(2024, 5, 3))
    assert (again.created, again.changed, again.child) == (False, False, first.child)
    assert again.run is not None
    assert (register.children(), events(register)) == (before, told)
    with pytest.raises(OlderDayError, match=r"2 May 2024 is older .* now, 3 May 2024"):
        put(register, "clinic", "1", PEOPLE[12], as_of=date(2024, 5, 2))
    for day in (None, date(2024, 5, 3), date(2024, 5, 2)):
        assert put(register, "clinic", "1", PEOPLE[0], as_of=day).run is None
    assert register.children() == register.linked_at_once()


def test_the_same_on_a_later_day_counts_where_the_latest_value_is_chosen(
    register: Register,
) -> None:
    moved = {**PEOPLE[0], "address": "8 Dale Rd", "postcode": "OL9 5BB"}
    put(register, "school", "7", PEOPLE[0], as_of=DAY - timedelta(days=3))
    child = put(register, "clinic", "1", moved, as_of=DAY - timedelta(days=1)).child

    def postcode() -> str | None:
        with reading(register.engine) as connection:
            mine = Golden.child == child, Golden.to_run.is_(None)
            return connection.scalar(select(Golden.postcode).where(*mine))

    register.delete(("school", "1"))
    assert postcode() == "OL9 5BB"
    again = put(register, "school", "7", PEOPLE[0], as_of=DAY)
    assert (again.changed, again.child, postcode()) == (False, child, "OL1 1AA")
    put(register, "clinic", "1", moved)
    assert postcode() == "OL1 1AA", "no day was given"


def test_what_an_extract_brought_can_be_of_a_later_day(register: Register) -> None:
    later = put(register, "clinic", "9", PEOPLE[8], as_of=DAY + timedelta(days=1), now=NEXT_WEEK)
    assert (later.changed, later.run is None) == (False, False)
    with pytest.raises(OlderDayError):
        put(register, "clinic", "9", PEOPLE[0], as_of=DAY, now=NEXT_WEEK)
    register.load("clinic", [{"record_id": "9", **PEOPLE[8]}], day=2)
    with pytest.raises(OlderDayError, match="3 September 2024"):
        put(register, "clinic", "9", PEOPLE[0], as_of=DAY + timedelta(days=1), now=NEXT_WEEK)
    assert register.children() == register.linked_at_once()


def test_a_carer_can_be_of_a_later_day(register: Register) -> None:
    carer = {**PEOPLE[0], "role": "carer"}
    put(register, "clinic", "1", carer, as_of=date(2024, 5, 1))
    again = put(register, "clinic", "1", carer, as_of=date(2024, 5, 3))
    assert (again.changed, again.child, again.run is None) == (False, None, False)
    assert register.children() == register.linked_at_once()


def test_a_place_that_is_not_compared_stays_so_on_a_later_day(register: Register) -> None:
    register.shield(("school", "1"))
    put(register, "clinic", "1", PEOPLE[0], as_of=date(2024, 5, 1))
    unplaced = register.unplaced()
    assert ("clinic", "1") in unplaced
    assert put(register, "clinic", "1", PEOPLE[0], as_of=date(2024, 5, 3)).run is not None
    assert register.unplaced() == unplaced


def test_a_delete_of_a_day_before_what_the_record_says_is_refused(register: Register) -> None:
    put(register, "clinic", "1", PEOPLE[0], as_of=date(2024, 5, 2))
    before = register.children()

    def delete(as_of: date) -> Put:
        with writing(register.engine) as connection:
            return delete_record(
                connection, shipped(), source="clinic", record_id="1", by="clinic", now=NOW,
                as_of=as_of,
            )  # fmt: skip

    with pytest.raises(OlderDayError, match=r"1 May 2024 is older .* now, 2 May 2024"):
        delete(date(2024, 5, 1))
    with pytest.raises(RecordRefusedError, match="yet to come"):
        delete(NOW.date() + timedelta(days=1))
    assert register.children() == before
    assert delete(date(2024, 5, 2)).changed


def test_a_record_that_is_gone_may_say_what_is_older(register: Register) -> None:
    put(register, "clinic", "1", PEOPLE[0])
    with writing(register.engine) as connection:
        delete_record(connection, shipped(), source="clinic", record_id="1", by="clinic", now=NOW)
    assert put(register, "clinic", "1", PEOPLE[0], as_of=date(2024, 5, 1)).created


def test_other_values_may_make_it_another_child(register: Register) -> None:
    put(register, "clinic", "1", PEOPLE[0])
    changed = put(register, "clinic", "1", PEOPLE[12])
    assert (changed.created, changed.changed) == (False, True)
    assert frozenset({("clinic", "1")}) in register.children()
    assert register.children() == register.linked_at_once()


def test_a_record_deleted_belongs_to_nobody_and_may_come_back(register: Register) -> None:
    before = put(register, "clinic", "1", PEOPLE[12])
    with writing(register.engine) as connection:
        gone = delete_record(
            connection, shipped(), source="clinic", record_id="1", by="clinic", now=NOW
        )
    assert gone.child is None
    assert not any(("clinic", "1") in child for child in register.children())
    back = put(register, "clinic", "1", PEOPLE[12])
    assert (back.created, back.child) == (True, before.child)


def test_a_carer_is_kept_but_belongs_to_no_child(register: Register) -> None:
    done = put(register, "clinic", "1", {**PEOPLE[0], "role": "carer"})
    assert (done.created, done.child) == (True, None)
    assert register.children() == register.linked_at_once()


def test_an_unknown_source_or_record_is_refused(register: Register) -> None:
    with pytest.raises(DataError, match="no source"):
        put(register, "nowhere", "1", PEOPLE[0])
    with writing(register.engine) as connection, pytest.raises(DataError, match="no record"):
        delete_record(connection, shipped(), source="clinic", record_id="77", by="clinic", now=NOW)


@pytest.mark.parametrize("record_id", ["", " ", "1 ", " 1", "1\n", "1  2", "\x00", "x" * 201, ".."])
def test_an_id_that_no_system_has_is_refused(register: Register, record_id: str) -> None:
    before = register.children()
    with pytest.raises(RecordRefusedError, match="its id: ") as refused:
        put(register, "clinic", record_id, PEOPLE[0])
    assert refused.value.field == "record_id"
    assert register.children() == before


def test_a_decision_counts_from_the_run_that_holds_it(register: Register) -> None:
    """A record that is put meanwhile is linked as if nobody had entered it: so it is kept."""
    put(register, "clinic", "1", PEOPLE[0])
    with writing(register.engine) as connection:
        decide(
            connection, kind="match", one=("clinic", "9"), other=("clinic", "1"),
            why="a test", by="reviewer", now=NOW,
        )  # fmt: skip
    run = put(register, "clinic", "1", {**PEOPLE[0], "middle_names": "Zoe"}).run
    assert run is not None
    joined = {("clinic", "9"), ("clinic", "1")}
    assert not any(joined <= child for child in register.children())
    with reading(register.engine) as connection:
        before = past_links(connection, run)
    register.link_anew()
    assert any(joined <= child for child in register.children())
    with reading(register.engine) as connection:
        pd.testing.assert_frame_equal(past_links(connection, run), before)
