"""Review by REST: leases, decisions on what was seen, and who may."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, insert, select, update

from api.db.engine import reading, writing
from api.db.models import Access, Agreement, ReviewAnswer, Source
from api.rest.service import Service
from api.services.access.roles import Role
from tests.register_service.reviewed import AISHA, NOAH, UNSURE, Reviewed, with_values
from tests.rest.conftest import MakeKey
from tests.rest.people import kind as kind_of

Asks = dict[str, str]


@pytest.fixture
def asks(key: MakeKey) -> Asks:
    return key(Role.REVIEWER)


def take(client: TestClient, asks: Asks) -> Any:
    found = client.post("/v1/review/next", headers=asks)
    assert found.status_code == 200, found.text
    return found


def decide(client: TestClient, asks: Asks, taken: Any, **said: Any) -> Any:
    pair = taken.json()
    body = {"token": pair["token"], "decision": "match", "why": "same mother", **said}
    headers = {**asks, "If-Match": taken.headers["ETag"]}
    return client.post(f"/v1/review/{pair['pair']}/decision", json=body, headers=headers)


def answered(connection: Connection, by: str, at: datetime) -> None:
    row = {"low": 1, "high": 2, "by": by, "at": at, "kind": "match", "why": "same mother",
           "seconds": 20, "read": "x", "state": "noted"}  # fmt: skip
    connection.execute(insert(ReviewAnswer).values(row))


def test_a_weight_has_three_places_wherever_it_is_told(client: TestClient, asks: Asks) -> None:
    (listed,) = client.get("/v1/review/queue", headers=asks).json()["items"]
    taken = take(client, asks)
    told = decide(client, asks, taken).json()["weights"]
    assert listed["weight"] == taken.json()["weight"] == told["weight"] == round(told["weight"], 3)
    assert taken.json()["probability"] == told["probability"] == round(told["probability"], 6)
    beside = [one for side in "lr" for kind in ("fellows", "kin", "rivals")
              for one in taken.json()[side][kind]]  # fmt: skip
    weights = [one["weight"] for one in beside if one["weight"] is not None]
    assert weights == [round(weight, 3) for weight in weights]
    parts = [told["prior"], told["company"], *(one["weight"] or 0.0 for one in told["parts"])]
    assert parts == [round(part, 6) for part in parts]


def test_a_pair_is_taken_decided_and_undone(client: TestClient, asks: Asks) -> None:
    taken = take(client, asks)
    assert taken.headers["Cache-Control"] == "no-store"
    keys = {(taken.json()[side]["source"], taken.json()[side]["record_id"]) for side in "lr"}
    assert UNSURE in keys
    outcome = decide(client, asks, taken)
    assert outcome.status_code == 200
    weights = outcome.json()["weights"]
    total = (
        weights["prior"]
        + weights["company"]
        + sum(one["weight"] or 0.0 for one in weights["parts"])
    )
    assert round(total, 3) == weights["weight"]
    made = outcome.json()["decision"]
    assert outcome.json()["state"] == "entered"
    listed = client.get("/v1/decisions", headers=asks).json()["items"]
    assert [(one["id"], one["kind"], one["undone"]) for one in listed] == [(made, "match", False)]
    undone = client.post(f"/v1/decisions/{made}/undo", json={"why": "a slip"}, headers=asks)
    assert undone.status_code == 200
    assert client.get("/v1/decisions", headers=asks).json()["items"][0]["undone"]
    assert (
        client.get("/v1/review/queue", headers=asks).json()["items"][0]["pair"]
        == (taken.json()["pair"])
    )


def test_a_second_person_gets_nothing_while_the_only_pair_is_taken(
    client: TestClient, key: MakeKey, service: Service
) -> None:
    first = key(Role.REVIEWER)
    pair = take(client, first).json()["pair"]
    second = key(Role.REVIEWER)
    assert client.post("/v1/review/next", headers=second).status_code == 204
    refused = client.post(f"/v1/review/{pair}/take", headers=second)
    assert (refused.status_code, refused.json()["type"]) == (409, "/v1/problems/taken")
    assert client.get("/v1/review/queue", headers=second).json()["items"][0]["taken"]
    with reading(service.aside) as aside:
        logged = aside.scalars(select(Access.status).order_by(Access.id)).all()
    assert logged == [200, 204, 409, 200]


def test_a_token_of_somebody_else_is_taken(client: TestClient, key: MakeKey) -> None:
    taken = take(client, key(Role.REVIEWER))
    assert decide(client, key(Role.REVIEWER), taken).status_code == 409
    assert decide(client, key(Role.REVIEWER), taken, token="x").status_code == 409


def test_a_stale_pair_names_what_changed(
    client: TestClient, asks: Asks, register: Reviewed
) -> None:
    taken = take(client, asks)
    register.load_people(with_values(UNSURE, forename="Ayesha"))
    refused = decide(client, asks, taken)
    assert refused.status_code == 412
    assert "record_l" in refused.json()["changes"]
    assert "Ayesha" not in refused.text


def test_a_decision_needs_the_state_that_it_is_made_on(client: TestClient, asks: Asks) -> None:
    pair = take(client, asks).json()
    body = {"token": pair["token"], "decision": "match", "why": "same mother"}
    found = client.post(f"/v1/review/{pair['pair']}/decision", json=body, headers=asks)
    assert found.status_code == 428


def test_the_same_decision_with_the_same_key_is_made_once(client: TestClient, asks: Asks) -> None:
    taken = take(client, asks)
    again = {**asks, "Idempotency-Key": "decide-it-once"}
    first, second = (decide(client, again, taken) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("first", ["decision", "refer"])
def test_an_answered_pair_is_out_of_hand_until_the_answer_is_taken_back(
    client: TestClient, asks: Asks, register: Reviewed, first: str
) -> None:
    taken = take(client, asks)
    pair, token = taken.json()["pair"], taken.json()["token"]
    bodies: dict[str, dict[str, Any]] = {
        "decision": {"decision": "match", "why": "same mother"},
        "refer": {"note": "twins?"},
        "reveal": {"fields": ["nhs_number"]},
        "skip": {},
        "release": {},
        "renew": {},
    }

    def act(name: str) -> Any:
        headers = {**asks, "If-Match": taken.headers["ETag"]}
        said = {"token": token, **bodies[name]}
        return client.post(f"/v1/review/{pair}/{name}", json=said, headers=headers)

    assert act(first).status_code == 200
    for name in bodies:
        found = act(name)
        assert (found.status_code, found.json()["type"]) == (409, "/v1/problems/not-in-hand"), name
    made = client.get("/v1/decisions", headers=asks).json()
    assert len(made["items"]) == (first == "decision")
    if first == "decision":
        undone = client.post("/v1/review/undo", json={"why": "a slip"}, headers=asks)
        assert undone.status_code == 200
        assert take(client, asks).json()["pair"] == pair


@pytest.mark.parametrize("act", ["skip", "release"])
def test_a_pair_is_given_back(client: TestClient, asks: Asks, key: MakeKey, act: str) -> None:
    pair = take(client, asks).json()
    done = client.post(
        f"/v1/review/{pair['pair']}/{act}", json={"token": pair["token"]}, headers=asks
    )
    assert done.status_code == 204
    assert client.post("/v1/review/next", headers=asks).status_code == (
        204 if act == "skip" else 200
    )


def test_a_referred_pair_comes_to_senior_reviewers_with_the_note(
    client: TestClient, asks: Asks, key: MakeKey, service: Service
) -> None:
    pair = take(client, asks).json()
    body = {"token": pair["token"], "note": "twins?"}
    assert (
        client.post(f"/v1/review/{pair['pair']}/refer", json=body, headers=asks).status_code == 200
    )
    queue = client.get("/v1/review/queue", headers=key(Role.SENIOR_REVIEWER)).json()["items"]
    assert [one["kind"] for one in queue] == ["referred"]
    assert client.get("/v1/review/queue", headers=asks).json()["items"] == []


@pytest.mark.parametrize("odd", ["\u202e", "\u2066", "\u200b", "\x00", "\x1b", "\x85", "\u2028"])
def test_a_note_holds_nothing_that_cannot_be_seen(client: TestClient, asks: Asks, odd: str) -> None:
    pair = take(client, asks).json()
    address = f"/v1/review/{pair['pair']}/refer"
    body = {"token": pair["token"], "note": f"tw{odd}ins?"}
    refused = client.post(address, json=body, headers=asks)
    assert (refused.status_code, kind_of(refused)) == (422, "invalid")
    assert refused.json()["errors"][0]["place"] == "body.note"
    seen = body | {"note": "twins?\nAsk\tthem: نمی\u200cخواهم"}
    assert client.post(address, json=seen, headers=asks).status_code == 200


def test_a_reveal_is_in_the_access_log(client: TestClient, asks: Asks, service: Service) -> None:
    pair = take(client, asks).json()
    body = {"token": pair["token"], "fields": ["nhs_number"]}
    assert (
        client.post(f"/v1/review/{pair['pair']}/reveal", json=body, headers=asks).status_code == 200
    )
    with reading(service.aside) as aside:
        routes = aside.execute(select(Access.route, Access.about)).all()
    (about,) = [one.about for one in routes if one.route.endswith("/reveal")]
    assert sum(one.endswith(" nhs_number") for one in about) == 2
    other = {"token": pair["token"], "fields": ["surname"]}
    found = client.post(f"/v1/review/{pair['pair']}/reveal", json=other, headers=asks)
    assert found.status_code == 409


def test_a_contradiction_names_the_decisions_that_clash(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    for kind, one, other in (
        ("match", AISHA[0], UNSURE),
        ("match", AISHA[0], AISHA[1]),
        ("non_match", AISHA[1], UNSURE),
    ):
        register.say(kind, one, other, run=kind == "non_match")
    senior = key(Role.SENIOR_REVIEWER)

    def next_clashing(asks: Asks) -> Any:
        taken = client.post("/v1/review/next", headers=asks, json={"kind": "contradiction"})
        return taken.json()["clashing"]

    told = next_clashing(senior)
    assert sorted(one["kind"] for one in told) == ["match", "match", "non_match"]
    named = {(end["source"], end["record_id"]) for one in told for end in (one["l"], one["r"])}
    assert named == {AISHA[0], AISHA[1], UNSURE}
    number = told[2]["decision"]
    alone = client.post(f"/v1/decisions/{number}/undo", headers=senior, json={"why": "a slip"})
    assert alone.status_code == 409 and "two people" in alone.json()["detail"]
    apart = f"/v1/review/{told[2]['pair']}"
    for asks in (senior, key(Role.REVIEWER)):
        taken = client.post(f"{apart}/take", headers=asks)
        assert taken.status_code == 200, taken.text
        said = {"token": taken.json()["token"], "decision": "match"}
        tagged = {**asks, "If-Match": taken.headers["ETag"]}
        answer = client.post(f"{apart}/decision", headers=tagged, json=said).json()
    assert answer["state"] == "entered"
    register.run()
    assert register.conflicts() == []


def test_an_older_answer_that_waits_is_listed_with_its_number_and_taken_back(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    for kind, one, other in (
        ("match", AISHA[0], UNSURE),
        ("match", AISHA[0], AISHA[1]),
        ("non_match", AISHA[1], UNSURE),
    ):
        register.say(kind, one, other, run=kind == "non_match")
    asks = key(Role.SENIOR_REVIEWER)
    taken = client.post("/v1/review/next", headers=asks, json={"kind": "contradiction"})
    where = f"/v1/review/{taken.json()['pair']}"
    said = {"token": taken.json()["token"], "decision": "match"}
    tagged = {**asks, "If-Match": taken.headers["ETag"]}
    number = client.post(f"{where}/decision", headers=tagged, json=said).json()["answer"]
    (item,) = client.get("/v1/review/queue", headers=asks).json()["items"]
    assert (item["answered"], item["answer"], item["matched"]) == (True, number, False)
    body = {"why": "a slip", "answer": number}
    assert client.post("/v1/review/undo", headers=asks, json=body).status_code == 200
    (item,) = client.get("/v1/review/queue", headers=asks).json()["items"]
    assert (item["answered"], item["answer"]) == (False, None)
    unknown = {"why": "a slip", "answer": 999}
    assert client.post("/v1/review/undo", headers=asks, json=unknown).status_code == 409


def test_the_queue_is_filtered(client: TestClient, asks: Asks) -> None:
    def pairs(**asked: Any) -> int:
        found = client.get("/v1/review/queue", params=asked, headers=asks)
        assert found.status_code == 200
        return len(found.json()["items"])

    assert pairs() == pairs(source="clinic") == pairs(kind="possible_link", at_most=20) == 1
    assert pairs(source="census") == pairs(kind="contradiction") == pairs(at_least=20) == 0
    crossed = client.get("/v1/review/queue", headers=asks, params={"at_least": 3, "at_most": 2})
    assert crossed.json()["errors"][0]["place"] == "query.at_most"


def test_known_pairs_are_for_stewards(client: TestClient, asks: Asks, key: MakeKey) -> None:
    body = {"source_l": AISHA[0][0], "record_id_l": AISHA[0][1], "source_r": AISHA[1][0],
            "record_id_r": AISHA[1][1], "kind": "match"}  # fmt: skip
    assert client.post("/v1/review/known", json=body, headers=asks).status_code == 403
    steward = key(Role.STEWARD)
    made = client.post("/v1/review/known", json=body, headers=steward)
    assert made.status_code == 201
    assert client.post("/v1/review/known", json=body, headers=steward).status_code == 409
    number = made.json()["id"]
    end = f"/v1/review/known/{number}/end"
    assert client.post(end, headers=steward).status_code == 204
    (known,) = client.get("/v1/review/known", headers=steward).json()["items"]
    assert known["ended_at"] is not None
    assert client.post(end, headers=steward).status_code == 409
    assert client.post("/v1/review/known/999/end", headers=steward).status_code == 404
    other = {**body, "source_l": NOAH[0], "record_id_l": NOAH[1], "kind": "non_match"}
    newer = client.post("/v1/review/known", json=other, headers=steward).json()["id"]
    first = client.get("/v1/review/known?limit=1", headers=steward).json()
    second = client.get(first["next"], headers=steward).json()
    assert [one["id"] for one in first["items"] + second["items"]] == [newer, number]
    assert second["next"] is None


def test_reviewers_are_listed_in_pages(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    senior = key(Role.SENIOR_REVIEWER)
    empty = client.get("/v1/review/reviewers", headers=senior).json()
    assert empty == {"items": [], "overall": [], "next": None}
    with writing(register.engine) as connection:
        for by, days in (("anna", 0), ("ben", 0), ("anna", 7)):
            answered(connection, by, datetime.now(UTC) - timedelta(days=days))
    whole = client.get("/v1/review/reviewers", headers=senior).json()
    assert [one["by"] for one in whole["items"]] == ["anna", "ben", "anna"]
    assert [(one["by"], one["answers"]) for one in whole["overall"]] == [("anna", 2), ("ben", 1)]
    address, weeks = "/v1/review/reviewers?limit=2", []
    while address:
        page = client.get(address, headers=senior).json()
        assert {one["by"] for one in page["overall"]} == {one["by"] for one in page["items"]}
        weeks += page["items"]
        address = page["next"]
    assert weeks == whole["items"]


def test_what_is_said_of_a_pair_that_is_not_in_hand_is_so(
    client: TestClient, asks: Asks, key: MakeKey, register: Reviewed
) -> None:
    def said(act: str, who: Asks, **body: Any) -> tuple[int, str]:
        found = client.post(f"/v1/review/{act}", json=body or None, headers=who)
        return found.status_code, str(found.json()["type"].rpartition("/")[2])

    with reading(register.engine) as connection:
        ids = register.ids(connection)
    apart = "-".join(str(n) for n in sorted((ids[NOAH], ids[AISHA[0]])))
    assert said("1-2/take", asks) == said(f"{apart}/take", asks) == (404, "not-found")
    taken = take(client, asks).json()
    pair, other = taken["pair"], key(Role.REVIEWER)
    assert said(f"{pair}/take", other) == (409, "taken")
    assert said(f"{pair}/skip", other, token="x") == (409, "taken")
    assert said(f"{pair}/skip", asks, token="wrong") == (409, "not-in-hand")
    assert said(f"{apart}/release", asks, token="wrong") == (409, "not-in-hand")
    body = {"why": "a slip"}
    assert said("../decisions/999999/undo", asks, **body) == (404, "not-found")


def test_a_decision_names_one_of_several_states(client: TestClient, asks: Asks) -> None:
    taken = take(client, asks)
    several = {"ETag": f'"older", {taken.headers["ETag"]}'}
    taken.headers.update(several)
    assert decide(client, asks, taken).status_code == 200


@pytest.mark.parametrize("pair", ["9-1", "1-1", "0-99999999999999999999", "x", "1-2"])
def test_a_pair_that_is_none_is_refused_plainly(client: TestClient, asks: Asks, pair: str) -> None:
    found = client.post(f"/v1/review/{pair}/skip", json={"token": "x"}, headers=asks)
    assert found.status_code in (404, 409, 422)
    assert found.headers["content-type"] == "application/problem+json"


def test_a_pair_in_hand_that_may_not_be_seen_any_more_is_given_back(
    client: TestClient, asks: Asks, service: Service
) -> None:
    pair = take(client, asks).json()["pair"]
    clinic = select(Source.number).where(Source.name == "clinic").scalar_subquery()
    own = update(Agreement).where(Agreement.source == clinic)
    with writing(service.engine) as connection:
        connection.execute(own.values(ends=date(2020, 1, 1)))
    assert client.post("/v1/review/next", headers=asks).status_code == 204
    with writing(service.engine) as connection:
        connection.execute(own.values(ends=None))
    assert take(client, asks).json()["pair"] == pair
