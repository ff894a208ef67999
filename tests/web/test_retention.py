"""What stewards see of what is due, hold and erase."""

import re
import threading
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from api.db.engine import reading, writing
from api.db.models import Audit, Erasure, JobState
from api.rest.service import Service
from api.services.access.roles import Role
from api.services.jobs import handlers
from api.services.retention.erasing import ERASE, queue_erase_child, queue_erase_due
from api.services.work import Pace, find, run_next
from tests.register_service.registers import shipped
from tests.register_service.reviewed import AISHA, NOAH, Reviewed
from tests.register_service.seen import delete
from tests.web.conftest import SignIn, token_in

HERE = "/administration/retention"


@pytest.fixture
def register(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reviewed:
    """Two closed records, due at once; a child of whom two systems still have a record."""
    found = Reviewed(service.engine, tmp_path)
    found.begin()
    delete(found, AISHA[0])
    delete(found, NOAH)
    # As if forty years had passed.
    monkeypatch.setattr("api.web.administration_retention._today", lambda _: date(2064, 9, 1))
    return found


class Steward:
    """Somebody who erases, in a browser."""

    def __init__(self, sign_in: SignIn) -> None:
        self.client = sign_in(Role.STEWARD)
        self.csrf = token_in(self.client.get("/account").text)

    def see(self, address: str) -> str:
        answer = self.client.get(address)
        assert answer.status_code == 200
        return unescape(answer.text)

    def send(self, address: str, status: int = 303, **form: Any) -> str:
        answer = self.client.post(address, data={"csrf": self.csrf, **form})
        assert answer.status_code == status, answer.text
        return unescape(answer.text)


def work_off(service: Service) -> None:
    """What a worker would do."""
    task = run_next(service.engine, handlers(shipped()), "test", threading.Event(), Pace())
    assert task is not None
    job = find(service.engine, task.id)
    assert job is not None and (job.kind, job.state, job.problem) == (ERASE, JobState.DONE, None)


def test_of_queued_work_one_child_and_what_is_due_are_told_apart(
    register: Reviewed, service: Service, sign_in: SignIn
) -> None:
    steward, child = Steward(sign_in), register.child(AISHA[1])
    with writing(service.engine) as connection:
        queue_erase_due(connection, ["census"], today=date(2064, 9, 1), by="steward")
        one = queue_erase_child(connection, child, why="request 12", by="steward")
    told = {"Erase what is due", f"Erase one child, {child}"}
    waiting = steward.see("/administration/work")
    steward.send(f"/administration/work/{one}/cancel")
    for seen in (waiting, steward.see("/administration/work")):
        assert set(re.findall(r'data-title="What"[^>]*>([^<]*)<', seen)) == told
        assert "request 12" not in seen


def test_what_is_due_is_shown_held_and_erased_once_confirmed(
    register: Reviewed, service: Service, sign_in: SignIn
) -> None:
    steward, child = Steward(sign_in), register.child(AISHA[1])
    seen = steward.see(HERE)
    assert "Census" in seen and "Erase what is due" in seen
    listed = steward.see(f"{HERE}/due")
    assert "2 records, the longest due first" in listed
    assert not any(value in listed for value in ("Malik", "Quigley", "OL1 1AA"))

    assert "Enter a reason" in steward.send(f"{HERE}/holds", 422, child_id=child)
    assert "no child with this id" in steward.send(f"{HERE}/holds", 422, child_id="x", why="y")
    steward.send(f"{HERE}/holds", child_id=child.lower(), why="case 7")
    again = steward.send(f"{HERE}/holds", 422, child_id=child, why="case 7")
    assert re.search(r"Hold \d+ is in force already, for the same reason", again)
    (hold,) = re.findall(rf"{HERE}/holds/\d+", steward.see(HERE))
    confirm = steward.see(f"{HERE}/erase")
    assert "Census: 1 record" in confirm and "School" not in confirm

    form: Any = {"sources": "census", "shown": "census:1", "sure": "yes"}
    assert "Select at least one source" in steward.send(
        f"{HERE}/erase", 422, **{**form, "sources": ""}
    )
    assert "cannot be undone" in steward.send(f"{HERE}/erase", 422, **{**form, "sure": ""})
    changed = steward.send(f"{HERE}/erase", 422, **{**form, "shown": "census:2"})
    assert "other records by now" in changed
    steward.send(f"{HERE}/erase", **form)
    work_off(service)
    assert "due by the retention rules" in steward.see(HERE)

    asked = {"child_id": child, "why": "request 12"}
    assert "a hold is on" in steward.send(f"{HERE}/child", 422, **asked).lower()
    assert "Enter a reason" in steward.send(hold, 422)
    assert "case 7" in steward.see(hold)
    steward.send(hold, why="closed")
    assert steward.client.get(hold).status_code == 404

    assert "Enter a reason" in steward.send(f"{HERE}/child", 422, child_id=child)
    told = steward.send(f"{HERE}/child", 200, **asked)
    assert "request 12" in told and "Erase this child" in told
    shown = "clinic:1,school:1,social:1"
    assert shown in told
    assert "cannot be undone" in steward.send(f"{HERE}/child", 422, **asked, shown=shown)
    steward.send(f"{HERE}/child", **asked, shown=shown, sure="yes")
    work_off(service)
    with reading(service.engine) as connection:
        erased = connection.execute(select(Erasure.records, Erasure.by).order_by(Erasure.run)).all()
        acts = connection.execute(select(Audit.action, Audit.about).order_by(Audit.id)).all()
    assert [tuple(one) for one in erased] == [
        (1, "steward.early_years"),
        (3, "steward.early_years"),
    ]
    mine = [tuple(one) for one in acts if one.action in ("held", "erased", "hold_lifted")]
    of_child = f"child {child}"
    assert mine == [
        ("held", of_child),
        ("erased", "records due"),
        ("hold_lifted", of_child),
        ("erased", of_child),
    ]
