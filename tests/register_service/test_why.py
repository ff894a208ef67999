"""Why records are one child: the numbers of the run, compared again where none are kept."""

import pytest
from sqlalchemy import Engine, select, update

from api.db.engine import reading, writing
from api.db.models import Membership, Pair
from api.services.register.apart import kept_apart
from api.services.register.history import Member, child_of, members_of
from api.services.register.past_links import links_as_of
from api.services.register.why import Explained, why_child, why_record
from tests.register_service.registers import Key
from tests.register_service.reviewed import AISHA, NOAH, UNSURE, Reviewed
from tests.register_service.seen import put, seen
from tests.register_service.towns import load_town, town_files
from tests.review.desk import SOURCES, viewer

SCHOOL, CLINIC, SOCIAL = AISHA


def why(register: Reviewed, key: Key, **who: object) -> list[Explained]:
    with seen(register.engine, **who) as (connection, view):  # type: ignore[arg-type]
        child = child_of(connection, *key)
        assert child is not None
        members, _ = members_of(connection, child)
        record = next(one for one in members if one[:2] == key)
        return why_record(connection, view, child, record)


def test_a_weight_is_the_number_of_the_links_and_the_sum_of_its_parts(engine: Engine) -> None:
    load_town(engine, town_files())
    with seen(engine) as (connection, view):
        links = links_as_of(connection, None, view)
        number = {(r.source_l, r.record_id_l, r.source_r, r.record_id_r): r.match_weight
                  for r in links.itertuples() if r.designation == "link"}  # fmt: skip
        children = connection.scalars(
            select(Membership.child).where(Membership.to_run.is_(None)).distinct()
        ).all()
        shown = [one for child in sorted(children) for one in why_child(connection, view, child)]
    found = {(*one.l[:2], *one.r[:2]): round(one.weight, 3) for one in shown}
    assert found == pytest.approx(number)
    for one in shown:
        parts = sum(part.weight for part in one.parts if part.weight is not None)
        assert one.weight == pytest.approx(one.prior + one.company + parts, abs=1e-9)
        assert 0 < one.probability <= 1


def test_a_record_is_explained_beside_each_other_record_of_its_child(register: Reviewed) -> None:
    found = why(register, SCHOOL)
    assert [(one.l[:2], one.r[:2]) for one in found] == [(CLINIC, SCHOOL), (SCHOOL, SOCIAL)]
    forename = next(part for part in found[0].parts if part.comparison == "forename")
    assert forename.sentence == "forename is the same"
    assert forename.weight > 0
    absent = next(part for part in found[0].parts if part.comparison == "nhs_number")
    assert (absent.level, absent.sentence, absent.weight) == (None, None, 0.0)


def test_two_that_a_person_joined_are_explained_with_what_was_said(register: Reviewed) -> None:
    register.say("non_match", UNSURE, SOCIAL)
    register.take_back(register.decisions()[-1])
    register.say("match", UNSURE, SOCIAL)
    said = {frozenset((one.l[:2], one.r[:2])): one for one in why(register, UNSURE)}
    one = said[frozenset((UNSURE, SOCIAL))]
    assert [(d.kind, d.in_force, d.by) for d in one.decisions] == [
        ("non_match", False, "reviewer"),
        ("match", True, "reviewer"),
    ]
    assert one.link
    assert not any(other.decisions for ends, other in said.items() if SOCIAL not in ends)


def test_a_pair_that_is_not_kept_is_compared_as_a_run_would(register: Reviewed) -> None:
    strangers = ("census", "2")
    register.say("match", strangers, CLINIC)
    with reading(register.engine) as connection:
        ids = register.ids(connection)
        kept = connection.execute(
            select(Pair.l).where(Pair.l.in_([ids[strangers]]), Pair.r.in_([ids[SOCIAL]]))
        ).all()
    assert kept == []
    one = next(one for one in why(register, strangers) if SOCIAL in (one.l[:2], one.r[:2]))
    assert one.weight < 0
    parts = sum(part.weight for part in one.parts if part.weight is not None)
    assert one.weight == pytest.approx(one.prior + parts)
    assert one.company == 0.0
    assert not one.link and one.because == "weak"


@pytest.mark.parametrize(
    ("found", "because"), [({"rival": 1}, "rival"), ({"apart": 1, "rival": 1}, "apart"), ({}, None)]
)
def test_why_the_model_did_not_link_what_weighs_enough_is_told(
    register: Reviewed, found: dict[str, int], because: str | None
) -> None:
    with writing(register.engine) as connection:
        ids = register.ids(connection)
        own = Pair.l.in_([ids[SCHOOL], ids[CLINIC]]), Pair.r.in_([ids[SCHOOL], ids[CLINIC]])
        connection.execute(update(Pair).where(*own).values(link=0, **found))
    one = next(one for one in why(register, SCHOOL) if CLINIC in (one.l[:2], one.r[:2]))
    assert (one.link, one.because) == (False, because)


def test_what_may_not_be_seen_has_no_sentence_and_counts_in_no_weight(register: Reviewed) -> None:
    told = {"forename": "Aisha", "surname": "Malik", "date_of_birth": "2014-05-03"}
    for key in (CLINIC, SCHOOL):
        put(register, key, **told, address="2 Mill Rd", postcode="OL1 1AA", upn="B801200005001")
    register.shield(CLINIC)
    both = next(one for one in why(register, SCHOOL) if CLINIC in (one.l[:2], one.r[:2]))
    hidden = {part.comparison: part for part in both.parts if part.hidden}
    assert {"upn", "home", "household"} == set(hidden)
    assert all(
        (part.sentence, part.level, part.weight) == (None, None, None) for part in hidden.values()
    )
    assert both.withheld and both.because is None
    visible = sum(part.weight for part in both.parts if part.weight is not None)
    assert both.weight == pytest.approx(both.prior + both.company + visible)
    assert not {"forename", "surname", "date_of_birth"} & set(hidden)
    cleared = next(
        one for one in why(register, SCHOOL, cleared=True) if CLINIC in (one.l[:2], one.r[:2])
    )
    assert {part.comparison for part in cleared.parts if part.hidden} == {"upn", "household"}
    assert cleared.weight > both.weight


def test_no_weight_tells_whether_a_guess_is_right(register: Reviewed) -> None:
    told = {"forename": "Aisha", "surname": "Malik", "date_of_birth": "2014-05-03"}
    home = {"address": "2 Mill Rd", "postcode": "OL1 1AA"}
    put(register, CLINIC, **told, **home, upn="B801200005001")
    register.shield(CLINIC)

    def weight(**guess: str) -> float:
        put(register, SCHOOL, **told, **guess)
        (own,) = [one for one in why(register, SCHOOL) if CLINIC in (one.l[:2], one.r[:2])]
        assert own.withheld
        return own.weight

    wrong = weight(address="9 Ash Gr", postcode="OL4 3PP", upn="B801200005002")
    assert weight(**home, upn="B801200005001") == pytest.approx(wrong)


def test_records_of_sources_that_may_not_be_seen_are_left_out(register: Reviewed) -> None:
    found = why(register, SCHOOL, sources=["school", "social"])
    assert [(one.l[:2], one.r[:2]) for one in found] == [(SCHOOL, SOCIAL)]


def test_links_of_a_child_come_in_pages(register: Reviewed) -> None:
    with seen(register.engine) as (connection, view):
        child = register.child(SCHOOL)
        whole = why_child(connection, view, child)
        first = why_child(connection, view, child, limit=1)
        rest = why_child(connection, view, child, after=(first[0].l.record, first[0].r.record))
    assert len(whole) == 3
    assert [*first, *rest] == whole
    assert isinstance(whole[0].l, Member)


def test_what_keeps_records_apart_from_other_children_is_told_as_far_as_both_may_be_seen(
    register: Reviewed,
) -> None:
    school, clinic, social = AISHA
    made = register.say("non_match", school, clinic)
    own, other = register.child(school), register.child(clinic)
    assert own != other

    def told(child: str, sources: tuple[str, ...] = SOURCES) -> list[tuple[int, Key, Key, str]]:
        with reading(register.engine) as connection:
            found = kept_apart(connection, viewer(sources), child)
        return [(one.id, one.own[:2], one.other[:2], one.child) for one in found]

    assert told(own) == [(made, school, clinic, other)]
    assert told(other) == [(made, clinic, school, own)]
    assert told(own, ("school", "social")) == told(other, ("clinic",)) == []
    register.say("non_match", social, NOAH)
    assert [one[2] for one in told(register.child(social))].count(NOAH) == 1
    register.sever([NOAH], [social])
    assert NOAH not in [one[2] for one in told(register.child(social))]
    register.take_back(made)
    assert register.child(school) == register.child(clinic)
    assert told(register.child(school)) == []
