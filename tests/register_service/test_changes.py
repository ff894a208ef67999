"""What happened to a child and to a record, with neither severed side in the other's history."""

import pytest
from sqlalchemy import Connection

from api.db.engine import reading
from api.services.access.caller import AccessError
from api.services.access.policy import View
from api.services.register.changes import (
    ChildChange,
    RecordChange,
    child_history,
    record_history,
)
from api.services.register.feed import read_feed
from api.services.register.viewing import record_number
from tests.register_service.registers import NOW, Key
from tests.register_service.reviewed import AISHA, NOAH, PEOPLE, UNSURE, Reviewed
from tests.register_service.seen import delete, put, seen

SCHOOL, CLINIC, SOCIAL = AISHA
PLACES = {"address", "postcode"}


def of_child(register: Reviewed, child: str, **who: object) -> list[ChildChange]:
    with seen(register.engine, **who) as (connection, view):  # type: ignore[arg-type]
        return child_history(connection, view, child)


def of_record(register: Reviewed, key: Key, **page: object) -> list[RecordChange]:
    with seen(register.engine) as (connection, view):
        record = record_number(connection, *key)
        assert record is not None
        return record_history(connection, view, key[0], record, **page)  # type: ignore[arg-type]


def test_a_childs_history_tells_what_each_run_did_to_it(register: Reviewed) -> None:
    old, child = register.child(UNSURE), register.child(CLINIC)
    register.say("match", UNSURE, CLINIC)
    found = of_child(register, child)
    assert found[0].kind == "child_created"
    joined = [(one.source, one.record_id) for one in found if one.kind == "record_linked"]
    assert sorted(joined) == sorted([*AISHA, UNSURE])
    absorbed = next(one for one in found if one.kind == "child_absorbed")
    assert absorbed.children == (old,)
    assert (absorbed.when.at, absorbed.when.by, absorbed.when.kind) == (NOW, "analyst", "decision")
    first = next(one for one in found if one.kind == "values_changed")
    assert "forename" in first.fields
    assert not any(name.endswith("_source") for name in first.fields)
    merged = of_child(register, old)[-2:]
    assert ("child_merged", (child,)) in [(one.kind, one.children) for one in merged]


def test_a_split_is_told_on_both_sides(register: Reviewed) -> None:
    child = register.child(CLINIC)
    register.say("non_match", SCHOOL, CLINIC)
    others = {register.child(one) for one in AISHA} - {child}
    split = [one.children for one in of_child(register, child) if one.kind == "child_split"]
    assert sorted(split) == sorted((other,) for other in others) != []
    for other in others:
        born = [one.children for one in of_child(register, other) if one.kind == "child_split_off"]
        assert born == [(child,)]


def test_histories_come_in_pages(register: Reviewed) -> None:
    child = register.child(SCHOOL)
    whole = of_child(register, child)
    with seen(register.engine) as (connection, view):
        first = child_history(connection, view, child, limit=2)
        rest = child_history(connection, view, child, after=first[-1].place)
    assert [*first, *rest] == whole
    entries = of_record(register, SCHOOL)
    rest_of_record = of_record(register, SCHOOL, after=entries[0].place)
    assert [*of_record(register, SCHOOL, limit=1), *rest_of_record] == entries


def test_what_may_not_be_seen_is_not_in_a_childs_history(register: Reviewed) -> None:
    found = of_child(register, register.child(SCHOOL), sources=["school"])
    assert {one.source for one in found} == {None, "school"}
    assert not any("upn" in one.fields for one in found)
    assert of_child(register, register.child(NOAH), sources=["school"]) == []


def test_a_records_history_tells_what_it_said_and_whose_it_was(register: Reviewed) -> None:
    old, child = register.child(UNSURE), register.child(CLINIC)
    register.say("match", UNSURE, CLINIC)
    put(register, UNSURE, forename="Ayesha", surname="Begum", date_of_birth="2014-05-03")
    delete(register, UNSURE)
    put(register, UNSURE, forename="Ayesha", surname="Begum", date_of_birth="2014-05-03")
    found = of_record(register, UNSURE)
    told = [(one.kind, one.child_id, tuple(one.fields)) for one in found]
    assert told == [
        ("record_said", None, ("role", "forename", "surname", "date_of_birth")),
        ("child_joined", old, ()),
        ("child_left", old, ()),
        ("child_joined", child, ()),
        ("record_said", None, ("forename",)),
        ("record_gone", None, ()),
        ("child_left", child, ()),
        ("record_said", None, ("role", "forename", "surname", "date_of_birth")),
        ("child_joined", child, ()),
    ]
    assert [one.extract is None for one in found if one.kind == "record_said"] == [
        False,
        True,
        True,
    ]


def test_a_record_of_a_source_that_may_not_be_seen_has_no_history(register: Reviewed) -> None:
    with seen(register.engine, sources=["school"]) as (connection, view):
        number = record_number(connection, *CLINIC)
        assert number is not None
        with pytest.raises(AccessError):
            record_history(connection, view, "clinic", number)


def test_where_a_shielded_childs_record_was_is_not_told(register: Reviewed) -> None:
    register.shield(SCHOOL)
    said = [one for one in of_record(register, CLINIC) if one.kind == "record_said"]
    assert said
    assert not any({"address", "postcode"} & {*one.values, *one.fields} for one in said)


def test_neither_side_of_an_adoption_leads_to_the_other(register: Reviewed) -> None:
    child = register.child(SCHOOL)
    register.sever([SCHOOL], [CLINIC, SOCIAL])
    sides = {register.child(SCHOOL): [SCHOOL], register.child(CLINIC): [CLINIC, SOCIAL]}
    for side, own in sides.items():
        for one in of_child(register, side):
            assert set(one.children) <= {side}
            assert one.source is None or (one.source, one.record_id) in own
    (moved,) = set(sides) - {child}
    for key in sides[moved]:
        assert {one.child_id for one in of_record(register, key)} == {None, moved}


def test_a_child_that_both_sides_went_through_is_in_neither_records_history(
    register: Reviewed,
) -> None:
    register.say("match", UNSURE, NOAH)
    through = register.child(UNSURE)
    register.take_back(register.decisions()[-1])
    sides = [UNSURE, NOAH]
    stayed = [key for key in sides if register.child(key) == through]
    left = [key for key in sides if register.child(key) != through]
    register.sever([UNSURE], [NOAH])
    for key in left:
        assert through not in {one.child_id for one in of_record(register, key)}
    for key in stayed:
        assert through in {one.child_id for one in of_record(register, key)}
    assert left


def test_that_a_shielded_child_moved_is_told_to_nobody_who_is_not_cleared(
    register: Reviewed,
) -> None:
    register.shield(SCHOOL)
    other = {"surname": "Malick", "address": "8 Dale Rd", "postcode": "OL9 5BB"}
    register.load_people(
        [{**one, **other} if (one["source"], one["record_id"]) in AISHA else one for one in PEOPLE]
    )
    child = register.child(SCHOOL)
    for cleared, told in ((False, set()), (True, PLACES)):
        with seen(register.engine, cleared=cleared) as (connection, view):
            entries = child_history(connection, view, child)
            fields = changed_fields(connection, child, view)
        assert {"surname"} | told <= set(entries[-1].fields)
        assert {"surname"} | told <= fields
        assert PLACES & {name for one in entries for name in one.fields} == told
        assert PLACES & fields == told
    with reading(register.engine) as connection:
        assert not PLACES & changed_fields(connection, child, None)


def changed_fields(connection: Connection, child: str, view: View | None) -> set[str]:
    """What the feed says was changed of a child, without the fields' sources."""
    feed = read_feed(connection, after=0, limit=1000, view=view)
    own = [one.detail["fields"] for one in feed.events
           if one.child_id == child and one.kind == "values_changed" and one.detail]  # fmt: skip
    return {name.removesuffix("_source") for names in own for name in names}
