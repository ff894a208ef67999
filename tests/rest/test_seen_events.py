"""What the feed, a child's history and files tell of what records do that may not be seen."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from api.db.engine import reading, writing
from api.db.models import Agreement, Source
from api.rest.service import Service
from api.services import webhooks
from api.services.access.roles import Role
from api.services.register import shielding
from api.services.register.feed import EVENT_KINDS
from tests.register_service.registers import Key
from tests.register_service.reviewed import AISHA, PEOPLE, Reviewed
from tests.rest.conftest import Headers, MakeKey
from tests.rest.people import child, record
from tests.rest.test_events import follow, replayed
from tests.rest.work import do_work

WREN = {
    "forename": "Wren",
    "surname": "Quillfeather",
    "date_of_birth": "2015-06-07",
    "nhs_number": "9434765919",
}
NAMED = {name: WREN[name] for name in ("forename", "surname", "date_of_birth")}
HOME = {"address": "3 Peel St", "postcode": "OL1 1AA"}
ELSEWHERE = {"address": "9 Ash Gr", "postcode": "OL4 3PP"}
# Of these the reader sees the second only.
HIDDEN, SEEN = ("school", "w1"), ("clinic", "w2")


def put(client: TestClient, own: Headers, one: Key, **said: str) -> int:
    answer = client.put(record(one), headers=own, json=said)
    assert answer.is_success, answer.text
    return int(answer.json()["run"] or 0)


def delete(client: TestClient, own: Headers, one: Key) -> int:
    return int(client.delete(record(one), headers=own).json()["run"])


def told(client: TestClient, own: Headers, child_id: str) -> list[tuple[int, str, Any]]:
    """Run, kind and what more the feed says of a child."""
    return [
        (one["run"], one["kind"], one["record_id"] or said_in(one["detail"]))
        for one in follow(client, own, "/v1/events?limit=1000")
        if one["child_id"] == child_id
    ]


def said_in(detail: dict[str, Any] | None) -> Any:
    return {name: said for name, said in (detail or {}).items() if said is not None} or None


def history(client: TestClient, own: Headers, child_id: str) -> list[tuple[int, str, Any]]:
    items = client.get(child(child_id, "/history?follow=false"), headers=own).json()["items"]
    return [
        (one["run"], one["kind"], one["record"]["record_id"] if one["record"] else one["fields"])
        for one in items
    ]


def exported(
    client: TestClient, service: Service, analyst: Headers, child_id: str
) -> list[tuple[int, str, Any]]:
    """The same as `told`, of a file."""
    asked = client.post("/v1/exports", headers=analyst, json={"what": "events"})
    do_work(service)
    file = client.get(f"{asked.headers['Location']}/content", headers=analyst).text
    return [
        (int(row["run"]), row["kind"],
         row["record_id"] or (json.loads(row["detail"]) if row["detail"] else None))
        for row in csv.DictReader(io.StringIO(file)) if row["child_id"] == child_id
    ]  # fmt: skip


@pytest.mark.parametrize("place", [HOME, {"postcode": HOME["postcode"]}, {"sex": "F"}])
def test_which_fields_changed_says_nothing_of_what_a_source_says_that_may_not_be_seen(
    client: TestClient, key: MakeKey, place: dict[str, str]
) -> None:
    """Else one could try values until only their source is another."""
    own, reader = key(), key(sources=["clinic"])
    put(client, own, HIDDEN, **WREN, **HOME, sex="F")
    put(client, own, SEEN, **NAMED)
    wren = client.get(record(SEEN, "/child"), headers=reader).json()["child_id"]
    wrong = {**ELSEWHERE, "sex": "M"}
    seen = []
    for guess in ({name: wrong[name] for name in place}, place):
        run = put(client, own, SEEN, **NAMED, **guess)
        values = client.get(child(wren), headers=reader).json()["values"]
        (changed,) = [one for one in told(client, reader, wren) if one[0] == run]
        seen.append(changed[1:])
        shown = [name for name in ("address", "postcode", "sex") if values[name]]
        assert changed[2] == {"fields": [x for name in shown for x in (name, f"{name}_source")]}
        assert (run, "values_changed", shown) in history(client, reader, wren)
        put(client, own, SEEN, **NAMED)
    assert seen[0] == seen[1]


def test_a_child_begins_for_whoever_sees_one_of_its_records_with_that_record(
    client: TestClient, key: MakeKey, service: Service
) -> None:
    own, reader = key(), key(sources=["clinic"])
    analyst = key(Role.ANALYST, sources=["clinic"])
    founded = put(client, own, HIDDEN, **WREN, **HOME)
    wren = client.get(record(HIDDEN, "/child"), headers=own).json()["child_id"]
    after = client.get("/v1/events?limit=1000", headers=reader).json()["after"]
    joined = put(client, own, SEEN, **NAMED)
    assert client.get(record(SEEN, "/child"), headers=own).json()["child_id"] == wren
    put(client, own, HIDDEN, **WREN, **ELSEWHERE)
    fields = [x for name in ("forename", "surname", "date_of_birth")
              for x in (name, f"{name}_source")]  # fmt: skip
    expected = [
        (joined, "child_created", None),
        (joined, "record_linked", SEEN[1]),
        (joined, "values_changed", {"fields": fields}),
    ]
    assert told(client, reader, wren) == expected
    assert exported(client, service, analyst, wren) == expected
    news = follow(client, reader, f"/v1/events?after={after}")
    assert news == follow(client, reader, "/v1/events?limit=1000")[-3:]
    # Page by page, and from any of them on.
    assert follow(client, reader, f"/v1/events?after={after}&limit=1") == news
    assert [follow(client, reader, f"/v1/events?after={one['id']}") for one in news] == [
        news[1:], news[2:], []]  # fmt: skip
    created = follow(client, reader, f"/v1/events?after={after}&kind=child_created")
    assert created == news[:1]
    assert [one[:2] for one in history(client, reader, wren)] == [one[:2] for one in expected]
    now = client.get(child(wren), headers=reader).json()
    then = client.get(child(wren, f"?as_of={joined}"), headers=reader).json()
    assert (now["from_run"], then["from_run"]) == (joined, joined)
    assert founded < joined
    whole = told(client, own, wren)
    assert whole[0][:2] == (founded, "child_created")
    assert len([one for one in whole if one[1] == "child_created"]) == 1


def test_which_values_changed_before_an_agreement_ended_is_told_no_more(
    client: TestClient, key: MakeKey, service: Service
) -> None:
    own = key()
    put(client, own, SEEN, **NAMED)
    put(client, own, HIDDEN, **WREN, **HOME)
    wren = client.get(record(SEEN, "/child"), headers=own).json()["child_id"]
    assert "nhs_number" in str(told(client, own, wren))
    with writing(service.engine) as connection:
        number = select(Source.number).where(Source.name == HIDDEN[0]).scalar_subquery()
        yesterday = date.today() - timedelta(days=1)
        ended = update(Agreement).where(Agreement.source == number).values(ends=yesterday)
        connection.execute(ended)
    for seen in (told(client, own, wren), history(client, own, wren)):
        assert {one[1] for one in seen} == {"child_created", "record_linked", "values_changed"}
        assert not any(name in str(seen) for name in ("nhs_number", "address", "postcode"))


def test_a_child_ends_for_whoever_sees_none_of_its_records_any_more(
    client: TestClient, key: MakeKey
) -> None:
    """That it goes on, and ends later, would tell of the others."""
    own, reader, seen = key(), key(sources=["clinic"]), []
    for more in ([], [HIDDEN]):
        put(client, own, SEEN, **NAMED)
        for one in more:
            put(client, own, one, **WREN, **HOME)
        wren = client.get(record(SEEN, "/child"), headers=own).json()["child_id"]
        after = client.get("/v1/events?limit=1000", headers=reader).json()["after"]
        first = delete(client, own, SEEN)
        states = []
        for one in [None, *more]:
            if one:
                delete(client, own, one)
            for then in ("", f"&as_of={first}"):
                state = client.get(child(wren, f"?follow=false{then}"), headers=reader)
                told_now = {name: state.json()[name] for name in ("standing", "successors")}
                states.append((state.status_code, told_now))
                assert state.json()["to_run"] == first
            assert client.get(child(wren), headers=reader).status_code == 410
        assert states == [(200, {"standing": "ended", "successors": []})] * len(states)
        news = follow(client, reader, f"/v1/events?after={after}")
        assert {one["run"] for one in news} == {first}
        seen.append([(one["kind"], one["record_id"]) for one in news])
    assert seen[0] == seen[1]
    assert [kind for kind, _ in seen[0]] == ["child_emptied", "record_unlinked"]


def test_where_the_records_of_a_child_went_that_may_be_seen_is_where_it_went(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own, reader = key(), key(sources=["clinic"])
    put(client, own, HIDDEN, **WREN, **HOME)
    put(client, own, SEEN, **NAMED)
    other = ("clinic", "w3")
    put(client, own, other, forename="Piers", surname="Ashdown", date_of_birth="2012-01-05")
    wren, piers = (register.child(one) for one in (SEEN, other))
    assert register.together(HIDDEN, SEEN)
    register.say("non_match", HIDDEN, SEEN)
    register.say("match", other, SEEN)
    assert register.together(other, SEEN) and not register.together(HIDDEN, SEEN)
    events = follow(client, reader, "/v1/events?limit=1000")
    assert replayed(events)[SEEN] == register.child(SEEN)
    gone = ({wren, piers} - {register.child(SEEN)}).pop()
    left = client.get(child(gone), headers=reader)
    assert left.status_code == 307, left.text
    ends = [one["kind"] for one in events if one["child_id"] == gone]
    assert {"child_merged"} == {"child_merged", "child_emptied", "child_split"} & set(ends)
    assert "child_absorbed" in {one[1] for one in history(client, reader, register.child(SEEN))}


def test_whose_a_lookalike_is_is_told_by_no_end_of_its_child(
    client: TestClient, key: MakeKey, service: Service, register: Reviewed
) -> None:
    own = key()
    first, second, third = ("school", "f1"), ("clinic", "f2"), ("social", "f3")
    for one in (first, second):
        put(client, own, one, **WREN, **HOME)
    wren = register.child(first)
    assert register.child(second) == wren
    with writing(service.engine) as connection:
        shielding.shield(
            connection, record=first, why="a test", by="steward", now=datetime.now(UTC)
        )
    hidden = client.put(record(third), headers=own, json={**WREN, **HOME}).json()
    assert (hidden["child_id"], hidden["child_hidden"]) == (None, True)
    assert register.child(third) == wren
    delete(client, own, first)
    last = delete(client, own, second)

    def seen() -> Any:
        state = client.get(child(wren, "?follow=false"), headers=own)
        return state.status_code, state.json(), told(client, own, wren), history(client, own, wren)

    before = seen()
    assert (before[0], before[1]["standing"], before[1]["to_run"]) == (200, "ended", last)
    assert [one[:2] for one in before[2][-2:]] == [
        (last, "child_emptied"), (last, "record_unlinked")]  # fmt: skip
    delete(client, own, third)
    assert seen() == before
    put(client, own, third, **WREN, **HOME)
    assert register.child(third) == wren
    assert seen() == before


def test_what_a_put_did_is_told_as_the_feed_tells_it(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    """A child that it joined begins with it, for whoever sees no other record of that child."""
    own, writer = key(), key(sources=["clinic"])
    put(client, own, HIDDEN, **WREN, **HOME)
    wren = register.child(HIDDEN)
    answer = client.put(f"{record(SEEN)}?with_info=true", headers=writer, json=NAMED).json()
    children = {name: ids for name, ids in answer["children"].items() if ids}
    assert children == {"created": [wren], "joined": [wren], "values_changed": [wren]}


def test_events_of_one_kind_are_those_that_the_whole_feed_tells(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    """Also where what was kept of a child is told as another kind."""
    first, second = ({"source": one[0], "record_id": one[1], **WREN} for one in (HIDDEN, SEEN))
    for more in ([first], [], [first, second]):
        register.load_people([*PEOPLE, *more])
    register.say("match", HIDDEN, AISHA[2], run=False)
    register.load_people([*PEOPLE, first])
    register.sever([AISHA[0]], [AISHA[1]])
    renamed = []
    for own in (key(), key(sources=["clinic"]), key(sources=["school", "social"])):
        whole = follow(client, own, "/v1/events?limit=1000")
        for kind in EVENT_KINDS:
            some = follow(client, own, f"/v1/events?kind={kind}&limit=500")
            assert some == [one for one in whole if one["kind"] == kind], kind
        renamed.append([one["kind"] for one in whole])
    assert "child_restored" in renamed[0] and "child_restored" not in renamed[1]
    assert "child_merged" not in renamed[1]


@pytest.mark.parametrize("most", [2, 3, 100])
def test_a_webhook_is_told_the_same_as_the_feed_however_few_events_go_at_once(
    client: TestClient, key: MakeKey, service: Service, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(webhooks, "BATCH", most)
    object.__setattr__(service, "local", True)
    own, reader = key(), key(sources=["clinic"])
    after = client.get("/v1/events?limit=1000", headers=reader).json()["after"]
    made = client.post("/v1/webhooks", headers=reader, json={"url": "http://127.0.0.1:9/"})
    assert made.status_code == 201, made.text
    for number, name in enumerate(("Wren", "Piers", "Zelda")):
        said = {**NAMED, "forename": name, "surname": f"{name}field"}
        put(client, own, ("school", f"b{number}"), **said, **HOME)
        put(client, own, ("clinic", f"b{number}"), **said)
    delete(client, own, ("clinic", "b1"))
    told_of: list[str] = []
    with reading(service.engine) as connection:
        now = datetime.now(UTC)
        (hook,) = webhooks.told_webhooks(connection, now)
        at = hook.hook.after_event
        while batch := webhooks.batch_after(connection, hook, at, now=now):
            again = webhooks.batch_after(connection, hook, at, now=now, until=batch.until)
            assert again == batch
            assert len(batch.events) <= most
            told_of += batch.names
            at = batch.until
    feed = follow(client, reader, f"/v1/events?after={after}")
    assert told_of == [one["id"] for one in feed]
    assert [one["kind"] for one in feed].count("child_created") == 3
    assert [one["kind"] for one in feed][-2:] == ["child_emptied", "record_unlinked"]
