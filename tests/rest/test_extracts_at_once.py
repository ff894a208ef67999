"""Two people decide on one extract at the same time: one does, and the other is told."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, select, update

from api.db.engine import reading
from api.db.models import Extract, Job
from api.rest.service import Service
from api.services.access.audit import note_act
from api.services.access.roles import Role
from api.services.extracts import accept
from api.services.extracts.states import hold_extract
from api.services.extracts.validation import validate
from api.services.register.running import lock_register
from tests.at_once import overtaken
from tests.register_service.registers import NOW, shipped
from tests.rest.conftest import Headers, MakeKey
from tests.rest.test_extracts import PEOPLE, as_csv, bring, waiting
from tests.rest.work import do_work

BY: Any = {"by": "another", "now": NOW}


@pytest.fixture
def place(client: TestClient, service: Service, key: MakeKey) -> str:
    return waiting(client, service, key(Role.STEWARD))


@pytest.fixture
def decided(client: TestClient, place: str, key: MakeKey) -> Headers:
    """Headers of somebody who has read the report of the extract that waits."""
    steward = key(Role.STEWARD)
    return {**steward, "If-Match": client.get(place, headers=steward).headers["ETag"]}


def number(place: str) -> int:
    return int(place.rpartition("/")[2])


def judge_again(connection: Connection, extract: int) -> None:
    """Compare it again, with a report that says something else."""
    validate(connection, extract, book=shipped().book, **BY)
    report = connection.scalar(select(Extract.report).where(Extract.id == extract))
    assert report is not None
    mine = update(Extract).where(Extract.id == extract)
    connection.execute(
        mine.values(report={**report, "stops": [*report["stops"], *report["stops"]]})
    )


def state(service: Service, place: str) -> str | None:
    with reading(service.engine) as connection:
        return connection.scalar(select(Extract.state).where(Extract.id == number(place)))


def test_nobody_accepts_a_report_that_is_made_anew_at_that_moment(
    client: TestClient, service: Service, place: str, decided: Headers
) -> None:
    answer = overtaken(
        service.engine,
        lambda: client.post(f"{place}/accept", headers=decided),
        lambda connection: judge_again(connection, number(place)),
    )
    assert (answer.status_code, answer.json()["type"]) == (412, "/v1/problems/stale")
    assert state(service, place) == "validated"


def test_who_puts_a_record_while_an_extract_is_looked_over_keeps_nobody_waiting_for_ever(
    client: TestClient, service: Service, key: MakeKey
) -> None:
    """Both change the register, and tell so in the log of acts: in that order."""
    place = bring(client, key(Role.STEWARD), as_csv(PEOPLE)).headers["Location"]

    def tell(connection: Connection) -> None:
        note_act(connection, "record_put", "record 1", **BY)

    overtaken(service.engine, lambda: do_work(service), lock_register, tell)
    with reading(service.engine) as connection:
        job = connection.execute(select(Job.state, Job.attempts).order_by(Job.id.desc())).first()
    assert job == ("done", 1)
    assert state(service, place) == "current"


@pytest.mark.parametrize("step", ["refuse", "withdraw"])
def test_who_refuses_or_withdraws_what_is_accepted_at_that_moment_is_told(
    client: TestClient, service: Service, place: str, decided: Headers, step: str
) -> None:
    def accept_it(connection: Connection) -> None:
        hold_extract(connection, number(place))
        accept(connection, number(place), **BY)

    answer = overtaken(
        service.engine,
        lambda: client.post(f"{place}/{step}", headers=decided, json={"why": "a slip"}),
        accept_it,
    )
    assert (answer.status_code, answer.json()["type"]) == (412, "/v1/problems/stale")
    assert state(service, place) == "accepted"
    do_work(service)


def test_of_two_who_accept_at_once_one_does(
    client: TestClient, service: Service, place: str, decided: Headers
) -> None:
    def accept_it(connection: Connection) -> None:
        hold_extract(connection, number(place))
        accept(connection, number(place), **BY)

    answer = overtaken(
        service.engine, lambda: client.post(f"{place}/accept", headers=decided), accept_it
    )
    assert answer.status_code == 412
    with reading(service.engine) as connection:
        by = connection.scalar(select(Extract.decided_by).where(Extract.id == number(place)))
    assert by == "another"
