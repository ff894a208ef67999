"""A record that may be a guess is linked without its place, until it is one like any other."""

from typing import Any

import pytest
from sqlalchemy import select

from api.db.engine import reading, writing
from api.db.models import Decision, RecordVersion
from api.services.register import shielding
from api.services.register.changes import record_history
from api.services.register.preview import preview
from api.services.register.rehearsal import rehearse
from api.services.register.running import relink
from tests.register_service.registers import NOW, Key, shipped
from tests.register_service.reviewed import AISHA, PEOPLE, WHO, Reviewed, with_values
from tests.register_service.seen import seen
from tests.register_service.test_same_register import half_a_town

SCHOOL, CLINIC, SOCIAL = AISHA
GUESS: Key = ("social", "guess")
# Aisha's with her home, and nobody's without.
SAID = {"forename": "Aisha", "surname": "Malik"}
HOME = {"address": "2 Mill Rd", "postcode": "OL1 1AA"}
ELSEWHERE = {"address": "9 Ash Gr", "postcode": "OL4 3PP"}
ROW = {**PEOPLE[0], "source": "social", "record_id": "guess", "date_of_birth": "", "sex": ""}


def guess(register: Reviewed, place: dict[str, str] = HOME) -> None:
    register.shield(CLINIC)
    register.put(GUESS, {**SAID, **place})
    assert register.unplaced() == {GUESS}
    assert not register.together(GUESS, CLINIC)


def lift_unlinked(register: Reviewed, record: Key) -> None:
    with writing(register.engine) as connection:
        shielding.lift_shields(connection, record=record, why="a test", **WHO)


def settled(register: Reviewed) -> bool:
    (anew,) = register.link_anew()
    return anew.outcome.children.nothing


def said(register: Reviewed, one: Key) -> list[Any]:
    with seen(register.engine, cleared=True) as (connection, view):
        number = register.ids(connection)[one]
        entries = record_history(connection, view, one[0], number)
        return [(entry.kind, entry.values.get("postcode")) for entry in entries
                if entry.kind.startswith("record")]  # fmt: skip


def test_one_that_is_put_before_a_shield_keeps_its_place(register: Reviewed) -> None:
    register.put(GUESS, {**SAID, **HOME})
    assert register.together(GUESS, CLINIC)
    register.shield(CLINIC)
    register.run()
    assert (register.unplaced(), register.together(GUESS, CLINIC)) == (set(), True)


def test_where_it_was_before_makes_no_difference_to_one_that_is_put_again(
    register: Reviewed,
) -> None:
    register.put(GUESS, {**SAID, **HOME})
    guess(register, ELSEWHERE)
    register.put(GUESS, {**SAID, **HOME, "sex": "F"})
    assert not register.together(GUESS, CLINIC)
    assert settled(register)


def test_a_record_of_the_child_itself_is_one_too_once_it_is_written_over(
    register: Reviewed,
) -> None:
    register.shield(CLINIC)
    register.put(CLINIC, {**SAID, **HOME})
    assert register.unplaced() == {CLINIC}
    assert not register.together(CLINIC, SCHOOL)
    assert register.together(SOCIAL, SCHOOL)
    assert settled(register)


def test_a_carer_and_a_record_that_is_gone_are_none(register: Reviewed) -> None:
    guess(register)
    register.put(GUESS, {**SAID, **HOME, "role": "carer"})
    assert register.unplaced() == set()
    register.put(GUESS, {**SAID, **HOME, "role": "child"})
    assert register.unplaced() == {GUESS}
    register.delete(GUESS)
    assert register.unplaced() == set()
    assert settled(register)


@pytest.mark.parametrize("how", ["run", "relink"])
def test_its_place_is_compared_again_once_its_shield_is_lifted(
    register: Reviewed, how: str
) -> None:
    guess(register)
    before = said(register, GUESS)
    lift_unlinked(register, GUESS)
    with writing(register.engine) as connection:
        if how == "run":
            told = rehearse(connection, now=NOW)
        else:
            told = preview(connection, shipped())
            relink(connection, shipped(), by="analyst", now=NOW)
    register.run()
    assert not told.counts.nothing
    assert (register.unplaced(), register.together(GUESS, CLINIC)) == (set(), True)
    assert said(register, GUESS) == before == [("record_said", "OL1 1AA")]
    assert settled(register)


@pytest.mark.parametrize("sex", ["", "F"])
def test_its_place_is_compared_again_once_an_extract_brings_it(
    register: Reviewed, sex: str
) -> None:
    """Whether that says the same or something else, until the extract is withdrawn."""
    guess(register)
    register.load_people([*PEOPLE, {**ROW, "sex": sex}])
    assert (register.unplaced(), register.together(GUESS, CLINIC)) == (set(), True)
    assert settled(register)
    with writing(register.engine) as connection:
        number = connection.execute(
            select(RecordVersion.extract).where(
                RecordVersion.record == register.ids(connection)[GUESS],
                RecordVersion.to_run.is_(None),
            )
        ).scalar_one()
    assert number
    register.withdraw_last("social")
    assert (register.unplaced(), register.together(GUESS, CLINIC)) == ({GUESS}, False)
    assert settled(register)


def test_what_an_extract_ended_while_its_shield_was_lifted_is_placed_when_it_is_back(
    register: Reviewed,
) -> None:
    guess(register)
    register.load_people([*PEOPLE, {**ROW, "sex": "F"}])
    register.lift(GUESS)
    register.withdraw_last("social")
    assert (register.unplaced(), register.together(GUESS, CLINIC)) == (set(), True)
    assert settled(register)


def test_a_lifted_shield_and_an_extract_may_come_in_one_run(register: Reviewed) -> None:
    guess(register)
    lift_unlinked(register, GUESS)
    register.load_people([*PEOPLE, {**ROW, "sex": "F"}])
    assert (register.unplaced(), register.together(GUESS, CLINIC)) == (set(), True)
    assert settled(register)


def test_no_decision_on_it_is_called_stale_for_its_place(register: Reviewed) -> None:
    guess(register)
    register.say("cannot_tell", GUESS, CLINIC)
    for place, stale in ((ELSEWHERE, False), ({**HOME, "sex": "M"}, True)):
        register.put(GUESS, {**SAID, **place})
        with reading(register.engine) as connection:
            since = connection.execute(select(Decision.stale_run)).scalar_one()
        assert (since is not None) is stale


def test_those_who_are_cleared_are_told_where_it_says_the_child_lives(register: Reviewed) -> None:
    register.load_people(with_values(CLINIC, postcode="", address=""))
    register.shield(CLINIC)
    register.put(("census", "new"), {**SAID, "date_of_birth": "2014-05-03", "sex": "F",
                                     "address": "5 New St", "postcode": "OL8 8AA"})  # fmt: skip
    assert register.unplaced() == {("census", "new")}
    assert register.together(("census", "new"), CLINIC)
    assert sum("OL8 8AA" in row for row in register.search_entries()) == 1


@pytest.mark.parametrize("place", [HOME, ELSEWHERE])
def test_no_company_of_sources_lifts_one_to_a_shielded_child(
    register: Reviewed, place: dict[str, str]
) -> None:
    """With the right home it could: the registry holds most children, but not this one."""
    one, named = ("registry", "guess"), {"forename": "Zed", "surname": "Mallik", "sex": "F"}
    register.shield(CLINIC)
    register.put(one, {**named, **place})
    assert register.unplaced() == set()
    assert register.marked(RecordVersion.unaccompanied) == {one}
    assert not [pair for pair in register.waiting() if one in pair]
    assert settled(register)
    # An extract of all that the registry holds, who are the town and this one.
    town = half_a_town()
    register.load("registry", [*town, {**named, **place, "record_id": "guess"}])
    assert register.marked(RecordVersion.unaccompanied) == set()
    assert bool([pair for pair in register.waiting() if one in pair]) is (place == HOME)
    assert settled(register)
