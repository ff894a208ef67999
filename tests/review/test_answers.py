"""What becomes of answers: one person or two, seniors, and taking back."""

import pytest
from sqlalchemy import func, select

from api.db.engine import reading
from api.db.models import Audit, Decision, Job
from api.services.register.acts import ActError, UnknownError, keys_of
from api.services.register.decisions import decisions_in_force
from api.services.review.answering import NO_REASON
from api.services.review.pairs import AnsweredError
from api.services.review.reviewers import reviewer_weeks
from api.services.review.undoing import NotYoursError
from tests.register_service.reviewed import AISHA, UNSURE, with_values
from tests.review.desk import Desk, person, rules

ANNA, BEN, CARA = (person(name) for name in ("anna", "ben", "cara"))
SENIOR = person("senior", senior=True)


@pytest.fixture
def two(desk: Desk) -> Desk:
    """Where two people decide every pair."""
    desk.rules = rules(second={"share": 1.0, "kinds": []})
    return desk


def in_force(desk: Desk) -> list[str]:
    with reading(desk.register.engine) as connection:
        return decisions_in_force(connection)["kind"].tolist()


def kinds(desk: Desk, reviewer: object) -> list[str]:
    return [one.kind for one in desk.waiting(reviewer)]  # type: ignore[arg-type]


def test_an_answer_is_a_decision_that_the_next_run_follows(desk: Desk) -> None:
    outcome = desk.answer(ANNA, desk.take(ANNA))
    assert outcome.state == "entered"
    assert in_force(desk) == ["match"]
    assert desk.waiting(ANNA) == []
    desk.register.run()
    assert desk.register.together(UNSURE, AISHA[0])


def test_many_decisions_wait_for_one_run(desk: Desk) -> None:
    first = desk.answer(ANNA, desk.take(ANNA))
    assert first.decision is not None
    desk.undo(ANNA)
    desk.answer(ANNA, desk.take(ANNA), "non_match")
    with reading(desk.register.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(Job)) == 1


def test_each_answer_is_in_the_log(desk: Desk) -> None:
    desk.answer(ANNA, desk.take(ANNA))
    with reading(desk.register.engine) as connection:
        actions = connection.scalars(select(Audit.action).where(Audit.by == "anna")).all()
    assert {"pair_answered", "decided_match"} <= set(actions)


@pytest.mark.parametrize(("kind", "why"), [("perhaps", "a test"), ("match", "x" * 2001)])
def test_an_answer_that_cannot_be_kept_is_refused_and_the_pair_stays(
    desk: Desk, kind: str, why: str
) -> None:
    lease = desk.take(ANNA)
    with pytest.raises(ActError):
        desk.answer(ANNA, lease, kind, why=why)
    assert desk.take(ANNA).pair == lease.pair


def test_without_a_reason_it_is_kept_that_none_was_given(desk: Desk) -> None:
    desk.answer(ANNA, desk.take(ANNA), why="  ")
    with reading(desk.register.engine) as connection:
        assert connection.scalars(select(Decision.why)).all() == [NO_REASON]


def test_the_first_of_two_answers_has_no_effect(two: Desk) -> None:
    outcome = two.answer(ANNA, two.take(ANNA))
    assert (outcome.state, outcome.decision) == ("noted", None)
    assert in_force(two) == []
    assert kinds(two, BEN) == ["possible_link"]


def test_who_answered_first_is_not_asked_again(two: Desk) -> None:
    two.answer(ANNA, two.take(ANNA))
    two.wait(minutes=1)
    assert two.next(ANNA) is None


def test_the_second_person_is_shown_nothing_of_the_first_answer(two: Desk) -> None:
    two.answer(ANNA, two.take(ANNA))
    two.wait(minutes=1)
    context = two.context(BEN, two.take(BEN))
    assert (context.kind, context.earlier, context.answers) == ("possible_link", (), ())


def test_two_who_agree_decide(two: Desk) -> None:
    two.answer(ANNA, two.take(ANNA))
    two.wait(minutes=1)
    assert two.answer(BEN, two.take(BEN)).state == "entered"
    assert in_force(two) == ["match"]


def test_where_two_differ_a_senior_reviewer_sees_both_and_decides(two: Desk) -> None:
    two.answer(ANNA, two.take(ANNA), why="same mother")
    two.wait(minutes=1)
    assert two.answer(BEN, two.take(BEN), "non_match", why="another road").state == "noted"
    two.wait(minutes=1)
    assert kinds(two, ANNA) == kinds(two, CARA) == []
    lease = two.take(SENIOR)
    context = two.context(SENIOR, lease)
    assert lease.kind == "adjudication"
    assert [(one.by, one.kind, one.why) for one in context.answers] == [
        ("anna", "match", "same mother"),
        ("ben", "non_match", "another road"),
    ]
    assert two.answer(SENIOR, lease, "non_match").state == "entered"
    assert in_force(two) == ["non_match"]
    assert kinds(two, SENIOR) == []


def test_a_senior_reviewer_does_not_settle_an_answer_of_their_own(two: Desk) -> None:
    lease = two.take(SENIOR)
    two.answer(SENIOR, lease)
    two.wait(minutes=1)
    two.answer(BEN, two.take(BEN), "non_match")
    assert [(one.kind, one.answered) for one in two.waiting(SENIOR)] == [("adjudication", True)]
    assert two.next(SENIOR) is None and two.take_pair(SENIOR, lease.pair) is None
    assert kinds(two, person("another", senior=True)) == ["adjudication"]


def test_a_first_answer_on_values_that_changed_counts_no_more(two: Desk) -> None:
    two.answer(ANNA, two.take(ANNA))
    two.wait(minutes=1)
    two.register.load_people(with_values(UNSURE, surname="Bibi"))
    assert two.answer(BEN, two.take(BEN)).state == "noted"
    assert in_force(two) == []
    two.wait(minutes=1)
    assert two.answer(CARA, two.take(CARA)).state == "entered"


def test_which_pairs_two_people_decide_depends_on_the_pair_alone(desk: Desk) -> None:
    some = rules(second={"share": 0.5, "kinds": []})
    told = [some.takes_two("possible_link", number / 10) for number in range(10)]
    assert told == [True] * 5 + [False] * 5
    assert rules(second={"share": 0.0, "kinds": ["contradiction"]}).takes_two("contradiction", 0.9)


def test_a_referred_pair_leaves_the_queue_and_comes_first_to_senior_reviewers(desk: Desk) -> None:
    desk.refer(ANNA, desk.take(ANNA), "twins?")
    desk.wait(minutes=1)
    assert kinds(desk, ANNA) == kinds(desk, BEN) == []
    lease = desk.take(SENIOR)
    context = desk.context(SENIOR, lease)
    assert (lease.kind, context.note, context.referred_by) == ("referred", "twins?", "anna")
    desk.answer(SENIOR, lease)
    desk.wait(minutes=1)
    assert kinds(desk, SENIOR) == []


def test_a_referral_settled_elsewhere_is_settled(desk: Desk) -> None:
    desk.refer(ANNA, desk.take(ANNA))
    desk.register.say("match", UNSURE, AISHA[0], run=False)
    assert kinds(desk, SENIOR) == []


def test_an_undone_decision_waits_again_at_once(desk: Desk) -> None:
    lease = desk.take(ANNA)
    desk.answer(ANNA, lease)
    undone = desk.undo(ANNA)
    assert undone.pair == lease.pair
    assert in_force(desk) == []
    assert desk.take(BEN).pair == lease.pair


def test_undoing_a_first_answer_lets_the_pair_wait_as_before(two: Desk) -> None:
    two.answer(ANNA, two.take(ANNA))
    assert two.undo(ANNA).entry is None
    assert two.next(ANNA) is not None


def test_undoing_a_second_answer_leaves_the_first(two: Desk) -> None:
    two.answer(ANNA, two.take(ANNA))
    two.wait(minutes=1)
    two.answer(BEN, two.take(BEN))
    two.undo(BEN)
    assert in_force(two) == []
    assert kinds(two, ANNA) == []
    assert two.answer(CARA, two.take(CARA)).state == "entered"


def test_undoing_a_differing_answer_leaves_the_other_waiting(two: Desk) -> None:
    two.answer(ANNA, two.take(ANNA))
    two.wait(minutes=1)
    two.answer(BEN, two.take(BEN), "non_match")
    two.undo(BEN)
    assert kinds(two, SENIOR) == ["possible_link"]
    assert two.answer(CARA, two.take(CARA)).state == "entered"


def test_undoing_a_settlement_brings_both_answers_back(two: Desk) -> None:
    two.answer(ANNA, two.take(ANNA))
    two.wait(minutes=1)
    two.answer(BEN, two.take(BEN), "non_match")
    two.wait(minutes=1)
    two.answer(SENIOR, two.take(SENIOR))
    with pytest.raises(ActError):
        two.undo(ANNA)
    two.undo(SENIOR)
    assert in_force(two) == []
    assert kinds(two, SENIOR) == ["adjudication"]


def test_there_is_nothing_to_undo_twice(desk: Desk) -> None:
    desk.answer(ANNA, desk.take(ANNA))
    desk.undo(ANNA)
    with pytest.raises(ActError):
        desk.undo(ANNA)


def test_an_answer_to_what_is_severed_since_is_not_taken_back(desk: Desk) -> None:
    lease = desk.take(ANNA)
    made = desk.answer(ANNA, lease).decision
    assert made is not None
    with reading(desk.register.engine) as connection:
        one, other = keys_of(connection, lease.pair.records).values()
    desk.register.sever([one], [other], run=False)
    with pytest.raises(ActError, match="may not be taken back"):
        desk.undo(ANNA)
    for reviewer in (ANNA, SENIOR):
        with pytest.raises(UnknownError, match=f"there is no decision {made}"):
            desk.undo_one(reviewer, made)
    assert in_force(desk) != []


def test_only_senior_reviewers_undo_what_others_decided(desk: Desk) -> None:
    made = desk.answer(ANNA, desk.take(ANNA)).decision
    assert made is not None
    with pytest.raises(NotYoursError):
        desk.undo_one(BEN, made)
    desk.undo_one(SENIOR, made)
    assert in_force(desk) == []


def test_an_own_decision_made_elsewhere_is_undone_by_its_number(desk: Desk) -> None:
    made = desk.register.say("match", UNSURE, AISHA[0], run=False)
    with reading(desk.register.engine) as connection:
        by = connection.execute(select(Decision.by).where(Decision.id == made)).scalar_one()
    desk.undo_one(person(by), made)
    assert in_force(desk) == []


def test_known_pairs_look_like_others_measure_and_decide_nothing(desk: Desk) -> None:
    desk.know(*AISHA[:2], "match")
    desk.rules = rules(known_share=1.0)
    lease = desk.take(ANNA)
    assert lease.pair == desk.pair(*AISHA[:2])
    context = desk.context(ANNA, lease)
    assert (context.kind, context.earlier) == ("possible_link", ())
    # Told as of two children, one of whom has the third record, and neither is named.
    assert [one.key for side in (context.l, context.r) for one in side.fellows] == [AISHA[2]]
    assert not context.together
    assert not context.names_children
    assert desk.answer(ANNA, lease, "non_match").state == "noted"
    assert in_force(desk) == []
    desk.wait(minutes=1)
    assert desk.take(ANNA).pair != lease.pair


def test_known_pairs_that_are_as_hard_as_others_come_first_and_only_once(desk: Desk) -> None:
    hard = desk.pair(UNSURE, AISHA[0])
    for other in AISHA[1:]:
        desk.know(AISHA[0], other, "match")
    desk.register.say("match", UNSURE, AISHA[0])
    desk.know(UNSURE, AISHA[0], "match")
    desk.rules = rules(known_share=1.0)
    seen = []
    while (lease := desk.next(ANNA)) is not None:
        seen.append(lease.pair)
        desk.answer(ANNA, lease)
        desk.wait(minutes=1)
    assert seen[0] == hard
    assert len(seen) == len(set(seen)) == 3


def test_a_pair_that_waits_is_not_handed_out_as_known(desk: Desk) -> None:
    desk.know(UNSURE, desk.register.waiting()[0][1], "match")
    desk.rules = rules(known_share=1.0)
    lease = desk.take(ANNA)
    assert lease.known is None
    assert desk.answer(ANNA, lease).state == "entered"
    desk.wait(minutes=1)
    assert desk.next(ANNA) is None


def test_pace_and_agreement_are_told_with_intervals(two: Desk) -> None:
    two.know(*AISHA[:2], "match")
    lease = two.take(ANNA)
    two.wait(seconds=40)
    two.answer(ANNA, lease)
    two.wait(minutes=1)
    two.answer(BEN, two.take(BEN))
    two.rules = rules(known_share=1.0)
    two.answer(BEN, two.take(BEN), "non_match")
    with reading(two.register.engine) as connection:
        anna, ben = reviewer_weeks(connection, since=two.now.replace(year=2020))
    assert (anna.by, anna.answers, anna.seconds) == ("anna", 1, 40)
    assert (anna.agreed.numerator, anna.agreed.denominator) == (1, 1)
    assert anna.agreed.interval is not None
    assert (ben.answers, ben.known.numerator, ben.known.denominator) == (2, 0, 1)
    assert ben.week is not None
    assert ben.week.weekday() == 0


def test_what_somebody_chose_to_decide_needs_as_many_people_as_in_the_queue(two: Desk) -> None:
    """Also of a pair that does not wait at all, which then waits for a second person."""
    pair = two.pair(AISHA[0], AISHA[1])
    assert two.choose(ANNA, pair, "non_match").state == "noted"
    assert in_force(two) == []
    assert pair not in [one.pair for one in two.waiting(ANNA)]
    with pytest.raises(AnsweredError):
        two.choose(ANNA, pair, "non_match")
    first = two.waiting(BEN)[0]
    assert (first.pair, first.kind) == (pair, "possible_link")
    lease = two.take(BEN)
    assert two.context(BEN, lease).together
    assert two.answer(BEN, lease, "non_match").state == "entered"
    assert in_force(two) == ["non_match"]
    two.register.run()
    assert not two.register.together(AISHA[0], AISHA[1])
    two.wait(minutes=1)
    assert pair not in [one.pair for one in two.waiting(CARA)]


def test_two_who_chose_otherwise_leave_the_pair_to_a_senior_reviewer(two: Desk) -> None:
    pair = two.pair(AISHA[0], AISHA[1])
    two.choose(ANNA, pair, "non_match")
    assert two.choose(BEN, pair, "match").state == "noted"
    with pytest.raises(ActError):
        two.choose(CARA, pair, "match")
    assert two.choose(SENIOR, pair, "match").state == "entered"
    assert in_force(two) == ["match"]


def test_whoever_chose_a_pair_that_they_have_in_hand_has_answered_it(two: Desk) -> None:
    lease = two.take(ANNA)
    two.choose(ANNA, lease.pair, "match")
    with pytest.raises(AnsweredError):
        two.answer(ANNA, lease)
    two.wait(minutes=1)
    assert two.answer(BEN, two.take(BEN)).state == "entered"


def test_one_person_decides_what_one_person_would_in_the_queue(desk: Desk) -> None:
    assert desk.choose(ANNA, desk.pair(AISHA[0], AISHA[1]), "non_match").state == "entered"
    assert in_force(desk) == ["non_match"]
