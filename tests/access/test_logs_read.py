"""Both logs are read as one list, and proved as one."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from api.db.append_only import unprotect
from api.db.engine import reading, writing
from api.db.models import Access
from api.services.access.access_log import AccessEntry, AccessLog
from api.services.access.audit import note_act
from api.services.access.reading_logs import LogEntry, Verified, list_entries, verify_logs
from tests.access.conftest import NOW

MINUTE = timedelta(minutes=1)


@pytest.fixture
def logs(engine: Engine, aside: Engine) -> None:
    with AccessLog(aside) as log:
        for number in range(3):
            log.enter(
                AccessEntry(
                    at=NOW + 2 * number * MINUTE,
                    by="census",
                    route="GET /v1/children/{child_id}",
                    about=[f"C{number}", "C9"],
                    status=200,
                    request="r",
                    purpose="education",
                )
            )
    with writing(engine) as connection:
        for number in range(3):
            at = NOW + (2 * number + 1) * MINUTE
            note_act(connection, "shielded", f"shield {number}", by="ada", now=at)


def entries(engine: Engine, aside: Engine, **wanted: object) -> list[LogEntry]:
    with reading(engine) as connection, reading(aside) as beside:
        return list_entries(connection, beside, **wanted)  # type: ignore[arg-type]


def test_acts_and_accesses_are_one_list_the_latest_first(
    logs: None, engine: Engine, aside: Engine
) -> None:
    found = entries(engine, aside)
    assert [entry.log for entry in found] == ["audit", "access"] * 3
    assert [entry.at for entry in found] == [NOW + n * MINUTE for n in range(5, -1, -1)]
    assert found[0].about == ["shield 2"]
    assert (found[1].what, found[1].status) == ("GET /v1/children/{child_id}", 200)


def test_entries_are_found_by_what_they_are_about_who_made_them_and_when(
    logs: None, engine: Engine, aside: Engine
) -> None:
    assert [entry.id for entry in entries(engine, aside, about="C1")] == [2]
    assert len(entries(engine, aside, about="C9")) == 3
    assert [entry.what for entry in entries(engine, aside, about="shield 1")] == ["shielded"]
    assert entries(engine, aside, about="C") == []
    assert {entry.log for entry in entries(engine, aside, by="ada")} == {"audit"}
    assert len(entries(engine, aside, after=NOW + 4 * MINUTE)) == 2
    assert [entry.at for entry in entries(engine, aside, limit=1)] == [NOW + 5 * MINUTE]
    assert entries(engine, aside, by="ada", about="C9") == []


def verified(engine: Engine, aside: Engine) -> Verified:
    with reading(engine) as connection, reading(aside) as beside:
        return verify_logs(connection, beside, {})


def test_both_logs_are_proved_and_the_broken_one_is_named(
    logs: None, engine: Engine, aside: Engine
) -> None:
    good = verified(engine, aside)
    assert good.broken == []
    assert {name: head.entries for name, head in good.heads.items()} == {"audit": 3, "access": 3}
    with writing(aside) as connection:
        unprotect(connection, "access")
        connection.execute(update(Access).where(Access.id == 2).values(about=["C5"]))
    (fault,) = verified(engine, aside).broken
    assert (fault.log, fault.entry) == ("access", 2)
