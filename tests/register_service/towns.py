"""Small invented towns in a register."""

import atexit
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, Engine, update

from api.db.engine import writing
from api.db.models import Extract, ExtractState
from api.services.demo import TOWN
from api.services.deprivation import load_lookup
from api.services.extracts import receive
from api.services.register.running import RunResult, run_register
from fixtures.generator import generate
from tests.register_service.registers import DAY, NOW, shipped

SOURCES = ("caf", "estart", "school_census", "swift", "systmone", "t234", "tribal")


@cache
def town_files(children: int = 60, seed: int = 5, *, native: bool = False) -> Mapping[str, Path]:
    """A town's extracts by source: plain lists of people, or with activity in native formats."""
    kept = TemporaryDirectory(prefix="town-")
    atexit.register(kept.cleanup)
    folder = Path(kept.name)
    generate(children, seed, folder, native=native)
    names = TOWN if native else {name: f"{name}.csv" for name in SOURCES}
    return {source: folder / name for source, name in names.items()}


def accept_extract(connection: Connection, source: str, path: Path) -> None:
    """Have the next run load an extract."""
    received = receive(
        connection,
        source=source,
        path=path,
        as_of=DAY,
        mode="snapshot",
        by="analyst",
        book=shipped().book,
        now=NOW,
    )
    mine = update(Extract).where(Extract.id == received.extract)
    connection.execute(mine.values(state=ExtractState.ACCEPTED))


def load_town(
    engine: Engine, files: Mapping[str, Path], *, at_once: bool = True
) -> list[RunResult]:
    """Load extracts in one run, or each in its own."""
    results: list[RunResult] = []
    with writing(engine) as connection:
        for source, path in files.items():
            accept_extract(connection, source, path)
            if not at_once:
                results += run_register(connection, shipped(), by="analyst", now=NOW)
        return results + run_register(connection, shipped(), by="analyst", now=NOW)


def fill_with_groups(engine: Engine) -> None:
    """A town whose records state ethnic groups, with the lookup of its deprivation."""
    files = town_files(250, 9, native=True)
    load_town(engine, files)
    with writing(engine) as connection:
        lookup, values = files["ctf"].parent / "deprivation.csv", shipped().book.linkage.values
        load_lookup(connection, lookup, values, by="steward", now=NOW)
