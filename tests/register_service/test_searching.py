"""Records and children are found by the criteria of the workbench, and listed by base system."""

from typing import Any

import pytest
from sqlalchemy import event

from api.db.engine import reading, writing
from api.services.register.criteria import Criterion
from api.services.register.resembling import Resemblances, resembling
from api.services.register.searching import (
    Page,
    Sort,
    count_found,
    count_records,
    search_records,
)
from api.services.register.searching_children import search_children
from api.services.register.single import delete_record, put_record
from api.services.register.states import State
from matcher.errors import DataError
from tests.register_service.registers import NOW, Key, shipped
from tests.register_service.reviewed import AISHA, NAMESAKES, NOAH, PEOPLE, UNSURE, Reviewed
from tests.register_service.seen import seen

SCHOOL, CLINIC, SOCIAL = AISHA
NAMES = {"forename": "Aisha", "surname": "Malik"}
OTHERS = [("registry", one["record_id"]) for one in NAMESAKES]
HOME = {"postcode": "OL1 1AA", "address": "2 Mill Rd"}
BORN_ANYHOW = {Criterion.BORN, Criterion.BORN_SWAPPED}
BOTH_NAMES = {Criterion.FORENAME_4, Criterion.SURNAME_4}


def search(
    register: Reviewed, values: dict[str, str] | None = None, *criteria: Criterion, **options: Any
) -> list[Key]:
    with reading(register.engine) as connection:
        return keys(search_records(connection, values, criteria, **options))


def keys(page: Page) -> list[Key]:
    return [(one.source, one.record_id) for one in page.records]


def resemblances(
    register: Reviewed, record: Key, *criteria: Criterion, **options: Any
) -> Resemblances:
    cleared = options.pop("cleared", False)
    with seen(register.engine, cleared=cleared) as (connection, view):
        return resembling(connection, record, criteria, view=view, **options)


@pytest.mark.parametrize(
    ("values", "criteria", "found"),
    [
        (NAMES, [], AISHA),
        ({"forename": "Aish"}, [], []),
        ({"forename": "Aishwarya"}, [Criterion.FORENAME_4], [*AISHA, UNSURE, *OTHERS]),
        ({"surname": "Malikova"}, [Criterion.SURNAME_4], AISHA),
        ({"surname": "Malikova"}, [], []),
        ({"forename": "Malik", "surname": "Aisha"}, BOTH_NAMES, []),
        ({"forename": "Malik", "surname": "Aisha"}, [*BOTH_NAMES, Criterion.NAMES_SWAPPED], AISHA),
        (NAMES, [*BOTH_NAMES, Criterion.NAMES_SWAPPED], AISHA),
        (NAMES, [Criterion.NAMES_SWAPPED], []),
        ({"date_of_birth": "2014-05-03"}, [Criterion.BORN], [*AISHA, UNSURE]),
        ({"date_of_birth": "2014-03-05"}, [Criterion.BORN], []),
        (
            {"date_of_birth": "2014-03-05"},
            [*BORN_ANYHOW],
            [*AISHA, UNSURE],
        ),
        ({"date_of_birth": "2014-05-03"}, [Criterion.BORN_SWAPPED], []),
        ({"surname": "Quigley", "date_of_birth": "2011-11-20"}, [*BORN_ANYHOW], [NOAH]),
        ({"date_of_birth": "2011-11-20"}, [Criterion.BORN_SWAPPED], []),
        ({"postcode": "ol11aa"}, [Criterion.POSTCODE], AISHA),
        ({"address": "2 MILLSTONE STREET"}, [Criterion.ADDRESS_5], AISHA),
        ({"forename": "Aisha", **HOME}, [], AISHA),
        ({"forename": "Noah", **HOME}, [], []),
        ({"record_id": "3"}, [], [UNSURE]),
    ],
)
def test_records_agree_by_every_criterion(
    register: Reviewed, values: dict[str, str], criteria: list[Criterion], found: list[Key]
) -> None:
    assert sorted(search(register, values, *criteria)) == sorted(found)


def test_records_are_found_by_their_identifiers(register: Reviewed) -> None:
    numbered = {"nhs_number": "9434765919", "upn": "B801200005001"}
    with writing(register.engine) as connection:
        put_record(
            connection, shipped(), source="school", record_id="1", as_of=None, by="s", now=NOW,
            values={**NAMES, **numbered},
        )  # fmt: skip
    for name, value in numbered.items():
        assert search(register, {name: value}) == [SCHOOL]
    assert search(register, {"nhs_number": "9990000018"}) == []


def test_a_prefix_alone_finds_the_names_that_begin_with_it(register: Reviewed) -> None:
    people = [("registry", "1"), ("social", "2"), ("registry", "3")]
    born = ("2014-05-03", "2010-01-09", "2012-12-24")
    for key, forename, day in zip(people, ("Muhammad Ismail", "Md", "Ismail"), born, strict=True):
        values = {"forename": forename, "surname": "Buttleworth", "date_of_birth": day}
        with writing(register.engine) as connection:
            put_record(
                connection, shipped(), source=key[0], record_id=key[1], as_of=None, by="s",
                now=NOW, values=values,
            )  # fmt: skip
    for typed, found in (
        ("Mohammed", people[:2]),
        ("Ismail", people[::2]),
        ("Muhammad Ismail", people[::2]),
    ):
        for criteria in ([], [Criterion.FORENAME_4], [*BOTH_NAMES, Criterion.NAMES_SWAPPED]):
            values = {"forename": typed, "surname": "Buttleworth"}
            assert sorted(search(register, values, *criteria)) == sorted(found)
    with reading(register.engine) as connection:
        alone = search_children(connection, {"forename": "Muhammad"}).children
    assert {register.child(one) for one in people[:2]} <= {one.child_id for one in alone}
    kept = register.search_entries()
    register.link_anew()
    assert register.search_entries() == kept
    similar = resemblances(register, ("social", "2"), *BOTH_NAMES).by_source["registry"]
    assert [one.record.record_id for one in similar.records] == ["1"]


def test_a_base_systems_records_are_listed_by_state_and_counted(register: Reviewed) -> None:
    assert set(search(register, source="clinic")) == {CLINIC, UNSURE}
    assert search(register, source="clinic", state=State.MATCHED) == [CLINIC]
    assert search(register, source="clinic", state=State.UNMATCHED) == [UNSURE]
    possible = search(register, source="clinic", state=State.POSSIBLE)
    assert UNSURE in possible
    with reading(register.engine) as connection:
        counts = count_records(connection, "clinic")
    assert counts.by_state == {
        State.ALL: 2, State.MATCHED: 1, State.UNMATCHED: 1,
        State.POSSIBLE: len(possible), State.CHECKED: 0,
    }  # fmt: skip
    assert counts.by_source == {"census": 0, "registry": 0, "school": 1, "social": 1}


@pytest.mark.parametrize(
    ("seen", "matched"),
    [(None, 1), (["census", "clinic", "registry", "school", "social"], 1), (["clinic"], 1),
     (["social"], 1), (["census"], 0), ([], 0)],
)  # fmt: skip
def test_systems_that_are_not_seen_do_not_make_a_record_a_matched_one(
    register: Reviewed, seen: list[str] | None, matched: int
) -> None:
    for state, expected in ((State.MATCHED, matched), (State.UNMATCHED, 1 - matched)):
        found = search(register, source="school", state=state, seen=seen)
        assert found == [SCHOOL] * expected
        with reading(register.engine) as connection:
            counts = count_records(connection, "school", seen=seen)
            number = count_found(connection, NAMES, [], source="school", state=state, seen=seen)
        assert number == counts.by_state[state] == expected
        assert seen is None or set(counts.by_source) <= set(seen)


def test_a_possible_link_waits_for_those_who_may_see_both_of_its_records(
    register: Reviewed,
) -> None:
    mine = {"source": "clinic", "state": State.POSSIBLE}
    every = ["census", "clinic", "registry", "school", "social"]
    for seen_, expected in ((every, [UNSURE, CLINIC]), (["clinic"], []), (every[2:], [])):
        assert sorted(search(register, **mine, seen=seen_)) == sorted(expected)
        with reading(register.engine) as connection:
            counts = count_records(connection, "clinic", seen=seen_)
        assert counts.by_state[State.POSSIBLE] == len(expected)


def test_a_listed_record_tells_which_systems_hold_its_child(register: Reviewed) -> None:
    with reading(register.engine) as connection:
        (one,) = search_records(connection, source="school").records
    assert one.held == ("school", "clinic", "social")
    assert one.child_id == register.child(SCHOOL)
    assert (one.forename, one.surname, one.address) == ("Aisha", "Malik", "2 Mill Rd")


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("descending", [False, True])
def test_pages_follow_one_another_without_a_gap(
    register: Reviewed, sort: Sort, descending: bool
) -> None:
    with reading(register.engine) as connection:
        whole = search_records(connection, sort=sort, descending=descending, limit=1_000)
        pages: list[Any] = []
        after = None
        while after is not None or not pages:
            page = search_records(
                connection, sort=sort, descending=descending, after=after, limit=40
            )
            pages += page.records
            after = page.after
    assert tuple(pages) == whole.records
    assert len(pages) == 157
    assert whole.after is None
    named = [
        {
            Sort.SURNAME: one.surname or "",
            Sort.FORENAME: one.forename or "",
            Sort.DATE_OF_BIRTH: str(one.date_of_birth),
        }[sort].upper()
        for one in pages
    ]
    assert named == sorted(named, reverse=descending)


def test_children_are_found_once_however_many_records_agree(register: Reviewed) -> None:
    with reading(register.engine) as connection:
        found = search_children(connection, {"date_of_birth": "2014-05-03"})
        first = search_children(connection, {"date_of_birth": "2014-05-03"}, limit=1)
        rest = search_children(connection, {"date_of_birth": "2014-05-03"}, after=first.after)
    children = [one.child_id for one in found.children]
    assert set(children) == {register.child(SCHOOL), register.child(UNSURE)}
    assert len(children) == 2
    assert first.children + rest.children == found.children
    aisha = next(one for one in found.children if one.child_id == register.child(SCHOOL))
    assert aisha.values["postcode"] == "OL1 1AA"


def test_possible_matches_are_told_system_by_system_with_known_weights(
    register: Reviewed,
) -> None:
    found = resemblances(register, UNSURE, Criterion.FORENAME_4, Criterion.BORN)
    assert {name: one.count for name, one in found.by_source.items()} == {
        "census": 0, "registry": 0, "school": 1, "social": 1,
    }  # fmt: skip
    waiting = {item.l: item.weight for item in register.queue()} | {
        item.r: item.weight for item in register.queue()
    }
    told = {
        (one.record.source, one.record.record_id): one.weight
        for system in found.by_source.values()
        for one in system.records
    }
    known = waiting.keys() & told.keys()
    assert known
    assert all(told[key] == waiting[key] for key in known)


def test_a_criterion_that_the_record_has_no_value_for_is_left_out(register: Reviewed) -> None:
    found = resemblances(register, UNSURE, Criterion.BORN, Criterion.POSTCODE)
    assert found.left_out == (Criterion.POSTCODE,)
    assert found.by_source["school"].count == 1
    nothing = resemblances(register, UNSURE, Criterion.POSTCODE)
    assert all(one.count == 0 for one in nothing.by_source.values())


def test_records_of_the_same_child_are_no_possible_matches(register: Reviewed) -> None:
    found = resemblances(register, SCHOOL, *BOTH_NAMES)
    assert all(one.count == 0 for one in found.by_source.values())


def test_a_shielded_child_is_not_found_by_place_and_its_place_is_not_told(
    register: Reviewed,
) -> None:
    register.shield(SCHOOL)
    for criterion in (Criterion.POSTCODE, Criterion.ADDRESS_5):
        assert search(register, HOME, criterion) == []
        assert set(search(register, HOME, criterion, cleared=True)) == set(AISHA)
    assert search(register, {"postcode": HOME["postcode"]}) == []
    with reading(register.engine) as connection:
        assert search_children(connection, HOME).children == ()
        by_name = search_records(connection, NAMES).records
        (child,) = search_children(connection, NAMES).children
        told = search_records(connection, NAMES, cleared=True).records
    assert {(one.postcode, one.address, one.location_hidden) for one in by_name} == {
        (None, None, True)
    }
    assert not any(name.startswith(("postcode", "address")) for name in child.values)
    assert {one.postcode for one in told} == {"OL1 1AA"}


def test_the_place_of_a_shielded_record_is_not_compared_with_others(register: Reviewed) -> None:
    neighbour = {**PEOPLE[3], "source": "school", "record_id": "8", **HOME}
    register.load_people([*PEOPLE, neighbour])
    assert resemblances(register, CLINIC, Criterion.POSTCODE).by_source["school"].count == 1
    register.shield(SOCIAL)
    hidden = resemblances(register, CLINIC, Criterion.POSTCODE)
    assert hidden.left_out == (Criterion.POSTCODE,)
    assert all(one.count == 0 for one in hidden.by_source.values())
    assert (
        resemblances(register, ("school", "8"), Criterion.POSTCODE).by_source["clinic"].count == 0
    )
    weighed = resemblances(register, UNSURE, Criterion.FORENAME_4).by_source["school"].records
    assert [one.weight for one in weighed] == [None]
    cleared = resemblances(register, CLINIC, Criterion.POSTCODE, cleared=True)
    assert cleared.by_source["school"].count == 1


def test_severed_children_are_never_the_answer_to_one_search(register: Reviewed) -> None:
    register.sever([SCHOOL], [CLINIC, SOCIAL])
    assert search(register, NAMES) == []
    assert search(register, NAMES, source="school") == []
    with reading(register.engine) as connection:
        assert search_children(connection, NAMES).children == ()
    assert search(register, {**NAMES, "record_id": "1"}) == []
    for record in AISHA:
        found = resemblances(register, record, *BOTH_NAMES)
        assert all(one.count == 0 for one in found.by_source.values())
    assert SCHOOL in search(register, limit=1_000)


def test_a_record_put_or_deleted_is_found_at_once_or_no_more(register: Reviewed) -> None:
    with writing(register.engine) as connection:
        put_record(
            connection, shipped(), source="clinic", record_id="77", as_of=None, by="c", now=NOW,
            values={**NAMES, "date_of_birth": "2014-05-03", **HOME},
        )  # fmt: skip
    assert set(search(register, NAMES)) == {*AISHA, ("clinic", "77")}
    assert ("clinic", "77") in search(register, source="clinic", state=State.MATCHED)
    with writing(register.engine) as connection:
        delete_record(connection, shipped(), source="clinic", record_id="77", by="clinic", now=NOW)
    assert set(search(register, NAMES)) == set(AISHA)


def test_what_cannot_be_searched_by_is_refused_without_repeating_it(register: Reviewed) -> None:
    for values, criteria, why in (
        ({"forename": "Baby"}, [], "forename"),
        ({"postcode": "ZZ99 3VZ"}, [], "postcode"),
        ({"date_of_birth": "Aisha"}, [], "date_of_birth"),
        ({"Malik": "x"}, [], "no such value"),
        ({"forename": "Aisha"}, [Criterion.POSTCODE], "postcode"),
        ({"forename": "Aisha"}, [Criterion.NAMES_SWAPPED], "names_swapped"),
    ):
        with pytest.raises(DataError, match=why) as refused:
            search(register, values, *criteria)
        assert not any(value in str(refused.value) for value in ("Baby", "ZZ99", "Aisha", "Malik"))
    with pytest.raises(DataError, match="no such source"):
        search(register, source="nowhere")
    with pytest.raises(DataError, match="begin it again"):
        search(register, after=10**9)


def test_a_list_takes_few_queries_however_long_it_is(register: Reviewed) -> None:
    counts = []
    for limit in (1, 100):
        statements: list[object] = []
        with reading(register.engine) as connection:
            search_records(connection, {"forename": "Aisha"}, limit=limit)
            event.listen(
                connection, "before_cursor_execute", lambda *_, to=statements: to.append(_)
            )
            search_records(connection, {"forename": "Aisha"}, limit=limit)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 8
