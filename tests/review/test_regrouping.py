"""Records move between children as decisions, which hold after the next run."""

from collections.abc import Mapping

import pytest
from sqlalchemy import select

from api.db.engine import reading, writing
from api.db.models import Decision
from api.services.register.acts import ActError, Key, UnknownError
from api.services.register.severances import are_severed
from api.services.review.grouping import NEW, Group, group_of
from api.services.review.pairs import InHandError, StaleError, UnknownPairError
from api.services.review.planning import Plan, planned
from api.services.review.regrouping import RefusedPairError, enter
from api.services.review.undoing import NotYoursError, changed_with, undone_with
from tests.register_service.reviewed import AISHA, NOAH, UNSURE
from tests.review.desk import Desk, person, rules, viewer

SENIOR = person("sue", senior=True)


def group(desk: Desk, one: Key, other: Key) -> Group:
    with reading(desk.register.engine) as connection:
        return group_of(connection, desk.rules, SENIOR, desk.pair(one, other))


def places(desk: Desk, to: Mapping[Key, str]) -> dict[int, str]:
    with reading(desk.register.engine) as connection:
        ids = desk.register.ids(connection)
    return {ids[key]: place for key, place in to.items()}


def plan(desk: Desk, one: Key, other: Key, to: Mapping[Key, str]) -> Plan:
    found = group(desk, one, other)
    with reading(desk.register.engine) as connection:
        return planned(connection, found, places(desk, to))


def state(desk: Desk, one: Key, other: Key, to: Mapping[Key, str]) -> str:
    return plan(desk, one, other, to).state_with(group(desk, one, other))


def said(found: Plan) -> set[tuple[str, Key, Key]]:
    return {(d.kind, d.l.key[:2], d.r.key[:2]) for d in found.decisions}


def move(desk: Desk, one: Key, other: Key, to: Mapping[Key, str]) -> list[int]:
    shown, pair = state(desk, one, other, to), desk.pair(one, other)
    with writing(desk.register.engine) as connection:
        return enter(
            connection,
            desk.aside,
            desk.rules,
            SENIOR,
            pair,
            places(desk, to),
            state=shown,
            why="a test",
            now=desk.now,
        )


def test_children_have_the_names_that_apply_to_them_without_what_is_masked(desk: Desk) -> None:
    found = group(desk, AISHA[0], UNSURE)
    assert [found.names[child] for child in found.children] == ["Aisha Malik", "Aisha Begum"]
    desk.rules = rules(masked=["surname"])
    found = group(desk, AISHA[0], UNSURE)
    assert set(found.names.values()) == {"Aisha"}
    assert not any("surname" in one.values for one in found.records)


def test_joining_two_children_takes_one_match(desk: Desk) -> None:
    child = desk.register.child(AISHA[0])
    (decision,) = plan(desk, AISHA[0], UNSURE, {UNSURE: child}).decisions
    assert decision.kind == "match" and UNSURE in (decision.l.key[:2], decision.r.key[:2])
    move(desk, AISHA[0], UNSURE, {UNSURE: child})
    desk.register.run()
    assert desk.register.together(AISHA[0], UNSURE)


def test_a_record_leaves_its_child_by_one_non_match_with_each_that_stays(desk: Desk) -> None:
    school, clinic, social = AISHA
    assert said(plan(desk, school, UNSURE, {clinic: NEW})) == {
        ("non_match", clinic, school),
        ("non_match", clinic, social),
    }
    move(desk, school, UNSURE, {clinic: NEW})
    desk.register.run()
    assert desk.register.together(school, social)
    assert not desk.register.together(school, clinic)
    assert not desk.register.together(clinic, UNSURE)


def test_a_record_that_goes_to_another_child_is_joined_with_it(desk: Desk) -> None:
    school, clinic, social = AISHA
    other = desk.register.child(UNSURE)
    move(desk, school, UNSURE, {clinic: other})
    desk.register.run()
    assert desk.register.together(clinic, UNSURE)
    assert desk.register.together(school, social)
    assert not desk.register.together(school, clinic)


def test_records_that_were_moved_go_back_as_a_whole(desk: Desk) -> None:
    school, clinic, _ = AISHA
    before = desk.register.child(school)
    made = move(desk, school, UNSURE, {clinic: desk.register.child(UNSURE)})
    desk.register.run()
    assert len(made) > 2 and desk.register.together(clinic, UNSURE)
    with pytest.raises(NotYoursError):
        desk.undo_one(person("ben"), made[0])
    undone = desk.undo_one(SENIOR, made[1])
    assert undone.decisions == len(made)
    desk.register.run()
    assert {desk.register.child(key) for key in AISHA} == {before}
    assert not desk.register.together(clinic, UNSURE)
    with pytest.raises(ActError):
        desk.undo_one(SENIOR, made[0])


def test_what_is_severed_since_is_not_taken_back_with_a_change(desk: Desk) -> None:
    school, clinic, social = AISHA
    made = move(desk, school, UNSURE, {clinic: desk.register.child(UNSURE)})
    desk.register.run()
    desk.register.sever([school, social], [clinic, UNSURE])
    with reading(desk.register.engine) as connection:
        pairs = connection.execute(select(Decision.id, Decision.record_l, Decision.record_r)).all()
        left = [one for one, l, r in pairs if not are_severed(connection, l, r)]
        told = undone_with(connection, made)
    assert set(left) < set(made)
    assert {told[one] for one in left} == {len(left)}
    hidden = min(set(made) - set(left))
    with pytest.raises(UnknownError):
        desk.undo_one(SENIOR, hidden)
    assert desk.undo_one(SENIOR, left[0]).decisions == len(left)


def test_decisions_of_one_change_name_it_and_one_alone_names_none(desk: Desk) -> None:
    school, clinic, _ = AISHA
    made = move(desk, school, UNSURE, {clinic: desk.register.child(UNSURE)})
    desk.register.run()
    alone = move(desk, school, NOAH, {NOAH: desk.register.child(school)})
    assert len(made) > 2 and len(alone) == 1
    with reading(desk.register.engine) as connection:
        changes = dict(iter(connection.execute(select(Decision.id, Decision.change))))
        assert changed_with(connection, alone[0]) == alone
        assert changed_with(connection, made[1]) == made
    assert {changes[number] for number in made} == {made[0]}
    assert changes[alone[0]] is None


def test_what_was_decided_before_gives_way(desk: Desk) -> None:
    school, clinic, _ = AISHA
    desk.register.say("non_match", school, UNSURE)
    child = desk.register.child(school)
    assert ("match", UNSURE, school) in said(plan(desk, school, UNSURE, {UNSURE: child}))
    move(desk, school, UNSURE, {UNSURE: child})
    desk.register.run()
    assert desk.register.together(school, UNSURE)
    move(desk, school, UNSURE, {UNSURE: NEW})
    desk.register.run()
    assert not desk.register.together(clinic, UNSURE)


def test_a_child_that_hung_together_by_the_record_that_leaves_stays_one(desk: Desk) -> None:
    desk.register.say("match", NOAH, UNSURE, run=False)
    desk.register.say("match", NOAH, AISHA[0])
    child = desk.register.child(NOAH)
    assert desk.register.together(UNSURE, AISHA[0])
    found = said(plan(desk, NOAH, AISHA[0], {NOAH: NEW}))
    assert any(kind == "match" and UNSURE in ends for kind, *ends in found)
    move(desk, NOAH, AISHA[0], {NOAH: NEW})
    desk.register.run()
    assert desk.register.together(UNSURE, AISHA[0])
    assert desk.register.child(NOAH) != child or desk.register.child(AISHA[0]) != child


@pytest.fixture
def held_once(desk: Desk) -> Desk:
    """The clinic, which holds each child once, has two records that others may be one with."""
    school, clinic, social = AISHA
    desk.register.holds_each_child_once("clinic")
    desk.register.say("match", social, UNSURE)
    assert desk.register.together(school, clinic) and desk.register.together(social, UNSURE)
    assert not desk.register.together(school, social)
    return desk


def test_a_record_that_is_to_be_a_new_child_is_not_linked_to_the_other_one(held_once: Desk) -> None:
    school, clinic, social = AISHA
    found = plan(held_once, school, UNSURE, {social: NEW})
    assert {("non_match", school, social), ("non_match", clinic, social)} <= said(found)
    move(held_once, school, UNSURE, {social: NEW})
    held_once.register.run()
    assert held_once.register.together(school, clinic)
    assert not held_once.register.together(social, school)
    assert not held_once.register.together(social, UNSURE)


def test_a_child_that_would_be_held_twice_stays_one_with_the_record_that_comes(
    held_once: Desk,
) -> None:
    school, clinic, social = AISHA
    child = held_once.register.child(school)
    move(held_once, school, UNSURE, {UNSURE: child})
    held_once.register.run()
    assert held_once.register.together(school, clinic)
    assert held_once.register.together(school, UNSURE)
    assert not held_once.register.together(school, social)


def test_records_of_other_children_that_linking_would_put_with_it_are_told_of(
    held_once: Desk,
) -> None:
    school, clinic, social = AISHA
    assert plan(held_once, school, UNSURE, {social: NEW}).beside == {}
    assert plan(held_once, NOAH, UNSURE, {social: NEW}).beside == {NEW: 2}
    move(held_once, NOAH, UNSURE, {social: NEW})
    held_once.register.run()
    assert held_once.register.together(social, school)
    assert held_once.register.together(social, clinic)


def test_what_linking_would_not_do_whatever_is_decided_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.services.review.planning.clusters_if", lambda *_: {})
    with pytest.raises(ActError, match="decide pair by pair"):
        plan(desk, AISHA[0], UNSURE, {UNSURE: desk.register.child(AISHA[0])})


def test_nothing_is_planned_where_everything_stays(desk: Desk) -> None:
    assert plan(desk, AISHA[0], UNSURE, {}).decisions == ()
    with pytest.raises(ActError, match="nothing would change"):
        move(desk, AISHA[0], UNSURE, {})


def test_a_place_that_is_neither_child_is_refused(desk: Desk) -> None:
    with pytest.raises(ActError, match="one of these children"):
        plan(desk, AISHA[0], UNSURE, {UNSURE: desk.register.child(NOAH)})


def test_what_was_looked_at_must_still_be_so(desk: Desk) -> None:
    to_first, pair = {UNSURE: desk.register.child(AISHA[0])}, desk.pair(AISHA[0], UNSURE)
    shown, to = state(desk, AISHA[0], UNSURE, to_first), places(desk, to_first)
    desk.register.say("match", AISHA[0], AISHA[1])
    with writing(desk.register.engine) as connection, pytest.raises(StaleError):
        enter(
            connection,
            desk.aside,
            desk.rules,
            SENIOR,
            pair,
            to,
            state=shown,
            why="a test",
            now=desk.now,
        )


def test_what_may_not_be_seen_together_or_at_all_is_not_there(desk: Desk) -> None:
    pair = desk.pair(AISHA[0], UNSURE)
    narrow = person("sue", senior=True, view=viewer(("school",)))
    with reading(desk.register.engine) as connection, pytest.raises(UnknownPairError):
        group_of(connection, desk.rules, narrow, pair)
    desk.register.sever([AISHA[0]], [UNSURE], run=False)
    with pytest.raises(UnknownPairError):
        group(desk, AISHA[0], UNSURE)


def test_a_pair_that_two_people_must_decide_is_not_moved_by_one(desk: Desk) -> None:
    desk.register.say("match", AISHA[0], UNSURE, run=False)
    desk.register.say("match", AISHA[0], AISHA[1], run=False)
    desk.register.say("non_match", AISHA[1], UNSURE)
    ((kind, one, other),) = desk.register.conflicts()
    assert kind == "contradiction"
    desk.rules = rules(second={"share": 1.0, "kinds": ["contradiction"]})
    to = {UNSURE: NEW, **dict.fromkeys(AISHA, desk.register.child(AISHA[1]))}
    assert {one, other} in [{said[1], said[2]} for said in said(plan(desk, one, other, to))]
    with pytest.raises(RefusedPairError, match="two people decide") as refused:
        move(desk, one, other, to)
    assert refused.value.refused.pair == desk.pair(one, other) and refused.value.waits
    assert plan(desk, one, other, {}).decisions == ()
    desk.rules = rules(second={"share": 1.0, "kinds": []})
    assert move(desk, one, other, to)


def test_records_beside_a_match_that_is_not_followed_move_while_it_stays_so(desk: Desk) -> None:
    """What would have it followed needs two people, as the match itself does."""
    school, clinic, social = AISHA
    desk.register.say("match", school, UNSURE, run=False)
    desk.register.say("match", school, clinic, run=False)
    desk.register.say("non_match", clinic, UNSURE)
    ((_, one, other),) = desk.register.conflicts()
    assert {one, other} == {school, UNSURE}
    desk.rules = rules(second={"share": 1.0, "kinds": ["contradiction"]})
    with pytest.raises(RefusedPairError):
        move(desk, one, other, {clinic: NEW})
    assert move(desk, one, other, {social: NEW})
    desk.register.run()
    assert desk.register.together(school, clinic) and not desk.register.together(school, social)
    assert not desk.register.together(school, UNSURE)


def test_a_first_answer_to_a_pair_that_is_moved_is_settled_by_it(desk: Desk) -> None:
    desk.rules = rules(second={"share": 1.0, "kinds": []})
    anna, (one, other) = person("anna"), (AISHA[0], UNSURE)
    desk.choose(anna, desk.pair(one, other), "non_match")
    move(desk, one, other, {UNSURE: desk.register.child(one)})
    with pytest.raises(ActError, match="settled"):
        desk.undo(anna)
    own = desk.pair(AISHA[0], AISHA[1])
    desk.choose(SENIOR, own, "match")
    with pytest.raises(ActError, match="somebody else"):
        move(desk, one, other, {AISHA[0]: NEW})


def test_what_somebody_has_in_hand_is_theirs_to_decide(desk: Desk) -> None:
    anna, one, other = person("anna"), AISHA[0], UNSURE
    lease, to = desk.take_one_of(anna, UNSURE), {UNSURE: desk.register.child(one)}
    one, other = (key for _, *ends in said(plan(desk, one, other, to)) for key in ends)
    assert lease.pair == desk.pair(one, other)
    with pytest.raises(RefusedPairError, match="has this pair in hand") as refused:
        move(desk, one, other, to)
    assert refused.value.in_hand and not refused.value.waits
    with pytest.raises(InHandError):
        desk.choose(SENIOR, lease.pair, "match")
    desk.release(lease)
    assert move(desk, one, other, to)
