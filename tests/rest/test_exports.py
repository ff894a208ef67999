"""Exports over REST: asked for, written by queued work, fetched, and gone after a day."""

import csv
import io
from datetime import timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from api.db.engine import reading, writing
from api.db.models import Agreement, ExportChunk, ExportFile, Source
from api.rest.service import Service
from api.services.access.roles import Role
from api.services.exports import tidy_exports
from tests.register_service.reviewed import AISHA, NOAH, PEOPLE, UNSURE, Reviewed
from tests.rest.conftest import Headers, MakeKey
from tests.rest.people import ids_for, record
from tests.rest.work import do_work


@pytest.fixture
def analyst(key: MakeKey) -> Headers:
    return key(Role.ANALYST)


def fetched(client: TestClient, service: Service, headers: Headers, **asked: Any) -> Any:
    place = client.post("/v1/exports", json=asked, headers=headers).headers["Location"]
    do_work(service)
    found = client.get(f"{place}/content", headers=headers)
    assert found.status_code == 200
    assert int(found.headers["Content-Length"]) == len(found.content)
    return found


def end_agreement(service: Service, source: str) -> None:
    with writing(service.engine) as connection:
        number = select(Source.number).where(Source.name == source).scalar_subquery()
        ended = service.now().date() - timedelta(days=1)
        connection.execute(update(Agreement).where(Agreement.source == number).values(ends=ended))


def rows_of(found: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(found.text)))


def test_an_export_is_written_by_queued_work_and_fetched(
    client: TestClient, service: Service, register: Reviewed, analyst: Headers
) -> None:
    asked = client.post("/v1/exports", json={"what": "crosswalk"}, headers=analyst)
    assert (asked.status_code, asked.json()["job"]["state"]) == (202, "queued")
    place = asked.headers["Location"]
    early = client.get(f"{place}/content", headers=analyst)
    assert early.json()["type"] == "/v1/problems/conflict"
    do_work(service)
    seen = client.get(place, headers=analyst).json()
    found = client.get(f"{place}/content", headers=analyst)
    rows = rows_of(found)
    assert seen["rows"] == len(rows)
    assert found.headers["content-disposition"] == 'attachment; filename="crosswalk.csv"'
    of = {(one["source"], one["record_id"]): one["child_id"] for one in rows}
    assert of[AISHA[0]] == of[AISHA[1]] == register.child(AISHA[0])


@pytest.mark.parametrize("what", ["crosswalk", "links", "register", "events"])
def test_parquet_says_what_csv_says(
    client: TestClient, service: Service, analyst: Headers, what: str
) -> None:
    text = rows_of(fetched(client, service, analyst, what=what))
    binary = fetched(client, service, analyst, what=what, format="parquet")
    table = pq.read_table(io.BytesIO(binary.content))
    assert table.column_names == list(text[0])
    plain = [
        {name: "" if value is None else str(value) for name, value in row.items()}
        for row in table.to_pylist()
    ]
    assert plain == text


def test_only_sources_that_may_be_seen_are_in_an_export(
    client: TestClient, service: Service, key: MakeKey, register: Reviewed
) -> None:
    scoped = key(Role.ANALYST, sources=["clinic"])
    crosswalk = rows_of(fetched(client, service, scoped, what="crosswalk"))
    assert {one["source"] for one in crosswalk} == {"clinic"}
    links = rows_of(fetched(client, service, scoped, what="links"))
    assert {one[side] for one in links for side in ("source_l", "source_r")} <= {"clinic"}
    golden = rows_of(fetched(client, service, scoped, what="register"))
    assert {one["child_id"] for one in golden} == {one["child_id"] for one in crosswalk}
    told = {value for one in golden for name, value in one.items() if name.endswith("_source")}
    assert told <= {"clinic", ""}
    for one in golden:
        assert all(
            not one[name.removesuffix("_source")] for name in one
            if name.endswith("_source") and not one[name]
        )  # fmt: skip
    events = rows_of(fetched(client, service, scoped, what="events"))
    assert {one["source"] for one in events} == {"clinic", ""}


def test_what_may_be_seen_is_decided_when_the_export_is_written(
    client: TestClient, service: Service, analyst: Headers
) -> None:
    place = client.post("/v1/exports", json={"what": "crosswalk"}, headers=analyst)
    end_agreement(service, "clinic")
    do_work(service)
    found = client.get(f"{place.headers['Location']}/content", headers=analyst)
    assert "clinic" not in {one["source"] for one in rows_of(found)}


def test_no_export_tells_where_a_shielded_child_lives(
    client: TestClient, service: Service, register: Reviewed, key: MakeKey
) -> None:
    child = register.child(AISHA[0])
    register.shield(AISHA[0])
    for cleared in (False, True):
        headers = key(Role.ANALYST, cleared=cleared)
        golden = rows_of(fetched(client, service, headers, what="register"))
        own = next(one for one in golden if one["child_id"] == child)
        assert own["surname"] == "Malik"
        assert not own["postcode"]
        assert not own["address"]


def test_no_export_leads_from_one_severed_child_to_the_other(
    client: TestClient, service: Service, register: Reviewed, analyst: Headers
) -> None:
    run = client.get("/v1/runs", headers=analyst).json()["items"][0]["id"]
    register.sever([AISHA[0]], AISHA[1:])
    own, other = register.child(AISHA[0]), register.child(AISHA[1])
    links = rows_of(fetched(client, service, analyst, what="links"))
    pairs = [
        {(one["source_l"], one["record_id_l"]), (one["source_r"], one["record_id_r"])}
        for one in links
    ]
    assert {AISHA[0], AISHA[1]} not in pairs
    then = rows_of(fetched(client, service, analyst, what="crosswalk", as_of=run))
    held = {(one["source"], one["record_id"]): one["child_id"] for one in then}
    assert held.get(AISHA[0]) is None or held.get(AISHA[1]) is None
    events = rows_of(fetched(client, service, analyst, what="events"))
    mine = {one["child_id"] for one in events if (one["source"], one["record_id"]) == AISHA[0]}
    theirs = {one["child_id"] for one in events if (one["source"], one["record_id"]) == AISHA[1]}
    assert (mine, theirs) == ({own}, {other})


@pytest.mark.parametrize("act", ["shield", "severance", "agreement"])
def test_a_file_from_before_a_shield_a_severance_or_the_end_of_an_agreement_is_not_handed_out(
    client: TestClient, service: Service, register: Reviewed, analyst: Headers, act: str
) -> None:
    place = client.post("/v1/exports", json={"what": "register"}, headers=analyst)
    do_work(service)
    address = place.headers["Location"]
    assert client.get(f"{address}/content", headers=analyst).status_code == 200
    if act == "shield":
        register.shield(AISHA[0])
    elif act == "severance":
        register.sever([AISHA[0]], AISHA[1:])
    else:
        end_agreement(service, "clinic")
    for rest in ("", "/content"):
        over = client.get(f"{address}{rest}", headers=analyst)
        assert (over.status_code, over.json()["type"]) == (410, "/v1/problems/gone")
        assert "again" in over.json()["detail"]
    assert fetched(client, service, analyst, what="register").status_code == 200


def test_links_tell_nothing_that_why_hides(
    client: TestClient, service: Service, register: Reviewed, key: MakeKey, analyst: Headers
) -> None:
    upn = {"upn": "B801200005001"}
    register.load_people(
        [
            {**who, **(upn if (who["source"], who["record_id"]) in AISHA[:2] else {})}
            for who in PEOPLE
        ]
    )
    run = client.get("/v1/runs", headers=analyst).json()["items"][0]["id"]
    register.shield(AISHA[0])
    register.link_anew()
    register.say("match", UNSURE, NOAH)
    why = client.get(record(AISHA[0], "/why"), headers=key()).json()["items"]
    (told,) = [
        one
        for one in why
        if {one["left"]["source"], one["right"]["source"]} == {AISHA[0][0], AISHA[1][0]}
        and AISHA[1][1] in (one["left"]["record_id"], one["right"]["record_id"])
    ]
    assert told["withheld"]

    def linked(headers: Headers, **asked: Any) -> dict[str, str]:
        rows = rows_of(fetched(client, service, headers, what="links", **asked))
        (own,) = [
            one
            for one in rows
            if {(one[f"source_{side}"], one[f"record_id_{side}"]) for side in "lr"}
            == set(AISHA[:2])
        ]
        return own

    for headers in (analyst, key(Role.ANALYST, cleared=True)):
        now, then = linked(headers), linked(headers, as_of=run)
        for found in (now, then):
            assert "UPN" not in found["reason"]
            assert "address" not in found["reason"]
            assert "forename is the same" in found["reason"]
        assert float(now["match_weight"]) == pytest.approx(told["weight"], abs=0.002)
        assert float(then["match_weight"]) == pytest.approx(told["weight"], abs=0.5)


def test_values_of_a_past_run_are_not_those_of_the_other_identity(
    client: TestClient, service: Service, register: Reviewed, analyst: Headers
) -> None:
    run = client.get("/v1/runs", headers=analyst).json()["items"][0]["id"]
    child = register.child(AISHA[0])
    register.sever([AISHA[0]], AISHA[1:])
    rows = rows_of(fetched(client, service, analyst, what="register", as_of=run))
    (own,) = [one for one in rows if one["child_id"] == child]
    assert set(own.values()) == {child, ""}
    now = rows_of(fetched(client, service, analyst, what="register"))
    assert [one["surname"] for one in now if one["child_id"] == child] == ["Malik"]


def test_a_record_id_that_may_not_be_told_is_in_no_export(
    client: TestClient, service: Service, register: Reviewed, analyst: Headers
) -> None:
    ids_for(service, "school", "education")
    for what in ("crosswalk", "links", "events"):
        rows = rows_of(fetched(client, service, analyst, what=what))
        assert rows
        assert not {"school"} & {value for one in rows for value in one.values()}
    golden = rows_of(fetched(client, service, analyst, what="register"))
    assert register.child(AISHA[0]) in {one["child_id"] for one in golden}


def test_an_export_is_its_caller_s_own_and_its_purpose_s(
    client: TestClient, service: Service, key: MakeKey
) -> None:
    mine = key(Role.ANALYST, purposes=["early_years", "education"])
    place = client.post("/v1/exports", json={"what": "crosswalk"}, headers=mine)
    do_work(service)
    address = place.headers["Location"]
    other = key(Role.ANALYST)
    for path in (address, f"{address}/content"):
        assert client.get(path, headers=other).status_code == 404
        assert client.get(path, headers={**mine, "Purpose": "education"}).status_code == 404
        assert client.get(path, headers=mine).status_code == 200


def test_an_export_is_gone_after_a_day(
    client: TestClient, service: Service, analyst: Headers
) -> None:
    place = client.post("/v1/exports", json={"what": "crosswalk"}, headers=analyst)
    do_work(service)
    with writing(service.engine) as connection:
        long_ago = service.now() - timedelta(days=1, seconds=1)
        connection.execute(update(ExportFile).values(created_at=long_ago))
    address = place.headers["Location"]
    assert client.get(address, headers=analyst).status_code == 404
    assert client.get(f"{address}/content", headers=analyst).status_code == 404
    tidy_exports(service.engine)
    with reading(service.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(ExportChunk)) == 0


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"what": "everything"}, 422),
        ({"what": "crosswalk", "format": "xml"}, 422),
        ({"what": "crosswalk", "as_of": 999}, 422),
        ({"what": "crosswalk", "as_of": 2**63}, 422),
        ({"what": "crosswalk", "as_of": 0}, 422),
        ({"what": "crosswalk", "file": "/etc/passwd"}, 422),
        ({}, 422),
    ],
)
def test_an_export_that_cannot_be_is_refused(
    client: TestClient, analyst: Headers, asked: dict[str, Any], status: int
) -> None:
    assert client.post("/v1/exports", json=asked, headers=analyst).status_code == status


def test_an_export_as_of_a_run_that_never_was_names_the_field(
    client: TestClient, analyst: Headers
) -> None:
    asked = {"what": "crosswalk", "as_of": 99}
    (error,) = client.post("/v1/exports", json=asked, headers=analyst).json()["errors"]
    assert error["place"] == "body.as_of"
    assert "there was no such run; the last one is" in error["message"]


def test_links_of_a_past_run_are_as_they_were_then(
    client: TestClient, service: Service, register: Reviewed, analyst: Headers
) -> None:
    then = fetched(client, service, analyst, what="links").content
    register.say("match", UNSURE, AISHA[0])
    assert fetched(client, service, analyst, what="links").content != then
    assert fetched(client, service, analyst, what="links", as_of=1).content == then
