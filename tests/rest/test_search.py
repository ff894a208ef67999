"""Children searched over REST."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.register_service.reviewed import AISHA, NAMESAKES, NOAH, UNSURE, Reviewed
from tests.register_service.seen import put
from tests.rest.conftest import Headers, MakeKey
from tests.rest.people import AISHA_SAYS, ZEBEDEE_SAYS, kind, record

SCHOOL, CLINIC, SOCIAL = AISHA


def found(client: TestClient, own: Headers, **body: Any) -> list[str]:
    answer = client.post("/v1/children/search", headers=own, json=body)
    assert answer.status_code == 200, answer.text
    return [one["child_id"] for one in answer.json()["items"]]


def test_a_child_is_found_by_what_its_records_say_and_by_criteria(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    aisha = register.child(SCHOOL)
    assert found(client, own, forename="aisha", surname="malik") == [aisha]
    assert found(client, own, surname="Malik", forename="Aish") == []
    loosely = ["forename4", "surname4"]
    assert found(client, own, surname="Malikson", forename="Aishath", criteria=loosely) == [aisha]
    swapped = ["names_swapped"]
    assert found(client, own, surname="Aisha", forename="Malik", criteria=swapped) == [aisha]
    other_day = {"surname": "Malik", "date_of_birth": "2014-03-05"}
    assert found(client, own, **other_day) == []
    assert found(client, own, **other_day, criteria=["dob_day_month_swapped"]) == [aisha]
    assert aisha in found(client, own, postcode="OL1 1AA")


def test_a_base_system_and_a_state_narrow_a_search(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    both = {register.child(CLINIC), register.child(UNSURE)}
    assert set(found(client, own, forename="Aisha", source="clinic")) == both
    matched = found(client, own, forename="Aisha", source="clinic", state="matched")
    assert matched == [register.child(CLINIC)]
    unmatched = found(client, own, forename="Aisha", source="clinic", state="unmatched")
    assert unmatched == [register.child(UNSURE)]
    assert found(client, own, surname="Quigley", source="clinic") == []


def test_the_state_of_a_record_says_nothing_of_systems_that_are_not_seen(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    def listed(state: str, *sources: str) -> list[str]:
        return found(client, key(sources=sources), source="clinic", state=state)

    aisha, unsure = register.child(CLINIC), register.child(UNSURE)
    ends = {key[0] for pair in register.waiting() for key in pair}
    assert ends - {"clinic"}
    assert listed("matched", "clinic", "social") == [aisha]
    assert listed("matched", "clinic") == []
    assert listed("unmatched", "clinic") == [unsure, aisha]
    assert listed("possible", "clinic", *ends) == [unsure, aisha]
    assert listed("possible", "clinic") == []


def test_a_base_system_is_listed_without_a_value(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    aisha, unsure = register.child(CLINIC), register.child(UNSURE)
    assert found(client, own, source="clinic") == [unsure, aisha]  # Begum, Malik
    assert found(client, own, source="clinic", state="matched") == [aisha]
    assert found(client, own, source="clinic", state="unmatched") == [unsure]
    first = {"source": "clinic", "limit": 1}
    page = client.post("/v1/children/search", headers=own, json=first).json()
    assert found(client, own, **first, cursor=page["next"]) == [aisha]
    assert kind(client.post("/v1/children/search", headers=own, json={"state": "matched"})) == (
        "invalid"
    )
    register.shield(CLINIC)
    assert found(client, own, source="clinic") == [unsure, aisha]


def test_pages_of_a_search_follow_one_another(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    whole = found(client, own, forename="Aisha")
    paged: list[str] = []
    cursor = None
    while True:
        body = {"forename": "Aisha", "limit": 1, "cursor": cursor}
        page = client.post("/v1/children/search", headers=own, json=body).json()
        paged += [one["child_id"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert paged == whole
    assert len(whole) == 2 + len(NAMESAKES)


def test_a_search_by_place_never_returns_a_shielded_child_to_the_uncleared(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own, cleared = key(), key(cleared=True)
    register.shield(SCHOOL)
    aisha = register.child(SCHOOL)
    assert found(client, own, postcode="OL1 1AA", criteria=["postcode"]) == []
    assert found(client, own, surname="Malik", address="2 Mill Rd") == []
    assert aisha in found(client, cleared, postcode="OL1 1AA")
    (one,) = client.post("/v1/children/search", headers=own, json={"surname": "Malik"}).json()[
        "items"
    ]
    assert (one["child_id"], one["location_hidden"]) == (aisha, True)
    assert one["values"]["postcode"] is None


def test_only_sources_and_fields_of_the_purpose_are_searched(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    narrow = key(sources=["census"])
    assert found(client, narrow, surname="Malik") == []
    assert found(client, narrow, surname="Quigley") == [register.child(NOAH)]
    put(register, CLINIC, **AISHA_SAYS, upn="B801200005001")
    by_upn = {"upn": "B801200005001"}
    assert kind(client.post("/v1/children/search", headers=key(), json=by_upn)) == "forbidden"
    elsewhere = {"surname": "Malik", "source": "school"}
    assert kind(client.post("/v1/children/search", headers=narrow, json=elsewhere)) == "forbidden"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "body"),
        ({"forename": "Aisha", "criteria": ["forename4", "postcode"]}, "body.criteria.1"),
        ({"forename": "Aisha", "criteria": ["sounds_like"]}, "body.criteria.0"),
        ({"forename": "Baby"}, "body.forename"),
        ({"forename": "Aisha", "nhs_number": "9434765919" * 3}, "body.nhs_number"),
        ({"forename": "Aisha", "postcode": "ZZ99 9ZZ"}, "body.postcode"),
        ({"surname": "-"}, "body.surname"),
        ({"forename": "Aisha", "limit": 0}, "body.limit"),
        ({"forename": "Aisha", "source": "nowhere"}, "body.source"),
    ],
)
def test_a_refusal_names_the_field_that_is_at_fault(
    client: TestClient, key: MakeKey, body: dict[str, Any], place: str
) -> None:
    refused = client.post("/v1/children/search", headers=key(), json=body).json()
    assert [one["place"] for one in refused["errors"]] == [place]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "invalid"),
        ({"criteria": ["forename4"]}, "invalid"),
        ({"forename": "Aisha", "criteria": ["sounds_like"]}, "invalid"),
        ({"forename": "Aisha", "criteria": ["postcode"]}, "invalid"),
        ({"date_of_birth": "03/05/2014"}, "invalid"),
        ({"forename": "Aisha", "limit": 0}, "invalid"),
        ({"forename": "Aisha", "more": 1}, "invalid"),
        ({"forename": "Aisha", "cursor": "rubbish"}, "bad-cursor"),
        ({"forename": "Aisha", "source": "nowhere"}, "unknown-source"),
        ({"forename": "Aisha", "state": "lost"}, "invalid"),
    ],
)
def test_a_search_that_cannot_be_answered_is_refused(
    client: TestClient, key: MakeKey, body: dict[str, Any], expected: str
) -> None:
    refused = client.post("/v1/children/search", headers=key(), json=body)
    assert kind(refused) == expected
    assert "Aisha" not in refused.text


def test_what_was_put_is_found_at_once(client: TestClient, key: MakeKey) -> None:
    own = key()
    put = client.put(record(("clinic", "77")), headers=own, json=ZEBEDEE_SAYS).json()
    assert found(client, own, surname="Young", forename="Zebedee") == [put["child_id"]]
