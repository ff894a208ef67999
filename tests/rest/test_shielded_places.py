"""No guess at where a shielded child lives makes a difference to what becomes of others."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.db.engine import reading, writing
from api.db.models import Membership
from api.rest.app import create_app
from api.rest.service import Service, opened
from api.services.access.keys import create_key
from api.services.access.roles import Role
from api.services.register import shielding
from tests.applications import lent
from tests.databases import Databases
from tests.register_service.registers import Key, shipped
from tests.register_service.reviewed import Reviewed, reviewed
from tests.rest.conftest import Headers
from tests.rest.people import child, record
from tests.rest.work import do_work
from tests.spec.drawn import rows

HOME = {"address": "2 Mill Rd", "postcode": "OL1 1AA"}
OTHER_HOME = {"address": "8 Dale Rd", "postcode": "OL9 5BB"}
WRONG = {"address": "9 Ash Gr", "postcode": "OL4 3PP"}

# A system that holds each child once holds her as Aysha; a guess is Aisha.
ONCE = rows("""
source | record_id | forename | surname | date_of_birth | sex | address   | postcode
school | 1         | Aisha    | Malik   | 2014-05-03    | F   | 2 Mill Rd | OL1 1AA
clinic | 1         | Aisha    | Malik   | 2014-05-03    | F   | 2 Mill Rd | OL1 1AA
social | 1         | Aysha    | Malik   | 2014-05-03    | F   | 2 Mill Rd | OL1 1AA
census | 2         | Noah     | Quigley | 2011-11-20    | M   | 9 Ash Gr  | OL4 3PP
""")
# The record in the middle is of the school's child, or with a record between of the clinic's.
CUT = rows("""
source | record_id | forename | surname | date_of_birth | sex | address   | postcode | nhs_number
school | 1         | Aisha    | Malik   | 2014-05-03    |     | 2 Mill Rd | OL1 1AA  |
clinic | 1         | Aisha    | Malik   | 2014-05-03    |     | 8 Dale Rd | OL9 5BB  |
social | 1         | Aisha    | Malik   | 2014-05-03    |     |           | OL1 1AA  | 9434765919
census | 2         | Noah     | Quigley | 2011-11-20    | M   | 9 Ash Gr  | OL4 3PP  |
""")
SAID = {"forename": "Aisha", "surname": "Malik", "date_of_birth": "2014-05-03"}
BETWEEN = {**SAID, "nhs_number": "9434765919"}
SCHOOL, CLINIC, SOCIAL, NOAH = ("school", "1"), ("clinic", "1"), ("social", "1"), ("census", "2")
GUESS = ("social", "guess")


class Asked:
    """A register that an uncleared system puts records in and reads."""

    def __init__(self, register: Reviewed, service: Service, client: TestClient) -> None:
        self.register, self.service, self.client = register, service, client
        self.own = self._key(Role.SYSTEM)
        self.analyst = self._key(Role.ANALYST)
        self.after = self._get("/v1/events?limit=1000").json()["after"]

    def _key(self, role: Role) -> Headers:
        with writing(self.service.engine) as connection:
            new = create_key(
                connection, str(role), roles=[role], purposes=["early_years"],
                unattended=False, by="steward", now=datetime.now(UTC),
            )  # fmt: skip
        return {"Authorization": f"Bearer {new.key}", "Purpose": "early_years"}

    def _get(self, address: str, who: Headers | None = None) -> Any:
        return self.client.get(address, headers=who or self.own)

    def shield(self, *records: Key) -> None:
        with writing(self.register.engine) as connection:
            for one in records:
                shielding.shield(
                    connection, record=one, why="a test", by="steward", now=datetime.now(UTC)
                )

    def put(self, one: Key, said: dict[str, str]) -> Any:
        answer = self.client.put(record(one, "?with_info=true"), headers=self.own, json=said)
        assert answer.is_success, answer.text
        return answer.json()

    def delete(self, one: Key) -> None:
        assert self.client.delete(record(one), headers=self.own).is_success

    def told(self, keys: Sequence[Key], put: dict[str, str]) -> Any:
        """All that can be read of some records and whose they are, as if ids were names."""
        found: dict[str, Any] = {}
        ids = self.ids()
        for one in keys:
            for rest in ("", "/child", "/why", "/history", "/crosswalk"):
                found[f"record {one} {rest}"] = self._get(record(one, rest))
        for child_id in [one for one, name in ids.items() if any(str(key) in name for key in keys)]:
            for rest in ("", "/records", "/history", "/journey", "/family", "/why"):
                found[f"child {ids[child_id]} {rest}"] = self._get(child(child_id, rest))
        asked = [{"source": source, "record_id": number} for source, number in keys]
        for address, body in {
            "/v1/crosswalk": {"records": asked},
            "/v1/children/search": {"surname": "Malik"},
            "/v1/match": {"person": put},
        }.items():
            found[address] = self.client.post(address, headers=self.own, json=body)
        found["feed"] = self._get(f"/v1/events?limit=1000&after={self.after}")
        found["runs"] = self._get("/v1/runs", self.analyst)
        told = {name: _plain(answer, ids) for name, answer in found.items()}
        # What crosswalk and events would hold is asked above.
        for what in ("links", "register"):
            made = self.client.post("/v1/exports", headers=self.analyst, json={"what": what})
            do_work(self.service)
            file = self._get(f"{made.headers['Location']}/content", self.analyst)
            assert file.status_code == 200, file.text
            told[what] = sorted(_named(file.text, ids).splitlines())
        return told

    def ids(self) -> dict[str, str]:
        """By child, the records that it ever held."""
        with reading(self.register.engine) as connection:
            key = {number: key for key, number in self.register.ids(connection).items()}
            held: dict[str, set[Key]] = {}
            for one, number in connection.execute(select(Membership.child, Membership.record)):
                held.setdefault(one, set()).add(key[number])
        return {one: f"<child of {sorted(own)}>" for one, own in held.items()}


UNLIKE = {"at", "request_id", "id", "next", "after", "cursor", "made_at", "seconds"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(Z|\+00:00)?")


def _named(text: str, ids: dict[str, str]) -> str:
    for one, name in ids.items():
        text = text.replace(one, name)
    return MOMENT.sub("<moment>", text)


def _plain(answer: Any, ids: dict[str, str]) -> Any:
    def plain(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: plain(value) for name, value in part.items() if name not in UNLIKE}
        if isinstance(part, list):
            return sorted((plain(value) for value in part), key=str)
        return _named(part, ids) if isinstance(part, str) else part

    led = _named(answer.headers.get("Location", ""), ids)
    return answer.status_code, led, plain(answer.json()) if answer.content else None


@contextmanager
def asked(databases: Databases, folder: Path, people: list[Any]) -> Iterator[Asked]:
    with (
        reviewed(databases, folder, people) as register,
        opened(register.engine, shipped()) as service,
        lent(create_app, service) as application,
        TestClient(application, follow_redirects=False) as client,
    ):
        yield Asked(register, service, client)


def once(of: Asked, place: dict[str, str]) -> Any:
    """A record of a system that holds each child once, and already holds this one."""
    of.register.holds_each_child_once("social")
    of.shield(CLINIC)
    return of.put(GUESS, {**SAID, "sex": "F", **place})


def cut(of: Asked, place: dict[str, str]) -> Any:
    """A record that draws the one in the middle to the one or the other."""
    of.register.say("non_match", SCHOOL, CLINIC)
    of.shield(SCHOOL, CLINIC)
    return of.put(("census", "guess"), {**BETWEEN, **place})


def again(of: Asked, place: dict[str, str]) -> Any:
    """One that was put with another place before the shield."""
    before = {"known_as": "Ash", "address": "1 New Rd", "postcode": "OL8 8AA"}
    of.put(GUESS, {**SAID, "sex": "F", **before})
    return once(of, place)


def over(of: Asked, place: dict[str, str]) -> Any:
    """A record of the child itself, which draws the one in the middle as another would."""
    of.register.say("non_match", SCHOOL, CLINIC)
    of.shield(SCHOOL, CLINIC)
    return of.put(CLINIC, {**SAID, "sex": "F", **place})


def shortly(of: Asked, place: dict[str, str]) -> Any:
    """A record that is gone again."""
    answer = once(of, place)
    of.delete(GUESS)
    return answer


@pytest.mark.parametrize(
    ("people", "way", "places"),
    [
        (ONCE, once, [HOME, {"postcode": HOME["postcode"]}]),
        (ONCE, again, [HOME]),
        (ONCE, shortly, [HOME]),
        (CUT, cut, [HOME, OTHER_HOME]),
        (CUT, over, [HOME, OTHER_HOME]),
    ],
)
def test_what_becomes_of_others_does_not_tell_a_right_place_from_a_wrong_one(
    databases: Databases, tmp_path: Path, people: list[Any], way: Any, places: Any
) -> None:
    keys = [SCHOOL, CLINIC, SOCIAL, NOAH, GUESS, ("census", "guess")]
    first: Any = None
    for place in (WRONG, *places):
        with asked(databases, tmp_path, people) as of:
            answer = way(of, place)
            answer["child_id"] = of.ids().get(answer["child_id"])
            found = {"answer": answer, **of.told(keys, BETWEEN)}
        first = first or found
        assert found.keys() == first.keys()
        for name, content in found.items():
            assert content == first[name], (place, name)
