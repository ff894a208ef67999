"""Queued work over REST: watched, cancelled, and told of to whom its extract is told of."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.db.engine import writing
from api.db.models import Job
from api.rest.service import Service
from api.services.access.roles import Role
from api.services.work import enqueue
from tests.rest.conftest import Headers, MakeKey
from tests.rest.test_extracts import PEOPLE, type_of
from tests.rest.work import as_csv, bring, do_work


@pytest.fixture
def steward(key: MakeKey) -> Headers:
    return key(Role.STEWARD)


def test_a_waiting_job_is_cancelled_at_once_by_who_asked_for_it(
    client: TestClient, service: Service, key: MakeKey
) -> None:
    analyst, other = key(Role.SYSTEM), key(Role.SYSTEM)
    job = bring(client, analyst, as_csv(PEOPLE)).json()["job"]["id"]
    refused = client.post(f"/v1/jobs/{job}/cancel", headers=other)
    assert type_of(refused) == (403, "forbidden")
    assert "asked for" in refused.json()["detail"]
    assert client.get(f"/v1/jobs/{job}", headers=other).json()["state"] == "queued"
    found = client.post(f"/v1/jobs/{job}/cancel", headers=analyst)
    assert (found.status_code, found.json()["state"]) == (202, "cancelled")
    assert client.post(f"/v1/jobs/{job}/cancel", headers=analyst).status_code == 202
    assert do_work(service) == 0
    assert client.get(f"/v1/jobs/{job}", headers=analyst).json()["state"] == "cancelled"


def test_work_that_is_over_cannot_be_cancelled(
    client: TestClient, service: Service, steward: Headers
) -> None:
    job = bring(client, steward, as_csv(PEOPLE)).json()["job"]["id"]
    do_work(service)
    assert type_of(client.post(f"/v1/jobs/{job}/cancel", headers=steward)) == (409, "conflict")
    assert client.get("/v1/jobs/999", headers=steward).status_code == 404
    assert client.get(f"/v1/jobs/{2**70}", headers=steward).status_code == 422


def test_a_job_of_anybody_can_be_read_by_who_may_read_runs(
    client: TestClient, service: Service, key: MakeKey
) -> None:
    with writing(service.engine) as connection:
        job = enqueue(connection, "link", {}, "somebody")
        assert connection.scalar(select(Job.by).where(Job.id == job)) == "somebody"
    found = client.get(f"/v1/jobs/{job}", headers=key(Role.AUDITOR)).json()
    assert (found["kind"], found["state"], found["by"]) == ("link", "queued", "somebody")


def test_a_key_for_some_sources_is_told_of_no_work_on_extracts_of_others(
    client: TestClient, service: Service, key: MakeKey, steward: Headers
) -> None:
    scoped = key(Role.STEWARD, sources=["library"])
    own = bring(client, scoped, as_csv(PEOPLE))
    other = bring(client, steward, as_csv(PEOPLE), source="nursery")
    assert _reads_and_cancels(client, scoped, other) == [404, 404]
    do_work(service)
    place = other.headers["Location"]
    state = {**steward, "If-Match": client.get(place, headers=steward).headers["ETag"]}
    undone = client.post(f"{place}/withdraw", json={"why": "of last year"}, headers=state)
    for nursery in (other, undone):
        assert _reads_and_cancels(client, scoped, nursery) == [404, 404]
    assert _reads_and_cancels(client, scoped, own) == [200, 409]
    assert _reads_and_cancels(client, steward, other) == [200, 409]
    assert _reads_and_cancels(client, steward, undone) == [200, 202]


def _reads_and_cancels(client: TestClient, headers: Headers, extract: Any) -> list[int]:
    """What it is answered with that a key asks for the job of an extract, and to cancel it."""
    job = f"/v1/jobs/{extract.json()['job']['id']}"
    return [
        client.get(job, headers=headers).status_code,
        client.post(f"{job}/cancel", headers=headers).status_code,
    ]
