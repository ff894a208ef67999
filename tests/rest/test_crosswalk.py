"""The crosswalk over REST, as PIXm has it."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.register_service.registers import Key
from tests.register_service.reviewed import AISHA, NOAH, UNSURE, Reviewed
from tests.rest.conftest import MakeKey
from tests.rest.people import AISHA_SAYS, kind, record

SCHOOL, CLINIC, SOCIAL = AISHA


def asked(*keys: Key, **more: Any) -> dict[str, Any]:
    return {"records": [{"source": s, "record_id": r} for s, r in keys], **more}


def ids(found: Any) -> list[Key]:
    return [(one["source"], one["record_id"]) for one in found["ids"]]


def test_one_id_gives_the_other_systems_ids_without_itself(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    found = client.get(record(SCHOOL, "/crosswalk"), headers=own).json()
    assert (found["child_id"], ids(found)) == (register.child(SCHOOL), [CLINIC, SOCIAL])
    one = client.get(record(SCHOOL, "/crosswalk?target=social"), headers=own).json()
    assert ids(one) == [SOCIAL]
    both = client.get(record(SCHOOL, "/crosswalk?target=social&target=clinic"), headers=own)
    assert ids(both.json()) == [CLINIC, SOCIAL]
    none = client.get(record(NOAH, "/crosswalk?target=social"), headers=own)
    assert (none.status_code, ids(none.json())) == (200, [])


def test_no_ids_are_answered_with_none(client: TestClient, key: MakeKey) -> None:
    found = client.post("/v1/crosswalk", headers=key(), json=asked())
    assert (found.status_code, found.json()) == (200, {"items": []})


def test_an_unknown_id_is_404_an_unknown_source_400_and_a_target_not_permitted_403(
    client: TestClient, key: MakeKey
) -> None:
    own, narrow = key(), key(sources=["school", "clinic"])
    assert kind(client.get(record(("school", "never"), "/crosswalk"), headers=own)) == "not-found"
    nowhere = client.get(record(("nowhere", "1"), "/crosswalk"), headers=own)
    assert (nowhere.status_code, kind(nowhere)) == (400, "unknown-source")
    target = client.get(record(SCHOOL, "/crosswalk?target=nowhere"), headers=own)
    assert (target.status_code, kind(target)) == (400, "unknown-source")
    refused = client.get(record(SCHOOL, "/crosswalk?target=social"), headers=narrow)
    assert (refused.status_code, kind(refused)) == (403, "target-not-permitted")
    assert kind(client.get(record(SOCIAL, "/crosswalk"), headers=narrow)) == "forbidden"
    everything = client.get(record(SCHOOL, "/crosswalk"), headers=narrow).json()
    assert ids(everything) == [CLINIC]


def test_many_ids_are_answered_one_by_one_in_their_order(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    body = asked(NOAH, ("school", "never"), SCHOOL, SCHOOL)
    found = client.post("/v1/crosswalk", headers=own, json=body)
    assert found.status_code == 200
    items = found.json()["items"]
    assert [one["status"] for one in items] == [200, 404, 200, 200]
    assert items[1]["child_id"] is None
    assert [one["record_id"] for one in items] == ["2", "never", "1", "1"]
    assert ids(items[2]) == ids(items[3]) == [CLINIC, SOCIAL]
    one = client.post("/v1/crosswalk", headers=own, json=asked(SCHOOL, targets=["clinic"]))
    assert ids(one.json()["items"][0]) == [CLINIC]


def test_in_bulk_a_source_or_target_that_cannot_be_asked_ends_all(
    client: TestClient, key: MakeKey
) -> None:
    own, narrow = key(), key(sources=["school"])

    def ask(headers: Any, body: Any) -> tuple[str, list[str]]:
        found = client.post("/v1/crosswalk", headers=headers, json=body)
        return kind(found), [one["place"] for one in found.json()["errors"]]

    nowhere = asked(SCHOOL, ("nowhere", "1"), SCHOOL, ("nowhere", "2"))
    wrong = ["body.records.1.source", "body.records.3.source"]
    assert ask(own, nowhere) == ("unknown-source", wrong)
    lost = asked(SCHOOL, targets=["clinic", "nowhere"])
    assert ask(own, lost) == ("unknown-source", ["body.targets.1"])
    refused = ("target-not-permitted", ["body.targets.0"])
    assert ask(narrow, asked(SCHOOL, targets=["clinic"])) == refused
    assert ask(narrow, asked(SCHOOL, CLINIC)) == ("forbidden", wrong[:1])


def test_a_refusal_tells_whether_the_key_or_the_purpose_is_not_for_a_source(
    client: TestClient, key: MakeKey
) -> None:
    narrow = key(sources=["school"])
    found = client.get(record(CLINIC, "/crosswalk"), headers=narrow).json()
    assert found["detail"].startswith("Your key is not for this source")
    assert found["errors"] == [{"place": "path.source", "message": found["detail"]}]
    elsewhere = key(purpose="research", sources=["school", "clinic"])
    found = client.get(record(CLINIC, "/crosswalk"), headers=elsewhere).json()
    assert found["detail"].startswith("This source may not be seen for the purpose research")


@pytest.mark.parametrize(
    "body",
    [
        {},
        asked(*[SCHOOL] * 1001),
        asked(SCHOOL, targets=[]),
        asked(SCHOOL, as_of=0),
        asked(SCHOOL, as_of=10**30),
        asked(SCHOOL, as_of=99),
        asked(("school", "")),
        asked(("school", "a\x00b")),
        asked(SCHOOL, more=1),
        {"records": "all"},
        [],
    ],
)
def test_a_body_that_cannot_be_answered_is_refused(
    client: TestClient, key: MakeKey, body: Any
) -> None:
    assert kind(client.post("/v1/crosswalk", headers=key(), json=body)) == "invalid"


def test_the_crosswalk_as_of_a_run(client: TestClient, key: MakeKey, register: Reviewed) -> None:
    own = key()
    run = client.put(record(UNSURE), headers=own, json=AISHA_SAYS).json()["run"]
    now = client.get(record(SCHOOL, "/crosswalk?target=clinic"), headers=own).json()
    assert ids(now) == [CLINIC, UNSURE]
    then = client.get(record(SCHOOL, f"/crosswalk?target=clinic&as_of={run - 1}"), headers=own)
    assert ids(then.json()) == [CLINIC]
    body = asked(SCHOOL, as_of=run - 1, targets=["clinic"])
    bulk = client.post("/v1/crosswalk", headers=own, json=body).json()
    assert ids(bulk["items"][0]) == [CLINIC]


def test_an_id_may_hold_a_slash(client: TestClient, key: MakeKey) -> None:
    own = key()
    odd = ("clinic", "A/1")
    client.put(record(odd), headers=own, json=AISHA_SAYS)
    found = client.get(record(odd, "/crosswalk?target=school"), headers=own).json()
    assert ids(found) == [SCHOOL]
    back = client.post("/v1/crosswalk", headers=own, json=asked(SCHOOL, targets=["clinic"]))
    assert odd in ids(back.json()["items"][0])
