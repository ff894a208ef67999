"""A shield hides where a child lives, spreads to what may be the child, and stays until lifted."""

import random
from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import func, select

from api.db.engine import reading, writing
from api.db.models import Audit, Shield
from api.services.extracts import current_records
from api.services.register.acts import ActError
from api.services.register.changes import record_history
from api.services.register.reading import read_golden
from api.services.register.shielding import (
    can_lift,
    can_shield,
    lift_shields,
    spread_shields,
    still_hidden,
)
from api.services.register.shields import hide_location, shielded_children, shielded_records
from api.services.register.viewing import record_number, view_record
from tests.register_service.registers import NOW, Key
from tests.register_service.reviewed import (
    AISHA,
    NOAH,
    PEOPLE,
    UNSURE,
    WHO,
    Reviewed,
    with_values,
    without,
)
from tests.register_service.seen import delete, put, seen

SCHOOL, CLINIC, SOCIAL = AISHA
PLACES = {"address", "postcode"}
SIBLING = {**PEOPLE[0], "record_id": "5", "forename": "Zara", "date_of_birth": "2016-08-19"}


def is_shielded(register: Reviewed, record: Key) -> bool:
    child = register.child(record)
    with reading(register.engine) as connection:
        return child in shielded_children(connection, [child])


def test_a_shield_hides_its_child_at_once(register: Reviewed) -> None:
    register.shield(CLINIC)
    assert is_shielded(register, SCHOOL)
    assert not is_shielded(register, NOAH)


def test_it_spreads_to_what_waits_to_be_the_child(register: Reviewed) -> None:
    register.shield(CLINIC)
    assert is_shielded(register, UNSURE)


def test_it_spreads_at_the_end_of_a_run_to_a_double_that_comes_later(register: Reviewed) -> None:
    register.load_people(without(UNSURE))
    register.shield(CLINIC)
    register.load_people(PEOPLE)
    assert not register.together(SCHOOL, UNSURE)
    assert is_shielded(register, UNSURE)


def test_it_spreads_to_what_somebody_said_is_another_s_before(register: Reviewed) -> None:
    # Else an order of two acts would decide, and whoever reviews could keep a shield away.
    register.say("non_match", SCHOOL, CLINIC)
    assert not register.together(SCHOOL, CLINIC)
    register.shield(CLINIC)
    assert is_shielded(register, SCHOOL)
    assert not is_shielded(register, NOAH)


def test_it_does_not_spread_to_a_brother_or_sister(register: Reviewed) -> None:
    register.load_people([*PEOPLE, SIBLING])
    register.shield(CLINIC)
    assert not is_shielded(register, ("school", "5"))


def test_it_stays_with_the_child_when_its_record_is_gone(register: Reviewed) -> None:
    register.shield(CLINIC)
    register.load_people(without(CLINIC))
    assert is_shielded(register, SCHOOL)


def leaves(register: Reviewed) -> None:
    register.load_people(without(CLINIC))


def is_deleted(register: Reviewed) -> None:
    delete(register, CLINIC)


def is_another(register: Reviewed) -> None:
    put(register, CLINIC, forename="Wendeline", surname="Quist", date_of_birth="2009-02-01")


@pytest.mark.parametrize("then", [leaves, is_deleted, is_another])
def test_what_a_record_said_before_it_left_the_child_tells_no_place_either(
    register: Reviewed, then: Callable[[Reviewed], None]
) -> None:
    then(register)
    assert set(said_by(register, CLINIC, cleared=False)) >= PLACES
    register.shield(SCHOOL)
    assert not PLACES & set(said_by(register, CLINIC, cleared=False))
    assert set(said_by(register, CLINIC, cleared=True)) >= PLACES


def said_by(register: Reviewed, record: Key, *, cleared: bool) -> list[str]:
    """Fields that any answer about what a record said tells."""
    with seen(register.engine, cleared=cleared) as (connection, view):
        number = record_number(connection, *record)
        assert number is not None
        history = record_history(connection, view, record[0], number)
        shown = view_record(connection, view, *record, as_of_run=1)
        assert shown is not None
        return [*shown.values, *(name for entry in history for name in entry.values or ())]


def test_a_record_that_is_gone_can_be_shielded(register: Reviewed) -> None:
    register.load_people(without(CLINIC))
    register.load_people(without(SCHOOL))
    register.load_people(without(SOCIAL))
    register.shield(CLINIC)
    assert not PLACES & set(said_by(register, CLINIC, cleared=False))


def test_what_inherited_a_shield_keeps_it_when_it_is_no_longer_plausible(
    register: Reviewed,
) -> None:
    register.shield(CLINIC)
    register.say("non_match", UNSURE, SCHOOL)
    assert register.waiting() == []
    assert is_shielded(register, UNSURE)


def test_what_was_lifted_does_not_come_back_by_the_same_shield(register: Reviewed) -> None:
    register.shield(CLINIC)
    register.lift(UNSURE)
    assert is_shielded(register, SCHOOL)
    assert not is_shielded(register, UNSURE)
    register.load_people(with_values(UNSURE, middle_names="Noor"))
    register.link_anew()
    assert register.waiting("possible_link") != []
    assert not is_shielded(register, UNSURE)
    register.shield(SOCIAL)
    assert is_shielded(register, UNSURE)


def test_lifting_from_the_child_leaves_what_inherited_it(register: Reviewed) -> None:
    register.shield(CLINIC)
    assert register.lift(SCHOOL) == 3
    register.link_anew()
    assert not is_shielded(register, SCHOOL)
    assert is_shielded(register, UNSURE)
    with reading(register.engine) as connection:
        assert still_hidden(connection, record=SCHOOL) == [UNSURE]
    register.sever([UNSURE], [CLINIC])
    with reading(register.engine) as connection:
        assert still_hidden(connection, record=SCHOOL) == []


def test_linking_anew_spreads_no_further(register: Reviewed) -> None:
    register.shield(CLINIC)
    with reading(register.engine) as connection:
        before = shielded_records(connection).tolist()
    register.link_anew()
    with reading(register.engine) as connection:
        assert shielded_records(connection).tolist() == before


def test_each_shield_is_in_the_audit_log(register: Reviewed) -> None:
    first = register.shield(CLINIC)
    register.lift(UNSURE)
    with reading(register.engine) as connection:
        log = connection.execute(select(Audit.action, Audit.about).order_by(Audit.id)).all()
        origins = connection.scalars(
            select(Shield.inherited_from).where(Shield.id != first).distinct()
        ).all()
    actions = [action for action, _ in log if "shield" in action]
    assert actions == ["shielded", *["shield_spread"] * 3, "shield_lifted"]
    assert origins == [first]


def test_what_cannot_be_shielded_or_lifted_is_refused(register: Reviewed) -> None:
    with writing(register.engine) as connection:
        assert not can_shield(connection, record=("school", "99"), why="a test")
        assert not can_shield(connection, record=SCHOOL, why=" ")
        assert not can_lift(connection, record=SCHOOL, why="a test")
        with pytest.raises(ActError, match="no shield is on"):
            lift_shields(connection, record=SCHOOL, why="a test", **WHO)


def test_hidden_places_are_marked_and_the_frame_stays_as_it_was(register: Reviewed) -> None:
    register.shield(CLINIC)
    with reading(register.engine) as connection:
        frame = current_records(connection)
        hidden = np.isin(frame["id"], shielded_records(connection))
        shown = hide_location(frame, hidden)
    assert hidden.any()
    assert not hidden.all()
    assert shown.loc[hidden, ["address", "postcode"]].isna().all(axis=None)
    assert shown["location_hidden"].tolist() == hidden.tolist()
    assert shown.loc[~hidden, "postcode"].equals(frame.loc[~hidden, "postcode"])
    assert frame.loc[hidden, "postcode"].notna().any()
    assert (shown["surname"] == frame["surname"]).all()


def test_the_golden_values_of_a_shielded_child_have_no_place(register: Reviewed) -> None:
    register.shield(CLINIC)
    with reading(register.engine) as connection:
        golden = read_golden(connection).set_index("child_id")
    assert golden.loc[register.child(SCHOOL), ["address", "postcode"]].isna().all()
    assert golden.loc[register.child(NOAH), ["address", "postcode"]].notna().all()


def test_a_child_that_held_the_record_once_is_told_apart_from_one_that_holds_it(
    register: Reviewed,
) -> None:
    register.say("match", CLINIC, NOAH)
    before = register.child(NOAH)
    register.take_back(1)
    split = {register.child(NOAH), register.child(CLINIC)} - {before}
    assert split
    register.shield(CLINIC)
    with reading(register.engine) as connection:
        now = shielded_children(connection, [register.child(NOAH), register.child(CLINIC)])
        ever = shielded_children(connection, [before, *split], at_any_time=True)
    assert now == {register.child(CLINIC)}
    assert before in ever


def test_the_queue_tells_no_place_of_a_shielded_child(register: Reviewed) -> None:
    register.load_people(with_values(UNSURE, postcode="OL1 1AA", surname="Malack"))
    register.say("cannot_tell", SCHOOL, NOAH)
    register.shield(CLINIC)
    register.load_people(with_values(SCHOOL, postcode="OL8 8AA", surname="Malek"))
    told = register.queue()
    (stale,) = [item.decision for item in told if item.decision]
    assert stale.location_hidden
    assert (stale.then_l, stale.now_l) == ({"surname": "Malik"}, {"surname": "Malek"})
    sentences = " ".join(reason for item in told for reason in item.reasons)
    assert "postcode" not in sentences
    assert "address" not in sentences


def test_in_any_history_nothing_is_left_that_a_shield_should_have_spread_to(
    register: Reviewed,
) -> None:
    chance = random.Random(3)
    people = [
        {**one, "record_id": str(number), "source": source}
        for number, one in enumerate([PEOPLE[0], PEOPLE[4], PEOPLE[3], SIBLING], start=1)
        for source in ("school", "clinic", "social", "census")
    ]
    keys = [(one["source"], one["record_id"]) for one in people]
    spread = 0
    for _ in range(10):
        held = chance.sample(people, 8)
        register.load_people(held)
        one, other = chance.sample([key for key in keys if any(_is(key, row) for row in held)], 2)
        register.say(chance.choice(["match", "non_match"]), one, other)
        register.shield(one) if chance.random() < 0.4 else register.say("match", one, other)
        with writing(register.engine) as connection:
            assert spread_shields(connection, now=NOW) == 0
            spread += connection.scalar(select(func.count(Shield.inherited_from))) or 0
    assert spread


def _is(key: Key, row: dict[str, str]) -> bool:
    return key == (row["source"], row["record_id"])
