"""What adoption severed is never one child again, in no queue, and in neither side's history."""

from itertools import product

import numpy as np
import pytest
from sqlalchemy import select

from api.db.engine import reading, writing
from api.db.models import Audit
from api.services.register.acts import ActError
from api.services.register.child_events import child_events, shown_events
from api.services.register.deciding import decide
from api.services.register.severances import (
    are_severed,
    can_sever,
    severed_from,
    shown_successions,
)
from tests.register_service.registers import Key
from tests.register_service.reviewed import (
    AISHA,
    NOAH,
    PEOPLE,
    UNSURE,
    WHO,
    Reviewed,
    without,
)

SCHOOL, CLINIC, SOCIAL = AISHA


def test_two_sides_of_one_child_are_parted_and_stay_so(register: Reviewed) -> None:
    register.sever([SCHOOL], [CLINIC, SOCIAL])
    assert not register.together(SCHOOL, CLINIC)
    assert register.together(CLINIC, SOCIAL)
    register.load_people(PEOPLE)
    register.link_anew()
    assert not register.together(SCHOOL, CLINIC)
    assert register.conflicts() == []
    assert not any(SCHOOL in pair and (CLINIC in pair or SOCIAL in pair)
                   for pair in register.waiting())  # fmt: skip


def test_what_comes_later_joins_one_side_at_most(register: Reviewed) -> None:
    register.sever([SCHOOL], [CLINIC, SOCIAL])
    later = {**PEOPLE[0], "source": "nursery", "record_id": "1"}
    register.load_people([later])
    register.say("match", ("nursery", "1"), CLINIC)
    assert not register.together(SCHOOL, ("nursery", "1"))
    assert not any(SCHOOL in pair for pair in register.waiting() if UNSURE not in pair)


def test_all_records_of_two_children_are_severed(register: Reviewed) -> None:
    register.sever([NOAH], [SCHOOL])
    with reading(register.engine) as connection:
        ids = register.ids(connection)
        found = severed_from(connection, np.array([ids[NOAH]]))
        assert sorted(found.tolist()) == sorted(ids[key] for key in AISHA)
    register.load_people(without(SCHOOL))
    with reading(register.engine) as connection:
        assert are_severed(connection, ids[CLINIC], ids[NOAH])


@pytest.mark.parametrize("run", [True, False])
def test_nobody_decides_on_a_severed_pair_or_on_one_of_severed_children(
    register: Reviewed, run: bool
) -> None:
    register.sever([NOAH], [SCHOOL], run=run)
    with writing(register.engine) as connection:
        for kind, one in product(("match", "non_match", "cannot_tell"), AISHA):
            with pytest.raises(ActError, match="may not be decided on"):
                decide(connection, kind=kind, one=NOAH, other=one, why="a test", **WHO)


def test_a_severance_goes_before_a_match_of_old(register: Reviewed) -> None:
    register.say("match", NOAH, SCHOOL)
    assert register.together(NOAH, CLINIC)
    register.sever([NOAH], AISHA)
    assert not register.together(NOAH, SCHOOL)
    assert register.conflicts() == []


def test_what_would_join_two_severed_sides_is_in_nobodys_queue(register: Reviewed) -> None:
    """A match on each side with one record: it cannot follow both."""
    register.sever([NOAH], AISHA)
    register.say("match", NOAH, UNSURE, run=False)
    register.say("match", UNSURE, SOCIAL, run=False)
    register.run()
    assert register.together(UNSURE, NOAH) != register.together(UNSURE, SOCIAL)
    assert register.conflicts() == register.queue() == []
    assert register.counts() == {"conflicts": 0, "changed_values": 0, "possible_link": 0}


def sides_of_history(register: Reviewed, child: str) -> set[Key]:
    with reading(register.engine) as connection:
        events = shown_events(connection, child, child_events(connection, child))
    return {(one.source, one.record_id or "") for one in events if one.source}


def test_neither_history_shows_the_other_side(register: Reviewed) -> None:
    whole = register.child(SCHOOL)
    register.sever([SCHOOL], [CLINIC, SOCIAL])
    one, other = register.child(SCHOOL), register.child(CLINIC)
    assert whole in (one, other)
    assert sides_of_history(register, one) == {SCHOOL}
    assert sides_of_history(register, other) == {CLINIC, SOCIAL}
    with reading(register.engine) as connection:
        for child, hidden in ((one, other), (other, one)):
            assert shown_successions(connection, child) == []
            assert hidden not in str(
                shown_events(connection, child, child_events(connection, child))
            )


def test_other_history_is_shown(register: Reviewed) -> None:
    decision = register.say("match", NOAH, SCHOOL)
    whole = register.child(SCHOOL)
    register.take_back(decision)
    register.sever([SCHOOL], [CLINIC, SOCIAL])
    assert NOAH in sides_of_history(register, whole)
    with reading(register.engine) as connection:
        shown = shown_successions(connection, whole)
    assert {kind for _, kind, _, _ in shown} <= {"merged", "split"}
    assert any(register.child(NOAH) in (old, new) for _, _, old, new in shown)


def test_sides_must_be_two(register: Reviewed) -> None:
    with reading(register.engine) as connection:
        assert not can_sever(connection, one=[], other=[SCHOOL], why="a test")
        assert not can_sever(connection, one=[SCHOOL, NOAH], other=[SCHOOL], why="a test")
        assert not can_sever(connection, one=[("school", "99")], other=[SCHOOL], why="a test")
        assert can_sever(connection, one=[NOAH], other=[SCHOOL], why="a test")
        assert not can_sever(connection, one=[NOAH], other=[SCHOOL], why=" ")


def test_the_audit_log_leads_from_neither_side_to_the_other(register: Reviewed) -> None:
    register.sever([NOAH], [SCHOOL])
    with reading(register.engine) as connection:
        log = connection.execute(select(Audit.about, Audit.detail)
                                 .where(Audit.action == "record_severed")).all()  # fmt: skip
    assert len(log) == 4
    assert all(len(about.split()) == 2 and detail == {} for about, detail in log)
