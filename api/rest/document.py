"""The OpenAPI document: what each operation takes, needs, answers, and may end with."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from api.rest.allowed import Allowed
from api.rest.deliveries import describe_deliveries
from api.rest.examples import body_schemas, example_of, form_example
from api.rest.guarding import asked_by
from api.rest.paging import LEADS_ON
from api.rest.problems import (
    FHIR,
    outcomes_of,
    problem_examples,
    problem_schemas,
    responses,
)
from api.services.access.roles import PERMISSIONS, Role

TAGS = {
    "children": "Children of the register: their values, records, family, history and journey.",
    "crosswalk": "By which ids other systems know a child.",
    "events": "The change feed: what happened to children and records, in order.",
    "exports": "Parts of the register as files.",
    "extracts": "Files of a source: brought, looked over, let in or not.",
    "fhir": "Matching for systems that speak FHIR R4.",
    "health": "For whoever runs the service: whether it lives, can work, and how much it does.",
    "jobs": "Queued work, and how far it is.",
    "match": "Persons matched against the register; nothing is stored.",
    "measures": "Outcome measures with their counts and intervals.",
    "previews": "What other rules, another model or other thresholds would do.",
    "problems": "What the types of problem documents mean.",
    "records": "What one source says of one person: read, written and taken back.",
    "review": "Pairs that wait for a person, what people say of them, and decisions.",
    "runs": "Runs of linkage, and the models that they weighed by.",
    "sources": "Systems that extracts come from, and what they may be used for.",
    "webhooks": "Being told of events as they come.",
}

# Headers, each with the answers that have it.
_HEADERS: dict[str, tuple[dict[str, Any], str]] = {
    name: ({"description": said, "schema": {"type": "string"}}, when)
    for name, when, said in (
        ("X-Request-Id", "always", "Which request this was, as the service's log has it."),
        ("Cache-Control", "always", "`no-store`, unless the answer says otherwise."),
        ("Link", "list", 'Where the list goes on, as `<...>; rel="next"`; missing at its end.'),
        (
            "Idempotency-Replayed",
            "replay",
            "`true` where the same request was done before, under the same `Idempotency-Key`.",
        ),
    )
}

# Of our own, since the framework's passes over parameters.
router = APIRouter()


@router.get("/openapi.json", include_in_schema=False)
def openapi_document(request: Request) -> JSONResponse:
    """The document itself."""
    return JSONResponse(request.app.openapi())


def describe(app: FastAPI) -> None:
    """Let an application say, in its OpenAPI document, what its routes do not say themselves."""
    plain = app.openapi
    describe_deliveries(app)

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _with_whole_bounds(_completed(app, plain()))
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def roles_of(allowed: Allowed) -> list[Role]:
    """Who may call a route that asks for this."""
    return [role for role in Role if allowed.permission in PERMISSIONS[role]]


def _completed(app: FastAPI, document: dict[str, Any]) -> dict[str, Any]:
    components = document["components"]
    schemas = components["schemas"]
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas |= problem_schemas()
    for address, path in document["paths"].items():
        for method, operation in path.items():
            _complete(operation, fhir=address.startswith(FHIR))
            _say_headers(operation, schemas)
            _say_who(operation, app.state.routes.get(f"{method.upper()} {address}"))
            _lead_on(address, operation, schemas)
            _exemplify(operation, schemas)
    for path in document["webhooks"].values():
        for operation in path.values():
            _exemplify(operation, schemas)
    components["headers"] = {name: header for name, (header, _) in _HEADERS.items()}
    named = str(document["paths"])
    components["examples"] = {
        name: one for name, one in problem_examples().items() if f"/{name}'" in named
    }
    return document


def _complete(operation: dict[str, Any], *, fhir: bool) -> None:
    """Describe what any operation may end with, if it does not do so itself."""
    kinds = ["bad-request", "invalid", "fault"]
    if "requestBody" in operation:
        kinds.append("media-type")
    own = operation["responses"]
    for status, entry in (outcomes_of(*kinds) if fhir else responses(*kinds)).items():
        # FastAPI's own 422 is never sent: ours is a problem document.
        if "application/json" in own.get(str(status), {}).get("content", {}):
            del own[str(status)]
        own.setdefault(str(status), entry)


def _say_headers(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Describe the headers that every answer of a kind has."""
    keyed = any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", ()))
    for status, answer in operation["responses"].items():
        shown = answer.get("content", {}).get("application/json", {}).get("schema", {})
        listed = "next" in schemas.get(shown.get("$ref", "").rpartition("/")[2], {}).get(
            "properties", ()
        )
        fits = {
            "always": True,
            "list": status == "200" and listed,
            "replay": keyed and status.startswith("2"),
        }
        own = {
            name: {"$ref": f"#/components/headers/{name}"}
            for name, (_, when) in _HEADERS.items()
            if fits[when]
        }
        answer["headers"] = own | answer.get("headers", {})


def _say_who(operation: dict[str, Any], route: APIRoute | None) -> None:
    """Let an operation say which permission it needs, and who has it."""
    allowed = None if route is None else asked_by(route)
    if allowed is None or allowed.permission is None:
        said = "Anybody may ask this."
    else:
        roles = ", ".join(f"`{role}`" for role in roles_of(allowed))
        said = f"Needs the permission `{allowed.permission}`, which these roles have: {roles}."
        if allowed.personal:
            said += " Needs a purpose, and is entered into the access log."
    operation["description"] = f"{operation.get('description', '')}\n\n{said}".strip()


def _lead_on(address: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Let the example of where a list goes on be an address of that list."""
    filled = address
    for one in operation.get("parameters", ()):
        if one["in"] == "path":
            filled = filled.replace(f"{{{one['name']}}}", str(example_of(one["schema"], schemas)))
    for name in body_schemas(operation):
        following = schemas[name].get("properties", {}).get("next", {})
        for shown in following.get("examples", ()):
            if shown == LEADS_ON:
                following["examples"] = [f"{filled}?cursor=WzEyXQ"]


def _exemplify(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Let an operation show the whole of what it takes and answers, as its schemas have it."""
    for name in body_schemas(operation):
        schemas[name].setdefault("examples", [example_of(schemas[name], schemas)])
    asked = operation.get("requestBody", {})
    for body in (asked, *operation["responses"].values()):
        content = body.get("content", {}).get("application/json", {})
        schema = content.get("schema", {})
        for one in (schema, *schema.get("anyOf", ())):
            if "$ref" in one:
                content.setdefault("example", example_of(one, schemas))
    form = asked.get("content", {}).get("multipart/form-data")
    if form is not None:
        form["example"] = form_example(form["schema"], schemas)


def _with_whole_bounds(part: Any) -> Any:
    """The document, with bounds of whole numbers that are whole: 2^63 - 1 is no float."""
    if isinstance(part, list):
        return [_with_whole_bounds(one) for one in part]
    if not isinstance(part, dict):
        return part
    found = {name: _with_whole_bounds(one) for name, one in part.items()}
    if found.get("type") == "integer":
        for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            if isinstance(found.get(name), float):
                found[name] = min(int(found[name]), 2**63 - (name == "maximum"))
    return found
