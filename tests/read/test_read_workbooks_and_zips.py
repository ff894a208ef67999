"""Spreadsheets and zips: the sheet or file is found by its header."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter
from small_extracts import codes, notes, record, workbook, zipped

from matcher.errors import ExtractRefused
from matcher.read import ReadResult, read_extract
from matcher.rules.sources import SourceDefinition

Read = Callable[..., ReadResult]
HEADER = ["record_id", "name", "date_of_birth", "nhs_number"]


def test_numbers_dates_and_text_are_cells_alike(read: Read) -> None:
    rows = [
        HEADER,
        [1, "A", date(2014, 4, 3), 9434765919],
        [2.0, "B", "3 Apr 2014", "943 476 5919"],
        ["3", "C", 41732, 9434765919.0],
        ["4", "D", datetime(2014, 4, 3, 12, 30), "9.43E+09"],
        [True, "E", None, None],
    ]
    result = read(workbook({"A": rows}), name="x.xlsx")
    assert list(result.records["record_id"]) == ["1", "2", "3", "4", "TRUE"]
    assert list(result.records["date_of_birth"].dropna().unique()) == [pd.Timestamp("2014-04-03")]
    assert list(result.records["nhs_number"].dropna().unique()) == ["9434765919"]
    assert notes(result) == {("nhs_number", "scientific_notation"): 1}


def test_text_among_date_cells_is_not_guessed(read: Read) -> None:
    rows = [HEADER, ["1", "A", date(2014, 4, 3)], ["2", "B", "03/04/2014"], ["3", "C", 41732]]
    result = read(workbook({"A": rows}), name="x.xlsx")
    assert list(result.records["record_id"]) == ["1", "3"]
    assert codes(result) == [(3, "date_of_birth", "date_ambiguous")]
    assert notes(result)["date_of_birth", "mixed_date_forms"] == 1


def test_a_workbook_that_was_opened_the_wrong_way_round_is_not_believed(read: Read) -> None:
    born = [date(2014, 1 + at, 12 - at) for at in range(5)] + ["25/12/2014", "13/01/2015"]
    rows = [HEADER, *([str(at), "A", day] for at, day in enumerate(born))]
    result = read(workbook({"A": rows}), name="x.xlsx")
    assert list(result.records["record_id"]) == ["5", "6"]
    assert set(result.rejects["code"]) == {"date_perhaps_swapped"}
    assert notes(result)["date_of_birth", "dates_perhaps_swapped"] == 1


def test_an_id_that_became_a_date_is_its_number_again(read: Read) -> None:
    result = read(workbook({"A": [HEADER, [date(2014, 4, 3), "A", None, date(2014, 4, 3)]]}))
    assert record(result)["record_id"] == "41732"
    assert record(result)["nhs_number"] is None
    assert notes(result)["nhs_number", "number_as_date"] == 1


def test_an_empty_date_that_shows_as_day_zero_is_missing(read: Read) -> None:
    # A date of 1 January 1900 is written as day zero.
    result = read(workbook({"A": [HEADER, ["1", "A", datetime(1900, 1, 1), None]]}))
    assert record(result)["date_of_birth"] is None


def test_serials_of_a_1904_workbook_count_from_1904(read: Read) -> None:
    rows = [HEADER, ["1", "A", 40601, None], ["2", "B", date(2015, 2, 28), None]]
    result = read(workbook({"A": rows}, date_1904=True), name="x.xlsx")
    assert set(result.records["date_of_birth"]) == {pd.Timestamp("2015-02-28")}


def test_the_header_may_stand_lower_and_rows_keep_their_numbers(read: Read) -> None:
    rows = [["Report of members"], [], HEADER, ["1", "A"], [], ["", "B"], ["Total", 2]]
    result = read(workbook({"A": rows}, first_row=3), name="x.xlsx")
    assert len(result.records) == 1
    assert codes(result) == [(9, "record_id", "missing_record_id"), (10, "", "totals_row")]


def test_every_sheet_with_the_header_is_read_and_named_by_its_place(read: Read) -> None:
    content = workbook(
        {"Cover": [["Hello"]], "2023": [HEADER, ["1", "A"]], "2024": [HEADER, ["1", "B"]]}
    )
    result = read(content, name="x.xlsx")
    assert [count.file for count in result.files] == ["x.xlsx sheet 2", "x.xlsx sheet 3"]
    assert list(result.rejects["file"]) == ["x.xlsx sheet 3"]


def test_the_sheets_of_a_workbook_may_be_the_tables_of_a_source(read: Read) -> None:
    content = workbook(
        {
            "Contacts": [["Member ID", "Date", "Activity"], [4711, date(2023, 6, 5), "Play"]],
            "Members": [["Member ID", "Name", "DOB"], [4711, "Aisha Khan", "-"]],
        }
    )
    result = read(content, "estart", "estart.xlsx")
    assert len(result.records) == 1
    assert result.activity["contacts"].iloc[0].to_dict() == {
        "source": "somewhere",
        "record_id": "4711",
        "date": pd.Timestamp("2023-06-05"),
        "centre": result.activity["contacts"].iloc[0]["centre"],
        "activity": "Play",
        "attended": True,
    }


def test_a_zip_may_hold_folders_workbooks_and_things_to_pass_over(read: Read) -> None:
    content = zipped(
        {
            "2024/a.csv": "record_id,name\n1,A\n",
            "2024/b.xlsx": workbook({"A": [HEADER, ["2", "B"]]}),
            "2024/readme.pdf": b"%PDF-1.7",
            "notes.txt": "nothing to see",
            "__MACOSX/._a.csv": b"\0\0",
            "2024/~$b.xlsx": b"\0\0",
            ".hidden.csv": b"\0\0",
        }
    )
    result = read(content, name="x.zip")
    assert list(result.records["record_id"]) == ["1", "2"]
    assert [count.file for count in result.files] == ["2024/a.csv", "2024/b.xlsx"]
    ignored = [note.file for note in result.notes if note.code == "file_ignored"]
    assert ignored == ["2024/readme.pdf", "notes.txt"]


def test_files_of_one_table_share_their_ids_but_not_their_date_order(read: Read) -> None:
    content = zipped(
        {
            "a.csv": "record_id,name,date_of_birth,sex\n1,A,03/04/2014,F\n2,B,12/25/2014,M\n",
            "b.csv": "record_id,name,date_of_birth\n2,C,03/04/2014\n3,D,25/12/2014\n2,E,\n",
        }
    )
    result = read(content, name="x.zip")
    assert codes(result) == [
        (2, "date_of_birth", "date_ambiguous"),
        (2, "record_id", "duplicate_record_id"),
        (4, "record_id", "duplicate_record_id"),
    ]
    assert [(count.rows, count.records) for count in result.files] == [(2, 1), (3, 1)]


def test_a_folder_is_read_in_order_of_names(
    tmp_path: Path, definitions: dict[str, SourceDefinition]
) -> None:
    for name, number in (("b.csv", 2), ("a.csv", 1), ("sub/c.csv", 3)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"record_id,name\n{number},A\n")
    (tmp_path / ".hidden.csv").write_text("x")
    folder = definitions["generic"].model_copy(update={"path": ("folder",)})
    result = read_extract("s", tmp_path, folder)
    assert list(result.records["record_id"]) == ["1", "2", "3"]


def test_hidden_sheets_are_passed_over_and_noted(read: Read) -> None:
    sheets = {"Now": [HEADER, ["1", "A"]], "Old": [HEADER, ["1", "B"], ["2", "C"]]}
    result = read(workbook(sheets, hidden={"Old"}), name="x.xlsx")
    assert list(result.records["name"]) == ["A"]
    assert result.rejects.empty
    assert notes(result)["", "hidden_sheet"] == 1


def test_sheets_that_hold_no_list_are_noted_by_their_place_unless_they_are_empty(
    read: Read,
) -> None:
    sheets = {"Notes": [["Read me", "first"]], "List": [HEADER, ["1", "A"]], "Sheet3": []}
    result = read(workbook(sheets), name="x.xlsx")
    assert [one.file for one in result.files] == ["x.xlsx sheet 2"]
    assert [(note.file, note.code) for note in result.notes if note.code != "table_absent"] == [
        ("x.xlsx sheet 1", "sheet_ignored")
    ]


def test_a_hidden_list_is_not_looked_into_to_find_a_header(read: Read) -> None:
    sheets = {"Cover": [["Hello"]], "Old": [HEADER, ["1", "B"]]}
    with pytest.raises(ExtractRefused) as refused:
        read(workbook(sheets, hidden={"Old"}), name="x.xlsx")
    assert refused.value.code == "wrong_columns"
    assert "no header row" in str(refused.value)
    assert "Sheet 2 is hidden and is not read. If the list is on it" in str(refused.value)


def test_a_refusal_tells_of_hidden_sheets_in_a_zip_too(
    read: Read,
) -> None:
    sheets = {"Cover": [["Hello"]], "Old": [HEADER, ["1", "B"]], "Older": [HEADER, ["1", "B"]]}
    content = zipped({"a.xlsx": workbook(sheets, hidden={"Old", "Older"}), "b.txt": "Hello"})
    with pytest.raises(ExtractRefused) as refused:
        read(content, name="x.zip")
    assert refused.value.code == "missing_table"
    assert "Sheet 2 of 'a.xlsx' and sheet 3 of 'a.xlsx' are hidden and are not read" in str(
        refused.value
    )


def test_cells_that_merging_left_empty_are_noted(read: Read) -> None:
    rows = [["List", None], HEADER, ["1", "A"], ["2", None], ["3", None], ["4", "D"]]
    merged = ("A1:D1", "B3:B5", "C6:D6")
    rows[5] += ["3 Apr 2014", None]
    rows[2] += [None, "9434765919"]
    result = read(workbook({"A": rows}, merged=merged), name="x.xlsx")
    assert notes(result) == {("name", "merged_cells"): 2, ("nhs_number", "merged_cells"): 1}
    assert codes(result) == [(4, "name", "no_name"), (5, "name", "no_name")]


def test_errors_that_formulas_of_a_workbook_gave_are_noted(read: Read) -> None:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        sheet = book.add_worksheet("A")
        sheet.write_row(0, 0, HEADER)
        for number in range(1, 3_001):
            sheet.write_row(number, 0, [str(number), "A"])
            sheet.write_formula(number, 2, "=NA()", None, "#N/A" if number % 2 else "3 Apr 2014")
    result = read(stream.getvalue(), name="x.xlsx")
    assert notes(result) == {("", "spreadsheet_error"): 1_500}
    assert result.records["date_of_birth"].isna().sum() == 1_500


def with_formulas(cells: list[str]) -> bytes:
    """A workbook whose third column holds these cells, as written in its XML."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        sheet = book.add_worksheet("A")
        sheet.write_row(0, 0, HEADER)
        for number in range(1, len(cells) + 1):
            sheet.write_row(number, 0, [str(number), "A"])
            sheet.write_formula(number, 2, "=A1", None, "")
    with zipfile.ZipFile(stream) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    given = iter(cells)
    parts[name] = re.sub(
        rb'<c r="(C\d+)"[^>]*><f>.*?</c>',
        lambda found: next(given).replace("PLACE", found[1].decode()).encode(),
        parts[name],
    )
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return written.getvalue()


@pytest.mark.parametrize(
    ("cell", "counts"),
    [
        ('<c r="PLACE"><f>A1</f><v></v></c>', True),
        ('<c r="PLACE" s="1"><f>A1</f><v /></c>', True),
        ('<c r="PLACE"><f>A1</f></c>', True),
        ('<c r="PLACE"><f t="shared" si="0"/></c>', True),
        ('<c r="PLACE"><f>IF(A1=&quot;&quot;,1,2)</f><v/></c>', True),
        ('<c r="PLACE" t="str"><f>A1</f><v></v></c>', False),
        ('<c r="PLACE" t="str"><f>A1</f><v>3 Apr 2014</v></c>', False),
        ('<c r="PLACE"><f>A1</f><v>41732</v></c>', False),
        ('<c r="PLACE"/>', False),
    ],
)
def test_formulas_whose_results_a_workbook_does_not_hold_are_noted(
    read: Read, cell: str, counts: bool
) -> None:
    result = read(with_formulas([cell] * 3), name="x.xlsx")
    assert notes(result) == ({("", "formula_without_value"): 3} if counts else {})


def test_each_formula_without_a_result_is_counted_once_wherever_it_stands(read: Read) -> None:
    long = f'<c r="PLACE"><f>{"A1+" * 700}1</f><v></v></c>'
    result = read(with_formulas([long] * 2_000), name="x.xlsx")
    assert notes(result) == {("", "formula_without_value"): 2_000}


def test_a_spreadsheet_s_errors_are_no_values(read: Read) -> None:
    rows = [HEADER, ["1", "#NAME?", "########", "#VALUE!"], ["#REF!", "A", "3 Apr 2014", ""]]
    rows += [["2", "#Div/0!", "3 Apr 2014", "#N/A"], ["3", "#1 Ann", "#", ""]]
    for content in (workbook({"A": rows}), "\n".join(",".join(map(str, row)) for row in rows)):
        result = read(content, name="x.xlsx")
        assert codes(result)[:2] == [(2, "name", "no_name"), (3, "record_id", "missing_record_id")]
        assert notes(result) == {
            ("record_id", "spreadsheet_error"): 1,
            ("name", "spreadsheet_error"): 2,
            ("date_of_birth", "spreadsheet_error"): 1,
            ("nhs_number", "spreadsheet_error"): 2,
        }
        assert record(result)["record_id"] == "2"
        assert record(result)["name"] is None
        assert record(result)["nhs_number"] is None
