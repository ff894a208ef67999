"""The page of measures says which counts are hidden, and where there is nobody to count."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert

from api.db.engine import reading, writing
from api.db.models import KeptMeasures
from api.rest.service import Service, opened
from api.services.access.accounts import add_person
from api.services.access.roles import Role
from api.services.demo import NAME
from api.services.register.kept_rules import last_rules
from api.services.register.measures import register_measures
from api.services.register.reading import last_run
from matcher.intervals import Proportion
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


def keep(register: Reviewed, *, compared: bool = False, **values: Any) -> None:
    """One measure of the last run, with other values than were worked out."""
    with reading(register.engine) as connection:
        book, run = last_rules(connection).book, last_run(connection)
        results = [as_dict(one) for one in register_measures(connection, book)]
    one = next(one for one in results if one["compared"] == compared)
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
        connection.execute(delete(KeptMeasures))
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


def group(name: str, numerator: int, denominator: int) -> dict[str, Any]:
    """One side of a gap, as it was worked out."""
    found = Proportion(numerator, denominator)
    limits = None if found.interval is None else {"lower": 0.4, "upper": 0.6}
    share: dict[str, Any] = {
        "numerator": numerator,
        "denominator": denominator,
        "value": found.value,
    }
    share |= {"interval": limits}
    return {"name": name, "text": f"group {name}", "share": share}


@pytest.mark.parametrize("profile", ["none", "nhs_digital"])
@pytest.mark.parametrize(
    ("yes", "no", "says"),
    [
        ((0, 0), (0, 0), "No children in the groups that it compares"),
        ((0, 0), (40, 80), "No children in one of the groups that it compares"),
        ((40, 80), (0, 0), "No children in one of the groups that it compares"),
    ],
    ids=["both empty", "first empty", "second empty"],
)
def test_a_gap_of_which_a_group_is_empty_is_told_as_that_and_not_as_hidden(
    register: Reviewed,
    sign_in: SignIn,
    monkeypatch: pytest.MonkeyPatch,
    profile: str,
    yes: tuple[int, int],
    no: tuple[int, int],
    says: str,
) -> None:
    parts = [group("yes", *yes), group("no", *no)]
    both = {"numerator": yes[0] + no[0], "denominator": yes[1] + no[1]}
    keep(register, compared=True, parts=parts, cohort=both["denominator"], **both)
    monkeypatch.setattr("api.web.measures._profile", lambda _: PROFILES[profile])
    told = shown_text(sign_in(Role.MEASURES_READER).get("/measures").text)
    assert says in told
    assert "Hidden" not in told and "hidden" not in told.replace("are hidden", "")


def test_a_gap_that_is_hidden_is_still_told_as_hidden(register: Reviewed, sign_in: SignIn) -> None:
    parts = [group("yes", 2, 3), group("no", 1, 4)]
    keep(register, compared=True, parts=parts, cohort=7, numerator=3, denominator=7)
    told = shown_text(sign_in(Role.MEASURES_READER).get("/measures").text)
    assert "Hidden , because a count that it rests on is too small to be told" in told


def test_what_could_move_a_measure_is_told_with_its_unit_and_only_where_something_could(
    register: Reviewed, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.web.measures._profile", lambda _: PROFILES["none"])
    all_linked = {"sources": "school_census", "text": "no record in school_census", "count": 0}
    counts = {"numerator": 40, "denominator": 80, "cohort": 80, "value": 50.0}
    counts |= {"value_rounded": "50.0", "unlinked_by_source": [all_linked]}
    nothing = dict.fromkeys(("accepted_numerator", "accepted_denominator"), None)
    between = {"refused": 50.0, "accepted": 51.5, "accepted_unlinked": 0, **nothing}
    reader = sign_in(Role.MEASURES_READER)
    keep(register, range=between, **counts)
    told = shown_text(reader.get("/measures").text)
    moved = (
        "If every possible link were refused it would be 50.0%, if every one were accepted 51.5%."
    )
    assert moved in told
    assert "not linked" not in told
    keep(register, range={**between, "accepted": 50.0}, **counts)
    told = shown_text(reader.get("/measures").text)
    assert "Whether every possible link were refused or accepted, it would be 50.0%." in told
    keep(register, range=None, **counts)
    assert "How sure this is" not in reader.get("/measures").text
    gap = {"parts": [group("yes", 40, 80), group("no", 20, 80)], "value": -13.9}
    gap |= {"value_rounded": "-13.9", "range": {**between, "refused": -13.9, "accepted": -13.0}}
    keep(register, compared=True, **{**counts, **gap})
    told = shown_text(reader.get("/measures").text)
    assert "would be −13.9 percentage points, if every one were accepted −13.0 percentage" in told


def shown_text(page: str) -> str:
    """The words of a page, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())
