"""The commands on every page run and print what the page shows; every link leads somewhere."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, all_pages, blocks_of, matches, run_page

PAGES = {str(page.relative_to(ROOT)): page for page in all_pages()}
WITH_COMMANDS = {
    name: page
    for name, page in PAGES.items()
    if any(block.language == "console" for block in blocks_of(page.read_text(encoding="utf-8")))
}

# Commands that are shown and not run here: they set up, serve until stopped, or run what runs this.
NOT_RUN = {
    "git clone ADDRESS child-register",
    "cd child-register",
    "make demo",
    "make test",
    "make check",
    "make format",
    "make lock",
    "make docs",
    "make clean",
    ".ci/run",
    "docker build --tag matcher .",
    ".venv/bin/matcher serve --database sqlite:///demo/register.db",
}


@pytest.mark.parametrize("page", WITH_COMMANDS.values(), ids=WITH_COMMANDS.keys())
def test_the_commands_of_a_page_print_what_it_shows(page: Path, tmp_path: Path) -> None:
    wrong = [
        f"{page.relative_to(ROOT)}:{step.line}: $ {step.command}\n"
        f"ended with {step.status} and printed:\n{step.printed}\n"
        for step in run_page(page, tmp_path)
        if not step.agrees
    ]
    assert not wrong, "\n".join(["`make docs` shows what is printed now.", *wrong])


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_shell_commands_that_are_not_run_are_known(page: Path) -> None:
    for block in blocks_of(page.read_text(encoding="utf-8")):
        if block.language in {"sh", "bash", "shell"}:
            commands = {line for line in block.text.splitlines() if not line.startswith("#")}
            assert commands <= NOT_RUN | {""}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_every_link_leads_to_a_file_and_heading(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        name, _, heading = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        if heading:
            assert heading in anchors(path), target


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


def test_every_page_is_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        for target in re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8")):
            path = (page.parent / target).resolve()
            if path.suffix == ".md" and path.exists():
                waiting.append(path)
    assert {page for page in PAGES.values() if page not in seen} == set()


@pytest.mark.parametrize(
    "shown, printed, same",
    [
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("...", "", True),
        ("...", "a\nb", True),
        ("a\n...", "a\nb\nc", True),
        ("...\nc", "a\nb\nc", True),
        ("took ... s", "took 1.2 s", True),
        ("a\n...\nd", "a\nb\nc", False),
        ("a b", "a c", False),
    ],
)
def test_dots_stand_for_anything(shown: str, printed: str, same: bool) -> None:
    assert matches(shown, printed) == same


def test_make_demo_only_sets_up_and_runs_the_demonstration() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^demo:[^\n]*\n((?:\t[^\n]*\n)+)", makefile, flags=re.MULTILINE)
    assert recipe is not None
    assert recipe[1].strip() == "@$(BIN)/matcher demo"
