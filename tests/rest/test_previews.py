"""Previews over REST: other rules are tried, then put in force or not."""

import io
import zipfile
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from api.db.engine import reading, writing
from api.db.models import PreviewRow, Run
from api.rest.service import Service
from api.services.access.roles import Role
from api.services.register.kept_rules import last_rules
from api.services.register.queue import queue_counts
from api.services.rules import shipped_rules
from tests.register_service.registers import shipped
from tests.register_service.reviewed import AISHA, UNSURE, Reviewed
from tests.rest.conftest import Headers, MakeKey
from tests.rest.work import do_work


@pytest.fixture
def steward(key: MakeKey) -> Headers:
    return key(Role.STEWARD)


def rules_zip(**changes: str) -> bytes:
    """The shipped rules, some files with other text."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(shipped_rules().rglob("*.yaml")):
            name = path.relative_to(shipped_rules()).as_posix()
            if not name.startswith("models/"):
                archive.writestr(name, changes.get(name, path.read_text(encoding="utf-8")))
    return content.getvalue()


def zip_of(name: str, text: bytes = b"version: 1\n") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return content.getvalue()


def tried(client: TestClient, service: Service, headers: Headers, **sent: Any) -> Any:
    """A preview that is done: its answer."""
    asked = client.post("/v1/previews", headers=headers, **sent)
    assert asked.status_code == 202
    do_work(service)
    return client.get(asked.headers["Location"], headers=headers)


def thresholds(service: Service) -> tuple[float, float]:
    with reading(service.engine) as connection:
        found = last_rules(connection).book.linkage.matching.thresholds
    return found.lower, found.upper


def last_run(service: Service) -> int:
    with reading(service.engine) as connection:
        return connection.scalar(select(Run.id).order_by(Run.id.desc()).limit(1)) or 0


def test_other_thresholds_are_tried_then_put_in_force(
    client: TestClient, service: Service, register: Reviewed, steward: Headers
) -> None:
    run = last_run(service)
    before = register.children()
    done = tried(client, service, steward, data={"lower": "-2.5", "upper": "30"})
    found = done.json()["found"]
    assert found["links"]["lost"] > 0
    assert found["rules"] != shipped().book.content_hash
    assert (register.children(), last_run(service)) == (before, run)
    place = f"/v1/previews/{done.json()['id']}"
    headers = {**steward, "If-Match": done.headers["ETag"]}
    committed = client.post(f"{place}/commit", headers=headers)
    assert (committed.status_code, committed.json()["commit_job"]["state"]) == (202, "queued")
    unchanged = {**steward, "If-None-Match": committed.headers["ETag"]}
    assert client.get(place, headers=unchanged).status_code == 200  # since it goes on
    twice = client.post(f"{place}/commit", headers=headers)
    assert twice.json()["type"] == "/v1/problems/conflict"
    assert client.delete(place, headers=steward).status_code == 409
    do_work(service)
    assert thresholds(service) == (-2.5, 30)
    assert last_run(service) == run + 1
    over = client.get(place, headers=unchanged)
    assert over.json()["commit_job"]["state"] == "done"
    unchanged["If-None-Match"] = f'"x", W/{over.headers["ETag"]}'
    again = client.get(place, headers=unchanged)
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"/v1/runs/{run + 1}", headers=steward).json()["rules"] == found["rules"]


def test_what_would_wait_is_told_as_it_is_and_as_it_then_is(
    client: TestClient, service: Service, steward: Headers
) -> None:
    def waiting() -> dict[str, int]:
        with reading(service.engine) as connection:
            return queue_counts(connection, doubted=True)

    now = waiting()
    done = tried(client, service, steward, data={"lower": "0", "upper": "40"})
    found = done.json()["found"]
    assert found["possible"]["before"] == now["possible_link"]
    assert found["conflicts"]["before"] == now["conflicts"]
    for name in ("links", "possible", "conflicts"):
        moved = found[name]
        assert moved["after"] == moved["before"] + moved["gained"] - moved["lost"]
    assert found["queue_growth"] == found["possible"]["after"] - found["possible"]["before"] != 0
    headers = {**steward, "If-Match": done.headers["ETag"]}
    client.post(f"/v1/previews/{done.json()['id']}/commit", headers=headers)
    do_work(service)
    assert found["possible"]["after"] == waiting()["possible_link"]
    assert found["conflicts"]["after"] == waiting()["conflicts"]


def test_all_that_was_found_is_told(client: TestClient, service: Service, steward: Headers) -> None:
    done = tried(client, service, steward, data={"upper": "30"})
    with writing(service.engine) as connection:
        found = dict(connection.execute(select(PreviewRow.found)).scalar_one())
        found["splits"] = {"count": 3, "of": 2, "children": [["7K3M9QX2RT4VA", "HFC5TSQANDRY9"]]}
        found["conflicts"] = {"before": 11, "gained": 2, "lost": 9, "after": 4}
        connection.execute(update(PreviewRow).values(found=found))
    told = client.get(f"/v1/previews/{done.json()['id']}", headers=steward).json()["found"]
    plain = found.keys() - {"after_run", "measures"}  # told of the preview itself; as measures are
    assert {name: told.get(name) for name in plain} == {name: found[name] for name in plain}


def test_a_directory_of_rules_can_be_tried(
    client: TestClient, service: Service, steward: Headers
) -> None:
    text = (shipped_rules() / "matching.yaml").read_text(encoding="utf-8")
    changed = text.replace("\n  upper: 3\n", "\n  upper: 9\n")
    assert changed != text
    files = {"rules": ("rules.zip", rules_zip(**{"matching.yaml": changed}))}
    found = tried(client, service, steward, files=files).json()
    assert found["rules_sent"] is True
    assert found["job"]["state"] == "done"
    same = tried(client, service, steward, files={"rules": ("r.zip", rules_zip())}).json()
    assert same["found"]["rules"] == shipped().book.content_hash
    links = same["found"]["links"]
    assert links == {"before": links["after"], "gained": 0, "lost": 0, "after": links["before"]}
    assert links["before"] > 0


def test_a_model_can_be_tried(client: TestClient, service: Service, steward: Headers) -> None:
    model = shipped().model
    other = model.model_copy(update={"matches_per_record": model.matches_per_record / 2}).sealed()
    files = {"model": ("model.yaml", other.to_yaml().encode())}
    found = tried(client, service, steward, files=files).json()
    assert found["found"]["model"] == other.content_hash


def test_rules_that_are_wrong_fail_with_file_and_line_and_no_place_of_this_machine(
    client: TestClient, service: Service, steward: Headers
) -> None:
    files = {"rules": ("rules.zip", rules_zip(**{"loading.yaml": "version: 1\ncolour: blue\n"}))}
    found = tried(client, service, steward, files=files).json()
    assert found["job"]["state"] == "failed"
    assert "loading.yaml:" in found["job"]["problem"]
    assert "/tmp" not in found["job"]["problem"]
    assert "rules-" not in found["job"]["problem"]
    etag = client.get(f"/v1/previews/{found['id']}", headers=steward).headers["ETag"]
    headers = {**steward, "If-Match": etag}
    refused = client.post(f"/v1/previews/{found['id']}/commit", headers=headers)
    assert refused.json()["type"] == "/v1/problems/conflict"


def test_whoever_sends_nothing_is_told_what_can_be_sent(
    client: TestClient, steward: Headers
) -> None:
    refused = client.post("/v1/previews", headers=steward)
    assert (refused.status_code, refused.json()["type"]) == (422, "/v1/problems/refused")
    places = [one["place"] for one in refused.json()["errors"]]
    assert places == ["body.rules", "body.model", "body.lower", "body.upper"]


def test_the_part_that_cannot_be_read_is_named(client: TestClient, steward: Headers) -> None:
    broken = {"rules": ("r.zip", b"no zip"), "model": ("m.yaml", b"\xff")}
    for name, file in broken.items():
        refused = client.post("/v1/previews", headers=steward, files={name: file}).json()
        assert refused["type"] == "/v1/problems/refused"
        assert refused["errors"] == [{"place": f"body.{name}", "message": refused["detail"]}]


@pytest.mark.parametrize("files", [{}, {"model": ("m.yaml", b"version: 1")}])
def test_no_field_of_the_form_is_passed_over(
    client: TestClient, steward: Headers, files: dict[str, Any]
) -> None:
    def sent(**data: Any) -> Any:
        return client.post("/v1/previews", headers=steward, data=data, files=files)

    unknown = sent(lower="1", uper="6")
    assert (unknown.status_code, unknown.json()["type"]) == (422, "/v1/problems/invalid")
    told = [{"place": "body.uper", "message": "there is no such field"}]
    assert unknown.json()["errors"] == told
    twice = sent(upper=["6", "7"])
    assert twice.status_code == 400
    assert twice.json()["detail"] == "Name each field of the form once."


def test_a_preview_is_stale_once_there_is_another_run(
    client: TestClient, service: Service, register: Reviewed, steward: Headers
) -> None:
    done = tried(client, service, steward, data={"upper": "30"})
    place = f"/v1/previews/{done.json()['id']}"
    none = client.post(f"{place}/commit", headers=steward)
    assert none.status_code == 428
    register.say("match", UNSURE, AISHA[0])
    headers = {**steward, "If-Match": done.headers["ETag"]}
    stale = client.post(f"{place}/commit", headers=headers)
    assert (stale.status_code, stale.json()["type"]) == (412, "/v1/problems/stale")
    assert thresholds(service) == (-3, 3)


def test_a_run_between_the_commit_and_its_work_stops_it(
    client: TestClient, service: Service, register: Reviewed, steward: Headers
) -> None:
    done = tried(client, service, steward, data={"upper": "30"})
    place = f"/v1/previews/{done.json()['id']}"
    client.post(f"{place}/commit", headers={**steward, "If-Match": done.headers["ETag"]})
    register.say("match", UNSURE, AISHA[0])
    do_work(service)
    assert client.get(place, headers=steward).json()["commit_job"]["state"] == "failed"
    assert thresholds(service) == (-3, 3)


def test_a_preview_with_the_same_key_is_of_the_same_form(
    client: TestClient, steward: Headers
) -> None:
    once = {**steward, "Idempotency-Key": "preview-once"}

    def asked(text: str, upper: str) -> Any:
        files = {"model": ("model.yaml", text.encode())}
        return client.post("/v1/previews", headers=once, files=files, data={"upper": upper})

    first = asked("a: 1", "30")
    assert asked("a: 1", "30").json() == first.json()
    assert asked("a: 2", "30").json()["type"] == "/v1/problems/key-reused"
    assert asked("a: 1", "31").json()["type"] == "/v1/problems/key-reused"


def test_a_discarded_preview_is_worked_on_no_more(
    client: TestClient, service: Service, steward: Headers
) -> None:
    asked = client.post("/v1/previews", data={"upper": "30"}, headers=steward)
    place = asked.headers["Location"]
    assert client.delete(place, headers=steward).status_code == 204
    assert do_work(service) == 0
    assert client.get(place, headers=steward).status_code == 404
    assert client.delete(place, headers=steward).status_code == 404


def test_what_cannot_be_tried_is_refused_and_nothing_is_kept(
    client: TestClient, service: Service, steward: Headers
) -> None:
    bomb = zip_of("matching.yaml", b"#" * 9 * 1024**2)
    wrong: list[tuple[dict[str, Any], int]] = [
        ({}, 422),
        ({"data": {"lower": "much"}}, 422),
        ({"data": {"lower": "nan"}}, 422),
        ({"data": {"lower": "inf"}}, 422),
        ({"data": {"lower": "5", "upper": "4"}}, 422),
        ({"data": {"lower": "90"}}, 422),
        ({"data": {"upper": "-90"}}, 422),
        ({"json": {"lower": 2}}, 415),
        ({"files": {"rules": ("r.zip", b"no zip")}}, 422),
        ({"files": {"rules": ("r.zip", zip_of("../matching.yaml"))}}, 422),
        ({"files": {"rules": ("r.zip", zip_of("/etc/matching.yaml"))}}, 422),
        ({"files": {"rules": ("r.zip", zip_of("a\\b.yaml"))}}, 422),
        ({"files": {"rules": ("r.zip", zip_of("matching.py"))}}, 422),
        ({"files": {"rules": ("r.zip", zip_of("models/mine.yaml"))}}, 422),
        ({"files": {"rules": ("r.zip", zip_of(".hidden.yaml"))}}, 422),
        ({"files": {"rules": ("r.zip", zip_of("matching.yaml", b"\xff\xfe"))}}, 422),
        ({"files": {"rules": ("r.zip", zip_of("matching.yaml", b"a: \x00"))}}, 422),
        ({"files": {"rules": ("r.zip", bomb)}}, 422),
        ({"files": {"model": ("m.yaml", b"\xff")}}, 422),
        ({"files": {"model": ("m.yaml", b"#" * (1024**2 + 1))}}, 413),
        ({"files": {"rules": ("r.zip", b"x" * 3 * 1024**2)}}, 413),
    ]
    for sent, status in wrong:
        found = client.post("/v1/previews", headers=steward, **sent)
        assert found.status_code == status, (sent.keys(), found.text)
        assert found.headers["content-type"] == "application/problem+json"
    with reading(service.engine) as connection:
        assert connection.execute(select(PreviewRow.id)).all() == []


@pytest.mark.parametrize("name", ["lower", "upper"])
@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "much"])
def test_a_threshold_that_is_no_number_is_refused_as_none(
    client: TestClient, steward: Headers, name: str, number: str
) -> None:
    found = client.post("/v1/previews", headers=steward, data={name: number})
    told = {"place": f"body.{name}", "message": "give a number"}
    assert found.status_code == 422
    assert found.json()["errors"] == [told]


def test_only_who_may_change_rules_can_try_others(
    client: TestClient, service: Service, key: MakeKey
) -> None:
    for role in (Role.ANALYST, Role.SYSTEM, Role.AUDITOR):
        found = client.post("/v1/previews", data={"upper": "30"}, headers=key(role))
        assert found.status_code == 403


def test_rules_that_say_otherwise_of_an_agreement_do_so_in_vain_and_the_preview_says_it(
    client: TestClient, service: Service, steward: Headers
) -> None:
    generic = (shipped_rules() / "sources" / "generic.yaml").read_text(encoding="utf-8")
    ending = {"sources/generic.yaml": f"{generic}\nagreement_ends: 2026-11-21\n"}
    sent = {"rules": ("rules.zip", rules_zip(**ending), "application/zip")}
    done = tried(client, service, steward, files=sent)
    named = ["census", "clinic", "registry", "school", "social"]
    assert done.json()["found"]["agreements"] == named
    headers = {**steward, "If-Match": done.headers["ETag"]}
    committed = client.post(f"/v1/previews/{done.json()['id']}/commit", headers=headers)
    assert committed.json()["found"]["agreements"] == named
    do_work(service)
    (census, *_) = client.get("/v1/sources", headers=steward).json()["items"]
    assert census["agreements"][0]["ends"] is None
    plain = tried(client, service, steward, data={"lower": "-3"})
    assert plain.json()["found"]["agreements"] == []


def test_decisions_that_are_contradicted_already_are_counted_apart(
    client: TestClient, steward: Headers, service: Service, register: Reviewed
) -> None:
    register.decide("non_match", AISHA[0], AISHA[1])
    lower, upper = thresholds(service)
    same = {"lower": str(lower), "upper": str(upper + 0.01)}
    found = tried(client, service, steward, data=same).json()["found"]
    assert (found["contradicted"], found["contradicted_already"]) == ([], 1)
