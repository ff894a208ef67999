"""The workbench tells only what may be told, and keeps what is personal out of addresses."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, select

from api.db.engine import reading, writing
from api.db.models import Agreement, Audit, Decision, Source
from api.rest.service import Service, opened
from api.services.access.roles import Role
from tests.databases import Databases
from tests.register_service.registers import Key, Register, shipped
from tests.register_service.reviewed import AISHA, NOAH, PEOPLE, UNSURE, Reviewed, reviewed
from tests.web.conftest import SignIn, token_in

SCHOOL, CLINIC, SOCIAL = AISHA


@pytest.fixture
def register(databases: Databases, tmp_path: Path) -> Iterator[Reviewed]:
    people = [*PEOPLE, {**PEOPLE[3], "record_id": "9", "forename": "=1+1"}]
    with reviewed(databases, tmp_path, people) as found:
        yield found


@pytest.fixture
def service(register: Reviewed) -> Iterator[Service]:
    with opened(register.engine, shipped()) as found:
        yield found


def number(register: Reviewed, key: Key) -> int:
    with reading(register.engine) as connection:
        return Register.ids(connection)[key]


def page_of(register: Reviewed, key: Key, criteria: str = "criteria=forename4") -> str:
    return f"/matching/records/{number(register, key)}?{criteria}"


def pair_of(register: Reviewed, one: Key, other: Key) -> str:
    low, high = sorted((number(register, one), number(register, other)))
    return f"/matching/pairs/{low}-{high}"


def send(client: TestClient, path: str, **values: Any) -> Any:
    return client.post(path, data={"csrf": token_in(client.get("/account").text), **values})


def decide(client: TestClient, address: str, **values: Any) -> Any:
    """An answer to a pair as it is shown now."""
    return send(client, address, shown=shown_of(client, address), **values)


def shown_of(client: TestClient, address: str) -> str:
    found = re.search(r'name="shown" value="([^"]+)"', client.get(address).text)
    assert found is not None
    return found[1]


def exported(client: TestClient, address: str) -> list[list[str]]:
    answer = send(client, address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def text(page: str) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def test_what_a_list_is_filtered_by_is_in_no_address_and_ends_with_the_sign_in(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    answer = send(client, "/matching", base="clinic", forename="Aisha", surname="Begum",
                  day="3", month="5", year="2014", criteria="none")  # fmt: skip
    place, _, number = answer.headers["location"].partition("&filter=")
    assert place == "/matching?base=clinic"
    number, _, criteria = number.partition("&")
    assert (criteria, len(number)) == ("criteria=none", 16)
    sealed = client.cookies[f"terms-{number}"]
    assert "Begum" not in unquote(sealed)
    page = client.get(answer.headers["location"]).text
    assert "Begum" in page and "Malik" not in page
    other = sign_in(Role.REVIEWER)
    other.cookies.set(f"terms-{number}", sealed)
    page = other.get(answer.headers["location"]).text
    assert "Malik" in page and "The list shows all records" in page


def test_each_tab_has_a_filter_of_its_own_and_exports_what_it_shows(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.ANALYST)
    places = [
        send(client, "/matching", base="clinic", surname=surname).headers["location"]
        for surname in ("Malik", "Begum")
    ]
    for place, surname in zip(places, ("Malik", "Begum"), strict=True):
        assert "filtered: 1" in client.get(place).text
        lines = exported(client, place.replace("/matching?", "/matching/export?"))[1:]
        assert [line[2] for line in lines] == [surname]
    for _ in range(12):
        send(client, "/matching", base="clinic", surname="Aisha")
    assert sum(name.startswith("terms-") for name in client.cookies) == 12
    place = places[0].replace("/matching?", "/matching/export?")
    answer = send(client, place)
    assert (answer.status_code, answer.headers["location"]) == (303, places[0])


@pytest.mark.parametrize("sealed", ["", "x", "a.b.c.d.e", "é"])
def test_a_filter_that_is_not_ours_is_none(
    register: Reviewed, sign_in: SignIn, sealed: str
) -> None:
    client = sign_in(Role.STEWARD)
    cookies = f"sign-in={client.cookies['sign-in']}; terms-1={sealed}"
    answer = client.get("/matching?base=clinic&filter=1", headers={"Cookie": cookies.encode()})
    assert answer.status_code == 200
    assert "Malik" in answer.text


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"forename": "???"}, "forename", "This says nothing that a child could be found by"),
        ({"day": "31", "month": "2", "year": "2014"}, "born-day", "Enter a date of birth"),
        ({"address": "?"}, "address", "This says nothing that a child could be found by"),
        ({"surname": "x" * 500}, "surname", "Enter 100 characters or fewer"),
    ],
)
def test_a_filter_that_can_find_nothing_is_refused_where_it_was_typed(
    register: Reviewed, sign_in: SignIn, values: dict[str, str], field: str, message: str
) -> None:
    answer = send(sign_in(Role.STEWARD), "/matching", base="clinic", **values)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text or f'href="#{field}"' in answer.text
    assert message in answer.text


def test_pages_lead_through_the_whole_list_and_back(register: Reviewed, sign_in: SignIn) -> None:
    client = sign_in(Role.STEWARD)
    for order in ("", "&sort=date_of_birth&order=descending"):
        address, forward = f"/matching?base=registry{order}", []
        while address:
            page = client.get(address).text
            forward.append(rows(page))
            last, address = address, link(page, "next")
        listed = [one for part in forward for one in part]
        assert len(listed) == len(set(listed)) > 100
        assert f"All records in Registry: {len(listed)}" in text(page)
        backward, address = [forward[-1]], link(client.get(last).text, "prev")
        while address:
            page = client.get(address).text
            backward.insert(0, rows(page))
            address = link(page, "prev")
        assert [one for part in backward for one in part] == listed


def rows(page: str) -> list[str]:
    return re.findall(r'href="/matching/records/(\d+)', page)


def link(page: str, rel: str) -> str:
    found = re.search(rf'href="([^"]*)" rel="{rel}"', page)
    return found[1].replace("&amp;", "&") if found else ""


def test_no_address_on_any_page_tells_of_a_person(register: Reviewed, sign_in: SignIn) -> None:
    client = sign_in(Role.STEWARD)
    personal = ("forename", "surname", "date_of_birth", "address", "postcode")
    said = {one.get(name, "").lower() for one in PEOPLE for name in personal} - {""}
    for address in (
        "/matching?base=school",
        "/matching?base=clinic&sort=forename",
        page_of(register, SCHOOL),
        pair_of(register, SCHOOL, UNSURE),
    ):
        page = client.get(address).text
        for one in re.findall(r'(?:href|action|hx-get)="([^"]*)"', page):
            assert not any(value in unquote(one).lower() for value in said), one


def test_where_a_shielded_child_lives_is_hidden_everywhere(
    register: Reviewed, sign_in: SignIn
) -> None:
    register.shield(SCHOOL)
    client = sign_in(Role.ANALYST)
    for address in (
        "/matching?base=school",
        page_of(register, SCHOOL),
        pair_of(register, SCHOOL, CLINIC),
        pair_of(register, SCHOOL, UNSURE),
    ):
        page = client.get(address).text
        assert "Aisha" in page
        assert "2 Mill Rd" not in page and "OL1 1AA" not in page
        assert ("/pairs/" in address) == ("Hidden, and left out of the total" in page)
    assert exported(client, "/matching/export?base=school")[1][4:6] == ["", ""]


def test_only_systems_of_the_purpose_are_told_of(register: Reviewed, sign_in: SignIn) -> None:
    with writing(register.engine) as connection:
        social = select(Source.number).where(Source.name == "social").scalar_subquery()
        connection.execute(delete(Agreement).where(Agreement.source == social))
    client = sign_in(Role.STEWARD)
    for address in ("/matching?base=school", page_of(register, SCHOOL)):
        assert "social" not in client.get(address).text
    assert "social" not in exported(client, "/matching/export?base=school")[0]
    assert client.get("/matching?base=social").status_code == 404
    assert client.get(page_of(register, SOCIAL)).status_code == 404
    assert client.get(pair_of(register, SCHOOL, SOCIAL)).status_code == 404


def test_a_list_is_exported_as_it_stands_and_that_is_noted(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.ANALYST)
    header, *lines = exported(client, "/matching/export?base=census&sort=forename&order=descending")
    assert header == [
        "record_id", "forename", "surname", "date_of_birth", "address", "postcode", "checked",
        "clinic", "registry", "school", "social",
    ]  # fmt: skip
    assert [line[:3] for line in lines] == [["2", "Noah", "Quigley"], ["9", "'=1+1", "Quigley"]]
    assert set(lines[0][6:]) == {"N"}
    with reading(register.engine) as connection:
        note = connection.execute(
            select(Audit.purpose, Audit.detail).where(Audit.action == "list_exported")
        ).one()
    assert note.purpose == "early_years"
    assert note.detail["rows"] == 2 and note.detail["source"] == "census"
    assert "Noah" not in str(note.detail)


def test_an_export_of_a_filtered_list_holds_what_the_list_does(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.ANALYST)
    place = send(client, "/matching", base="census", forename="Noah").headers["location"]
    lines = exported(client, place.replace("/matching?", "/matching/export?"))[1:]
    assert [line[0] for line in lines] == [NOAH[1]]


def test_whoever_may_not_decide_is_shown_no_way_to(register: Reviewed, sign_in: SignIn) -> None:
    page = sign_in(Role.ANALYST).get(page_of(register, SCHOOL)).text
    assert "Details" in page and "Clinic (1)" in text(page)
    assert "Deselect" not in page and "as a match" not in page and "Mark as" not in page
    assert "Export" not in sign_in(Role.REVIEWER).get("/matching?base=school").text


def test_severed_records_are_never_shown_beside_one_another(
    register: Reviewed, sign_in: SignIn
) -> None:
    register.sever([SCHOOL, CLINIC, SOCIAL], [UNSURE])
    client = sign_in(Role.STEWARD)
    assert client.get(pair_of(register, SCHOOL, UNSURE)).status_code == 404
    assert send(client, pair_of(register, SCHOOL, UNSURE), why="x").status_code == 404
    assert "Clinic (0)" in text(client.get(page_of(register, SCHOOL)).text)


def test_a_decision_needs_a_reason_and_nothing_is_entered_without(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.REVIEWER)
    answer = send(client, pair_of(register, SCHOOL, UNSURE), why="  ", kind="match")
    assert answer.status_code == 422 and "Enter a reason" in answer.text
    with reading(register.engine) as connection:
        assert connection.scalar(select(Decision.id)) is None


def test_a_decision_on_a_pair_that_was_decided_since_is_refused(
    register: Reviewed, sign_in: SignIn
) -> None:
    client, address = sign_in(Role.SENIOR_REVIEWER), pair_of(register, SCHOOL, UNSURE)
    shown = shown_of(client, address)
    said = {"kind": "match", "why": "one girl", "shown": shown}
    assert send(client, address, **said).status_code == 303
    again = send(client, address, **said)
    assert again.status_code == 412 and "one girl" in again.text
    assert "Somebody has decided on these 2 records since you saw them" in text(again.text)
    with reading(register.engine) as connection:
        assert len(connection.scalars(select(Decision.id)).all()) == 1


def test_a_match_that_would_put_out_another_record_says_which(
    register: Reviewed, sign_in: SignIn
) -> None:
    client, address = sign_in(Role.REVIEWER), pair_of(register, SCHOOL, UNSURE)
    assert "would hold that child twice" not in client.get(address).text
    register.holds_each_child_once("clinic")
    told = text(client.get(address).text)
    assert "would hold that child twice: Clinic , as 1 and as 3" in told


def test_systems_that_may_not_be_seen_are_counted_in_one_line(
    register: Reviewed, service: Service, sign_in: SignIn
) -> None:
    zara = {"forename": "Zara", "surname": "Hill", "date_of_birth": "2010-01-30", "sex": "F",
            "address": "5 Oak Ln", "postcode": "OL9 9ZZ", "record_id": "z"}  # fmt: skip
    held = ("census", "clinic", "social")
    register.load_people([*PEOPLE, *({**zara, "source": source} for source in held)])
    for source in ("clinic", "social"):
        register.holds_each_child_once(source)
    client, address = sign_in(Role.REVIEWER), pair_of(register, SCHOOL, ("census", "z"))
    assert "Clinic , as 1 and as z Social , as 1 and as z" in text(client.get(address).text)
    seen = select(Source.number).where(Source.name.in_(["school", "census"]))
    with writing(register.engine) as connection:
        connection.execute(delete(Agreement).where(Agreement.source.not_in(seen)))
    told = text(client.get(address).text)
    assert "hold that child twice: 2 systems that you may not see Only one" in told


def test_a_match_that_cannot_hold_with_other_decisions_is_told_before_and_after(
    register: Reviewed, sign_in: SignIn
) -> None:
    register.say("match", SCHOOL, CLINIC, run=False)
    register.say("non_match", CLINIC, UNSURE)
    address, client = pair_of(register, SCHOOL, UNSURE), sign_in(Role.SENIOR_REVIEWER)
    told = text(client.get(address).text)
    assert "cannot hold together with these decisions" in told and told.count("a test") == 2
    # Of a non-match on the two themselves there is nothing to warn: the match goes before it.
    own = text(client.get(pair_of(register, CLINIC, UNSURE)).text)
    assert "cannot hold together" not in own
    answer = decide(client, address, kind="match", why="the same girl")
    assert answer.status_code == 303
    page = text(client.get(answer.headers["location"]).text)
    assert "It cannot hold together with other decisions" in page
    assert "It takes effect when linking has run. Reason: the same girl" in page
    register.run()
    ((_, one, _),) = register.conflicts()
    decisions = text(client.get(page_of(register, one)).text).split("Decisions on this record")[1]
    assert "It is in conflict with other decisions, and is not followed." in decisions


def test_a_decision_that_a_later_one_replaced_is_told_so_without_a_way_to_undo_it(
    register: Reviewed, sign_in: SignIn
) -> None:
    before = register.say("match", SCHOOL, UNSURE)
    after = register.say("non_match", SCHOOL, UNSURE)
    page = sign_in(Role.SENIOR_REVIEWER).get(page_of(register, SCHOOL)).text
    assert "It was replaced by a later one. Reason: a test" in text(page)
    assert f"/matching/decisions/{after}/undo" in page
    assert f"/matching/decisions/{before}/undo" not in page


def test_a_reviewer_takes_back_only_their_own_latest_decision(
    register: Reviewed, sign_in: SignIn
) -> None:
    decision = register.say("match", SCHOOL, UNSURE)
    client = sign_in(Role.REVIEWER)
    undo = f"/matching/decisions/{decision}/undo?record={number(register, SCHOOL)}"
    answer = send(client, undo, why="wrong")
    assert answer.status_code == 422 and "Ask a senior reviewer" in answer.text
    elsewhere = f"/matching/decisions/{decision}/undo?record={number(register, NOAH)}"
    assert send(client, elsewhere, why="wrong").status_code == 404
    senior = sign_in(Role.SENIOR_REVIEWER)
    assert send(senior, undo, why="wrong").status_code == 303


def test_criteria_without_a_value_are_named_and_nothing_is_searched_by_none(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    page = text(client.get(page_of(register, UNSURE, "criteria=forename4&criteria=postcode")).text)
    assert "Not compared" in page and "postcode." in page
    assert "Select at least one match criterion" in text(
        client.get(page_of(register, UNSURE, "criteria=none")).text
    )


def test_a_list_that_has_changed_begins_again(register: Reviewed, sign_in: SignIn) -> None:
    answer = sign_in(Role.STEWARD).get("/matching?base=clinic&state=matched&after=999999")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/matching?base=clinic&state=matched"


_PASSED_OVER = "The web address has something that this page does not use: "


@pytest.mark.parametrize("place", ["after=abc", "before=-1", f"after={2**63}"])
@pytest.mark.parametrize(
    "choice", ["sort=nothing", "order=nothing", "state=nothing", "criteria=nothing", "bsae=Malik"]
)
def test_what_an_address_says_that_is_nothing_is_passed_over_and_told(
    register: Reviewed, sign_in: SignIn, place: str, choice: str
) -> None:
    client = sign_in(Role.STEWARD)
    begins = text(client.get("/matching?base=clinic").text)
    wrong = ", ".join(sorted(one.partition("=")[0] for one in (place, choice)))
    found = client.get(f"/matching?base=clinic&{place}&{choice}")
    told = f"{_PASSED_OVER}{wrong}."
    assert found.status_code == 200 and told in text(found.text)
    assert "nothing" not in found.text and "bsae=" not in found.text
    listed = "Matching workbench Base system"
    assert text(found.text).split(listed)[1] == begins.split(listed)[1]
    assert _PASSED_OVER not in begins


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/matching?base=clinic&base=school", "base"),
        ("/review?kind=conflict&kind=referred", "kind"),
        ("/children?bsae=1&bsae=2", "bsae"),
    ],
)
def test_what_an_address_says_twice_where_one_counts_is_told(
    register: Reviewed, sign_in: SignIn, address: str, name: str
) -> None:
    found = sign_in(Role.STEWARD).get(address)
    assert found.status_code == 200 and f"{_PASSED_OVER}{name}." in text(found.text)


def test_what_may_be_said_several_times_is_not_told(register: Reviewed, sign_in: SignIn) -> None:
    found = sign_in(Role.STEWARD).get("/matching?criteria=postcode&criteria=surname4")
    assert _PASSED_OVER not in text(found.text)


def test_what_an_address_leaves_empty_is_not_wrong(register: Reviewed, sign_in: SignIn) -> None:
    empty = "&".join(f"{one}=" for one in ("sort", "order", "state", "criteria", "record"))
    found = sign_in(Role.STEWARD).get(f"/matching?{empty}")
    assert found.status_code == 200 and _PASSED_OVER not in text(found.text)


def test_a_list_is_not_exported_otherwise_than_it_was_asked_for(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    answer = send(client, "/matching/export?base=clinic&state=nothing")
    assert (answer.status_code, answer.headers["location"]) == (303, "/matching?base=clinic")


def test_a_filter_that_is_not_kept_any_more_is_told(register: Reviewed, sign_in: SignIn) -> None:
    found = sign_in(Role.STEWARD).get("/matching?base=clinic&filter=7")
    assert f"{_PASSED_OVER}filter." in text(found.text)


@pytest.mark.parametrize("path", ["/review", "/quality", "/children", "/extracts", "/measures"])
def test_every_page_tells_what_its_address_says_in_vain(
    register: Reviewed, sign_in: SignIn, path: str
) -> None:
    client = sign_in(Role.STEWARD)
    found = client.get(f"{path}?bsae=Malik&Aisha+Malik=1&%3Cb%3E=2")
    assert f"{_PASSED_OVER}bsae, something without a name." in text(found.text)
    assert "Malik" not in found.text
    assert _PASSED_OVER not in text(client.get(path).text)


@pytest.mark.parametrize(
    "address",
    [
        "/matching/records/999999",
        "/matching/pairs/1-999999",
        "/matching/pairs/x",
        "/matching/pairs/2-1",
    ],
)
def test_what_is_not_there_is_not_found(register: Reviewed, sign_in: SignIn, address: str) -> None:
    assert sign_in(Role.STEWARD).get(address).status_code == 404


def test_a_pair_that_two_people_decide_waits_for_the_second(
    register: Reviewed, sign_in: SignIn
) -> None:
    """As it would in the review queue; here because both decisions contradict each other."""
    register.say("match", SCHOOL, UNSURE, run=False)
    register.say("match", SCHOOL, CLINIC, run=False)
    register.say("non_match", CLINIC, UNSURE)
    ((kind, one, other),) = register.conflicts()
    assert kind == "contradiction"
    first, second = sign_in(Role.REVIEWER), sign_in(Role.STEWARD)
    address = pair_of(register, one, other)
    assert "Some pairs have two reviewers" in first.get(address).text
    answer = decide(first, address, kind="non_match", why="two girls")
    assert answer.status_code == 303
    said = text(first.get(answer.headers["location"]).text)
    assert "Nothing changes until another reviewer has answered too" in said
    again = decide(first, address, kind="non_match", why="two girls")
    assert again.status_code == 422 and "waits for somebody else" in text(again.text)
    with reading(register.engine) as connection:
        before = len(connection.scalars(select(Decision.id)).all())
    decide(second, address, kind="non_match", why="two indeed")
    with reading(register.engine) as connection:
        assert len(connection.scalars(select(Decision.id)).all()) == before + 1


def test_a_pair_that_somebody_has_in_hand_is_not_decided_beside_them(
    register: Reviewed, sign_in: SignIn
) -> None:
    address = pair_of(register, *next(iter(register.waiting())))
    anna, other = sign_in(Role.REVIEWER), sign_in(Role.SENIOR_REVIEWER)
    pair = address.rsplit("/", 1)[1]
    taken = send(anna, f"/review/pairs/{pair}/take")
    assert taken.status_code == 303
    refused = decide(other, address, kind="match", why="the same girl")
    assert refused.status_code == 409
    assert "Somebody has this pair in hand" in text(refused.text)
    assert "the same girl" in refused.text
    assert decide(anna, address, kind="match", why="the same girl").status_code == 303


def test_a_name_in_one_field_is_compared_with_one_in_parts(
    register: Reviewed, sign_in: SignIn
) -> None:
    whole = {**PEOPLE[3], "record_id": "8", "name": "MALIK, Ayesha"}
    del whole["forename"], whole["surname"]
    register.load_people([PEOPLE[3], whole])
    page = sign_in(Role.REVIEWER).get(pair_of(register, SCHOOL, ("census", "8"))).text
    row = page.split(">Name</th>")[1].split("</tr>")[0]
    assert "Different" in row and "A<mark>ye</mark>sha" in row and "A<mark>i</mark>sha Malik" in row
    assert ">Forename<" not in page and ">Surname<" not in page


def test_a_prefix_that_linking_does_not_count_is_marked_and_said_so_on_both_pages(
    register: Reviewed, sign_in: SignIn
) -> None:
    register.load_people([PEOPLE[1], {**PEOPLE[4], "forename": "Mst Aisha"}])
    client = sign_in(Role.REVIEWER)
    page = client.get(pair_of(register, SCHOOL, UNSURE)).text
    row = page.split(">Forename</th>")[1].split("</tr>")[0]
    assert "Different, but linking does not count what is marked" in row
    assert "<mark>Mst</mark> Aisha" in row
    with reading(register.engine) as connection:
        ids = register.ids(connection)
    low, high = sorted((ids[SCHOOL], ids[UNSURE]))
    token = token_in(client.get("/account").text)
    taken = client.post(f"/review/pairs/{low}-{high}/take", data={"csrf": token})
    review = client.get(taken.headers["location"]).text
    assert "≠ Differs, but linking does not count what is marked" in review
    assert "<mark>Mst</mark> Aisha" in review


def test_a_placeholder_is_told_as_what_linking_takes_it_for(
    register: Reviewed, sign_in: SignIn
) -> None:
    register.load_people([PEOPLE[1], {**PEOPLE[4], "date_of_birth": "2014-01-01"}])
    page = sign_in(Role.REVIEWER).get(pair_of(register, SCHOOL, UNSURE)).text
    row = page.split(">Date of birth</th>")[1].split("</tr>")[0]
    assert "Different, but linking takes 1 January 2014 as missing" in text(row)


def test_of_a_name_that_is_read_in_parts_the_parts_are_told(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.REVIEWER)
    assert "compared in parts" not in client.get(pair_of(register, SCHOOL, UNSURE)).text
    register.load_people([PEOPLE[3], {**PEOPLE[3], "record_id": "8", "forename": "Lily-Grace"}])
    told = text(client.get(pair_of(register, SCHOOL, ("census", "8"))).text)
    assert "Census 8 : forename Lily , middle names Grace , surname Quigley" in told


def test_a_reason_that_is_too_long_is_refused_beside_its_field(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.REVIEWER)
    refused = send(client, pair_of(register, SCHOOL, UNSURE), kind="match", why="x" * 2001)
    assert refused.status_code == 422 and 'href="#why"' in refused.text
    assert "must be 2,000 characters or fewer" in text(refused.text)


def waiting_of(page: str) -> str:
    """What a record's page says of possible matches that wait, with its links."""
    _, heading, rest = page.partition("Possible matches that wait for a decision")
    return rest.split("Search for possible matches")[0] if heading else ""


def test_a_record_shows_whom_a_possible_link_of_its_child_waits_with_whatever_the_criteria(
    register: Reviewed, sign_in: SignIn
) -> None:
    waiting = {other for pair in register.waiting("possible_link") for other in pair}
    assert UNSURE in waiting and waiting & set(AISHA)
    client = sign_in(Role.STEWARD)
    page = client.get(page_of(register, UNSURE, "criteria=postcode")).text
    told = waiting_of(page)
    for key in waiting & set(AISHA):
        assert f"{pair_of(register, key, UNSURE)}?" in told
    assert "Malik" in told and ">Decide<" in told
    for key in AISHA:  # it is of their child that the link waits
        assert "Begum" in waiting_of(client.get(page_of(register, key, "criteria=none")).text)
    assert waiting_of(client.get(page_of(register, NOAH)).text) == ""
    analyst = waiting_of(sign_in(Role.ANALYST).get(page_of(register, UNSURE)).text)
    assert "Malik" in analyst and ">Decide<" not in analyst


def test_a_possible_link_that_was_decided_is_told_until_linking_has_run(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    for key in AISHA:
        register.say("non_match", key, UNSURE, run=False)
    told = waiting_of(client.get(page_of(register, UNSURE)).text)
    assert "Decided, waits for linking" in text(told)
    assert ">Decide<" not in told
    register.run()
    assert waiting_of(client.get(page_of(register, UNSURE)).text) == ""


def test_of_possible_links_only_those_are_told_that_may_be_seen(
    register: Reviewed, sign_in: SignIn
) -> None:
    with writing(register.engine) as connection:
        for name in ("school", "social"):
            own = select(Source.number).where(Source.name == name).scalar_subquery()
            connection.execute(delete(Agreement).where(Agreement.source == own))
    told = waiting_of(sign_in(Role.STEWARD).get(page_of(register, UNSURE)).text)
    assert "School" not in text(told) and "Social" not in text(told)
    register.sever(AISHA, [UNSURE])
    assert waiting_of(sign_in(Role.SENIOR_REVIEWER).get(page_of(register, UNSURE)).text) == ""


def test_a_possible_match_tells_no_place_of_a_shielded_child(
    register: Reviewed, sign_in: SignIn
) -> None:
    register.shield(SCHOOL)
    page = sign_in(Role.STEWARD).get(page_of(register, UNSURE)).text
    assert "Malik" in waiting_of(page)
    assert "2 Mill Rd" not in page and "OL1 1AA" not in page


def moved_as_a_whole(register: Reviewed, client: TestClient) -> list[int]:
    """The decisions by which the clinic's record goes to the child of UNSURE, as one change."""
    pair = pair_of(register, SCHOOL, UNSURE).rsplit("/", 1)[1]
    moved = {f"to-{number(register, CLINIC)}": register.child(UNSURE)}
    state = re.search(
        r'name="state" value="([^"]*)"', send(client, f"/review/clusters/{pair}", **moved).text
    )
    assert state is not None
    confirm = f"/review/clusters/{pair}/confirm"
    done = send(client, confirm, state=state[1], why="hers", **moved)
    assert done.status_code == 303
    register.run()
    with reading(register.engine) as connection:
        return list(connection.scalars(select(Decision.id).order_by(Decision.id)))


def test_a_decision_of_a_change_says_that_all_of_the_change_is_undone(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    made = moved_as_a_whole(register, client)
    assert len(made) == 3
    page = client.get(page_of(register, CLINIC)).text
    assert page.count("Undo all 3 decisions of this change") == 3
    why = client.get(f"/children/{register.child(CLINIC)}/why").text
    assert "Undo all 3 decisions of this change" in why
    asked = send(client, f"/review/decisions/{made[0]}/undo", why="")
    assert asked.status_code == 422 and "Undo all 3 decisions of this change" in asked.text
    undo = f"/matching/decisions/{made[0]}/undo?record={number(register, CLINIC)}"
    said = client.get(send(client, undo, why="a slip").headers["location"]).text
    assert "All 3 decisions of the change undone." in text(said)
    register.run()
    assert register.together(SCHOOL, CLINIC)


def test_a_decision_alone_is_undone_alone(register: Reviewed, sign_in: SignIn) -> None:
    register.say("match", SCHOOL, UNSURE)
    page = sign_in(Role.STEWARD).get(page_of(register, SCHOOL)).text
    assert "decisions of this change" not in page


def test_the_lists_beside_a_filtered_one_are_counted_with_the_filter(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    whole = text(client.get("/matching?base=clinic").text)
    assert "All (2)" in whole and "Matched (1)" in whole and "Unmatched (1)" in whole
    place = send(client, "/matching", base="clinic", surname="Begum").headers["location"]
    told = text(client.get(place).text)
    assert "All (1)" in told and "Matched (0)" in told and "Unmatched (1)" in told
    assert "Possible matches (1)" in told
