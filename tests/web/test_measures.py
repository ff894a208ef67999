"""The page of measures says which counts are hidden, and where there is nobody to count."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from api.db.engine import reading, writing
from api.db.models import KeptMeasures
from api.rest.service import Service, opened
from api.services.access.accounts import add_person
from api.services.access.roles import Role
from api.services.demo import NAME
from api.services.register.kept_rules import last_rules
from api.services.register.measures import register_measures
from api.services.register.reading import last_run
from matcher.outcomes import PROFILES, as_dict
from tests.databases import Databases
from tests.register_service.registers import shipped
from tests.register_service.reviewed import Reviewed, reviewed
from tests.web.conftest import SignIn


@pytest.fixture
def register(databases: Databases, tmp_path: Path) -> Iterator[Reviewed]:
    with reviewed(databases, tmp_path) as found:
        yield found


@pytest.fixture
def service(register: Reviewed) -> Iterator[Service]:
    with opened(register.engine, shipped()) as found:
        yield found


def keep(register: Reviewed, **values: Any) -> None:
    """One measure of the last run, with other values than were worked out."""
    with reading(register.engine) as connection:
        book, run = last_rules(connection).book, last_run(connection)
        results = [as_dict(one) for one in register_measures(connection, book)]
    (one,) = (one for one in results if not one["compared"])
    row = {
        "run": run,
        "rules": book.content_hash,
        "computed_at": datetime.now(UTC),
        "results": {
            "measures": [
                {**one, "why_not": None, "reception_year": 2023, "unit": "child", **values}
            ]
        },
    }
    with writing(register.engine) as connection:
        connection.execute(insert(KeptMeasures).values(row))


def test_a_count_that_is_hidden_is_told_as_one_and_nobody_to_count_as_nobody(
    register: Reviewed, sign_in: SignIn
) -> None:
    few = {"sources": "school_census", "text": "no record in school_census", "count": 3}
    left = {"text": "results of another framework", "count": 2, "code": "framework"}
    keep(register, cohort=3, unlinked=3, unlinked_by_source=[few], excluded=[left])
    page = sign_in(Role.MEASURES_READER).get("/measures").text
    told = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "of the year are not linked is hidden: no record in" in told
    assert "Hidden children" not in told and "Hidden left out" not in told
    assert "How many are left out is hidden: results of another framework." in told
    assert "No children to work it out of" in told
    assert "too small to be told" not in told
    assert "All 0 0 none to count none to count" in told


def test_that_nothing_is_hidden_of_the_invented_town_is_told_as_so_of_it_alone(
    register: Reviewed, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(register)
    reader, told = sign_in(Role.MEASURES_READER), "the rules that come with this software hide"
    monkeypatch.setattr("api.web.measures._profile", lambda _: PROFILES["none"])
    exact = reader.get("/measures").text
    assert "Counts are exact." in exact and told not in exact
    with writing(register.engine) as connection:
        add_person(
            connection, NAME, roles=[Role.STEWARD], purposes=(), by="test", now=datetime.now(UTC)
        )
    assert told in reader.get("/measures").text
    monkeypatch.undo()
    assert told not in reader.get("/measures").text
