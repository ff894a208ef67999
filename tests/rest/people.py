"""The people of the register that routes are tried on, as bodies and addresses."""

from typing import Any
from urllib.parse import quote

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
