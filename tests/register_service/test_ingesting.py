"""What is told of an extract when the work on it fails on the way."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from api.db.engine import reading
from api.db.models import Extract
from api.failures import tell
from api.services import ingesting
from api.services.ingesting import Ingested, ingest
from matcher.errors import DataError, ExtractRefused
from matcher.progress import Silent
from tests.register_service.extracts import people
from tests.register_service.registers import shipped

LIST = people([{"record_id": "1", "forename": "Ada"}])


def brought(engine: Engine, folder: Path, source: str = "toddlers") -> Ingested:
    path = folder / "people.csv"
    path.write_text(LIST, encoding="utf-8")
    return ingest(
        engine,
        shipped(),
        source=source,
        path=path,
        as_of=date(2024, 9, 1),
        mode="snapshot",
        by="analyst",
        observer=Silent(),
    )


@pytest.mark.parametrize(
    ("stage", "error", "state", "says"),
    [
        ("run_register", KeyError("Quillfeather"), "accepted", "1 is accepted and waits to be"),
        ("run_register", MemoryError(), "accepted", "1 is accepted and waits to be linked"),
        ("run_register", DataError("no"), "accepted", "no; extract 1 is accepted and waits"),
        ("validate", KeyError("Quillfeather"), "received", "extract 1 is received"),
    ],
)
def test_work_that_fails_after_an_extract_was_received_tells_how_that_stands(
    engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    error: Exception,
    state: str,
    says: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(ingesting, stage, fail)
        with pytest.raises(type(error)) as failed:
            brought(engine, tmp_path)
    told = tell(failed.value).message
    assert says in told
    assert "othing was written" not in told
    assert "Quillfeather" not in told
    with reading(engine) as connection:
        assert connection.scalar(select(Extract.state)) == state
    assert brought(engine, tmp_path).state == "current"


def test_work_that_fails_before_says_that_nothing_was_written(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("Quillfeather")

    monkeypatch.setattr(ingesting, "receive", fail)
    with pytest.raises(KeyError) as failed:
        brought(engine, tmp_path)
    assert tell(failed.value).message.endswith("; nothing was written")


def test_a_file_of_another_source_is_refused_and_changes_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    assert brought(engine, tmp_path, "tribal").state == "current"
    with pytest.raises(ExtractRefused, match="extract 1 of tribal") as refused:
        brought(engine, tmp_path, "estart")
    assert tell(refused.value).details["code"] == "other_source"
