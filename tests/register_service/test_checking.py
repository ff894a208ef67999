"""A record that a person checked stays checked until that is undone."""

import pytest

from api.db.engine import reading, writing
from api.services.register.acts import ActError
from api.services.register.checking import mark_checked, unmark_checked
from api.services.register.searching import State, count_records, search_records
from tests.register_service.registers import Key
from tests.register_service.reviewed import AISHA, PEOPLE, WHO, Reviewed, with_values, without

SCHOOL = AISHA[0]


def mark(register: Reviewed, record: Key) -> bool:
    with writing(register.engine) as connection:
        return mark_checked(connection, record=record, **WHO)


def checked(register: Reviewed, source: str) -> list[str]:
    with reading(register.engine) as connection:
        page = search_records(connection, source=source, state=State.CHECKED)
        assert count_records(connection, source).by_state[State.CHECKED] == len(page.records)
        assert all(one.checked for one in page.records)
        return [one.record_id for one in page.records]


def test_a_checked_record_is_listed_as_such_until_it_is_undone(register: Reviewed) -> None:
    assert checked(register, "school") == []
    assert mark(register, SCHOOL)
    assert not mark(register, SCHOOL)
    assert checked(register, "school") == ["1"]
    with writing(register.engine) as connection:
        assert unmark_checked(connection, record=SCHOOL, **WHO)
        assert not unmark_checked(connection, record=SCHOOL, **WHO)
    assert checked(register, "school") == []
    assert mark(register, SCHOOL)


def test_it_stays_checked_through_changes_and_linking_anew(register: Reviewed) -> None:
    mark(register, SCHOOL)
    register.load_people(with_values(SCHOOL, forename="Ayesha"))
    register.link_anew()
    assert checked(register, "school") == ["1"]


def test_it_is_checked_again_when_the_record_comes_back(register: Reviewed) -> None:
    mark(register, ("clinic", "3"))
    register.load_people(without(("clinic", "3")))
    assert checked(register, "clinic") == []
    register.load_people(PEOPLE)
    assert checked(register, "clinic") == ["3"]


def test_only_a_childs_record_can_be_checked(register: Reviewed) -> None:
    with writing(register.engine) as connection, pytest.raises(ActError, match="no record"):
        mark_checked(connection, record=("school", "99"), **WHO)
