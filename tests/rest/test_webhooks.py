"""Webhooks: signed, in order, at least once, with a receiver that fails and then works."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, func, select, update

from api.db.engine import reading, writing
from api.db.models import Access as AccessEntered
from api.db.models import Agreement, ApiKey, Source, WebhookDelivery
from api.rest.service import Service
from api.services.access.roles import Role
from api.services.delivering import Deliverer, DeliveryPace
from api.services.jobs import handlers
from api.services.register.feed import newest_event, read_feed
from api.services.register.feed_places import Places
from api.services.register.shielding import shield
from api.services.targets import TargetError, check_url, resolve
from api.services.webhooks import signature
from api.worker import work
from tests.register_service.registers import Key, shipped
from tests.register_service.reviewed import AISHA, UNSURE, Reviewed
from tests.rest.conftest import Headers, MakeKey
from tests.rest.people import AISHA_SAYS, ZEBEDEE_SAYS, record
from tests.rest.receiver import Receiver, is_signed, receiver

PACE = DeliveryPace(poll=0.02, patience=5, first_wait=0.01, longest_wait=0.05, attempts=3)
LONG = 60.0


@pytest.fixture
def service(service: Service) -> Service:
    object.__setattr__(service, "local", True)
    return service


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def deliverer(service: Service) -> Deliverer:
    return Deliverer(service.engine, local=True, pace=PACE)


@pytest.fixture
def delivering(deliverer: Deliverer) -> Iterator[None]:
    """Events are delivered meanwhile."""
    stop = threading.Event()
    thread = threading.Thread(target=deliverer.run, args=(stop,))
    thread.start()
    yield
    stop.set()
    thread.join()


def until(holds: Any) -> None:
    end = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def keep(client: TestClient, headers: Headers, url: str, **more: Any) -> dict[str, Any]:
    found = client.post("/v1/webhooks", json={"url": url, **more}, headers=headers)
    assert found.status_code == 201
    return dict(found.json())


def newest(engine: Engine) -> int:
    with reading(engine) as connection:
        return newest_event(connection)


def since(engine: Engine, after: int) -> list[str]:
    """Events after one, as they are named."""
    with reading(engine) as connection:
        places = Places.of(connection)
        assert places
        return places.events(read_feed(connection, after=after, limit=10_000).events)


def dead(client: TestClient, headers: Headers, hook: int) -> list[dict[str, Any]]:
    found = client.get(f"/v1/webhooks/{hook}/dead-letters", headers=headers)
    return list(found.json()["items"])


@pytest.mark.usefixtures("delivering")
def test_events_come_in_order_signed_and_with_ids_only(
    client: TestClient, register: Reviewed, key: MakeKey, there: Receiver
) -> None:
    headers = key()
    hook = keep(client, headers, there.url)
    before = newest(register.engine)
    number = register.say("match", UNSURE, AISHA[0])
    register.take_back(number)
    expected = since(register.engine, before)
    until(lambda: there.events()[-1:] == expected[-1:])
    assert there.events() == expected
    page = client.get(f"/v1/events?after={hook['after_event']}", headers=headers).json()
    assert [one["id"] for one in page["items"]] == expected
    for sent, body in there.requests:
        assert is_signed(sent, body, hook["secret"])
        assert not is_signed(sent, body + b" ", hook["secret"])
        assert not is_signed(sent, body, "another")
        for word in (b"Aisha", b"Malik", b"clinic", b"school"):
            assert word not in body
    assert set(there.bodies()[0]["events"][0]) == {"id", "run", "kind", "child_id"}


@pytest.mark.usefixtures("delivering")
def test_what_fails_is_sent_again_the_same_before_anything_newer(
    client: TestClient, register: Reviewed, key: MakeKey, there: Receiver
) -> None:
    there.answers += [500, 307]
    keep(client, key(), there.url)
    before = newest(register.engine)
    register.say("match", UNSURE, AISHA[0])
    expected = since(register.engine, before)
    until(lambda: len(there.requests) >= 3)
    first = there.requests[:3]
    assert len({body for _, body in first}) == 1
    assert len({headers["Webhook-Id"] for headers, _ in first}) == 1
    assert [event["id"] for event in there.bodies()[2]["events"]] == expected


@pytest.mark.usefixtures("delivering")
def test_what_fails_too_often_is_a_dead_letter_that_can_be_tried_again(
    client: TestClient, register: Reviewed, key: MakeKey, there: Receiver
) -> None:
    headers = key()
    there.answers += [500] * PACE.attempts
    hook = keep(client, headers, there.url)
    before = newest(register.engine)
    number = register.say("match", UNSURE, AISHA[0])
    lost = since(register.engine, before)
    until(lambda: dead(client, headers, hook["id"]))
    letter = dead(client, headers, hook["id"])[0]
    how = client.get(f"/v1/webhooks/{hook['id']}", headers=headers).json()
    assert (how["last_problem"], how["dead_letters"], how["waiting"]) == ("answered 500", 1, 0)
    assert how["last_tried_at"] == letter["tried_at"]
    assert (letter["attempts"], letter["problem"]) == (PACE.attempts, "answered 500")
    end = newest(register.engine)
    register.take_back(number)
    newer = since(register.engine, end)
    for name, found in (("after_event", lost + newer), ("until_event", newer)):
        page = client.get(f"/v1/events?after={letter[name]}", headers=headers).json()
        assert [one["id"] for one in page["items"]] == found
    until(lambda: there.events()[-1:] == newer[-1:])
    there.requests.clear()
    again = f"/v1/webhooks/{hook['id']}/dead-letters/{letter['id']}/retry"
    assert client.post(again, headers=headers).json() == {"retried": 1}
    until(lambda: there.events() == lost)
    until(lambda: not dead(client, headers, hook["id"]))
    assert client.post(again, headers=headers).status_code == 404
    assert client.post(f"/v1/webhooks/{hook['id']}/retry", headers=headers).json() == {"retried": 0}


def test_what_waits_for_its_next_attempt_can_be_sent_now(
    client: TestClient,
    register: Reviewed,
    service: Service,
    key: MakeKey,
    there: Receiver,
    deliverer: Deliverer,
) -> None:
    deliverer.pace = replace(PACE, first_wait=3600.0, longest_wait=3600.0)
    headers = key()
    place = f"/v1/webhooks/{keep(client, headers, there.url)['id']}"
    there.answers += [500]
    before = newest(register.engine)
    register.say("match", UNSURE, AISHA[0])
    expected = since(register.engine, before)

    def sent(times: int) -> dict[str, Any]:
        while len(there.requests) < times:
            deliverer.round(service.aside)
            deliverer._wait_for_all()
        return dict(client.get(place, headers=headers).json())

    assert sent(1)["waiting"] == 1
    deliverer.round(service.aside)
    deliverer._wait_for_all()
    assert len(there.requests) == 1  # it waits for an hour
    assert client.post(f"{place}/retry", headers=headers).json() == {"retried": 1}
    assert client.post(f"{place}/retry", headers=headers).json() == {"retried": 0}
    assert sent(2)["waiting"] == 0
    assert there.events() == [*expected, *expected]


def test_a_webhook_tells_how_far_it_is(
    client: TestClient, register: Reviewed, key: MakeKey, there: Receiver, deliverer: Deliverer
) -> None:
    headers = key()
    hook = keep(client, headers, there.url)
    only = keep(client, headers, there.url, kinds=["child_merged"])

    def how(number: int) -> dict[str, Any]:
        found = client.get(f"/v1/webhooks/{number}", headers=headers)
        names = ("last_problem", "waiting", "next_attempt_at", "dead_letters", "events_ahead")
        return {name: found.json()[name] for name in names}

    nothing = {"last_problem": None, "waiting": 0, "next_attempt_at": None, "dead_letters": 0}
    assert how(hook["id"]) == {**nothing, "events_ahead": 0}
    before = newest(register.engine)
    register.say("match", UNSURE, AISHA[0])
    assert how(hook["id"]) == {**nothing, "events_ahead": len(since(register.engine, before))}
    assert how(only["id"])["events_ahead"] == 1
    client.delete(f"/v1/webhooks/{only['id']}", headers=headers)
    there.answers += [500]
    aside = client.app.state.service.aside  # type: ignore[attr-defined]
    deliverer.round(aside)
    until(lambda: how(hook["id"])["waiting"] and how(hook["id"])["last_problem"])
    failed = how(hook["id"])
    assert (failed["last_problem"], failed["events_ahead"]) == ("answered 500", 0)
    assert failed["next_attempt_at"] is not None


@pytest.mark.usefixtures("delivering")
def test_a_webhook_that_is_away_keeps_no_other_waiting(
    client: TestClient, register: Reviewed, key: MakeKey, there: Receiver
) -> None:
    headers = key()
    away = keep(client, headers, "http://127.0.0.1:9/")
    keep(client, headers, there.url)
    before = newest(register.engine)
    register.say("match", UNSURE, AISHA[0])
    until(lambda: there.events() == since(register.engine, before))
    until(lambda: dead(client, headers, away["id"]))
    assert dead(client, headers, away["id"])[0]["problem"] == "not reached"


@pytest.mark.usefixtures("delivering")
def test_only_the_kinds_that_were_named_are_sent(
    client: TestClient, register: Reviewed, key: MakeKey, there: Receiver
) -> None:
    keep(client, key(), there.url, kinds=["child_merged"])
    number = register.say("match", UNSURE, AISHA[0])
    register.take_back(number)
    register.say("match", UNSURE, AISHA[0])
    until(lambda: len(there.events()) == 2)
    kinds = {event["kind"] for body in there.bodies() for event in body["events"]}
    assert kinds == {"child_merged"}


@pytest.mark.usefixtures("delivering")
def test_a_key_that_was_ended_is_told_nothing_more(
    client: TestClient, service: Service, register: Reviewed, key: MakeKey, there: Receiver
) -> None:
    ended, working = key(), key()
    keep(client, ended, f"{there.url}/ended")
    hook = keep(client, working, there.url)
    with writing(service.engine) as connection:
        connection.execute(
            update(ApiKey).where(ApiKey.name == "key-1").values(revoked_at=service.now())
        )
    register.say("match", UNSURE, AISHA[0])
    until(lambda: there.events()[-1:] == since(register.engine, newest(register.engine) - 1))
    assert {body["webhook"] for body in there.bodies()} == {hook["id"]}


def test_a_deliverer_that_ended_in_between_is_replaced_by_one_that_goes_on(
    client: TestClient,
    service: Service,
    register: Reviewed,
    key: MakeKey,
    there: Receiver,
    deliverer: Deliverer,
) -> None:
    there.answers += [500]
    keep(client, key(), there.url)
    before = newest(register.engine)
    register.say("match", UNSURE, AISHA[0])
    deliverer.round(service.aside)
    until(lambda: len(there.requests) == 1)
    another = Deliverer(service.engine, local=True, pace=PACE)

    def goes_on() -> bool:
        another.round(service.aside)
        return len(there.requests) == 2

    until(goes_on)
    assert there.bodies()[0] == there.bodies()[1]
    assert [one["id"] for one in there.bodies()[1]["events"]] == since(register.engine, before)


def test_the_worker_delivers_beside_a_job(
    client: TestClient, service: Service, register: Reviewed, key: MakeKey, there: Receiver,
    deliverer: Deliverer,
) -> None:  # fmt: skip
    keep(client, key(), there.url)
    register.say("match", UNSURE, AISHA[0])
    stop = threading.Event()
    worker = threading.Thread(
        target=work,
        args=(service.engine, handlers(shipped()), stop),
        kwargs={"beside": deliverer.run},
    )
    worker.start()
    until(lambda: there.events()[-1:] == since(register.engine, newest(register.engine) - 1))
    stop.set()
    worker.join()


def test_the_wait_doubles_up_to_the_longest_and_is_left_to_chance_in_part() -> None:
    pace = DeliveryPace()
    for attempts, whole in ((1, 5), (2, 10), (3, 20), (12, 10_240), (40, 6 * 3600)):
        waits = {pace.wait(attempts) for _ in range(50)}
        assert min(waits) >= whole / 2
        assert max(waits) <= whole
        assert len(waits) > 10


def test_a_signature_is_over_the_time_and_the_body() -> None:
    # printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
    known = "b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
    assert signature("secret", 1_700_000_000, b"{}") == f"t=1700000000,v1={known}"


@pytest.mark.parametrize(
    "url",
    [
        "http://nursery.example.org/",
        "https://10.0.0.1/",
        "https://192.168.1.4/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[fe80::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://0.0.0.0/",
        "https://user:secret@nursery.example.org/",
        "https://nursery.example.org:0/",
        "https:///nothing",
        "https://nursery.example.org/hook#here",
        "ftp://nursery.example.org/",
        "file:///etc/passwd",
        "https://nursery.example.org/ x",
        "https://nursery.example.org/\r\nHost: other",
        "gopher://127.0.0.1:11211/",
        "",
    ],
)
def test_an_address_that_may_not_be_sent_to_is_refused_and_not_repeated(url: str) -> None:
    for local in (True, False):
        with pytest.raises(TargetError) as refused:
            check_url(url, local=local)
        assert not url or url not in str(refused.value)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "0x7f000001", "2130706433", "0"])
def test_a_name_is_looked_up_before_it_is_sent_to(name: str) -> None:
    with pytest.raises(TargetError):
        resolve(f"https://{name}/", local=False)


def test_what_is_connected_to_is_what_was_looked_at() -> None:
    target = resolve("https://localhost:8443/events?a=1", local=True)
    assert target.connect_to in (
        "https://127.0.0.1:8443/events?a=1",
        "https://[::1]:8443/events?a=1",
    )
    assert target.url.hostname == "localhost"


def test_only_a_local_environment_sends_to_this_machine(
    client: TestClient, service: Service, key: MakeKey
) -> None:
    headers = key()
    urls = ["https://127.0.0.1/", "https://localhost/", "http://[::1]:80/"]
    for url in urls:
        found = client.post("/v1/webhooks", json={"url": url}, headers=headers)
        assert found.status_code == 201
    object.__setattr__(service, "local", False)
    for url in [*urls, "https://10.0.0.1/", "http://nursery.example.org/"]:
        found = client.post("/v1/webhooks", json={"url": url}, headers=headers)
        assert (found.status_code, found.json()["type"]) == (422, "/v1/problems/refused")
        assert url not in found.text


def test_a_name_that_leads_into_this_network_is_not_sent_to(
    client: TestClient, service: Service, register: Reviewed, key: MakeKey, there: Receiver
) -> None:
    keep(client, key(), there.url)
    register.say("match", UNSURE, AISHA[0])
    strict = Deliverer(service.engine, local=False, pace=PACE)
    strict.round(service.aside)

    def refused() -> bool:
        with reading(service.aside) as connection:
            problem = select(func.max(WebhookDelivery.problem))
            return connection.scalar(problem) == "address not permitted"

    until(refused)
    assert there.requests == []


def test_webhooks_are_their_keeper_s_own_and_their_secret_is_told_once(
    client: TestClient, service: Service, key: MakeKey, there: Receiver
) -> None:
    mine, other = key(), key()
    hook = keep(client, mine, there.url)
    address = f"/v1/webhooks/{hook['id']}"
    assert hook["secret"].startswith("whsec_")
    assert "secret" not in client.get(address, headers=mine).json()
    assert hook["secret"] not in client.get("/v1/webhooks", headers=mine).text
    assert client.get("/v1/webhooks", headers=other).json()["items"] == []
    for path in (address, f"{address}/dead-letters"):
        assert client.get(path, headers=other).status_code == 404
    assert client.delete(address, headers=other).status_code == 404
    assert client.delete(address, headers=mine).status_code == 204
    assert client.get(address, headers=mine).status_code == 404
    assert keep(client, mine, there.url)["id"] != hook["id"]


def test_a_caller_keeps_a_bounded_number_of_webhooks(
    client: TestClient, service: Service, key: MakeKey, there: Receiver
) -> None:
    headers = key()
    for _ in range(20):
        keep(client, headers, there.url)
    one_more = client.post("/v1/webhooks", json={"url": there.url}, headers=headers)
    assert one_more.json()["type"] == "/v1/problems/conflict"
    listed = client.get("/v1/webhooks?limit=15", headers=headers).json()
    rest = client.get(listed["next"], headers=headers).json()
    assert len(listed["items"]) + len(rest["items"]) == 20


def test_making_a_webhook_again_with_its_key_makes_no_second_one(
    client: TestClient, service: Service, key: MakeKey, there: Receiver
) -> None:
    headers = {**key(), "Idempotency-Key": "once-only"}
    assert keep(client, headers, there.url) == keep(client, headers, there.url)
    assert len(client.get("/v1/webhooks", headers=headers).json()["items"]) == 1


def test_who_may_not_keep_webhooks_keeps_none(
    client: TestClient, service: Service, key: MakeKey, there: Receiver
) -> None:
    found = client.post("/v1/webhooks", json={"url": there.url}, headers=key(Role.ANALYST))
    assert found.status_code == 403


def test_an_expired_key_is_told_nothing(
    client: TestClient,
    service: Service,
    register: Reviewed,
    key: MakeKey,
    there: Receiver,
    deliverer: Deliverer,
) -> None:
    keep(client, key(), there.url)
    with writing(service.engine) as connection:
        connection.execute(update(ApiKey).values(expires_at=service.now() - timedelta(days=1)))
    register.say("match", UNSURE, AISHA[0])
    deliverer.round(service.aside)
    with reading(service.aside) as connection:
        assert connection.execute(select(WebhookDelivery.id)).all() == []


def test_a_webhook_is_told_what_its_keeper_may_see_and_the_log_says_so(
    client: TestClient,
    service: Service,
    register: Reviewed,
    key: MakeKey,
    there: Receiver,
    deliverer: Deliverer,
) -> None:
    aisha, writer = register.child(AISHA[1]), key()
    with writing(register.engine) as connection:
        shield(connection, record=AISHA[1], why="a test", by="steward", now=datetime.now(UTC))
    makers = {
        "all": key(cleared=True),
        "one purpose": key(),
        "clinic only": key(sources=["clinic"]),
        "ended": key(sources=["social"]),
    }
    hooks = {name: keep(client, made, f"{there.url}/{name[:3]}")["id"]
             for name, made in makers.items()}  # fmt: skip
    refused = client.post("/v1/webhooks", json={"url": there.url}, headers=key(purposes=[]))
    assert refused.json()["type"] == "/v1/problems/purpose"
    zoltan = put(client, writer, ("social", "z1"), {**ZEBEDEE_SAYS, "forename": "Zoltan"})
    in_clinic = put(client, writer, ("clinic", "z1"), {**ZEBEDEE_SAYS, "surname": "Old"})
    with writing(service.engine) as connection:
        social = select(Source.number).where(Source.name == "social").scalar_subquery()
        own = update(Agreement).where(Agreement.source == social)
        connection.execute(own.values(ends=date(2020, 1, 1)))

    def told(name: str) -> list[str]:
        bodies = [one for one in there.bodies() if one["webhook"] == hooks[name]]
        return list(dict.fromkeys(one["child_id"] for body in bodies for one in body["events"]))

    def all_told(*last: str | None) -> bool:
        deliverer.round(service.aside)
        return [(told(name) or [None])[-1] for name in hooks] == list(last)

    until(lambda: all_told(in_clinic, in_clinic, in_clinic, None))
    with writing(service.engine) as connection:
        connection.execute(own.values(ends=None))
    assert put(client, writer, ("social", "made-up"), {**AISHA_SAYS, "known_as": "Zzyx"}) is None
    in_social = put(client, writer, ("social", "z2"), ZEBEDEE_SAYS)
    until(lambda: all_told(in_social, in_social, in_clinic, in_social))
    assert told("all") == [in_clinic, aisha, in_social]
    assert told("one purpose") == [in_clinic, in_social]
    assert told("clinic only") == [in_clinic]
    assert told("ended") == [in_social]
    assert zoltan not in told("ended")
    with reading(service.aside) as aside:
        entered = aside.execute(
            select(AccessEntered.by, AccessEntered.purpose, AccessEntered.about)
            .where(AccessEntered.route == "delivery to a webhook")
            .order_by(AccessEntered.id)
        ).all()
    names = dict(zip(hooks, (f"key-{number}" for number in range(2, 6)), strict=True))
    for name in hooks:
        mine = [one for one in entered if one.by == names[name]]
        assert {one.purpose for one in mine} == {"early_years"}
        assert list(dict.fromkeys(child for one in mine for child in one.about)) == told(name)


def put(client: TestClient, headers: Headers, one: Key, said: dict[str, str]) -> str | None:
    """The child that is told of a record that is put."""
    found = client.put(record(one), headers=headers, json=said)
    assert found.status_code == 201, found.text
    child_id: str | None = found.json()["child_id"]
    return child_id
