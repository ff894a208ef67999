"""Whole examples of what is sent and answered, for the OpenAPI document.

A schema that has none of its own gets one that is put together of the examples of its fields.
"""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_BY_FORMAT = {"date": "2024-09-01", "date-time": "2024-09-02T09:30:00Z"}
# Of what comes after what it stands beside.
_LATER = {
    "ends": "2027-08-31",
    "started_at": "2024-09-02T09:30:05Z",
    "finished_at": "2024-09-02T09:31:20Z",
    "decided_at": "2024-09-02T11:15:00Z",
    "last_tried_at": "2024-09-03T14:00:00Z",
    "next_attempt_at": "2024-09-03T14:10:00Z",
    "ended_at": "2024-12-20T15:45:00Z",
    "expires_at": "2024-09-03T09:30:00Z",
}


class NoExampleError(LookupError):
    """A part of a schema has no example, and none can be put together."""


def body_schemas(operation: Schema) -> set[str]:
    """Names of the components that are the whole of a body that is sent or answered."""
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    schemas = [one.get("schema", {}) for body in bodies for one in body.get("content", {}).values()]
    either = [one for schema in schemas for one in (schema, *schema.get("anyOf", ()))]
    return {_name(one) for one in either if "$ref" in one}


def form_example(schema: Schema, schemas: Mapping[str, Schema]) -> dict[str, Any]:
    """Of a form, by field; files are told by what they are."""
    whole = schemas[_name(schema)] if "$ref" in schema else schema
    return {
        name: example_of(part, schemas) if "examples" in part else "(content of the file)"
        for name, part in whole["properties"].items()
    }


def example_of(schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    """One of a schema: its own, or put together of its parts'. Raises NoExampleError."""
    for known in ("examples", "enum"):
        if known in schema:
            return schema[known][0]
    for known in ("const", "default"):
        if known in schema:
            return schema[known]
    if "$ref" in schema:
        return example_of(schemas[_name(schema)], schemas)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return _first_of(schema[choice], schemas)
    return _of_type(schema, schemas)


def _first_of(options: list[Schema], schemas: Mapping[str, Schema]) -> Any:
    for option in options:
        try:
            return example_of(option, schemas)
        except NoExampleError:
            continue
    raise NoExampleError


def _of_type(schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    kind = schema.get("type")
    if kind == "object" and "properties" in schema:
        parts = schema["properties"]
        return {name: _part(name, part, schemas) for name, part in parts.items()}
    if kind == "array" and "items" in schema:
        return [_part("[]", schema["items"], schemas)]
    if kind == "boolean":
        return False
    if kind == "null":
        return None
    if schema.get("format") in _BY_FORMAT:
        return _BY_FORMAT[schema["format"]]
    raise NoExampleError


def _part(name: str, schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    try:
        found = example_of(schema, schemas)
    except NoExampleError as error:
        raise NoExampleError(name, *error.args) from None
    return _LATER.get(name, found) if found in _BY_FORMAT.values() else found


def _name(reference: Schema) -> str:
    return str(reference["$ref"].rpartition("/")[2])
