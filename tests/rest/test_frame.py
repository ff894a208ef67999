"""What holds for every request: who asks, what for, how often, and what is written down."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select

from api.db.engine import reading, writing
from api.db.models import Access
from api.rest.app import create_app, include
from api.rest.requests import Metrics, Requests
from api.rest.service import Service, opened
from api.services.access.keys import revoke_key
from api.services.access.roles import Role
from tests.applications import lent
from tests.register_service.registers import shipped
from tests.rest import trial
from tests.rest.conftest import Headers, MakeKey


@pytest.fixture
def service(engine: Engine) -> Iterator[Service]:
    """Over a register with nothing in it."""
    with opened(engine, shipped()) as found:
        yield found


def with_trial(service: Service) -> FastAPI:
    app = create_app(service)
    include(app, trial.router, "/v1")
    return app


@pytest.fixture
def application(service: Service) -> Iterator[FastAPI]:
    with lent(with_trial, service) as found:
        yield found


@pytest.fixture
def client(application: FastAPI) -> Iterator[TestClient]:
    with TestClient(application, raise_server_exceptions=False) as found:
        yield found


def problem(response: Any) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    found = response.json()
    assert found["status"] == response.status_code
    assert found["request_id"] == response.headers["X-Request-Id"]
    return str(found["type"].rpartition("/")[2])


def accesses(service: Service) -> list[tuple[str, str | None, list[str], int]]:
    with reading(service.aside) as connection:
        query = select(Access.route, Access.purpose, Access.about, Access.status)
        return [tuple(row) for row in connection.execute(query.order_by(Access.id))]


def test_health_needs_no_key(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


def test_without_a_worker_the_service_is_not_ready_and_says_so(client: TestClient) -> None:
    found = client.get("/readyz")
    assert found.status_code == 503
    assert found.json() == {"ready": False, "migration": True, "worker": False, "disk": True}


def test_another_host_is_told_which_to_use(service: Service) -> None:
    with TestClient(create_app(service, ["register.example"])) as client:
        assert problem(client.get("/healthz")) == "unknown-host"
        assert client.get("/healthz", headers={"Host": "register.example:8000"}).status_code == 200


def test_an_unknown_address_or_method_is_a_problem_document(client: TestClient) -> None:
    assert problem(client.get("/v1/nothing")) == "not-found"
    assert problem(client.put("/healthz")) == "method"


@pytest.mark.parametrize("address", ["/v1/nothing", "/v1", "/v1/children", "/v1/fhir/Patient"])
def test_an_unknown_address_of_the_api_leads_to_the_list_of_those_there_are(
    client: TestClient, address: str
) -> None:
    found = client.get(address)
    assert found.status_code == 404
    assert "/v1/openapi.json lists those there are" in found.text


def test_what_is_not_there_at_a_known_address_does_not_lead_to_the_list_of_addresses(
    client: TestClient, key: MakeKey
) -> None:
    for address in ("/v1/problems/nothing", "/nothing"):
        found = client.get(address, headers=key())
        assert (found.status_code, "openapi" in found.text) == (404, False)


def test_every_type_of_problem_resolves(client: TestClient) -> None:
    type_ = client.get("/v1/nothing").json()["type"]
    assert client.get(type_).json()["title"] == "There is no such thing"


def test_nobody_is_let_in_without_a_key_that_works(
    client: TestClient, key: MakeKey, service: Service
) -> None:
    good = key()
    secret = good["Authorization"]
    assert client.get("/v1/trial/1", headers=good).status_code == 200
    for wrong in ("Bearer nonsense", "Bearer mk_a_b", secret[:-1], "Basic abc", f"{secret}x"):
        found = client.get("/v1/trial/1", headers={**good, "Authorization": wrong})
        assert (problem(found), found.headers["WWW-Authenticate"]) == ("not-signed-in", "Bearer")
    with writing(service.engine) as connection:
        revoke_key(connection, "key-1", by="steward", now=datetime.now(UTC))
    assert problem(client.get("/v1/trial/1", headers=good)) == "not-signed-in"


def test_an_expired_key_is_no_key(client: TestClient, key: MakeKey) -> None:
    expired = key(lasts=timedelta(seconds=-1))
    assert problem(client.get("/v1/trial/1", headers=expired)) == "not-signed-in"


def test_a_role_without_the_permission_is_forbidden_it(client: TestClient, key: MakeKey) -> None:
    measures = key(Role.MEASURES_READER)
    assert problem(client.get("/v1/trial/1", headers=measures)) == "forbidden"


def test_who_may_not_use_a_route_is_told_so_whatever_purpose_they_name(
    client: TestClient, key: MakeKey, service: Service
) -> None:
    headers = {**key(Role.MEASURES_READER), "Purpose": "health"}
    for address in ("/v1/trial/1", "/v1/trial/x"):
        found = client.get(address, headers=headers)
        assert (found.status_code, problem(found)) == (403, "forbidden")
    assert [status for *_, status in accesses(service)] == [403, 403]


def test_what_is_personal_needs_a_purpose_that_the_key_may_act_for(
    client: TestClient, key: MakeKey
) -> None:
    two = key(purposes=["early_years", "education"])
    assert client.get("/v1/trial/1", headers={**two, "Purpose": "education"}).status_code == 200
    assert problem(client.get("/v1/trial/1", headers={**two, "Purpose": "health"})) == "purpose"
    del two["Purpose"]
    assert problem(client.get("/v1/trial/1", headers=two)) == "purpose"
    assert client.get("/v1/trial-of-nothing-personal", headers=two).status_code == 200
    only = key()
    del only["Purpose"]
    assert client.get("/v1/trial/1", headers=only).status_code == 200


def test_every_access_to_something_personal_is_written_down(
    client: TestClient, key: MakeKey, service: Service
) -> None:
    good = key()
    client.get("/v1/trial/1", headers=good)
    client.get("/v1/trial/404", headers=good)
    client.get("/v1/trial/500", headers=good)
    client.get("/v1/trial-of-nothing-personal", headers=good)
    assert accesses(service) == [
        ("GET /v1/trial/{number}", "early_years", ["child 1"], 200),
        ("GET /v1/trial/{number}", "early_years", ["child 404"], 404),
        ("GET /v1/trial/{number}", "early_years", ["child 500"], 500),
    ]


def test_the_access_log_has_the_status_that_was_answered(
    client: TestClient, key: MakeKey, service: Service
) -> None:
    good = {**key(), "Idempotency-Key": "once-and-for-all"}
    assert client.post("/v1/trial", headers=good, json={"text": 7}).status_code == 422
    assert client.get("/v1/trial/x", headers=good).status_code == 422
    assert client.post("/v1/trial", headers=good, json={"text": "x"}).status_code == 201
    assert client.post("/v1/trial", headers=good, json={"text": "x"}).status_code == 201
    assert [status for *_, status in accesses(service)] == [422, 422, 201, 201]


def test_where_nothing_can_be_written_down_nothing_is_told(
    client: TestClient, key: MakeKey, service: Service
) -> None:
    good = key()
    service.access_log.close()
    for told in (
        client.get("/v1/trial/1", headers=good),
        client.post("/v1/trial", headers=good, json={"text": "x"}),
    ):
        assert problem(told) == "busy"
        assert int(told.headers["Retry-After"]) > 0
        assert "access log" in told.json()["detail"]


def test_a_fault_tells_nothing_of_what_it_was_about(
    client: TestClient, key: MakeKey, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        found = client.get("/v1/trial/500", headers=key())
    assert problem(found) == "fault"
    assert "Aisha" not in found.text + caplog.text


def test_a_key_is_held_to_its_pace(client: TestClient, key: MakeKey) -> None:
    slow = key(per_minute=2)
    assert [client.get("/v1/trial/1", headers=slow).status_code for _ in range(3)] == [
        200,
        200,
        429,
    ]
    found = client.get("/v1/trial/1", headers=slow)
    assert problem(found) == "too-many"
    assert 1 <= int(found.headers["Retry-After"]) <= 60
    assert client.get("/v1/trial/1", headers=key()).status_code == 200


def test_a_write_with_the_same_key_again_has_no_second_effect(
    client: TestClient, key: MakeKey
) -> None:
    own: Headers = {**key(), "Idempotency-Key": "first-of-all"}
    first = client.post("/v1/trial", headers=own, json={"text": "one"})
    again = client.post("/v1/trial", headers=own, json={"text": "one"})
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Location"] == first.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    other = client.post("/v1/trial", headers=own, json={"text": "two"})
    assert problem(other) == "key-reused"
    stranger = {**key(), "Idempotency-Key": "first-of-all"}
    assert client.post("/v1/trial", headers=stranger, json={"text": "two"}).status_code == 201


def test_a_key_is_for_one_purpose_and_one_state(client: TestClient, key: MakeKey) -> None:
    own = key(purposes=["early_years", "education"])
    first = {**own, "Idempotency-Key": "first-of-all"}
    assert client.post("/v1/trial", headers=first, json={"text": "one"}).status_code == 201
    for other in ({"Purpose": "education"}, {"If-Match": '"x"'}, {"If-None-Match": "*"}):
        again = client.post("/v1/trial", headers={**first, **other}, json={"text": "one"})
        assert problem(again) == "key-reused"


def test_a_key_that_is_too_short_is_said_to_be(client: TestClient, key: MakeKey) -> None:
    own = {**key(), "Idempotency-Key": "short"}
    found = client.post("/v1/trial", headers=own, json={"text": "one"})
    told = {"place": "header.Idempotency-Key", "message": "this is too short"}
    assert found.json()["errors"] == [told]


@pytest.mark.parametrize("odd", ["first of all", "first-öf-all", '"first-of-all"', "first\tof-all"])
def test_a_key_of_more_than_visible_signs_is_refused(
    client: TestClient, key: MakeKey, odd: str
) -> None:
    own = {**key(), "Idempotency-Key": odd.encode("latin-1")}
    found = client.post("/v1/trial", headers=own, json={"text": "one"})
    assert problem(found) == "invalid"
    assert [one["place"] for one in found.json()["errors"]] == ["header.Idempotency-Key"]
    signs = {**own, "Idempotency-Key": "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"}
    assert client.post("/v1/trial", headers=signs, json={"text": "one"}).status_code == 201


def test_a_write_that_failed_can_be_made_again_with_its_key(
    client: TestClient, key: MakeKey
) -> None:
    own = {**key(), "Idempotency-Key": "fails-at-first"}
    before = client.get("/v1/trial/1", headers=own).json()["acts"]
    assert problem(client.post("/v1/trial?fails=1", headers=own, json={"text": "x"})) == "conflict"
    assert client.get("/v1/trial/1", headers=own).json()["acts"] == before
    assert client.post("/v1/trial", headers=own, json={"text": "x"}).status_code == 201


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"text": ', "bad-request"),
        (b"[1, 2]", "invalid"),
        (b'{"text": 7}', "invalid"),
        (b'{"text": "a\\u0000b"}', "invalid"),
        (b'{"text": "\\ud800"}', "invalid"),
        (b'{"text": "' + b"x" * 501 + b'"}', "invalid"),
        (b'{"text": "' + b"x" * 3_000_000 + b'"}', "too-large"),
        (b"\xff\xfe\x00", "bad-request"),
        (b"[" * 100_000, "bad-request"),
    ],
)
def test_rubbish_is_a_problem_of_the_client_and_is_not_repeated(
    client: TestClient, key: MakeKey, body: bytes, kind: str
) -> None:
    own = {**key(), "Content-Type": "application/json"}
    found = client.post("/v1/trial", headers=own, content=body)
    assert problem(found) == kind
    assert "xxx" not in found.text


@pytest.mark.parametrize(
    "content",
    [b'{"text": ', b"[1, 2]", b"\xff", b'{"text": "' + b"x" * 3_000_000 + b'"}'],
    ids=["broken off", "a list", "no UTF-8", "too large"],
)
def test_whoever_may_not_send_it_is_told_so_whatever_they_send(
    client: TestClient, key: MakeKey, service: Service, content: bytes
) -> None:
    kind = {"Content-Type": "application/json"}
    assert problem(client.post("/v1/trial", headers=kind, content=content)) == "not-signed-in"
    unknown = {**kind, "Authorization": "Bearer " + "k" * 40}
    assert problem(client.post("/v1/trial", headers=unknown, content=content)) == "not-signed-in"
    reader = key(Role.ANALYST) | kind
    assert problem(client.post("/v1/trial", headers=reader, content=content)) == "forbidden"
    plain = {**reader, "Content-Type": "text/plain"}
    assert problem(client.post("/v1/trial?x=1", headers=plain, content=content)) == "forbidden"
    assert [status for *_, status in accesses(service)] == [403, 403]


def test_an_address_that_asks_for_what_cannot_be_is_told_to_those_who_may_ask(
    client: TestClient, key: MakeKey
) -> None:
    for odd in ("?x=1", "?as_of=x"):
        assert problem(client.get(f"/v1/trial/1{odd}")) == "not-signed-in"
        unknown = {"Authorization": "Bearer " + "k" * 40}
        assert problem(client.get(f"/v1/trial/1{odd}", headers=unknown)) == "not-signed-in"
    once = key(per_minute=2)
    assert problem(client.get("/v1/trial/1?x=1", headers=once)) == "invalid"
    assert problem(client.get("/v1/trial/1?x=1", headers=once)) == "invalid"
    assert problem(client.get("/v1/trial/1?x=1", headers=once)) == "too-many"


@pytest.mark.parametrize("odd", ["%00", "cat%E9", "%FF", "%ED%A0%80"])
def test_what_is_no_text_in_an_address_is_refused(
    client: TestClient, key: MakeKey, odd: str
) -> None:
    own = key()
    for address, place in (
        (f"/v1/trial/{odd}", "path"),
        (f"/v1/trial/1?limit=1&after={odd}", "query.after"),
        (f"/v1/trial/1?Malik={odd}", "query"),
        (f"/v1/trial/1?{odd}=1", "query"),
    ):
        found = client.get(address, headers=own)
        assert problem(found) == "bad-request"
        assert [one["place"] for one in found.json()["errors"]] == [place]
        assert "Malik" not in found.text


def test_a_number_of_any_length_is_a_number(client: TestClient, key: MakeKey) -> None:
    own = {**key(), "Content-Type": "application/json"}
    digits = "9" * 6000
    found = client.post("/v1/trial", headers=own, content=b'{"text": %s}' % digits.encode())
    assert problem(found) == "invalid"
    assert found.json()["errors"] == [{"place": "body.text", "message": "give text"}]
    for sign in ("", "-"):
        body = f'{{"text": "x", "number": {sign}{digits}}}'.encode()
        found = client.post("/v1/trial", headers=own, content=body)
        assert problem(found) == "invalid"
        message = "this is too small" if sign else "this is too large"
        assert found.json()["errors"] == [{"place": "body.number", "message": message}]
    for address, place in (
        (f"/v1/trial/{digits}", "path.number"),
        (f"/v1/runs?limit={digits}", "query.limit"),
        (f"/v1/runs/{2**63}", "path.run"),
        (f"/v1/runs/{10**30}", "path.run"),
    ):
        found = client.get(address, headers=own)
        assert problem(found) == "invalid"
        told = {"place": place, "message": "this is too large"}
        assert found.json()["errors"] == [told]


def test_what_content_must_say_is_named_if_there_is_none(client: TestClient, key: MakeKey) -> None:
    own = {**key(), "Content-Type": "application/json"}
    for content in (b"", b"{}"):
        found = client.post("/v1/trial", headers=own, content=content)
        assert problem(found) == "invalid"
        assert found.json()["errors"] == [{"place": "body.text", "message": "this is needed"}]


def test_json_that_breaks_off_is_told_where(client: TestClient, key: MakeKey) -> None:
    own = {**key(), "Content-Type": "application/json"}
    found = client.post("/v1/trial", headers=own, content=b'{"text": ').json()
    assert found["errors"] == [{"place": "body.9", "message": "this is not JSON from here on"}]


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/fhir+json",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
        "",
    ],
)
def test_content_of_another_type_is_not_read(client: TestClient, key: MakeKey, kind: str) -> None:
    own = {**key(), "Content-Type": kind}
    assert problem(client.post("/v1/trial", headers=own, content=b'{"text": "x"}')) == "media-type"


def test_json_in_utf_8_is_read(client: TestClient, key: MakeKey) -> None:
    for kind in ("application/json", 'Application/JSON; charset="UTF-8"'):
        own = {**key(), "Content-Type": kind}
        found = client.post("/v1/trial", headers=own, content=b'{"text": "x"}')
        assert found.status_code == 201


def test_a_parameter_that_a_route_does_not_know_is_refused(
    client: TestClient, key: MakeKey
) -> None:
    own = key()
    for address in ("/v1/trial/1?as_of=1", "/v1/trial-of-nothing-personal?fails=1", "/healthz?x"):
        found = client.get(address, headers=own)
        assert problem(found) == "invalid"
        assert [one["place"] for one in found.json()["errors"]] == ["query"]
    misspelt = client.post("/v1/trial?fail=1&Aisha=2", headers=own, json={"text": "x"})
    assert "fails" in misspelt.json()["errors"][0]["message"]
    assert "Aisha" not in misspelt.text


def test_an_address_says_all_methods_that_it_takes(client: TestClient, key: MakeKey) -> None:
    found = client.post("/v1/sources/clinic/records/a%2Fb", headers=key())
    assert (problem(found), found.headers["Allow"]) == ("method", "DELETE, GET, HEAD, PUT")
    assert client.get("/v1/trial").headers["Allow"] == "POST"
    assert client.delete("/v1/trial/1").headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("address", ["runs/1%2F2", "sources/sw%2Fift/records/1", "models/a%2Fb"])
def test_a_slash_where_none_can_be_is_told_to_be_one(
    client: TestClient, key: MakeKey, address: str
) -> None:
    found = client.get(f"/v1/{address}", headers=key(Role.STEWARD))
    assert [one["message"] for one in found.json()["errors"]] == ["this may hold no slash"]


def test_head_is_answered_as_get_without_content(
    client: TestClient, key: MakeKey, service: Service
) -> None:
    own = key()
    got, head = client.get("/v1/trial/1", headers=own), client.head("/v1/trial/1", headers=own)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert client.head("/v1/trial/404", headers=own).status_code == 404
    assert client.head("/v1/trial", headers=own).status_code == 405
    assert len(accesses(service)) == 3
    assert 'method="HEAD",route="/v1/trial/{number}"' in client.get("/metrics").text


def test_answers_are_not_stored_by_what_lies_between(client: TestClient, key: MakeKey) -> None:
    found = client.get("/v1/trial/1", headers=key())
    assert found.headers["Cache-Control"] == "no-store"
    assert found.headers["X-Content-Type-Options"] == "nosniff"


def test_metrics_name_routes_and_no_ids(service: Service, key: MakeKey) -> None:
    """Of an application that nobody has asked anything yet."""
    with TestClient(with_trial(service)) as client:
        client.get("/v1/trial/12345", headers=key())
        client.get("/v1/unknown-12345")
        text = client.get("/metrics").text
    assert (
        'matcher_requests_total{method="GET",route="/v1/trial/{number}",status="200"} 1.0' in text
    )
    assert "12345" not in text


def test_a_client_that_pauses_within_a_request_is_told_so() -> None:
    """Driven by hand, since no client library pauses."""
    sent: list[Any] = []

    async def never() -> Any:
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    async def inner(scope: Any, receive: Any, _send: Any) -> None:
        await receive()

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    scope["app"] = FastAPI()
    asyncio.run(Requests(inner, Metrics(), patience=0.01)(scope, never, send))
    assert sent[0]["status"] == 408


def test_a_client_that_pauses_within_json_is_told_so(application: FastAPI, key: MakeKey) -> None:
    headers = {**key(), "Content-Type": "application/json", "Content-Length": "99"}
    began = False

    async def half() -> Any:
        nonlocal began
        if began:
            await asyncio.sleep(60)
        began = True
        return {"type": "http.request", "body": b'{"text": ', "more_body": True}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/v1/trial",
        "raw_path": b"/v1/trial",
        "query_string": b"",
        "headers": [(name.lower().encode(), one.encode()) for name, one in headers.items()],
    }
    scope["app"] = application
    asyncio.run(Requests(application, Metrics(), patience=0.01)(scope, half, send))
    assert sent[0]["status"] == 408
    assert b"too-slow" in sent[1]["body"]
    assert (b"connection", b"close") in sent[0]["headers"]
