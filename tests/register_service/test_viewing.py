"""A child, its records and its family, as somebody may see them."""

import pytest

from api.services.access.caller import AccessError
from api.services.register.changes import record_history
from api.services.register.families import view_family
from api.services.register.history import Standing
from api.services.register.reading import last_run
from api.services.register.viewing import record_number, view_child, view_record, view_records
from tests.register_service.reviewed import AISHA, NOAH, UNSURE, Reviewed
from tests.register_service.seen import delete, put, seen

SCHOOL, CLINIC, SOCIAL = AISHA
AISHA_SAYS = {
    "forename": "Aisha",
    "surname": "Malik",
    "date_of_birth": "2014-05-03",
    "sex": "F",
    "address": "2 Mill Rd",
    "postcode": "OL1 1AA",
}


def test_a_child_is_shown_with_the_source_of_each_value_and_its_records(
    register: Reviewed,
) -> None:
    child = register.child(SCHOOL)
    with seen(register.engine) as (connection, view):
        found = view_child(connection, view, child)
        assert found is not None
        assert found.standing.standing is Standing.CURRENT
        assert found.golden["forename"] == ("Aisha", "clinic")
        assert found.golden["postcode"] == ("OL1 1AA", "clinic")
        assert "upn" not in found.golden
        assert [one[:2] for one in found.records] == sorted(AISHA)
        assert (found.shielded, found.location_hidden) == (False, False)
        assert view_child(connection, view, "0000000000000") is None


def test_sources_that_may_not_be_seen_leave_neither_records_nor_values(
    register: Reviewed,
) -> None:
    child = register.child(SCHOOL)
    with seen(register.engine, sources=["school"]) as (connection, view):
        found = view_child(connection, view, child)
        assert found is not None
        assert [one[:2] for one in found.records] == [SCHOOL]
        assert found.golden == {}
        assert [one.key[:2] for one in view_records(connection, view, child)] == [SCHOOL]
        with pytest.raises(AccessError):
            view_record(connection, view, *CLINIC)


def test_a_field_is_seen_only_for_its_own_purposes(register: Reviewed) -> None:
    put(register, CLINIC, **AISHA_SAYS, upn="B801200005001")
    with seen(register.engine) as (connection, view):
        found = view_record(connection, view, *CLINIC)
        assert found is not None
        assert found.values["forename"] == "Aisha"
        assert "upn" not in found.values


def test_records_come_in_order_of_key_and_in_pages(register: Reviewed) -> None:
    child = register.child(SCHOOL)
    with seen(register.engine) as (connection, view):
        first = view_records(connection, view, child, limit=2)
        rest = view_records(connection, view, child, after=first[-1].key[:2])
        assert [one.key[:2] for one in [*first, *rest]] == sorted(AISHA)
        assert first[0].values["address"] == "2 Mill Rd"
        assert str(first[0].as_of) == "2024-09-01"


def test_where_a_shielded_child_lives_is_seen_by_those_who_are_cleared(
    register: Reviewed,
) -> None:
    child = register.child(SCHOOL)
    register.shield(CLINIC)
    for cleared in (False, True):
        with seen(register.engine, cleared=cleared) as (connection, view):
            found = view_child(connection, view, child)
            record = view_record(connection, view, *SCHOOL)
            assert found is not None
            assert record is not None
            assert found.shielded
            assert found.location_hidden is not cleared
            assert ("address" in found.golden) is cleared
            assert ("postcode" in record.values) is cleared
            listed = view_records(connection, view, child)
            assert all(("address" in one.values) is cleared for one in listed)
            assert all(one.location_hidden is not cleared for one in listed)


def test_a_child_as_of_a_run_is_as_it_was_then(register: Reviewed) -> None:
    before = register.child(UNSURE)
    with seen(register.engine) as (connection, view):
        then = last_run(connection)
    register.say("match", UNSURE, CLINIC)
    after = register.child(CLINIC)
    assert before != after
    with seen(register.engine) as (connection, view):
        now = view_child(connection, view, before)
        assert now is not None
        assert now.standing.standing is Standing.MERGED
        assert now.standing.successors == (after,)
        assert (now.golden, list(now.records)) == ({}, [])
        old = view_child(connection, view, before, as_of_run=then)
        assert old is not None
        assert old.standing.standing is Standing.CURRENT
        assert [one[:2] for one in old.records] == [UNSURE]
        assert old.golden["surname"] == ("Begum", "clinic")
        gone = view_child(connection, view, before, as_of_run=then + 1)
        assert gone is not None
        assert gone.standing.successors == (after,)
        assert gone.standing.to_run == then + 1


def test_a_child_that_was_not_founded_yet_is_none(register: Reviewed) -> None:
    with seen(register.engine) as (connection, view):
        then = last_run(connection)
    put(register, ("clinic", "77"), forename="Zebedee", surname="Young", date_of_birth="2013-02-11")
    child = register.child(("clinic", "77"))
    with seen(register.engine) as (connection, view):
        assert view_child(connection, view, child) is not None
        assert view_child(connection, view, child, as_of_run=then) is None


def test_of_two_severed_identities_neither_shows_the_other_as_of_any_run(
    register: Reviewed,
) -> None:
    child = register.child(SCHOOL)
    with seen(register.engine) as (connection, view):
        then = last_run(connection)
    register.sever([SCHOOL], [CLINIC, SOCIAL])
    with seen(register.engine) as (connection, view):
        for run in (then, None):
            found = view_child(connection, view, child, as_of_run=run)
            assert found is not None
            shown = {one[:2] for one in found.records}
            assert shown in ({SCHOOL}, {CLINIC, SOCIAL})
            listed = view_records(connection, view, child, as_of_run=run)
            assert {one.key[:2] for one in listed} == shown
        then_shown = view_child(connection, view, child, as_of_run=then)
        assert then_shown is not None
        assert then_shown.golden == {}


def test_a_record_as_of_a_run_says_what_it_said_and_one_that_is_gone_nothing(
    register: Reviewed,
) -> None:
    with seen(register.engine) as (connection, view):
        then = last_run(connection)
    delete(register, UNSURE)
    with seen(register.engine) as (connection, view):
        assert view_record(connection, view, *UNSURE) is None
        old = view_record(connection, view, *UNSURE, as_of_run=then)
        assert old is not None
        assert old.values["surname"] == "Begum"
        assert view_record(connection, view, "clinic", "never") is None


def a_family(register: Reviewed) -> None:
    """Aisha, her brother and her mother, as the clinic knows them, and a neighbour."""
    put(register, CLINIC, **AISHA_SAYS, family_id="F1")
    brother = {"forename": "Idris", "surname": "Malik", "date_of_birth": "2016-01-09", "sex": "M"}
    put(register, ("clinic", "20"), **brother, address="2 Mill Rd", family_id="F1")
    put(register, ("clinic", "21"), forename="Nadia", surname="Malik", role="carer", family_id="F1")
    put(register, ("school", "22"), forename="Omar", surname="Malik", family_id="F1")


def test_family_is_who_shares_a_family_id_of_one_source(register: Reviewed) -> None:
    a_family(register)
    child = register.child(SCHOOL)
    with seen(register.engine) as (connection, view):
        found = view_family(connection, view, child)
        assert [(one.role, one.key[:2]) for one in found.relatives] == [
            ("child", ("clinic", "20")),
            ("carer", ("clinic", "21")),
        ]
        brother, mother = found.relatives
        assert brother.child_id == register.child(("clinic", "20"))
        assert mother.child_id is None
        assert brother.values["forename"] == "Idris"
        assert "address" not in brother.values
        assert view_family(connection, view, register.child(NOAH)).relatives == []


def test_a_shielded_child_and_its_family_do_not_lead_to_each_other(register: Reviewed) -> None:
    a_family(register)
    register.shield(SCHOOL)
    child, brother = register.child(SCHOOL), register.child(("clinic", "20"))
    with seen(register.engine) as (connection, view):
        found = view_family(connection, view, child)
        assert (list(found.relatives), found.location_hidden) == ([], True)
        known = view_family(connection, view, brother)
        assert [one.key[:2] for one in known.relatives] == [("clinic", "21")]
    with seen(register.engine, cleared=True) as (connection, view):
        assert len(view_family(connection, view, child).relatives) == 2


def test_what_leads_to_a_shielded_child_by_its_family_is_hidden_from_who_is_not_cleared(
    register: Reviewed,
) -> None:
    a_family(register)
    mother = ("clinic", "21")
    of_mother = {"forename": "Nadia", "role": "carer", "address": "2 Mill Rd"}
    put(register, mother, **of_mother, family_id="F1")
    put(register, ("school", "23"), **of_mother, family_id="F1")
    register.shield(SCHOOL)
    for cleared, places in ((False, set()), (True, {"address", "family_id"})):
        with seen(register.engine, cleared=cleared) as (connection, view):
            for key in (CLINIC, mother):
                found = view_record(connection, view, *key)
                assert found is not None and found.location_hidden is not cleared
                assert {"address", "family_id"} & found.values.keys() == places
            number = record_number(connection, *mother)
            assert number is not None
            (said, *_) = record_history(connection, view, "clinic", number)
            assert {"family_id"} & said.values.keys() == places & {"family_id"}
            # So it is of a carer who has nothing to do with the child: nothing marks the other.
            other = view_record(connection, view, "school", "23")
            assert other is not None and other.location_hidden is not cleared
            assert {"address", "family_id"} & other.values.keys() == places


def test_a_severed_identity_is_no_family(register: Reviewed) -> None:
    a_family(register)
    register.sever([SCHOOL], [("clinic", "20")])
    with seen(register.engine) as (connection, view):
        found = view_family(connection, view, register.child(SCHOOL))
        assert [one.key[:2] for one in found.relatives] == [("clinic", "21")]
