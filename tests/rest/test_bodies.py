"""What is sent as JSON says what it means: nothing is taken for something else."""

from itertools import product
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.services.access.roles import Role
from tests.rest.conftest import Headers, MakeKey
from tests.rest.people import ZEBEDEE_SAYS, kind, record

NEW = record(("clinic", "77"))
DAYS = [0, 1476230400, "1476230400", "2016-10-12T00:00:00Z", "2016-10-12 ", "20161012",
        "2016-W41-3", "२०१६-१०-१२", True, ["2016-10-12"]]  # fmt: skip


def wrong(client: TestClient, method: str, path: str, headers: Any, body: Any) -> list[str]:
    found = client.request(method, path, headers=headers, json=body)
    assert kind(found) == "invalid", found.text
    return [one["place"] for one in found.json()["errors"]]


def test_a_day_is_text_of_one_form(client: TestClient, key: MakeKey) -> None:
    own = key()
    for day in DAYS:
        _refused(client, own, day)
    assert kind(client.get(NEW, headers=own)) == "not-found"


def _refused(client: TestClient, own: Headers, day: Any) -> None:
    for name in ("date_of_birth", "as_of"):
        said = {**ZEBEDEE_SAYS, name: day}
        assert wrong(client, "PUT", NEW, own, said) == [f"body.{name}"]
    person = {"person": {"forename": "Aisha", "date_of_birth": day}}
    assert wrong(client, "POST", "/v1/match", own, person) == ["body.person.date_of_birth"]
    search = {"date_of_birth": day}
    assert wrong(client, "POST", "/v1/children/search", own, search) == ["body.date_of_birth"]


@pytest.mark.parametrize("number", ["3", True, 3.5])
def test_a_number_is_a_whole_one(client: TestClient, key: MakeKey, number: Any) -> None:
    own = key()
    for path, body, place in (
        ("/v1/match", {"person": {"forename": "Aisha"}, "limit": number}, "body.limit"),
        ("/v1/children/search", {"forename": "Aisha", "limit": number}, "body.limit"),
        ("/v1/crosswalk", {"records": [{"source": "clinic", "record_id": "1"}],
                           "as_of": number}, "body.as_of"),
    ):  # fmt: skip
        assert wrong(client, "POST", path, own, body) == [place]
    export = {"what": "crosswalk", "as_of": number}
    exports = key(Role.ANALYST)
    assert wrong(client, "POST", "/v1/exports", exports, export) == ["body.as_of"]


def test_whoever_is_not_born_yet_is_refused_as_in_an_extract(
    client: TestClient, key: MakeKey
) -> None:
    own = key()
    codes = {"date_of_birth": "birth_in_future", "as_of": "day_in_future"}
    for (name, code), year in product(codes.items(), (2099, 2101, 9999)):
        said = {**ZEBEDEE_SAYS, name: f"{year}-01-01"}
        found = client.put(NEW, headers=own, json=said)
        assert kind(found) == "refused"
        (error,) = found.json()["errors"]
        assert (error["place"], error["code"]) == (f"body.{name}", code)
