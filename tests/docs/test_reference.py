"""The reference names exactly what there is: columns, codes, keys and commands."""

import ast
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from api.cli import app
from matcher.frames import ACTIVITY_COLUMNS, REJECT_COLUMNS
from matcher.links import LINK_COLUMNS
from matcher.read.notes import NOTES
from matcher.read.rejects import MESSAGES
from matcher.register.golden import GOLDEN_COLUMNS
from matcher.rules import (
    groups,
    loading,
    matching,
    measures,
    model,
    names,
    retention,
    sources,
    survivorship,
    tables,
    values,
)
from matcher.standardise import STANDARDISED_COLUMNS
from tests.docs.pages import ROOT
from tests.end_to_end.command import matcher

REFERENCE = ROOT / "docs" / "reference"


def section(page: str, heading: str) -> str:
    """Text below a heading, up to the next one of any level."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    match = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert match is not None, f"{page} has no heading {heading!r}"
    return match[1]


def listed(page: str, heading: str) -> list[str]:
    """What the tables of a section name in their first column."""
    return re.findall(r"^\| `([^`]+)` \|", section(page, heading), flags=re.MULTILINE)


def keys(rule: type[BaseModel], without: Iterable[str] = ()) -> set[str]:
    """The keys of a rule as a file writes them."""
    return {field.alias or name for name, field in rule.model_fields.items()} - set(without)


def test_standardised_columns_are_listed_in_their_order() -> None:
    shown = listed("columns.md", "Standardised columns")
    assert sorted(shown) == sorted(STANDARDISED_COLUMNS)


KEYS: list[tuple[str, str, type[BaseModel]]] = [
    ("source-definitions.md", "A definition", sources.SourceDefinition),
    ("source-definitions.md", "A table", tables.Table),
    ("source-definitions.md", "Rows to drop", tables.Drop),
    ("source-definitions.md", "Cells to blank", tables.Blank),
    ("source-definitions.md", "Fallbacks", tables.Fallback),
    ("source-definitions.md", "Columns to rows", tables.Unpivot),
    ("source-definitions.md", "A join", tables.Join),
    ("source-definitions.md", "Dates", tables.DateRules),
    ("source-definitions.md", "An example", sources.Example),
    ("matching-rules.md", "Matching rules", matching.MatchingRules),
    ("matching-rules.md", "A blocking rule", matching.BlockingRule),
    ("matching-rules.md", "A comparison", matching.Comparison),
    ("matching-rules.md", "A level", matching.Level),
    ("matching-rules.md", "A condition", matching.Condition),
    ("matching-rules.md", "Thresholds", matching.Thresholds),
    ("matching-rules.md", "An example pair", matching.PairExample),
    ("names-and-values.md", "names.yaml", names.NameRules),
    ("names-and-values.md", "values.yaml", values.ValueRules),
    ("model.md", "Model file", model.Model),
    ("model.md", "A level's entry", model.LevelModel),
    ("survivorship.md", "Survivorship rules", survivorship.SurvivorshipRules),
    ("survivorship.md", "A field's rule", survivorship.FieldRule),
    ("groups.md", "Group rules", groups.GroupRules),
    ("extracts.md", "Loading rules", loading.LoadingRules),
    ("extracts.md", "Stops", loading.Stops),
    ("retention.md", "Retention rules", retention.RetentionRules),
    ("retention.md", "A schedule", retention.Schedule),
    ("retention.md", "While it is listed", retention.WhileListed),
    ("retention.md", "Once it is closed", retention.Closed),
    ("retention.md", "An example", retention.RetentionExample),
    ("measures.md", "Good level of development", measures.Framework),
]


@pytest.mark.parametrize(
    "page, heading, rule", KEYS, ids=[f"{page}: {heading}" for page, heading, _ in KEYS]
)
def test_every_key_of_a_rule_is_listed_and_no_other(
    page: str, heading: str, rule: type[BaseModel]
) -> None:
    shown = set(listed(page, heading)) - set(ACTIVITY_COLUMNS)
    assert shown == keys(rule)


def test_keys_of_measures_are_listed() -> None:
    common = set(listed("measures.md", "Measures"))
    assert common == keys(measures.Named) | {"kind", "examples"}
    assert set(listed("measures.md", "A measure")) == keys(measures.MeasureSpec, common)
    contact = keys(measures.SustainedContact, common)
    assert set(listed("measures.md", "Sustained contact")) == contact


def test_kinds_of_activity_are_listed_with_their_columns() -> None:
    text = section("source-definitions.md", "A table")
    for kind, columns in ACTIVITY_COLUMNS.items():
        row = re.search(rf"^\| `{kind}` \| (.+) \|$", text, flags=re.MULTILINE)
        assert row is not None, kind
        assert re.findall(r"`(\w+)`", row[1]) == list(columns[2:])


def test_every_shipped_source_is_listed_as_it_is() -> None:
    shown = re.findall(
        r"^\| `(\w+)` \| .+ \| (.+) \| (yes|no) \|$",
        section("source-definitions.md", "Sources that are defined"),
        flags=re.MULTILINE,
    )
    definitions = sources.load_source_definitions(ROOT / "linkage_rules" / "sources")
    there = {
        (name, ", ".join(definition.path), "yes" if definition.one_record_per_child else "no")
        for name, definition in definitions.items()
    }
    assert set(shown) == there


def test_columns_of_every_file_are_listed_in_their_order() -> None:
    page = "output-files.md"
    assert listed(page, "crosswalk.csv") == ["source", "record_id", "child_id"]
    assert listed(page, "links.csv") == list(LINK_COLUMNS)
    assert listed(page, "register.csv") == ["child_id", *GOLDEN_COLUMNS]
    assert listed(page, "rejects.csv") == list(REJECT_COLUMNS)


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    extract = ROOT / "fixtures" / "town" / "eyfsp.csv"
    assert matcher(folder, "link", "--out", "out", f"eyfsp={extract}").status == 0
    return folder / "out"


def test_the_files_that_a_run_writes_have_the_columns_that_are_listed(small_run: Path) -> None:
    for name in ("crosswalk.csv", "links.csv", "register.csv", "rejects.csv"):
        header = (small_run / name).read_text(encoding="utf-8").splitlines()[0]
        assert header.split(",") == listed("output-files.md", name)


def test_the_keys_of_a_summary_are_listed(small_run: Path) -> None:
    summary: dict[str, Any] = json.loads((small_run / "summary.json").read_bytes())
    assert listed("output-files.md", "summary.json") == list(summary)
    for result in summary["measures"]:
        assert set(listed("measures.md", "A result")) <= result.keys()


def test_codes_of_rejects_are_listed() -> None:
    drops = {
        drop.code
        for definition in sources.load_source_definitions(
            ROOT / "linkage_rules" / "sources"
        ).values()
        for table in definition.tables
        for drop in table.drop
    }
    assert set(listed("rejects.md", "Rejects")) == set(MESSAGES) | drops


def calls(name: str, place: int) -> set[str]:
    """Constant arguments at that place of every call by that name in the reading code."""
    found = set()
    for path in (ROOT / "matcher" / "read").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or len(node.args) <= place:
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else None
            called = node.func.id if isinstance(node.func, ast.Name) else called
            argument = node.args[place]
            if called == name and isinstance(argument, ast.Constant):
                found.add(str(argument.value))
    return found


def test_codes_of_refusals_are_listed() -> None:
    codes = calls("refuse", 0) | calls("refused", 0) | calls("ExtractRefused", 2)
    assert set(listed("rejects.md", "Refusals")) == codes


def test_codes_of_notes_are_listed() -> None:
    shown = set(listed("rejects.md", "Notes"))
    assert calls("Note", 2) <= shown
    assert set(NOTES) == shown
    reading = [one for one in (ROOT / "matcher" / "read").glob("*.py") if one.stem != "notes"]
    code = "".join(path.read_text(encoding="utf-8") for path in reading)
    for name in shown:
        assert f'"{name}"' in code, name


def test_every_command_is_on_the_page_with_its_help() -> None:
    page = (REFERENCE / "command-line.md").read_text(encoding="utf-8")
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}  # type: ignore[union-attr]
    for group in app.registered_groups:
        prefix = f"{group.name} " if group.name else ""
        commands |= {
            f"{prefix}{command.name or command.callback.__name__}"
            for command in group.typer_instance.registered_commands  # type: ignore[union-attr]
        }
    for command in commands:
        assert f"\n$ matcher {command} --help\n" in page, command
        assert f"\n## matcher {command}\n" in page, command
