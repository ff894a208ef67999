"""The pages of linkage quality: drawing a sample, what it says, and what blocking did."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from markupsafe import escape
from sqlalchemy import Engine, select

from api.db.engine import open_database, reading, writing
from api.db.models import JobState, SampledPair
from api.rest.service import Service
from api.services.access.roles import Role
from api.services.jobs import handlers
from api.services.register.acts import keys_of
from api.services.register.deciding import decide
from api.services.review.sampling import DRAW
from api.services.work import Pace, find, run_next
from tests.databases import Databases
from tests.register_service.registers import shipped
from tests.register_service.towns import fill_with_groups
from tests.web.conftest import SignIn, token_in


@pytest.fixture
def engine(databases: Databases) -> Iterator[Engine]:
    """That of a town."""
    found = open_database(databases.filled("a town with groups", fill_with_groups))
    yield found
    found.dispose()


def work_off(service: Service) -> None:
    """What a worker would do."""
    task = run_next(service.engine, handlers(shipped()), "test", threading.Event(), Pace())
    assert task is not None
    job = find(service.engine, task.id)
    assert job is not None and (job.kind, job.state, job.problem) == (DRAW, JobState.DONE, None)


def text_of(client: TestClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(answer.text.split())


def draw(client: TestClient, size: str) -> tuple[int, str]:
    csrf = token_in(client.get("/quality/samples").text)
    answer = client.post("/quality/samples", data={"csrf": csrf, "size": size})
    return answer.status_code, " ".join(answer.text.split())


def test_a_senior_reviewer_draws_a_sample_and_its_answers_give_estimates(
    sign_in: SignIn, engine: Engine, service: Service
) -> None:
    client = sign_in(Role.SENIOR_REVIEWER)
    assert "No sample has been drawn yet" in text_of(client, "/quality/samples")
    for typed, message in (("many", "Enter how many pairs to draw"), ("9", "from 100 to 5,000")):
        status, page = draw(client, typed)
        assert status == 422
        assert message in page
    assert draw(client, "150")[0] == 303
    page = text_of(client, "/quality/samples")
    assert "A sample is being drawn" in page and "no worker is running" in page
    csrf = token_in(client.get("/account").text)
    again = client.post("/quality/samples", data={"csrf": csrf, "size": "150"})
    assert again.status_code == 422 and "being drawn already" in again.text
    work_off(service)
    polled = client.get("/quality/samples", headers={"HX-Request": "true"})
    assert polled.headers["HX-Redirect"] == "/quality/samples"
    page = text_of(client, "/quality/samples")
    assert "Sample 1" in page and "being drawn" not in page
    assert "0 of 150 pairs" in page
    assert page.count("Too few answers to say") == 2
    with writing(engine) as connection:
        sampled = connection.execute(select(SampledPair)).all()
        keys = keys_of(connection, [end for one in sampled for end in (one.low, one.high)])
        for one in sampled:
            kind = "match" if one.stratum.startswith(("links", "together")) else "non_match"
            decide(
                connection,
                kind=kind,
                one=keys[one.low],
                other=keys[one.high],
                why="a test",
                by="test",
                now=datetime.now(UTC),
            )
    page = text_of(client, "/quality/samples")
    assert page.count("100.0%, from 9") == 2
    assert "150 of 150 pairs" in page
    with reading(engine) as connection:
        drawn = connection.scalars(select(SampledPair.chance)).all()
    assert 0 < min(drawn) < max(drawn) <= 1
    assert draw(client, "1,000")[0] == 303
    work_off(service)
    assert "Earlier samples" in text_of(client, "/quality/samples")


def test_who_may_not_settle_reviews_sees_samples_and_draws_none(sign_in: SignIn) -> None:
    client = sign_in(Role.REVIEWER)
    assert "In force: −3 and 3" in text_of(client, "/quality")
    assert "Draw a sample" not in text_of(client, "/quality/samples")


def test_the_blocking_report_has_each_rule_in_words(sign_in: SignIn) -> None:
    page = text_of(sign_in(Role.STEWARD), "/quality/blocking")
    for rule in shipped().book.linkage.matching.blocking:
        assert f"<bdi>{escape(rule.name)}</bdi>" in page
    assert "Forename (first 4 characters); date of birth" in page
    assert "(large blocks also by birth year)" in page
    assert "NHS number" in page


class TestNothingIsLinked:
    """An empty register."""

    @pytest.fixture
    def engine(self, databases: Databases) -> Iterator[Engine]:
        found = open_database(databases.prepared())
        yield found
        found.dispose()

    def test_there_is_nothing_to_draw(self, sign_in: SignIn) -> None:
        client = sign_in(Role.STEWARD)
        assert "Nothing is linked yet" in text_of(client, "/quality/samples")
        csrf = token_in(client.get("/quality/samples").text)
        assert (
            "nothing is linked yet"
            in client.post("/quality/samples", data={"csrf": csrf, "size": "300"}).text.lower()
        )
