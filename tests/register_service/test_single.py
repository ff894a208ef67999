"""One record put or deleted at a time."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from api.db.engine import writing
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
            now=NOW,
        )


def test_a_record_put_is_linked_at_once(register: Register) -> None:
    done = put(register, "clinic", "1", PEOPLE[0])
    assert (done.created, done.changed) == (True, True)
    assert frozenset({("school", "1"), ("clinic", "1")}) in register.children()
    assert register.children() == register.linked_at_once()


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
