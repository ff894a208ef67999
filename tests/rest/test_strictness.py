"""What is sent says one thing in one way, or is refused."""

import gzip
import json

import pytest
from fastapi.testclient import TestClient

from api.db.engine import reading
from api.services.access.caller import AccessError
from api.services.access.names import check_name_is_free
from api.services.access.roles import Role
from tests.register_service.registers import NOW
from tests.register_service.reviewed import AISHA, Reviewed
from tests.rest.conftest import MakeKey
from tests.rest.people import ZEBEDEE_SAYS, kind, record

NEW = record(("clinic", "77"))


def test_json_in_another_encoding_or_with_a_name_twice_is_refused(
    client: TestClient, key: MakeKey
) -> None:
    own = {**key(), "Content-Type": "application/json"}
    text = json.dumps(ZEBEDEE_SAYS)
    twice = text.replace("{", '{"forename": "Zack", ', 1)
    for content in (text.encode("utf-16"), text.encode("utf-16-le"), text.encode("utf-32"),
                    twice.encode()):  # fmt: skip
        refused = client.put(NEW, headers=own, content=content)
        assert (refused.status_code, kind(refused)) == (400, "bad-request")
    assert client.put(NEW, headers=own, content=text.encode()).status_code == 201
    fhir = {**own, "Content-Type": "application/fhir+json"}
    patient = json.dumps({"resourceType": "Patient", "birthDate": "2014-05-03"})
    again = patient.replace("{", '{"birthDate": "2013-05-03", ', 1)
    for content in (patient.encode("utf-16"), again.encode()):
        assert (
            client.post("/v1/fhir/Patient/$match", headers=fhir, content=content).status_code == 400
        )


def test_content_that_is_packed_is_refused_by_the_name_of_its_packing(
    client: TestClient, key: MakeKey
) -> None:
    own = key()
    text = json.dumps(ZEBEDEE_SAYS).encode()
    form = b'--b\r\nContent-Disposition: form-data; name="lower"\r\n\r\n1\r\n--b--\r\n'
    steward, multipart = key(Role.STEWARD), {"Content-Type": "multipart/form-data; boundary=b"}
    asked = [
        ("PUT", NEW, {**own, "Content-Type": "application/json"}, text),
        ("POST", "/v1/fhir/Patient/$match", {**own, "Content-Type": "application/fhir+json"}, text),
        ("POST", "/v1/extracts", {**own, **multipart}, form),
        ("POST", "/v1/previews", {**steward, **multipart}, form),
    ]
    for method, address, headers, content in asked:
        for named, sent in (
            ("gzip", gzip.compress(content)),
            ("gzip", content),
            ("x-my-own", content),
        ):
            packed = {**headers, "Content-Encoding": named}
            refused = client.request(method, address, headers=packed, content=sent)
            assert refused.status_code == 415, (address, named)
            assert "without Content-Encoding: " in refused.text
            assert ("gzip" in refused.text) == (named == "gzip")
            assert "x-my-own" not in refused.text


def test_a_header_that_is_there_twice_is_refused(client: TestClient, key: MakeKey) -> None:
    own = key()
    both = [*own.items(), ("Purpose", "education")]
    assert kind(client.get("/v1/sources", headers=both)) == "invalid"


@pytest.mark.parametrize("path", ["/v1/runs/1.0", "/v1/runs?limit=5.0", "/v1/events?limit=1_0",
                                  "/v1/runs?limit=%2B5", "/v1/jobs/%201"])  # fmt: skip
def test_a_whole_number_in_an_address_is_digits(
    client: TestClient, key: MakeKey, path: str
) -> None:
    assert kind(client.get(path, headers=key())) == "invalid"


def test_a_refusal_names_what_would_be_allowed(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key(sources=["clinic"])
    refused = client.get(record(AISHA[0]), headers=own).json()
    assert "clinic" in refused["detail"]
    other = client.get("/v1/events", headers={**own, "Purpose": "education"}).json()
    assert "early_years" in other["detail"]


def test_nobody_is_called_as_the_logs_call_the_register_or_the_machine(register: Reviewed) -> None:
    with reading(register.engine) as connection:
        for name in ("register", "Root"):
            with pytest.raises(AccessError, match="logs"):
                check_name_is_free(connection, name, now=NOW)
