"""What a developer must know to use the API is in its OpenAPI document."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import jsonschema_rs
from fastapi import FastAPI
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome

from api.services.access.roles import Role
from api.services.register.feed import FeedEvent
from api.services.webhooks import Batch, payload
from tests.rest.routes import rules


def test_every_problem_that_an_operation_may_end_with_shows_an_example(
    application: FastAPI,
) -> None:
    document = application.openapi()
    shown, schemas, wrong = document["components"]["examples"], document["components"]["schemas"], 0
    whole = {"$ref": "#/components/schemas/ProblemDocument", "components": {"schemas": schemas}}
    check, lacking = jsonschema_rs.Draft202012Validator(whole), []
    for address, path in document["paths"].items():
        for method, operation in path.items():
            for status, answer in operation["responses"].items():
                for kind, content in answer.get("content", {}).items():
                    if status < "400" or (kind == "application/json" and "example" in content):
                        continue
                    found = [
                        shown[one["$ref"].rpartition("/")[2]]["value"]
                        for one in content["examples"].values()
                    ]
                    wrong += 1
                    if not found:
                        lacking.append((method, address, status))
                    for one in found:
                        if kind == "application/problem+json":
                            check.validate(one)
                            assert str(one["status"]) == status
                        else:
                            assert kind == "application/fhir+json"
                            OperationOutcome.model_validate(one)
    assert wrong > 500
    assert lacking == []


def test_what_fhir_answers_is_shown_as_a_resource(application: FastAPI) -> None:
    paths = application.openapi()["paths"]
    for address, kind in (("/v1/fhir/Patient/$match", Bundle), ("/v1/fhir/metadata", None)):
        for operation in paths[address].values():
            example = operation["responses"]["200"]["content"]["application/fhir+json"]["example"]
            (kind or CapabilityStatement).model_validate(example)


def test_every_operation_says_which_permission_it_needs(application: FastAPI) -> None:
    paths = application.openapi()["paths"]
    described = {f"{method.upper()} {one}" for one, path in paths.items() for method in path}
    # It does not describe itself.
    assert {one.route for one in rules(application)} - described == {"GET /v1/openapi.json"}
    for rule in rules(application):
        if rule.route not in described:
            continue
        method, address = rule.route.split(" ")
        said = paths[address][method.lower()]["description"]
        if rule.allowed is None:
            assert "Anybody may ask this." in said
        else:
            assert f"`{rule.allowed.permission}`" in said
            assert [role for role in Role if f"`{role}`" in said] == rule.roles
            assert ("access log" in said.rpartition("Needs the")[2]) == rule.allowed.personal


def test_what_is_answered_has_its_type_of_content_described(
    application: FastAPI,
) -> None:
    lacking = [
        (method, address, status)
        for address, path in application.openapi()["paths"].items()
        for method, operation in path.items()
        for status, answer in operation["responses"].items()
        if status == "200" and not answer.get("content")
    ]
    assert lacking == []


def test_every_tag_is_described(application: FastAPI) -> None:
    document = application.openapi()
    operations = [
        one
        for path in (*document["paths"].values(), *document["webhooks"].values())
        for one in path.values()
    ]
    described = {one["name"] for one in document["tags"] if one["description"]}
    assert {tag for one in operations for tag in one["tags"]} == described


def test_what_a_webhook_is_sent_is_described_as_it_is_sent(application: FastAPI) -> None:
    document = application.openapi()
    operation = document["webhooks"]["events"]["post"]
    names = {one["name"] for one in operation["parameters"]}
    assert names == {"Webhook-Id", "Webhook-Signature"}
    event = FeedEvent(1, 5, datetime.now(UTC), "record_linked", "7K3M9QX2RT4VA", "swift", "1", None)
    sent = json.loads(payload(3, 9, Batch(2, (event,), ("5d41402a",))))
    (content,) = operation["requestBody"]["content"].values()
    schemas = document["components"]["schemas"]
    for body in (sent, content["example"]):
        described = schemas[content["schema"]["$ref"].rpartition("/")[2]]
        assert body.keys() == described["properties"].keys() == set(described["required"])
        assert body["events"][0].keys() == schemas["DeliveredEvent"]["properties"].keys()


def test_no_example_shows_what_nobody_may_see_together(application: FastAPI) -> None:
    def both(part: Any) -> bool:
        if isinstance(part, list):
            return any(both(one) for one in part)
        if not isinstance(part, dict):
            return False
        own = bool(part.get("nhs_number")) and bool(part.get("upn"))
        return own or any(both(one) for one in part.values())

    schemas = application.openapi()["components"]["schemas"]
    assert [name for name, one in schemas.items() if both(one.get("examples", []))] == []
    child = schemas["ChildDocument"]["examples"][0]
    assert child["values"]["surname"]["value"] == "Malik"


def test_every_parameter_is_described(application: FastAPI) -> None:
    document = application.openapi()
    lacking = [
        (method, address, one["name"])
        for address, path in (*document["paths"].items(), *document["webhooks"].items())
        for method, operation in path.items()
        for one in operation.get("parameters", [])
        if not one.get("description")
    ]
    assert lacking == []


# What they are is in their names, or in the schema that has them.
PLAIN = {"items", "forename", "surname", "sex", "date_of_birth", "postcode"}


def test_every_field_is_described_whose_name_does_not_say_all(application: FastAPI) -> None:
    schemas = application.openapi()["components"]["schemas"]
    lacking = [
        (schema, name)
        for schema, one in schemas.items()
        for name, field in one.get("properties", {}).items()
        if name not in PLAIN and not field.get("description")
    ]
    assert lacking == []


def _shown(application: FastAPI) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of every example that is sent or answered, by the address of its route."""
    for address, path in application.openapi()["paths"].items():
        for operation in path.values():
            for body in (operation.get("requestBody", {}), *operation["responses"].values()):
                for content in body.get("content", {}).values():
                    yield from ((address, one) for one in _objects(content.get("example")))


def _objects(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _objects(one)


def test_where_an_example_leads_on_is_the_list_that_it_is_of(application: FastAPI) -> None:
    led = {}
    for address, shown in _shown(application):
        following = shown.get("next")
        if following is not None:
            path, _, query = following.partition("?")
            assert re.fullmatch(re.sub(r"\{[^}]*\}", "[^/{}]+", address), path), (address, path)
            led[address] = query.partition("=")[0]
    assert len(led) > 15 and set(led.values()) == {"cursor", "after"}


# In the order in which they come.
ORDERS = (
    ("starts", "ends"),
    ("as_of", "received_at", "decided_at"),
    ("created_at", "started_at", "finished_at"),
    ("created_at", "last_tried_at", "next_attempt_at"),
    ("created_at", "expires_at"),
    ("at", "ended_at"),
    ("referred_at", "expires_at"),
)


def test_days_and_moments_of_an_example_come_one_after_another(application: FastAPI) -> None:
    told = set()
    for address, shown in _shown(application):
        for order in ORDERS:
            found = [shown[name] for name in order if isinstance(shown.get(name), str)]
            assert found == sorted(set(found)), (address, order)
            told |= {order} if len(found) == len(order) else set()
        if shown.get("starts") and shown.get("ends"):
            lasts = date.fromisoformat(shown["ends"]) - date.fromisoformat(shown["starts"])
            assert lasts.days > 365
    assert told == set(ORDERS)


def test_every_post_put_and_delete_takes_an_idempotency_key(application: FastAPI) -> None:
    lacking = [
        (method, address)
        for address, path in application.openapi()["paths"].items()
        for method, operation in path.items()
        if method in ("post", "put", "delete", "patch")
        and "Idempotency-Key" not in {one["name"] for one in operation.get("parameters", ())}
    ]
    assert lacking == []
