"""What a preview of other thresholds says, in words that say what they count."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.db.engine import writing
from api.rest.service import Service, opened
from api.services.access.roles import Role
from api.services.previews import Wanted, ask_for_preview
from tests.databases import Databases
from tests.register_service.registers import shipped
from tests.register_service.reviewed import reviewed
from tests.rest.work import do_work
from tests.web.conftest import SignIn


@pytest.fixture
def service(databases: Databases, tmp_path: Path) -> Iterator[Service]:
    with reviewed(databases, tmp_path) as register, opened(register.engine, shipped()) as found:
        yield found


def test_a_preview_shows_how_far_it_is_and_names_what_it_counts(
    service: Service, sign_in: SignIn
) -> None:
    client = sign_in(Role.STEWARD)
    with writing(service.engine) as connection:
        number = ask_for_preview(connection, Wanted(lower=0.0), by="test", now=datetime.now(UTC))
    address = f"/quality/previews/{number}"
    asked = {"HX-Request": "true"}
    waiting = client.get(address, headers=asked)
    assert "<progress" in waiting.text and "Check again" in waiting.text
    do_work(service)
    assert client.get(address, headers=asked).headers["HX-Redirect"] == address
    told = client.get(address).text
    for words in ("Children new to the register", "Records that joined a child", "hidden"):
        assert words in told
    assert "Gap in good level of development by free school meals" in told
    for raw in ("Gld", "Founded", "not told"):
        assert raw not in told


def test_a_chart_for_a_phone_is_narrower(service: Service, sign_in: SignIn) -> None:
    client = sign_in(Role.STEWARD)
    width = {}
    for narrow in ("0", "1"):
        drawn = client.get(f"/quality/weights.svg?narrow={narrow}").text
        width[narrow] = float(drawn.partition(' width="')[2].partition('"')[0])
    assert width["1"] <= 360 < width["0"]
