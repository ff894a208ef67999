"""A conflict comes to each reviewer once, and to nobody who has said what they can."""

import pytest

from tests.register_service.reviewed import AISHA, PEOPLE, UNSURE
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


def test_a_contradiction_stays_in_the_list_of_those_who_said_again_that_two_match(
    desk: Desk,
) -> None:
    register = desk.register
    desk.rules = rules(second={"share": 0.0, "kinds": ["contradiction"]})
    register.say("match", SCHOOL, UNSURE, run=False)
    register.say("match", SCHOOL, CLINIC, run=False)
    register.say("non_match", CLINIC, UNSURE)
    for reviewer in (SENIOR, OTHER_SENIOR):
        lease = desk.take(reviewer, kind="contradiction")
        desk.answer(reviewer, lease)
        desk.wait(minutes=1)
    for _ in range(2):
        for reviewer in (SENIOR, OTHER_SENIOR):
            (still,) = desk.waiting(reviewer, kind="conflict")
            assert (still.pair, still.kind, still.answered) == (lease.pair, "contradiction", True)
            assert desk.next(reviewer, kind="contradiction") is None
        assert register.counts()["conflicts"] == 1
        register.run()
    again = desk.take_pair(SENIOR, lease.pair)
    assert again is not None
    clashing = desk.context(SENIOR, again).clashing
    (apart,) = [one.id for one in clashing if one.kind == "non_match"]
    desk.undo_one(SENIOR, apart)
    register.run()
    assert desk.waiting(SENIOR, kind="conflict") == []
    assert register.together(SCHOOL, UNSURE)


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
