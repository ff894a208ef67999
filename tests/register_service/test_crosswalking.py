"""From one system's ids to those of others, many at once."""

from collections.abc import Sequence

from sqlalchemy import event

from api.services.register.crosswalking import Crossed, crosswalk, known_sources
from api.services.register.history import same_child
from api.services.register.reading import last_run
from tests.register_service.registers import Key
from tests.register_service.reviewed import AISHA, NOAH, UNSURE, Reviewed
from tests.register_service.seen import delete, seen

SCHOOL, CLINIC, SOCIAL = AISHA


def cross(
    register: Reviewed, keys: Sequence[Key], *targets: str, as_of_run: int | None = None
) -> list[Crossed | None]:
    with seen(register.engine) as (connection, _):
        known = known_sources(connection)
        return crosswalk(connection, keys, known, targets or known, as_of_run=as_of_run)


def test_each_record_is_answered_with_the_other_ids_of_its_child(register: Reviewed) -> None:
    school, noah, unknown = cross(register, [SCHOOL, NOAH, ("school", "never")])
    assert school is not None
    assert school.child_id == register.child(SCHOOL)
    assert school.ids == [CLINIC, SOCIAL]
    assert noah is not None
    assert noah.ids == []
    assert unknown is None
    (one,) = cross(register, [SCHOOL], "social")
    assert one is not None
    assert one.ids == [SOCIAL]


def test_other_ids_of_the_same_system_are_told_but_not_the_one_asked_for(
    register: Reviewed,
) -> None:
    register.say("match", UNSURE, CLINIC)
    (one,) = cross(register, [CLINIC], "clinic")
    assert one is not None
    assert one.ids == [UNSURE]


def test_an_id_is_looked_up_in_its_own_system_only(register: Reviewed) -> None:
    found = cross(register, [("school", "1"), ("clinic", "2"), ("census", "1"), ("census", "2")])
    assert [one is not None for one in found] == [True, False, False, True]


def test_the_crosswalk_of_a_past_run_is_as_it_was(register: Reviewed) -> None:
    with seen(register.engine) as (connection, _):
        then = last_run(connection)
    delete(register, SOCIAL)
    (now,), (old,) = cross(register, [SCHOOL]), cross(register, [SCHOOL], as_of_run=then)
    assert now is not None
    assert old is not None
    assert (now.ids, old.ids) == ([CLINIC], [CLINIC, SOCIAL])
    assert cross(register, [SOCIAL]) == [None]
    assert cross(register, [SOCIAL], as_of_run=then)[0] is not None


def test_no_run_leads_from_one_severed_identity_to_the_other(register: Reviewed) -> None:
    with seen(register.engine) as (connection, _):
        then = last_run(connection)
    register.sever([SCHOOL], [CLINIC, SOCIAL])
    sides: list[set[Key]] = [{SCHOOL}, {CLINIC, SOCIAL}]
    for run in (then, None):
        for key, one in zip(AISHA, cross(register, AISHA, as_of_run=run), strict=True):
            (own,) = [side for side in sides if key in side]
            assert one is None or set(one.ids) <= own
    with seen(register.engine) as (connection, _):
        for key, one in zip(AISHA, cross(register, AISHA), strict=True):
            assert one is not None
            known = same_child(connection, *key, into="clinic")
            assert [k for s, k in one.ids if s == "clinic"] == [
                k for k in known if ("clinic", k) != key
            ]


def test_many_ids_take_as_many_queries_as_one(register: Reviewed) -> None:
    with seen(register.engine) as (connection, _):
        known = known_sources(connection)
        records = sorted(key for key in register.ids(connection) if key[0] == "registry")
        counts = []
        for keys in ([SCHOOL], [*AISHA, NOAH, *records][:1000]):
            asked: list[str] = []

            def note(*said: object, asked: list[str] = asked) -> None:
                asked.append(str(said[2]))

            event.listen(connection, "before_cursor_execute", note)
            assert any(crosswalk(connection, keys, known, known))
            event.remove(connection, "before_cursor_execute", note)
            counts.append(len(asked))
    assert counts == [3, 3]
