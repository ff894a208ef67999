"""Auditors search both logs, take what they found with them, and have the logs verified."""

import csv
import io
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from api.db.append_only import unprotect
from api.db.engine import reading, writing
from api.db.models import Audit, Job
from api.rest.service import Service
from api.services.access.access_log import AccessEntry
from api.services.access.audit import note_act
from api.services.access.roles import Role
from api.services.jobs import handlers
from api.services.work import Pace, run_next
from api.web.audit_words import SENTENCES
from tests.register_service.registers import shipped
from tests.web.conftest import SignIn, token_in
from tests.web.routes import every_route

# How an act is entered into the log: its name is the first text that is given, or called so.
_NOTED = re.compile(
    r"(?:note_act|audit|note|_note|_enter|_link)\(\s*[\w.]+,(?:\s*[\w.()]+,)*?\s*"
    r'"(?P<given>[a-z_]+)"|action="(?P<called>[a-z_]+)"'
)

ROOT = Path(__file__).parents[2]
CHILD = "7K3M9QX2RT4VA"
FIRST = datetime(2026, 3, 27, 12, tzinfo=UTC)


class Auditor:
    """Somebody who reads the logs, in a browser."""

    def __init__(self, sign_in: SignIn, service: Service) -> None:
        self.client, self.service = sign_in(Role.AUDITOR, ()), service
        self.csrf = token_in(self.client.get("/account").text)

    def post(self, address: str, status: int = 200, **form: Any) -> str:
        answer = self.client.post(address, data={"csrf": self.csrf, **form})
        assert answer.status_code == status
        return unescape(answer.text)

    def export(self, **form: Any) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.post("/audit/export", **form))))

    def work(self) -> None:
        task = run_next(
            self.service.engine, handlers(shipped()), "test", threading.Event(), Pace(poll=0.01)
        )
        assert task is not None


@pytest.fixture
def auditor(service: Service, sign_in: SignIn) -> Iterator[Auditor]:
    """With a day's accesses to one child and a shield of the day after."""
    for hour in range(3):
        service.access_log.enter(
            AccessEntry(
                at=FIRST + timedelta(hours=hour),
                by="census",
                route="GET /v1/children/{child_id}",
                about=[CHILD, f"school/{hour}"],
                status=200,
                request="r",
                purpose="education",
            )
        )
    with writing(service.engine) as connection:
        note_act(connection, "shielded", "shield 1", by="=ada", now=FIRST + timedelta(days=1))
    found = Auditor(sign_in, service)
    with found.client:
        yield found


def whats(rows: list[dict[str, str]]) -> list[str]:
    return [f"{row['log']} {row['entry']}" for row in rows]


def test_entries_are_found_by_what_they_are_about_and_by_whom(auditor: Auditor) -> None:
    assert whats(auditor.export(about=CHILD)) == ["access 3", "access 2", "access 1"]
    assert whats(auditor.export(about="school/1")) == ["access 2"]
    assert whats(auditor.export(about="shield 1")) == ["audit 1"]
    assert len(auditor.export(by="Census")) == 3
    assert whats(auditor.export(what="children")) == ["access 3", "access 2", "access 1"]
    assert whats(auditor.export(what="read A child")) == ["access 3", "access 2", "access 1"]
    assert whats(auditor.export(what="child was shielded")) == ["audit 1"]
    assert [row["what"] for row in auditor.export(what="audit Exported")][:1] == ["audit_exported"]
    assert len(auditor.export(purpose="Education")) == 3
    assert auditor.export(about="nobody") == []
    assert auditor.export(what="%") == []


def test_what_was_done_is_found_with_either_apostrophe(auditor: Auditor) -> None:
    with writing(auditor.service.engine) as connection:
        note_act(connection, "person_ended", "person 1", by="=ada", now=FIRST + timedelta(days=2))
    for apostrophe in ("'", "’"):
        found = auditor.export(what=f"Somebody{apostrophe}s access")
        assert [row["what"] for row in found] == ["person_ended"]


def test_where_what_was_done_is_looked_for_is_said(auditor: Auditor) -> None:
    assert whats(auditor.export(what="v1/children")) == ["access 3", "access 2", "access 1"]
    shown = auditor.post("/audit", what="v1/children")
    assert "or of what the downloaded file calls it, such as “POST /review”" in shown


def test_days_are_whole_and_as_clocks_in_england_have_them(auditor: Auditor) -> None:
    first = {"since_day": "27", "since_month": "3", "since_year": "2026"}
    last = {"until_day": "27", "until_month": "3", "until_year": "2026"}
    assert whats(auditor.export(**first, **last)) == ["access 3", "access 2", "access 1"]
    assert whats(auditor.export(**last)) == ["access 3", "access 2", "access 1"]
    shown = auditor.post("/audit", 422, **{**last, "until_day": "31", "until_month": "2"})
    assert "Enter the last day as a date" in shown
    shown = auditor.post("/audit", 422, **(last | first | {"since_day": "28"}))
    assert "The last day must not be before the first day" in shown
    auditor.post("/audit/export", 422, since_year="x")


def test_what_was_done_and_how_it_was_answered_are_told_in_words(auditor: Auditor) -> None:
    shown = auditor.post("/audit", about=CHILD)
    assert "Read a child" in shown and "(200)" in shown
    assert "A child was shielded" in auditor.post("/audit", about="shield 1")


def test_every_route_has_a_sentence_and_every_sentence_its_route(application: FastAPI) -> None:
    """Of each sentence that names a method; others are of commands, workers and acts."""
    there = {
        f"{method} {path}"
        for path, route in every_route(application)
        for method in route.methods
        if method != "HEAD"
    }
    assert {one for one in SENTENCES if one.isascii() and one[:1].isupper()} == there


def test_every_act_has_a_sentence() -> None:
    named = set()
    for folder in ("api/services", "api/web"):
        for path in (ROOT / folder).rglob("*.py"):
            if "node_modules" not in path.parts:
                noted = _NOTED.finditer(path.read_text(encoding="utf-8"))
                named |= {one["given"] or one["called"] for one in noted}
    assert len(named) > 45
    assert named <= set(SENTENCES)


def test_older_entries_follow_without_gap_or_repetition(auditor: Auditor) -> None:
    service = auditor.service
    with writing(service.engine) as connection:
        for number in range(120):
            note_act(connection, "counted", f"thing {number}", by="counter",
                     now=FIRST + timedelta(days=2, minutes=number // 7))  # fmt: skip
    seen, after = [], ""
    while True:
        shown = auditor.post("/audit", by="counter", after=after)
        seen += [line for line in shown.split() if line.startswith("<bdi>thing")]
        page = [part.split("</bdi>")[0] for part in shown.split("<bdi>thing ")[1:]]
        seen += page
        if 'name="after"' not in shown:
            break
        after = shown.split('name="after" value="')[1].split('"')[0]
    numbers = [int(one) for one in seen if one.isdigit()]
    assert numbers == list(range(119, -1, -1))


def test_a_spreadsheet_takes_no_cell_for_a_formula(auditor: Auditor) -> None:
    assert auditor.export(about="shield 1")[0]["by"] == "'=ada"


def test_that_a_file_was_made_is_an_act(auditor: Auditor) -> None:
    assert len(auditor.export(about=CHILD)) == 3
    with reading(auditor.service.engine) as connection:
        row = connection.execute(select(Audit.__table__).order_by(Audit.id.desc()).limit(1)).one()
    assert (row.action, row.by, row.detail) == ("audit_exported", "auditor.", {"entries": 3})


def test_the_logs_are_verified_and_what_was_altered_is_named(auditor: Auditor) -> None:
    assert "The logs have not been checked yet" in unescape(auditor.client.get("/audit").text)
    auditor.post("/audit/verify", 303)
    auditor.post("/audit/verify", 303)
    assert "They are being verified" in unescape(auditor.client.get("/audit").text)
    auditor.work()
    with reading(auditor.service.engine) as connection:
        assert len(list(connection.scalars(select(Job.id)))) == 1
    assert "3 accesses" in unescape(auditor.client.get("/audit").text)

    with writing(auditor.service.engine) as connection:
        unprotect(connection, Audit.__tablename__)
        connection.execute(update(Audit).where(Audit.id == 1).values(by="somebody else"))
    auditor.post("/audit/verify", 303)
    auditor.work()
    shown = unescape(auditor.client.get("/audit").text)
    assert "Not as they were written" in shown
    assert "Log “audit”, entry 1: what it says was altered" in shown


def test_a_log_that_lost_its_end_since_the_last_time_is_found_out(auditor: Auditor) -> None:
    auditor.post("/audit/verify", 303)
    auditor.work()
    with writing(auditor.service.engine) as connection:
        unprotect(connection, Audit.__tablename__)
        last = select(Audit.id).order_by(Audit.id.desc()).limit(2)
        for number in list(connection.scalars(last)):
            connection.execute(Audit.__table__.delete().where(Audit.id == number))  # type: ignore[attr-defined]
    auditor.post("/audit/verify", 303)
    auditor.work()
    assert "the log ends before entry" in unescape(auditor.client.get("/audit").text)
