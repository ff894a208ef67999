"""Single records over REST: put, deleted, read, explained, with what happened to them."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from api.db.engine import reading, writing
from api.db.models import Access, Decision, RecordVersion, Run
from api.rest.service import Service
from api.services.access.roles import Role
from api.services.register.checking import mark_checked, unmark_checked
from tests.register_service.reviewed import AISHA, NOAH, UNSURE, Reviewed
from tests.register_service.seen import put as put_alone
from tests.rest.conftest import MakeKey
from tests.rest.people import AISHA_SAYS, ZEBEDEE_SAYS, fields_for, kind, record

SCHOOL, CLINIC, SOCIAL = AISHA
NEW = ("clinic", "77")


def test_a_new_record_is_created_and_linked_at_once(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    put = client.put(record(NEW), headers=own, json=AISHA_SAYS)
    assert put.status_code == 201
    assert put.headers["Location"] == record(NEW)
    said = put.json()
    assert (said["created"], said["changed"], said["children"]) == (True, True, None)
    assert said["child_id"] == register.child(SCHOOL)
    found = client.get(put.headers["Location"], headers=own)
    assert found.headers["ETag"] == put.headers["ETag"]
    assert found.json()["values"]["postcode"] == "OL1 1AA"
    assert found.json()["child_id"] == said["child_id"]
    assert found.json()["extract"] is None


def test_the_same_again_changes_nothing_and_other_values_do(
    client: TestClient, key: MakeKey, service: Service
) -> None:
    own = key()
    first = client.put(record(NEW), headers=own, json=ZEBEDEE_SAYS).json()
    again = client.put(record(NEW), headers=own, json=ZEBEDEE_SAYS)
    assert (again.status_code, again.json()["changed"], again.json()["run"]) == (200, False, None)
    assert again.json()["child_id"] == first["child_id"]
    with reading(service.engine) as connection:
        assert connection.scalar(select(func.max(Run.id))) == first["run"]
    other = client.put(record(NEW), headers=own, json={**ZEBEDEE_SAYS, "surname": "Older"})
    assert (other.status_code, other.json()["created"], other.json()["changed"]) == (
        200,
        False,
        True,
    )


def test_what_comes_late_is_refused_and_the_newer_state_stays(
    client: TestClient, key: MakeKey
) -> None:
    own = key()
    newer = client.put(record(NEW), headers=own, json={**ZEBEDEE_SAYS, "as_of": "2024-06-02"})
    older = {**ZEBEDEE_SAYS, "surname": "Older", "as_of": "2024-06-01"}
    late = client.put(record(NEW), headers=own, json=older)
    assert (late.status_code, kind(late)) == (409, "conflict")
    assert [one["place"] for one in late.json()["errors"]] == ["body.as_of"]
    assert client.get(record(NEW), headers=own).headers["ETag"] == newer.headers["ETag"]
    of_today = {name: said for name, said in older.items() if name != "as_of"}
    assert client.put(record(NEW), headers=own, json=of_today).json()["changed"]


def test_the_same_on_a_later_day_is_told_as_of_that_day_and_what_comes_late_is_refused(
    client: TestClient, key: MakeKey
) -> None:
    own = key()
    client.put(record(NEW), headers=own, json={**ZEBEDEE_SAYS, "as_of": "2024-06-01"})
    again = client.put(record(NEW), headers=own, json={**ZEBEDEE_SAYS, "as_of": "2024-06-03"})
    assert (again.status_code, again.json()["changed"]) == (200, False)
    told = client.get(record(NEW), headers=own)
    assert (told.json()["as_of"], told.json()["from_run"]) == ("2024-06-03", again.json()["run"])
    assert told.headers["ETag"] == again.headers["ETag"]
    late = {**ZEBEDEE_SAYS, "surname": "Older", "as_of": "2024-06-02"}
    assert kind(client.put(record(NEW), headers=own, json=late)) == "conflict"


def test_a_delete_that_comes_late_is_refused(client: TestClient, key: MakeKey) -> None:
    own = key()
    client.put(record(NEW), headers=own, json={**ZEBEDEE_SAYS, "as_of": "2024-06-02"})
    late = client.delete(record(NEW) + "?as_of=2024-06-01", headers=own)
    assert (late.status_code, kind(late)) == (409, "conflict")
    assert [one["place"] for one in late.json()["errors"]] == ["query.as_of"]
    ahead = client.delete(record(NEW) + "?as_of=2099-01-01", headers=own)
    assert (ahead.status_code, kind(ahead)) == (422, "refused")
    assert ahead.json()["errors"][0]["code"] == "day_in_future"
    assert client.get(record(NEW), headers=own).status_code == 200
    gone = client.delete(record(NEW) + "?as_of=2024-06-02", headers=own)
    assert (gone.status_code, gone.json()["changed"]) == (200, True)


def test_who_asks_is_told_which_children_it_changed(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    aisha = register.child(SCHOOL)
    url = record(NEW) + "?with_info=true"
    alone = client.put(url, headers=own, json=ZEBEDEE_SAYS).json()
    zebedee = alone["child_id"]
    kinds = ("created", "merged", "split", "emptied", "joined", "left", "values_changed")
    nothing: dict[str, list[Any]] = {name: [] for name in kinds}
    new = {"created": [zebedee], "joined": [zebedee], "values_changed": [zebedee]}
    assert alone["children"] == {**nothing, **new}
    same = client.put(url, headers=own, json=ZEBEDEE_SAYS).json()
    assert same["children"] == nothing
    moved = client.put(url, headers=own, json=AISHA_SAYS).json()
    assert moved["children"] == {
        **nothing,
        "merged": [{"child_id": zebedee, "successors": [aisha]}],
        "joined": [aisha],
        "left": [zebedee],
    }
    back = client.put(url, headers=own, json=ZEBEDEE_SAYS).json()
    assert back["children"]["split"] == [{"child_id": aisha, "successors": [zebedee]}]
    gone = client.delete(url, headers=own).json()
    assert gone["children"] == {**nothing, "emptied": [zebedee], "left": [zebedee]}


def test_a_child_of_which_only_golden_values_changed_is_named_with_what_a_put_changed(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own, url = key(), record(NEW) + "?with_info=true"
    zebedee = client.put(url, headers=own, json=ZEBEDEE_SAYS).json()["child_id"]
    moved = {**ZEBEDEE_SAYS, "postcode": "OL1 1AA"}
    told = client.put(url, headers=own, json=moved).json()["children"]
    assert {name: ids for name, ids in told.items() if ids} == {"values_changed": [zebedee]}
    event = client.get("/v1/events?limit=1000", headers=own).json()["items"][-1]
    assert (event["kind"], event["child_id"]) == ("values_changed", zebedee)


def test_a_record_says_whether_a_person_marked_it_as_checked(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own, aisha = key(), register.child(SCHOOL)

    def told() -> tuple[bool, dict[str, bool], str]:
        alone = client.get(record(SCHOOL), headers=own)
        every = client.get(f"/v1/children/{aisha}/records", headers=own).json()["items"]
        by_source = {one["source"]: one["checked"] for one in every}
        return alone.json()["checked"], by_source, alone.headers["ETag"]

    none = dict.fromkeys((source for source, _ in AISHA), False)
    alone, every, before = told()
    assert (alone, every) == (False, none)
    who: Any = {"record": SCHOOL, "by": "a.reviewer", "now": datetime.now(UTC)}
    with writing(register.engine) as connection:
        assert mark_checked(connection, **who)
    alone, every, after = told()
    assert (alone, every) == (True, {**none, "school": True})
    assert after != before
    listed = client.post(
        "/v1/children/search", headers=own, json={"source": "school", "state": "checked"}
    )
    assert [one["child_id"] for one in listed.json()["items"]] == [aisha]
    with writing(register.engine) as connection:
        assert unmark_checked(connection, **who)
    assert told() == (False, none, before)


def test_what_severing_parts_is_not_told_as_one_childs_successor(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    register.sever([SCHOOL], [CLINIC, SOCIAL], run=False)
    url = record(SCHOOL) + "?with_info=true"
    said = client.put(url, headers=key(), json={**AISHA_SAYS, "forename": "Amina"}).json()
    sides = {register.child(SCHOOL), register.child(CLINIC)}
    assert len(sides) == 2
    told = str(said)
    assert register.child(CLINIC) not in told
    assert said["child_id"] == register.child(SCHOOL)


def test_a_deleted_record_is_gone_and_deleting_it_again_changes_nothing(
    client: TestClient, key: MakeKey
) -> None:
    own = key()
    gone = client.delete(record(UNSURE), headers=own)
    assert (gone.status_code, gone.json()["changed"], gone.json()["child_id"]) == (200, True, None)
    again = client.delete(record(UNSURE), headers=own)
    assert (again.status_code, again.json()["changed"]) == (200, False)
    assert kind(client.get(record(UNSURE), headers=own)) == "not-found"
    assert kind(client.delete(record(("clinic", "never")), headers=own)) == "not-found"
    back = client.put(record(UNSURE), headers=own, json=ZEBEDEE_SAYS)
    assert (back.status_code, back.json()["created"]) == (201, True)


def test_a_record_can_be_written_on_the_state_that_was_read(
    client: TestClient, key: MakeKey
) -> None:
    own = key()
    url = record(CLINIC)
    only_new = {**own, "If-None-Match": "*"}
    state = client.get(url, headers=own).headers["ETag"]
    refused = client.put(url, headers=only_new, json=ZEBEDEE_SAYS)
    assert (kind(refused), refused.headers["ETag"]) == ("stale", state)
    assert client.put(record(NEW), headers=only_new, json=ZEBEDEE_SAYS).status_code == 201
    on_it = {**own, "If-Match": state}
    changed = client.put(url, headers=on_it, json={**AISHA_SAYS, "known_as": "Ash"})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != state
    assert kind(client.put(url, headers=on_it, json=AISHA_SAYS)) == "stale"
    assert kind(client.delete(url, headers=on_it)) == "stale"
    absent = client.put(record(("clinic", "78")), headers={**own, "If-Match": "*"}, json=AISHA_SAYS)
    assert kind(absent) == "stale"
    assert client.delete(url, headers={**own, "If-Match": changed.headers["ETag"]}).is_success


@pytest.mark.parametrize("odd", ["a/b", "%2F", "a b?c#d", "Ünï–côdé 日本", "..;x", "a&b=c+d", "/"])
def test_a_record_id_may_hold_any_character_that_can_be_seen(
    client: TestClient, key: MakeKey, odd: str
) -> None:
    own = key()
    put = client.put(record(("clinic", odd)), headers=own, json=ZEBEDEE_SAYS)
    assert put.status_code == 201
    assert put.headers["Location"] == record(("clinic", odd))
    found = client.get(put.headers["Location"], headers=own)
    assert found.json()["record_id"] == odd
    history = client.get(record(("clinic", odd), "/history?limit=1"), headers=own)
    rest = client.get(history.json()["next"], headers=own)
    assert [one["kind"] for one in rest.json()["items"]] == ["child_joined"]
    assert client.get(record(("clinic", odd), "/child"), headers=own).status_code == 200


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"date_of_birth": "03/05/2014"}, "body.date_of_birth"),
        ({"date_of_birth": "1600-01-01"}, "body.date_of_birth"),
        ({"as_of": "2014-13-01"}, "body.as_of"),
        ({"sex": "female"}, "body.sex"),
        ({"role": "cat"}, "body.role"),
        ({"favourite_colour": "red"}, "body.favourite_colour"),
        ({"forename": 7}, "body.forename"),
        ({"forename": "A\u0007"}, "body.forename"),
        ({"surname": "x" * 501}, "body.surname"),
        ({"record_id": "2"}, "body.record_id"),
    ],
)
def test_a_body_that_says_what_cannot_be_is_refused_by_field(
    client: TestClient, key: MakeKey, body: dict[str, Any], place: str
) -> None:
    found = client.put(record(NEW), headers=key(), json={**ZEBEDEE_SAYS, **body})
    assert kind(found) == "invalid"
    assert [one["place"] for one in found.json()["errors"]] == [place]
    assert kind(client.get(record(NEW), headers=key())) == "not-found"


@pytest.mark.parametrize(
    ("body", "place", "code"),
    [
        ({}, "body", "no_name"),
        ({"address": "2 Mill Rd", "sex": "F", "forename": " "}, "body", "no_name"),
        ({**ZEBEDEE_SAYS, "date_of_birth": "2099-01-01"}, "body.date_of_birth", "birth_in_future"),
        ({**ZEBEDEE_SAYS, "as_of": "2099-01-01"}, "body.as_of", "day_in_future"),
    ],
)
def test_what_an_extract_would_not_bring_is_refused(
    client: TestClient, key: MakeKey, body: dict[str, Any], place: str, code: str
) -> None:
    own = key()
    found = client.put(record(NEW), headers=own, json=body)
    assert kind(found) == "refused"
    assert [(one["place"], one["code"]) for one in found.json()["errors"]] == [(place, code)]
    assert kind(client.get(record(NEW), headers=own)) == "not-found"


@pytest.mark.parametrize("encoded", ["%20", "%2E", "%2e%2e", "%20a", "a%20%20b", "x" * 201])
def test_an_id_that_no_extract_can_bring_is_refused(
    client: TestClient, key: MakeKey, encoded: str
) -> None:
    own = key()
    address = httpx2.URL(f"http://testserver/v1/sources/clinic/records/{encoded}")
    for method in ("GET", "PUT"):
        sent = client.request(method, address, headers=own, json=ZEBEDEE_SAYS)
        assert sent.status_code in (404, 422), encoded  # some clients take dots out
    below = client.get(f"/v1/sources/clinic/records/{encoded}/child", headers=own)
    assert below.status_code in (404, 422)


def test_what_the_caller_may_not_see_stays_unless_it_is_sent(
    client: TestClient, key: MakeKey, register: Reviewed, service: Service
) -> None:
    own = key()
    put_alone(register, CLINIC, **AISHA_SAYS, upn="B801200005001", known_as="Ash")
    register.shield(CLINIC)

    def held() -> Any:
        with reading(service.engine) as connection:
            number = register.ids(connection)[CLINIC]
            query = select(RecordVersion).where(
                RecordVersion.record == number, RecordVersion.to_run.is_(None)
            )
            return connection.execute(query).one()

    read = client.get(record(CLINIC), headers=own)
    seen = read.json()["values"]
    assert (seen["address"], seen["postcode"], seen["upn"]) == (None, None, None)
    same = client.put(record(CLINIC), headers=own, json=seen)
    assert (same.status_code, same.json()["changed"]) == (200, False)
    only_seen = {**seen, "known_as": None, "upn": None, "address": None, "postcode": None}
    state = {**own, "If-Match": read.headers["ETag"]}
    changed = client.put(record(CLINIC), headers=state, json=only_seen)
    assert (changed.status_code, changed.json()["changed"]) == (200, True)
    assert (held().known_as, held().upn) == (None, "B801200005001")
    assert (held().address, held().postcode) == ("2 Mill Rd", "OL1 1AA")
    moved = client.put(record(CLINIC), headers=own, json={**only_seen, "postcode": "OL4 3PP"})
    assert moved.status_code == 200
    assert (held().address, held().postcode) == ("2 Mill Rd", "OL4 3PP")


@pytest.mark.parametrize("field", ["upn", "former_upn", "nhs_number"])
def test_a_value_that_may_not_be_used_for_the_purpose_is_no_key_to_a_child(
    client: TestClient, key: MakeKey, service: Service, field: str
) -> None:
    fields_for(service, "clinic", {"nhs_number": ["health"], "upn": ["education"],
                                   "former_upn": ["education"]})  # fmt: skip
    own = key()
    for said in ({field: "B801200005001"}, {**ZEBEDEE_SAYS, field: "9434765919"}):
        found = client.put(record(NEW), headers=own, json=said)
        assert (found.status_code, kind(found)) == (403, "forbidden")
        assert [one["place"] for one in found.json()["errors"]] == [f"body.{field}"]
    assert kind(client.get(record(NEW), headers=own)) == "not-found"
    assert client.put(record(NEW), headers=own, json={**ZEBEDEE_SAYS, field: None}).is_success


def test_a_record_that_is_as_it_was_known_is_not_told_again(
    client: TestClient, key: MakeKey, service: Service
) -> None:
    own = key()
    known = {**own, "If-None-Match": client.get(record(UNSURE), headers=own).headers["ETag"]}
    again = client.get(record(UNSURE), headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == known["If-None-Match"]
    with reading(service.aside) as connection:
        assert list(connection.scalars(select(Access.status).order_by(Access.id))) == [200, 304]
    client.put(record(UNSURE), headers=own, json=AISHA_SAYS)
    assert client.get(record(UNSURE), headers=known).status_code == 200
    several = f'"x", W/{known["If-None-Match"]}'
    stale = {**own, "If-Match": several}
    assert kind(client.put(record(UNSURE), headers=stale, json=AISHA_SAYS)) == "stale"


def test_values_are_kept_as_extracts_are_read(client: TestClient, key: MakeKey) -> None:
    own = key()
    untidy = {**ZEBEDEE_SAYS, "forename": "  Zebedee \n Ann ", "nhs_number": "943 476-5919"}
    client.put(record(NEW), headers=own, json={**untidy, "surname": " "})
    said = client.get(record(NEW), headers=own).json()["values"]
    assert (said["forename"], said["nhs_number"], said["surname"]) == (
        "Zebedee Ann",
        "9434765919",
        None,
    )


def test_a_carer_is_a_record_and_no_child(client: TestClient, key: MakeKey) -> None:
    own = key()
    put = client.put(record(NEW), headers=own, json={**ZEBEDEE_SAYS, "role": "carer"})
    assert (put.status_code, put.json()["child_id"]) == (201, None)
    assert client.get(record(NEW), headers=own).json()["values"]["role"] == "carer"
    for rest in ("/child", "/why", "/crosswalk"):
        assert kind(client.get(record(NEW, rest), headers=own)) == "not-found"


def test_sources_that_are_unknown_or_not_the_callers(client: TestClient, key: MakeKey) -> None:
    own, narrow = key(), key(sources=["school"])
    nowhere = record(("nowhere", "1"))
    assert kind(client.put(nowhere, headers=own, json=AISHA_SAYS)) == "unknown-source"
    assert kind(client.delete(nowhere, headers=own)) == "unknown-source"
    assert kind(client.put(record(CLINIC), headers=narrow, json=AISHA_SAYS)) == "forbidden"
    assert kind(client.delete(record(CLINIC), headers=narrow)) == "forbidden"
    for rest in ("", "/child", "/why", "/history", "/crosswalk"):
        assert kind(client.get(nowhere + rest, headers=own)) == "unknown-source"
        assert kind(client.get(record(CLINIC, rest), headers=narrow)) == "forbidden"
        unknown = client.get(record(("clinic", "never"), rest), headers=own)
        assert kind(unknown) == "not-found"
    reader = key(Role.REVIEWER)
    assert kind(client.put(record(CLINIC), headers=reader, json=AISHA_SAYS)) == "forbidden"


def test_what_is_put_without_a_day_is_said_today(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own, moved = key(), {**AISHA_SAYS, "address": "9 Dale Rd", "postcode": "OL9 5BB"}
    client.put(record(CLINIC), headers=own, json=moved)
    told = client.get(record(CLINIC), headers=own).json()
    assert told["as_of"] == datetime.now(UTC).date().isoformat()
    of_child = client.get(f"/v1/children/{told['child_id']}", headers=own).json()
    assert of_child["values"]["postcode"] == {"value": "OL9 5BB", "source": "clinic"}
    client.put(record(NEW), headers=own, json={**AISHA_SAYS, "as_of": "2023-02-01"})
    assert client.get(record(NEW), headers=own).json()["as_of"] == "2023-02-01"


def test_a_record_and_its_child_as_of_a_run(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    before = client.get(record(UNSURE), headers=own).json()
    run = client.put(record(UNSURE), headers=own, json=AISHA_SAYS).json()["run"]
    then = client.get(record(UNSURE) + f"?as_of={run - 1}", headers=own).json()
    assert then == before
    child = client.get(record(UNSURE, "/child") + f"?as_of={run - 1}", headers=own)
    assert child.json()["child_id"] == before["child_id"]
    assert child.headers["Content-Location"] == f"/v1/children/{before['child_id']}"
    now = client.get(record(UNSURE, "/child"), headers=own).json()
    assert now["child_id"] == register.child(CLINIC)
    for wrong in (run + 1, 0, -1, 2**63, "x"):
        found = client.get(record(UNSURE) + f"?as_of={wrong}", headers=own)
        assert kind(found) == "invalid"
        assert found.json()["errors"][0]["place"] == "query.as_of"


def test_why_has_each_partial_weight_against_each_member_of_the_child(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    found = client.get(record(SCHOOL, "/why"), headers=key()).json()
    assert found["record"] == {"source": "school", "record_id": "1"}
    assert found["child_id"] == register.child(SCHOOL)
    others = {
        (end["source"], end["record_id"])
        for one in found["items"]
        for end in (one["left"], one["right"])
    }
    assert others == set(AISHA)
    for one in found["items"]:
        parts = sum(part["weight"] or 0.0 for part in one["parts"])
        assert one["weight"] == pytest.approx(one["prior"] + one["company"] + parts, abs=0.001)
        assert one["link"]
    one_by_one, address = [], record(SCHOOL, "/why?limit=1")
    while address:
        page = client.get(address, headers=key()).json()
        one_by_one += page["items"]
        address = page["next"]
    assert one_by_one == found["items"]
    sentences = {part["sentence"] for part in found["items"][0]["parts"]}
    assert "forename is the same" in sentences


def test_why_tells_what_keeps_records_apart_and_what_is_undone_with_it(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    register.say("match", SCHOOL, NOAH)
    number = register.say("non_match", SCHOOL, UNSURE)
    with writing(register.engine) as connection:
        moved = update(Decision).where(Decision.id == number)
        connection.execute(moved.values(change=number))
    asks, whose = key(), register.child(SCHOOL)
    of_child = client.get(f"/v1/children/{whose}/why", headers=asks).json()
    (apart,) = of_child["apart"]
    assert (apart["id"], apart["change"]) == (number, number)
    assert (apart["other"], apart["other_child_id"]) == (
        {"source": UNSURE[0], "record_id": UNSURE[1]}, register.child(UNSURE),
    )  # fmt: skip
    decided = [one for one in of_child["items"] if one["decisions"]]
    assert [(one["link"], one["because"]) for one in decided] == [(False, "weak")]
    assert [said["change"] for one in decided for said in one["decisions"]] == [None]
    assert client.get(record(SCHOOL, "/why"), headers=asks).json()["apart"] == [apart]
    assert client.get(record(AISHA[1], "/why"), headers=asks).json()["apart"] == []
    first = client.get(f"/v1/children/{whose}/why?limit=1", headers=asks).json()
    assert first["apart"] == [apart]
    assert client.get(first["next"], headers=asks).json()["apart"] == []
    unseen = client.get(
        record(SCHOOL, "/why"), headers=key(sources=["school", "census", "social"])
    ).json()
    assert unseen["apart"] == []


def test_a_records_history_tells_what_it_said_and_whose_it_was(
    client: TestClient, key: MakeKey
) -> None:
    own = key()
    client.put(record(UNSURE), headers=own, json=AISHA_SAYS)
    found = client.get(record(UNSURE, "/history"), headers=own).json()
    kinds = [one["kind"] for one in found["items"]]
    assert kinds == ["record_said", "child_joined", "record_said", "child_left", "child_joined"]
    said = found["items"][2]
    assert (said["by"], said["run_kind"], said["extract"]) == ("key-1", "record", None)
    assert "surname" in said["fields"]
    assert said["values"]["surname"] == "Malik"
    assert found["next"] is None
    one_by_one, address = [], record(UNSURE, "/history?limit=1")
    while address:
        page = client.get(address, headers=own)
        one_by_one += page.json()["items"]
        address = page.json()["next"]
    assert one_by_one == found["items"]
    wrong = client.get(record(UNSURE, "/history?cursor=rubbish"), headers=own)
    assert kind(wrong) == "bad-cursor"


def test_what_was_told_is_in_the_access_log_by_numbers_and_child_ids(
    client: TestClient, key: MakeKey, register: Reviewed, service: Service
) -> None:
    client.get(record(NOAH), headers=key())
    with reading(service.engine) as connection:
        number = register.ids(connection)[NOAH]
    with reading(service.aside) as connection:
        (about,) = connection.scalars(select(Access.about)).all()
    assert about == [f"record {number}", register.child(NOAH)]


def test_a_put_with_the_same_key_again_has_no_second_effect(
    client: TestClient, key: MakeKey
) -> None:
    own = {**key(), "Idempotency-Key": "put-once-only"}
    first = client.put(record(NEW), headers=own, json=ZEBEDEE_SAYS)
    again = client.put(record(NEW), headers=own, json=ZEBEDEE_SAYS)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["ETag"] == first.headers["ETag"]
