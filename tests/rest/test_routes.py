"""Who may call what, from the route table itself."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.services.access.roles import Role
from tests.rest.conftest import MakeKey
from tests.rest.routes import PAGE, page, rules

# Nothing personal is told of these, and no key is needed.
OPEN = {
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /v1/openapi.json",
    "GET /v1/problems/{kind}",
}


def test_the_page_of_routes_lists_each_with_the_roles_that_may_call_it(
    application: FastAPI,
) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(application), "python -m tests.rest.routes"


def test_only_what_tells_nothing_is_open_to_anybody(application: FastAPI) -> None:
    assert {rule.route for rule in rules(application) if rule.allowed is None} == OPEN


def test_every_route_lets_in_those_roles_and_no_others(
    application: FastAPI, client: TestClient, key: MakeKey
) -> None:
    keys = {role: key(role, per_minute=100_000) for role in Role}
    for rule in rules(application):
        if rule.allowed is None:
            continue
        method, path = rule.route.split(" ")
        address = re.sub(r"\{[^}]*\}", "0", path)
        assert client.request(method, address).status_code == 401, rule.route
        for role, headers in keys.items():
            found = client.request(method, address, headers=headers)
            refused = found.status_code == 403 and _is_forbidden(found.json())
            assert refused == (role not in rule.roles), (rule.route, role, found.status_code)


def test_every_route_asks_who_it_is_before_it_looks_at_what_was_sent(
    application: FastAPI, client: TestClient
) -> None:
    stranger = {"Authorization": "Bearer nobody", "Content-Type": "application/json"}
    for rule in rules(application):
        if rule.allowed is None:
            continue
        method, path = rule.route.split(" ")
        address = re.sub(r"\{[^}]*\}", "0", path) + "?unknown=1"
        found = client.request(method, address, headers=stranger, content=b"{")
        assert found.status_code == 401, rule.route


def _is_forbidden(answer: dict[str, Any]) -> bool:
    """By a problem document, or as FHIR says it."""
    if answer.get("resourceType") == "OperationOutcome":
        return bool(answer["issue"][0]["code"] == "forbidden")
    return bool(answer["type"] == "/v1/problems/forbidden")


def test_the_open_routes_refuse_parameters_that_they_do_not_know(client: TestClient) -> None:
    for route in OPEN:
        address = route.removeprefix("GET ").replace("{kind}", "invalid")
        assert client.get(address).status_code in (200, 503), route
        found = client.get(address + "?x=1")
        assert (found.status_code, found.json()["type"]) == (422, "/v1/problems/invalid"), route
