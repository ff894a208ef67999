"""What nobody is shown who may not see it: by whichever route they ask, and in the logs."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from api.db.engine import reading, writing
from api.db.models import Access, Agreement, Source
from api.rest.service import Service
from api.services.access.reading_logs import list_entries
from api.services.access.roles import Role
from tests.register_service.reviewed import AISHA, NAMESAKES, NOAH, UNSURE, Reviewed
from tests.rest.conftest import Headers, MakeKey
from tests.rest.people import AISHA_SAYS, child, ids_for, kind, record

SCHOOL, CLINIC, SOCIAL = AISHA
UPN = "J353200120015"
OTHER_UPN = "B801200005001"
PUPIL = ("school", UPN)


@pytest.fixture
def pupil(client: TestClient, key: MakeKey, register: Reviewed, service: Service) -> str:
    """Aisha by a record whose id is her UPN, which is told for education only; her child."""
    put = client.put(record(PUPIL), headers=key(), json=AISHA_SAYS)
    assert put.json()["child_id"] == register.child(CLINIC)
    register.say("match", UNSURE, PUPIL)
    register.take_back(register.decisions()[-1])
    ids_for(service, "school", "education")
    return str(put.json()["child_id"])


def asked(client: TestClient, own: Headers, method: str, path: str, **body: Any) -> Any:
    answer = client.request(method, path, headers=own, json=body or None)
    assert answer.status_code == 200, (path, answer.text)
    return answer


def test_a_record_id_that_is_a_upn_is_masked_in_review_as_upns_are(
    client: TestClient, key: MakeKey, pupil: str, service: Service
) -> None:
    ids_for(service, "school", "early_years")
    reviews = key(Role.REVIEWER)
    queue = asked(client, reviews, "GET", "/v1/review/queue")
    pair = asked(client, reviews, "POST", "/v1/review/next")
    assert "school" in queue.text + pair.text
    assert UPN not in queue.text + pair.text
    assert UPN in asked(client, key(), "GET", child(pupil)).text


def test_a_record_id_that_is_a_upn_is_in_no_answer_for_another_purpose(
    client: TestClient, key: MakeKey, pupil: str, service: Service
) -> None:
    own, reviews = key(), key(Role.REVIEWER)
    person = {"person": AISHA_SAYS}
    found = {
        rest: asked(client, own, "GET", child(pupil, rest))
        for rest in ("", "/records", "/family", "/history", "/journey", "/why")
    }
    found["record why"] = asked(client, own, "GET", record(CLINIC, "/why"))
    found["crosswalk"] = asked(client, own, "GET", record(CLINIC, "/crosswalk"))
    found["match"] = asked(client, own, "POST", "/v1/match", **person)
    found["search"] = asked(client, own, "POST", "/v1/children/search", surname="Malik")
    found["events"] = asked(client, own, "GET", "/v1/events?limit=1000")
    found["decisions"] = asked(client, reviews, "GET", "/v1/decisions")
    found["queue"] = asked(client, reviews, "GET", "/v1/review/queue")
    found["next"] = asked(client, reviews, "POST", "/v1/review/next")
    assert not [name for name, answer in found.items() if UPN in answer.text]
    # Nor is the number that stands for it taken for an id.
    assert not [name for name, answer in found.items() if '"record ' in answer.text]
    for name in ("", "/why", "record why", "match", "decisions"):
        assert '"record_id":null' in found[name].text, name
    nameless = {"source": "school", "record_id": None}
    assert nameless in found[""].json()["records"]
    items = [one for one in found["/records"].json()["items"] if one["source"] == "school"]
    assert [(one["record_id"], one["values"]["forename"]) for one in items] == [
        (None, "Aisha"),
        (None, "Aisha"),
    ]
    (candidate, *_) = found["match"].json()["candidates"]
    assert None in {one["record_id"] for one in candidate["records"]}
    assert nameless in [one["record"] for one in found["/history"].json()["items"]]
    assert "school" not in {one["source"] for one in found["crosswalk"].json()["ids"]}
    # A page that begins after such a record does not tell it either.
    first = asked(client, own, "GET", child(pupil, "/records?limit=3")).json()
    rest = asked(client, own, "GET", first["next"]).json()["items"]
    assert len(first["items"]) + len(rest) == len(found["/records"].json()["items"])
    with reading(service.aside) as connection:
        assert UPN not in str(connection.scalars(select(Access.about)).all())


def test_nobody_asks_for_a_record_by_an_id_that_may_not_be_used(
    client: TestClient, key: MakeKey, pupil: str
) -> None:
    own = key()
    for rest in ("", "/child", "/why", "/history", "/crosswalk"):
        for one in (PUPIL, ("school", "never seen")):
            refused = client.get(record(one, rest), headers=own)
            assert (refused.status_code, kind(refused)) == (403, "forbidden"), rest
    assert client.put(record(PUPIL), headers=own, json=AISHA_SAYS).status_code == 403
    assert client.delete(record(PUPIL), headers=own).status_code == 403
    target = client.get(record(CLINIC, "/crosswalk?target=school"), headers=own)
    assert kind(target) == "target-not-permitted"
    many = {"records": [{"source": "school", "record_id": UPN}]}
    assert client.post("/v1/crosswalk", headers=own, json=many).status_code == 403
    found = client.post("/v1/children/search", headers=own, json={"record_id": UPN})
    assert found.json()["items"] == []
    only = {"record_id": UPN, "source": "school"}
    refused = client.post("/v1/children/search", headers=own, json=only)
    assert (refused.status_code, kind(refused)) == (403, "forbidden")
    assert [one["place"] for one in refused.json()["errors"]] == ["body.record_id"]


def test_nobody_is_found_by_a_upn_outside_of_education(
    client: TestClient, key: MakeKey, service: Service
) -> None:
    # Nothing is said of UPNs by the agreements of some sources.
    own = key()
    person = {"forename": "Aisha", "surname": "Malik", "upn": OTHER_UPN}
    patient = {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:child-register:upn", "value": OTHER_UPN}],
    }
    silent_on_upns(service, "clinic")
    fhir = {**own, "Content-Type": "application/fhir+json"}
    for answer in (
        client.post("/v1/match", headers=own, json={"person": person}),
        client.post("/v1/match/batch", headers=own, json={"persons": [{}, person]}),
        client.post("/v1/fhir/Patient/$match", headers=fhir, json=patient),
        client.post("/v1/children/search", headers=own, json={"upn": OTHER_UPN}),
    ):
        assert answer.status_code == 403, answer.text
    searched = {"forename": "Aisha", "upn": OTHER_UPN}
    refused = client.post("/v1/children/search", headers=own, json=searched).json()
    assert [one["place"] for one in refused["errors"]] == ["body.upn"]


def silent_on_upns(service: Service, source: str) -> None:
    with writing(service.engine) as connection:
        number = select(Source.number).where(Source.name == source).scalar_subquery()
        said = {"purposes": ["early_years"], "fields": {}}
        connection.execute(
            update(Agreement).where(Agreement.source == number).values(purposes=said)
        )


def test_a_child_none_of_whose_records_may_be_seen_is_not_there(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    noah, aisha = register.child(NOAH), register.child(CLINIC)
    only = key(sources=["clinic", "social"])
    for rest in ("", "/records", "/family", "/history", "/journey", "/why"):
        for follow in ("", "?follow=false"):
            hidden = client.get(child(noah, rest + follow), headers=only)
            unknown = client.get(child("5QK2M8ZR0T4WF", rest + follow), headers=only)
            assert (hidden.status_code, kind(hidden)) == (404, kind(unknown))
        assert client.get(child(aisha, rest), headers=only).status_code == 200
        assert client.get(child(noah, rest), headers=key()).status_code == 200
    run = client.get("/v1/runs", headers=key()).json()["items"][0]["id"]
    assert client.get(child(noah, f"?as_of={run}"), headers=only).status_code == 404
    events = client.get("/v1/events?limit=1000", headers=only).json()["items"]
    assert noah not in {one["child_id"] for one in events}
    assert aisha in {one["child_id"] for one in events}


def test_an_id_that_ended_is_told_of_as_far_as_its_records_may_be_seen(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    old = register.child(NOAH)
    register.say("match", NOAH, CLINIC)
    whole = register.child(CLINIC)
    gone = old if old != whole else None
    assert gone is not None
    assert client.get(child(gone), headers=key()).status_code == 307
    assert client.get(child(gone), headers=key(sources=["clinic"])).status_code == 404
    history = client.get(child(whole, "/history"), headers=key(sources=["clinic"])).text
    assert gone not in history
    assert gone in client.get(child(whole, "/history"), headers=key()).text


def test_a_family_id_leads_nobody_to_where_a_shielded_child_lives(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    sibling = {**AISHA_SAYS, "forename": "Idris", "date_of_birth": "2016-01-09"}
    carer = {"role": "carer", "forename": "Sara", "surname": "Malik",
             "address": "2 Mill Rd", "postcode": "OL1 1AA"}  # fmt: skip
    for one, said in ((CLINIC, AISHA_SAYS), (("clinic", "sib"), sibling),
                      (("clinic", "mum"), carer)):  # fmt: skip
        put = client.put(record(one), headers=own, json={**said, "family_id": "XX000123"})
        assert put.status_code in (200, 201)
    asked(client, own, "GET", record(("clinic", "mum")))
    register.shield(CLINIC)

    def values(one: tuple[str, str], headers: Headers) -> Any:
        return asked(client, headers, "GET", record(one)).json()["values"]

    hidden = values(CLINIC, own)
    assert (hidden["family_id"], hidden["address"]) == (None, None)
    other = {**carer, "address": "9 Ash Gr", "postcode": "OL4 3PP", "family_id": "XX000999"}
    client.put(record(("clinic", "other mum")), headers=own, json=other)
    told = [asked(client, own, "GET", record(("clinic", one))).json()
            for one in ("mum", "other mum")]  # fmt: skip
    # Nothing marks the one whose child is shielded.
    for mother in told:
        assert mother["location_hidden"]
        assert mother["values"]["forename"] == "Sara"
        assert {mother["values"][name] for name in ("address", "postcode", "family_id")} == {None}
    for home in ("2 Mill Rd", "9 Ash Gr"):
        guess = {**carer, "address": home}
        assert asked(client, own, "PUT", record(("clinic", "other mum")), **guess).json()["changed"]
    # Nor does calling her a child have her place told.
    as_child = {"forename": "Sara", "surname": "Quill", "date_of_birth": "2001-02-03"}
    told = asked(client, own, "PUT", record(("clinic", "mum")), **as_child).json()["notes"]
    assert [(note["field"], note["code"]) for note in told] == [
        (name, "not_kept") for name in ("address", "family_id", "postcode")
    ]
    found = asked(client, own, "GET", record(("clinic", "mum"), "/child"))
    assert found.status_code == 200
    assert "Mill Rd" not in found.text
    moved = {"address": "9 Ash Gr", "postcode": "OL4 3PP"}
    assert not asked(client, own, "PUT", record(("clinic", "mum")), **as_child, **moved).json()[
        "notes"
    ]
    for address in ("", "/child", "/history"):  # a child's place, by every address alike
        assert "Ash Gr" in asked(client, own, "GET", record(("clinic", "mum"), address)).text
    asked(client, own, "PUT", record(("clinic", "mum")), **carer, family_id="XX000123")
    history = asked(client, own, "GET", record(("clinic", "mum"), "/history")).text
    assert "Mill Rd" not in history
    assert values(("clinic", "sib"), own)["family_id"] == "XX000123"
    cleared = key(cleared=True)
    assert values(CLINIC, cleared)["family_id"] == "XX000123"
    assert values(("clinic", "mum"), cleared)["address"] == "2 Mill Rd"


def test_the_queue_and_the_pair_in_hand_weigh_nothing_that_is_hidden(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own, reviews, cleared = key(), key(Role.REVIEWER), key(Role.REVIEWER, cleared=True)
    says = {"forename": "Aisha", "surname": "Begum", "date_of_birth": "2014-05-03"}
    elsewhere = {**says, "address": "9 Ash Gr", "postcode": "OL4 3PP"}

    def listed(headers: Headers, rest: str = "") -> dict[str, float]:
        found = asked(client, headers, "GET", f"/v1/review/queue{rest}").json()["items"]
        return {one["pair"]: one["weight"] for one in found}

    asked(client, own, "PUT", record(UNSURE), **says)
    ((pair, plain),) = listed(reviews).items()
    asked(client, own, "PUT", record(UNSURE), **elsewhere)
    register.shield(CLINIC)
    assert listed(reviews) == {pair: pytest.approx(plain)}
    assert listed(cleared)[pair] < plain - 0.5
    assert listed(reviews, "?at_least=-100") == {}
    assert listed(cleared, "?at_least=-100").keys() == {pair}
    taken = asked(client, reviews, "POST", f"/v1/review/{pair}/take").json()
    assert taken["weight"] == pytest.approx(plain)
    decided = client.post(
        f"/v1/review/{pair}/decision",
        headers={**reviews, "If-Match": f'"{etag_of(client, reviews, pair)}"'},
        json={"token": taken["token"], "decision": "cannot_tell", "why": "a test"},
    )
    weights = decided.json()["weights"]
    assert weights["weight"] == pytest.approx(plain)
    assert weights["withheld"]
    assert {one["comparison"] for one in weights["parts"] if one["weight"] is None} >= {"home"}


def etag_of(client: TestClient, headers: Headers, pair: str) -> str:
    return str(client.post(f"/v1/review/{pair}/take", headers=headers).headers["ETag"]).strip('"')


def test_a_system_that_nobody_attends_finds_one_child_or_none(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    def found(own: Headers, **asks: Any) -> Any:
        return asked(client, own, "POST", "/v1/children/search", **asks).json()

    alone, attended = key(unattended=True), key()
    several = found(attended, forename="Aisha")
    assert (len(several["items"]), several["several"]) == (2 + len(NAMESAKES), False)
    assert found(alone, forename="Aisha") == {"items": [], "several": True, "next": None}
    assert found(alone, forename="Aisha", limit=1, cursor=found(attended, forename="Aisha",
                 limit=1)["next"])["items"] == []  # fmt: skip
    (one,) = found(alone, forename="Aisha", surname="Malik")["items"]
    assert one["child_id"] == register.child(CLINIC)
    assert found(alone, forename="Nobody") == {"items": [], "several": False, "next": None}


def test_a_record_is_found_in_the_log_by_its_key(
    client: TestClient, key: MakeKey, service: Service, register: Reviewed
) -> None:
    own = key()
    asked(client, own, "GET", record(NOAH))
    asked(client, own, "GET", record(NOAH, "/history"))

    def entries(about: str) -> list[str]:
        with reading(service.engine) as connection, reading(service.aside) as aside:
            return [one.what for one in list_entries(connection, aside, about=about)]

    routes = [
        f"GET /v1/sources/{{source}}/records/{{record_id}}{rest}" for rest in ("/history", "")
    ]
    assert entries("/".join(NOAH)) == routes
    with reading(service.engine) as connection:
        number = register.ids(connection)[NOAH]
    assert entries(f"record {number}") == routes
    assert entries("census/never seen") == entries("nowhere/2") == []
    ids_for(service, "census", "education")
    assert entries("/".join(NOAH)) == []
    assert entries(f"record {number}") == routes


def test_a_refused_key_stands_in_the_log_without_what_was_shown(
    client: TestClient, service: Service
) -> None:
    shown = "mk_abcdefgh_notasecretatall"
    for _ in range(2):
        refused = client.get("/v1/sources", headers={"Authorization": f"Bearer {shown}"})
        assert refused.status_code == 401
    client.get("/v1/sources", headers={"Authorization": "Bearer what a browser held"})
    with reading(service.aside) as connection:
        rows = connection.execute(select(Access.__table__)).mappings().all()
    assert [(row["by"], row["route"], row["status"], row["about"]) for row in rows] == [
        ("(nobody)", "GET /v1/sources", 401, [])
    ] * 2
    assert "abcdefgh" not in str(rows)
