"""What a client is told that asks wrongly: where, what, and always in the same way."""

import base64
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.db.engine import reading
from api.db.models import Access
from api.rest.paging import place_of, written
from api.rest.problems import Problem
from api.rest.service import Service
from api.services.access.roles import Role
from tests.register_service.reviewed import AISHA, NOAH, Reviewed
from tests.rest.conftest import Headers, MakeKey
from tests.rest.people import AISHA_SAYS, ZEBEDEE_SAYS, asks, kind, record

CLINIC = AISHA[1]
JSON = {"Content-Type": "application/json"}
FHIR = {"Content-Type": "application/fhir+json"}
MATCH, FHIR_MATCH = "/v1/match", "/v1/fhir/Patient/$match"


def logged(service: Service) -> list[Any]:
    with reading(service.aside) as connection:
        return list(connection.execute(select(Access.__table__).order_by(Access.id)).mappings())


def errors(found: Any) -> list[tuple[str, str]]:
    return [(one["place"], one["message"]) for one in found.json()["errors"]]


def test_a_replayed_answer_is_logged_with_what_it_tells_of(
    client: TestClient, key: MakeKey, service: Service
) -> None:
    own = {**key(), "Idempotency-Key": "put-it-once"}
    for _ in range(2):
        assert client.put(record(("clinic", "77")), headers=own, json=AISHA_SAYS).is_success
    first, again = logged(service)
    assert first["about"]
    assert again["about"] == first["about"]
    assert again["status"] == first["status"] == 201


def test_a_known_key_that_is_refused_leaves_a_line(
    client: TestClient, key: MakeKey, service: Service
) -> None:
    own = key(purposes=["early_years", "education"])
    reads = key(Role.MEASURES_READER)
    asked: list[tuple[Headers, int]] = [
        ({**own, "Purpose": "Aisha Malik"}, 400),
        ({"Authorization": own["Authorization"]}, 400),
        (reads, 403),
    ]
    for headers, status in asked:
        assert client.get(record(NOAH), headers=headers).status_code == status
        put = client.put(record(NOAH), headers=headers, json=ZEBEDEE_SAYS)
        assert put.status_code == status
    lines = logged(service)
    assert [(line["by"], line["status"]) for line in lines] == [
        (name, status)
        for name, status in (("key-1", 400), ("key-1", 400), ("key-2", 403))
        for _ in range(2)
    ]
    assert {line["route"].partition(" ")[2] for line in lines} == {
        "/v1/sources/{source}/records/{record_id}"
    }
    assert all(line["key"] and not line["about"] for line in lines)
    assert "Malik" not in str(lines)


@pytest.mark.parametrize("source", ["No-Such", "CLINIC", "9", "a b", "nö"])
def test_a_source_that_no_source_can_be_called_is_unknown(
    client: TestClient, key: MakeKey, source: str
) -> None:
    own = key()
    keys = {"source": source, "record_id": "1"}
    known = {"source": CLINIC[0], "record_id": CLINIC[1]}
    for found in (
        client.get(f"/v1/sources/{source}/records/1/crosswalk", headers=own),
        client.get(record(CLINIC, "/crosswalk"), params={"target": source}, headers=own),
        client.post("/v1/crosswalk", headers=own, json={"records": [keys]}),
        client.post("/v1/crosswalk", headers=own, json={"records": [known], "targets": [source]}),
    ):
        assert (found.status_code, kind(found)) == (400, "unknown-source")


def test_a_gender_that_fhir_does_not_have_is_refused(client: TestClient, key: MakeKey) -> None:
    own = {**key(), **FHIR}
    for gender in ("Female", "F", "girl", ""):
        patient = {"resourceType": "Patient", "name": [{"family": "Malik"}], "gender": gender}
        for content in (
            patient,
            {"resourceType": "Parameters",
             "parameter": [{"name": "resource", "resource": patient}]},
        ):  # fmt: skip
            found = client.post(FHIR_MATCH, headers=own, json=content)
            assert found.status_code == 422, gender
            (issue,) = found.json()["issue"]
            assert issue["expression"][0].endswith("gender")
            assert issue["details"]["coding"][0]["system"] == "urn:child-register:problem"
    for gender in ("male", "female", "other", "unknown"):
        patient = {"resourceType": "Patient", "name": [{"family": "Malik"}], "gender": gender}
        assert client.post(FHIR_MATCH, headers=own, json=patient).status_code == 200


def _nested(depth: int) -> bytes:
    """A patient with an extension that has an extension, and so on."""
    opened = b'"extension": [{"url": "urn:a", ' * depth
    end = b'"valueCode": "a"' + b"}]" * depth
    return b'{"resourceType": "Patient", ' + opened + end + b"}"


def test_content_that_is_no_json_is_told_where(client: TestClient, key: MakeKey) -> None:
    own = key()

    def sent(path: str, content: bytes, headers: Headers) -> Any:
        found = client.post(path, headers={**own, **headers}, content=content)
        assert found.status_code == 400
        return found

    bad = b'{"person": {"forename": "\xff"}}'
    assert errors(sent(MATCH, bad, JSON)) == [("body.25", "this is not UTF-8 from here on")]
    deep = b"[" * 100_000
    assert errors(sent(MATCH, deep, JSON)) == [("body", "this is nested too deeply")]
    for content, said in (
        (b'{"resourceType":\n "Patient",\n  "name": }', "line 3, column 11"),
        (bad, "not UTF-8"),
        (deep, "nested too deeply"),
        (_nested(150), "nested too deeply"),
    ):
        (issue,) = sent(FHIR_MATCH, content, FHIR).json()["issue"]
        assert said in issue["details"]["text"]
    deep_enough = client.post(FHIR_MATCH, headers={**own, **FHIR}, content=_nested(20))
    assert deep_enough.status_code == 422
    assert "nested" not in deep_enough.text


def test_a_null_character_in_an_address_is_an_answer_that_is_described(
    client: TestClient,
) -> None:
    found = client.get("/v1/problems/%00")
    described = client.get("/v1/openapi.json").json()["paths"]
    open_to_all = ("/v1/problems/{kind}", "/healthz", "/readyz", "/metrics")
    assert (found.status_code, kind(found)) == (400, "bad-request")
    assert all("400" in described[path]["get"]["responses"] for path in open_to_all)


@pytest.mark.parametrize("cursor", ["rubbish", "x" * 501, "WzEyXQ==", "W05hTl0", "ünïcode", " "])
def test_a_cursor_that_is_not_ours_is_always_the_same_problem(
    client: TestClient, key: MakeKey, register: Reviewed, cursor: str
) -> None:
    own = key()
    child = register.child(NOAH)
    for path in (f"/v1/children/{child}/history", f"/v1/children/{child}/journey",
                 record(NOAH, "/why")):  # fmt: skip
        found = client.get(path, params={"cursor": cursor}, headers=own)
        assert (found.status_code, kind(found)) == (400, "bad-cursor")
    asked = {"surname": "Malik", "cursor": cursor}
    found = client.post("/v1/children/search", headers=own, json=asked)
    assert (found.status_code, kind(found)) == (400, "bad-cursor")


def test_a_cursor_of_a_list_that_has_changed_is_one_too(
    client: TestClient, key: MakeKey, service: Service
) -> None:
    own, address = key(), "/v1/children/search"
    asked = {"surname": "Malik", "cursor": written(asks(service, address), ["5QK2M8ZR0T4WF"])}
    found = client.post(address, headers=own, json=asked)
    assert (found.status_code, kind(found)) == (400, "bad-cursor")


def test_a_cursor_says_nothing_of_what_it_is_a_place_of(service: Service) -> None:
    """Nor by how long it is, of numbers as large."""
    places = [[110, 1, 12327], [110, 1, 12329], ["2016-10-26", "visits", 2098]]
    runs = asks(service, "/v1/runs")
    cursors = [written(runs, place) for place in places]
    assert len(cursors[0]) == len(cursors[1])
    for cursor, place in zip(cursors, places, strict=True):
        sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        assert not any(str(part).encode() in sealed for part in place if part != 1)
        assert place_of(runs, cursor, *map(type, place)) == tuple(place)
    for wrong in (cursors[0][:-2], cursors[0][::-1], cursors[0] + cursors[1]):
        with pytest.raises(Problem):
            place_of(runs, wrong, int, int, int)
    with pytest.raises(Problem):
        place_of(runs, cursors[2], int, int, int)


def test_a_cursor_is_good_for_its_own_list_only(service: Service) -> None:
    cursor = written(asks(service, "/v1/extracts"), [12])
    with pytest.raises(Problem):
        place_of(asks(service, "/v1/runs"), cursor, int)
    assert place_of(asks(service, "/v1/extracts"), cursor, int) == (12,)


def test_what_is_wrong_is_said_once(client: TestClient, key: MakeKey) -> None:
    found = client.get("/v1/runs?limit=0", headers=key())
    assert errors(found) == [("query.limit", "this is too small")]


def test_a_parameter_is_given_once_unless_it_is_a_list(client: TestClient, key: MakeKey) -> None:
    own = key()
    for path in (record(NOAH) + "?as_of=1&as_of=2", "/v1/runs?limit=1&limit=1"):
        found = client.get(path, headers=own)
        assert (found.status_code, kind(found)) == (422, "invalid")
    assert errors(client.get("/v1/runs?limit=1&limit=1", headers=own)) == [
        ("query.limit", "give this once")
    ]
    for path in (record(CLINIC, "/crosswalk?target=school&target=social"),
                 "/v1/events?kind=child_created&kind=child_merged"):  # fmt: skip
        assert client.get(path, headers=own).status_code == 200


def test_nothing_has_no_type_of_content(client: TestClient, key: MakeKey) -> None:
    own = key(Role.REVIEWER)
    taken = client.post("/v1/review/next", headers=own).json()
    skipped = client.post(
        f"/v1/review/{taken['pair']}/skip", headers=own, json={"token": taken["token"]}
    )
    none = client.post("/v1/review/next", headers=own)
    for found in (skipped, none):
        assert found.status_code == 204
        assert not {"content-type", "content-length"} & {name.lower() for name in found.headers}


def test_a_pair_in_hand_is_not_given_for_another_part_of_the_queue(
    client: TestClient, key: MakeKey
) -> None:
    own = key(Role.REVIEWER)
    taken = client.post("/v1/review/next", headers=own).json()
    for wanted in ({"kind": "contradiction"}, {"source": "census"}):
        found = client.post("/v1/review/next", headers=own, json=wanted)
        assert (found.status_code, kind(found)) == (409, "in-hand")
        assert found.json()["pair"] == taken["pair"]
    for wanted in ({}, {"kind": "possible_link"}, {"source": "clinic"}):
        again = client.post("/v1/review/next", headers=own, json=wanted)
        assert again.json()["token"] == taken["token"]


def test_what_was_made_has_an_address(client: TestClient, key: MakeKey) -> None:
    steward = key(Role.STEWARD)
    body = {"source_l": AISHA[0][0], "record_id_l": AISHA[0][1], "source_r": AISHA[1][0],
            "record_id_r": AISHA[1][1], "kind": "match"}  # fmt: skip
    made = client.post("/v1/review/known", json=body, headers=steward)
    assert made.status_code == 201
    assert client.get(made.headers["Location"], headers=steward).json() == made.json()
    assert client.get("/v1/review/known/999", headers=steward).status_code == 404
