"""A pair is in one hand at a time, and comes back."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from api.db.engine import reading, writing
from api.db.models import ReviewLease, ReviewSkip
from api.services.review import answering, leases
from api.services.review.changed import changed_records
from api.services.review.ending import end_leases, end_settled_leases
from api.services.review.pairs import PairId, Reviewer, StaleError, TakenError
from tests.databases import Databases
from tests.register_service.reviewed import AISHA, UNSURE, reviewed, with_values
from tests.review.desk import UNSURE_PEOPLE, Desk, person, rules, viewer

ANNA, BEN, CARA = (person(name) for name in ("anna", "ben", "cara"))


@pytest.fixture
def busy(databases: Databases, tmp_path: Path) -> Iterator[Desk]:
    """With several pairs that wait."""
    with reviewed(databases, tmp_path, UNSURE_PEOPLE) as register:
        found = Desk(register)
        assert len(found.waiting(ANNA)) >= 6
        yield found
        found.close()


def test_two_reviewers_get_different_pairs(busy: Desk) -> None:
    assert busy.take(ANNA).pair != busy.take(BEN).pair


def test_many_who_ask_at_once_each_get_a_pair_of_their_own(busy: Desk) -> None:
    people = [person(f"reviewer {number}") for number in range(6)]
    together = threading.Barrier(len(people))

    def ask(number: int) -> PairId:
        together.wait()
        return busy.take(people[number]).pair

    with ThreadPoolExecutor(len(people)) as pool:
        taken = list(pool.map(ask, range(len(people))))
    assert len(set(taken)) == len(people)


def test_one_who_asks_twice_at_once_has_one_pair(busy: Desk) -> None:
    together = threading.Barrier(4)

    def ask(_: int) -> PairId:
        together.wait()
        return busy.take(ANNA).pair

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(4)))) == 1


def test_asking_again_gives_the_pair_in_hand(busy: Desk) -> None:
    first = busy.take(ANNA)
    again = busy.take(ANNA)
    assert (again.pair, again.token, again.etag) == (first.pair, first.token, first.etag)


def test_who_cannot_have_another_pair_keeps_the_one_in_hand(busy: Desk) -> None:
    anna, ben = busy.take(ANNA), busy.take(BEN)
    for refused in (ben.pair, PairId(1, 2)):
        assert busy.take_pair(ANNA, refused) is None
    kept = busy.take(ANNA)
    assert (kept.pair, kept.token) == (anna.pair, anna.token)
    busy.release(ben)
    changed = busy.take_pair(ANNA, ben.pair)
    assert changed is not None
    assert busy.take(ANNA).pair == ben.pair
    assert busy.take(BEN).pair == anna.pair


def test_when_all_pairs_are_taken_there_is_none(desk: Desk) -> None:
    assert len(desk.waiting(ANNA)) == 1
    desk.take(ANNA)
    assert desk.next(BEN) is None


def test_a_lease_that_expires_gives_the_pair_to_whoever_asks(desk: Desk) -> None:
    first = desk.take(ANNA)
    desk.wait(minutes=14, seconds=59)
    assert desk.next(BEN) is None
    desk.wait(seconds=1)
    assert desk.take(BEN).pair == first.pair
    with pytest.raises(TakenError):
        desk.answer(ANNA, first)


def test_an_expired_lease_that_nobody_took_still_decides(desk: Desk) -> None:
    lease = desk.take(ANNA)
    desk.wait(hours=2)
    assert desk.answer(ANNA, lease).state == "entered"


def test_a_renewed_lease_lasts_from_then_on(desk: Desk) -> None:
    lease = desk.take(ANNA)
    desk.wait(minutes=10)
    with writing(desk.aside) as beside:
        renewed = leases.renew(beside, lease, now=desk.now, minutes=15)
    assert renewed.expires_at == desk.now + timedelta(minutes=15)
    desk.wait(minutes=10)
    assert desk.next(BEN) is None


def test_a_pair_given_back_is_free_at_once(desk: Desk) -> None:
    lease = desk.take(ANNA)
    desk.release(lease)
    assert desk.take(BEN).pair == lease.pair
    with pytest.raises(TakenError):
        desk.answer(ANNA, lease)


def test_a_skipped_pair_comes_back_after_a_day(desk: Desk) -> None:
    lease = desk.take(ANNA)
    desk.skip(lease)
    desk.wait(hours=23)
    assert desk.next(ANNA) is None
    desk.wait(hours=2)
    assert desk.take(ANNA).pair == lease.pair


def test_a_skipped_pair_comes_back_once_somebody_else_had_it(desk: Desk) -> None:
    desk.skip(desk.take(ANNA))
    assert desk.next(ANNA) is None
    desk.release(desk.take(BEN))
    assert desk.next(ANNA) is not None


def test_an_answered_pair_is_not_handed_out_before_the_answer_is_committed(desk: Desk) -> None:
    lease = desk.take(ANNA)
    with writing(desk.register.engine) as connection:
        answering.answer(
            connection, desk.aside, desk.rules, ANNA, lease.pair, kind="match", why="a test",
            token=lease.token, etag=lease.etag, now=desk.now,
        )  # fmt: skip
        assert desk.next(BEN) is None
    desk.wait(minutes=1)
    assert desk.next(BEN) is None


def test_a_pair_whose_values_changed_is_refused_with_which_record_did(desk: Desk) -> None:
    lease = desk.take(ANNA)
    desk.register.load_people(with_values(UNSURE, forename="Ayesha"))
    with pytest.raises(StaleError) as refused:
        desk.answer(ANNA, lease)
    # The unsure record of the clinic is the left one.
    assert "record_l" in refused.value.changes
    assert "record_r" not in refused.value.changes


def test_what_changed_is_told_old_beside_new_as_far_as_it_may_be_seen(desk: Desk) -> None:
    limited = person("limited", view=viewer(surname={"education"}))
    lease = desk.take(ANNA)
    named = {"forename": "Ayesha", "surname": "Bibi", "nhs_number": "9434765919"}
    desk.register.load_people(with_values(UNSURE, **named))
    told = []
    for reviewer in (ANNA, limited):
        with reading(desk.register.engine) as connection:
            (one,) = changed_records(connection, desk.rules, reviewer, lease)
        assert one.key == UNSURE
        told.append(([(f.name, f.then, f.now, f.masked) for f in one.fields], one.unseen))
    forename, surname = ("forename", "Aisha", "Ayesha", False), ("surname", "Begum", "Bibi", False)
    masked = ("nhs_number", None, None, True)
    assert told == [([forename, surname, masked], False), ([forename, masked], True)]


def test_of_a_shielded_child_no_place_is_told_that_changed(desk: Desk) -> None:
    lease = desk.take(ANNA)
    desk.register.shield(UNSURE)
    desk.register.load_people(with_values(UNSURE, address="7 New St", forename="Ayesha"))
    with reading(desk.register.engine) as connection:
        told = changed_records(connection, desk.rules, ANNA, lease)
    assert "7 New St" not in repr(told)
    assert [one.unseen for one in told if one.key == UNSURE] == [True]


def test_a_pair_that_was_decided_meanwhile_is_refused(desk: Desk) -> None:
    lease = desk.take(ANNA)
    desk.register.say("non_match", UNSURE, ("school", "1"), run=False)
    with pytest.raises(StaleError) as refused:
        desk.answer(ANNA, lease)
    assert refused.value.changes == ("decisions",)


def test_an_answer_to_an_older_page_is_refused(desk: Desk) -> None:
    lease = desk.take(ANNA)
    desk.register.load_people(with_values(UNSURE, surname="Bibi"))
    again = desk.next(ANNA)
    if again is None or again.pair != lease.pair:
        pytest.fail("the pair still waits")
    with pytest.raises(StaleError) as refused:
        desk.answer(ANNA, again, etag=lease.etag)
    assert refused.value.changes == ("page",)
    assert desk.answer(ANNA, again).state == "entered"


def test_a_pair_in_hand_that_was_decided_otherwise_makes_room_for_the_next(busy: Desk) -> None:
    lease = busy.take(ANNA)
    with reading(busy.register.engine) as connection:
        key = {number: key for key, number in busy.register.ids(connection).items()}
    busy.register.say("non_match", key[lease.pair.low], key[lease.pair.high], run=False)
    assert busy.take(ANNA).pair != lease.pair


_STEP = st.tuples(
    st.sampled_from([ANNA, BEN, CARA]),
    st.sampled_from(["next", "skip", "release", "wait"]),
)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(_STEP, max_size=15))
def test_whatever_reviewers_do_no_pair_is_in_two_hands(busy: Desk, steps: list[Any]) -> None:
    with writing(busy.aside) as beside:
        beside.execute(delete(ReviewLease))
        beside.execute(delete(ReviewSkip))
    hands: dict[str, leases.Lease] = {}
    for reviewer, act in steps:
        mine = hands.get(reviewer.by)
        if act == "next":
            got = busy.next(reviewer)
            if got is not None:
                hands[reviewer.by] = got
        elif act == "wait":
            busy.wait(minutes=6)
        elif mine is not None and mine.expires_at > busy.now:
            (busy.skip if act == "skip" else busy.release)(mine)
            del hands[reviewer.by]
        held = [lease.pair for lease in hands.values() if lease.expires_at > busy.now]
        assert len(held) == len(set(held))


def test_the_lease_lasts_as_long_as_the_rules_say(desk: Desk) -> None:
    desk.rules = rules(lease_minutes=3)
    assert desk.take(ANNA).expires_at == desk.now + timedelta(minutes=3)


def test_a_lease_ends_with_what_settles_its_pair_once_that_is_committed(desk: Desk) -> None:
    """An answer that waits for a second person, a decision beside the queue, and its undoing."""
    desk.rules = rules(second={"share": 1.0, "kinds": []})
    lease = desk.take(ANNA)
    desk.answer(ANNA, lease)
    second = desk.take_pair(BEN, lease.pair)
    assert second is not None
    desk.answer(BEN, second)
    desk.rules = rules()
    desk.undo(BEN)
    assert desk.take(CARA).pair == lease.pair
    made = desk.register.say("non_match", UNSURE, AISHA[0], run=False)
    with writing(desk.register.engine) as connection:
        end_leases(connection, [lease.pair], desk.now)
        assert in_hand(desk, CARA) == lease.pair
    assert in_hand(desk, CARA) is None
    desk.undo_one(person("senior", senior=True), made)
    assert desk.take(CARA).pair == lease.pair


def test_a_lease_stays_where_what_would_settle_its_pair_is_not_committed(desk: Desk) -> None:
    lease = desk.take(ANNA)
    with pytest.raises(ZeroDivisionError), writing(desk.register.engine) as connection:
        end_leases(connection, [lease.pair], desk.now)
        raise ZeroDivisionError
    with writing(desk.register.engine):
        pass
    assert in_hand(desk, ANNA) == lease.pair


def test_a_lease_of_somebody_who_took_the_pair_later_stays(desk: Desk) -> None:
    before = desk.now
    desk.wait(seconds=1)
    lease = desk.take(ANNA)
    with writing(desk.register.engine) as connection:
        end_leases(connection, [lease.pair], before)
    assert in_hand(desk, ANNA) == lease.pair


def test_a_run_ends_the_leases_of_pairs_that_wait_no_more(desk: Desk) -> None:
    lease = desk.take(ANNA)
    with writing(desk.register.engine) as connection:
        end_settled_leases(connection, desk.now)
    assert in_hand(desk, ANNA) == lease.pair
    desk.register.load_people(with_values(UNSURE, forename="Noah", date_of_birth="2009-09-09"))
    with writing(desk.register.engine) as connection:
        end_settled_leases(connection, desk.now)
    assert in_hand(desk, ANNA) is None


def in_hand(desk: Desk, reviewer: Reviewer) -> PairId | None:
    with reading(desk.aside) as beside:
        lease = leases.in_hand(beside, reviewer.by, desk.now)
    return None if lease is None else lease.pair
