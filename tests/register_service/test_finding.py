"""Persons matched against the register get what a run would give them, and nothing is stored."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select

from api.db.engine import reading
from api.db.models import Pair, Record, Run
from api.services.register.candidates import Candidate, Grade, MatchedRecord
from api.services.register.finding import LARGEST_BATCH, find_persons
from api.services.register.values import values_now
from matcher.errors import DataError
from tests.register_service.registers import Key
from tests.register_service.reviewed import AISHA, NOAH, PEOPLE, Reviewed
from tests.register_service.towns import load_town, town_files

SCHOOL, CLINIC, SOCIAL = AISHA
PERSON = {name: value for name, value in PEOPLE[0].items() if name not in ("source", "record_id")}
# The same without the place, which finds her as well.
PLACELESS = {name: PERSON[name] for name in ("forename", "surname", "date_of_birth", "sex")}


def find(register: Reviewed, person: dict[str, str], **options: Any) -> tuple[Candidate, ...]:
    with reading(register.engine) as connection:
        (found,) = find_persons(connection, [person], **options)
    return found


def keys(candidate: Candidate) -> set[Key]:
    return {(one.source, one.record_id) for one in candidate.records}


def test_a_person_like_a_held_record_gets_the_registers_weights(engine: Engine) -> None:
    load_town(engine, town_files())
    with reading(engine) as connection:
        said = values_now(connection, connection.scalars(select(Record.id)))
        numbers = list(said)
        many = find_persons(connection, [said[one] for one in numbers], with_unlikely=True)
        single = [
            find_persons(connection, [said[one]], with_unlikely=True)[0] for one in numbers[::40]
        ]
        pairs = connection.execute(select(Pair.__table__)).all()
        key = {number: own for own, number in Reviewed.ids(connection).items()}
    assert single == many[::40]
    met = {number: dict(_records(found)) for number, found in zip(numbers, many, strict=True)}
    assert len(pairs) > 300
    for pair in pairs:
        for one, other in ((pair.l, pair.r), (pair.r, pair.l)):
            found = met[one][key[other]]
            assert found.weight == pytest.approx(pair.weight - pair.company, abs=1e-9)
            assert found.apart == bool(pair.apart)


def _records(found: tuple[Candidate, ...]) -> Iterator[tuple[Key, MatchedRecord]]:
    for candidate in found:
        for one in candidate.records:
            yield (one.source, one.record_id), one


def test_one_child_that_fits_is_certain_with_reasons_that_add_up(register: Reviewed) -> None:
    found = find(register, PERSON)
    assert found[0].grade is Grade.CERTAIN
    assert keys(found[0]) == set(AISHA)
    assert found[0].child_id == register.child(SCHOOL)
    weights = [reason.weight for reason in found[0].reasons]
    assert found[0].prior + sum(weights) == pytest.approx(found[0].weight)
    assert found[0].probability > 0.99
    sentences = {reason.comparison: reason.sentence for reason in found[0].reasons}
    assert sentences["home"] == "postcode and start of the address are the same"


def test_candidates_come_best_first_and_unlikely_ones_only_if_asked_for(
    register: Reviewed,
) -> None:
    register.load_people([*PEOPLE, {**PEOPLE[3], "record_id": "8", "forename": "Zac"}])
    person = {**PERSON, "surname": "Begum", "postcode": "OL4 3PP", "address": "9 Ash Gr"}
    likely = find(register, person)
    every = find(register, person, with_unlikely=True)
    assert [one.weight for one in every] == sorted((one.weight for one in every), reverse=True)
    assert all(one.grade is not Grade.UNLIKELY for one in likely)
    assert every[: len(likely)] == likely
    assert any(one.grade is Grade.UNLIKELY for one in every)


def test_of_two_children_who_fit_nearly_alike_neither_is_certain(register: Reviewed) -> None:
    register.load_people([*PEOPLE, {**PEOPLE[1], "record_id": "9"}])
    register.say("non_match", ("clinic", "9"), CLINIC)
    register.say("non_match", ("clinic", "9"), SCHOOL)
    register.say("non_match", ("clinic", "9"), SOCIAL)
    found = find(register, PERSON)
    assert [(one.grade, one.rival) for one in found[:2]] == [(Grade.PROBABLE, True)] * 2
    assert find(register, PERSON, unique_only=True) == ()


def test_a_twin_is_never_certain(register: Reviewed) -> None:
    found = find(register, {**PERSON, "forename": "Zainab"}, with_unlikely=True)
    aisha = next(one for one in found if SCHOOL in keys(one))
    assert aisha.grade is not Grade.CERTAIN
    assert all(one.apart for one in aisha.records)


NUMBER = "9434765919"


def numbered(register: Reviewed) -> str:
    """Aisha, whose three records hold her number."""
    register.load_people(
        [{**one, "nhs_number": NUMBER} if one in PEOPLE[:3] else one for one in PEOPLE]
    )
    return register.child(SCHOOL)


@pytest.mark.parametrize(
    ("names", "grade"),
    [
        ({"forename": "Zebedee", "surname": "Young"}, Grade.PROBABLE),
        ({"forename": "Zebedee"}, Grade.PROBABLE),
        ({"forename": "Aisha", "surname": "Young"}, Grade.CERTAIN),
        ({"forename": "Zebedee", "surname": "Malik"}, Grade.CERTAIN),
        ({"forename": "Malik", "surname": "Aisha"}, Grade.CERTAIN),
        ({}, Grade.CERTAIN),
    ],
)
def test_a_number_and_a_date_are_not_certain_where_no_name_agrees(
    register: Reviewed, names: dict[str, str], grade: Grade
) -> None:
    aisha = numbered(register)
    others = {name: PERSON[name] for name in ("date_of_birth", "sex", "postcode")}
    person = {**others, "nhs_number": NUMBER, **names}
    best, *_ = find(register, person)
    assert (best.child_id, best.grade) == (aisha, grade)
    unattended = find(register, person, unique_only=True)
    assert [one.child_id for one in unattended] == ([aisha] if grade is Grade.CERTAIN else [])


def test_unattended_systems_get_only_the_one_certain_match(register: Reviewed) -> None:
    assert [keys(one) for one in find(register, PERSON, unique_only=True)] == [set(AISHA)]
    assert find(register, {"forename": "Aisha", "surname": "Begum"}, unique_only=True) == ()


def test_a_person_of_a_source_that_holds_each_child_once_is_none_of_its_other_records(
    register: Reviewed,
) -> None:
    register.holds_each_child_once("school")
    found = find(register, {**PERSON, "source": "school"})
    assert keys(found[0]) == {CLINIC, SOCIAL}


def test_a_shielded_child_is_not_found_by_its_place(register: Reviewed) -> None:
    neighbour = {"forename": "Zebedee", "postcode": "OL1 1AA", "address": "2 Mill Rd"}
    seen = find(register, neighbour, with_unlikely=True)
    assert any(SCHOOL in keys(one) for one in seen)
    register.shield(SCHOOL)
    hidden = find(register, neighbour, with_unlikely=True)
    assert not any(SCHOOL in keys(one) for one in hidden)
    assert find(register, neighbour, with_unlikely=True, cleared=True) == seen


def test_the_place_of_a_shielded_child_is_no_evidence(register: Reviewed) -> None:
    register.shield(SCHOOL)
    right, wrong = (
        find(register, {**PERSON, "postcode": postcode, "address": address})[0]
        for postcode, address in (("OL1 1AA", "2 Mill Rd"), ("OL9 9ZZ", "77 Far Lane"))
    )
    assert right == wrong
    assert right.location_hidden
    assert "home" not in {reason.comparison for reason in right.reasons}
    cleared = find(register, PERSON, cleared=True)[0]
    assert not cleared.location_hidden
    assert "home" in {reason.comparison for reason in cleared.reasons}


def test_of_two_severed_children_the_one_that_fits_is_told_of_alone(register: Reviewed) -> None:
    register.sever([NOAH], [SCHOOL])
    person = {**PERSON, "nhs_number": "9434765919"}
    assert keys(find(register, person)[0]) == set(AISHA)
    register.load_people(
        [{**one, "nhs_number": "9434765919"} if one in (PEOPLE[0], PEOPLE[3]) else one
         for one in PEOPLE]
    )  # fmt: skip
    told = find(register, person, with_unlikely=True)
    assert set(AISHA) in [keys(one) for one in told]
    assert not any(NOAH in keys(one) for one in told)


def test_of_two_severed_children_who_fit_alike_neither_is_told_of(register: Reviewed) -> None:
    assert find(register, PLACELESS) != ()
    register.sever([SCHOOL], [CLINIC, SOCIAL])
    assert not any(keys(one) & set(AISHA) for one in find(register, PLACELESS, with_unlikely=True))


def test_nothing_is_stored(register: Reviewed) -> None:
    with reading(register.engine) as connection:
        before = [connection.scalar(select(func.count()).select_from(t)) for t in (Run, Pair)]
        find_persons(connection, [PERSON])
        after = [connection.scalar(select(func.count()).select_from(t)) for t in (Run, Pair)]
    assert after == before


def test_as_many_queries_are_made_for_many_persons_as_for_one(register: Reviewed) -> None:
    counts = [queries_for(register, [PERSON] * number) for number in (1, 50)]
    assert counts[0] == counts[1] <= 16


def queries_for(register: Reviewed, persons: list[dict[str, str]]) -> int:
    statements: list[object] = []
    with reading(register.engine) as connection:
        find_persons(connection, persons)
        event.listen(connection, "before_cursor_execute", lambda *_: statements.append(_))
        find_persons(connection, persons)
    return len(statements)


@pytest.mark.parametrize(
    "person", [{"forename": "Baby"}, {"postcode": "ZZ99 3VZ"}, {"forename": "Xyzzy"}, {}]
)
def test_who_says_nothing_that_anybody_is_found_by_is_nobody(
    register: Reviewed, person: dict[str, str]
) -> None:
    assert find(register, person, with_unlikely=True) == ()


def test_nobody_is_found_in_an_empty_register(engine: Engine) -> None:
    with reading(engine) as connection:
        assert find_persons(connection, [PERSON, PERSON]) == [(), ()]


@pytest.mark.parametrize("born", ["03/05/2014", "2014-13-01", "20140503", "Aisha"])
def test_what_cannot_be_read_is_refused_without_repeating_it(engine: Engine, born: str) -> None:
    with reading(engine) as connection:
        with pytest.raises(DataError, match="person 2: date_of_birth") as refused:
            find_persons(connection, [PERSON, {"date_of_birth": born}])
        assert born not in str(refused.value)
        with pytest.raises(DataError, match="no such column") as refused:
            find_persons(connection, [{born: "x"}])
        assert born not in str(refused.value)
        with pytest.raises(DataError, match="in parts"):
            find_persons(connection, [PERSON] * (LARGEST_BATCH + 1))
