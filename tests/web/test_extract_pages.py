"""Bringing extracts by the pages: what is taken, what is refused and why, and nothing lost."""

import csv
import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection, func, select, update

from api.db.engine import reading, writing
from api.db.models import Access, Extract, ExtractChunk, Job, SourceMapping
from api.rest.service import Service
from api.services.access.roles import Role
from api.services.extracts.states import hold_extract
from api.services.register.single import delete_record
from tests.at_once import overtaken
from tests.register_service.registers import shipped
from tests.rest.work import do_work
from tests.web.conftest import SignIn, token_in
from tests.web.odd_files import as_zip, locked_workbook, workbook

PLAIN = b"record_id,forename,surname,date_of_birth\n1,Ada,Lees,2019-05-03\n2,Ben,Lees,2018-02-01\n"
STRANGE = (
    "Child No,Given Name,Family Name,Born,Home Postcode\n"
    "17,Ada,Quillfeather,03/05/2019,OL1 1AA\n"
    "18,Ben,Quillfeather,30/11/2018,OL2 6AB\n"
)
SWIFT = "Swift ID,Forename,Surname,DOB,Gender\n1,Ada,Lees,03/05/2019,F\n2,Ben,Lees,01/02/2018,M\n"
TRIBAL = "Tribal ID,Forename,Surname,DOB,Applied\n1,Ada,Lees,03/05/2019,01/02/2023\n"
CHOSEN = {"record_id": "0", "forename": "1", "surname": "2", "date_of_birth": "3", "postcode": "4"}


@pytest.fixture
def steward(sign_in: SignIn) -> TestClient:
    return sign_in(Role.STEWARD)


def form(client: TestClient, address: str, fields: Mapping[str, str], page: str = "") -> Any:
    """Send a form of a page as a browser does."""
    shown = client.get(page or address).text
    return client.post(address, data={**hidden(shown, address), **fields})


def hidden(shown: str, address: str) -> dict[str, str]:
    """What a form that goes to an address sends besides what people fill in."""
    own = re.search(rf'<form[^>]* action="{re.escape(address)}".*?</form>', shown, re.DOTALL)
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', own[0]) if own else ()
    return {"csrf": token_in(shown), **dict(found)}


def where(source: str, as_of: str = "2024-09-01", mode: str = "snapshot") -> str:
    return f"/extracts/new/file?source={source}&as_of={as_of}&mode={mode}"


def bring(
    client: TestClient, content: bytes | str, source: str = "library", name: str = "list.csv"
) -> Any:
    token = token_in(client.get("/account").text)
    files = {"file": (name, content)}
    return client.post(where(source), data={"csrf": token}, files=files)


def errors(answer: Any) -> str:
    """What the error summary says."""
    assert answer.status_code == 422, answer.status_code
    assert "<title>Error: " in answer.text
    found = re.search(r'govuk-error-summary__list">(.*?)</ul>', answer.text, re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def count(service: Service, table: Any) -> int:
    with reading(service.engine) as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def state(service: Service, extract: int) -> str:
    with reading(service.engine) as connection:
        return str(connection.scalar(select(Extract.state).where(Extract.id == extract)))


def details(**other: str) -> dict[str, str]:
    day = {"as_of_day": "1", "as_of_month": "9", "as_of_year": "2024"}
    return {"source": "swift", "mode": "snapshot", **day, **other}


def test_what_an_extract_is_is_asked_before_its_file(steward: TestClient) -> None:
    answer = form(steward, "/extracts/new", details())
    assert (answer.status_code, answer.headers["location"]) == (303, where("swift"))
    answer = form(steward, "/extracts/new", details(source="another", name="Nursery Headcount"))
    assert answer.headers["location"] == where("nursery_headcount")
    asked = steward.get("/extracts/new").text
    assert "Tables: members, contacts. Put all tables into one zip file." in asked
    together = "One file of persons and episodes together will do too."
    assert f"Tables: persons, episodes. Put all tables into one zip file. {together}" in asked
    assert asked.count("together will do too") == 1
    # Also school census, health visiting and CAF, and none that is one file.
    assert asked.count("Put all tables into one zip file.") == 4
    assert "Tables: pupilonroll" in steward.get(where("school_census")).text
    assert "Put all tables" not in steward.get(where("swift")).text


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"source": ""}, "Select the source of the extract"),
        ({"source": "<script>"}, "Select the source of the extract"),
        ({"source": "another"}, "Enter a name for the list"),
        ({"source": "another", "name": "\u202e\u0627\u0628"}, "letters from a to z"),
        ({"source": "another", "name": "9 lives"}, "Enter a name that begins with a letter"),
        ({"source": "another", "name": "a <b>list</b>"}, "letters from a to z, numbers, spaces"),
        ({"mode": ""}, "Select whether the extract lists everybody"),
        ({"as_of_day": "", "as_of_month": "", "as_of_year": ""}, "Enter the day on which"),
        ({"as_of_day": "31", "as_of_month": "2"}, "The day must be a real date"),
        ({"as_of_month": "Septober"}, "The day must be a real date"),
        ({"as_of_day": "\u0663"}, "The day must be a real date"),
        ({"as_of_year": "24"}, "Enter the year in four digits"),
        ({"as_of_year": "0025"}, "is before 1 January 1990"),
        ({"source": "another", "name": "Swift"}, "There is a source of this name"),
        ({"source": "another", "name": "E-Start"}, "There is a source of this name"),
        ({"as_of_year": "2999"}, "is in the future"),
    ],
    ids=lambda value: " ".join(map(ascii, value.values())) if isinstance(value, dict) else "",
)
def test_what_cannot_be_is_said_and_what_was_typed_stays(
    steward: TestClient, wrong: dict[str, str], says: str
) -> None:
    sent = details(**wrong)
    answer = form(steward, "/extracts/new", sent)
    assert says in errors(answer)
    if sent["as_of_day"]:
        assert f'value="{sent["as_of_day"]}"' in answer.text


def test_a_day_before_what_is_current_is_refused_before_the_file_is_sent(
    steward: TestClient, service: Service
) -> None:
    bring(steward, SWIFT, "swift")
    do_work(service)
    answer = form(steward, "/extracts/new", details(as_of_month="8"))
    assert "older than that of extract 1" in errors(answer)


def test_a_file_goes_with_nothing_but_details_that_are_complete(steward: TestClient) -> None:
    for address in (
        "/extracts/new/file",
        where("swift", "soon"),
        where("Swift!"),
        where("x", mode=""),
    ):
        answer = steward.get(address)
        assert (answer.status_code, answer.headers["location"]) == (303, "/extracts/new")


def test_a_plain_list_is_recognised_checked_and_linked(
    steward: TestClient, service: Service
) -> None:
    answer = bring(steward, PLAIN)
    assert answer.headers["location"] == "/extracts/1"
    shown = steward.get("/extracts/1").text
    assert "The file is recognised: a list of people." in shown
    assert "It is being checked" in shown and "<progress" in shown
    assert do_work(service) == 1
    shown = steward.get("/extracts/1").text
    assert "What linking it changed" in shown and "In the register" in shown
    assert "by rule, because no stop was met" in shown
    assert "it is accepted by rule" in steward.get(where("swift")).text
    home = steward.get("/").text
    assert "Sources it is too early to tell for" not in home
    assert home.count("<li>365 days old</li>") == 1
    assert "Last extracts of sources that are overdue" in home


def test_which_sheet_of_a_workbook_was_read_and_which_were_not_is_said(
    steward: TestClient, service: Service
) -> None:
    rows = [line.split(",") for line in PLAIN.decode().splitlines()]
    sheets = {"Notes": [["Read me first"]], "List": rows, "Old": rows}
    brought = bring(steward, workbook(sheets, hidden="Old"), name="list.xlsx")
    assert brought.status_code == 303
    do_work(service)
    shown = " ".join(re.sub(r"<[^>]+>", " ", steward.get("/extracts/1").text).split())
    assert "Read: sheet 2 ." in shown
    assert "sheet 1, because it holds no list of this source" in shown
    assert "sheet 3, because it is hidden" in shown


def test_a_file_of_a_known_system_is_recognised_as_its(steward: TestClient) -> None:
    bring(steward, SWIFT, "swift")
    assert "recognised: Social care clients (Swift)" in steward.get("/extracts/1").text


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "list.csv", "the file is empty (0 bytes)"),
        (b" \n \n", "list.csv", "the file holds nothing but blanks"),
        (b"%PDF-1.7 and so on", "list.csv", "this is a PDF, whatever its name says"),
        (b"<!doctype html><p>", "list.xls", "this is a web page (HTML)"),
        (as_zip(), "list.zip", "the zip holds no file"),
        (b"PK\x03\x04 cut short", "list.zip", "cut short or damaged"),
        (locked_workbook(), "list.xlsx", "protected by a password"),
    ],
    ids=["empty", "blank", "pdf", "html", "empty zip", "damaged zip", "password"],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason_and_not_kept(
    steward: TestClient, service: Service, content: bytes, name: str, says: str
) -> None:
    answer = bring(steward, content, name=name)
    assert says in errors(answer)
    assert "1 September 2024" in answer.text
    assert count(service, Extract) == count(service, ExtractChunk) == 0
    assert list(service.uploads.iterdir()) == []


def test_no_file_at_all_is_said(steward: TestClient) -> None:
    token = token_in(steward.get("/account").text)
    boundary = {"Content-Type": "multipart/form-data; boundary=b"}
    sent = (
        f'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{token}\r\n--b\r\n'
        'Content-Disposition: form-data; name="file"; filename=""\r\n'
        "Content-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n"
    )
    answer = steward.post(where("library"), content=sent, headers=boundary)
    assert errors(answer) == "Select a file"


def test_a_file_without_the_forms_token_before_it_is_neither_read_nor_kept(
    steward: TestClient, service: Service
) -> None:
    for fields in ({}, {"csrf": "0" * 64}):
        answer = steward.post(where("library"), data=fields, files={"file": ("x.csv", PLAIN)})
        assert answer.status_code == 403
    token = token_in(steward.get("/account").text)
    late = (
        '--b\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n\r\n'
        f'{PLAIN.decode()}\r\n--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n'
        f"{token}\r\n--b--\r\n"
    )
    boundary = {"Content-Type": "multipart/form-data; boundary=b"}
    assert steward.post(where("library"), content=late, headers=boundary).status_code == 403
    assert count(service, Extract) == 0
    assert list(service.uploads.iterdir()) == []


def test_nothing_of_a_file_is_read_before_the_sign_in_is_checked(
    application: FastAPI, sign_in: SignIn
) -> None:
    asked = 0

    def body() -> Any:
        nonlocal asked
        for _ in range(1000):
            asked += 1
            yield b"x" * 65536

    boundary = {"Content-Type": "multipart/form-data; boundary=b"}
    with TestClient(application, follow_redirects=False) as nobody:
        answer = nobody.post(where("library"), content=body(), headers=boundary)
    assert answer.headers["location"].startswith("/sign-in")
    reviewer = sign_in(Role.REVIEWER)
    assert reviewer.post(where("library"), content=body(), headers=boundary).status_code == 403


def test_a_file_may_be_larger_than_other_forms(steward: TestClient, service: Service) -> None:
    rows = "".join(f"{n},Ada,Lees,2019-05-03\n" for n in range(150_000))
    content = "record_id,forename,surname,date_of_birth\n" + rows
    assert len(content) > 3 * 1024**2
    assert bring(steward, content).headers["location"] == "/extracts/1"


def test_the_same_file_again_is_the_extract_that_is_there(
    steward: TestClient, service: Service
) -> None:
    bring(steward, PLAIN)
    do_work(service)
    assert bring(steward, PLAIN).headers["location"] == "/extracts/1"
    assert "This file is here already" in steward.get("/extracts/1").text
    assert count(service, Extract) == 1


def test_the_same_file_again_tells_what_was_put_or_deleted_since(
    steward: TestClient, service: Service
) -> None:
    bring(steward, PLAIN)
    do_work(service)
    with writing(service.engine) as connection:
        delete_record(
            connection,
            shipped(),
            source="library",
            record_id="1",
            by="steward",
            now=datetime.now(UTC),
        )
    bring(steward, PLAIN)
    shown = steward.get("/extracts/1").text
    assert "1 record of its source was put or deleted one by one since" in shown
    assert "upload it with a later date" in shown


def test_a_file_of_another_source_is_offered_to_that_source(
    steward: TestClient, service: Service
) -> None:
    place = bring(steward, SWIFT, "tribal").headers["location"]
    assert place == "/extracts/1/columns"
    shown = steward.get(place).text
    assert "It is from Social care clients (Swift)" in shown
    after_all = shown.partition("after all</h2>")[2]
    first = re.search(r"<p class=\"govuk-body\">(.*?)</p>", after_all)
    assert first is not None
    assert first[1].startswith("Select the column that holds each piece of information.")
    answer = form(steward, "/extracts/1/source", {"source": "ctf"}, place)
    assert answer.headers["location"] == place
    form(steward, "/extracts/1/source", {"source": "swift"}, place)
    do_work(service)
    assert "Social care clients (Swift)" in steward.get("/extracts/1").text
    assert state(service, 1) == "current"


def test_a_zip_with_the_lists_of_two_sources_offers_both(steward: TestClient) -> None:
    place = bring(steward, as_zip(a=SWIFT, b=TRIBAL), "library", "two.zip").headers["location"]
    shown = steward.get(place).text
    assert "It is from Social care clients (Swift)" in shown
    assert "It is from School admissions (Tribal)" in shown


def said_of_columns(steward: TestClient, service: Service, source: str) -> int:
    """An extract of a new source, after somebody said what its columns are; its number."""
    place = bring(steward, STRANGE, source).headers["location"]
    form(steward, place, CHOSEN)
    do_work(service)
    return int(place.split("/")[2])


def test_only_sources_with_an_accepted_extract_are_offered_for_what_was_said_of_columns(
    steward: TestClient, service: Service
) -> None:
    said_of_columns(steward, service, "toddlers")
    place = bring(steward, STRANGE, "library").headers["location"]
    assert "What do the columns mean?" in steward.get(place).text
    assert "It is from" not in steward.get(place).text
    form(steward, "/extracts/1/accept", {}, "/extracts/1")
    do_work(service)
    assert state(service, 1) == "current"
    shown = steward.get(place).text
    assert "Is this another source?" in shown and "It is from Toddlers" in shown


def test_a_page_that_offers_other_sources_has_one_primary_button(steward: TestClient) -> None:
    place = bring(steward, SWIFT, "tribal").headers["location"]
    shown = steward.get(place).text
    buttons = re.findall(r'<button[^>]* class="govuk-button([^"]*)"[^>]*>\s*([^<]*)', shown)
    primary = [text.strip() for classes, text in buttons if not classes.strip()]
    assert primary == ["Save and continue"]
    assert "Choose a source to have it be an extract of that source instead" in shown


def test_a_zip_with_two_unknown_lists_says_that_each_must_come_by_itself(
    steward: TestClient,
) -> None:
    other = "No,Nickname,Clan\n1,Ada,Lees\n"
    answer = bring(steward, as_zip(a=STRANGE, b=other), name="two.zip")
    assert "bring each list by itself" in errors(answer)


def test_what_holds_no_list_is_refused_at_once(steward: TestClient, service: Service) -> None:
    for name, content in (("list.zip", "hello there\nand so on"), ("list.csv", "\n\n,,\n")):
        answer = bring(steward, content, name=name)
        assert answer.status_code == 422 and "The file cannot be used" in errors(answer), name
    assert count(service, ExtractChunk) == 0


def test_the_first_rows_are_shown_beside_what_they_probably_are(steward: TestClient) -> None:
    place = bring(steward, STRANGE).headers["location"]
    shown = steward.get(place).text
    assert "Quillfeather" in shown and "Child No" in shown
    assert [field for field in CHOSEN if f'name="{field}"' in shown] == list(CHOSEN)
    assert "Quillfeather" not in steward.get("/extracts/1").text
    assert "Several columns have" not in shown
    assert "You need this, surname or whole name" in shown
    twice = bring(steward, STRANGE.replace("Home Postcode", "Born"), name="other.csv")
    said = "Several columns have the header “<bdi>Born</bdi>”"
    assert said in steward.get(twice.headers["location"]).text


def test_the_rows_are_shown_for_a_purpose_of_the_source_only_and_that_is_on_record(
    steward: TestClient, sign_in: SignIn, service: Service
) -> None:
    place = bring(steward, STRANGE).headers["location"]
    steward.get(place)
    with reading(service.aside) as connection:
        about = connection.scalars(select(Access.about).where(Access.route.like("%columns"))).all()
    assert ["extract 1"] in [list(one) for one in about]
    other = sign_in(Role.STEWARD, purposes=("social_care",))
    shown = other.get(place).text
    assert "Quillfeather" not in shown and "Child No" in shown
    assert "The rows are not shown" in shown


def test_columns_once_said_are_read_so_and_wait_for_a_person_the_first_time(
    steward: TestClient, service: Service
) -> None:
    place = bring(steward, STRANGE).headers["location"]
    answer = form(steward, place, CHOSEN)
    assert answer.headers["location"] == "/extracts/1"
    do_work(service)
    assert state(service, 1) == "validated"
    shown = steward.get("/extracts/1").text
    assert "It was not accepted automatically, because:" in shown
    assert "It is the first extract read with the columns that a person selected" in shown
    form(steward, "/extracts/1/accept", {}, "/extracts/1")
    do_work(service)
    assert state(service, 1) == "current"
    token = token_in(steward.get("/account").text)
    later = STRANGE.replace("18,", "19,")
    answer = steward.post(
        where("library", "2024-09-02"), data={"csrf": token}, files={"file": ("x.csv", later)}
    )
    assert answer.headers["location"] == "/extracts/2"
    do_work(service)
    assert state(service, 2) == "current"


def test_what_came_before_its_columns_were_said_is_read_by_what_is_said_of_another(
    steward: TestClient, service: Service
) -> None:
    place = bring(steward, STRANGE).headers["location"]
    token = token_in(steward.get("/account").text)
    for day, content in (
        ("2024-09-02", STRANGE.replace("18,", "19,")),
        ("2024-09-03", "No,Nickname,Clan\n1,Ada,Lees\n"),
    ):
        sent = {"data": {"csrf": token}, "files": {"file": ("x.csv", content)}}
        assert steward.post(where("library", day), **sent).headers["location"].endswith("/columns")
    answer = form(steward, place, CHOSEN)
    assert (
        "1 other extract that waited is read so, too."
        in steward.get(answer.headers["location"]).text
    )
    do_work(service)
    assert [state(service, one) for one in (1, 2, 3)] == ["validated", "validated", "received"]
    assert "Needs its columns" not in steward.get("/extracts/2").text


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"record_id": ""}, "Select the column that holds the record id"),
        (
            {"forename": "", "surname": ""},
            "Select the column that holds the forename, surname or whole name",
        ),
        ({"surname": "1"}, "Select another column: this one holds the forename"),
        ({"surname": "99", "forename": "x"}, "Select the column that holds the forename"),
    ],
    ids=["no id", "no name", "twice", "no such column"],
)
def test_columns_that_cannot_be_are_said_and_the_file_stays(
    steward: TestClient, service: Service, wrong: dict[str, str], says: str
) -> None:
    place = bring(steward, STRANGE).headers["location"]
    answer = form(steward, place, {**CHOSEN, **wrong})
    assert says in errors(answer)
    assert count(service, ExtractChunk) == 1
    assert count(service, SourceMapping) == count(service, Job) == 0


def test_headers_show_as_text_whatever_is_in_them(steward: TestClient) -> None:
    header = "<script>alert(1)</script>,\u202eNo,Na\u200bme,\u0627\u0644\u0627\u0633\u0645\n"
    place = bring(steward, header + "1,<b>x</b>,Ada,Lees\n").headers["location"]
    shown = steward.get(place).text
    assert "<script>alert" not in shown and "<b>x</b>" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "\u202e" not in shown and "\u200b" not in shown


def test_columns_without_a_header_are_said_to_need_one(steward: TestClient) -> None:
    place = bring(steward, "No,Name,,,\n1,Ada,Lees,2019-05-03,\n").headers["location"]
    assert "2 columns have no header, and cannot be selected" in steward.get(place).text
    place = bring(steward, STRANGE, "other").headers["location"]
    assert "no header" not in steward.get(place).text


def test_three_hundred_columns_are_read_if_they_are_known(
    steward: TestClient, service: Service
) -> None:
    more = [f"Extra {n}" for n in range(300)]
    text = io.StringIO()
    csv.writer(text).writerows(
        [
            ["record_id", "forename", "surname", *more],
            ["1", "Ada", "Lees", *["x"] * 300],
        ]
    )
    assert bring(steward, text.getvalue()).headers["location"] == "/extracts/1"
    answer = bring(steward, text.getvalue().replace("record_id", "Nr"), "other")
    assert "the list has 303 columns, and can have 80 at most" in errors(answer)


def test_an_unknown_file_can_be_withdrawn(steward: TestClient, service: Service) -> None:
    place = bring(steward, STRANGE).headers["location"]
    form(steward, "/extracts/1/withdraw", {"why": "a slip"}, place)
    assert state(service, 1) == "withdrawn"
    assert count(service, ExtractChunk) == 0


def test_an_extract_is_refused_with_a_reason_only(steward: TestClient, service: Service) -> None:
    form(steward, bring(steward, STRANGE).headers["location"], CHOSEN)
    do_work(service)
    # One way to be rid of it: what is in the register is withdrawn, and what waits is refused.
    waits = steward.get("/extracts/1").text
    assert "Refuse this extract" in waits and "Withdraw this extract" not in waits
    answer = form(steward, "/extracts/1/refuse", {"why": " "}, "/extracts/1")
    assert errors(answer) == "Enter why you refuse the extract"
    answer = form(steward, "/extracts/1/refuse", {"why": "the \u202ehtnom"}, "/extracts/1")
    assert errors(answer) == (
        "Leave out what cannot be seen: right-to-left override, in or beside word 2"
    )
    form(steward, "/extracts/1/refuse", {"why": "the wrong month"}, "/extracts/1")
    assert state(service, 1) == "refused"
    refused = steward.get("/extracts/1").text
    assert "the wrong month" in refused and "by rule" not in refused


def test_what_linking_did_is_undone_by_withdrawing(steward: TestClient, service: Service) -> None:
    form(steward, bring(steward, STRANGE).headers["location"], CHOSEN)
    do_work(service)
    form(steward, "/extracts/1/accept", {}, "/extracts/1")
    do_work(service)
    current = steward.get("/extracts/1").text
    assert "Withdraw this extract" in current and "Refuse this extract" not in current
    answer = form(steward, "/extracts/1/withdraw", {"why": " "}, "/extracts/1")
    assert errors(answer) == "Enter why you withdraw the extract"
    form(steward, "/extracts/1/withdraw", {"why": "it was of last year"}, "/extracts/1")
    undone = steward.get("/extracts/1").text
    assert "It is being undone" in undone and "it was of last year" in undone
    do_work(service)
    shown = steward.get("/extracts/1").text
    assert "What linking it changed" in shown and "What undoing it changed" in shown


def test_work_is_stopped_and_done_again(steward: TestClient, service: Service) -> None:
    bring(steward, PLAIN)
    form(steward, "/extracts/1/cancel", {}, "/extracts/1")
    shown = steward.get("/extracts/1").text
    assert "The work on this extract was stopped" in shown and "Do it again" in shown
    assert do_work(service) == 0
    form(steward, "/extracts/1/retry", {}, "/extracts/1")
    assert do_work(service) == 1
    assert state(service, 1) == "current"


def test_work_that_is_over_can_neither_be_stopped_nor_done_again(
    steward: TestClient, service: Service
) -> None:
    bring(steward, PLAIN)
    do_work(service)
    form(steward, "/extracts/1/cancel", {}, "/extracts/1")
    form(steward, "/extracts/1/retry", {}, "/extracts/1")
    assert do_work(service) == 0
    assert state(service, 1) == "current"


def test_progress_is_asked_for_until_the_work_is_over(
    steward: TestClient, service: Service
) -> None:
    bring(steward, PLAIN)
    htmx = {"HX-Request": "true"}
    assert 'hx-trigger="every 1s"' in steward.get("/extracts/1", headers=htmx).text
    do_work(service)
    answer = steward.get("/extracts/1", headers=htmx)
    assert answer.headers["HX-Redirect"] == "/extracts/1"


def test_rejects_are_listed_by_reason_and_row_and_downloaded(
    steward: TestClient, service: Service
) -> None:
    bring(steward, PLAIN + b"3,Cy,Lees,yesterday\n")
    do_work(service)
    assert "The cell holds no date" in steward.get("/extracts/1").text
    shown = steward.get("/extracts/1/rejects").text
    assert "The cell holds no date" in shown and "yesterday" not in shown
    answer = steward.get("/extracts/1/rejects.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["row"], row["record_id"], row["code"]) for row in rows] == [
        ("4", "3", "date_unreadable")
    ]
    assert steward.get("/extracts/1/fields.svg").headers["content-type"] == "image/svg+xml"


def test_extracts_are_listed_by_source_and_state_in_pages(
    steward: TestClient, service: Service
) -> None:
    token = token_in(steward.get("/account").text)
    for day in range(1, 32):
        content = PLAIN + f"{day + 5},Cy,Lees,2019-01-01\n".encode()
        files = {"file": ("x.csv", content)}
        steward.post(where("library", f"2024-08-{day:02}"), data={"csrf": token}, files=files)
    bring(steward, SWIFT, "swift")
    first = steward.get("/extracts").text
    assert ">32<" in first and ">2<" not in first
    found = re.search(r'href="(/extracts\?cursor=[^"]+)" rel="next"', first)
    assert found is not None
    second = steward.get(found[1].replace("&amp;", "&")).text
    assert ">2<" in second and ">32<" not in second
    only = steward.get("/extracts?source=swift&state=received").text
    assert ">32<" in only and ">31<" not in only
    assert "There are no such extracts" in steward.get("/extracts?state=current").text


def test_what_waits_for_its_columns_says_so_wherever_it_is_listed(steward: TestClient) -> None:
    bring(steward, STRANGE)
    for address in ("/", "/extracts", "/extracts/1"):
        shown = steward.get(address).text
        assert "Needs its columns" in shown and 'href="/extracts/1/columns"' in shown, address
        assert "Being checked" not in shown


def test_who_may_not_say_what_columns_mean_is_not_led_there(
    steward: TestClient, sign_in: SignIn
) -> None:
    bring(steward, STRANGE)
    auditor = sign_in(Role.AUDITOR)
    assert auditor.get("/extracts/1/columns").status_code == 403
    for address in ("/", "/extracts", "/extracts/1"):
        shown = auditor.get(address).text
        assert "Needs its columns" in shown and "/extracts/1/columns" not in shown, address


def test_what_waits_for_its_columns_is_a_state_to_choose(steward: TestClient) -> None:
    bring(steward, STRANGE)
    listed = 'href="/extracts/1"'
    shown = steward.get("/extracts?state=needs_columns").text
    assert listed in shown and '<option value="needs_columns" selected>' in shown
    for other in ("received", "current"):
        assert "There are no such extracts" in steward.get(f"/extracts?state={other}").text


def test_an_extract_shows_which_column_became_which_field(
    steward: TestClient, service: Service, sign_in: SignIn
) -> None:
    form(steward, bring(steward, STRANGE).headers["location"], CHOSEN)
    do_work(service)
    shown = steward.get("/extracts/1").text
    told = shown.split("Which column became which field")[-1]
    rows = dict(re.findall(r'header">([^<]*)</th><td[^>]*>(?:<bdi>)?([^<]*)<', told))
    assert (rows["Record id"], rows["Surname"]) == ("Child No", "Family Name")
    bring(steward, PLAIN, "swift")
    do_work(service)
    assert "Which column became" not in steward.get("/extracts/2").text
    auditor = sign_in(Role.AUDITOR).get("/extracts/1")
    assert auditor.status_code == 200 and "Child No" not in auditor.text


def test_a_list_with_headers_alone_is_refused_before_anybody_is_asked(steward: TestClient) -> None:
    lists = {"swift": (STRANGE, TRIBAL, SWIFT), "library": (PLAIN.decode(),)}
    for source, contents in lists.items():
        for content in contents:
            answer = bring(steward, content.splitlines()[0] + "\n", source)
            assert "headers but no row below them" in errors(answer)


def test_ids_that_name_other_people_are_told_and_wait_for_a_person(
    steward: TestClient, service: Service
) -> None:
    names = ["Ada", "Ben", "Cal", "Dee", "Eve", "Fay"]

    def rows(shift: int) -> str:
        cells = [
            f"{at},{names[(at + shift) % 6]},Lees,2019-05-0{1 + (at + shift) % 6}"
            for at in range(6)
        ]
        return "\n".join(["record_id,forename,surname,date_of_birth", *cells]) + "\n"

    bring(steward, rows(0))
    do_work(service)
    token = token_in(steward.get("/account").text)
    again = steward.post(
        where("library", as_of="2024-09-08"),
        data={"csrf": token},
        files={"file": ("list.csv", rows(1))},
    )
    do_work(service)
    shown = " ".join(re.sub(r"<[^>]+>", " ", steward.get(again.headers["location"]).text).split())
    assert "Ids of them that name another person now 6" in shown
    assert "100% of the records that it lists and that were there before have another name" in shown
    assert state(service, 2) == "validated"


def test_accepting_what_somebody_accepted_meanwhile_says_so(
    steward: TestClient, service: Service
) -> None:
    form(steward, bring(steward, STRANGE).headers["location"], CHOSEN)
    do_work(service)
    assert form(steward, "/extracts/1/accept", {}, "/extracts/1").status_code == 303
    again = form(steward, "/extracts/1/accept", {}, "/extracts/1")
    assert errors(again) == "This extract was accepted already, and waits for the next run"
    do_work(service)
    again = form(steward, "/extracts/1/refuse", {"why": "x"}, "/extracts/1")
    assert errors(again) == "This extract was accepted already, and is in the register"
    shown = steward.get("/extracts/1").text
    assert "Possible links to decide afterwards" in shown and "Conflicts to settle" in shown


def test_a_report_that_does_not_hold_any_more_is_shown_again(
    steward: TestClient, service: Service
) -> None:
    form(steward, bring(steward, STRANGE).headers["location"], CHOSEN)
    bring(steward, STRANGE.replace("17,", "19,"))
    do_work(service)
    form(steward, "/extracts/1/accept", {}, "/extracts/1")
    do_work(service)
    again = form(steward, "/extracts/2/accept", {}, "/extracts/2")
    assert "Read it again before you decide" in errors(again)
    assert "another extract of the source with the same date" in again.text.lower()
    assert state(service, 2) == "validated"
    assert form(steward, "/extracts/2/accept", {}, "/extracts/2").status_code == 303


def test_nobody_accepts_an_extract_by_a_report_that_they_did_not_see(
    steward: TestClient, service: Service
) -> None:
    form(steward, bring(steward, STRANGE).headers["location"], CHOSEN)
    bring(steward, STRANGE.replace("17,", "19,"))
    do_work(service)
    second_tab = hidden(steward.get("/extracts/2").text, "/extracts/2/accept")
    form(steward, "/extracts/1/accept", {}, "/extracts/1")
    do_work(service)
    for _ in range(2):
        again = steward.post("/extracts/2/accept", data=second_tab)
        assert "Read it again before you decide" in errors(again)
        assert "another extract of the source with the same date" in again.text.lower()
        assert state(service, 2) == "validated"
    without = steward.post("/extracts/2/accept", data={"csrf": second_tab["csrf"]})
    assert "Read it again before you decide" in errors(without)
    read = steward.post("/extracts/2/accept", data=hidden(again.text, "/extracts/2/accept"))
    assert (read.status_code, state(service, 2)) == (303, "accepted")


def test_nobody_accepts_a_report_that_is_made_anew_at_that_moment(
    steward: TestClient, service: Service
) -> None:
    form(steward, bring(steward, STRANGE).headers["location"], CHOSEN)
    do_work(service)
    shown = hidden(steward.get("/extracts/1").text, "/extracts/1/accept")

    def judge_again(connection: Connection) -> None:
        hold_extract(connection, 1)
        report = connection.scalar(select(Extract.report)) or {}
        other = {**report, "stops": report["stops"] * 2}
        connection.execute(update(Extract).values(report=other))

    late = overtaken(
        service.engine, lambda: steward.post("/extracts/1/accept", data=shown), judge_again
    )
    assert "Read it again before you decide" in errors(late)
    assert state(service, 1) == "validated"


def test_a_list_that_was_never_let_in_is_offered_nowhere(
    steward: TestClient, service: Service
) -> None:
    bring(steward, STRANGE, "rubbish")
    form(steward, bring(steward, STRANGE, "kept").headers["location"], CHOSEN)
    do_work(service)
    form(steward, "/extracts/2/accept", {}, "/extracts/2")
    do_work(service)
    for address in ("/extracts/new", "/matching"):
        shown = steward.get(address).text
        assert "Kept" in shown and "Rubbish" not in shown, address
    assert steward.get("/matching?base=rubbish").status_code == 404


def test_a_source_that_no_rules_define_has_one_name_and_no_agreed_basis(
    steward: TestClient,
) -> None:
    bring(steward, PLAIN, "nursery_multi")
    listed = ["/", "/extracts", "/administration/sources", "/administration/keys/new"]
    for address in listed:
        shown = steward.get(address).text
        assert "Nursery multi" in shown, address
        assert "nursery_multi<" not in shown and ">nursery_multi" not in shown, address
    told = " ".join(re.sub(r"<[^>]+>", " ", steward.get(listed[2]).text).split())
    assert "Not stated" in told and "In force" not in told
    assert "Add an agreement that states it" in told
    own = re.search(r'href="(/administration/sources/\d+)"', steward.get(listed[2]).text)
    assert own is not None
    assert "Nobody has stated the lawful basis" in steward.get(own[1]).text
    stated = {
        "csrf": token_in(steward.get("/account").text),
        "basis": "Childcare Act 2006, section 7",
        "purposes": ["early_years"],
    }
    assert steward.post(f"{own[1]}/new", data={**stated, "basis": ""}).status_code == 422
    assert steward.post(f"{own[1]}/new", data=stated).status_code == 303
    assert "In force" in steward.get(own[1]).text


def test_systems_are_offered_to_reviewers_once_they_have_records(
    steward: TestClient, service: Service
) -> None:
    bring(steward, PLAIN, "nursery_multi")
    assert "Nursery multi" not in steward.get("/review").text
    do_work(service)
    form(steward, "/extracts/1/accept", {}, "/extracts/1")
    do_work(service)
    assert "Nursery multi" in steward.get("/review").text


def test_the_page_tells_what_becomes_of_activity_and_why_the_extract_waits(
    steward: TestClient, service: Service
) -> None:
    members = "Member ID,Type,Name,DOB\nm1,Child,Amy Lees,04/05/2019\n"
    header = "Member ID,Date,Centre,Activity,Attended\n"
    rows = "".join(f"m1,01/08/2024,Royton,Play {number},Y\n" for number in range(60))
    for day, contacts in (("2024-09-01", header + rows), ("2024-09-08", header)):
        token = token_in(steward.get("/account").text)
        content = as_zip(members=members, contacts=contacts)
        files = {"file": ("estart.zip", content)}
        steward.post(where("estart", day), data={"csrf": token}, files=files)
        do_work(service)
    shown, linked = (
        " ".join(re.sub(r"<[^>]+>", " ", steward.get(f"/extracts/{extract}").text).split())
        for extract in (2, 1)
    )
    assert "Rows of activity that began 60" in linked
    assert "Kind In it New Gone Unchanged Contacts 0 0 60 0" in shown
    assert "Contacts: it holds 100% fewer than the source has now of the records that" in shown
