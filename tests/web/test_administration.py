"""What stewards look after: people, keys, agreements, queued work and webhooks."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import insert, select, update

from api.db.engine import reading, writing
from api.db.models import Agreement, ApiKey, Audit, Job, JobState, Person, Source, WebhookDelivery
from api.rest.service import Service
from api.services.access.accounts import add_person
from api.services.access.agreements import add_agreement
from api.services.access.caller import Caller
from api.services.access.roles import Role
from api.services.access.signing_in import start_sign_in
from api.services.webhooks import DEAD, WAITING, keep_webhook
from api.services.work import enqueue
from tests.web.conftest import SignIn, token_in

TODAY = datetime.now(UTC).date()


class Steward:
    """Somebody who administers, in a browser."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.csrf = token_in(client.get("/account").text)

    def see(self, address: str) -> str:
        answer = self.client.get(address)
        assert answer.status_code == 200
        return unescape(answer.text)

    def once(self, address: str, **form: Any) -> str:
        """What is shown once after a form; then it is shown no more, and nothing is in the way."""
        answer = self.client.post(address, data={"csrf": self.csrf, **form})
        assert answer.status_code == 303
        there = answer.headers["location"]
        shown = self.see(there)
        assert "is not shown again</h1>" not in shown
        assert "is not shown again</h1>" in self.see(there)
        return shown

    def send(self, address: str, status: int = 303, **form: Any) -> str:
        answer = self.client.post(address, data={"csrf": self.csrf, **form})
        assert answer.status_code == status
        return unescape(answer.text)


@pytest.fixture
def steward(sign_in: SignIn) -> Iterator[Steward]:
    client = sign_in(Role.STEWARD)
    with client:
        yield Steward(client)


@pytest.fixture
def source(service: Service) -> int:
    """A source whose only agreement is for education, and has no end."""
    with writing(service.engine) as connection:
        row = {"name": "school", "title": "The school", "one_record_per_child": True}
        number: int = connection.execute(
            insert(Source).values(row).returning(Source.number)
        ).scalar_one()
        add_agreement(connection, number, lawful_basis="a law", purposes=["education"],
                      fields={"upn": ["education"]}, starts=None, ends=None, by="test",
                      now=datetime.now(UTC))  # fmt: skip
    return number


def acts(service: Service) -> list[str]:
    """What was done, as the log of acts has it."""
    with reading(service.engine) as connection:
        return list(connection.scalars(select(Audit.action).order_by(Audit.id)))


def person_called(service: Service, name: str) -> Any:
    with reading(service.engine) as connection:
        return connection.execute(select(Person.__table__).where(Person.name == name)).one()


def test_somebody_is_added_and_their_link_shown_once(
    steward: Steward, service: Service, client: TestClient
) -> None:
    shown = steward.once(
        "/administration/people/new",
        name="Grace",
        roles=["reviewer", "analyst"],
        purposes=["education", "no such purpose"],
        cleared="yes",
    )
    grace = person_called(service, "grace")
    assert (grace.roles, grace.purposes, grace.cleared) == (
        ["analyst", "reviewer"],
        ["education"],
        True,
    )
    found = re.search(r"http://testserver(/invitations/[\w-]+)", shown)
    assert found is not None
    assert client.get(found[1]).status_code == 200
    assert found[1] not in steward.see(f"/administration/people/{grace.id}")
    assert {"person_added", "person_invited"} <= set(acts(service))


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"name": "", "roles": ["analyst"]}, "Enter a name to sign in with"),
        ({"name": "grace"}, "Select what they may do"),
        ({"name": "grace", "roles": ["no such role"]}, "Select what they may do"),
        (
            {"name": "né", "roles": ["analyst"]},
            "Use letters without accents, digits, and the characters . _ @ + and -",
        ),
        ({"name": "né"}, "Use letters without accents, digits, and the characters . _ @ + and -"),
        ({"name": "grace hill", "roles": ["analyst"]}, "without spaces"),
        ({"name": "steward.early_years", "roles": ["analyst"]}, "There is a person called"),
    ],
)
def test_a_person_who_cannot_be_added_is_not(
    steward: Steward, service: Service, form: dict[str, Any], message: str
) -> None:
    before = acts(service)
    shown = steward.send("/administration/people/new", 422, **form)
    assert message in shown and "There is a problem" in shown
    assert acts(service) == before


def test_what_somebody_may_do_is_changed_and_nothing_else(
    steward: Steward, service: Service
) -> None:
    steward.send("/administration/people/new", name="grace", roles=["reviewer"])
    number = person_called(service, "grace").id
    steward.send(f"/administration/people/{number}", roles=["auditor"], purposes=["education"])
    grace = person_called(service, "grace")
    assert (grace.roles, grace.purposes, grace.cleared) == (["auditor"], ["education"], False)


def test_the_last_steward_can_be_neither_ended_nor_made_something_else(
    steward: Steward, service: Service
) -> None:
    mine = f"/administration/people/{person_called(service, 'steward.early_years').id}"
    assert "the last steward" in steward.send(f"{mine}/end", 422)
    assert "the last steward" in steward.send(mine, 422, roles=["analyst"])
    assert "the last steward" not in steward.see(mine)
    assert "end your own access?" in steward.see(f"{mine}/end")
    assert person_called(service, "steward.early_years").roles == ["steward"]


def test_who_is_ended_is_signed_out_and_gets_no_new_link(
    steward: Steward, service: Service, application: FastAPI
) -> None:
    now = datetime.now(UTC)
    with writing(service.engine) as connection:
        number = add_person(connection, "grace", roles=[Role.REVIEWER], by="test", now=now)
    token = start_sign_in(service.aside, number, "grace", now=now).token
    grace = TestClient(application, follow_redirects=False, cookies={"sign-in": token})
    assert grace.get("/account").status_code == 200
    address = f"/administration/people/{number}"
    assert 'action="/administration/people' in steward.see(address).partition(">If they leave<")[0]
    assert (
        "<form" not in steward.see(address).partition(">If they leave<")[2].partition("</main>")[0]
    )
    asked = steward.see(f"{address}/end")
    assert "end this person’s access?" in asked and "This cannot be undone" in asked
    steward.send(f"{address}/end")
    out = grace.get("/account")
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in?next=/account&why=closed")
    assert "Your access has ended" in grace.get(out.headers["location"]).text
    steward.send(f"/administration/people/{number}/link", 404)
    assert "Access has ended" in steward.see(f"/administration/people/{number}")


def test_a_key_is_shown_once_when_it_is_made_and_never_again(
    steward: Steward, service: Service, source: int, client: TestClient
) -> None:
    form = {"name": "census", "roles": ["system"], "purposes": ["education"], "days": "90"}
    shown = steward.once("/administration/keys/new", sources=["school"], **form)
    found = re.search(r"mk_[0-9a-f]{12}_[\w-]{43}", shown)
    assert found is not None
    headers = {"Authorization": f"Bearer {found[0]}"}
    assert client.get("/v1/sources", headers=headers).status_code == 200
    with reading(service.engine) as connection:
        row = connection.execute(select(ApiKey.__table__)).one()
    assert (row.sources, row.unattended, row.per_minute) == (["school"], True, None)
    _, _, secret = found[0].split("_", 2)
    for address in ("/administration/keys", f"/administration/keys/{row.id}"):
        assert secret not in steward.see(address)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": ""}, "Enter a name for the key"),
        ({"roles": []}, "Select what the key may do"),
        ({"days": "0"}, "Enter days as a number from 1 to 1,100"),
        ({"days": "²"}, "Enter days as a number"),
        ({"per_minute": "many"}, "Enter requests as a number"),
    ],
)
def test_a_key_that_cannot_be_made_is_not(
    steward: Steward, service: Service, wrong: dict[str, Any], message: str
) -> None:
    form = {"name": "census", "roles": ["system"], "days": "90"}
    assert message in steward.send("/administration/keys/new", 422, **(form | wrong))
    assert "key_created" not in acts(service)


def test_a_key_is_replaced_with_a_time_for_both_and_all_of_its_name_are_ended(
    steward: Steward, service: Service
) -> None:
    steward.once("/administration/keys/new", name="census", roles=["system"], days="90")
    with reading(service.engine) as connection:
        old = connection.scalar(select(ApiKey.id))
    wrong = steward.send(f"/administration/keys/{old}/rotate", 422, grace="91")
    assert "Enter days as a number from 0 to 90" in wrong
    shown = steward.once(f"/administration/keys/{old}/rotate", grace="3")
    assert "mk_" in shown and "3 more days at most" in shown
    assert "It was replaced by" in steward.see(f"/administration/keys/{old}")
    steward.send(f"/administration/keys/{old}/rotate", 409, grace="3")
    steward.send(f"/administration/keys/{old}/end")
    with reading(service.engine) as connection:
        ended = list(connection.scalars(select(ApiKey.revoked_at)))
    assert len(ended) == 2 and None not in ended


def test_an_agreement_past_its_last_day_says_what_it_stops(
    steward: Steward, service: Service, source: int
) -> None:
    address = f"/administration/sources/{source}"
    assert "No agreement holds" not in steward.see(address)
    with reading(service.engine) as connection:
        number = connection.scalar(select(Agreement.id))
    yesterday = TODAY - timedelta(days=1)
    typed = {"ends_day": yesterday.day, "ends_month": yesterday.month, "ends_year": yesterday.year}
    steward.send(f"/administration/agreements/{number}", **typed)
    shown = steward.see(address)
    assert "No agreement holds for this source" in shown
    assert "Golden values that came from it are left empty" in shown
    assert "No agreement holds for 1" in steward.see("/administration")
    with reading(service.engine) as connection:
        detail = connection.scalar(select(Audit.detail).order_by(Audit.id.desc()).limit(1))
    assert detail["to"] == {"starts": None, "ends": yesterday.isoformat()}


def test_a_new_agreement_lets_a_source_be_seen_for_what_it_says(
    steward: Steward, service: Service, source: int
) -> None:
    form: dict[str, Any] = {
        "basis": "another law",
        "purposes": ["education", "early_years"],
        "fields": "upn: education\n\npostcode: education, early_years",
        "starts_day": "1",
        "starts_month": "9",
        "starts_year": "2026",
    }
    steward.send(f"/administration/sources/{source}/new", **form)
    with reading(service.engine) as connection:
        row = connection.execute(
            select(Agreement.__table__).order_by(Agreement.id.desc()).limit(1)
        ).one()
    assert row.purposes == {
        "purposes": ["early_years", "education"],
        "fields": {"upn": ["education"], "postcode": ["early_years", "education"]},
    }
    assert (row.lawful_basis, row.starts, row.ends) == ("another law", date(2026, 9, 1), None)
    assert acts(service)[-1] == "agreement_added"
    again = steward.send(f"/administration/sources/{source}/new", 422, **form)
    assert f"Agreement {row.id} says the same; change something" in again


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"basis": " "}, "Say on which lawful basis"),
        ({"purposes": []}, "Name a purpose"),
        ({"fields": "shoe: education"}, "Name fields as the columns reference has them"),
        ({"fields": "upn:"}, "Name the purposes of upn"),
        ({"fields": "upn: health"}, "a purpose that the source does not have"),
        ({"ends_day": "31", "ends_month": "2", "ends_year": "2027"}, "Enter the last day"),
        ({"ends_day": "1", "ends_month": "1", "ends_year": "1999"}, "must not be before the first"),
        ({"ends_year": "0"}, "Enter the last day"),
    ],
)
def test_an_agreement_that_cannot_be_is_not_entered(
    steward: Steward, service: Service, source: int, wrong: dict[str, Any], message: str
) -> None:
    before = acts(service)
    form: dict[str, Any] = {"basis": "a law", "purposes": ["education"], "starts_day": "1",
                            "starts_month": "9", "starts_year": "2026"}  # fmt: skip
    shown = steward.send(f"/administration/sources/{source}/new", 422, **(form | wrong))
    assert message in shown
    assert acts(service) == before


def test_work_that_waits_is_cancelled_and_queued_again(steward: Steward, service: Service) -> None:
    with writing(service.engine) as connection:
        job = enqueue(connection, "link", {}, "test")
    assert "Waits for a worker" in steward.see("/administration/work")
    steward.send(f"/administration/work/{job}/cancel")
    assert "Cancelled" in steward.see("/administration/work")
    steward.send(f"/administration/work/{job}/retry")
    with reading(service.engine) as connection:
        assert connection.scalar(select(Job.state)) == JobState.QUEUED
    assert acts(service)[-1] == "job_retried"
    steward.send(f"/administration/work/{job}/retry", 404)
    steward.send(f"/administration/work/{job + 1}/cancel", 404)


def test_what_could_not_be_delivered_is_tried_again_one_by_one_or_all(
    steward: Steward, service: Service
) -> None:
    now = datetime.now(UTC)
    with writing(service.engine) as connection:
        hook, _ = keep_webhook(connection, url="https://nursery.example.org/events", kinds=[],
                               by=Caller("nursery", frozenset(), purpose="early_years"),
                               now=now, local=False)  # fmt: skip
    row = {"webhook": hook.id, "state": DEAD, "attempts": 12, "next_at": now, "tried_at": now,
           "problem": "answered 500"}  # fmt: skip
    with writing(service.aside) as aside:
        letters = [
            aside.execute(
                insert(WebhookDelivery)
                .values(**row, after_event=after, until_event=after + 3)
                .returning(WebhookDelivery.id)
            ).scalar_one()
            for after in (0, 3, 6)
        ]
    address = f"/administration/webhooks/{hook.id}"
    assert "nursery.example.org" in steward.see("/administration/webhooks")
    assert "answered 500" in steward.see(address)
    steward.send(f"{address}/retry", letter=str(letters[1]))
    states = select(WebhookDelivery.state).order_by(WebhookDelivery.id)
    with reading(service.aside) as aside:
        assert list(aside.scalars(states)) == [DEAD, WAITING, DEAD]
    steward.send(f"{address}/retry")
    with reading(service.aside) as aside:
        assert list(aside.scalars(states)) == [WAITING] * 3
    assert "No delivery was given up" in steward.see(address)
    assert acts(service)[-2:] == ["dead_letters_retried"] * 2
    steward.send(f"{address}/retry", 404, letter="x")
    steward.send("/administration/webhooks/0/retry", 404)


def test_work_of_which_nothing_is_to_be_done_has_no_column_for_it(
    steward: Steward, service: Service
) -> None:
    def put(state: JobState) -> None:
        with writing(service.engine) as connection:
            connection.execute(update(Job).values(state=state, finished_at=datetime.now(UTC)))

    with writing(service.engine) as connection:
        enqueue(connection, "link", {}, "test")
    put(JobState.DONE)
    done = steward.see("/administration/work")
    assert "Done or cancelled lately" in done and ">Act</th>" not in done
    put(JobState.CANCELLED)
    cancelled = steward.see("/administration/work")
    assert ">Act</th>" in cancelled and "Try again" in cancelled
