"""What a call names, looked at before any work: a wrong call ends at once and writes nothing."""

import tempfile
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

import typer

from api.services.linking import RESULT_FILES, Extract

# What both databases can hold.
LARGEST_NUMBER = 2**63 - 1


def parse_extracts(extracts: list[str]) -> list[Extract]:
    """NAME=PATH of each extract."""
    named: list[Extract] = []
    for argument in extracts:
        name, separator, path = argument.partition("=")
        if not separator or not name or not path:
            raise _wrong(f"{argument!r} is not NAME=PATH, for example estart=members.csv")
        if not name.replace("_", "").replace("-", "").isalnum():
            raise _wrong(f"{name!r} is not a source name: use letters, digits, - and _")
        if not Path(path).exists():
            raise _wrong(f"{name}: there is no {path}")
        if name in {extract.source for extract in named}:
            raise _wrong(f"{name} is given twice; give each extract its own name")
        named.append(Extract(name, Path(path)))
    return named


def number(text: str) -> int:
    """The number of something in the register, of which none is as large as this may be."""
    try:
        found = int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a whole number") from None
    if abs(found) > LARGEST_NUMBER:
        raise typer.BadParameter("no number in a register is as large as this")
    return found


def require_folder(path: Path | None, option: str) -> None:
    """The folder, if one is named, is there."""
    if path is not None and not path.is_dir():
        is_file = f"{path} is a file, not a folder"
        raise _wrong(is_file if path.exists() else f"there is no folder {path}", option)


def require_file(path: Path | None, option: str) -> None:
    """The file, if one is named, is there."""
    if path is not None and not path.is_file():
        is_folder = f"{path} is a folder, not a file"
        raise _wrong(is_folder if path.is_dir() else f"there is no file {path}", option)


# What anything costs at most: sums of more are no numbers.
_HIGHEST_COST = 1e9


def require_costs(**costs: float) -> None:
    """Costs can be added up, and something costs something."""
    for name, cost in costs.items():
        if not cost <= _HIGHEST_COST:
            raise _wrong(f"{cost} is not a number up to {_HIGHEST_COST:,.0f}", f"--{name}")
    if not any(costs.values()):
        raise _wrong(
            "where nothing costs anything, no threshold is the best",
            ", ".join(f"--{name}" for name in costs),
        )


def require_writable(out: Path) -> None:
    """Results can be written into this folder, which need not be there yet."""
    if out.exists() and not out.is_dir():
        raise _wrong(f"{out} is a file, not a folder", "--out")
    there = next(parent for parent in [out, *out.absolute().parents] if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise _wrong(f"{there} cannot be written to: {error.strerror}", "--out") from error


def require_writable_file(out: Path) -> None:
    """A result can be written to this file, which need not be there yet."""
    if out.is_dir():
        raise _wrong(f"{out} is a folder; name a file", "--out")
    require_writable(out.absolute().parent)


def results_in(folder: Path) -> list[Path]:
    """The files that linking writes into a folder."""
    return [folder / name for name in RESULT_FILES]


def require_apart(written: Iterable[Path], read: Iterable[Path | None]) -> None:
    """Results must not take the place of what they are made from."""
    places = {path.resolve() for path in written}
    for path in read:
        if path is not None and path.resolve() in places:
            raise _wrong(f"the results would be written over {path}, which is read", "--out")


def day(text: str) -> date:
    """A date as it is written at the command line."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise typer.BadParameter("write a date as YYYY-MM-DD") from None


def _wrong(message: str, option: str | None = None) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint=option or "NAME=PATH")
