"""Whatever is asked, by the OpenAPI document or against it, the answer is one it describes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.definitions import OPENAPI_31

from api.db.engine import writing
from api.rest.problems import FieldError, ProblemDocument
from api.rest.service import Service
from api.services.access.keys import create_key
from api.services.access.roles import Role

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
    for found in document.get_all_operations():
        operation = found.ok()
        if operation.path == "/readyz":  # 503 is what it says while no worker runs
            continue
        try:
            _try(operation, headers)
        except Exception as error:
            problems.append(f"{operation.label}: {error}")
    assert not problems, "\n\n".join(problems)


def test_the_document_is_openapi_and_leads_nowhere_that_is_not_in_it(
    application: FastAPI,
) -> None:
    document = application.openapi()
    jsonschema_rs.Draft202012Validator(OPENAPI_31).validate(document)
    names = document["components"]["schemas"].keys()
    named = set(_references(document))
    assert {f"#/components/schemas/{one}" for one in names} == named
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
    assert not lacking


def _try(operation: Any, headers: dict[str, str]) -> None:
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
        case.call_and_validate(checks=list(_CHECKS))

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
