"""The change feed over REST: in order, resumable, waiting cheaply, and silent on severances."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event, exc, select

from api.db.engine import reading
from api.db.models import Membership, Record, Source
from api.rest.service import Service
from api.services.access.roles import Role
from tests.register_service.reviewed import AISHA, NOAH, UNSURE, Reviewed
from tests.rest.conftest import Headers, MakeKey

Key = tuple[str, str]


def follow(client: TestClient, headers: Headers, address: str) -> list[dict[str, Any]]:
    """All pages from an address on."""
    found: list[dict[str, Any]] = []
    while address:
        page = client.get(address, headers=headers)
        assert page.status_code == 200
        found += page.json()["items"]
        address = page.json()["next"]
    return found


def replayed(events: list[dict[str, Any]]) -> dict[Key, str]:
    """The child of each record, as the page on the feed says how to read it."""
    child_of: dict[Key, str] = {}
    for one in events:
        key = (one["source"], one["record_id"])
        if one["kind"] == "record_linked":
            child_of[key] = one["child_id"]
        elif one["kind"] == "record_unlinked" and child_of.get(key) == one["child_id"]:
            del child_of[key]
    return child_of


def held(engine: Engine) -> dict[Key, str]:
    with reading(engine) as connection:
        query = (
            select(Source.name, Record.record_id, Membership.child)
            .join(Record, Record.id == Membership.record)
            .join(Source, Source.number == Record.source)
            .where(Membership.to_run.is_(None))
        )
        return {(source, record): child for source, record, child in connection.execute(query)}


def test_replaying_the_feed_page_by_page_gives_the_register(
    client: TestClient, register: Reviewed, key: MakeKey
) -> None:
    register.say("match", UNSURE, AISHA[0])
    register.say("non_match", AISHA[0], AISHA[1])
    headers = key()
    events = follow(client, headers, "/v1/events?limit=7")
    assert len({one["id"] for one in events}) == len(events)
    assert [one["run"] for one in events] == sorted(one["run"] for one in events)
    assert replayed(events) == held(register.engine)


def test_a_reader_goes_on_where_it_was(
    client: TestClient, register: Reviewed, key: MakeKey
) -> None:
    headers = key()
    after = client.get("/v1/events?limit=1000", headers=headers).json()["after"]
    nothing = client.get(f"/v1/events?after={after}", headers=headers).json()
    assert nothing == {"items": [], "after": after, "next": None}
    register.say("match", UNSURE, AISHA[0])
    news = follow(client, headers, f"/v1/events?after={after}")
    assert news
    known = follow(client, headers, "/v1/events")
    assert known[-len(news) :] == news
    # The id of an event is a place as well.
    assert follow(client, headers, f"/v1/events?after={news[0]['id']}") == news[1:]


def test_only_some_kinds_can_be_followed_and_the_place_moves_on(
    client: TestClient, register: Reviewed, key: MakeKey
) -> None:
    register.say("match", UNSURE, AISHA[0])
    headers = key()
    found = follow(client, headers, "/v1/events?kind=child_created&kind=child_merged&limit=3")
    assert {one["kind"] for one in found} == {"child_created", "child_merged"}
    everything = client.get("/v1/events?limit=1000", headers=headers).json()
    before_last = everything["items"][-2]["id"]
    none = client.get(f"/v1/events?kind=child_split&after={before_last}", headers=headers).json()
    assert (none["items"], none["after"]) == ([], everything["after"])


def test_records_of_sources_that_may_not_be_seen_are_not_told_of(
    client: TestClient, register: Reviewed, key: MakeKey
) -> None:
    events = follow(client, key(sources=["clinic"]), "/v1/events")
    assert {one["source"] for one in events} == {None, "clinic"}


def test_the_feed_does_not_tell_that_severed_children_were_one(
    client: TestClient, register: Reviewed, key: MakeKey
) -> None:
    headers = key()
    before = follow(client, headers, "/v1/events")
    own, other = register.child(AISHA[0]), AISHA[1]
    register.sever([AISHA[0]], AISHA[1:])
    events = follow(client, headers, "/v1/events")
    present = held(register.engine)
    apart = {present[AISHA[0]], present[other]}
    assert len(apart) == 2
    assert own in apart
    for one in events:
        key_of = (one["source"], one["record_id"])
        if key_of in (AISHA[0], other):
            assert one["child_id"] == present[key_of]
        told = one["detail"] or {}
        named = {one["child_id"], told.get("successor"), *(told.get("successors") or [])}
        assert not apart <= named
    assert replayed(events) == present
    # One who followed all along comes to the same.
    since = follow(client, headers, f"/v1/events?after={before[-1]['id']}")
    assert replayed(before + since) == present


def test_a_merge_whose_children_are_severed_later_is_told_as_an_end(
    client: TestClient, register: Reviewed, key: MakeKey
) -> None:
    register.say("match", UNSURE, AISHA[0])
    headers = key()
    assert "child_merged" in {one["kind"] for one in follow(client, headers, "/v1/events")}
    register.sever([UNSURE], AISHA)
    events = follow(client, headers, "/v1/events")
    assert "child_merged" not in {one["kind"] for one in events}
    assert replayed(events) == held(register.engine)


def test_a_long_poll_ends_with_the_event_that_it_waits_for(
    client: TestClient, service: Service, register: Reviewed, key: MakeKey
) -> None:
    headers = key()
    after = client.get("/v1/events?limit=1000", headers=headers).json()["after"]
    acting = threading.Timer(0.5, register.say, ("match", UNSURE, AISHA[0]))
    acting.start()
    began = time.monotonic()
    found = client.get(f"/v1/events?after={after}&long-poll=30", headers=headers).json()
    acting.join()
    assert found["items"]
    assert time.monotonic() - began < 25


def test_a_long_poll_holds_no_connection_while_it_waits(
    client: TestClient, service: Service, key: MakeKey
) -> None:
    headers = key()
    after = client.get("/v1/events?limit=1000", headers=headers).json()["after"]
    out: list[int] = []
    address = f"/v1/events?after={after}&long-poll=2"
    asking = threading.Thread(target=client.get, args=(address,), kwargs={"headers": headers})
    asking.start()
    time.sleep(0.5)
    for _ in range(20):
        out.append(service.engine.pool.checkedout())  # type: ignore[attr-defined]
        time.sleep(0.05)
    asking.join()
    # A look at the newest event takes a moment four times a second.
    assert out.count(0) > 10


def test_a_long_poll_comes_back_without_events_when_its_time_is_over(
    client: TestClient, key: MakeKey
) -> None:
    headers = key()
    after = client.get("/v1/events?limit=1000", headers=headers).json()["after"]
    began = time.monotonic()
    found = client.get(f"/v1/events?after={after}&long-poll=1", headers=headers).json()
    assert found["items"] == []
    assert time.monotonic() - began >= 1
    assert client.get("/v1/events?long-poll=31", headers=headers).status_code == 422
    for number in ("nan", "inf", "-inf"):
        wrong = client.get(f"/v1/events?long-poll={number}", headers=headers)
        told = {"place": "query.long-poll", "message": "give a number"}
        assert (wrong.status_code, wrong.json()["errors"]) == (422, [told])
    for name in ("-1", "0", "812", "g" * 32, "0" * 32, "é" * 32, f"{after}0", ""):
        for wait in ("", "&long-poll=1"):
            wrong = client.get(f"/v1/events?after={name}{wait}", headers=headers)
            assert (wrong.status_code, wrong.json()["type"]) == (400, "/v1/problems/bad-cursor")


def test_the_number_of_queries_does_not_grow_with_the_page(
    client: TestClient, service: Service, register: Reviewed, key: MakeKey
) -> None:
    register.sever([AISHA[0]], AISHA[1:])
    headers = key()
    counts = []
    for limit in (1, 1000):
        statements: list[str] = []

        def note(*arguments: Any, into: list[str] = statements) -> None:
            into.append(arguments[2])

        event.listen(service.engine, "before_cursor_execute", note)
        client.get(f"/v1/events?limit={limit}", headers=headers)
        event.remove(service.engine, "before_cursor_execute", note)
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert counts[0] < 25


def test_who_may_not_follow_the_feed_may_not_wait_for_it(client: TestClient, key: MakeKey) -> None:
    began = time.monotonic()
    reviewer = key(Role.REVIEWER)
    found = client.get("/v1/events?after=9999&long-poll=20", headers=reviewer)
    assert found.status_code == 403
    assert time.monotonic() - began < 10


def test_the_feed_does_not_tell_which_two_were_joined_in_a_run_before_they_were_severed(
    client: TestClient, register: Reviewed, key: MakeKey
) -> None:
    headers = key()
    before = follow(client, headers, "/v1/events")
    aisha, noah = register.child(AISHA[0]), register.child(NOAH)
    register.say("match", NOAH, AISHA[0])
    joined = before + follow(client, headers, f"/v1/events?after={before[-1]['id']}")
    register.sever([NOAH], AISHA)
    events = follow(client, headers, "/v1/events")
    of_joining = {one["run"] for one in joined[len(before) :]}
    told = [one for one in events if one["run"] in of_joining]
    assert {aisha, noah} - {one["child_id"] for one in told}
    assert not {"record_unlinked", "values_changed"} & {one["kind"] for one in told}
    assert replayed(events) == held(register.engine)
    since = follow(client, headers, f"/v1/events?after={joined[-1]['id']}")
    assert replayed(joined + since) == held(register.engine)


def test_a_crowd_that_waits_keeps_nobody_else_waiting(client: TestClient, key: MakeKey) -> None:
    headers = key()
    last = client.get("/v1/events?limit=1000", headers=headers).json()["after"]

    def wait(_: int) -> int:
        return client.get(f"/v1/events?after={last}&long-poll=4", headers=headers).status_code

    began = time.monotonic()
    with ThreadPoolExecutor(120) as crowd:
        answered = crowd.map(wait, range(120))
        time.sleep(1)
        assert client.get("/v1/events?limit=1", headers=headers).status_code == 200
        assert set(answered) == {200}
    # Those that wait for a connection give up after half a minute.
    assert time.monotonic() - began < 25


def test_where_no_connection_is_free_a_request_is_to_come_again(
    client: TestClient, key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = key()

    def none_free(_: Engine) -> None:
        raise exc.TimeoutError

    monkeypatch.setattr(Engine, "connect", none_free)
    for address in ("/v1/events", "/v1/events?long-poll=1", "/v1/sources"):
        told = client.get(address, headers=headers)
        assert (told.status_code, told.json()["type"]) == (503, "/v1/problems/busy")
        assert int(told.headers["Retry-After"]) > 0
