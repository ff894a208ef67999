"""The reference names exactly the settings, tables and states that there are."""

import re

from api.db.engine import PATIENCE_SECONDS
from api.db.models import JobState, Table
from api.services.work import Pace
from api.settings import Settings
from tests.docs.test_reference import REFERENCE, listed, section


def test_every_setting_is_described_with_its_default() -> None:
    prefix = Settings.model_config["env_prefix"]
    there = {
        f"{prefix}{name}".upper(): str(one.default) for name, one in Settings.model_fields.items()
    }
    rows = re.findall(r"^\| `(\w+)` \| `(.*)` \| .+ \|$", section("settings.md", "Settings"), re.M)
    assert dict(rows) == there
    for name in there:
        assert section("settings.md", name)


def test_every_table_is_listed() -> None:
    assert sorted(listed("database.md", "Tables")) == sorted(Table.metadata.tables)


def test_every_state_of_a_job_is_listed() -> None:
    assert listed("database.md", "Queued work") == [state.value for state in JobState]


def test_the_times_that_the_page_tells_are_those_that_hold() -> None:
    text = (REFERENCE / "database.md").read_text(encoding="utf-8")
    assert "waits up to a minute" in text
    assert PATIENCE_SECONDS == 60
    assert "half a minute" in text
    assert "three attempts" in text
    assert "twenty\nworkers" in text
    assert (Pace().stale_after, Pace().attempts, Pace().losses) == (30, 3, 20)
