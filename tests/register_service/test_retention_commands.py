"""What is due, holds and erasing at the command line."""

import json

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from api import retention_commands
from api.cli import app
from api.db.engine import reading
from api.db.models import Erasure
from tests.register_service.registers import NOW
from tests.register_service.reviewed import AISHA, NOAH, Reviewed
from tests.register_service.seen import delete


@pytest.fixture(autouse=True)
def settings(register: Reviewed, monkeypatch: pytest.MonkeyPatch) -> None:
    url = register.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("MATCHER_DATABASE_URL", url)
    # Some forty years on.
    monkeypatch.setattr(retention_commands, "now", lambda: NOW.replace(year=2064))


def call(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(app, list(arguments), input=answer)


def good(*arguments: str, answer: str = "") -> str:
    result = call(*arguments, answer=answer)
    assert result.exit_code == 0, result.exception
    return result.output


def test_what_is_due_is_shown_held_and_erased(register: Reviewed) -> None:
    child = register.child(AISHA[0])
    assert "Nothing is due" in good("retention") and "Nothing is due" in good("erase", "due")
    delete(register, AISHA[1])
    delete(register, NOAH)
    assert "Hold 1 is in force" in good("holds", "record", *NOAH, "--why", "a complaint")
    good("holds", "child", child, "--why", "a court asks")
    good("holds", "lift", "2", "--why", "it is done")
    shown = good("retention")
    assert "clinic: 0 listed, 1 closed, 0 held" in shown
    assert "census: 0 listed, 0 closed, 1 held" in shown
    assert "Hold 1 on record" in shown
    found = json.loads(good("retention", "--json"))
    assert [one["held"] for one in found["due"]] == [1, 0] and len(found["holds"]) == 1

    assert "Nothing is erased" in good("erase", "due", answer="n\n")
    said = good("erase", "due", "--source", "clinic", answer="y\n")
    assert "clinic: 1 record\n" in said and "1 record erased" in said
    assert "2 records erased" in good("erase", "child", child, "--why", "asked for", "--yes")
    assert isinstance(call("erase", "record", *NOAH, "--why", "x").exception, Exception)
    assert isinstance(call("erase", "record", "census", "no", "--why", "x").exception, Exception)
    with reading(register.engine) as connection:
        rows = connection.execute(select(Erasure.records, Erasure.why, Erasure.swept_at)).all()
    assert [(row.records, row.why) for row in rows] == [
        (1, "due by the retention rules"),
        (2, "asked for"),
    ]
    assert all(row.swept_at is not None for row in rows)
