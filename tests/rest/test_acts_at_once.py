"""Two people do the same at the same moment: it is done once, and the other is told."""

from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import Connection, func, select

from api.db.engine import reading
from api.db.models import Decision, KnownPair
from api.db.turns import begin_act
from api.rest.service import Service
from api.services import previews
from api.services.access.roles import Role
from api.services.register.deciding import undo_decision
from api.services.review.known import mark_known
from tests.at_once import overtaken
from tests.register_service.registers import NOW
from tests.register_service.reviewed import AISHA, UNSURE, Reviewed
from tests.rest.conftest import MakeKey
from tests.rest.test_previews import tried
from tests.rest.work import do_work

BY: Any = {"by": "another", "now": NOW}


def count(service: Service, *which: Any) -> int:
    with reading(service.engine) as connection:
        return connection.scalar(select(func.count()).where(*which)) or 0


def test_a_decision_is_taken_back_once(
    client: TestClient, service: Service, register: Reviewed, key: MakeKey
) -> None:
    made = register.say("match", UNSURE, AISHA[0])
    senior = key(Role.SENIOR_REVIEWER)

    def undo(connection: Connection) -> None:
        begin_act(connection)
        undo_decision(connection, made, why="a test", **BY)

    answer = overtaken(
        service.engine,
        lambda: client.post(f"/v1/decisions/{made}/undo", headers=senior, json={"why": "a slip"}),
        undo,
    )
    assert (answer.status_code, count(service, Decision.undoes == made)) == (409, 1)


def test_a_pair_is_marked_as_known_once(client: TestClient, service: Service, key: MakeKey) -> None:
    steward = key(Role.STEWARD)
    known = {"kind": "match"}
    for side, (source, record_id) in zip("lr", AISHA[:2], strict=True):
        known |= {f"source_{side}": source, f"record_id_{side}": record_id}

    def mark(connection: Connection) -> None:
        begin_act(connection)
        mark_known(connection, one=AISHA[0], other=AISHA[1], kind="match", **BY)

    answer = overtaken(
        service.engine,
        lambda: client.post("/v1/review/known", headers=steward, json=known),
        mark,
    )
    assert (answer.status_code, count(service, KnownPair.ended_at.is_(None))) == (409, 1)


def test_a_preview_is_put_in_force_once(
    client: TestClient, service: Service, register: Reviewed, key: MakeKey
) -> None:
    steward = key(Role.STEWARD)
    found = tried(client, service, steward, data={"lower": "-2.5", "upper": "30"})
    number = found.json()["id"]
    place = f"/v1/previews/{number}"

    def commit(connection: Connection) -> None:
        begin_act(connection)
        previews.commit_preview(connection, number, **BY)

    answer = overtaken(
        service.engine,
        lambda: client.post(
            f"{place}/commit", headers={**steward, "If-Match": found.headers["ETag"]}
        ),
        commit,
    )
    assert answer.status_code in (409, 412)
    do_work(service)
    assert client.get(place, headers=steward).json()["commit_job"]["state"] == "done"
