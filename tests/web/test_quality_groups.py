"""The page of quality by group, on a register that knows groups and on one that does not."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api.db.engine import open_database
from api.services.access.roles import Role
from tests.databases import Databases
from tests.register_service.towns import fill_with_groups
from tests.web.conftest import SignIn


@pytest.fixture
def engine(databases: Databases) -> Iterator[Engine]:
    """That of a town whose records state ethnic groups."""
    found = open_database(databases.filled("a town with groups", fill_with_groups))
    yield found
    found.dispose()


def text_of(client: TestClient) -> str:
    answer = client.get("/quality/groups")
    assert answer.status_code == 200
    return " ".join(answer.text.split())


def test_each_grouping_has_a_gap_a_chart_and_its_table(sign_in: SignIn) -> None:
    client = sign_in(Role.STEWARD)
    assert 'href="/quality/groups"' in client.get("/quality").text
    page = text_of(client)
    for words in ("By ethnic group", "By deprivation", "By source", "Asian: Pakistani"):
        assert words in page
    assert "<bdi>Child health records</bdi>, from age 0 to 17" in page
    assert "<bdi>School census</bdi>, from age 5 to 9" in page
    assert "Counts from 1 to 9 are hidden." in page
    assert "Too few children to say whether one group is found less often" in page
    assert "Too few to say" in page
    assert "There is no clear gap between the groups. The group “Asian: Pakistani” has" in page
    assert "lowest share, 0.0 percentage points below the other groups together" in page
    for name in ("ethnic_group", "deprivation", "source"):
        if f"/quality/groups/{name}.svg" in page:
            chart = client.get(f"/quality/groups/{name}.svg")
            assert (chart.status_code, chart.headers["content-type"]) == (200, "image/svg+xml")
    assert "/quality/groups/source.svg" in page
    assert client.get("/quality/groups/surname.svg").status_code == 404


class TestNothingIsLinked:
    """An empty register."""

    @pytest.fixture
    def engine(self, databases: Databases) -> Iterator[Engine]:
        found = open_database(databases.prepared())
        yield found
        found.dispose()

    def test_there_is_nothing_to_tell(self, sign_in: SignIn) -> None:
        client = sign_in(Role.STEWARD)
        assert "Nothing is linked yet" in text_of(client)
        assert client.get("/quality/groups/source.svg").status_code == 404
