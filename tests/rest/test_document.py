"""Whatever is asked, by the OpenAPI document or against it, the answer is one it describes."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.definitions import OPENAPI_31

from api.db.engine import writing
from api.rest.examples import NoExampleError, body_schemas, example_of
from api.rest.problems import FieldError, ProblemDocument
from api.rest.service import Service
from api.services.access.keys import create_key
from api.services.access.roles import Role
from tests.register_service.reviewed import Reviewed

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)


def test_no_request_gets_an_answer_that_the_document_does_not_describe(
    application: FastAPI, service: Service
) -> None:
    headers = _all_roles(service)
    document = schemathesis.openapi.from_asgi("/v1/openapi.json", application)
    problems = []
    with asgi.get_client(application) as client:
        client.trust_env = False  # nothing is to be looked up there for each request
        for found in document.get_all_operations():
            operation = found.ok()
            if operation.path == "/readyz":  # 503 is what it says while no worker runs
                continue
            try:
                described = application.openapi()["paths"][operation.path][operation.method]
                _try(operation, client, headers, described)
            except Exception as error:
                problems.append(f"{operation.label}: {error}")
    assert not problems, "\n\n".join(problems)


def test_the_document_is_openapi_and_leads_nowhere_that_is_not_in_it(
    application: FastAPI,
) -> None:
    document = application.openapi()
    jsonschema_rs.Draft202012Validator(OPENAPI_31).validate(document)
    components = document["components"]
    names = components["schemas"].keys()
    kept = {f"#/components/{kind}/{one}" for kind in ("schemas", "examples", "headers")
            for one in components[kind]}  # fmt: skip
    assert kept == set(_references(document))
    assert [one for one in names if "__" in one] == []  # a class of two modules
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": _DRAFT, **schema})


def test_each_part_of_a_problem_is_described(application: FastAPI) -> None:
    schemas = application.openapi()["components"]["schemas"]
    for model in (ProblemDocument, FieldError):
        described = schemas[model.__name__]["properties"]
        assert described.keys() == model.model_fields.keys()
        assert not [name for name, one in described.items() if not one.get("description")]


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for one in part.values():
            yield from _references(one)
    elif isinstance(part, list):
        for one in part:
            yield from _references(one)


def test_the_document_says_what_any_route_may_end_with(application: FastAPI) -> None:
    missing = []
    for address, path in application.openapi()["paths"].items():
        for method, operation in path.items():
            content = operation.get("requestBody", {}).get("content", {})
            wanted = {"422", "500", *(["415"] if content else [])}
            missing += [(address, method, one) for one in wanted - operation["responses"].keys()]
    assert not missing


# Where an id is in the address, of which the register that this is tried on need not have one.
_MISSED = {404, 409, 412, 428}
# What the state of the register does not allow, such as to take back what nobody said.
_CONFLICT = {409}


def test_every_request_that_is_shown_works_as_it_is_shown(
    application: FastAPI, service: Service, register: Reviewed
) -> None:
    amelia = {"forename": "Amelia", "surname": "Artliff", "date_of_birth": "2016-10-12"}
    keys = (("swift", "5500094"), ("systmone", "48201502"))
    register.load_people([{**amelia, "source": one, "record_id": own} for one, own in keys])
    document, wrong, shown = application.openapi(), [], 0
    own = _all_roles(service)
    with TestClient(application, follow_redirects=False) as client:
        for address, path in document["paths"].items():
            for method, operation in path.items():
                for kind, one in operation.get("requestBody", {}).get("content", {}).items():
                    if not kind.endswith("json"):
                        continue
                    shown += 1
                    found = client.request(
                        method,
                        _filled(address),
                        headers={**own, "Content-Type": kind, **_on_state(method)},
                        content=json.dumps(one["example"]),
                    )
                    in_address = "{" in address and method == "post"
                    allowed = _MISSED if in_address else _CONFLICT
                    if not (found.is_success or found.status_code in allowed):
                        wrong.append((method, address, found.status_code, found.text))
                    wrong += _undescribed(operation, method, address, found)
    assert shown >= 18
    assert wrong == []


_RETRY, _MADE = {"Retry-After"}, {"Location", "Retry-After"}
_SENT = (
    "location",
    "etag",
    "retry-after",
    "x-request-id",
    "cache-control",
    "content-disposition",
    "link",
    "idempotency-replayed",
)


def _undescribed(operation: Any, method: str, address: str, found: Any) -> list[Any]:
    """Headers that an answer has and its description does not."""
    described = operation["responses"][str(found.status_code)].get("headers", {})
    told = {name.lower() for name in described}
    return [
        (method, address, found.status_code, name)
        for name in _SENT
        if name in found.headers and name not in told
    ]


def _on_state(method: str) -> dict[str, str]:
    return {} if method == "put" else {"If-Match": '"a state that it was in"'}


def _filled(address: str) -> str:
    known = {"source": "swift", "record_id": "new-1", "pair": "1042-2077"}
    return re.sub(r"\{([a-z_]+)\}", lambda one: known.get(one[1], "1"), address)


def test_headers_that_clients_go_by_are_described(application: FastAPI) -> None:
    lacking = []
    for address, path in application.openapi()["paths"].items():
        for method, operation in path.items():
            answers = operation["responses"]
            wanted = {"429": _RETRY, "503": _RETRY, "201": _MADE, "202": _MADE}
            lacking += [
                (method, address, status)
                for status, names in wanted.items()
                if status in answers and not names & answers[status].get("headers", {}).keys()
            ]
    # Readiness has a document of its own, and work that is cancelled is where it was.
    assert lacking == [("get", "/readyz", "503"), ("post", "/v1/jobs/{job}/cancel", "202")]


def test_lists_files_and_what_is_done_once_have_their_headers_described(
    application: FastAPI,
) -> None:
    paths = application.openapi()["paths"]

    def headers(method: str, address: str, status: str) -> set[str]:
        return set(paths[address][method]["responses"][status]["headers"])

    everywhere = {"X-Request-Id", "Cache-Control"}
    assert headers("get", "/v1/events", "200") >= {"Link", *everywhere}
    assert "Link" not in headers("get", "/v1/children/{child_id}", "200")
    assert headers("post", "/v1/exports", "202") >= {"Idempotency-Replayed", "Location"}
    assert "Idempotency-Replayed" not in headers("get", "/v1/exports/{export}", "200")
    for address in ("/v1/exports/{export}/content", "/v1/extracts/{extract}/rejects.csv"):
        assert "Content-Disposition" in headers("get", address, "200")
    assert headers("get", "/v1/events", "422") >= everywhere


def test_fields_of_forms_have_examples(application: FastAPI) -> None:
    document = application.openapi()
    lacking = []
    for address, path in document["paths"].items():
        for operation in path.values():
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("multipart/form-data", {}).get("schema", {})
            if "$ref" in schema:
                schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            for name, one in schema.get("properties", {}).items():
                binary = "binary" in str(one) or "contentMediaType" in str(one)
                if "examples" not in one and not binary:
                    lacking.append((address, name))
            for form in (one for kind, one in content.items() if kind == "multipart/form-data"):
                assert form["example"].keys() == schema["properties"].keys()
    assert not lacking


def test_a_preview_is_described_in_both_forms_that_are_taken(application: FastAPI) -> None:
    content = application.openapi()["paths"]["/v1/previews"]["post"]["requestBody"]["content"]
    assert set(content) == {"multipart/form-data", "application/x-www-form-urlencoded"}
    plain = content["application/x-www-form-urlencoded"]
    assert set(plain["schema"]["properties"]) == set(plain["example"]) == {"lower", "upper"}


def test_every_answer_and_every_request_shows_a_whole_example(application: FastAPI) -> None:
    document = application.openapi()
    lacking = []
    for address, path in document["paths"].items():
        for method, operation in path.items():
            good = [one for status, one in operation["responses"].items() if status[0] == "2"]
            for body in (operation.get("requestBody", {}), *good):
                content = body.get("content", {}).get("application/json", {})
                if "$ref" in str(content.get("schema", {})) and "example" not in content:
                    lacking.append((method, address))
    assert not lacking


def test_every_schema_of_a_body_has_an_example_of_itself(application: FastAPI) -> None:
    document = application.openapi()
    schemas, wrong = document["components"]["schemas"], []
    bodies = {
        name
        for path in document["paths"].values()
        for operation in path.values()
        for name in body_schemas(operation)
    }
    for name in sorted(bodies):
        whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
        check = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        shown = schemas[name].get("examples", [])
        wrong += [(name, str(error)) for one in shown for error in check.iter_errors(one)]
        wrong += [] if shown else [(name, "has none")]
    assert len(bodies) > 60
    assert wrong == []


def test_a_schema_without_examples_of_its_fields_gets_none() -> None:
    part = {
        "type": "object",
        "properties": {"days": {"type": "array", "items": {"type": "number"}}},
    }
    with pytest.raises(NoExampleError) as missing:
        example_of({"$ref": "#/components/schemas/Part"}, {"Part": part})
    assert missing.value.args == ("days", "[]")


def _try(operation: Any, client: asgi.ASGIClient, headers: dict[str, str], described: Any) -> None:
    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def holds(case: Any) -> None:
        case.headers = {**(case.headers or {}), **headers}
        # It would be waited for.
        case.query = {name: one for name, one in (case.query or {}).items() if name != "long-poll"}
        found = case.call_and_validate(session=client, checks=list(_CHECKS))
        assert _undescribed(described, operation.method, operation.path, found) == []

    holds()


def _all_roles(service: Service) -> dict[str, str]:
    with writing(service.engine) as connection:
        new = create_key(
            connection,
            "all",
            roles=list(Role),
            purposes=["early_years"],
            unattended=False,
            per_minute=1_000_000,
            by="steward",
            now=datetime.now(UTC),
        )
    return {"Authorization": f"Bearer {new.key}", "Purpose": "early_years"}


def test_every_list_that_comes_in_pages_is_called_items(application: FastAPI) -> None:
    document = application.openapi()
    pages = [
        schema
        for schema in document["components"]["schemas"].values()
        if {"next", "after", "last_run"} & schema.get("properties", {}).keys()
        and any(one.get("type") == "array" for one in schema["properties"].values())
    ]
    assert len(pages) > 20
    assert [one["title"] for one in pages if "items" not in one["properties"]] == []
