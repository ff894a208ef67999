"""Extracts over REST: brought, watched, decided on."""

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from api.db.engine import reading
from api.db.models import Access as Seen
from api.db.models import Extract, ExtractChunk, Source
from api.rest.service import Service
from api.services.access.roles import Role
from tests.register_service.reviewed import Reviewed
from tests.rest.conftest import Headers, MakeKey
from tests.rest.people import ids_for
from tests.rest.work import as_csv, bring, do_work
from tests.spec.drawn import rows

PEOPLE = rows("""
record_id | forename | surname | date_of_birth | sex | address   | postcode
1         | Aisha    | Malik   | 2014-05-03    | F   | 2 Mill Rd | OL1 1AA
2         | Noah     | Quigley | 2011-11-20    | M   | 9 Ash Gr  | OL4 3PP
""")
BAD_DATES = rows("""
record_id | forename | surname | date_of_birth | sex | address   | postcode
1         | Aisha    | Malik   | 2014-05-03    | F   | 2 Mill Rd | OL1 1AA
2         | Noah     | Quigley | the 20th      | M   | 9 Ash Gr  | OL4 3PP
3         | Noah     | Quigley | yesterday     | M   | 9 Ash Gr  | OL4 3PP
""")

CUT_SHORT = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1"


def type_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["type"].rpartition("/")[2]


def extracts(service: Service) -> int:
    with reading(service.engine) as connection:
        return connection.scalar(select(func.count()).select_from(Extract)) or 0


def waiting(client: TestClient, service: Service, steward: Headers) -> str:
    """An extract that waits for a person, since too many of its rows are rejects."""
    people = [
        {**PEOPLE[0], "record_id": str(n), "date_of_birth": "soon" if n % 2 else "2014-05-03"}
        for n in range(60)
    ]
    found = bring(client, steward, as_csv(people))
    do_work(service)
    return str(found.headers["Location"])


@pytest.fixture
def steward(key: MakeKey) -> Headers:
    return key(Role.STEWARD)


def test_an_extract_is_taken_validated_and_linked_by_queued_work(
    client: TestClient, service: Service, register: Reviewed, steward: Headers
) -> None:
    found = bring(client, steward, as_csv(PEOPLE))
    assert found.status_code == 202
    assert found.json()["state"] == "received"
    assert found.json()["job"]["state"] == "queued"
    place = found.headers["Location"]
    assert do_work(service) == 1
    seen = client.get(place, headers=steward).json()
    assert (seen["state"], seen["job"]["state"]) == ("current", "done")
    assert seen["report"]["records"] == 2
    assert register.together(("library", "1"), ("school", "1"))


def test_the_same_content_again_is_the_extract_that_is_there(
    client: TestClient, service: Service, steward: Headers
) -> None:
    first = bring(client, steward, as_csv(PEOPLE))
    again = bring(client, steward, as_csv(PEOPLE))
    assert again.status_code == 200
    assert again.json()["id"] == first.json()["id"]
    do_work(service)
    once_more = bring(client, steward, as_csv(PEOPLE))
    assert (once_more.status_code, once_more.json()["state"]) == (200, "current")


def test_the_same_content_again_tells_what_was_put_or_deleted_since(
    client: TestClient, service: Service, steward: Headers, key: MakeKey
) -> None:
    first = bring(client, steward, as_csv(PEOPLE))
    assert first.json()["changed_since"] == 0
    do_work(service)
    again = bring(client, steward, as_csv(PEOPLE))
    assert (again.status_code, again.json()["changed_since"]) == (200, 0)
    system = key(Role.SYSTEM)
    for record in ("1", "2"):
        gone = client.delete(f"/v1/sources/library/records/{record}", headers=system)
        assert gone.status_code == 200
    said = {"forename": "Noah", "surname": "Quigly", "date_of_birth": "2011-11-20"}
    client.put("/v1/sources/library/records/2", headers=system, json=said)
    again = bring(client, steward, as_csv(PEOPLE))
    assert (again.status_code, again.json()["changed_since"]) == (200, 2)
    later = bring(client, steward, as_csv(PEOPLE), as_of="2024-09-02")
    assert (later.status_code, later.json()["changed_since"]) == (202, 0)


def test_a_request_made_again_with_its_key_is_answered_as_before(
    client: TestClient, service: Service, steward: Headers
) -> None:
    headers = {**steward, "Idempotency-Key": "monday-morning"}
    first = bring(client, headers, as_csv(PEOPLE))
    do_work(service)
    again = bring(client, headers, as_csv(PEOPLE))
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"


def test_another_file_or_form_with_the_same_key_is_refused_and_not_dropped(
    client: TestClient, steward: Headers
) -> None:
    headers = {**steward, "Idempotency-Key": "monday-morning"}
    bring(client, headers, as_csv(PEOPLE))
    longer = [{**PEOPLE[0], "forename": "Aysha"}, PEOPLE[1]]  # of the same length
    for again in (
        bring(client, headers, as_csv(longer)),
        bring(client, headers, as_csv(PEOPLE), as_of="2024-09-02"),
        bring(client, headers, as_csv(PEOPLE), name="extract.txt"),
    ):
        assert type_of(again) == (422, "key-reused")


def test_an_extract_of_a_day_to_come_is_refused(
    client: TestClient, service: Service, steward: Headers
) -> None:
    before = extracts(service)
    tomorrow = datetime.now(ZoneInfo("Europe/London")).date() + timedelta(days=1)
    for day in ("2099-01-01", "2999-01-01", str(tomorrow)):
        found = bring(client, steward, as_csv(PEOPLE), as_of=day)
        assert type_of(found) == (422, "refused")
        assert found.json()["errors"][0]["place"] == "body.as_of"
    assert extracts(service) == before


def test_an_extract_that_is_as_it_was_known_is_not_told_again(
    client: TestClient, service: Service, steward: Headers
) -> None:
    brought = bring(client, steward, as_csv(PEOPLE))
    place, known = (
        brought.headers["Location"],
        {**steward, "If-None-Match": brought.headers["ETag"]},
    )
    assert client.get(place, headers=known).status_code == 200  # since work on it goes on
    do_work(service)
    done = client.get(place, headers=known)
    assert done.json()["state"] == "current"
    known["If-None-Match"] = done.headers["ETag"]
    assert client.get(place, headers=known).status_code == 304


def test_rejects_are_told_in_pages_and_as_a_file_without_values(
    client: TestClient, service: Service, steward: Headers
) -> None:
    place = bring(client, steward, as_csv(BAD_DATES)).headers["Location"]
    do_work(service)
    first = client.get(f"{place}/rejects?limit=1", headers=steward).json()
    second = client.get(first["next"], headers=steward).json()
    assert [one["row"] for one in first["items"] + second["items"]] == [3, 4]
    assert second["next"] is None
    file = client.get(f"{place}/rejects.csv", headers=steward)
    assert file.headers["content-type"].startswith("text/csv")
    lines = file.text.splitlines()
    assert lines[0] == "file,row,record_id,column,code,message"
    assert len(lines) == 3
    assert "the 20th" not in file.text
    assert "Quigley" not in file.text


def _told_ids(client: TestClient, place: str, headers: Headers) -> list[str | None]:
    """Of each reject the id of its record, which the file tells as the pages do."""
    listed = client.get(f"{place}/rejects", headers=headers).json()["items"]
    file = client.get(f"{place}/rejects.csv", headers=headers).text
    told = [one["record_id"] for one in listed]
    assert [row["record_id"] or None for row in csv.DictReader(io.StringIO(file))] == told
    return told


def test_which_record_a_reject_is_about_is_told_to_those_who_may_see_ids_and_noted(
    client: TestClient, service: Service, steward: Headers, key: MakeKey
) -> None:
    place = bring(client, steward, as_csv(BAD_DATES)).headers["Location"]
    do_work(service)
    auditor, elsewhere = key(Role.AUDITOR), key(Role.STEWARD, purpose="a_study")
    silent = {
        "Authorization": key(Role.STEWARD, purposes=["early_years", "education"])["Authorization"]
    }
    for other in (auditor, elsewhere, silent):
        assert _told_ids(client, place, other) == [None, None]
    with reading(service.aside) as connection:
        assert connection.scalars(select(Seen.about)).all() == []
    assert _told_ids(client, place, steward) == ["2", "3"]
    with reading(service.aside) as connection:
        about = connection.scalars(select(Seen.about)).all()
    assert about == [[place.removeprefix("/v1/extracts/").join(("extract ", ""))]] * 2
    ids_for(service, "library", "education")
    assert _told_ids(client, place, steward) == [None, None]


def test_of_an_extract_that_a_newer_one_follows_no_reject_names_its_record(
    client: TestClient, service: Service, steward: Headers
) -> None:
    place = bring(client, steward, as_csv(BAD_DATES)).headers["Location"]
    do_work(service)
    later = bring(client, steward, as_csv(BAD_DATES[:2]), as_of="2024-09-02")
    do_work(service)
    assert _told_ids(client, place, steward) == [None, None]
    assert _told_ids(client, later.headers["Location"], steward) == ["2"]


def test_what_waits_for_a_person_is_linked_once_it_is_accepted(
    client: TestClient, service: Service, steward: Headers
) -> None:
    place = waiting(client, service, steward)
    seen = client.get(place, headers=steward)
    assert seen.json()["state"] == "validated"
    assert [stop["code"] for stop in seen.json()["report"]["stops"]] == ["rejects"]
    accepted = client.post(f"{place}/accept", headers={**steward, "If-Match": seen.headers["ETag"]})
    assert (accepted.status_code, accepted.json()["state"]) == (202, "accepted")
    assert accepted.headers["ETag"] != seen.headers["ETag"]
    do_work(service)
    assert client.get(place, headers=steward).json()["state"] == "current"


def test_a_report_that_does_not_hold_any_more_is_read_again_before_it_is_accepted(
    client: TestClient, service: Service, steward: Headers
) -> None:
    place = waiting(client, service, steward)
    bring(client, steward, as_csv(PEOPLE))
    do_work(service)
    for _ in range(2):
        seen = client.get(place, headers=steward)
        headers = {**steward, "If-Match": seen.headers["ETag"]}
        answer = client.post(f"{place}/accept", headers=headers)
        if answer.status_code == 202:
            break
        assert type_of(answer) == (412, "stale")
        assert client.get(place, headers=steward).headers["ETag"] != seen.headers["ETag"]
    assert [stop["code"] for stop in seen.json()["report"]["stops"]] == ["rejects", "same_date"]
    assert answer.json()["state"] == "accepted"


def test_a_decision_names_the_state_that_it_is_made_on(
    client: TestClient, service: Service, steward: Headers
) -> None:
    place = waiting(client, service, steward)
    why = {"why": "another area's list"}
    tag = client.get(place, headers=steward).headers["ETag"]
    none = client.post(f"{place}/refuse", json=why, headers=steward)
    assert type_of(none) == (428, "precondition-required")
    stale = client.post(f"{place}/refuse", json=why, headers={**steward, "If-Match": '"old"'})
    assert type_of(stale) == (412, "stale")
    refused = client.post(f"{place}/refuse", json=why, headers={**steward, "If-Match": tag})
    assert (refused.json()["state"], refused.json()["refusal"]) == ("refused", why["why"])
    fresh = {**steward, "If-Match": refused.headers["ETag"]}
    assert type_of(client.post(f"{place}/accept", headers=fresh)) == (409, "conflict")
    with reading(service.engine) as connection:
        number = int(place.rpartition("/")[2])
        kept = select(ExtractChunk.number).where(ExtractChunk.extract == number)
        assert connection.execute(kept).first() is None


def test_what_a_withdrawn_extract_did_is_undone(
    client: TestClient, service: Service, register: Reviewed, steward: Headers
) -> None:
    place = bring(client, steward, as_csv(PEOPLE)).headers["Location"]
    do_work(service)
    assert register.together(("library", "1"), ("school", "1"))
    tag = client.get(place, headers=steward).headers["ETag"]
    asked = {**steward, "If-Match": tag}
    for said in ({}, {"why": ""}, {"why": "a slip", "more": 1}):
        assert client.post(f"{place}/withdraw", headers=asked, json=said).status_code == 422
    withdrawn = client.post(f"{place}/withdraw", headers=asked, json={"why": "a slip"})
    told = withdrawn.json()
    assert (withdrawn.status_code, told["state"]) == (202, "withdrawn")
    assert (told["refusal"], told["withdrawal"]) == (None, "a slip")
    do_work(service)
    assert client.get(place, headers=steward).json()["undone_run"] is not None


def test_extracts_are_listed_newest_first_by_source_and_state(
    client: TestClient, service: Service, steward: Headers
) -> None:
    bring(client, steward, as_csv(PEOPLE))
    bring(client, steward, as_csv(PEOPLE), source="nursery")
    found = client.get("/v1/extracts?limit=1", headers=steward).json()
    assert [one["source"] for one in found["items"]] == ["nursery"]
    page = client.get(found["next"], headers=steward).json()
    assert [one["source"] for one in page["items"]] == ["library"]
    own = client.get("/v1/extracts?source=library&state=received", headers=steward).json()
    assert [one["source"] for one in own["items"]] == ["library"]
    assert client.get("/v1/extracts?state=lost", headers=steward).status_code == 422


def test_a_key_for_some_sources_brings_and_sees_only_theirs(
    client: TestClient, service: Service, key: MakeKey, steward: Headers
) -> None:
    scoped = key(Role.ANALYST, sources=["library"])
    assert type_of(bring(client, scoped, as_csv(PEOPLE), source="nursery")) == (403, "forbidden")
    assert bring(client, scoped, as_csv(PEOPLE)).status_code == 202
    other = bring(client, steward, as_csv(PEOPLE), source="nursery").headers["Location"]
    assert client.get(other, headers=scoped).status_code == 404
    listed = client.get("/v1/extracts", headers=scoped).json()["items"]
    assert [one["source"] for one in listed] == ["library"]


def test_no_refusal_names_a_source_that_the_key_is_not_for(
    client: TestClient, service: Service, steward: Headers, key: MakeKey
) -> None:
    content = as_csv(PEOPLE)
    there = f"extract {bring(client, steward, content, source='tribal').json()['id']}"
    for_both = key(Role.ANALYST, sources=["estart", "tribal"])
    for who in (steward, for_both):
        named = bring(client, who, content, source="estart")
        assert type_of(named) == (422, "refused")
        assert f"as {there} of tribal" in named.json()["detail"]
    scoped = bring(client, key(Role.ANALYST, sources=["estart"]), content, source="estart")
    assert type_of(scoped) == (422, "refused")
    assert "as an extract of another source" in scoped.json()["detail"]
    assert "tribal" not in scoped.text and there not in scoped.text


def test_whoever_brings_what_is_not_known_is_told_of_no_source_that_the_key_is_not_for(
    client: TestClient, steward: Headers, key: MakeKey
) -> None:
    unsaid = {"source": "estrt", "new_source": "false"}
    refused = bring(client, steward, as_csv(PEOPLE), **unsaid)
    assert type_of(refused) == (400, "unknown-source")
    assert "did you mean estart" in refused.text and "clinic" in refused.text
    for sources, named in ((["estrt"], False), (["estrt", "estart"], True)):
        scoped = bring(client, key(Role.ANALYST, sources=sources), as_csv(PEOPLE), **unsaid)
        assert type_of(scoped) == (400, "unknown-source")
        assert ("did you mean estart?" in scoped.text) is named
        assert "clinic" not in scoped.text and "swift" not in scoped.text
        assert "new_source=true" in scoped.json()["detail"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"source": "Not a name"}, 422),
        ({"as_of": "yesterday"}, 422),
        ({"mode": "whole"}, 422),
        ({"colour": "blue"}, 422),
        ({"source": "a\x00b"}, 422),
        ({"source": "x" * 5000}, 400),
    ],
)
def test_a_form_that_says_what_cannot_be_is_refused_without_repeating_it(
    client: TestClient,
    service: Service,
    steward: Headers,
    fields: dict[str, str],
    status: int,
) -> None:
    before = extracts(service)
    found = bring(client, steward, as_csv(PEOPLE), **fields)
    assert found.status_code == status
    assert not any(value in found.text for value in fields.values())
    assert extracts(service) == before
    assert list(service.uploads.iterdir()) == []


def test_a_mode_that_there_is_not_is_refused_with_those_that_there_are(
    client: TestClient, steward: Headers
) -> None:
    (error,) = bring(client, steward, as_csv(PEOPLE), mode="bogus").json()["errors"]
    assert error == {"place": "body.mode", "message": "give 'snapshot' or 'delta'"}


@pytest.mark.parametrize("name", ["../../evil.csv", "/etc/passwd", "a\\..\\b.csv", "Malik.sh"])
def test_a_file_s_name_leads_nowhere_and_is_kept_nowhere(
    client: TestClient, service: Service, steward: Headers, name: str
) -> None:
    parent = service.uploads.parent
    before = set(parent.iterdir())
    found = bring(client, steward, as_csv(PEOPLE), name=name)
    assert found.status_code == 202
    assert list(service.uploads.iterdir()) == []
    assert {path.name for path in set(parent.iterdir()) - before if "evil" in path.name} == set()
    assert not Path("/etc/passwd.csv").exists()
    assert "Malik" not in found.text


def test_more_than_may_be_uploaded_is_refused_and_nothing_stays(
    service: Service, client: TestClient, steward: Headers
) -> None:
    object.__setattr__(service, "largest_upload", 3 * 1024 * 1024)
    most = bring(client, steward, b"x" * (3 * 1024 * 1024))
    assert type_of(most) == (413, "too-large")

    def without_length() -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        for _ in range(4):
            yield b"x" * 1024 * 1024

    headers = {**steward, "Content-Type": "multipart/form-data; boundary=b"}
    found = client.post("/v1/extracts", content=without_length(), headers=headers)
    assert type_of(found) == (413, "too-large")
    assert list(service.uploads.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"", "multipart/form-data", 415),
        (b"nothing", "multipart/form-data; boundary=b", 400),
        (CUT_SHORT, "multipart/form-data; boundary=b", 400),
        (b"--b\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b", 400),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 422),
    ],
)  # fmt: skip
def test_what_is_no_whole_form_is_refused(
    client: TestClient, service: Service, steward: Headers, body: bytes, kind: str, status: int
) -> None:
    before = extracts(service)
    found = client.post("/v1/extracts", content=body, headers={**steward, "Content-Type": kind})
    assert found.status_code == status
    assert found.headers["content-type"] == "application/problem+json"
    assert extracts(service) == before
    assert list(service.uploads.iterdir()) == []


def test_nobody_without_the_right_can_send_anything_to_the_disk(
    client: TestClient, service: Service, key: MakeKey
) -> None:
    written = []

    def body() -> Any:
        written.append(1)
        yield b"--b\r\n"

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    reader = key(Role.MEASURES_READER)
    for headers, status in (({}, 401), (reader, 403)):
        found = client.post("/v1/extracts", content=body(), headers={**kind, **headers})
        assert found.status_code == status
    assert list(service.uploads.iterdir()) == []


def test_an_unknown_source_with_a_file_of_an_unknown_form_is_refused(
    client: TestClient, steward: Headers
) -> None:
    found = bring(client, steward, b"a,b\n1,2\n")
    assert type_of(found) == (400, "unknown-source")
    assert "a,b" not in found.text


def test_a_source_that_nobody_knows_is_begun_only_by_an_extract_that_says_so(
    client: TestClient, service: Service, steward: Headers, key: MakeKey
) -> None:
    for said in ({"new_source": "false"}, {}):
        form = {"source": "scholo", "as_of": "2024-09-01", **said}
        file = {"file": ("extract.csv", as_csv(PEOPLE))}
        found = client.post("/v1/extracts", data=form, files=file, headers=steward)
        assert type_of(found) == (400, "unknown-source")
        assert "did you mean school?" in found.json()["detail"]
        assert found.json()["detail"].endswith("say so: new_source=true")
    slip = client.put("/v1/sources/scholo/records/1", json={"surname": "Lees"}, headers=key())
    assert type_of(slip) == (400, "unknown-source")
    assert slip.json()["detail"] == "Did you mean school?"
    with reading(service.engine) as connection:
        assert "scholo" not in set(connection.scalars(select(Source.name)))
    wrong = bring(client, steward, as_csv(PEOPLE), new_source="yes")
    assert type_of(wrong) == (422, "invalid")
    assert bring(client, steward, as_csv(PEOPLE), source="scholo").status_code == 202
