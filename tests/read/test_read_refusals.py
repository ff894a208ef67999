"""Files that cannot be what they are said to be are refused as a whole, with one message."""

import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from small_extracts import workbook, zipped

from matcher.errors import ExtractRefused
from matcher.read import ReadResult, members, read_extract
from matcher.rules.sources import SourceDefinition

Read = Callable[..., ReadResult]
GOOD = "record_id,name\n1,Aisha\n"


def refusal(read: Read, content: str | bytes, definition: str = "generic", name: str = "x.csv"):
    with pytest.raises(ExtractRefused) as caught:
        read(content, definition, name)
    assert caught.value.source == "somewhere"
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"%PDF-1.7\nrecord_id,name\n1,Aisha\n", "wrong_kind"),
        (b"\x89PNG\r\n", "wrong_kind"),
        (b"\x1f\x8b\x08", "wrong_kind"),
        (b"record_id,name\n1,Ai\0sha\n", "binary"),
        (b"\xff\xfea", "wrong_columns"),
        (b"1,Aisha,Khan\n2,Zoe,Khan\n", "wrong_columns"),
        (b"record_id,postcode\n1,OL1 1AA\n", "wrong_columns"),
        (b"<html><table></table></html>", "wrong_kind"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html></html>", "wrong_kind"),
        (b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>', "wrong_kind"),
        (b'<?xml version="1.0"?><people/>', "wrong_kind"),
        (b'[{"record_id": 1, "name": "Aisha"}]', "wrong_kind"),
        (b'{"people": []}', "wrong_kind"),
        (b"[id],[name]\n1,Aisha\n", "wrong_columns"),
        (b"\xef\xbb\xbf", "empty_file"),
        (b" \n\t\n", "empty_file"),
        ("record_id,name\n1,Aisha\n".encode("utf-16-le"), "wrong_encoding"),
        ("record_id,name\n1,Aisha\n".encode("utf-16-be"), "wrong_encoding"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), "wrong_kind"),
        (zipped({"word/document.xml": "<x/>", "[Content_Types].xml": "<x/>"}), "wrong_kind"),
        (b"PK\x03\x04 cut short", "damaged_zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 not really", "damaged_workbook"),
    ],
)
def test_a_file_is_refused(read: Read, content: bytes, code: str) -> None:
    assert refusal(read, content).code == code


def test_the_refusal_names_what_was_expected_and_no_value(read: Read) -> None:
    message = str(refusal(read, "1,Zebedee,Quixotic\n"))
    assert "'record_id', 'forename' or 'surname' or 'name'" in message
    assert "Zebedee" not in message


def test_a_truncated_workbook_is_refused(read: Read) -> None:
    content = workbook({"A": [["record_id", "name"], ["1", "Aisha"]]})
    assert refusal(read, content[:-200], name="x.xlsx").code == "damaged_zip"


def test_a_workbook_of_another_kind_is_refused(read: Read) -> None:
    content = zipped({"mimetype": "application/x", "content.xml": "<x/>"})
    assert refusal(read, content, name="x.ods").code == "wrong_kind"


def test_a_workbook_without_the_columns_is_refused(read: Read) -> None:
    content = workbook({"A": [["pivot", "table"], ["1", "2"]]})
    assert refusal(read, content, name="x.xlsx").code == "wrong_columns"


@pytest.mark.parametrize("quote", [b'"', b"'"])
@pytest.mark.parametrize("far", [b"XFD1048576", b"A99999999", b"xfd2"])
def test_a_sheet_that_reaches_too_far_is_refused(read: Read, far: bytes, quote: bytes) -> None:
    stream = io.BytesIO()
    content = io.BytesIO(workbook({"A": [["record_id"]]}))
    cell = b"</c></row><row><c r=" + quote + far + quote + b"><v>1</v></c></row>"
    with zipfile.ZipFile(content) as source, zipfile.ZipFile(stream, "w") as target:
        for info in source.infolist():
            target.writestr(info.filename, source.read(info).replace(b"</c></row>", cell))
    assert refusal(read, stream.getvalue(), name="x.xlsx").code == "too_large"


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ({"../up.csv": GOOD}, "unsafe_zip"),
        ({"/root.csv": GOOD}, "unsafe_zip"),
        ({"c:\\x.csv": GOOD}, "unsafe_zip"),
        ({"a\\..\\..\\x.csv": GOOD}, "unsafe_zip"),
        ({"inner.zip": zipped({"x.csv": GOOD})}, "nested_zip"),
        ({"inner.csv": zipped({"x.csv": GOOD})}, "nested_zip"),
        ({}, "empty_zip"),
        ({"folder/": ""}, "empty_zip"),
        ({"readme.csv": "hello"}, "missing_table"),
        ({"readme.csv": "hello", "a.csv": GOOD.replace("name", "x")}, "missing_table"),
        ({"x.csv": ""}, "empty_file"),
        ({"big.csv": b"0" * 60_000_000}, "zip_bomb"),
    ],
)
def test_a_zip_is_refused(read: Read, inside: dict[str, str | bytes], code: str) -> None:
    assert refusal(read, zipped(inside), name="x.zip").code == code


@pytest.mark.parametrize("names", [("x.csv", "x.csv"), ("a/x.csv", "a\\x.csv")])
def test_a_zip_with_two_files_of_one_name_is_refused(read: Read, names: tuple[str, str]) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, name in enumerate(names):
            archive.writestr(name, f"record_id,name\n{number},Aisha\n")
    caught = refusal(read, stream.getvalue(), name="x.zip")
    assert caught.code == "same_name_twice"
    assert "two files of the same name" in str(caught)


def test_a_zip_that_claims_too_much_is_refused(read: Read, monkeypatch) -> None:
    monkeypatch.setattr(members, "MAX_UNPACKED", 10)
    assert refusal(read, zipped({"x.csv": GOOD}), name="x.zip").code == "zip_bomb"


def test_a_truncated_zip_is_refused(read: Read) -> None:
    content = zipped({"x.csv": GOOD * 100})
    assert refusal(read, content[: len(content) // 2], name="x.zip").code == "damaged_zip"


def test_a_zip_with_a_damaged_member_is_refused(read: Read) -> None:
    content = bytearray(zipped({"x.csv": GOOD + "2,Zoe\n" * 5000}))
    content[60:64] = b"\xff\xff\xff\xff"
    assert refusal(read, bytes(content), name="x.zip").code in ("damaged_zip", "damaged_file")


def test_a_zip_with_a_nameless_member_is_refused(read: Read) -> None:
    content = zipped({"x.csv": GOOD}).replace(b"x.csv", b"\0.csv")
    assert refusal(read, content, name="x.zip").code == "damaged_zip"


def test_a_workbook_that_claims_countless_texts_is_refused(read: Read) -> None:
    content = io.BytesIO(workbook({"A": [["record_id", "name"]]}))
    stream = io.BytesIO()
    with zipfile.ZipFile(content) as source, zipfile.ZipFile(stream, "w") as target:
        for info in source.infolist():
            text = source.read(info).replace(b'uniqueCount="2"', b'uniqueCount="9999999999"')
            target.writestr(info.filename, text)
    assert refusal(read, stream.getvalue(), name="x.xlsx").code == "damaged_workbook"


def test_a_zip_with_a_password_is_refused(read: Read) -> None:
    content = bytearray(zipped({"x.csv": GOOD}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    assert refusal(read, bytes(content), name="x.zip").code == "encrypted"


XML = (
    "<CTfile><CTFpupilData><Pupil>"
    "<UPN>X1</UPN><Surname>&a;</Surname></Pupil></CTFpupilData></CTfile>"
)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('<!DOCTYPE CTfile [<!ENTITY a "b">]>' + XML, "xml_forbidden"),
        ('<!DOCTYPE CTfile [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + XML, "xml_forbidden"),
        ('<!DOCTYPE CTfile SYSTEM "http://localhost/x.dtd">' + XML, "xml_forbidden"),
        ('<!DOCTYPE l [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><l>&b;</l>', "xml_forbidden"),
        (XML, "damaged_xml"),
        ("<CTfile><CTFpupilData>", "damaged_xml"),
        ("UPN,Surname\n", "damaged_xml"),
        ("", "empty_file"),
        ("<html></html>", "wrong_columns"),
        ("<CTfile><Header/></CTfile>", "wrong_columns"),
        ("<CTfile>" + "<a>" * 200 + "</a>" * 200 + "</CTfile>", "too_large"),
        ('<?xml version="1.0" encoding="nonsense"?><CTfile/>', "wrong_encoding"),
    ],
)
def test_xml_is_refused(read: Read, content: str, code: str) -> None:
    assert refusal(read, content, "ctf", "ctf.xml").code == code


def test_a_refusal_of_xml_speaks_of_elements(read: Read) -> None:
    message = str(refusal(read, "<html></html>", "ctf", "ctf.xml"))
    assert "'CTfile/CTFpupilData/Pupil'" in message
    assert "header" not in message and "columns" not in message


def without(columns: set[str], header: str) -> str:
    return ",".join(name for name in header.split(",") if name not in columns) + "\n"


EYFSP = "FSP_UPN,FSP_SURNAME,FSP_FORENAME,FSP_DOB,FSP_SEX,FSP_LAESTAB,COM_E01"
T234 = "ID,Forename,Surname,DOB,Gender,Address,Postcode,Hours,Setting,Start"


@pytest.mark.parametrize(
    ("definition", "table", "header", "left_out", "told"),
    [
        ("eyfsp", "results", EYFSP, {"COM_E01"}, "'COM_E01' or 'COM_E02' or another of 34"),
        ("t234", "places", T234, {"Setting", "Start"}, "'Setting' or 'Start'"),
        ("t234", "places", T234, {"DOB"}, "'DOB'"),
    ],
)
def test_a_list_of_another_kind_is_refused_for_what_it_lacks(
    read: Read, definition: str, table: str, header: str, left_out: set[str], told: str
) -> None:
    assert read(header + "\n", definition).files[0].table == table
    caught = refusal(read, without(left_out, header), definition)
    assert caught.code == "wrong_columns"
    assert f"row 1 is nearly a header of the table {table!r}" in str(caught)
    assert f"lacks {told}" in str(caught)


@pytest.mark.parametrize("left_out", ["Setting", "Start"])
def test_either_the_setting_or_the_start_makes_a_list_of_places(read: Read, left_out: str) -> None:
    assert read(without({left_out}, T234), "t234").files[0].table == "places"


def test_a_workbook_is_refused_for_what_it_lacks_too(read: Read) -> None:
    rows = [["Admissions"], ["ID", "Forename", "Surname", "DOB"], ["1", "Zebedee", "Khan", "x"]]
    message = str(refusal(read, workbook({"Cover": [["x"]], "A": rows}), "t234", "x.xlsx"))
    assert "row 2 is nearly a header" in message and "'Setting' or 'Start'" in message
    assert "Zebedee" not in message


def test_the_wrong_systems_files_are_named_beside_what_was_expected(read: Read) -> None:
    content = zipped({"SRPatient.csv": "RowIdentifier\n", "SRPatientAddress.csv": "IDPatient\n"})
    caught = refusal(read, content, "school_census", "s.zip")
    assert (caught.code, caught.file) == ("missing_table", "s.zip")
    assert "none of its tables is in 'SRPatient.csv', 'SRPatientAddress.csv'" in str(caught)
    assert "The table 'pupilonroll' must be there" in str(caught)


def test_many_files_are_not_all_named(read: Read) -> None:
    content = zipped({f"{number}.txt": "hello" for number in range(12)})
    message = str(refusal(read, content, name="x.zip"))
    assert "'4.txt'" not in message and "'0.txt', '1.txt', '10.txt', '11.txt', '2.txt'" in message
    assert "and 7 more files" in message


def test_a_table_without_its_records_is_no_extract(read: Read) -> None:
    caught = refusal(read, "Member ID,Date,Activity\n1,05/06/2023,Play\n", "estart")
    assert caught.code == "missing_table"
    assert "it holds 'contacts' only. The table 'members' must be there" in str(caught)


def test_a_file_that_is_not_what_its_name_says_is_refused_beside_good_ones(read: Read) -> None:
    pupils = "pupilonrolltableid,surname,forename,dob\n"
    content = zipped({"address.csv": "a,b\n", "pupilonroll.csv": pupils})
    caught = refusal(read, content, "school_census", "s.zip")
    assert (caught.code, caught.file) == ("wrong_columns", "address.csv")


def test_a_folder_without_a_name_is_refused_by_its_path(
    tmp_path: Path, generic: SourceDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExtractRefused, match=r"^s: \.: this is a folder; .*Name the one") as caught:
        read_extract("s", Path(), generic)
    assert (caught.value.code, caught.value.file) == ("is_folder", ".")


def test_a_path_must_be_what_the_definition_says(
    tmp_path: Path, definitions: dict[str, SourceDefinition]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.csv").write_text(GOOD)
    (tmp_path / "x.zip").write_bytes(zipped({"x.csv": GOOD}))
    for definition, name, code in (
        ("generic", "nothing.csv", "not_found"),
        ("generic", "empty", "is_folder"),
        ("estart", "empty", "empty_folder"),
        ("systmone", "x.csv", "is_file"),
    ):
        with pytest.raises(ExtractRefused) as caught:
            read_extract("s", tmp_path / name, definitions[definition])
        assert caught.value.code == code
    only_files = definitions["generic"].model_copy(update={"path": ("file",)})
    with pytest.raises(ExtractRefused, match="this is a zip"):
        read_extract("s", tmp_path / "x.zip", only_files)


def test_a_folder_may_not_lead_out_of_itself(
    tmp_path: Path, definitions: dict[str, SourceDefinition]
) -> None:
    (tmp_path / "secret.csv").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(ExtractRefused) as caught:
        read_extract("s", tmp_path / "folder", definitions["estart"])
    assert caught.value.code == "unsafe_folder"


def test_a_table_by_its_name_must_have_its_columns(
    tmp_path: Path, definitions: dict[str, SourceDefinition]
) -> None:
    (tmp_path / "SRPatient.csv").write_text("RowIdentifier,Surname\n1,Khan\n")
    with pytest.raises(ExtractRefused, match="'DateBirth'") as caught:
        read_extract("s", tmp_path, definitions["systmone"])
    assert (caught.value.code, caught.value.file) == ("wrong_columns", "SRPatient.csv")


def test_reading_writes_nothing(tmp_path: Path, definitions: dict[str, SourceDefinition]) -> None:
    (tmp_path / "x.zip").write_bytes(zipped({"x.csv": GOOD}))
    read_extract("s", tmp_path / "x.zip", definitions["generic"])
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("<CTfile><x>Zoë</x></CTfile>".encode("cp1252"), "wrong_encoding"),
        ('<?xml version="1.0" encoding="UTF-8"?><x>Zoë</x>'.encode("cp1252"), "wrong_encoding"),
        (b'<?xml version="1.0" encoding="x-none"?><x/>', "wrong_encoding"),
        (b" \n", "empty_file"),
        ("<CTfile><x>Zoë".encode(), "damaged_xml"),
        (b"record_id,name\n1,Aisha\n", "damaged_xml"),
    ],
)
def test_xml_is_refused_for_what_is_wrong_with_it(read: Read, content: bytes, code: str) -> None:
    assert refusal(read, content, "ctf", "x.xml").code == code


@pytest.mark.parametrize(
    ("source", "told_by"),
    [("swift", "Setting"), ("swift", "Applied"), ("tribal", "Setting"), ("tribal", "Opened")],
)
def test_a_list_of_another_system_is_refused_by_the_headers_that_tell_it(
    read: Read, source: str, told_by: str
) -> None:
    header = f"ID,Forename,Surname,DOB,{told_by.upper()}"
    caught = refusal(read, f"{header}\n1,Aisha,Quixotic,03/04/2014,x\n", source)
    assert caught.code == "wrong_columns"
    assert f"row 1 has '{told_by}'" in str(caught)
    assert "Quixotic" not in str(caught)
