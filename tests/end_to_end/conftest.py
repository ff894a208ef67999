"""The invented town, linked once for all tests that only look at the result."""

from pathlib import Path

import pytest

from tests.end_to_end.command import GOOD, matcher, town_arguments


@pytest.fixture(scope="session")
def linked_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the town was linked."""
    folder = tmp_path_factory.mktemp("town")
    answer = matcher(folder, "link", "--out", "register", *town_arguments())
    assert answer.status == GOOD, answer.err
    return folder / "register"
