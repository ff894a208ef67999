"""The people of the register that routes are tried on, as bodies and addresses."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from fastapi import Request
from sqlalchemy import select, update

from api.db.engine import writing
from api.db.models import Agreement, Source
from api.rest.service import Service
from tests.register_service.registers import Key

AISHA_SAYS: dict[str, Any] = {
    "forename": "Aisha",
    "surname": "Malik",
    "date_of_birth": "2014-05-03",
    "sex": "F",
    "address": "2 Mill Rd",
    "postcode": "OL1 1AA",
}
ZEBEDEE_SAYS: dict[str, Any] = {
    "forename": "Zebedee",
    "surname": "Young",
    "date_of_birth": "2013-02-11",
}


def asks(service: Service, address: str) -> Request:
    """A request for an address, as cursors know it."""
    app = SimpleNamespace(state=SimpleNamespace(service=service))
    return Request({"type": "http", "app": app, "raw_path": address.encode()})


def ids_for(service: Service, source: str, *purposes: str) -> None:
    """Let a source's record ids, as if they were UPNs, be told for these purposes only."""
    fields_for(service, source, {"record_id": list(purposes)})


def fields_for(service: Service, source: str, more: dict[str, list[str]]) -> None:
    """Let fields of a source be seen for these purposes only, besides those that are limited."""
    with writing(service.engine) as connection:
        number = select(Source.number).where(Source.name == source).scalar_subquery()
        own = Agreement.source == number
        said = connection.execute(select(Agreement.purposes).where(own)).scalar_one()
        fields = {**said["fields"], **more}
        connection.execute(update(Agreement).where(own).values(purposes={**said, "fields": fields}))


def record(key: Key, rest: str = "") -> str:
    return f"/v1/sources/{key[0]}/records/{quote(key[1], safe='')}{rest}"


def child(child_id: str, rest: str = "") -> str:
    return f"/v1/children/{child_id}{rest}"


def kind(response: Any) -> str:
    """The type of a problem document."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    found = response.json()
    assert found["status"] == response.status_code
    return str(found["type"].rpartition("/")[2])
