"""FHIR R4: `Patient/$match` with the same engine as a match of our own."""

import json
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from api.rest.access import Access
from api.rest.allowed import KeyHeader, reads
from api.rest.errors import unreadable
from api.rest.fhir_patients import ResourceError
from api.rest.fhir_resources import (
    CHILD_ID,
    MATCH_GRADE,
    MEDIA_TYPE,
    capabilities,
    match_bundle,
    match_question,
    remarks_on,
)
from api.rest.guarding import GuardedRoute
from api.rest.manners import JSON, RepeatedNameError, as_json, require_content
from api.rest.problems import Problem, outcomes
from api.services.access.roles import Permission
from api.services.linking import versions
from api.services.matching import BarredError, golden_of, match_persons, understood
from matcher.errors import DataError

_TAKEN = (MEDIA_TYPE, JSON)
_TOLD = frozenset({*_TAKEN, "application/*", "*/*"})


# What clients may call it in an address, where a plus that is not escaped stands for a space.
_FORMATS = frozenset({"json", "text/json", "application/fhir json"})


def _check_acceptable(
    accept: Annotated[str, Header(include_in_schema=False)] = "*/*",
    asked: Annotated[
        str | None,
        Query(
            alias="_format",
            description="The form of the answer, which counts instead of Accept: `json`, "
            "`application/json` or `application/fhir+json`. There is no other.",
            examples=["json"],
        ),
    ] = None,
) -> None:
    """Raises Problem for a client that takes no JSON: FHIR has other forms too."""
    wanted = {
        one.partition(";")[0].strip().lower()
        for one in (accept if asked is None else asked).split(",")
    }
    if asked is not None and wanted & _FORMATS:
        return
    if not wanted & _TOLD:
        raise Problem("not-acceptable", f"Resources are told as {MEDIA_TYPE} only.")


router = APIRouter(
    route_class=GuardedRoute,
    prefix="/fhir",
    tags=["fhir"],
    dependencies=[Depends(_check_acceptable)],
)

_RESOURCE: dict[str, Any] = {
    "type": "object",
    "required": ["resourceType"],
    "properties": {"resourceType": {"type": "string"}},
}


def _answer(description: str, example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    content = {MEDIA_TYPE: {"schema": _RESOURCE, "example": example}}
    return {200: {"description": description, "content": content}}


_FOUND: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "searchset",
    "total": 1,
    "entry": [
        {
            "fullUrl": f"{CHILD_ID}:R7K5WPZE84P4H",
            "resource": {
                "resourceType": "Patient",
                "id": "R7K5WPZE84P4H",
                "identifier": [{"system": CHILD_ID, "value": "R7K5WPZE84P4H"}],
                "name": [{"family": "Artliff", "given": ["Amelia"]}],
                "gender": "female",
                "birthDate": "2016-10-12",
                "address": [{"postalCode": "OL9 9ZZ"}],
            },
            "search": {
                "mode": "match",
                "score": 0.999961,
                "extension": [{"url": MATCH_GRADE, "valueCode": "certain"}],
            },
        },
    ],
}


_EXAMPLE: dict[str, Any] = {
    "resourceType": "Parameters",
    "parameter": [
        {
            "name": "resource",
            "resource": {
                "resourceType": "Patient",
                "name": [{"family": "Artliff", "given": ["Amelia"]}],
                "gender": "female",
                "birthDate": "2016-10-12",
                "identifier": [
                    {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9434765919"}
                ],
                "address": [{"postalCode": "OL9 9ZZ"}],
            },
        },
        {"name": "onlyCertainMatches", "valueBoolean": False},
        {"name": "count", "valueInteger": 3},
    ],
}

_QUESTION = {
    "requestBody": {
        "required": True,
        "description": "A Parameters resource with `resource` (a Patient), `onlyCertainMatches` "
        "and `count` (10 without it, 100 at most); or a Patient alone.",
        "content": {
            # The second for clients that cannot send the first.
            one: {"schema": _RESOURCE, "example": _EXAMPLE}
            for one in _TAKEN
        },
    }
}


_CAPABLE: dict[str, Any] = json.loads(capabilities("1.0.0", date(2024, 9, 1)))


async def _body(request: Request) -> bytes:
    """What was sent, if it is of a type that is taken; nothing is of any."""
    body = await request.body()
    if body:
        require_content(request, *_TAKEN)
    return body


class FhirResponse(Response):
    """A resource."""

    media_type = MEDIA_TYPE


@router.post(
    "/Patient/$match",
    summary="Match a FHIR patient",
    name="fhir_match_patient",
    response_class=FhirResponse,
    openapi_extra=_QUESTION,
    responses={**_answer("A searchset Bundle", _FOUND), **outcomes("not-acceptable", "media-type")},
)
def fhir_match_patient(
    access: Annotated[Access, reads(Permission.MATCH_PEOPLE)],
    body: Annotated[bytes, Depends(_body)],
    _key: KeyHeader = None,
) -> Response:
    """Children of the register that may be this patient, best first, as Patient resources with
    `search.score` (the match probability) and the match-grade extension. Nothing is stored.

    What was not looked at, such as an identifier of another system or a second name, is named in
    an OperationOutcome among the entries.

    With `onlyCertainMatches` a candidate is told only if it is certain and has no rival.
    """
    try:
        question = match_question(_read(body), access.now.date())
    except ResourceError as error:
        where = [{"place": error.place, "message": str(error)}] if error.place else []
        raise Problem("invalid", str(error), errors=where) from None
    try:
        (found,) = match_persons(
            access.connection, access.caller, access.view, [question.person], question.asked
        )
        (made,) = understood(access.connection, [question.person])
    except BarredError as error:
        raise Problem("forbidden", str(error)) from None
    except DataError as error:
        raise Problem("invalid", str(error)) from None
    access.saw(*(one.child_id for one in found))
    golden = golden_of(access.connection, access.view, found)
    remarks = [*question.remarks, *remarks_on(made)]
    return FhirResponse(match_bundle(found, golden, remarks))


@router.get(
    "/metadata",
    summary="See what the FHIR side can do",
    name="fhir_capabilities",
    response_class=FhirResponse,
    responses={**_answer("A CapabilityStatement", _CAPABLE), **outcomes("not-acceptable")},
)
def fhir_capabilities(
    access: Annotated[Access, reads(Permission.MATCH_PEOPLE, personal=False)],
) -> Response:
    """A CapabilityStatement, FHIR R4 (4.0.1)."""
    return FhirResponse(capabilities(versions()["child-register"], access.now.date()))


def _read(body: bytes) -> Any:
    if not body:
        return None
    try:
        return as_json(body)
    except RepeatedNameError:
        raise Problem("bad-request", "an object says the same name twice") from None
    except json.JSONDecodeError as error:
        where = f"this is not JSON from line {error.lineno}, column {error.colno} on"
        raise Problem("bad-request", where) from None
    except (UnicodeDecodeError, RecursionError) as error:
        wrong = unreadable(error) or {}
        raise Problem("bad-request", wrong.get("message")) from None
