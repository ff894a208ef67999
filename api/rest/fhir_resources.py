"""FHIR R4 resources, and what they say to the register and it to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.parameters import Parameters
from fhir.resources.R4B.patient import Patient
from pydantic import ValidationError

from api.rest.fhir_patients import NHS_NUMBER, UPN, ResourceError, read_patient
from api.services.matching import TOO_LITTLE, Asked, Understood
from api.services.register.candidates import Candidate, Grade
from api.services.register.weighing import Person

MEDIA_TYPE = "application/fhir+json"
# Nobody has registered a system for it, so it is named here.
CHILD_ID = "urn:child-register:child"
MATCH_GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"

_CHANGES_MEANING = ("modifierExtension", "implicitRules")

LARGEST_COUNT = 100
_COUNT = 10
_GRADES = {
    Grade.CERTAIN: "certain",
    Grade.PROBABLE: "probable",
    Grade.POSSIBLE: "possible",
    Grade.UNLIKELY: "certainly-not",
}
_GENDER = {"F": "female", "M": "male"}


@dataclass(frozen=True, slots=True)
class MatchQuestion:
    """What a request for a match asks, and what it says that is not looked at."""

    person: Person
    asked: Asked
    remarks: tuple[str, ...]


def match_question(content: Any, day: date) -> MatchQuestion:
    """Of a Parameters resource, or a bare Patient. Raises ResourceError. ``day`` is today."""
    kind = content.get("resourceType") if isinstance(content, dict) else None
    if kind == "Patient":
        return _question(_checked(Patient, content), Asked(limit=_COUNT), day)
    if kind != "Parameters":
        raise ResourceError("send a Parameters or a Patient resource", "resourceType")
    given: dict[str, Any] = {}
    for parameter in _checked(Parameters, content).parameter or []:
        if parameter.name in given:
            raise ResourceError("a parameter is given twice", "parameter")
        given[parameter.name] = parameter
    unknown = given.keys() - {"resource", "onlyCertainMatches", "count"}
    if unknown:
        raise ResourceError("parameters are resource, onlyCertainMatches and count", "parameter")
    patient = getattr(given.get("resource"), "resource", None)
    if not isinstance(patient, Patient):
        raise ResourceError("the parameter resource must hold a Patient", "parameter.resource")
    certain = _value(given, "onlyCertainMatches", "valueBoolean")
    count = _value(given, "count", "valueInteger")
    if count is not None and not 1 <= count <= LARGEST_COUNT:
        raise ResourceError(f"count is from 1 to {LARGEST_COUNT}", "parameter.count")
    at_least = Grade.CERTAIN if certain else Grade.POSSIBLE
    return _question(patient, Asked(at_least, count or _COUNT), day)


def remarks_on(made: Understood) -> list[str]:
    """What a client should know of the person that it described."""
    named = ", ".join(name.replace("_", " ") for name in made.left_out)
    unused = f"cannot be used as it is written, and was not looked at: {named}"
    return [*([unused] if named else []), *([] if made.enough else [TOO_LITTLE])]


def match_bundle(
    candidates: tuple[Candidate, ...],
    golden: Mapping[str, Mapping[str, str]],
    remarks: Sequence[str],
) -> str:
    """A searchset of the candidates, best first, as JSON.

    With an outcome that holds the remarks on what was asked, if there are any.
    """
    entries = [
        {
            "fullUrl": f"{CHILD_ID}:{one.child_id}",
            "resource": _patient(one.child_id, golden.get(one.child_id, {})),
            "search": {
                "mode": "match",
                "score": round(one.probability, 6),
                "extension": [{"url": MATCH_GRADE, "valueCode": _GRADES[one.grade]}],
            },
        }
        for one in candidates
    ]
    content: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(entries),
    }
    if remarks:
        issues = [
            {"severity": "information", "code": "value", "diagnostics": one} for one in remarks
        ]
        outcome = {"resourceType": "OperationOutcome", "issue": issues}
        entries.append({"resource": outcome, "search": {"mode": "outcome"}})
    if entries:
        content["entry"] = entries
    written: str = Bundle.model_validate(content).model_dump_json()
    return written


def capabilities(version: str, day: date) -> str:
    """What this server can do, as JSON."""
    operation = {
        "name": "match",
        "definition": "http://hl7.org/fhir/OperationDefinition/Patient-match",
    }
    content = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": day.isoformat(),
        "kind": "instance",
        "software": {"name": "Child register", "version": version},
        "implementation": {"description": "Matching of persons against the child register"},
        "fhirVersion": "4.0.1",
        "format": ["json", MEDIA_TYPE],
        "rest": [{"mode": "server", "resource": [{"type": "Patient", "operation": [operation]}]}],
    }
    written: str = CapabilityStatement.model_validate(content).model_dump_json()
    return written


def _checked(kind: Any, content: Any) -> Any:
    try:
        read = kind.model_validate(content)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ResourceError("this is not a valid FHIR R4 resource", place) from None
    _check_types(content, read.model_dump(), ())
    _check_meaning(content, ())
    return read


def _check_meaning(sent: Any, place: tuple[str, ...]) -> None:
    """Raises ResourceError for what may change what the rest means: FHIR has whoever does not
    understand it refuse it, and none is understood here.
    """
    if isinstance(sent, Mapping):
        parts = [(str(name), one) for name, one in sent.items()]
    else:
        parts = [(str(number), one) for number, one in enumerate(sent)]
    for name, one in parts:
        if name in _CHANGES_MEANING and one:
            message = f"{name} may change what the resource means, and is not understood here"
            raise ResourceError(message, ".".join((*place, name)))
        if isinstance(one, Mapping | list):
            _check_meaning(one, (*place, name))


def _check_types(sent: Any, read: Any, place: tuple[str, ...]) -> None:
    """Raises ResourceError for what was read as another type: the model takes "yes" for true."""
    if isinstance(read, Mapping):
        for name, value in read.items():
            if name in sent:
                _check_types(sent[name], value, (*place, name))
    elif isinstance(read, list):
        for number, (one, value) in enumerate(zip(sent, read, strict=True)):
            _check_types(one, value, (*place, str(number)))
    elif read is not None and type(sent) not in (wanted := _sent_as(read)):
        raise ResourceError(_ASKED[wanted], ".".join(place))


_TRUTH, _WHOLE, _NUMBER, _TEXT = (bool,), (int,), (int, float), (str,)
_ASKED: dict[tuple[type, ...], str] = {
    _TRUTH: "give true or false",
    _WHOLE: "give a whole number",
    _NUMBER: "give a number",
    _TEXT: "give text",
}


def _sent_as(read: Any) -> tuple[type, ...]:
    """The types of JSON that say such a value; a day, or bytes, are text."""
    if isinstance(read, bool):
        return _TRUTH
    if isinstance(read, int):
        return _WHOLE
    return _NUMBER if isinstance(read, float | Decimal) else _TEXT


def _value(given: Mapping[str, Any], name: str, field: str) -> Any:
    if name not in given:
        return None
    value = getattr(given[name], field)
    if value is None:
        raise ResourceError(f"{name} needs {field}", f"parameter.{name}")
    return value


def _question(patient: Any, asked: Asked, day: date) -> MatchQuestion:
    person, remarks = read_patient(patient, day)
    return MatchQuestion(person, asked, remarks)


def _patient(child_id: str, golden: Mapping[str, str]) -> dict[str, Any]:
    """The golden record of a child, as far as it may be seen."""
    patient: dict[str, Any] = {"resourceType": "Patient", "id": child_id}
    numbers = [(CHILD_ID, child_id), (NHS_NUMBER, golden.get("nhs_number")),
               (UPN, golden.get("upn"))]  # fmt: skip
    patient["identifier"] = [{"system": s, "value": value} for s, value in numbers if value]
    name: dict[str, Any] = {}
    if "surname" in golden:
        name["family"] = golden["surname"]
    if "forename" in golden:
        name["given"] = [golden["forename"]]
    if name:
        patient["name"] = [name]
    if golden.get("sex") in _GENDER:
        patient["gender"] = _GENDER[golden["sex"]]
    if "date_of_birth" in golden:
        patient["birthDate"] = golden["date_of_birth"]
    home: dict[str, Any] = {}
    if "address" in golden:
        home["text"] = golden["address"]
    if "postcode" in golden:
        home["postalCode"] = golden["postcode"]
    if home:
        patient["address"] = [home]
    return patient
