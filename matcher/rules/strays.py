"""Files in a directory of rules that nothing reads, such as one whose name is mistyped."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from matcher.errors import RuleProblem

FILES = (
    "disclosure.yaml",
    "groups.yaml",
    "loading.yaml",
    "matching.yaml",
    "names.yaml",
    "retention.yaml",
    "review.yaml",
    "survivorship.yaml",
    "values.yaml",
)
FOLDERS = ("measures", "models", "sources")

_NOTES = {".md", ".txt"}


def stray_files(directory: Path) -> list[RuleProblem]:
    """What lies in a directory of rules and would be passed over in silence.

    Hidden files, and notes in .md and .txt, are anybody's own affair.
    """
    problems = []
    for path in _visible(directory):
        if path.is_dir():
            if path.name in FOLDERS:
                problems += [_stray(found) for found in _visible(path) if not _is_rule(found)]
            else:
                remedy = _remedy(path.name, FOLDERS)
                problems.append(RuleProblem(path, 1, f"unknown folder, which is not read{remedy}"))
        elif path.name not in FILES:
            problems.append(_stray(path, FILES))
    return problems


def _visible(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.iterdir()):
        ours = path.name.startswith(".") or path.name == "__pycache__"
        # Windows hides endings: a rule file may have become "matching.yaml.txt".
        note = path.suffix.lower() in _NOTES and Path(path.stem).suffix not in {".yaml", ".yml"}
        if not ours and not note:
            yield path


def _is_rule(path: Path) -> bool:
    return path.suffix == ".yaml" and path.is_file()


def _stray(path: Path, names: tuple[str, ...] = ()) -> RuleProblem:
    if path.is_dir():
        return RuleProblem(path, 1, "unknown folder, which is not read")
    if not names and path.suffix.lower() in {".yml", ".yaml"}:
        return RuleProblem(path, 1, f"not read: rename it to {path.stem}.yaml")
    return RuleProblem(path, 1, f"unknown file, which is not read{_remedy(path.name, names)}")


def _remedy(name: str, names: tuple[str, ...]) -> str:
    close = get_close_matches(name.lower(), names, n=1, cutoff=0.75)
    return f": should it be called {close[0]}?" if close else ": remove it, or put a . before it"
