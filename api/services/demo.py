"""The invented town: made, and linked as a demonstration."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import fixtures
from api.services.evaluating import evaluate_files
from api.services.linking import Extract, LinkRun, link_extracts
from api.services.observe import Recorder
from api.services.rules import load_rule_book, shipped_model, shipped_rules
from fixtures.generator import generate
from matcher.evaluate import Evaluation

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


@dataclass(frozen=True)
class Demonstration:
    """A run over the invented town, and how it compares with the truth."""

    run: LinkRun
    evaluation: Evaluation


def town_folder() -> Path:
    """The committed extracts of the invented town."""
    return Path(fixtures.__file__).parent / "town"


def run(out: Path, recorder: Recorder) -> Demonstration:
    """Link the invented town into ``out`` and evaluate the result."""
    town = town_folder()
    book = load_rule_book(shipped_rules())
    extracts = [Extract(source, town / name) for source, name in TOWN.items()]
    linked = link_extracts(extracts, book, shipped_model(book), out, recorder)
    shutil.copyfile(town / "truth.csv", out / "truth.csv")
    return Demonstration(
        linked,
        evaluate_files(out / "truth.csv", out / "crosswalk.csv", out / "links.csv"),
    )


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
