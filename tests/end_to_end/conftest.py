"""The invented town, linked once, and registers kept at the command line."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from api import cli
from api.db.engine import open_database
from api.services.jobs import handlers
from api.services.work import Pace, run_next
from tests.databases import Databases
from tests.end_to_end.command import GOOD, Answer, Call, town_arguments
from tests.end_to_end.command import matcher as call_installed
from tests.register_service.registers import shipped


@pytest.fixture(scope="session")
def linked_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the town was linked."""
    folder = tmp_path_factory.mktemp("town")
    answer = call_installed(folder, "link", "--out", "register", *town_arguments())
    assert answer.status == GOOD, answer.err
    return folder / "register"


@pytest.fixture
def matcher(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls the command in this process, which saves its start-up."""

    def run(*arguments: object) -> Answer:
        monkeypatch.setattr("sys.argv", ["matcher", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Answer(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def database(databases: Databases) -> str:
    """The URL of a register that holds nothing yet."""
    return databases.prepared()


@pytest.fixture
def call(matcher: Call, database: str) -> Call:
    """Calls the command with one database named."""
    return lambda *arguments: matcher(*arguments, "--database", database)


@pytest.fixture
def call_anew(matcher: Call, databases: Databases) -> Call:
    """The same with a database that is empty, or not there yet."""
    empty = databases.empty()
    return lambda *arguments: matcher(*arguments, "--database", empty)


@pytest.fixture
def work_through(database: str) -> Callable[[], None]:
    """Does all that is queued, as a worker would."""

    def work() -> None:
        engine = open_database(database)
        while run_next(engine, handlers(shipped()), "w", threading.Event(), Pace()):
            pass
        engine.dispose()

    return work
