"""What pages do not show who may not see it, and who is not let in."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from typer.testing import CliRunner

from api.cli import app
from api.db.engine import reading
from api.db.models import Access
from api.rest.service import Service, opened
from api.services.access.roles import Role
from tests.databases import Databases
from tests.register_service.registers import shipped
from tests.register_service.reviewed import AISHA, PEOPLE, UNSURE, Reviewed, reviewed
from tests.rest.people import ids_for
from tests.web.conftest import SignIn, token_in

UPN = "J353200120015"
PUPIL = ("school", UPN)


@pytest.fixture
def register(databases: Databases, tmp_path: Path) -> Iterator[Reviewed]:
    people = [{**PEOPLE[0], "record_id": UPN}, *PEOPLE[1:]]
    with reviewed(databases, tmp_path, people) as found:
        yield found


@pytest.fixture
def service(register: Reviewed) -> Iterator[Service]:
    """Where the ids of one source are UPNs."""
    with opened(register.engine, shipped()) as found:
        ids_for(found, "school", "education")
        yield found


def send(client: TestClient, path: str, **values: Any) -> Any:
    return client.post(path, data={"csrf": token_in(client.get("/account").text), **values})


@pytest.mark.parametrize("told_for", ["education", "early_years"])
def test_pages_call_a_record_by_its_number_where_its_id_is_a_upn(
    register: Reviewed, service: Service, sign_in: SignIn, told_for: str
) -> None:
    """For a purpose that may see it too: pages mask UPNs until somebody asks for one."""
    ids_for(service, "school", told_for)
    register.say("match", UNSURE, PUPIL)
    register.take_back(register.decisions()[-1])
    child = register.child(PUPIL)
    with reading(register.engine) as connection:
        ids = register.ids(connection)
    number, unsure, clinic = ids[PUPIL], ids[UNSURE], ids[AISHA[1]]
    pair = "-".join(str(one) for one in sorted((number, unsure)))
    own = "-".join(str(one) for one in sorted((number, clinic)))
    reviewer, senior = sign_in(Role.REVIEWER), sign_in(Role.SENIOR_REVIEWER)
    pages = {
        address: senior.get(address)
        for address in (
            "/matching?base=school",
            f"/matching/records/{number}",
            f"/matching/pairs/{pair}",
            f"/matching/pairs/{own}",
            f"/children/{child}",
            f"/children/{child}/why",
            f"/children/{child}/history",
            f"/children/{child}/journey",
            "/review",
            f"/review/clusters/{pair}",
        )
    }
    waits = send(reviewer, "/review/next")
    pages["the pair in hand"] = reviewer.get(waits.headers["location"])
    for name, answer in pages.items():
        assert answer.status_code == 200, name
        assert UPN not in answer.text, name
    for name in ("/matching?base=school", f"/children/{child}", f"/children/{child}/why"):
        assert f"record {number}" in pages[name].text, name
    found = send(senior, "/matching", base="school", record_id=UPN)
    if told_for == "education":
        assert found.status_code == 422
        assert "This may not be used" in found.text
    else:
        assert found.status_code == 303
    # They can still act on it.
    checked = send(senior, f"/matching/records/{number}/check", checked="yes")
    assert checked.status_code == 303
    shown = re.search(r'name="shown" value="([^"]+)"', senior.get(f"/matching/pairs/{pair}").text)
    assert shown is not None
    token = re.findall(r'name="token" value="([^"]+)"', pages["the pair in hand"].text)[0]
    send(reviewer, f"{waits.headers['location']}/release", token=token)
    said = {"kind": "non_match", "why": "two children", "shown": shown[1]}
    decided = send(senior, f"/matching/pairs/{pair}", **said)
    assert decided.status_code == 303
    shielded = send(senior, f"/children/{child}/shield", why="a test")
    assert shielded.status_code == 303


def test_a_list_that_is_taken_along_has_such_ids_for_who_may_see_them(
    service: Service, sign_in: SignIn
) -> None:
    analyst = sign_in(Role.ANALYST)
    for told_for, there in (("education", False), ("early_years", True)):
        ids_for(service, "school", told_for)
        taken = send(analyst, "/matching/export?base=school")
        assert taken.status_code == 200
        assert (UPN in taken.text) is there


def test_a_command_shows_and_takes_no_such_id_either(register: Reviewed, service: Service) -> None:
    where = ["--database", register.engine.url.render_as_string(hide_password=False)]
    asked = ["--purpose", "early_years", *where]
    shown = CliRunner().invoke(app, ["show", "child", register.child(PUPIL), *asked])
    assert shown.exit_code == 0
    assert UPN not in shown.output
    assert "school record " in shown.output
    refused = CliRunner().invoke(app, ["show", "record", *PUPIL, *asked])
    assert refused.exit_code != 0
    assert UPN not in refused.output


def test_a_search_takes_a_value_only_for_what_it_may_be_used(
    register: Reviewed, service: Service, sign_in: SignIn
) -> None:
    client = sign_in(Role.ANALYST)
    for values in ({"upn": UPN}, {"upn": UPN, "surname": "Malik"}):
        found = send(client, "/children", **values)
        assert found.status_code == 422
        assert "This may not be used" in found.text
    by_id = client.get(send(client, "/children", record_id=UPN).headers["location"])
    assert "No child was found" in by_id.text
    assert "Check the spelling, or search again with fewer details." in by_id.text
    assert register.child(PUPIL) not in by_id.text


def test_a_failed_sign_in_stands_in_the_log_without_what_was_typed(
    service: Service, sign_in: SignIn
) -> None:
    client = sign_in(Role.ANALYST)
    client.cookies.clear()
    token = token_in(client.get("/sign-in").text)
    typed = {"csrf": token, "name": "aisha.malik", "password": "not the password"}
    assert client.post("/sign-in", data=typed).status_code == 422
    with reading(service.aside) as connection:
        rows = connection.execute(select(Access.__table__)).mappings().all()
    assert [(row["by"], row["route"], row["status"]) for row in rows] == [
        ("(nobody)", "POST /sign-in", 422)
    ]
    assert "aisha" not in str(rows)
