"""The invented town: made, and linked as a demonstration."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, Engine, func, select

import fixtures
from api.db.engine import open_database, reading, writing
from api.db.models import Child, Membership, Pair, Person, Run
from api.db.schema import require_current
from api.services.access.accounts import add_person, set_password
from api.services.access.purposes import purposes_of
from api.services.access.roles import Role
from api.services.deprivation import load_lookup
from api.services.evaluating import evaluate_files
from api.services.ingesting import ingest, link_what_waits
from api.services.observe import Recorder
from api.services.register.exporting import Export, export
from api.services.register.kept_rules import InForce, rules_in_force
from api.services.register.measures import register_measures
from api.services.rules import RuleBook, load_rule_book, shipped_model, shipped_rules
from fixtures.generator import generate
from matcher.evaluate import Evaluation
from matcher.outcomes import MeasureResult
from matcher.read import ReadResult

# Each source of the town, and where its extract lies in the folder.
TOWN = {
    "estart": "estart",
    "systmone": "systmone.zip",
    "school_census": "school_census",
    "ctf": "ctf.xml",
    "caf": "caf",
    "swift": "swift.xlsx",
    "tribal": "tribal.csv",
    "t234": "t234.xlsx",
    "eyfsp": "eyfsp.csv",
}


# The day on which the town's systems were exported.
TOWN_DAY = date(2025, 1, 16)
NAME = "demo"
# For everybody to read: it opens the invented town's register and nothing else. No register
# that has this person is served in production.
PASSWORD = "only an invented town"  # noqa: S105


@dataclass(frozen=True)
class Demonstration:
    """The register of the invented town, and how it compares with the truth.

    ``reports`` are the data-quality reports by source; ``changed`` says whether this call
    changed anything.
    """

    reports: Mapping[str, Mapping[str, Any]]
    counts: Mapping[str, int]
    evaluation: Evaluation
    measures: tuple[MeasureResult, ...]
    changed: bool


def town_folder() -> Path:
    """The committed extracts of the invented town."""
    return Path(fixtures.__file__).parent / "town"


def run(out: Path, recorder: Recorder) -> Demonstration:
    """Bring the invented town into a register in ``out``, write its files, and evaluate it."""
    out.mkdir(parents=True, exist_ok=True)
    with _rules() as directory:
        book = load_rule_book(directory)
        return _run(out, InForce(book, shipped_model(book)), recorder)


@contextmanager
def _rules() -> Iterator[Path]:
    """The shipped rules, but that no count is hidden: nobody in the town is real."""
    with TemporaryDirectory(prefix="rules-") as folder:
        copied = Path(folder) / "rules"
        shutil.copytree(shipped_rules(), copied)
        (copied / "disclosure.yaml").write_text("version: 1\nprofile: none\n", encoding="utf-8")
        yield copied


def _run(out: Path, offered: InForce, recorder: Recorder) -> Demonstration:
    engine = open_database(f"sqlite:///{out / 'register.db'}")
    try:
        require_current(engine)
        _let_in(engine, offered.book)
        reports, reads = _ingest_town(engine, offered, recorder)
        runs = link_what_waits(engine, offered, by=NAME, observer=recorder, reads=reads)
        with recorder.stage("write and measure"), reading(engine) as connection:
            for what in (Export.CROSSWALK, Export.LINKS, Export.REGISTER, Export.EVENTS):
                export(connection, what, out / f"{what}.csv")
            counts = _counts(connection)
            measures = register_measures(connection, rules_in_force(connection, offered).book)
    finally:
        engine.dispose()
    shutil.copyfile(town_folder() / "truth.csv", out / "truth.csv")
    evaluation = evaluate_files(out / "truth.csv", out / "crosswalk.csv", out / "links.csv")
    return Demonstration(reports, counts, evaluation, measures, changed=bool(runs))


def is_demonstration(connection: Connection) -> bool:
    """Whether this register has the person whose password everybody can read."""
    return connection.scalar(select(Person.id).where(Person.name == NAME)) is not None


def _let_in(engine: Engine, book: RuleBook) -> None:
    """Let somebody see everything of the invented town in a browser, and by deprivation."""
    with writing(engine) as connection:
        if is_demonstration(connection):
            return
        now = datetime.now(UTC)
        roles, purposes = set(Role) - {Role.SYSTEM}, purposes_of(book)
        who = add_person(connection, NAME, roles=roles, purposes=purposes, by=NAME, now=now)
        set_password(connection, who, PASSWORD, by=NAME, now=now)
        lookup = town_folder() / "deprivation.csv"
        load_lookup(connection, lookup, book.linkage.values, by=NAME, now=now)


def _ingest_town(
    engine: Engine, offered: InForce, recorder: Recorder
) -> tuple[dict[str, dict[str, Any]], dict[int, ReadResult]]:
    """Bring every extract in, to be linked together; their reports, and what was read."""
    reports, reads = {}, {}
    for source, name in TOWN.items():
        found = ingest(
            engine,
            offered,
            source=source,
            path=town_folder() / name,
            as_of=TOWN_DAY,
            mode="snapshot",
            by=NAME,
            observer=recorder,
            link=False,
        )
        reports[source] = found.report or {}
        if found.read is not None:
            reads[found.extract] = found.read
    return reports, reads


def _counts(connection: Connection) -> dict[str, int]:
    """What the register holds, and how many pairs its last run compared."""
    members = select(func.count()).select_from(Membership).where(Membership.to_run.is_(None))
    children = select(func.count()).select_from(Child).where(Child.to_run.is_(None))
    pairs = select(func.sum(Pair.link), func.sum(Pair.waiting))
    links, possible = connection.execute(pairs).one()
    last = connection.scalars(select(Run.counts).order_by(Run.id.desc()).limit(1)).one()
    return {
        "records_of_children": connection.scalar(members) or 0,
        "candidate_pairs": last["candidate_pairs"],
        "links": links or 0,
        "possible_links": possible or 0,
        "children": connection.scalar(children) or 0,
    }


def generate_town(
    children: int, seed: int, out: Path, recorder: Recorder, *, generic: bool
) -> dict[str, int]:
    """Write an invented town's extracts into ``out``; records by source."""
    with recorder.stage("generate") as advance:
        reached = 0

        def progress(_: str, done: int, __: int) -> None:
            nonlocal reached
            advance(max(done - reached, 0))
            reached = max(done, reached)

        return dict(generate(children, seed, out, native=not generic, progress=progress))
