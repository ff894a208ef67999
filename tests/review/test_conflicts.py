"""A conflict comes to each reviewer once, and to nobody who has said what they can."""

import pytest

from api.services.register.acts import ActError
from api.services.review.pairs import Reviewer
from api.services.review.second import TwoDecideError
from tests.register_service.reviewed import AISHA, NOAH, PEOPLE, UNSURE
from tests.review.desk import Desk, person, rules

ANNA, BEN = person("anna"), person("ben")
SENIOR, OTHER_SENIOR = person("senior", senior=True), person("sue", senior=True)
SCHOOL, CLINIC, SOCIAL = AISHA
ALSO_CLINIC = ("clinic", "4")


@pytest.fixture
def refused(desk: Desk) -> Desk:
    """The school's record links with either of the clinic's, which cannot be one child."""
    register = desk.register
    register.load_people([*PEOPLE, {**PEOPLE[1], "record_id": "4", "address": "9 Dale Rd"}])
    register.holds_each_child_once("clinic")
    register.say("match", SCHOOL, CLINIC)
    register.say("match", SOCIAL, ALSO_CLINIC)
    assert kinds(desk, ANNA)[0] == "refused_link"
    return desk


@pytest.fixture
def contradicted(desk: Desk) -> Desk:
    """The school's record and the unsure one match, and cannot: two people decide such pairs."""
    desk.rules = rules(second={"share": 0.0, "kinds": ["contradiction"]})
    desk.register.say("match", SCHOOL, UNSURE, run=False)
    desk.register.say("match", SCHOOL, CLINIC, run=False)
    desk.register.say("non_match", CLINIC, UNSURE)
    return desk


def listed(desk: Desk, reviewer: Reviewer) -> list[tuple[str, bool, bool]]:
    """What of the conflict is in somebody's list: its kind, and whether it waits for others."""
    return [
        (one.kind, one.answered, one.waits)
        for one in desk.waiting(reviewer)
        if one.kind in ("adjudication", "contradiction")
    ]


def kinds(desk: Desk, reviewer: object) -> list[str]:
    """What is handed out to somebody."""
    return [one.kind for one in desk.waiting(reviewer) if not one.answered]  # type: ignore[arg-type]


def test_a_conflict_that_somebody_could_not_tell_comes_to_each_senior_reviewer_once(
    refused: Desk,
) -> None:
    lease = refused.take(ANNA)
    assert lease.kind == "refused_link"
    refused.answer(ANNA, lease, "cannot_tell")
    refused.register.run()
    refused.wait(minutes=1)
    assert "refused_link" not in kinds(refused, ANNA) + kinds(refused, BEN)
    assert refused.register.counts()["conflicts"] == 0
    for senior in (SENIOR, OTHER_SENIOR):
        again = refused.take(senior)
        assert (again.pair, again.kind) == (lease.pair, "refused_link")
        refused.answer(senior, again, "cannot_tell")
        refused.register.run()
        refused.wait(minutes=1)
        assert "refused_link" not in kinds(refused, senior)


def test_answers_that_were_settled_are_told_with_the_decision_that_did(refused: Desk) -> None:
    refused.rules = rules(second={"share": 0.0, "kinds": ["refused_link"]})
    for reviewer, kind in ((ANNA, "match"), (BEN, "non_match"), (SENIOR, "cannot_tell")):
        refused.answer(reviewer, refused.take(reviewer), kind)
        refused.wait(minutes=1)
    refused.register.run()
    context = refused.context(OTHER_SENIOR, refused.take(OTHER_SENIOR))
    assert (context.kind, context.answers) == ("refused_link", ())
    assert [(one.by, one.kind, one.settled) for one in context.earlier] == [
        ("senior", "cannot_tell", False),
        ("ben", "non_match", True),
        ("anna", "match", True),
    ]


def test_such_a_conflict_comes_back_to_all_when_its_values_change(refused: Desk) -> None:
    lease = refused.take(ANNA)
    refused.answer(ANNA, lease, "cannot_tell")
    refused.register.run()
    one, other = ({**person_, "forename": "Amina"} for person_ in (PEOPLE[1], PEOPLE[1]))
    changed = [one, {**other, "record_id": "4", "address": "9 Dale Rd"}, PEOPLE[-1]]
    refused.register.load_people(
        [*changed, *({**p, "forename": "Amira"} for p in (PEOPLE[0], PEOPLE[2]))]
    )
    refused.wait(minutes=1)
    again = [w for w in refused.waiting(ANNA) if w.pair == lease.pair]
    assert [one.kind for one in again] == ["changed_values"]


def test_a_conflict_that_a_match_does_not_settle_does_not_come_back_to_whoever_said_so(
    refused: Desk,
) -> None:
    """Neither to the one whose answer became the decision nor to the one who answered first."""
    refused.rules = rules(second={"share": 0.0, "kinds": ["refused_link", "held_twice"]})
    for _ in range(2):
        for reviewer in (ANNA, BEN):
            lease = refused.take(reviewer)
            refused.answer(reviewer, lease)
            refused.wait(minutes=1)
        refused.register.run()
    # Now one child, which its system holds twice; both have said so.
    assert [kind for kind, *_ in refused.register.conflicts()] == ["held_twice"]
    refused.register.run()
    assert "held_twice" not in kinds(refused, ANNA) + kinds(refused, BEN)
    assert kinds(refused, SENIOR)[0] == "held_twice"
    assert [one.kind for one in refused.waiting(ANNA) if one.answered] == ["held_twice"]


def test_a_contradiction_that_is_matched_again_is_asked_of_nobody_and_stays_in_every_list(
    contradicted: Desk,
) -> None:
    """Two people end it, by answering anew what it comes of."""
    desk, register = contradicted, contradicted.register
    for reviewer in (SENIOR, OTHER_SENIOR):
        lease = desk.take(reviewer, kind="contradiction")
        desk.answer(reviewer, lease)
        desk.wait(minutes=1)
    for _ in range(2):
        for reviewer in (SENIOR, OTHER_SENIOR, ANNA, BEN):
            (still,) = desk.waiting(reviewer, kind="conflict")
            assert (still.pair, still.kind, still.answered) == (lease.pair, "contradiction", True)
            assert still.matched and not still.waits
            assert desk.next(reviewer, kind="contradiction") is None
        assert register.counts()["conflicts"] == 1
        register.run()
    again = desk.take_pair(SENIOR, lease.pair)
    assert again is not None
    clashing = desk.context(SENIOR, again).clashing
    (apart,) = [one for one in clashing if one.kind == "non_match"]
    anew = desk.take_pair(SENIOR, apart.pair)
    assert anew is not None and anew.kind == "possible_link"
    assert desk.answer(SENIOR, anew).state == "noted"
    desk.wait(minutes=1)
    assert desk.take_pair(SENIOR, apart.pair) is None
    second = desk.take_pair(ANNA, apart.pair)
    assert second is not None
    assert desk.answer(ANNA, second).state == "entered"
    register.run()
    assert desk.waiting(SENIOR, kind="conflict") == []
    assert register.together(SCHOOL, UNSURE) and register.together(CLINIC, UNSURE)


def test_one_person_does_not_undo_what_ends_a_contradiction(contradicted: Desk) -> None:
    desk, register = contradicted, contradicted.register
    lease = desk.take(SENIOR, kind="contradiction")
    numbers = [one.id for one in desk.context(SENIOR, lease).clashing]
    assert len(numbers) == 3
    for number in numbers:
        with pytest.raises(TwoDecideError, match="that two people settle"):
            desk.undo_one(SENIOR, number)
    desk.rules = rules()
    desk.undo_one(SENIOR, numbers[-1])
    register.run()
    assert register.conflicts() == []


def test_what_was_answered_to_a_contradiction_is_taken_back_before_a_run_saw_it(
    contradicted: Desk,
) -> None:
    desk = contradicted
    for reviewer in (SENIOR, OTHER_SENIOR):
        desk.answer(reviewer, desk.take(reviewer, kind="contradiction"), "non_match")
        desk.wait(minutes=1)
    assert desk.waiting(ANNA, kind="conflict") == []
    desk.undo(OTHER_SENIOR)
    assert [one.answered for one in desk.waiting(ANNA, kind="conflict")] == [False]


def test_a_choice_that_ends_a_contradiction_waits_for_a_second_person(contradicted: Desk) -> None:
    desk = contradicted
    assert desk.choose(SENIOR, desk.pair(CLINIC, UNSURE), "match").state == "noted"
    assert desk.choose(ANNA, desk.pair(CLINIC, UNSURE), "match").state == "entered"


def test_two_senior_reviewers_who_differ_on_a_contradiction_see_that_it_waits(
    contradicted: Desk,
) -> None:
    """And where there is no third, one of them takes their answer back for another one."""
    desk = contradicted
    first = desk.take(SENIOR, kind="contradiction")
    number = desk.answer(SENIOR, first).answer
    desk.wait(minutes=1)
    assert listed(desk, SENIOR) == [("contradiction", True, True)]
    desk.answer(OTHER_SENIOR, desk.take(OTHER_SENIOR, kind="contradiction"), "non_match")
    desk.wait(minutes=1)
    for reviewer in (SENIOR, OTHER_SENIOR):
        assert listed(desk, reviewer) == [("adjudication", True, True)]
        assert desk.next(reviewer, kind="adjudication") is None
    assert listed(desk, person("third", senior=True)) == [("adjudication", False, False)]
    assert listed(desk, ANNA) == []
    # An older answer than their last one.
    desk.choose(SENIOR, desk.pair(SOCIAL, NOAH), "non_match")
    desk.undo(SENIOR, number)
    assert listed(desk, SENIOR) == [("contradiction", False, False)]
    assert desk.answer(SENIOR, desk.take(SENIOR, kind="contradiction"), "non_match").decision
    desk.register.run()
    assert desk.register.conflicts() == []


def test_an_older_answer_that_waits_for_nobody_cannot_be_taken_back_by_number(desk: Desk) -> None:
    made = desk.choose(ANNA, desk.pair(SCHOOL, NOAH), "non_match").answer
    desk.choose(ANNA, desk.pair(SOCIAL, NOAH), "non_match")
    with pytest.raises(ActError, match="another pair since"):
        desk.undo(ANNA, made)


def test_one_senior_reviewer_does_not_settle_a_referred_contradiction(contradicted: Desk) -> None:
    desk = contradicted
    desk.refer(ANNA, desk.take(ANNA, kind="contradiction"))
    desk.wait(minutes=1)
    first = desk.take(SENIOR)
    assert first.kind == "referred"
    assert desk.answer(SENIOR, first, "non_match").state == "noted"
    desk.wait(minutes=1)
    (own,) = [one for one in desk.waiting(SENIOR) if one.kind == "referred"]
    assert own.waits
    second = desk.take(OTHER_SENIOR)
    context = desk.context(OTHER_SENIOR, second)
    assert (second.kind, context.answers, context.note) == ("referred", (), "unsure")
    assert desk.answer(OTHER_SENIOR, second, "non_match").state == "entered"


def test_a_decision_taken_back_before_a_run_leaves_the_conflict_open(refused: Desk) -> None:
    lease = refused.take(ANNA)
    refused.answer(ANNA, lease, "non_match")
    refused.wait(minutes=1)
    assert "refused_link" not in kinds(refused, BEN)
    refused.undo(ANNA)
    assert kinds(refused, BEN)[0] == kinds(refused, ANNA)[0] == "refused_link"


def test_a_senior_reviewer_does_not_settle_a_referral_of_a_pair_they_answered(
    desk: Desk,
) -> None:
    desk.rules = rules(second={"share": 1.0, "kinds": []})
    desk.answer(SENIOR, desk.take(SENIOR))
    desk.wait(minutes=1)
    desk.refer(ANNA, desk.take(ANNA))
    desk.wait(minutes=1)
    assert kinds(desk, SENIOR) == []
    assert kinds(desk, OTHER_SENIOR) == ["referred"]
