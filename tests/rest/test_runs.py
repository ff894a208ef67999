"""Runs, models, sources and measures over REST."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, func, insert, select

from api.db.engine import reading, writing
from api.db.models import KeptMeasures, ModelFile
from api.rest.service import Service
from api.services.access.roles import Role
from api.services.register import standing
from api.services.register.measures import register_measures
from api.serving import make_ready
from matcher.outcomes import as_dict, protect_all
from tests.register_service.registers import shipped
from tests.register_service.reviewed import AISHA, UNSURE, Reviewed
from tests.register_service.towns import load_town, town_files
from tests.rest.conftest import Headers, MakeKey
from tests.rest.work import as_csv, bring, do_work
from tests.spec.drawn import rows

ONE = rows("""
record_id | forename | surname | date_of_birth | sex | address   | postcode
1         | Aisha    | Malik   | 2014-05-03    | F   | 2 Mill Rd | OL1 1AA
""")


@pytest.fixture
def reader(key: MakeKey) -> Headers:
    return key(Role.AUDITOR)


def test_runs_are_listed_newest_first_with_what_they_did(
    client: TestClient, service: Service, register: Reviewed, key: MakeKey
) -> None:
    steward = key(Role.STEWARD)
    extract = bring(client, steward, as_csv(ONE)).json()["id"]
    do_work(service)
    register.say("match", UNSURE, AISHA[0])
    first = client.get("/v1/runs?limit=1", headers=steward).json()
    second = client.get(first["next"], headers=steward).json()
    assert first["items"][0]["id"] > second["items"][0]["id"]
    decided = f"/v1/runs/{first['items'][0]['id']}"
    assert (first["items"][0]["kind"], first["items"][0]["counts"]) == ("decision", {})
    cleared = key(Role.STEWARD, cleared=True)
    assert client.get(decided, headers=cleared).json()["counts"]["joined"] >= 1
    linked = second["items"][0]
    assert linked["applied"] == [extract]
    assert linked["kind"] == "link"
    assert linked["counts"]["joined"] == 1
    one = client.get(f"/v1/runs/{linked['id']}", headers=steward).json()
    assert one == linked
    assert client.get("/v1/runs/999", headers=steward).status_code == 404
    assert client.get("/v1/runs?cursor=x", headers=steward).status_code == 400


def test_models_are_known_by_their_hash(
    client: TestClient, service: Service, reader: Headers
) -> None:
    listed = client.get("/v1/models", headers=reader).json()["items"]
    known = shipped().model
    assert [(one["hash"], one["in_force"]) for one in listed] == [(known.content_hash, True)]
    one = client.get(f"/v1/models/{known.content_hash}", headers=reader).json()
    assert one["content"] == known.to_yaml()
    assert client.get("/v1/models/nothing", headers=reader).status_code == 404
    hashes = ["c" * 64, "a" * 64, "b" * 64]
    with writing(service.engine) as connection:
        for at, name in enumerate(hashes):
            row = {"hash": name, "content": "x", "first_used_at": datetime(2099, 1, 2 - at % 2)}
            row["first_used_at"] = row["first_used_at"].replace(tzinfo=UTC)
            connection.execute(insert(ModelFile).values(row))
    found, address = [], "/v1/models?limit=1"
    while address:
        page = client.get(address, headers=reader).json()
        found += [one["hash"] for one in page["items"]]
        address = page["next"]
    assert found == ["b" * 64, "c" * 64, "a" * 64, known.content_hash]


def test_sources_come_with_their_agreements_and_last_extract(
    client: TestClient, service: Service, key: MakeKey, reader: Headers
) -> None:
    found = client.get("/v1/sources", headers=reader).json()["items"]
    names = [one["name"] for one in found]
    assert names == sorted(names)
    clinic = next(one for one in found if one["name"] == "clinic")
    assert clinic["latest"]["state"] == "current"
    assert clinic["as_of"] == clinic["latest"]["as_of"] == "2024-09-01"
    assert clinic["agreements"][0]["in_force"] is True
    assert "early_years" in clinic["agreements"][0]["purposes"]
    first = client.get("/v1/sources?limit=2", headers=reader).json()
    rest = client.get(first["next"], headers=reader).json()
    assert [one["name"] for one in first["items"] + rest["items"]] == names[:4]
    scoped = key(Role.ANALYST, sources=["clinic"])
    only = client.get("/v1/sources", headers=scoped).json()["items"]
    assert [one["name"] for one in only] == ["clinic"]


def test_rules_are_read_before_the_first_request(
    client: TestClient, register: Reviewed, key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "_READ", {})
    make_ready(FastAPI(), register.engine)
    monkeypatch.delattr(standing, "kept_rules")
    why = client.get(f"/v1/children/{register.child(AISHA[0])}/why", headers=key())
    assert why.status_code == 200


class TestMeasures:
    """Of a town with activity."""

    @pytest.fixture
    def register(self, engine: Engine, tmp_path: Path) -> Reviewed:
        load_town(engine, town_files(native=True))
        return Reviewed(engine, tmp_path)

    def test_measures_are_computed_once_for_each_run(
        self, client: TestClient, service: Service, register: Reviewed, key: MakeKey
    ) -> None:
        headers = key(Role.MEASURES_READER)
        first = client.get("/v1/measures", headers=headers)
        assert (first.status_code, first.json()["items"]) == (202, [])
        assert first.headers["Retry-After"] == "5"
        again = client.get("/v1/measures", headers=headers).json()
        assert again["job"]["id"] == first.json()["job"]["id"]
        assert do_work(service) == 1
        found = client.get("/v1/measures", headers=headers)
        assert found.status_code == 200
        assert found.json()["run"] == found.json()["last_run"] == 1
        assert do_work(service) == 0
        self.are_those_of_the_register(found.json()["items"], register)
        register.link_anew()
        newer = client.get("/v1/measures", headers=headers)
        assert (newer.status_code, newer.json()["run"], newer.json()["last_run"]) == (202, 1, 2)
        assert newer.json()["items"] == found.json()["items"]
        do_work(service)
        assert client.get("/v1/measures", headers=headers).json()["run"] == 2
        with reading(service.engine) as connection:
            assert connection.scalar(select(func.count()).select_from(KeptMeasures)) == 2

    @staticmethod
    def are_those_of_the_register(told: list[dict[str, Any]], register: Reviewed) -> None:
        with reading(register.engine) as connection:
            known = register_measures(connection, shipped().book)
        assert [one["name"] for one in told] == [one.name for one in known]
        assert any(one.computed for one in known)
        profile = shipped().book.disclosure
        shown_all = protect_all([as_dict(one) for one in known], profile)
        for one, shown in zip(told, shown_all, strict=True):
            assert one["disclosure"] == profile.name
            for name in ("numerator", "denominator", "value", "suppressed", "interval"):
                assert one[name] == shown[name]
            if shown["range"] is not None:
                assert one["range"]["accepted"] == shown["range"]["accepted"]
