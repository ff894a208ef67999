"""Where a shielded child lives cannot be found by writing records until the answer changes."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.db.engine import reading, writing
from api.db.models import Record, Shield
from api.rest.service import Service
from api.services.access.roles import Role
from api.services.delivering import Deliverer, DeliveryPace
from api.services.register import shielding, shields
from api.services.register.exporting import Export, export
from api.services.register.searching import count_records, search_records
from matcher.register import replay
from tests.register_service.registers import Key
from tests.register_service.reviewed import AISHA, NOAH, PEOPLE, UNSURE, Reviewed
from tests.rest.conftest import Headers, MakeKey
from tests.rest.people import AISHA_SAYS, ZEBEDEE_SAYS, child, record
from tests.rest.receiver import receiver
from tests.rest.work import as_csv, bring, do_work
from tests.web.odd_files import as_zip

SCHOOL, CLINIC, SOCIAL = AISHA
HOME = {"address": "2 Mill Rd", "postcode": "OL1 1AA"}
ELSEWHERE = {"address": "9 Ash Gr", "postcode": "OL4 3PP"}
# Enough with the right home, and not without.
MADE_UP = {"forename": "Aisha", "surname": "Malik", "known_as": "Zzyx"}
WHOLE = {**AISHA_SAYS, "known_as": "Zzyx", "date_of_birth": "2014-05-03"}


@pytest.fixture
def shielded(register: Reviewed) -> str:
    """Aisha, from now on; her id."""
    with writing(register.engine) as connection:
        shielding.shield(
            connection, record=CLINIC, why="a test", by="steward", now=datetime.now(UTC)
        )
    return register.child(CLINIC)


def observed(client: TestClient, own: Headers, one: Key, aisha: str, put: Any) -> dict[str, Any]:
    """All that somebody is told around a record that they put, without what is always another."""
    unlike = {"run", "from_run", "at", "request_id", "id", "source", "record_id", "next", "after"}

    def plain(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: plain(value) for name, value in part.items() if name not in unlike}
        return [plain(value) for value in part] if isinstance(part, list) else part

    def told(answer: Any) -> Any:
        return answer.status_code, plain(answer.json())

    found = {f"record{rest}": told(client.get(record(one, rest), headers=own))
             for rest in ("", "/child", "/why", "/history", "/crosswalk")}  # fmt: skip
    for rest in ("", "/records", "/history", "/journey", "/family", "/why"):
        found[f"child{rest}"] = told(client.get(child(aisha, rest), headers=own))
    for name, asked in {
        "/v1/crosswalk": {"records": [{"source": one[0], "record_id": one[1]}]},
        "/v1/children/search": {"forename": put["forename"], "source": one[0]},
        "/v1/match": {"person": put},
    }.items():
        found[name] = told(client.post(name, headers=own, json=asked))
    run = client.get("/v1/runs?limit=1", headers=own).json()
    then = f"?as_of={run['items'][0]['id']}"
    found["child then"] = told(client.get(child(aisha, then), headers=own))
    found["run"] = plain(run["items"][0]["counts"])
    found["crossed"] = told(client.get(record(SCHOOL, "/crosswalk"), headers=own))
    return found


@pytest.mark.parametrize("said", [MADE_UP, WHOLE, {**WHOLE, "nhs_number": "9434765919"}])
def test_a_made_up_record_with_the_right_home_is_answered_as_one_with_a_wrong_one(
    client: TestClient, key: MakeKey, shielded: str, said: dict[str, str]
) -> None:
    own, url = key(), "?with_info=true"
    answers, states = [], []
    after = client.get("/v1/events?limit=1000", headers=own).json()["after"]
    for number, home in enumerate((ELSEWHERE, HOME)):
        one = ("social", f"made-up-{number}")
        put = client.put(record(one) + url, headers=own, json={**said, **home})
        answer = put.json()
        assert (put.status_code, answer["child_id"], answer["children"]) == (201, None, None)
        assert answer["child_hidden"]
        answers.append({name: answer[name] for name in ("created", "changed", "child_hidden")})
        states.append(observed(client, own, one, shielded, said))
        told = client.get(f"/v1/events?limit=1000&after={after}", headers=own).json()
        assert told["items"] == []
        gone = client.delete(record(one) + url, headers=own).json()
        assert (gone["child_id"], gone["children"], gone["child_hidden"]) == (None, None, True)
    assert answers[0] == answers[1]
    assert states[0] == states[1]
    assert states[0]["record"][1]["location_hidden"]
    for rest in ("record/child", "record/why", "record/crosswalk"):
        assert states[0][rest][0] == 404
    assert {one["kind"] for one in states[0]["record/history"][1]["items"]} == {"record_said"}


PLACES: list[dict[str, str]] = [
    HOME, {"postcode": HOME["postcode"]}, {"address": HOME["address"]},
    {**HOME, "address": "40 Mill Rd"}, {**ELSEWHERE, "postcode": "OL1 1AB"}, ELSEWHERE, {},
]  # fmt: skip
DAY_OFF = {"date_of_birth": "2014-05-04"}


@pytest.mark.parametrize(
    "said",
    [
        {"surname": "Malek", **DAY_OFF},
        {"forename": "Aysha", **DAY_OFF},
        {"forename": "Eysha", "surname": "Malik", **DAY_OFF},
        {"forename": "Aysha", "surname": "Malek"},
        {"forename": "Malik", "surname": "Aisha", "date_of_birth": "2014-03-05"},
        {"forename": "Zara", "surname": "Malik", "date_of_birth": "2014-05-03"},
        {"forename": "Hana", "surname": "Okoro", "date_of_birth": "2012-11-30"},
    ],
)
def test_no_guess_at_a_place_is_told_from_another_however_much_else_is_like(
    client: TestClient, key: MakeKey, shielded: str, said: dict[str, str]
) -> None:
    own, told = key(), []
    for number, place in enumerate(PLACES):
        one = record(("social", f"guess-{number}"))
        answer = client.put(one, headers=own, json={**said, **place}).json()
        assert answer["child_id"] != shielded
        told.append((answer["child_hidden"], answer["child_id"] is None))
        client.delete(one, headers=own)
    assert len(set(told)) == 1, told


# Nothing speaks against their being anybody, but for where they live.
NOBODY = {"surname": "Ulrich", "nhs_number": "9434765870"}


@pytest.mark.parametrize("born", [{}, {"date_of_birth": "2018-01-01"}])
def test_one_that_has_nothing_in_common_with_a_shielded_child_is_told_of_wherever_it_lives(
    client: TestClient, key: MakeKey, shielded: str, register: Reviewed, born: dict[str, str]
) -> None:
    """Without a birthday the right home would suffice to wait for a reviewer; it does not count."""
    own, told = key(), []
    for number, home in enumerate((ELSEWHERE, HOME)):
        one = ("social", f"nobody-{number}")
        put = client.put(record(one), headers=own, json={**NOBODY, **born, **home}).json()
        assert not put["child_hidden"]
        assert client.get(child(put["child_id"]), headers=own).json()["values"]["surname"]
        assert register.unplaced() == {one}
        assert not [pair for pair in register.waiting() if one in pair]
        seen = observed(client, own, one, shielded, AISHA_SAYS)
        told.append([seen["run"], *(seen[name] for name in seen if name.startswith("child"))])
        register.run()
        assert not [pair for pair in register.waiting() if one in pair]
        client.delete(record(one), headers=own)
    assert told[0] == told[1]


def test_no_list_by_state_tells_whose_a_lookalike_is(
    client: TestClient, key: MakeKey, shielded: str, register: Reviewed
) -> None:
    few, writer = key(sources=["clinic", "census"]), key()
    reader = {"cleared": False, "seen": ["clinic", "census"]}

    def lists() -> list[Any]:
        told: list[Any] = []
        for state in ("matched", "unmatched", "possible"):
            asked = {"source": "clinic", "state": state}
            answer = client.post("/v1/children/search", headers=few, json=asked).json()
            told.append([one["child_id"] for one in answer["items"]])
        with reading(register.engine) as connection:
            told += [
                search_records(connection, source=one, **reader) for one in ("clinic", "census")
            ]
            told.append(count_records(connection, "clinic", **reader))
            told.append(count_records(connection, "census", **reader))
        return told

    before = lists()
    assert shielded in before[1]
    for number, home in enumerate((ELSEWHERE, HOME)):
        one = ("census", f"made-up-{number}")
        assert client.put(record(one), headers=writer, json={**WHOLE, **home}).is_success
        assert lists() == before
    cleared = key(sources=["clinic", "census"], cleared=True)
    asked = {"source": "clinic", "state": "matched"}
    answer = client.post("/v1/children/search", headers=cleared, json=asked).json()
    assert [one["child_id"] for one in answer["items"]] == [shielded]


@pytest.mark.parametrize("cleared", [True, False])
def test_no_file_tells_whose_a_lookalike_is(
    client: TestClient, key: MakeKey, service: Service, shielded: str, cleared: bool
) -> None:
    analyst = key(Role.ANALYST, cleared=cleared)
    said = {**WHOLE, **HOME, "nhs_number": "9434765919"}
    for what in ("crosswalk", "links", "events", "register"):
        one = ("social", f"made-up-{what}")
        assert client.put(record(one), headers=key(), json=said).is_success
        asked = client.post("/v1/exports", headers=analyst, json={"what": what})
        do_work(service)
        file = client.get(f"{asked.headers['Location']}/content", headers=analyst)
        assert file.status_code == 200, file.text
        assert shielded in file.text or what == "links"
        assert "made-up" not in file.text
        assert said["nhs_number"] not in file.text


def test_no_file_that_the_command_writes_tells_whose_a_lookalike_is(
    client: TestClient, key: MakeKey, register: Reviewed, tmp_path: Path
) -> None:
    """Nor is a feed without it broken, also where it joined others: it replays to the crosswalk."""
    own, number = key(), "9434765919"
    client.put(record(CLINIC), headers=own, json={**AISHA_SAYS, "nhs_number": number})
    with writing(register.engine) as connection:
        shielding.shield(
            connection, record=CLINIC, why="a test", by="steward", now=datetime.now(UTC)
        )
    shielded = register.child(CLINIC)
    noah = {"surname": "Quigley", "date_of_birth": "2011-11-20", **ELSEWHERE}
    for at, said in enumerate(({**WHOLE, **HOME}, noah, {**noah, "forename": "Noah"})):
        one, numbered = ("social", f"made-up-{at}"), {**said, "nhs_number": number}
        assert client.put(record(one), headers=own, json=numbered).json()["child_hidden"]
    client.delete(record(("social", "made-up-0")), headers=own)
    files = {}
    for what in Export:
        file = tmp_path / f"{what}.csv"
        with reading(register.engine) as connection:
            export(connection, what, file)
        files[what] = file.read_text()
        assert shielded in files[what] or what == "links"
        assert "made-up" not in files[what]
        assert what != "register" or number in files[what]
    told = replay(pd.read_csv(tmp_path / "events.csv", dtype=str))
    crosswalk = pd.read_csv(tmp_path / "crosswalk.csv", dtype=str)
    pd.testing.assert_frame_equal(told, crosswalk.astype(object), check_dtype=False)
    # Nor is a file without a row one that cannot be written.
    for one in (*AISHA, UNSURE, *((("social", f"made-up-{at}")) for at in (1, 2))):
        assert client.delete(record(one), headers=own).status_code == 200
    assert client.put(record(("social", "made-up-9")), headers=own, json={**WHOLE, **HOME})
    with reading(register.engine) as connection:
        assert export(connection, Export.LINKS, tmp_path / "none.csv") == 0
    assert (tmp_path / "none.csv").read_text().startswith("source_l,record_id_l,source_r")


def test_who_is_cleared_is_told_whose_a_record_is(
    client: TestClient, key: MakeKey, shielded: str
) -> None:
    one, cleared = ("social", "made-up"), key(cleared=True)
    put = client.put(record(one), headers=cleared, json={**WHOLE, **HOME}).json()
    assert (put["child_id"], put["child_hidden"]) == (shielded, False)
    assert client.get(record(one, "/child"), headers=cleared).json()["child_id"] == shielded
    told = client.get(record(one), headers=key()).json()
    assert (told["child_id"], told["child_hidden"]) == (None, True)


def test_a_shielded_childs_record_is_written_over_without_saying_what_it_said(
    client: TestClient, key: MakeKey, shielded: str
) -> None:
    own = key()
    before = client.get(record(CLINIC), headers=own).json()
    assert before["child_id"] == shielded  # it says what it did when the child was not shielded
    told = []
    for home in (HOME, HOME, ELSEWHERE):
        put = client.put(record(CLINIC), headers=own, json={**AISHA_SAYS, **home})
        told.append({name: put.json()[name] for name in ("changed", "child_id", "child_hidden")})
        read = client.get(record(CLINIC), headers=own)
        assert read.headers["ETag"] == put.headers["ETag"]
        assert read.json()["values"]["postcode"] is None
    assert told == [{"changed": True, "child_id": None, "child_hidden": True}] * 3
    seen = client.get(record(CLINIC), headers=own).json()["values"]
    again = client.put(record(CLINIC), headers=own, json=seen)
    assert again.json()["changed"] is False
    cleared = key(cleared=True)
    assert client.get(record(CLINIC), headers=cleared).json()["values"]["postcode"] == "OL4 3PP"


def test_records_that_are_like_no_shielded_child_are_told_of_as_ever(
    client: TestClient, key: MakeKey, shielded: str, service: Service
) -> None:
    own = key()
    with reading(service.engine) as connection:
        before = list(shields.shielded_records(connection))
    zebedee = client.put(record(("social", "77")), headers=own, json={**ZEBEDEE_SAYS, **HOME})
    assert zebedee.json()["child_id"] not in (None, shielded)
    # A twin shares all but the forename, and is another child.
    twin = {**AISHA_SAYS, "forename": "Idris", "sex": "M"}
    put = client.put(record(("social", "78")), headers=own, json=twin).json()
    assert (put["child_hidden"], put["child_id"] is None) == (False, False)
    assert client.get(record(NOAH), headers=own).json()["child_id"]
    assert client.get(record(SCHOOL), headers=own).json()["child_id"] == shielded
    with reading(service.engine) as connection:
        assert list(shields.shielded_records(connection)) == before


def test_a_record_with_a_shielded_childs_number_is_like_it_whatever_else_it_says(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    """The child may have another name by now; who knows the number is no stranger to it."""
    own, number = key(), "9434765919"
    client.put(record(CLINIC), headers=own, json={**AISHA_SAYS, "nhs_number": number})
    with writing(register.engine) as connection:
        shielding.shield(
            connection, record=CLINIC, why="a test", by="steward", now=datetime.now(UTC)
        )
    said = {"forename": "Zack", "surname": "Oakes", "date_of_birth": "2009-01-30", "sex": "M"}
    for at, numbered in enumerate(({"nhs_number": number}, {"nhs_number": "9434765870"})):
        one = record(("social", f"numbered-{at}"))
        put = client.put(one, headers=own, json={**said, **numbered, **ELSEWHERE})
        assert put.json()["child_hidden"] is (at == 0)


def test_a_lookalike_hides_nobody_else_and_what_it_hid_is_given_back(
    client: TestClient, key: MakeKey, register: Reviewed, service: Service
) -> None:
    own, number = key(), "9434765919"
    client.put(record(CLINIC), headers=own, json={**AISHA_SAYS, "nhs_number": number})
    noah = {"forename": "Noah", "surname": "Quigley", "date_of_birth": "2011-11-20", "sex": "M"}
    one = register.child(NOAH)
    home = client.get(child(one), headers=own).json()
    assert home["values"]["postcode"]["value"] == "OL4 3PP"
    with writing(register.engine) as connection:
        shielding.shield(
            connection, record=CLINIC, why="a test", by="steward", now=datetime.now(UTC)
        )
    with reading(service.engine) as connection:
        before = set(shields.shielded_records(connection).tolist())
    decoys = [
        {**noah, **ELSEWHERE, "surname": "Malik", "former_surname": "Quigley"},
        {**noah, **ELSEWHERE, "surname": "Malik", "former_surname": "Quigley", "known_as": "Aisha"},
    ]
    for at, said in enumerate(decoys):
        named = {**said, "nhs_number": number}
        put = client.put(record(("social", f"decoy-{at}")), headers=own, json=named).json()
        assert put["child_hidden"]
        assert register.together(("social", f"decoy-{at}"), NOAH)
        told = client.get(record(NOAH), headers=own).json()
        assert (told["location_hidden"], told["values"]["postcode"]) == (False, "OL4 3PP")
        assert client.get(child(one), headers=own).json()["values"] == home["values"]
        # What is like a decoy and nobody else is not like a shielded child.
        like = {**noah, "forename": "Nora", **HOME}
        put = client.put(record(("social", f"like-{at}")), headers=own, json=like).json()
        assert not put["child_hidden"]
    for at, _ in enumerate(decoys):
        client.delete(record(("social", f"decoy-{at}")), headers=own)
    register.link_anew()
    assert client.get(child(one), headers=own).json()["values"] == home["values"]
    with reading(service.engine) as connection:
        after = set(shields.shielded_records(connection).tolist())
        more = select(Record.record_id).where(Record.id.in_(after - before))
        assert all(text.startswith("decoy") for text in connection.scalars(more))
        assert one not in shields.shielded_children(connection, [one], at_any_time=True)


def test_a_lookalike_that_an_extract_brings_is_a_record_like_any_other(
    client: TestClient, key: MakeKey, register: Reviewed, shielded: str
) -> None:
    own, new = key(), {**PEOPLE[2], "record_id": "9", "surname": "Malek", "address": "",
                       "postcode": ""}  # fmt: skip
    said = {name: new[name] for name in ("forename", "surname", "date_of_birth", "sex")}
    client.put(record(("social", "9")), headers=own, json=said)
    with reading(register.engine) as connection:
        assert connection.scalars(select(Shield.record).where(Shield.lookalike)).all()
    register.load_people([*PEOPLE, {**new, "sex": ""}])
    with reading(register.engine) as connection:
        assert not connection.scalars(select(Shield.record).where(Shield.lookalike)).all()


def test_an_extract_with_guesses_waits_for_somebody_who_may_know_the_place(
    client: TestClient, key: MakeKey, shielded: str, service: Service
) -> None:
    uncleared, cleared = key(Role.ANALYST), key(Role.STEWARD, cleared=True)
    guesses = [
        {"record_id": f"g{at}", **WHOLE, **home} for at, home in enumerate((HOME, ELSEWHERE))
    ]

    def brought(headers: Headers, rows: list[dict[str, str]], day: str) -> dict[str, Any]:
        fields = {"source": "social", "mode": "delta", "as_of": day}
        asked = bring(client, headers, as_csv(rows), **fields)
        assert asked.status_code == 202, asked.text
        do_work(service)
        return dict(client.get(asked.headers["Location"], headers=headers).json())

    zebedee = [{"record_id": "z", **ZEBEDEE_SAYS, **HOME}]
    assert brought(uncleared, zebedee, "2025-01-01")["state"] == "current"
    held = brought(uncleared, guesses, "2025-01-02")
    assert held["state"] == "validated"
    (stop,) = [one for one in held["report"]["stops"] if one["code"] == "shielded"]
    assert stop["found"] == 2
    address = f"/v1/extracts/{held['id']}"
    for who, status in ((uncleared, 409), (cleared, 202)):
        tag = client.get(address, headers=who).headers["ETag"]
        accepted = client.post(f"{address}/accept", headers={**who, "If-Match": tag})
        assert accepted.status_code == status, accepted.text
    do_work(service)
    assert client.get(address, headers=cleared).json()["state"] == "current"
    again = [{**guesses[0], "record_id": "g9"}]
    assert brought(cleared, again, "2025-01-03")["state"] == "current"


@pytest.mark.parametrize("mode", ["delta", "snapshot"])
def test_an_extract_does_not_tell_a_right_place_of_a_shielded_child_from_a_wrong_one(
    client: TestClient, key: MakeKey, shielded: str, service: Service, mode: str
) -> None:
    """Of a whole list not even the one that says what the source said before is let in."""
    analyst, told = key(Role.ANALYST), []
    others = [one for one in PEOPLE if one["source"] == "clinic" and one["record_id"] != CLINIC[1]]
    for day, place in enumerate((HOME, ELSEWHERE, {**HOME, "address": "3 Mill Rd"}), start=2):
        row = {"record_id": CLINIC[1], **AISHA_SAYS, **place}
        rows = [row, *others] if mode == "snapshot" else [row]
        fields = {"source": "clinic", "as_of": f"2024-10-0{day}", "mode": mode}
        sent = bring(client, analyst, as_csv(rows), **fields)
        do_work(service)
        seen = client.get(sent.headers["Location"], headers=analyst).json()
        assert seen["state"] == "validated", seen
        feed = client.get("/v1/events?limit=1000", headers=key()).json()["items"]
        told.append((seen["report"], feed))
        etag = client.get(sent.headers["Location"], headers=analyst).headers["ETag"]
        client.post(
            f"{sent.headers['Location']}/refuse",
            headers={**analyst, "If-Match": etag},
            json={"why": "x"},
        )
    assert told[0] == told[1] == told[2]


def test_a_row_on_a_shielded_childs_record_waits_however_little_it_says(
    client: TestClient, key: MakeKey, shielded: str, service: Service
) -> None:
    """What it says besides its place might be too little to be linked by, or another's."""
    analyst, told = key(Role.ANALYST), []
    for day, place in enumerate((HOME, ELSEWHERE), start=2):
        row = {"record_id": CLINIC[1], **ZEBEDEE_SAYS, **place}
        fields = {"source": "clinic", "as_of": f"2024-10-0{day}", "mode": "delta"}
        sent = bring(client, analyst, as_csv([row]), **fields)
        do_work(service)
        seen = client.get(sent.headers["Location"], headers=analyst).json()
        told.append((seen["state"], seen["report"]["change"], seen["report"]["stops"]))
    assert told[0] == told[1]
    assert told[0][0] == "validated"


def test_a_list_is_taken_after_a_shielded_record_is_gone(
    client: TestClient, key: MakeKey, shielded: str, service: Service
) -> None:
    """A row with a home and no birthday is compared with every shielded child there is."""
    assert client.delete(record(CLINIC), headers=key()).status_code == 200
    row = {"record_id": "q", "forename": "Ada", "surname": "Zyx", "date_of_birth": "2016-01-01",
           **HOME}  # fmt: skip
    sent = bring(client, key(Role.ANALYST), as_csv([row]), source="social", mode="delta")
    do_work(service)
    seen = client.get(sent.headers["Location"], headers=key(Role.ANALYST)).json()
    assert seen["state"] in ("validated", "current"), seen


def test_a_report_does_not_tell_which_centre_a_shielded_child_goes_to(
    client: TestClient, key: MakeKey, register: Reviewed, service: Service
) -> None:
    """Else a guess at its centre would be one row that is there already."""

    def centre(name: str) -> bytes:
        header = "Member ID,Date,Centre,Activity,Attended"
        return as_zip(
            members="Member ID,Type,Name,DOB\nm1,Child,Amy Lees,04/05/2019\n",
            contacts=f"{header}\nm1,03/08/2024,{name},Play,Y\n",
        )

    def brought(headers: Headers, name: str, day: str) -> dict[str, Any]:
        fields = {"source": "estart", "mode": "delta", "as_of": day}
        sent = bring(client, headers, centre(name), "estart.zip", **fields)
        do_work(service)
        return dict(client.get(sent.headers["Location"], headers=headers).json())

    assert brought(key(Role.STEWARD, cleared=True), "Royton", "2024-10-01")["state"] == "current"
    with writing(register.engine) as connection:
        shielding.shield(
            connection, record=("estart", "m1"), why="x", by="s", now=datetime.now(UTC)
        )
    analyst = key(Role.ANALYST)
    told = [brought(analyst, name, "2024-10-02")["report"] for name in ("Royton", "Shaw")]
    assert told[0] == told[1]
    assert told[0]["change"]["activity"] == {}


@pytest.mark.parametrize("born", ["", "2018-01-01"])
def test_rows_without_a_birthday_that_guess_at_a_home_wait_though_they_share_nothing_else(
    client: TestClient, key: MakeKey, shielded: str, service: Service, born: str
) -> None:
    """With the right home they might wait to be the child; with a birthday they cannot."""
    analyst, told = key(Role.ANALYST), []
    for day, place in enumerate((HOME, ELSEWHERE, {}), start=2):
        row = {"record_id": "o", **NOBODY, "date_of_birth": born, **place}
        fields = {"source": "social", "as_of": f"2024-10-0{day}", "mode": "delta"}
        sent = bring(client, analyst, as_csv([row]), **fields)
        do_work(service)
        seen = client.get(sent.headers["Location"], headers=analyst).json()
        told.append((seen["state"], [one["code"] for one in seen["report"]["stops"]]))
    assert told == [("validated", ["shielded"])] * 2 + [("current", [])]


def test_a_lookalike_that_says_something_else_is_hidden_again_after_its_shield_was_lifted(
    client: TestClient, key: MakeKey, shielded: str, register: Reviewed
) -> None:
    own, one = key(), ("social", "made-up")
    assert client.put(record(one), headers=own, json={**WHOLE, **ELSEWHERE}).json()["child_hidden"]
    register.run()
    with writing(register.engine) as connection:
        shielding.lift_shields(
            connection, record=one, why="a test", by="steward", now=datetime.now(UTC)
        )
    again = client.put(record(one), headers=own, json={**WHOLE, **HOME}).json()
    assert (again["child_hidden"], again["child_id"]) == (True, None)


def test_an_answer_is_not_told_again_once_it_may_not_be(
    client: TestClient, key: MakeKey, register: Reviewed
) -> None:
    own = {**key(), "Idempotency-Key": "once-and-for-all"}
    said = {**AISHA_SAYS, "known_as": "Ash"}
    first = client.put(record(("social", "9")), headers=own, json=said)
    assert first.json()["child_id"] == register.child(CLINIC)
    again = client.put(record(("social", "9")), headers=own, json=said)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    with writing(register.engine) as connection:
        shielding.shield(
            connection, record=CLINIC, why="a test", by="steward", now=datetime.now(UTC)
        )
    refused = client.put(record(("social", "9")), headers=own, json=said)
    assert (refused.status_code, refused.json()["type"]) == (422, "/v1/problems/key-reused")
    assert register.child(CLINIC) not in refused.text


def test_neither_the_feed_nor_a_delivery_counts_what_came_of_a_guess(
    client: TestClient, key: MakeKey, shielded: str, service: Service
) -> None:
    """Two guesses at a new record, and two at what a record says: what changes is told of none."""
    own = key()
    object.__setattr__(service, "local", True)
    pace = DeliveryPace(poll=0.02, patience=5)
    deliverer = Deliverer(service.engine, local=True, pace=pace)

    def deliver() -> None:
        for _ in range(4):
            deliverer.round(service.aside)
            deliverer._wait_for_all()

    def page(after: str, **more: Any) -> dict[str, Any]:
        asked = {"after": after, **more}
        return dict(client.get("/v1/events", headers=own, params=asked).json())

    after = client.get("/v1/events?limit=1000", headers=own).json()["after"]
    with receiver() as there:
        made = client.post("/v1/webhooks", headers=own, json={"url": there.url})
        hook = made.headers["Location"]
        seen, made_up = [], {**WHOLE, "nhs_number": "9434765919"}
        guesses = [(("social", "made-up-1"), {**made_up, **ELSEWHERE}),
                   (("social", "made-up-2"), {**made_up, **HOME}),
                   (CLINIC, {**AISHA_SAYS, **HOME}),
                   (CLINIC, {**AISHA_SAYS, **ELSEWHERE})]  # fmt: skip
        for at, (one, said) in enumerate(guesses):
            before = after
            tried = client.get(hook, headers=own).json()["last_tried_at"]
            run = client.put(record(one), headers=own, json=said).json()["run"]
            deliver()
            after, began = page(before, limit=1)["after"], time.monotonic()
            assert page(before, **{"long-poll": 30})["items"] == []
            assert time.monotonic() - began < 20
            now = client.get(hook, headers=own).json()
            assert (now["last_tried_at"], now["events_ahead"]) == (tried, 0)
            other = {**ZEBEDEE_SAYS, "forename": f"Zebedee{'abcd'[at]}"}
            client.put(record(("social", f"other-{at}")), headers=own, json=other)
            deliver()
            told = page(before)["items"]
            pages = [page(before, limit=1)]
            while pages[-1]["next"]:
                pages.append(client.get(pages[-1]["next"], headers=own).json())
            assert [one for each in pages for one in each["items"]] == told
            assert {len(each["items"]) for each in pages} == {1}
            after = pages[-1]["after"]
            assert len({before, after, *(one["id"] for one in told)}) == len(told) + 2
            seen.append((len(pages), [one["run"] - run for one in told]))
        assert len(set(map(str, seen))) == 1
        numbers = [body["delivery"] for body in there.bodies()]
        assert numbers == list(range(numbers[0], numbers[0] + len(guesses)))
