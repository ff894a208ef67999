"""Runs ``matcher`` in a folder of its own, as another process."""

import csv
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from api.services.demo import TOWN as TOWN_EXTRACTS
from tests.forking import where_programs_are

ROOT = Path(__file__).parents[2]
TOWN = ROOT / "fixtures" / "town"
RULES = ROOT / "linkage_rules"

GOOD, DATA_PROBLEM, WRONG_CALL = 0, 1, 2


@dataclass(frozen=True)
class Answer:
    """What a call gave back."""

    status: int
    out: str
    err: str


def environment(home: Path) -> dict[str, str]:
    """An environment with nothing in it but where programs are."""
    return {
        "PATH": where_programs_are(),
        "HOME": str(home),
        "LANG": "C.UTF-8",
    }


Call = Callable[..., Answer]


def matcher(folder: Path, *arguments: str | Path) -> Answer:
    """Call ``matcher`` with these arguments, in this folder."""
    known = environment(folder)
    done = subprocess.run(
        [which("matcher", path=known["PATH"]) or "", *map(str, arguments)],
        cwd=folder,
        env=known,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def town_arguments() -> list[str]:
    """NAME=PATH of every extract of the invented town."""
    return [f"{source}={TOWN / name}" for source, name in TOWN_EXTRACTS.items()]


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by name, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def write(path: Path, text: str) -> Path:
    """Write a text file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
