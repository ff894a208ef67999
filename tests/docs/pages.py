"""Pages of the documentation whose commands are run and whose output is compared.

In a fenced ``console`` block, lines that begin with ``$`` are commands and the lines below
each are what it prints. ``...`` stands for anything: within a line, or as a line for any
number of lines. A block marked ``console status=1`` ends its last command with that status.
A fenced block marked ``file=NAME`` is written to that file before what follows runs.

A page runs from top to bottom in a folder that looks like a fresh copy of this software
after ``make demo``. To put what the commands print now into the pages, where they show
output in full:

    make docs
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.forking import where_programs_are

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(sys.executable).parent
COPIED = ("linkage_rules", "fixtures/town")

_FENCE = re.compile(r"^```(\w+)?[ ]?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page. ``line`` is that of its first line of text."""

    language: str
    marks: dict[str, str]
    text: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Step:
    """A command, what the page says it prints, and what it printed."""

    line: int
    command: str
    shown: str
    printed: str
    status: int
    expected_status: int

    @property
    def agrees(self) -> bool:
        """Whether the page tells the truth."""
        if self.status != self.expected_status:
            return False
        return not self.shown or matches(self.shown, self.printed)


def all_pages() -> list[Path]:
    """README and every page below docs."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(text: str) -> list[Block]:
    """Fenced blocks of a page."""
    found = []
    for match in _FENCE.finditer(text):
        marks = dict(mark.split("=", 1) for mark in match[2].split() if "=" in mark)
        line = text.count("\n", 0, match.start(3)) + 1
        found.append(Block(match[1] or "", marks, match[3], line, match.start(3), match.end(3)))
    return found


def commands_of(block: Block) -> Iterator[tuple[int, str, str]]:
    """Line, command and shown output of each command of a console block."""
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    line = block.line + parts[0].count("\n")
    for part in parts[1:]:
        lines = part.split("\n")
        length = 1
        while lines[length - 1].endswith("\\"):
            length += 1
        yield line, "\n".join(lines[:length]), "\n".join(lines[length:]).strip("\n")
        line += part.count("\n")


def matches(shown: str, printed: str) -> bool:
    """Whether output is as shown, where ``...`` stands for anything."""
    if shown.strip() == "...":
        return True
    pattern = re.escape("\n".join(_tidy(shown)))
    pattern = re.sub(r"(?m)^\\\.\\\.\\\.\\\n", r"(?:.*\\n)*?", pattern)
    pattern = re.sub(r"(?m)\\\n\\\.\\\.\\\.$", r"(?:\\n.*)*", pattern)
    pattern = pattern.replace(r"\.\.\.", "[^\\n]*")
    return re.fullmatch(pattern, "\n".join(_tidy(printed))) is not None


def _tidy(text: str) -> list[str]:
    """Lines without white space at their ends, nor empty lines before and after."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n").split("\n")


def run_page(page: Path, folder: Path) -> list[Step]:
    """Run a page from top to bottom in this folder, which must be empty."""
    _furnish(folder)
    try:
        return _run_blocks(page, folder)
    finally:
        # A server that a page began and, having failed, did not end.
        for known in folder.glob("*.pid"):
            with suppress(ProcessLookupError):
                os.kill(int(known.read_text()), signal.SIGTERM)


def _run_blocks(page: Path, folder: Path) -> list[Step]:
    steps: list[Step] = []
    for block in blocks_of(page.read_text(encoding="utf-8")):
        if "file" in block.marks:
            path = folder / block.marks["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            commands = list(commands_of(block))
            for number, (line, command, shown) in enumerate(commands, start=1):
                status = int(block.marks.get("status", 0)) if number == len(commands) else 0
                steps.append(_run(command, line, shown, status, folder))
    return steps


def _furnish(folder: Path) -> None:
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(SCRIPTS.parent)


def _run(command: str, line: int, shown: str, expected: int, folder: Path) -> Step:
    # What `make demo` does once everything is set up.
    called = "matcher demo" if command == "make demo" else command
    done = subprocess.run(
        ["bash", "-c", called],
        cwd=folder,
        env={
            "PATH": where_programs_are(),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "COLUMNS": "100" if command == "make demo" else "80",
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    printed = done.stdout
    if done.returncode:
        # Progress bars are drawn on the same stream as messages; pages show messages.
        printed += "\n".join(line for line in done.stderr.splitlines() if "━" not in line)
    return Step(line, command, shown, printed, done.returncode, expected)


def refreshed(page: Path, steps: list[Step]) -> str:
    """The page with what commands printed now, as far as the page shows it."""
    lines = page.read_text(encoding="utf-8").split("\n")
    for step in reversed(steps):
        if not step.shown or step.agrees or step.status != step.expected_status:
            continue
        first = step.line + step.command.count("\n")
        while not lines[first].strip():
            first += 1
        shown = step.shown.splitlines()
        lines[first : first + len(shown)] = _renewed(shown, step.printed)
    return "\n".join(lines)


def _renewed(shown: list[str], printed: str) -> list[str]:
    """Shown lines replaced by printed ones; lines of dots stay, and each part between them.

    The first part is taken from the beginning, the last from the end, any other from where
    its first line is printed.
    """
    now = _tidy(printed)
    parts: list[list[str]] = [[]]
    for line in shown:
        if line.strip() == "...":
            parts.append([])
        else:
            parts[-1].append(line)
    if len(parts) == 1:
        return now
    renewed = now[: len(parts[0])]
    for number, part in enumerate(parts[1:], start=1):
        last = number == len(parts) - 1
        start = len(now) - len(part) if last else None
        if start is None and part and part[0] in now:
            start = now.index(part[0])
        renewed += ["...", *(part if start is None else now[start : start + len(part)])]
    return renewed


def main() -> None:
    """Refresh every page, or those that are named."""
    named = [Path(name).resolve() for name in sys.argv[1:]] or all_pages()
    for page in named:
        with tempfile.TemporaryDirectory() as folder:
            steps = run_page(page, Path(folder))
        text = refreshed(page, steps)
        if text != page.read_text(encoding="utf-8"):
            page.write_text(text, encoding="utf-8")
            print(f"{page.relative_to(ROOT)}: refreshed")
        for step in steps:
            now = "\n".join(_renewed(step.shown.splitlines(), step.printed))
            shows_it = not step.shown or matches(now, step.printed)
            if step.status != step.expected_status or not shows_it:
                print(f"{page.relative_to(ROOT)}: look at: $ {step.command}")
                print(f"It ended with {step.status} and printed:\n{step.printed}")


if __name__ == "__main__":
    main()
