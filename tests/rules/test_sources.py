"""Source definitions: what ships is right, and mistakes are told with file and line."""

from pathlib import Path

import pytest

from matcher.errors import RuleError
from matcher.read import run_examples
from matcher.read.tables import match_header, missing_columns
from matcher.rules.sources import SourceDefinition, load_source_definition, load_source_definitions

SHIPPED = Path(__file__).parents[2] / "linkage_rules" / "sources"
NAMES = (
    *("caf", "ctf", "estart", "eyfsp", "generic"),
    *("school_census", "swift", "systmone", "t234", "tribal"),
)

PLAIN = """\
name: plain
title: A plain list
path: [file]
tables:
  - name: people
    yields: [records]
    required: [record_id]
    columns:
      record_id: ID
      surname: [Surname, Last Name]
one_record_per_child: true
lawful_basis: none, invented
purposes: [testing]
"""


def load(tmp_path: Path, text: str, name: str = "plain") -> SourceDefinition:
    path = tmp_path / f"{name}.yaml"
    path.write_text(text)
    return load_source_definition(path)


def problems(tmp_path: Path, text: str) -> list[tuple[int, str]]:
    with pytest.raises(RuleError) as caught:
        load(tmp_path, text)
    return [(problem.line, problem.message) for problem in caught.value.problems]


def test_the_sources_that_ship_are_all_there() -> None:
    assert sorted(load_source_definitions(SHIPPED)) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_worked_examples_that_ship_hold(name: str) -> None:
    definition = load_source_definition(SHIPPED / f"{name}.yaml")
    assert definition.examples
    assert run_examples(definition) == []


def test_the_upn_is_for_education_only() -> None:
    holders = [
        definition
        for definition in load_source_definitions(SHIPPED).values()
        if any("upn" in table.columns for table in definition.tables)
    ]
    assert {definition.name for definition in holders} >= {"ctf", "school_census", "tribal"}
    for definition in holders:
        assert definition.field_purposes["upn"] == ("education",)


def test_one_header_or_several_may_be_given(tmp_path: Path) -> None:
    table = load(tmp_path, PLAIN).tables[0]
    assert table.columns == {"record_id": ("ID",), "surname": ("Surname", "Last Name")}


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("surname:", "surnmae:", 5, "'surnmae' is neither a field nor used"),
        ("title:", "titel:", 2, "unknown key"),
        ("yields: [records]", "yields: [people]", 5, "neither records nor an activity"),
        ("required: [record_id]", "required: [idd]", 5, "'idd' is used but not under columns"),
        ("path: [file]", "path: [url]", 3, "must be one of 'file', 'folder' or 'zip'"),
        ("name: plain", "name: other", 1, "the name must be 'plain'"),
        ("purposes: [testing]", "purposes: []", 13, "at least 1 item"),
        ("yields: [records]", "yields: []", 1, "no table yields records"),
        ("required:", "never: [id]\n    required:", 6, "of this table's own columns"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    found = problems(tmp_path, PLAIN.replace(old, new, 1))
    assert any(message in text for _, text in found), found
    assert any(abs(at - line) <= 4 for at, _ in found), found


def test_a_join_must_fit_its_table(tmp_path: Path) -> None:
    join = "joins: [{table: people, key: nhs, fields: [postcode]}, {table: x, fields: []}]\n"
    text = " ".join(message for _, message in problems(tmp_path, PLAIN + join))
    for part in ("no column 'nhs'", "no column 'postcode'", "no table 'x'"):
        assert part in text


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text(PLAIN.replace("title", "titel"))
    (tmp_path / "other.yaml").write_text("name: [")
    (tmp_path / "good.yaml").write_text(PLAIN.replace("plain", "good", 1))
    with pytest.raises(RuleError) as caught:
        load_source_definitions(tmp_path)
    assert {problem.file.name for problem in caught.value.problems} == {"plain.yaml", "other.yaml"}


def test_a_folder_without_definitions_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="no source definition"):
        load_source_definitions(tmp_path)


UNPIVOT = """\
    unpivot: {into: eyfsp_results, columns: {E01: COM_E01, E02: [COM_E02, Com 2]}}
"""


def test_one_column_that_becomes_rows_must_be_there(tmp_path: Path) -> None:
    table = load(tmp_path, PLAIN.replace("one_record", UNPIVOT + "one_record", 1)).tables[0]
    assert table.needed == (("record_id",), ("E01", "E02"))
    assert match_header(["ID", "Surname"], 1, table) is None
    assert match_header(["ID", "com_2"], 1, table) is not None


def test_a_column_that_becomes_rows_may_be_required_by_name(tmp_path: Path) -> None:
    text = PLAIN.replace("[record_id]", "[record_id, E02]").replace(
        "one_record", UNPIVOT + "one_record", 1
    )
    table = load(tmp_path, text).tables[0]
    assert match_header(["ID", "COM_E01"], 1, table) is None
    assert match_header(["ID", "COM_E02"], 1, table) is not None
    assert "'COM_E02'" in missing_columns(table)
    wrong = problems(tmp_path, text.replace("E02]", "E03]", 1))
    assert any("'E03' is used but not under columns" in message for _, message in wrong)


EXAMPLES = """\
examples:
  - name: right
    row: {ID: A1, Surname: Khan}
    record: {record_id: A1, surname: Khan, forename: null}
  - name: wrong value
    row: {ID: A1, Surname: Khan}
    record: {surname: Begum}
  - name: wrong code
    row: {ID: "", Surname: Khan}
    reject: no_name
  - name: no reject
    row: {ID: A1, Surname: Khan}
    reject: no_name
  - name: unexpected reject
    row: {ID: "", Surname: Khan}
    record: {surname: Khan}
  - name: no such field
    row: {ID: A1, Surname: Khan}
    record: {surnmae: Khan}
  - name: no header
    row: {Surname: Khan}
    record: {surname: Khan}
  - name: no such activity
    row: {ID: A1, Surname: Khan}
    activity: {contacts: []}
"""


def test_examples_that_fail_are_told_with_their_lines(tmp_path: Path) -> None:
    definition = load(tmp_path, PLAIN + EXAMPLES)
    first = PLAIN.count("\n") + 1
    found = {problem.line - first: problem.message for problem in run_examples(definition)}
    assert sorted(found) == [4, 7, 10, 13, 16, 19, 22]
    assert "surname: expected 'Begum', got 'Khan'" in found[4]
    assert "expected the reject no_name, got missing_record_id" in found[7]
    assert "got none" in found[10]
    assert "expected a record, got the reject missing_record_id" in found[13]
    assert "there is no 'surnmae'" in found[16]
    assert "need the columns 'ID'" in found[19]
    assert "yields no contacts" in found[22]


def test_an_example_expects_something(tmp_path: Path) -> None:
    example = "examples:\n  - name: x\n    row: {ID: A1}\n"
    assert "expects either" in problems(tmp_path, PLAIN + example)[0][1]


def test_an_edited_copy_reads_other_headers(tmp_path: Path) -> None:
    text = PLAIN.replace("ID", "Our Number") + EXAMPLES[:100].split("    record")[0].replace(
        "ID", "our_NUMBER"
    )
    text += "    record: {record_id: A1, surname: Khan}\n"
    assert run_examples(load(tmp_path, text)) == []
