"""Whoever joins one side of a severance is of that side: also when all who were named are gone."""

import pytest
from sqlalchemy import func, select

from api.db.engine import reading, writing
from api.db.models import Audit, Severance
from api.services.register.acts import ActError
from api.services.register.child_events import child_events, shown_events
from api.services.register.deciding import decide
from api.services.register.running import something_waits
from api.services.register.severances import UnnamedError, sever
from tests.register_service.registers import Key
from tests.register_service.reviewed import AISHA, NOAH, PEOPLE, WHO, Reviewed

SCHOOL, CLINIC, SOCIAL = AISHA
NURSERY, TRUST = ("nursery", "1"), ("trust", "1")


def like_aisha(key: Key) -> dict[str, str]:
    return {**PEOPLE[0], "source": key[0], "record_id": key[1]}


def joins(register: Reviewed, later: Key, one: Key) -> int:
    """A record comes later, and somebody says whose it is; the decision."""
    register.load_people([like_aisha(later), {**PEOPLE[3], "source": later[0], "record_id": "9"}])
    decision = 0
    if not register.together(later, one):
        decision = register.say("match", later, one)
    assert register.together(later, one)
    return decision


@pytest.fixture
def severed(register: Reviewed) -> Reviewed:
    register.sever([SCHOOL], [CLINIC, SOCIAL])
    return register


def test_each_record_of_a_child_that_is_severed_from_itself_must_be_named(
    register: Reviewed,
) -> None:
    with writing(register.engine) as connection, pytest.raises(UnnamedError) as refused:
        sever(connection, one=[SCHOOL], other=[CLINIC], why="a test", **WHO)
    assert refused.value.records == [SOCIAL]
    assert SOCIAL[0] not in str(refused.value)
    with reading(register.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(Severance)) == 0


def test_records_of_a_child_that_is_on_one_side_need_not_be_named(register: Reviewed) -> None:
    register.sever([SCHOOL, NOAH], [CLINIC, SOCIAL])
    register.say("match", ("registry", "n1"), NOAH)
    assert not register.together(NOAH, CLINIC)


@pytest.mark.parametrize("alone", [True, False])
def test_what_joined_one_side_stays_with_it_when_the_others_are_gone(
    severed: Reviewed, alone: bool
) -> None:
    joins(severed, NURSERY, SCHOOL)
    severed.delete(SCHOOL)
    if not alone:
        joins(severed, TRUST, NURSERY)
        severed.delete(NURSERY)
    severed.link_anew()
    assert not severed.together(NURSERY if alone else TRUST, CLINIC)


def test_two_who_joined_either_side_stay_apart_when_all_who_were_named_are_gone(
    severed: Reviewed,
) -> None:
    joins(severed, NURSERY, SCHOOL)
    joins(severed, TRUST, CLINIC)
    for gone in (SCHOOL, CLINIC, SOCIAL):
        severed.delete(gone)
    severed.link_anew()
    assert not severed.together(NURSERY, TRUST)
    assert not any({NURSERY, TRUST} <= set(pair) for pair in severed.waiting())


def test_what_was_put_into_one_side_stays_off_the_other(register: Reviewed) -> None:
    register.sever([NOAH], AISHA)
    register.load_people([{**PEOPLE[4], "source": "nursery", "record_id": "9"}])
    register.put(NURSERY, {**PEOPLE[3], "source": "nursery", "record_id": "1"})
    assert register.together(NURSERY, NOAH)
    register.delete(NOAH)
    register.put(NURSERY, like_aisha(NURSERY))
    assert not register.together(NURSERY, SCHOOL)


def test_what_was_split_from_one_side_again_is_never_of_the_other(severed: Reviewed) -> None:
    joins(severed, NURSERY, SCHOOL)
    severed.say("non_match", NURSERY, SCHOOL)
    assert not severed.together(NURSERY, SCHOOL)
    assert not severed.together(NURSERY, CLINIC)
    with writing(severed.engine) as connection, pytest.raises(ActError, match="may not be decided"):
        decide(connection, kind="match", one=NURSERY, other=CLINIC, why="a test", **WHO)


def test_one_that_is_listed_again_comes_back_to_its_side(severed: Reviewed) -> None:
    joins(severed, NURSERY, SCHOOL)
    severed.delete(SCHOOL)
    severed.put(SCHOOL, like_aisha(SCHOOL))
    assert severed.together(SCHOOL, NURSERY)
    assert not severed.together(SCHOOL, CLINIC)


def test_no_history_leads_from_what_joined_one_side_to_the_other(severed: Reviewed) -> None:
    joins(severed, NURSERY, SCHOOL)
    severed.delete(SCHOOL)
    with reading(severed.engine) as connection:
        for one, other in ((NURSERY, CLINIC), (CLINIC, NURSERY)):
            side = severed.child(one)
            told = shown_events(connection, side, child_events(connection, side))
            assert severed.child(other) not in str(told)
            assert {other, SCHOOL} & {(e.source, e.record_id) for e in told} <= (
                {SCHOOL} if one == NURSERY else set()
            )


def test_nothing_more_waits_once_it_is_entered_and_the_log_names_who_joined(
    severed: Reviewed,
) -> None:
    joins(severed, NURSERY, SCHOOL)
    with reading(severed.engine) as connection:
        ids = severed.ids(connection)
        assert not something_waits(connection)
        inherited = select(Severance.record_l, Severance.record_r).where(
            Severance.inherited_from.is_not(None)
        )
        pairs = {frozenset(pair) for pair in connection.execute(inherited)}
        assert pairs == {frozenset({ids[NURSERY], ids[one]}) for one in (CLINIC, SOCIAL)}
        log = select(Audit.by).where(Audit.about == f"record {ids[NURSERY]}",
                                     Audit.action == "record_severed")  # fmt: skip
        assert list(connection.scalars(log)) == ["register"]
