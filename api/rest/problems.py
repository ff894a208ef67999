"""Problem documents (RFC 9457): every error that a client sees.

``type`` is stable and resolves, under this server, to what it means. ``detail`` says what to
do and never holds a personal value: what a client sent is not repeated.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"
BASE = "/v1/problems/"
# Where the OpenAPI document keeps them.
_SCHEMAS = "#/components/schemas/"
_EXAMPLES = "#/components/examples/"
# How an example of a problem is called there that is told as a FHIR OperationOutcome.
_AS_OUTCOME = "fhir-"
# Below this address problems are FHIR OperationOutcomes.
FHIR = "/v1/fhir/"
# What their codes are of: no registry has it, and nothing is behind it.
OUTCOMES = "urn:child-register:problem"
FHIR_MEDIA_TYPE = "application/fhir+json"
# Codes of FHIR's IssueType, by status.
_ISSUES = {
    400: "structure",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    408: "timeout",
    409: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "invalid",
    429: "throttled",
    500: "exception",
    503: "transient",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its status, its title, and what a client can do about it."""

    status: int
    title: str
    remedy: str


KINDS: Mapping[str, Kind] = {
    "bad-request": Kind(400, "The request cannot be read", "Mend the request."),
    "unknown-host": Kind(
        400,
        "The service is not known by this host name",
        "Use the address that MATCHER_PUBLIC_URL gives it.",
    ),
    "bad-cursor": Kind(400, "The cursor is not one of ours", "Begin again without a cursor."),
    "unknown-source": Kind(400, "There is no such source", "See /v1/sources for those there are."),
    "purpose": Kind(
        400,
        "The purpose is missing or not yours",
        "Send the header Purpose with one of those that your key may act for.",
    ),
    "not-signed-in": Kind(
        401, "You have not shown who you are", "Send Authorization: Bearer with a valid key."
    ),
    "form-expired": Kind(403, "The form is not one of ours any more", "Open the page again."),
    "forbidden": Kind(
        403,
        "You may not do this",
        "Your role, your purpose or the sources of your key do not allow it; ask a steward.",
    ),
    "target-not-permitted": Kind(
        403, "You may not be told this source's ids", "Ask a steward for the source."
    ),
    "not-found": Kind(404, "There is no such thing", "Check the address and the id."),
    "method": Kind(405, "This address does not take this method", "See the OpenAPI document."),
    "not-acceptable": Kind(406, "Not available in this form", "See the OpenAPI document."),
    "too-slow": Kind(408, "The request took too long to arrive", "Send it again, without pauses."),
    "conflict": Kind(409, "The state of things does not allow this", "Read it again and decide."),
    "taken": Kind(409, "Somebody else has this pair now", "Take the next pair."),
    "not-in-hand": Kind(
        409, "You do not have this pair in hand", "Take it, or the next pair, and decide that."
    ),
    "in-hand": Kind(
        409,
        "You have another pair in hand",
        "Answer it, or give it back; `pair` says which it is.",
    ),
    "gone": Kind(410, "This is no more", "Follow the successors, where there are any."),
    "stale": Kind(412, "It has changed since you read it", "Read it again and decide."),
    "too-large": Kind(413, "The request is too large", "Send less at a time."),
    "media-type": Kind(415, "Content of this type is not taken", "See the OpenAPI document."),
    "invalid": Kind(422, "The request says what cannot be", "Mend what errors names."),
    "refused": Kind(422, "The data was refused", "Mend the data; detail says what is wrong."),
    "key-reused": Kind(
        422,
        "This Idempotency-Key was used for another request",
        "Use a new key for a new request.",
    ),
    "precondition-required": Kind(
        428, "Say which state you decided on", "Send If-Match with the ETag that you read."
    ),
    "too-many": Kind(429, "Too many requests", "Wait as long as Retry-After says."),
    "fault": Kind(500, "This is a fault of the software", "Tell whoever runs it the request's id."),
    "busy": Kind(
        503,
        "The register is busy",
        "It is being written to, or more ask than it can answer. Send it again after Retry-After.",
    ),
}

BY_STATUS = {
    400: "bad-request",
    401: "not-signed-in",
    403: "forbidden",
    404: "not-found",
    405: "method",
    406: "not-acceptable",
    408: "too-slow",
    409: "conflict",
    410: "gone",
    412: "stale",
    413: "too-large",
    415: "media-type",
    422: "invalid",
    428: "precondition-required",
    429: "too-many",
    503: "busy",
}


class FieldError(BaseModel):
    """What is wrong with one part of a request."""

    place: str = Field(
        description="Where: `body`, `query`, `path` or `header`, then names and positions. "
        "In a FHIR outcome it is the `expression`.",
        examples=["body.date_of_birth"],
    )
    message: str = Field(
        description="What to do about it. What was sent is not repeated.",
        examples=["give a date as YYYY-MM-DD"],
    )
    code: str | None = Field(
        None,
        description="Of a record that is refused: why a row of an extract would be.",
        examples=["no_name"],
    )


class ProblemDocument(BaseModel):
    """A problem, as RFC 9457 has it."""

    type: str = Field(
        description="Stable; resolves, under this server, to what it means.",
        examples=["/v1/problems/not-found"],
    )
    title: str = Field(
        description="The same of every problem of the type.", examples=["There is no such thing"]
    )
    status: int = Field(description="The answer's own status.", examples=[404])
    detail: str = Field(
        description="What to do now. It holds no personal value.",
        examples=["Check the address and the id."],
    )
    request_id: str = Field(
        description="By which the log knows the request; the header `X-Request-Id` has it too.",
        examples=["3f0c6f0e7a0b4a1c8a5d0d8f7b1e2c3d"],
    )
    errors: list[FieldError] = Field(
        [], description="Of what says what cannot be: each part that is at fault."
    )
    successors: list[str] = Field(
        [],
        description="Of a child that is no more: those its records went to.",
        examples=[["7B3N9HV1C6DY4"]],
    )
    pair: str | None = Field(
        None, description="Of a pair in hand: which it is.", examples=["1042-2077"]
    )
    changes: list[str] = Field(
        [],
        description="Of what is stale: names of what has changed.",
        examples=[["record_l", "weight"]],
    )


class Problem(Exception):  # noqa: N818 - the RFC's word
    """Ends a request with a problem document. ``kind`` is one of KINDS."""

    def __init__(
        self,
        kind: str,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        self.kind, self.detail, self.headers, self.more = kind, detail, headers, more
        super().__init__(kind)


def problem_response(
    request: Request,
    kind: str,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """The document for one problem."""
    known = KINDS[kind]
    content = _document(kind, detail, getattr(request.state, "request_id", ""), **more)
    own = dict(headers or {})
    if known.status == 401:
        own.setdefault("WWW-Authenticate", "Bearer")
    if request.url.path.startswith(FHIR):
        outcome = operation_outcome(kind, content)
        return JSONResponse(outcome, known.status, headers=own, media_type=FHIR_MEDIA_TYPE)
    return JSONResponse(content, known.status, headers=own, media_type=MEDIA_TYPE)


def written_problem(kind: str, request_id: str) -> tuple[int, bytes]:
    """The status of a problem and its document, for where there is no request to answer."""
    return KINDS[kind].status, json.dumps(_document(kind, None, request_id)).encode()


def _document(kind: str, detail: str | None, request_id: str, **more: Any) -> dict[str, Any]:
    known = KINDS[kind]
    return {
        "type": BASE + kind,
        "title": known.title,
        "status": known.status,
        "detail": detail or known.remedy,
        "request_id": request_id,
        **more,
    }


def operation_outcome(kind: str, problem: Mapping[str, Any]) -> dict[str, Any]:
    """A problem as a FHIR OperationOutcome; its type is the code."""
    errors = problem.get("errors") or [{"place": "", "message": problem["detail"]}]
    coding = {"system": OUTCOMES, "code": kind, "display": problem["title"]}
    issues = [
        {
            "severity": "error",
            "code": _ISSUES.get(problem["status"], "processing"),
            "details": {"coding": [coding], "text": one["message"]},
            **({"expression": [one["place"]]} if one["place"] else {}),
            "diagnostics": f"request {problem['request_id']}",
        }
        for one in errors
    ]
    return {"resourceType": "OperationOutcome", "issue": issues}


def refusal(
    request: Request,
    kind: str,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """The answer to what cannot be done: a document, unless the application has another way."""
    answer: Callable[..., Response] = getattr(request.app.state, "refusal", problem_response)
    return answer(request, kind, detail, headers, **more)


def problem_schemas() -> dict[str, Any]:
    """What `responses` refer to, for the components of the OpenAPI document."""
    schema = ProblemDocument.model_json_schema(ref_template=_SCHEMAS + "{model}")
    return {**schema.pop("$defs"), ProblemDocument.__name__: schema}


# What is in problems of some kinds only.
_WITH: Mapping[str, dict[str, Any]] = {
    "invalid": {
        "errors": [{"place": "body.date_of_birth", "message": "give a date as YYYY-MM-DD"}]
    },
    "gone": {"successors": ["7B3N9HV1C6DY4"]},
    "in-hand": {"pair": "1042-2077"},
    "stale": {"changes": ["record_l", "weight"]},
}


def problem_examples() -> dict[str, Any]:
    """An example of each kind of problem, for the components of the OpenAPI document."""
    found = {}
    for kind, known in KINDS.items():
        one = _document(kind, None, "3f0c6f0e7a0b4a1c8a5d0d8f7b1e2c3d", **_WITH.get(kind, {}))
        found[kind] = {"summary": known.title, "value": one}
        outcome = {"summary": known.title, "value": operation_outcome(kind, one)}
        found[_AS_OUTCOME + kind] = outcome
    return found


def _header(name: str, description: str, kind: str = "string") -> dict[str, Any]:
    return {"headers": {name: {"description": description, "schema": {"type": kind}}}}


_RETRY = _header("Retry-After", "In how many seconds to send it again.", "integer")
# What an answer of a status has besides its document.
_HEADERS = {
    401: _header("WWW-Authenticate", "How to show who you are."),
    405: _header("Allow", "The methods that this address takes."),
    412: _header("ETag", "The state that it is in, where there is one."),
    429: _RETRY,
    503: _RETRY,
}


def responses(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """For a route's ``responses``: the problems that it may end with."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        known = KINDS[kind]
        entry = by_status.setdefault(
            known.status,
            {
                **_HEADERS.get(known.status, {}),
                "description": known.title,
                "content": {
                    MEDIA_TYPE: {
                        "schema": {"$ref": _SCHEMAS + ProblemDocument.__name__},
                        "examples": {},
                    }
                },
            },
        )
        entry["content"][MEDIA_TYPE]["examples"][kind] = {"$ref": _EXAMPLES + kind}
        if known.title not in entry["description"]:
            entry["description"] += f"; or: {known.title}"
    return by_status


# What any request of somebody who must sign in can end with.
_ASKING = (
    "bad-request",
    "purpose",
    "not-signed-in",
    "forbidden",
    "too-slow",
    "too-large",
    "invalid",
    "too-many",
    "fault",
    "busy",
)


def asking(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that reads: its own, and those of all that do."""
    return responses(*_ASKING, *kinds)


def acting(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that writes: its own, and those of all that do."""
    return asking("key-reused", *kinds)


def outcomes(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """The same of a FHIR route, whose problems are OperationOutcomes."""
    return _as_outcomes(acting(*kinds))


def outcomes_of(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """`responses` of a FHIR route."""
    return _as_outcomes(responses(*kinds))


def _as_outcomes(found: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    schema = {"type": "object", "properties": {"resourceType": {"const": "OperationOutcome"}}}
    told = {}
    for status, one in found.items():
        examples = {
            kind: {"$ref": _EXAMPLES + _AS_OUTCOME + kind}
            for kind in one["content"][MEDIA_TYPE]["examples"]
        }
        content = {FHIR_MEDIA_TYPE: {"schema": schema, "examples": examples}}
        told[status] = {**one, "content": content}
    return told
