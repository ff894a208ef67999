"""People, keys and logs are looked after from the command line."""

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from api.cli import app
from api.db.append_only import unprotect
from api.db.engine import open_database, reading, writing
from api.db.models import Audit
from api.opening import now
from api.services.access.accounts import accept_invitation, open_invitation
from api.services.access.keys import caller_of_key
from tests.access.conftest import PASSWORD


@pytest.fixture(autouse=True)
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATCHER_DATABASE_URL", database_url)
    monkeypatch.setenv("MATCHER_PUBLIC_URL", "https://register.example")
    monkeypatch.setenv("COLUMNS", "200")


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def good(*arguments: str | Path) -> str:
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_person_is_added_by_a_link_listed_changed_and_ended(database_url: str) -> None:
    said = good("users", "add", "Ada", "--role", "steward", "--purpose", "early_years")
    (token,) = re.findall(r"https://register\.example/invitations/(\S+)", said)
    engine = open_database(database_url)
    with writing(engine) as connection:
        assert open_invitation(connection, token, now=now()).name == "ada"
        accept_invitation(connection, token, PASSWORD, now=now())
    engine.dispose()
    good("users", "add", "grace", "--role", "analyst", "--role", "reviewer")
    good("users", "change", "grace", "--purpose", "education", "--cleared")
    assert "/invitations/" in good("users", "change", "grace", "--new-link")
    good("users", "end", "grace")
    ada, grace = json.loads(good("users", "list", "--json"))["users"]
    assert (ada["roles"], ada["has_password"], ada["active"]) == (["steward"], True, True)
    assert (grace["purposes"], grace["cleared"], grace["active"]) == (["education"], True, False)
    assert "password_hash" not in ada
    shown = good("users", "list")
    assert re.search(r"ada +steward +early_years +no +active", shown)
    assert re.search(r"grace +analyst, reviewer +education +yes +ended", shown)


@pytest.mark.parametrize(
    "arguments, why",
    [
        (("users", "add", "ada", "--role", "wizard"), "wizard"),
        (("users", "add", "ada"), "--role"),
        (("users", "add", "ada", "--role", "analyst", "--purpose", "marketing"), "marketing"),
        (("keys", "create", "k", "--role", "system", "--purpose", "marketing"), "marketing"),
        (("keys", "create", "k", "--role", "system", "--days", "0"), "--days"),
        (("users", "change", "nobody", "--cleared"), "nobody of this name"),
        (("users", "end", "nobody"), "nobody of this name"),
        (("keys", "rotate", "k"), "no key of this name"),
        (("keys", "end", "k"), "no key of this name"),
        (("audit", "verify", "--head", "audit:1:xyz"), "as it was printed"),
        (("audit", "verify", "--head", "other:1:" + "0" * 64), "as it was printed"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(arguments: tuple[str, ...], why: str) -> None:
    result = call(*arguments)
    assert result.exit_code != 0
    assert why in f"{result.output} {result.exception}"


def test_a_key_is_shown_once_rotated_and_ended(database_url: str) -> None:
    said = good(
        *("keys", "create", "census", "--role", "system", "--purpose", "education"),
        *("--source", "school_census", "--days", "90", "--per-minute", "60"),
    )
    assert said.count("the register has no source school_census yet") == 1
    (key,) = re.findall(r"mk_\S+", said)
    engine = open_database(database_url)
    with reading(engine) as connection:
        caller = caller_of_key(connection, key, None, now=now())
    assert (caller.unattended, caller.per_minute, caller.sources) == (True, 60, {"school_census"})
    rotated = good("keys", "rotate", "census", "--grace", "1")
    assert key not in rotated
    listed = good("keys", "list") + good("keys", "list", "--json")
    assert key.split("_", 2)[2] not in listed
    assert "replaced" in listed
    assert "2 keys are ended" in good("keys", "end", "census")
    attended = good("keys", "create", "desk", "--role", "system", "--attended")
    (key,) = re.findall(r"mk_\S+", attended)
    with reading(engine) as connection:
        assert not caller_of_key(connection, key, None, now=now()).unattended
    engine.dispose()


def test_logs_are_listed_and_proved_against_heads_and_backups(
    database_url: str, tmp_path: Path
) -> None:
    good("users", "add", "ada", "--role", "steward")
    heads = re.findall(r"^(?:audit|access):\S+$", good("audit", "verify"), re.MULTILINE)
    assert [head.split(":")[:2] for head in heads] == [["audit", "2"], ["access", "0"]]
    good("backup", tmp_path / "all.zip")
    good("users", "add", "grace", "--role", "analyst")
    good(
        "audit", "verify", "--head", heads[0], "--head", heads[1], "--backup", tmp_path / "all.zip"
    )
    entries = json.loads(good("audit", "list", "--json"))["entries"]
    assert [entry["what"] for entry in entries] == [
        *("person_invited", "person_added", "matcher backup", "person_invited", "person_added")
    ]
    about = json.loads(good("audit", "list", "--about", "person 2", "--json"))["entries"]
    assert len(about) == 2
    assert "no such entries" in good("audit", "list", "--by", "nobody")
    assert "no such entries" in good("audit", "list", "--after", "2999-01-01")
    assert "person_added" in good("audit", "list", "--limit", "2")


def test_a_log_that_was_altered_ends_with_status_1_and_names_the_entry(database_url: str) -> None:
    good("users", "add", "ada", "--role", "steward")
    engine = open_database(database_url)
    with writing(engine) as connection:
        unprotect(connection, "audit")
        connection.execute(update(Audit).where(Audit.id == 2).values(by="eve"))
    engine.dispose()
    result = call("audit", "verify")
    assert result.exit_code == 1
    assert "The log audit is not as it was written: entry 2" in result.output
    (broken,) = json.loads(call("audit", "verify", "--json").output)["broken"]
    assert (broken["log"], broken["entry"]) == ("audit", 2)
