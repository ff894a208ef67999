"""A value that a person set by hand stays until released, and goes where its record goes."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from api.db.engine import reading, writing
from api.db.models import Audit, Correction
from api.services.register.acts import ActError
from api.services.register.corrections import can_correct, can_release, checked_value
from tests.register_service.registers import shipped
from tests.register_service.reviewed import (
    AISHA,
    PEOPLE,
    Reviewed,
    with_values,
    without,
)

SCHOOL, CLINIC, SOCIAL = AISHA
TODAY = date(2024, 9, 1)


def test_a_correction_stays_until_it_is_released(register: Reviewed) -> None:
    before = register.golden(SCHOOL, "surname")
    number = register.correct(CLINIC, "surname", "Malik-Shah")
    assert register.golden(SCHOOL, "surname") == ("Malik-Shah", "correction")
    register.load_people(with_values(SCHOOL, surname="Malek"))
    register.link_anew()
    assert register.golden(SCHOOL, "surname") == ("Malik-Shah", "correction")
    register.load_people(PEOPLE)
    register.release(number)
    assert register.golden(SCHOOL, "surname") == before


def test_of_two_corrections_the_last_holds_and_the_first_after_its_release(
    register: Reviewed,
) -> None:
    register.correct(CLINIC, "forename", "Aishah")
    second = register.correct(SCHOOL, "forename", "Aïsha")
    assert register.golden(SOCIAL, "forename") == ("Aïsha", "correction")
    register.release(second)
    assert register.golden(SOCIAL, "forename") == ("Aishah", "correction")


def test_a_correction_goes_with_its_record_when_the_child_is_split(register: Reviewed) -> None:
    register.correct(CLINIC, "surname", "Malik-Shah")
    register.say("non_match", CLINIC, SCHOOL)
    register.say("match", SOCIAL, SCHOOL)
    assert register.golden(CLINIC, "surname") == ("Malik-Shah", "correction")
    assert register.golden(SCHOOL, "surname")[0] == "Malik"


def test_a_correction_stays_with_the_child_when_its_record_is_gone(register: Reviewed) -> None:
    register.correct(CLINIC, "surname", "Malik-Shah")
    register.load_people(without(CLINIC))
    assert register.golden(SCHOOL, "surname") == ("Malik-Shah", "correction")
    register.link_anew()
    assert register.golden(SCHOOL, "surname") == ("Malik-Shah", "correction")


def test_a_correction_whose_record_is_gone_ends_when_it_is_released(register: Reviewed) -> None:
    number = register.correct(CLINIC, "surname", "Malik-Shah")
    register.load_people(without(CLINIC))
    register.release(number)
    assert register.golden(SCHOOL, "surname") == ("Malik", "school")


def test_it_goes_on_to_the_child_that_this_one_is_merged_into(register: Reviewed) -> None:
    register.correct(("clinic", "3"), "forename", "Aishah")
    register.load("social", [{**PEOPLE[4], "record_id": "8"}, PEOPLE[2]])
    register.say("match", ("clinic", "3"), ("social", "8"))
    register.load_people(without(("clinic", "3")))
    register.load("social", [{**PEOPLE[4], "record_id": "8"}, PEOPLE[2]])
    assert register.golden(("social", "8"), "forename") == ("Aishah", "correction")
    register.say("match", ("social", "8"), SCHOOL)
    assert register.golden(SCHOOL, "forename") == ("Aishah", "correction")
    register.link_anew()
    assert register.golden(SCHOOL, "forename") == ("Aishah", "correction")


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("forename", "  Zoë   Ann ", "Zoë Ann"),
        ("forename", "Mohammed", "Mohammed"),
        ("date_of_birth", "2014-01-01", "2014-01-01"),
        ("sex", "f", "F"),
        ("nhs_number", "943 476 5919", "9434765919"),
        ("postcode", "ol13ab", "OL1 3AB"),
        ("address", "The  Hollies", "The Hollies"),
        ("address", "7 Elm Ct", "7 Elm Ct"),
        ("address", "12b Ox Rd", "12b Ox Rd"),
        ("address", "4 Vy", "4 Vy"),
        ("address", "১২ লেন", "১২ লেন"),
        ("address", "شارع الملك", "شارع الملك"),
    ],
)
def test_a_value_is_kept_as_golden_values_are_shown(field: str, value: str, kept: str) -> None:
    assert checked_value(field, value, TODAY, shipped().book.linkage) == kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("colour", "blue"),
        ("forename", " "),
        ("forename", "12"),
        ("forename", "x" * 300),
        ("date_of_birth", "2014-02-30"),
        ("date_of_birth", "03/05/2014"),
        ("date_of_birth", "2034-01-02"),
        ("date_of_birth", "1814-01-02"),
        ("sex", "X"),
        ("nhs_number", "9434765918"),
        ("nhs_number", "12"),
        ("upn", "B123456789012"),
        ("postcode", "OL1"),
        ("postcode", "ZZ99 3VZ"),
        ("surname", "Ma\u202elik"),
        ("postcode", "OL1\u200b 3AB"),
        ("address", "2 Mill\x07 Rd"),
        ("forename", "Baby"),
        ("forename", "Baby of Aisha"),
        ("forename", "twin 2"),
        ("surname", "Unknown"),
        ("address", "No fixed abode"),
        ("address", "ab"),
        ("address", "ab1"),
        ("address", "12b"),
        ("address", "12ab"),
        ("address", "12 b"),
        ("address", "a b c d"),
        ("address", "শে"),
        ("address", "Road"),
    ],
)
def test_a_value_that_cannot_be_is_refused_without_repeating_it(field: str, value: str) -> None:
    with pytest.raises(ActError) as refused:
        checked_value(field, value, TODAY, shipped().book.linkage)
    if len(value) > 3:
        assert value not in str(refused.value)


def test_a_correction_needs_a_reason_and_a_record_that_is_current(register: Reviewed) -> None:
    how: Any = {"record": SCHOOL, "field": "sex", "value": "M", "why": "a test"}
    how |= {"today": TODAY, "rules": shipped().book.linkage}
    with reading(register.engine) as connection:
        assert can_correct(connection, **how)
        assert not can_correct(connection, **how | {"why": ""})
        assert not can_correct(connection, **how | {"record": ("school", "99")})


def test_a_correction_is_released_once(register: Reviewed) -> None:
    number = register.correct(SCHOOL, "sex", "M")
    register.release(number)
    with writing(register.engine) as connection:
        assert not can_release(connection, number, why="a test")
        assert not can_release(connection, number + 1, why="a test")
        said = select(Correction.released_by, Correction.released_why)
        assert tuple(connection.execute(said).one()) == ("reviewer", "a test")
        written = connection.execute(select(Audit.action, Audit.about).order_by(Audit.id)).all()
    assert [tuple(row) for row in written[-2:]] == [
        ("corrected", f"correction {number}"),
        ("correction_released", f"correction {number}"),
    ]
