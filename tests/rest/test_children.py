"""Children over REST: as of now or a run, merged, split and ended, shielded and severed."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from api.db.engine import reading, writing
from api.db.models import Agreement, Source
from api.logs import configure_logs
from api.rest.paging import written
from api.rest.service import Service
from api.services.register.reading import last_run
from tests.register_service.registers import NOW
from tests.register_service.reviewed import AISHA, NOAH, UNSURE, Reviewed
from tests.register_service.seen import put
from tests.rest.conftest import Headers, MakeKey
from tests.rest.people import AISHA_SAYS, ZEBEDEE_SAYS, asks, child, kind, record

SCHOOL, CLINIC, SOCIAL = AISHA
LISTS = ("/records", "/family", "/history", "/journey", "/why")


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the service writes to its log, as it is configured when it is served."""
    root = logging.getLogger()
    before, level = root.handlers, root.level
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure_logs(pretty=False)
    yield written
    root.handlers = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_child_is_told_with_the_source_of_each_value(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    aisha = register.child(SCHOOL)
    found = client.get(child(aisha), headers=key())
    assert found.status_code == 200
    assert found.headers["Cache-Control"] == "no-store"
    said = found.json()
    assert said["values"]["forename"] == {"value": "Aisha", "source": "clinic"}
    assert said["values"]["nhs_number"] is None
    assert [(one["source"], one["record_id"]) for one in said["records"]] == sorted(AISHA)
    assert (said["child_id"], said["standing"], said["successors"]) == (aisha, "current", [])
    assert (said["shielded"], said["location_hidden"]) == (False, False)


def test_an_id_that_was_never_given_is_not_found_and_a_typing_mistake_is_named(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    aisha = register.child(SCHOOL)
    wrong = ("0" if aisha[0] != "0" else "1") + aisha[1:]
    for rest in ("", *LISTS):
        mistyped = client.get(child(wrong, rest), headers=own)
        assert kind(mistyped) == "not-found"
        assert "check character" in mistyped.json()["detail"]
        small = client.get(child(aisha.lower(), rest), headers=own)
        assert kind(small) == "not-found"
        assert "capital letters" in small.json()["detail"]
    valid = client.get(child("0000000000002"), headers=own)
    assert kind(valid) == "not-found"
    for strange in ("%F0%9F%98%80", "x" * 100, "..%2Fetc", "a%2Fb"):
        assert client.get(child(strange), headers=own).status_code in (404, 422)


def test_a_merged_child_leads_to_its_survivor_with_the_same_question(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    old, run = _merge(client, own, register)
    survivor = register.child(CLINIC)
    for rest in ("", *LISTS):
        moved = client.get(child(old, rest) + "?limit=7" * bool(rest), headers=own)
        assert moved.status_code == 307
        assert moved.headers["Location"] == child(survivor, rest) + "?limit=7" * bool(rest)
        assert client.get(moved.headers["Location"], headers=own).status_code == 200
    tombstone = client.get(child(old) + "?follow=false", headers=own)
    assert tombstone.status_code == 200
    said = tombstone.json()
    assert (said["standing"], said["successors"], said["to_run"]) == ("merged", [survivor], run)
    assert (said["records"], set(said["values"].values())) == ([], {None})
    for rest in LISTS:
        assert client.get(child(old, rest) + "?follow=false", headers=own).status_code == 200
    history = client.get(child(old, "/history") + "?follow=false", headers=own).json()["items"]
    assert history[-1]["kind"] in {"child_merged", "record_unlinked"}


def test_a_run_that_never_was_is_told_with_those_there_were(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own, address = key(), child(register.child(SCHOOL))
    with reading(register.engine) as connection:
        run = last_run(connection)
    for odd in ("2999", str(run + 1)):
        (error,) = client.get(f"{address}?as_of={odd}", headers=own).json()["errors"]
        assert error["place"] == "query.as_of"
        assert f"the last one is {run}; /v1/runs lists them" in error["message"]
    (error,) = client.get(f"{address}?as_of=2999-01-01", headers=own).json()["errors"]
    assert (error["place"], error["message"]) == (
        "query.as_of",
        "give the number of a run, as /v1/runs lists them; it is no day",
    )


def test_a_merged_child_is_as_it_was_as_of_an_earlier_run(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    old, run = _merge(client, own, register)
    then = client.get(child(old) + f"?as_of={run - 1}", headers=own)
    assert then.status_code == 200
    assert then.json()["standing"] == "current"
    records = client.get(child(old, "/records") + f"?as_of={run - 1}", headers=own)
    assert [one["record_id"] for one in records.json()["items"]] == [UNSURE[1]]
    moved = client.get(child(old) + f"?as_of={run}", headers=own)
    assert moved.headers["Location"] == child(register.child(CLINIC)) + f"?as_of={run}"
    assert kind(client.get(child(old) + f"?as_of={run + 1}", headers=own)) == "invalid"


def test_a_child_whose_records_went_to_several_or_to_nobody_is_gone(
    client: TestClient, key: MakeKey
) -> None:
    own = key()
    two = [("clinic", "71"), ("social", "71")]
    (split,) = {
        client.put(record(one), headers=own, json=ZEBEDEE_SAYS).json()["child_id"] for one in two
    }
    other = {**ZEBEDEE_SAYS, "forename": "Quentin", "date_of_birth": "2012-07-30"}
    client.put(record(two[0]), headers=own, json=AISHA_SAYS)
    client.put(record(two[1]), headers=own, json={**other, "surname": "Oakes"})
    gone = client.get(child(split), headers=own)
    if gone.status_code == 200:  # it went with one of the two, which must go on as well
        (last,) = [two[at] for at, r in enumerate(two) if _child(client, own, r) == split]
        client.delete(record(last), headers=own)
        gone = client.get(child(split), headers=own)
    assert kind(gone) in {"gone"} or gone.status_code == 307
    alone = client.put(record(("clinic", "72")), headers=own, json={**other, "surname": "Vane"})
    client.delete(record(("clinic", "72")), headers=own)
    ended = client.get(child(alone.json()["child_id"]), headers=own)
    assert (kind(ended), ended.json()["successors"]) == ("gone", [])
    told = client.get(child(alone.json()["child_id"]) + "?follow=false", headers=own).json()
    assert told["standing"] == "ended"


def test_a_split_child_names_its_successors(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    old, _ = _merge(client, own, register)
    into = register.child(CLINIC)
    register.say("non_match", SCHOOL, CLINIC)
    children = {register.child(one) for one in (*AISHA, UNSURE)}
    assert len(children) > 1
    for former in {old, into}:
        found = client.get(child(former), headers=own)
        if found.status_code == 410:
            assert kind(found) == "gone"
            assert set(found.json()["successors"]) <= children
        else:
            assert found.status_code in (200, 307)


def test_lists_come_in_pages_that_make_the_whole(
    client: TestClient, key: MakeKey, register: Reviewed, service: Service
) -> None:
    own = key()
    family = {"family_id": "F1"}
    client.put(record(CLINIC), headers=own, json={**AISHA_SAYS, **family})
    for at, name in enumerate(("Idris", "Nadia", "Omar")):
        said = {"forename": name, "surname": "Malik", "role": "carer", **family}
        client.put(record(("clinic", f"2{at}")), headers=own, json=said)
    for rest in ("/records", "/family", "/history", "/why"):
        whole = client.get(child(register.child(SCHOOL), rest), headers=own).json()
        paged, address = [], child(register.child(SCHOOL), rest) + "?limit=1"
        while address:
            page = client.get(address, headers=own)
            assert len(page.json()["items"]) <= 1
            paged += page.json()["items"]
            address = page.json()["next"]
            assert ("Link" in page.headers) == (address is not None)
        assert paged == whole["items"]
        assert len(paged) >= 3
        address = child(register.child(SCHOOL), rest)
        another = written(asks(service, address), [12])
        assert kind(client.get(f"{address}?cursor={another}", headers=own)) == "bad-cursor"


def test_a_family_is_told_by_names_and_without_places(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    client.put(record(CLINIC), headers=own, json={**AISHA_SAYS, "family_id": "F1"})
    brother = {**ZEBEDEE_SAYS, "surname": "Malik", "address": "2 Mill Rd", "family_id": "F1"}
    his = client.put(record(("clinic", "20")), headers=own, json=brother).json()["child_id"]
    (one,) = client.get(child(register.child(SCHOOL), "/family"), headers=own).json()["items"]
    assert (one["forename"], one["role"], one["child_id"]) == ("Zebedee", "child", his)
    assert "2 Mill" not in json.dumps(one)


@pytest.mark.parametrize("cleared", [False, True])
def test_where_a_shielded_child_lives_is_told_to_the_cleared_only(
    client: TestClient, key: MakeKey, register: Reviewed, cleared: bool
) -> None:
    own = key(cleared=cleared)
    put(register, CLINIC, **AISHA_SAYS, family_id="F1")
    register.shield(SCHOOL)
    aisha = register.child(SCHOOL)
    answers = [client.get(child(aisha, rest), headers=own) for rest in ("", *LISTS)]
    answers += [
        client.get(record(CLINIC, rest), headers=own)
        for rest in ("", "/child", "/why", "/history", "/crosswalk")
    ]
    assert all(found.status_code == 200 for found in answers)
    told = " ".join(found.text for found in answers)
    assert ("2 Mill Rd" in told) is cleared
    assert ("OL1 1AA" in told) is cleared
    assert answers[0].json()["shielded"]
    assert answers[0].json()["location_hidden"] is not cleared


def test_neither_severed_identity_leads_to_the_other_by_any_route(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = key()
    run = register.link_anew()[-1].run
    register.sever([SCHOOL], [CLINIC, SOCIAL])
    sides = {register.child(SCHOOL): [SCHOOL], register.child(CLINIC): [CLINIC, SOCIAL]}
    assert len(sides) == 2
    for side, keys in sides.items():
        (other,) = set(sides) - {side}
        addresses = [child(side, rest) for rest in ("", *LISTS)]
        addresses += [
            record(one, rest)
            for one in keys
            for rest in ("", "/child", "/why", "/history", "/crosswalk")
        ]
        for address in addresses:
            for when in ("", f"?as_of={run}"):
                if when and address.endswith(("/family", "/history", "/why")):
                    continue
                found = client.get(address + when, headers=own)
                assert found.status_code in (200, 404, 410, 307), address
                told = found.text + found.headers.get("Location", "")
                assert other not in told, address
                for source, _ in sides[other]:
                    assert f'"{source}"' not in told, address


def test_a_system_is_told_of_its_own_sources_only(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    narrow = key(sources=["school"])
    for rest in ("", *LISTS):
        found = client.get(child(register.child(SCHOOL), rest), headers=narrow)
        assert found.status_code == 200
        assert not any(f'"{source}"' in found.text for source in ("clinic", "social"))


def test_an_agreement_past_its_end_stops_its_sources_fields(
    client: TestClient, key: MakeKey, register: Reviewed, service: Service
) -> None:
    with writing(service.engine) as connection:
        clinic = select(Source.number).where(Source.name == "clinic").scalar_subquery()
        ended = update(Agreement).where(Agreement.source == clinic)
        connection.execute(ended.values(ends=NOW.date()))
    own = key()
    said = client.get(child(register.child(SCHOOL)), headers=own).json()
    assert said["values"]["forename"] is None
    assert {one["source"] for one in said["records"]} == {"school", "social"}
    assert kind(client.get(record(CLINIC), headers=own)) == "forbidden"


def test_no_personal_value_is_in_a_log_or_a_metric(
    client: TestClient,
    key: MakeKey,
    register: Reviewed,
    logs: io.StringIO,
) -> None:
    own = key()
    client.put(record(("clinic", "9434765919")), headers=own, json=AISHA_SAYS)
    client.get(record(("clinic", "9434765919")), headers=own)
    client.get(child(register.child(NOAH)), headers=own)
    client.put(record(("clinic", "9434765919")), headers=own, json={"forename": ["Aisha"]})
    written = logs.getvalue()
    assert "/v1/children/{child_id}" in written
    told = written + client.get("/metrics").text
    assert not any(value in told for value in ("Aisha", "Malik", "9434765919", "OL1 1AA"))


def _merge(client: TestClient, own: Headers, register: Reviewed) -> tuple[str, int]:
    """The unsure record becomes Aisha's: the child that it was, and the run."""
    old = register.child(UNSURE)
    put = client.put(record(UNSURE), headers=own, json=AISHA_SAYS).json()
    assert put["child_id"] == register.child(CLINIC) != old
    return old, put["run"]


def _child(client: TestClient, own: Headers, one: tuple[str, str]) -> str:
    found: str = client.get(record(one), headers=own).json()["child_id"]
    return found
