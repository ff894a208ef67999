"""Matching persons, by our own route and by FHIR's."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome
from sqlalchemy import func, select

from api.db.engine import reading
from api.db.models import Audit, Record
from api.rest.service import Service
from api.services.access.roles import Role
from tests.register_service.reviewed import AISHA, Reviewed
from tests.rest.conftest import MakeKey
from tests.rest.people import AISHA_SAYS, kind, record

AISHA_SAID = {
    "forename": "Aisha",
    "surname": "Malik",
    "date_of_birth": "2014-05-03",
    "sex": "F",
    "address": "2 Mill Rd",
    "postcode": "OL1 1AA",
}
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "name": [{"family": "Malik", "given": ["Aisha"]}],
    "gender": "female",
    "birthDate": "2014-05-03",
    "address": [{"line": ["2 Mill Rd"], "postalCode": "OL1 1AA"}],
}
FHIR = {"Content-Type": "application/fhir+json"}


def match(client: TestClient, asks: dict[str, str], **said: Any) -> list[Any]:
    found = client.post("/v1/match", json=said, headers=asks)
    assert found.status_code == 200, found.text
    candidates: list[Any] = found.json()["candidates"]
    return candidates


def fhir(client: TestClient, asks: dict[str, str], content: Any) -> Any:
    return client.post("/v1/fhir/Patient/$match", json=content, headers={**asks, **FHIR})


def parameters(**values: Any) -> dict[str, Any]:
    given = [{"name": "resource", "resource": PATIENT}]
    return {"resourceType": "Parameters", "parameter": [*given, *values.values()]}


def test_a_person_is_matched_with_reasons_that_add_up(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    best, *_ = match(client, key(), person=AISHA_SAID)
    assert best["child_id"] == register.child(AISHA[0])
    assert best["grade"] == "certain"
    total = best["prior"] + sum(one["weight"] for one in best["reasons"])
    assert round(total, 3) == best["weight"]
    for one in (best, *best["records"]):
        assert one["weight"] == round(one["weight"], 3)
        assert one["probability"] == round(one["probability"], 6)
    assert {(one["source"], one["record_id"]) for one in best["records"]} >= set(AISHA)


def test_nothing_is_stored(client: TestClient, key: MakeKey, service: Service) -> None:
    def counts() -> list[int | None]:
        with reading(service.engine) as connection:
            return [
                connection.scalar(select(func.count()).select_from(one)) for one in (Audit, Record)
            ]

    asks = key()
    before = counts()
    match(client, asks, person=AISHA_SAID)
    assert counts() == before


def test_an_unattended_system_gets_a_unique_match_only(client: TestClient, key: MakeKey) -> None:
    unsure = {"forename": "Aisha", "surname": "Begum", "date_of_birth": "2014-05-03"}
    attended = match(client, key(), person=unsure)
    assert "possible" in {one["grade"] for one in attended} or len(attended) > 1
    told = match(client, key(unattended=True), person=unsure, at_least="certainly_not")
    assert {one["grade"] for one in told} <= {"certain"}


def test_grades_and_their_number_are_limited_as_asked(client: TestClient, key: MakeKey) -> None:
    asks = key()
    every = match(client, asks, person=AISHA_SAID, at_least="certainly_not", limit=100)
    assert len(every) > 1
    assert match(client, asks, person=AISHA_SAID, at_least="certainly_not", limit=1) == every[:1]
    sure = match(client, asks, person=AISHA_SAID, at_least="certain")
    assert {one["grade"] for one in sure} == {"certain"}


def test_records_of_sources_that_may_not_be_seen_are_not_looked_at(
    client: TestClient, key: MakeKey
) -> None:
    best, *_ = match(client, key(sources=["school"]), person=AISHA_SAID)
    assert {one["source"] for one in best["records"]} == {"school"}
    assert match(client, key(sources=["census"]), person=AISHA_SAID) == []


def test_what_is_passed_over_of_a_person_is_told(client: TestClient, key: MakeKey) -> None:
    asks = key()
    both = {"person": {**AISHA_SAID, "name": "Someone Else"}}
    notes = client.post("/v1/match", json=both, headers=asks).json()["notes"]
    assert [(one["field"], one["code"]) for one in notes] == [("name", "not_used")]
    ordered = {"person": {**AISHA_SAID, "name_order": "surname_first"}}
    assert client.post("/v1/match", json=ordered, headers=asks).status_code == 422
    nowhere = {**AISHA_SAID, "source": "nope"}
    for address, said, place in (
        ("/v1/match", {"person": nowhere}, "body.person.source"),
        ("/v1/match/batch", {"persons": [AISHA_SAID, nowhere]}, "body.persons.1.source"),
    ):
        refused = client.post(address, json=said, headers=asks)
        assert (refused.status_code, kind(refused)) == (400, "unknown-source")
        assert [one["place"] for one in refused.json()["errors"]] == [place]


def test_a_batch_answers_each_in_order(client: TestClient, key: MakeKey) -> None:
    nobody = {"forename": "Zebedee", "surname": "Nobody", "date_of_birth": "2001-01-09"}
    body = {"persons": [nobody, AISHA_SAID, {"surname": "Nobody"}]}
    found = client.post("/v1/match/batch", json=body, headers=key()).json()["persons"]
    assert [len(one["candidates"]) > 0 for one in found] == [False, True, False]


def test_a_batch_of_nobody_is_answered_with_nothing(client: TestClient, key: MakeKey) -> None:
    found = client.post("/v1/match/batch", json={"persons": []}, headers=key())
    assert (found.status_code, found.json()["persons"]) == (200, [])


def test_half_of_a_character_is_refused_as_what_it_is(client: TestClient, key: MakeKey) -> None:
    content = b'{"person": {"surname": "Mal\\ud800ik"}}'
    sent = {**key(), "Content-Type": "application/json"}
    refused = client.post("/v1/match", content=content, headers=sent)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["place"] == "body.person.surname"
    assert "half of one" in error["message"]


def test_a_batch_is_of_a_thousand_at_most(client: TestClient, key: MakeKey) -> None:
    body = {"persons": [{"surname": "Malik"}] * 1001}
    assert client.post("/v1/match/batch", json=body, headers=key()).status_code == 422


def test_fhir_gives_a_valid_searchset_with_scores_and_grades(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    found = fhir(client, key(), PATIENT)
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("application/fhir+json")
    bundle = Bundle.model_validate_json(found.text)
    best = bundle.entry[0]
    assert (bundle.type, best.resource.id) == ("searchset", register.child(AISHA[0]))
    assert best.search.score > 0.99
    assert best.search.extension[0].valueCode == "certain"
    assert str(best.resource.birthDate) == "2014-05-03"


def test_fhir_takes_parameters(client: TestClient, key: MakeKey) -> None:
    certain = {"name": "onlyCertainMatches", "valueBoolean": True}
    count = {"name": "count", "valueInteger": 1}
    found = fhir(client, key(), parameters(a=certain, b=count)).json()
    assert found["total"] == 1
    unsure = {**PATIENT, "name": [{"family": "Begum", "given": ["Aisha"]}], "address": []}
    asked = parameters(a=certain)
    asked["parameter"][0] = {"name": "resource", "resource": {**unsure, "address": None}}
    del asked["parameter"][0]["resource"]["address"]
    answered = fhir(client, key(), asked).json()
    grades = {one["search"]["extension"][0]["valueCode"] for one in answered.get("entry", [])}
    assert grades <= {"certain"}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ({"resourceType": "Observation"}, 422),
        ([], 422),
        ({"resourceType": "Parameters", "parameter": []}, 422),
        ({**PATIENT, "birthDate": "soon"}, 422),
        ({**PATIENT, "name": [{"family": "a\x00b"}]}, 422),
        (parameters(a={"name": "count", "valueInteger": 0}), 422),
        (parameters(a={"name": "count", "valueString": "3"}), 422),
        (parameters(a={"name": "count", "valueInteger": "2"}), 422),
        (parameters(a={"name": "count", "valueInteger": True}), 422),
        (parameters(a={"name": "onlyCertainMatches", "valueBoolean": "yes"}), 422),
        (parameters(a={"name": "onlyCertainMatches", "valueBoolean": 1}), 422),
        (parameters(a={"name": "count", "valueInteger": 2.0}), 422),
        (parameters(a={"name": "color", "valueString": "red"}), 422),
        ({**PATIENT, "active": "yes"}, 422),
        ({**PATIENT, "multipleBirthInteger": "2"}, 422),
        ({**PATIENT, "birthDate": 1399075200}, 422),
        (
            {**PATIENT, "name": [{"family": "M", "extension": [{"url": "u", "valueBoolean": 1}]}]},
            422,
        ),
    ],
)
def test_fhir_says_what_is_wrong_as_an_outcome(
    client: TestClient, key: MakeKey, content: Any, status: int
) -> None:
    found = fhir(client, key(), content)
    assert found.status_code == status
    assert found.headers["content-type"].startswith("application/fhir+json")
    OperationOutcome.model_validate_json(found.text)
    assert "soon" not in found.text


def test_fhir_takes_what_is_of_its_own_type_and_says_where_it_is_not(
    client: TestClient, key: MakeKey
) -> None:
    own = key()
    extensions = [{"url": "u", "valueDecimal": 3.0}, {"url": "u", "valueDecimal": 1}]
    given = {"given": ["Aisha", None], "_given": [None, {"extension": extensions}]}
    whole = {**PATIENT, "active": True, "multipleBirthInteger": 2, "name": [given]}
    assert fhir(client, own, whole).status_code == 200
    (issue,) = fhir(client, own, {**PATIENT, "active": "yes"}).json()["issue"]
    assert (issue["expression"], issue["details"]["text"]) == (["active"], "give true or false")


def test_fhir_refuses_content_that_is_not_there_as_other_routes_do(
    client: TestClient, key: MakeKey
) -> None:
    for headers in ({**key(), **FHIR}, key()):
        found = client.post("/v1/fhir/Patient/$match", content=b"", headers=headers)
        assert found.status_code == 422
        assert found.json()["issue"][0]["expression"] == ["resourceType"]


def test_fhir_refuses_other_content_and_strangers_as_outcomes(
    client: TestClient, key: MakeKey
) -> None:
    kinds = {**key(), "Content-Type": "text/plain"}
    latin = {**key(), "Content-Type": "application/fhir+json; charset=latin-1"}
    for headers, status in ((kinds, 415), (latin, 415), (FHIR, 401)):
        found = client.post("/v1/fhir/Patient/$match", content="{}", headers=headers)
        assert found.status_code == status
        OperationOutcome.model_validate_json(found.text)
    broken = client.post("/v1/fhir/Patient/$match", content="{", headers={**key(), **FHIR})
    assert broken.status_code == 400
    reader = key(Role.MEASURES_READER)
    assert fhir(client, reader, PATIENT).status_code == 403


def test_fhir_says_what_it_can(client: TestClient, key: MakeKey) -> None:
    found = client.get("/v1/fhir/metadata", headers=key())
    statement = CapabilityStatement.model_validate_json(found.text)
    assert statement.fhirVersion == "4.0.1"


def test_a_candidate_is_certain_only_if_enough_is_said_of_the_person(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own, number = key(), "9434765919"
    alone = key(unattended=True)
    numbered = {**AISHA_SAYS, "nhs_number": number}
    assert client.put(record(AISHA[1]), headers=own, json=numbered).json()["notes"] == []

    def graded(*names: str) -> tuple[list[str], list[str]]:
        person = {"person": {name: numbered[name] for name in names}}
        answers = (client.post("/v1/match", headers=who, json=person) for who in (own, alone))
        first, second = (
            [one["grade"] for one in answer.json()["candidates"]] for answer in answers
        )
        return first, second

    for names in (
        ("nhs_number",),
        ("forename", "surname", "address", "postcode"),
        ("surname", "date_of_birth", "sex", "address", "postcode"),
        ("forename", "nhs_number"),
    ):
        attended, unattended = graded(*names)
        assert attended and "certain" not in attended, names
        assert unattended == []
    for names in (
        ("forename", "surname", "date_of_birth", "postcode"),
        ("nhs_number", "forename", "surname"),
        ("nhs_number", "date_of_birth"),
    ):
        attended, unattended = graded(*names)
        assert (attended[0], unattended) == ("certain", ["certain"]), names


def test_what_cannot_be_used_is_told_and_a_person_without_anything_is_refused(
    client: TestClient, key: MakeKey
) -> None:
    own = key()
    wrong = {"postcode": "banana", "nhs_number": "1234567890"}
    some = {**AISHA_SAYS, **wrong}
    put = client.put(record(("clinic", "new")), headers=own, json=some)
    assert {one["field"] for one in put.json()["notes"]} == set(wrong)
    answer = client.post("/v1/match", headers=own, json={"person": some}).json()
    assert {one["field"] for one in answer["notes"]} == set(wrong)
    assert answer["candidates"]
    bundle = fhir(client, own, {**PATIENT, "address": [{"postalCode": "banana"}]}).json()
    outcome = bundle["entry"][-1]
    assert outcome["search"]["mode"] == "outcome"
    assert "postcode" in outcome["resource"]["issue"][0]["diagnostics"]
    assert bundle["total"] == len(bundle["entry"]) - 1
    for person in ({}, {"nhs_number": "123"}, {"sex": "F"}):
        assert kind(client.post("/v1/match", headers=own, json={"person": person})) == "invalid"
    some = {"persons": [{"sex": "F"}, AISHA_SAYS, {"postcode": "banana"}]}
    refused = client.post("/v1/match/batch", headers=own, json=some)
    places = [one["place"] for one in refused.json()["errors"]]
    assert places == ["body.persons.0", "body.persons.2"]
    assert fhir(client, own, {"resourceType": "Patient"}).status_code == 422


def test_a_client_is_told_when_too_little_is_said_for_anybody_to_be_certain(
    client: TestClient, key: MakeKey
) -> None:
    own = key(unattended=True)

    def codes(person: dict[str, str]) -> list[str]:
        answer = client.post("/v1/match", headers=own, json={"person": person}).json()
        return [one["code"] for one in answer["notes"]]

    assert codes(AISHA_SAYS) == []
    assert codes({"forename": "Aisha"}) == ["too_little"]
    year = fhir(client, own, {**PATIENT, "birthDate": "2014", "identifier": []}).json()
    (outcome,) = (one["resource"] for one in year["entry"] if one["search"]["mode"] == "outcome")
    said = [one["diagnostics"] for one in outcome["issue"]]
    assert "birthDate has no day" in said[0] and "too little" in said[1]


NHS = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9434765919"}
UPN = {"system": "urn:child-register:upn", "value": "B801200005001"}
AISHA_NAME = {"family": "Malik", "given": ["Aisha"]}
MILL_ROAD = {"line": ["2 Mill Rd"], "postalCode": "OL1 1AA"}
ELSEWHERE = {"line": ["9 Ash Gr"], "postalCode": "OL4 3PP"}


def remarks(bundle: dict[str, Any]) -> list[str]:
    """What the outcome among the entries says was not looked at."""
    found = [one["resource"] for one in bundle["entry"] if one["search"]["mode"] == "outcome"]
    return [issue["diagnostics"] for one in found for issue in one["issue"]]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"identifier": [NHS, {**NHS, "value": "943 476 5919"}]}, []),
        (
            {"identifier": [NHS, {**NHS, "value": "9434765870"}]},
            ["of several NHS numbers one was looked at, and not identifier[1]"],
        ),
        (
            {"identifier": [{**NHS, "system": "http://fhir.nhs.uk/Id/nhs-number"}, NHS,
                            {"value": "9434765870"}, {"system": "urn:x"}]},
            ["of no system that is compared, and not looked at: identifier[0], identifier[2]"],
        ),
        (
            {"identifier": [{**NHS, "value": "9434765870", "use": "old"}, NHS]},
            ["of use old, and not looked at: identifier[0]"],
        ),
        ({"name": [AISHA_NAME, {**AISHA_NAME, "use": "usual"}]}, []),
        ({"name": [AISHA_NAME, {"family": "Begum", "use": "maiden"}, {"use": "nickname",
                                                                     "given": ["Ash"]}]}, []),
        (
            {"name": [AISHA_NAME, {"family": "Okoro", "given": ["Zara"]}]},
            ["of several names one was looked at, and not name[1]"],
        ),
        (
            {"name": [AISHA_NAME, {"text": "Zara Okoro"}]},
            ["of several names one was looked at, and not name[1]"],
        ),
        (
            {"name": [{"family": "Okoro", "use": "temp"}, {"family": "Okeke", "use": "usual"},
                      {**AISHA_NAME, "use": "official"}]},
            ["of several names one was looked at, and not name[0], name[1]"],
        ),
        (
            {"name": [AISHA_NAME, {"family": "Begum", "use": "old"}, {"family": "Khan",
                                                                     "use": "maiden"}]},
            ["of several former names one was looked at, and not name[2]"],
        ),
        (
            {"name": [AISHA_NAME, {"given": ["Ash"], "use": "nickname"},
                      {"given": ["Ayo"], "use": "nickname"}]},
            ["of several nicknames one was looked at, and not name[2]"],
        ),
        (
            {"name": [AISHA_NAME, {"text": "Aisha Begum", "use": "old"}]},
            ["without the part that is compared, and not looked at: name[1]"],
        ),
        (
            {"name": [{"family": "Malik", "text": "Aisha Malik"}], "address": [
                {"city": "Oldham", "text": "2 Mill Rd, Oldham", "postalCode": "OL1 1AA"}]},
            ["its parts were looked at, and not name[0].text, address[0].text"],
        ),
        ({"name": [{**AISHA_NAME, "text": "Aisha Malik"}]}, []),
        ({"address": [MILL_ROAD, MILL_ROAD, {"country": "GB"}]}, []),
        (
            {"address": [{**ELSEWHERE, "use": "old"}, MILL_ROAD, ELSEWHERE]},
            [
                "of several addresses one was looked at, and not address[2]",
                "of use old, and not looked at: address[0]",
            ],
        ),
        (
            {"address": [{**ELSEWHERE, "use": "temp"}, MILL_ROAD]},
            ["of several addresses one was looked at, and not address[0]"],
        ),
        (
            {"telecom": [{"system": "phone", "value": "01632 960123"}],
             "contact": [{"name": {"family": "Malik"}}], "deceasedBoolean": False,
             "active": True, "id": "x"},
            ["nothing of this is compared, and it was not looked at: active, telecom, deceased, "
             "contact"],
        ),
        (
            {"name": [{"family": "Malik"}, {"given": ["Ash"], "use": "nickname"}]},
            ["without a given name beside it, and not looked at: name[1]"],
        ),
        (
            {"name": [AISHA_NAME, {**AISHA_NAME, "family": "Begum", "use": "maiden"},
                      {"family": "Malik", "given": ["Ash"], "use": "nickname"}]},
            ["of a name of this use not looked at: name[1].given, name[2].family"],
        ),
        (
            {"name": [{**AISHA_NAME, "text": "Zara Okoro"}]},
            ["its parts were looked at, and not name[0].text"],
        ),
        ({"name": [{**AISHA_NAME, "text": "MALIK, Aisha (Miss)", "prefix": ["Miss"]}]},
         ["nothing of this is compared, and it was not looked at: name[0].prefix"]),
        (
            {"name": [{**AISHA_NAME, "suffix": ["II"]}],
             "contained": [{"resourceType": "Patient", "birthDate": "2014-01-01"}]},
            ["nothing of this is compared, and it was not looked at: contained, name[0].suffix"],
        ),
        (
            {"name": [{**AISHA_NAME, "period": {"end": "2019"}}],
             "identifier": [{**NHS, "period": {"start": "2014-02-01", "end": "2020-01-31"}}],
             "address": [{**MILL_ROAD, "period": {"end": "2020-01-31T09:00:00Z"}}]},
            ["looked at as if its period had not ended: name[0], identifier[0], address[0]"],
        ),
        ({"name": [{**AISHA_NAME, "period": {"start": "2014", "end": "2099-01"}},
                   {"family": "Begum", "use": "old", "period": {"end": "2019"}}]}, []),
    ],
)  # fmt: skip
def test_what_of_a_patient_is_not_looked_at_is_named_without_its_value(
    client: TestClient, key: MakeKey, said: dict[str, Any], told: list[str]
) -> None:
    bundle = fhir(client, key(), {**PATIENT, **said}).json()
    assert [one for one in remarks(bundle) if "too little" not in one] == told
    assert "extension" in bundle["entry"][0]["search"]


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"implicitRules": "urn:x"}, "implicitRules"),
        ({"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}, "modifierExtension"),
        (
            {"contact": [{"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}]},
            "contact.0.modifierExtension",
        ),
    ],
)
def test_what_may_change_the_meaning_of_a_patient_is_refused(
    client: TestClient, key: MakeKey, said: dict[str, Any], place: str
) -> None:
    for before, content in (
        ("", {**PATIENT, **said}),
        (
            "parameter.0.resource.",
            {
                "resourceType": "Parameters",
                "parameter": [{"name": "resource", "resource": {**PATIENT, **said}}],
            },
        ),
    ):
        found = fhir(client, key(), content)
        assert found.status_code == 422
        (issue,) = found.json()["issue"]
        assert issue["expression"] == [before + place]
        assert "not understood" in issue["details"]["text"]


def test_the_official_name_counts_before_others_and_a_name_before_a_nameless_one(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    zara = {"family": "Okoro", "given": ["Zara"]}
    names = [
        [{"use": "official"}, zara, {**AISHA_NAME, "use": "usual"}],
        [{**zara, "use": "usual"}, {**AISHA_NAME, "use": "official"}],
        [{**zara, "use": "anonymous"}, {**zara, "use": "temp"}, AISHA_NAME],
        [{"prefix": ["Miss"]}, {"text": "Aisha Malik"}],
    ]
    for name in names:
        best = fhir(client, key(), {**PATIENT, "name": name}).json()["entry"][0]
        assert best["resource"]["id"] == register.child(AISHA[0]), name
        assert best["search"]["extension"][0]["valueCode"] == "certain", name


def test_text_of_a_patient_that_cannot_be_taken_is_refused_for_what_is_wrong_with_it(
    client: TestClient, key: MakeKey
) -> None:
    own = key()

    def refused(family: str) -> tuple[str, list[str]]:
        answer = fhir(client, own, {**PATIENT, "name": [{"family": family}]})
        (issue,) = answer.json()["issue"]
        return issue["details"]["text"], issue["expression"]

    assert refused("x" * 501) == ("this is too long", ["name.family"])
    assert refused("Mal\x00ik") == ("leave out the null character", ["name.family"])


def test_resources_are_told_as_json_only(client: TestClient, key: MakeKey) -> None:
    own = key()
    for accept, status in (
        ("application/fhir+xml", 406),
        ("text/xml, application/json;q=0.5", 200),
    ):
        told = client.get("/v1/fhir/metadata", headers={**own, "Accept": accept})
        assert (told.status_code, told.json()["resourceType"] == "OperationOutcome") == (
            status,
            status == 406,
        )


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ("json", 200),
        ("application/json", 200),
        ("application/fhir%2Bjson", 200),
        ("application/fhir+json", 200),
        ("xml", 406),
        ("application/fhir%2Bxml", 406),
    ],
)
def test_a_form_that_the_address_asks_for_counts_instead_of_the_header(
    client: TestClient, key: MakeKey, form: str, status: int
) -> None:
    sent = {**key(), "Accept": "application/fhir+xml" if status == 200 else "application/json"}
    address = f"/v1/fhir/Patient/$match?_format={form}"
    told = client.post(address, headers=sent, json={"resourceType": "Patient", "gender": "male",
                                                    "name": [{"family": "Malik"}]})  # fmt: skip
    of = {200: "Bundle", 406: "OperationOutcome"}[status]
    assert (told.status_code, told.json()["resourceType"]) == (status, of)
    assert told.headers["Content-Type"].startswith("application/fhir+json")


def test_values_that_may_not_be_used_are_named_by_person(client: TestClient, key: MakeKey) -> None:
    persons = {"persons": [AISHA_SAYS, {**AISHA_SAYS, "upn": "A123456789012"}]}
    refused = client.post("/v1/match/batch", headers=key(), json=persons)
    assert kind(refused) == "forbidden"
    assert [one["place"] for one in refused.json()["errors"]] == ["body.persons.1.upn"]


def test_a_child_that_is_held_under_another_number_is_not_certain(
    client: TestClient, key: MakeKey
) -> None:
    own, said = key(), {**AISHA_SAID, "nhs_number": "9434765919"}
    asked = {"person": {**AISHA_SAID, "nhs_number": "9434765870"}}

    def best() -> tuple[str, list[str]]:
        found = client.post("/v1/match", headers=own, json=asked).json()["candidates"][0]
        return found["grade"], found["other_numbers"]

    assert best() == ("certain", [])
    client.put(record(("clinic", "1")), headers=own, json=said)
    assert best() == ("probable", ["nhs_number"])
    (told,) = fhir(client, own, {**PATIENT, "identifier": [
        {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9434765870"}
    ]}).json()["entry"][:1]  # fmt: skip
    assert told["search"]["extension"][0]["valueCode"] == "probable"
    # Where one of its records holds the person's number, another's is a slip of the pen.
    client.put(record(("social", "1")), headers=own, json=asked["person"])
    assert best() == ("certain", [])
