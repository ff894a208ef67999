"""Pages of children: what a search finds, what is hidden, and correcting a value."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from api.db.engine import reading, writing
from api.db.models import Access, Agreement, Audit, Correction, Run, Source
from api.rest.service import Service, opened
from api.services.access.roles import Role
from api.services.register.change_of_run import change_of_run
from tests.databases import Databases
from tests.register_service.registers import shipped
from tests.register_service.reviewed import AISHA, NOAH, PEOPLE, Reviewed, reviewed, without
from tests.register_service.seen import delete
from tests.web.conftest import SignIn, token_in

NHS_NUMBER = "9434765919"


@pytest.fixture
def register(databases: Databases, tmp_path: Path) -> Iterator[Reviewed]:
    people = [{**PEOPLE[0], "nhs_number": NHS_NUMBER}, *PEOPLE[1:]]
    with reviewed(databases, tmp_path, people) as found:
        yield found


@pytest.fixture
def service(register: Reviewed) -> Iterator[Service]:
    with opened(register.engine, shipped()) as found:
        yield found


def send(client: TestClient, path: str, **values: Any) -> Any:
    return client.post(path, data={"csrf": token_in(client.get("/account").text), **values})


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def rows_of(html: str) -> list[str]:
    return [text_of(row) for row in re.findall(r"<tr.*?</tr>", html, re.DOTALL)]


def errors_of(answer: Any) -> dict[str, str]:
    """The error summary: what it says by the id that it leads to, which is on the page."""
    assert answer.status_code == 422
    summary = re.search(r"govuk-error-summary__list.*?</ul>", answer.text, re.DOTALL)
    assert summary is not None
    found = dict(re.findall(r'href="#([^"]+)"[^>]*>([^<]+)<', summary[0]))
    assert all(f'id="{one}"' in answer.text for one in found)
    return found


def test_a_search_shows_name_birthday_and_address_of_whom_it_finds(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.REVIEWER)
    sent = send(client, "/children", surname="Quigley")
    there = sent.headers["location"]
    assert (sent.status_code, "quigley" in there.lower()) == (303, False)
    found = client.get(there)
    _, row = rows_of(found.text)
    assert row.startswith("Noah Quigley 20 November 2011 9 Ash Gr OL4 3PP ")


def test_a_search_of_somebody_else_is_not_told_by_its_address(
    register: Reviewed, sign_in: SignIn
) -> None:
    there = send(sign_in(Role.REVIEWER), "/children", surname="Quigley").headers["location"]
    shown = sign_in(Role.STEWARD).get(there)
    assert "Search again" in shown.text and "Quigley" not in shown.text


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("nhs_number", "12", "Enter an NHS number of 10 digits"),
        ("postcode", "?", "Enter a full postcode"),
        ("surname", "?", "Enter a surname in letters"),
        ("surname", "x" * 500, "Enter 100 characters or fewer"),
    ],
)
def test_what_nobody_can_be_found_by_is_told_beside_its_field(
    register: Reviewed, sign_in: SignIn, field: str, typed: str, says: str
) -> None:
    refused = send(sign_in(Role.REVIEWER), "/children", **{field: typed})
    assert errors_of(refused)[field].startswith(says)
    assert f'value="{typed}"' in refused.text


def test_a_history_says_who_joined_and_what_the_run_was_for(
    register: Reviewed, sign_in: SignIn
) -> None:
    register.correct(AISHA[0], "surname", "Mallick")
    told = rows_of(sign_in(Role.REVIEWER).get(f"/children/{register.child(AISHA[0])}/history").text)
    assert any("School 1 joined 1, in which extracts were linked" in row for row in told)
    applied = "Surname 2, in which decisions and corrections were applied"
    assert any(applied in row for row in told)
    assert "Surname corrected" in told[-1]


def test_a_history_tells_a_split_from_records_that_went_to_a_child_that_was_there(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.REVIEWER)
    whole, other = register.child(AISHA[0]), register.child(NOAH)

    def told(child: str) -> str:
        return " ".join(rows_of(client.get(f"/children/{child}/history").text))

    decision = register.say("non_match", AISHA[0], AISHA[1])
    new = {register.child(key) for key in AISHA} - {whole}
    for one in new:
        assert f"Split; records went to {one}" in told(whole)
        assert f"Split off from {whole}" in told(one)
    register.take_back(decision)
    assert "Lost records" not in told(whole)
    register.load_people([*without(AISHA[2]), {**PEOPLE[3], "source": "social", "record_id": "1"}])
    assert register.child(AISHA[2]) == other
    assert f"Lost records to {other}" in told(whole)
    assert f"Took records from {whole}" in told(other)
    with reading(register.engine) as connection:
        run = connection.scalar(select(func.max(Run.id)))
        change = change_of_run(connection, run)
    assert change is not None
    assert (change.split_count, change.moved_count, change.moved) == (0, 1, (whole,))


@pytest.mark.parametrize("page", ["history", "journey"])
def test_a_page_that_there_cannot_be_is_refused(
    register: Reviewed, sign_in: SignIn, page: str
) -> None:
    client, where = sign_in(Role.REVIEWER), f"/children/{register.child(AISHA[0])}/{page}"
    statuses = [
        client.get(where, params={"after": at}).status_code for at in (0, 50, 10**30, -1, "x")
    ]
    assert statuses == [200, 200, 422, 422, 422]


def test_a_split_is_undone_from_the_page_of_either_child(
    register: Reviewed, sign_in: SignIn
) -> None:
    client, reviewer = sign_in(Role.SENIOR_REVIEWER), sign_in(Role.REVIEWER)
    decision = register.say("non_match", AISHA[0], AISHA[1])
    for key in AISHA[:2]:
        page = client.get(f"/children/{register.child(key)}/why").text
        assert "School 1 and Clinic 1 of child" in text_of(page).replace(
            "Clinic 1 and School 1", "School 1 and Clinic 1"
        )
        assert f'action="/review/decisions/{decision}/undo"' in page
        plain = reviewer.get(f"/children/{register.child(key)}/why").text
        assert "School 1" in text_of(plain) and "/undo" not in plain
    undone = send(client, f"/review/decisions/{decision}/undo", why="one girl", next="/")
    assert undone.status_code == 303


def leads_to(client: TestClient, child: str) -> set[str]:
    """Where rows of a child's history lead to the decision that they came of, with its form."""
    page = client.get(f"/children/{child}/history").text
    found = re.findall(r'href="(/children/[^"]+/why)#(decision-\d+)"', page)
    for address, anchor in found:
        why = client.get(address).text
        assert f'id="{anchor}"' in why
        assert f'action="/review/decisions/{anchor.rpartition("-")[2]}/undo"' in why
    return {anchor for _, anchor in found}


def test_a_merge_or_split_in_the_history_leads_to_the_decision_that_it_came_of(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.SENIOR_REVIEWER)
    whole = register.child(AISHA[0])
    split = register.say("non_match", AISHA[0], AISHA[1])
    for child in {register.child(key) for key in AISHA}:
        assert leads_to(client, child) == {f"decision-{split}"}
    register.take_back(split)
    assert leads_to(client, whole) == set()
    ended = register.child(NOAH), register.child(AISHA[0])
    match = register.say("match", AISHA[0], NOAH)
    for child in ended:
        assert leads_to(client, child) == {f"decision-{match}"}
    plain = sign_in(Role.REVIEWER).get(f"/children/{register.child(NOAH)}/history").text
    assert "See the decision" in plain and "See or undo the decision" not in plain
    register.run()
    assert register.together(AISHA[0], AISHA[1])


def test_of_an_erased_child_it_is_said_that_it_was_erased(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    child = register.child(NOAH)
    register.erase(NOAH)
    gone = client.get(f"/children/{child}")
    assert gone.status_code == 410
    assert "What the register held of it was erased." in text_of(gone.text)
    assert "No system lists" not in gone.text
    history = text_of(client.get(f"/children/{child}/history").text)
    assert "This id is no more: what the register held of it was erased." in history
    assert "in which records were erased" in history
    assert "Erased records" in text_of(client.get("/").text)
    for page in (gone.text, history):
        assert not any(value in page for value in ("Quigley", "Noah", "OL4 3PP", "a test"))


def test_of_a_child_whose_records_its_systems_deleted_that_is_said(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    child = register.child(NOAH)
    delete(register, NOAH)
    register.erase(NOAH)
    assert "No system lists any of its records now." in client.get(f"/children/{child}").text
    history = text_of(client.get(f"/children/{child}/history").text)
    assert "it was left without any record." in history


def test_of_a_child_merged_into_one_that_was_erased_it_is_said_too(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    before = {register.child(NOAH), register.child(AISHA[0])}
    register.say("match", AISHA[0], NOAH)
    register.erase(NOAH, *AISHA)
    for child in before:
        assert "it was erased" in text_of(client.get(f"/children/{child}").text)


def test_who_could_not_see_what_was_erased_is_not_told_that_it_was(
    register: Reviewed, service: Service, sign_in: SignIn
) -> None:
    """The last record that may be seen was deleted; another, of a source without, is erased."""
    client = sign_in(Role.STEWARD)
    child = register.child(AISHA[0])
    for key in AISHA[:-1]:
        delete(register, key)
    _hide(service, AISHA[-1][0])
    before = client.get(f"/children/{child}").text, client.get(f"/children/{child}/history").text
    assert "No system lists any of its records now." in before[0]
    register.erase(AISHA[-1])
    after = client.get(f"/children/{child}").text, client.get(f"/children/{child}/history").text
    assert [text_of(one) for one in after] == [text_of(one) for one in before]


def test_an_empty_correction_is_told_beside_its_fields(
    register: Reviewed, service: Service, sign_in: SignIn
) -> None:
    client = sign_in(Role.SENIOR_REVIEWER)
    where = f"/children/{register.child(AISHA[0])}/correct"
    assert client.get(f"{where}?field=record_id").status_code == 404
    told = {
        "date_of_birth": {"value-day": "Enter a real date of birth from 1900 to today"},
        "sex": {"value": "Select female or male"},
        "nhs_number": {"value": "Enter the 10 digits of a real NHS number"},
        "surname": {"value": "Enter the right surname"},
    }
    for field, expected in told.items():
        assert f'name="field" value="{field}"' in client.get(f"{where}?field={field}").text
        errors = errors_of(send(client, where, field=field))
        assert errors.pop("why") == "Enter how you know"
        assert errors.keys() == expected.keys()
        assert errors.popitem()[1].startswith(*expected.values())
    day = {"day": "31", "month": "2", "year": "2015", "why": "the passport"}
    again = send(client, where, field="date_of_birth", **day)
    assert errors_of(again).keys() == {"value-day"} and 'value="31"' in again.text
    assert send(client, where).status_code == 404
    right = day | {"day": "3", "month": "5", "year": "2015"}
    assert send(client, where, field="date_of_birth", **right).status_code == 303
    with reading(service.engine) as connection:
        assert connection.scalar(select(Correction.value)) == "2015-05-03"


def test_a_correction_is_released_on_the_page_of_its_child(
    register: Reviewed, service: Service, sign_in: SignIn
) -> None:
    client = sign_in(Role.SENIOR_REVIEWER)
    before = register.golden(AISHA[0], "surname")
    child = f"/children/{register.child(AISHA[0])}"
    assert "/release" not in client.get(child).text
    nothing = client.get(f"{child}/release?field=surname")
    assert nothing.status_code == 404
    assert "The surname is not corrected by hand, so there is nothing to release" in nothing.text
    assert f'<a class="govuk-link" href="{child}">' in nothing.text
    assert "not corrected" not in client.get(f"{child}/release?field=clan").text
    register.correct(AISHA[1], "surname", "Mallick")
    register.correct(AISHA[0], "surname", "Malick")
    assert f'href="{child}/release?field=surname"' in client.get(child).text
    reviewer = sign_in(Role.REVIEWER)
    assert "/release" not in reviewer.get(child).text
    assert reviewer.get(f"{child}/release?field=surname").status_code == 403
    assert 'name="csrf"' in client.get(f"{child}/release?field=surname").text
    assert client.post(f"{child}/release", data={"field": "surname"}).status_code == 403
    errors = errors_of(send(client, f"{child}/release", field="surname"))
    assert errors == {"why": "Enter why the correction is no longer needed"}
    assert register.golden(AISHA[0], "surname") == ("Malick", "correction")
    released = send(client, f"{child}/release", field="surname", why="the school has it right now")
    assert released.status_code == 303 and released.headers["location"] == child
    shown = text_of(client.get(child).text)
    assert "Corrected by hand. The release waits for the next run" in shown
    assert f'href="{child}/release?field=surname"' not in client.get(child).text
    for _ in range(2):
        again = send(client, f"{child}/release", field="surname", why="the school has it right")
        assert "released already" in client.get(again.headers["location"]).text
        opened = client.get(f"{child}/release?field=surname")
        assert "released already" in client.get(opened.headers["location"]).text
        register.run()
    assert register.golden(AISHA[0], "surname") == before
    assert "/release" not in client.get(child).text
    with reading(service.engine) as connection:
        noted = connection.scalars(
            select(Audit.action).where(Audit.action == "correction_released")
        ).all()
    assert len(noted) == 2


def test_who_corrected_what_when_and_why_is_told_and_what_waits_for_a_run(
    register: Reviewed, sign_in: SignIn
) -> None:
    client = sign_in(Role.SENIOR_REVIEWER)
    child = f"/children/{register.child(AISHA[0])}"
    sent = send(client, f"{child}/correct", field="surname", value="Mallick", why="her passport")
    assert sent.status_code == 303
    name = "senior_reviewer.early_years"
    shown = text_of(client.get(child).text)
    assert "A correction waits for the next run" in shown and "Mallick" not in shown
    history = text_of(client.get(f"{child}/history").text)
    assert f"Surname corrected; waits for the next run {name} her passport" in history
    register.run()
    shown = text_of(client.get(child).text)
    assert "Mallick" in shown and "waits for the next run" not in shown
    release = text_of(client.get(f"{child}/release?field=surname").text)
    assert f"{name} corrected it on" in release and "her passport" in release
    send(client, f"{child}/release", field="surname", why="the school has it right")
    register.run()
    history = text_of(client.get(f"{child}/history").text)
    assert f"Surname corrected {name} her passport" in history
    assert f"correction of the surname released {name} the school has it right" in history.lower()


def test_of_whom_the_place_is_hidden_its_corrections_are_too(
    register: Reviewed, sign_in: SignIn
) -> None:
    register.shield(AISHA[0])
    register.correct(AISHA[0], "postcode", "OL1 3AB")
    child = f"/children/{register.child(AISHA[0])}"
    for cleared in (True, False):
        client = sign_in(Role.SENIOR_REVIEWER, cleared=cleared)
        shown = text_of(client.get(f"{child}/history").text)
        assert ("Postcode corrected" in shown) is cleared


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("surname", "Ma\u202elik", "Leave out what cannot be seen: right-to-left override, in"),
        ("postcode", "OL1\u200b 3AB", "Leave out what cannot be seen: zero width space, in"),
        ("forename", "Baby", "This is a placeholder"),
        ("forename", "-", "It has no letter in it"),
        ("surname", "77", "It has no letter in it"),
        ("address", "x", "Enter a house number or name, and a street"),
        ("address", "12 b", "Enter a house number or name, and a street"),
        ("address", "ab", "Enter a house number or name, and a street"),
        ("address", "unknown", "This is a placeholder"),
    ],
)
def test_a_correction_to_what_is_no_value_says_why(
    register: Reviewed, sign_in: SignIn, field: str, value: str, says: str
) -> None:
    where = f"/children/{register.child(AISHA[0])}/correct"
    refused = send(sign_in(Role.SENIOR_REVIEWER), where, field=field, value=value, why="a call")
    assert errors_of(refused)["value"].startswith(says)


def test_a_name_that_is_read_from_right_to_left_is_one_name(
    register: Reviewed, sign_in: SignIn
) -> None:
    register.correct(AISHA[0], "forename", "عائشة")
    register.correct(AISHA[0], "surname", "مالك")
    page = sign_in(Role.STEWARD).get(f"/children/{register.child(AISHA[0])}").text
    assert "<bdi>عائشة مالك</bdi></h1>" in page


def test_a_correction_on_a_record_that_is_gone_is_released_too(
    register: Reviewed, sign_in: SignIn
) -> None:
    register.correct(AISHA[1], "surname", "Mallick")
    register.load_people(without(AISHA[1]))
    assert register.golden(AISHA[0], "surname") == ("Mallick", "correction")
    client = sign_in(Role.STEWARD)
    where = f"/children/{register.child(AISHA[0])}/release"
    assert send(client, where, field="surname", why="an error").status_code == 303
    register.run()
    assert register.golden(AISHA[0], "surname") == ("Malik", "school")


def test_who_may_lift_a_shield_is_asked_why_and_others_are_told_they_may_not(
    register: Reviewed, sign_in: SignIn
) -> None:
    where = f"/children/{register.child(AISHA[0])}"
    register.shield(AISHA[0])
    for cleared, said in ((True, "Why the shield can be lifted"), (False, "Only somebody who is")):
        page = sign_in(Role.STEWARD, cleared=cleared).get(where)
        assert page.status_code == 200 and said in page.text
        assert ("2 Mill Rd" in page.text) is cleared
    for cleared in (True, False):
        senior = sign_in(Role.SENIOR_REVIEWER, cleared=cleared)
        assert (
            'Correct<span class="govuk-visually-hidden"> postcode' in senior.get(where).text
        ) is (cleared)
        status = senior.get(f"{where}/correct?field=postcode").status_code
        assert status == (200 if cleared else 404)
        assert "> NHS number</span>" in senior.get(where).text
    assert "Protection" not in sign_in(Role.REVIEWER).get(where).text
    steward = sign_in(Role.STEWARD, cleared=True, name="second")
    assert errors_of(send(steward, f"{where}/lift")) == {"lift-why": "Enter a reason"}
    assert send(steward, f"{where}/lift", why="it is over").status_code == 303


def test_nobody_corrects_a_value_that_they_may_not_see_for_their_purpose(
    register: Reviewed, service: Service, sign_in: SignIn
) -> None:
    where = f"/children/{register.child(AISHA[0])}"
    offered = 'Correct<span class="govuk-visually-hidden"> UPN'
    early = sign_in(Role.SENIOR_REVIEWER)
    shown = early.get(where).text
    assert "UPN Not for this purpose" in text_of(shown) and offered not in shown
    assert early.get(f"{where}/correct?field=upn").status_code == 404
    unknown = early.get(f"{where}/release?field=upn")
    assert unknown.status_code == 404 and "not corrected" not in unknown.text
    upn = {"field": "upn", "value": "B801200005001", "why": "the school's list"}
    assert send(early, f"{where}/correct", **upn).status_code == 404
    with reading(service.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(Correction)) == 0
    schools = sign_in(Role.SENIOR_REVIEWER, purposes=("education",))
    _let_see(service, "school", "education")
    shown = schools.get(where).text
    assert "UPN Not known, or not for this purpose" in text_of(shown) and offered in shown
    assert send(schools, f"{where}/correct", **upn).status_code == 303
    register.run()
    assert "UPN Hidden Corrected by hand" in text_of(schools.get(where).text)
    assert "UPN Not for this purpose" in text_of(early.get(where).text)


def test_identifiers_are_hidden_until_they_are_asked_for_and_the_access_log_knows(
    register: Reviewed, service: Service, sign_in: SignIn
) -> None:
    client = sign_in(Role.REVIEWER, purposes=("early_years",))
    child_id = register.child(AISHA[0])
    ids = dict(_record_ids(register))
    record, other = ids[AISHA[0]], ids[AISHA[1]]
    pages = {
        f"/children/{child_id}": f"/children/{child_id}/reveal",
        f"/matching/records/{record}": f"/matching/records/{record}/reveal",
        f"/matching/pairs/{min(record, other)}-{max(record, other)}":
            f"/matching/pairs/{min(record, other)}-{max(record, other)}/reveal",
    }  # fmt: skip
    for page, reveal in pages.items():
        hidden = client.get(page)
        assert NHS_NUMBER not in hidden.text and "Show NHS number" in hidden.text, page
        shown = send(client, reveal)
        assert NHS_NUMBER in shown.text and "Show NHS number" not in shown.text, page
    with reading(service.aside) as aside:
        query = select(Access.about).where(Access.route.like("POST %reveal%"))
        told = [about for one in aside.scalars(query) for about in one]
    assert f"child {child_id} nhs_number" in told
    assert told.count(f"record {record} nhs_number") == 2


def _let_see(service: Service, source: str, purpose: str) -> None:
    """Have a source's agreement hold for another purpose too."""
    number = select(Source.number).where(Source.name == source).scalar_subquery()
    with writing(service.engine) as connection:
        said = connection.scalars(
            select(Agreement.purposes).where(Agreement.source == number)
        ).one()
        more = {**said, "purposes": [*said["purposes"], purpose]}
        connection.execute(
            update(Agreement).where(Agreement.source == number).values(purposes=more)
        )


def _hide(service: Service, source: str) -> None:
    """Let nobody see a source for any purpose."""
    with writing(service.engine) as connection:
        number = select(Source.number).where(Source.name == source).scalar_subquery()
        query = select(Agreement.purposes).where(Agreement.source == number)
        none = {**connection.scalars(query).one(), "purposes": []}
        connection.execute(
            update(Agreement).where(Agreement.source == number).values(purposes=none)
        )


def _record_ids(register: Reviewed) -> Any:
    with reading(register.engine) as connection:
        return register.ids(connection).items()
