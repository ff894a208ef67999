"""A copy of all that is held of one child."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from api.db.engine import reading
from api.db.models import Access, Audit
from api.rest.service import Service, opened
from api.services.access.roles import Role
from tests.databases import Databases
from tests.register_service.registers import shipped
from tests.register_service.reviewed import AISHA, PEOPLE, Reviewed, reviewed
from tests.register_service.seen import put
from tests.web.conftest import SignIn, token_in

UPN = "B801200005001"
ADDRESS = "/administration/subject-access"


@pytest.fixture
def register(databases: Databases, tmp_path: Path) -> Iterator[Reviewed]:
    """One child whom three systems hold, among others."""
    with reviewed(databases, tmp_path) as found:
        yield found


@pytest.fixture
def service(register: Reviewed) -> Iterator[Service]:
    with opened(register.engine, shipped()) as found:
        yield found


def copied(sign_in: SignIn, child_id: str, role: Role = Role.STEWARD) -> Any:
    client = sign_in(role)
    csrf = token_in(client.get("/account").text)
    client.get(f"/children/{child_id}")
    return client.post(ADDRESS, data={"csrf": csrf, "child_id": child_id})


def test_it_says_what_is_held_from_where_why_and_who_looked(
    register: Reviewed, service: Service, sign_in: SignIn
) -> None:
    child_id = register.child(AISHA[0])
    register.say("match", AISHA[0], AISHA[1])
    answer = copied(sign_in, child_id)
    assert answer.headers["content-disposition"] == f'attachment; filename="child-{child_id}.json"'
    found = json.loads(answer.content)
    assert found["child_id"] == child_id and found["left_out"] == []
    assert {one["record"] for one in found["records"]} == {"/".join(key) for key in AISHA}
    assert found["values"]["surname"]["source"] in {source for source, _ in AISHA}
    assert found["history"][-1]["what"] and found["history"][-1]["by"]
    decided = [pair for pair in found["why_together"] if pair["decisions"]]
    assert [one["decisions"][0]["decision"] for one in decided] == ["match"]
    assert all(pair["reasons"] for pair in found["why_together"])
    assert [one["what"] for one in found["accesses"]] == ["GET /children/{child_id}"]


def test_that_it_was_made_is_in_both_logs(
    register: Reviewed, service: Service, sign_in: SignIn
) -> None:
    child_id = register.child(AISHA[0])
    copied(sign_in, child_id)
    with reading(service.engine) as connection:
        act = connection.execute(
            select(Audit.about, Audit.by, Audit.purpose).where(Audit.action == "subject_access")
        ).one()
    assert tuple(act) == (f"child {child_id}", "steward.early_years", "early_years")
    with reading(service.aside) as aside:
        query = select(Access.about).where(Access.route == f"POST {ADDRESS}")
        about = aside.scalars(query).one()
    with reading(register.engine) as connection:
        ids = register.ids(connection)
    assert {child_id, *(f"record {ids[key]}" for key in AISHA)} == set(about)


def test_where_a_shielded_child_lives_is_left_out_and_said_to_be(
    register: Reviewed, sign_in: SignIn
) -> None:
    child_id = register.child(AISHA[0])
    register.shield(AISHA[0])
    text = copied(sign_in, child_id).text
    assert "OL1 1AA" not in text and "Mill" not in text
    assert json.loads(text)["left_out"] == ["where the child lives, which is hidden"]


def test_fields_that_may_not_be_seen_for_the_purpose_are_named(
    register: Reviewed, sign_in: SignIn
) -> None:
    put(register, AISHA[0], **{**PEOPLE[0], "upn": UPN})
    text = copied(sign_in, register.child(AISHA[0])).text
    assert UPN not in text
    assert json.loads(text)["left_out"] == [
        "upn that school holds, which may not be seen for this purpose"
    ]


def test_an_id_of_nobody_is_refused_and_no_copy_noted(
    register: Reviewed, service: Service, sign_in: SignIn
) -> None:
    answer = copied(sign_in, "nobody")
    assert answer.status_code == 422
    assert "Enter the id of a child in the register" in answer.text
    with reading(service.engine) as connection:
        assert "subject_access" not in set(connection.scalars(select(Audit.action)))


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.STEWARD])
def test_nobody_but_a_steward_gets_it(register: Reviewed, sign_in: SignIn, role: Role) -> None:
    answer = copied(sign_in, register.child(AISHA[0]), role)
    assert answer.status_code == 403
