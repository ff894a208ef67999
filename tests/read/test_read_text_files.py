"""Encodings, separators, quotes and line ends."""

import codecs
from collections.abc import Callable

import pytest
from small_extracts import codes, notes

from matcher.errors import ExtractRefused
from matcher.read import ReadResult
from matcher.rules.sources import SourceDefinition

Read = Callable[..., ReadResult]
TEXT = "record_id,name\r\n1,Zoë O’Brien\r\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("cp1252"),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.replace("\r\n", "\n").encode(),
        TEXT.replace("\r\n", "\r").encode(),
        TEXT.strip().encode(),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "\t").encode(),
        TEXT.replace(",", "|").encode(),
    ],
)
def test_text_is_read_whatever_its_encoding_separator_and_line_ends(
    read: Read, content: bytes
) -> None:
    assert list(read(content).records["name"]) == ["Zoë O’Brien"]


def test_bytes_that_windows_leaves_open_are_replaced_and_noted(read: Read) -> None:
    result = read(b"record_id,name\n1,Zo\x81\n2,Zo\xeb\n")
    assert notes(result)["", "characters_replaced"] == 1
    assert list(result.records["name"]) == ["Zo\ufffd", "Zoë"]


def test_quoted_line_breaks_belong_to_the_cell_and_rows_keep_their_line(read: Read) -> None:
    result = read('record_id,name,address\n1,A,"1 High Street\nOldham"\n2,,x\n')
    assert list(result.records["address"]) == ["1 High Street, Oldham"]
    assert codes(result) == [(4, "name", "no_name")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("columns", ["record_id,name,address", "record_id,address,name"])
def test_a_well_quoted_cell_of_several_lines_may_hold_separators(
    read: Read, columns: str, end: str
) -> None:
    cells = {
        "record_id": "1",
        "name": "Ann Lee",
        "address": f'"Flat 1,{end}Mill ""House"", Hill Road, Oldham"',
    }
    row = ",".join(cells[column] for column in columns.split(","))
    result = read(end.join([columns, row, "2,B,B", ""]))
    assert list(result.records["record_id"]) == ["1", "2"]
    assert result.files[0].rows == 2
    assert result.records["address"].iloc[0].endswith('Mill "House", Hill Road, Oldham')


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "header",
    [
        'record_id,"Notes{end}free",forename,surname',
        '"record_id","Notes, free,{end}{end}or none","forename","surname"',
        '"record{end}id",notes,forename,surname',
        'record_id,notes,forename,"Sur{end}name"',
        '"record{end}id","Notes{end}free","Fore{end}name","Sur{end}name"',
    ],
)
def test_a_header_may_have_line_breaks_in_its_quotes(read: Read, header: str, end: str) -> None:
    top = f'"A list, of{end}children"{end}{end}{header.format(end=end)}'
    result = read(f'{top}{end}1,"of{end}two lines",Ann,Lee{end}2,x,B,B{end}'.replace("_", " "))
    assert list(result.records["record_id"]) == ["1", "2"]
    assert list(result.records["forename"]) == ["Ann", "B"]
    assert result.files[0].rows == 2 and not len(result.rejects)


def test_a_quote_that_is_never_closed_swallows_no_rows(read: Read) -> None:
    result = read('record_id,name,address\n1,A,"x\n2,B,x\n3,C,x\n')
    assert list(result.records["record_id"]) == ["1", "2", "3"]


@pytest.mark.parametrize(
    "stray",
    ['2,"B,x', '"2,B,x', '2,B,"x', '2,B"x",x'],
)
def test_a_stray_quote_swallows_no_rows(read: Read, stray: str) -> None:
    rows = "".join(f"{number},Name,x\n" for number in range(3, 40))
    result = read(f"record_id,name,address\n1,A,x\n{stray}\n{rows}")
    assert result.files[0].rows == 39
    assert {"1", *map(str, range(3, 40))} <= set(result.records["record_id"])


def test_a_stray_quote_met_by_another_swallows_no_rows(read: Read) -> None:
    result = read('record_id,name,address\n1,A,"x\n2,B,x\n3,C,"x\n4,D,x\n')
    assert list(result.records["record_id"]) == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("rows", "unclosed"),
    [
        ('1,"Ann,x\n2,B,x\n3,C,x\n', 1),
        ('1,A,"x\n2,B,x\n3,C,"x\n4,D,x\n', 2),
        ('1,"A ""B""",x\n2,"B\nB",x\n3,6" long,x\n', 0),
    ],
)
def test_rows_in_which_a_quote_is_not_closed_are_counted_in_a_note(
    read: Read, rows: str, unclosed: int
) -> None:
    result = read(f"record_id,name,address\n{rows}")
    told = [(note.code, note.count) for note in result.notes]
    assert told == [("quote_unclosed", unclosed)] * bool(unclosed)


@pytest.mark.parametrize(
    "row",
    [
        '=K4,Bob,"Li\nne",31/12/2018,4 High St,OL1 1AD',
        'K4,Bob,Line,31/12/2018,"4 High St,\nShaw,\n\nOldham",OL1 1AD',
        'K4,"Bo\nb",Line',
        '"K\n4",Bob,Line',
    ],
)
def test_a_row_without_its_last_cells_is_one_reject_although_a_quoted_cell_goes_on_in_lines(
    read: Read, row: str
) -> None:
    heads = "record_id,forename,surname,date_of_birth,address,postcode,sex"
    result = read(f"{heads}\n{row}\nK5,Al,Line,31/12/2018,4 High St,OL1 1AD,M\n")
    assert codes(result) == [(2, "", "too_few_fields")]
    assert result.files[0].rows == 2 and list(result.records["record_id"]) == ["K5"]
    assert not [note for note in result.notes if note.code == "quote_unclosed"]


@pytest.mark.parametrize(
    "row",
    ['"K\n4",Bob,Line,x,y', 'K4,Bob,"Li\nne",x,y', 'K4,Bob,Line,x,"y\nz"', 'K4,Bob,"x,\ny",x,y'],
)
def test_a_row_with_more_cells_is_one_reject_although_a_quoted_cell_goes_on_in_lines(
    read: Read, row: str
) -> None:
    result = read(f"record_id,forename,surname,sex\n{row}\nK5,Al,Line,M\n")
    assert codes(result) == [(2, "", "too_many_fields")]
    assert result.files[0].rows == 2 and list(result.records["record_id"]) == ["K5"]
    assert not [note for note in result.notes if note.code == "quote_unclosed"]


@pytest.mark.parametrize(
    "lines",
    [
        ['K4,Bob,"Line,x', 'K5,Al,Line,31/12/2018,4 High St,OL1 1AD,"'],
        ['K4,Bob,"Line', 'K5,Al,Line"'],
        ['"K4,Bob', 'K5"'],
        ['K4,Bob,"Line', "K5,Al,Line", 'K6,Cy"'],
    ],
)
def test_short_rows_between_stray_quotes_are_not_taken_for_one(
    read: Read, lines: list[str]
) -> None:
    heads = "record_id,forename,surname,date_of_birth,address,postcode,sex"
    result = read("\n".join([heads, *lines, ""]))
    assert result.files[0].rows == len(lines)


def test_a_quote_that_opens_a_very_long_cell_swallows_no_rows(read: Read) -> None:
    rows = "".join(f"{number},Name,{'x' * 50}\n" for number in range(2, 5000))
    result = read(f'record_id,name,address\n1,A,"x\n{rows}')
    assert result.files[0].rows == 4999
    assert len(result.records) == 4999


@pytest.mark.parametrize(
    "row", ["1,{long},Lee,", "1,Ann,Lee,{long}", '1,"{long}",Lee,', '1,Ann,Lee,"{long}\nmore"']
)
def test_a_cell_beyond_the_limit_makes_its_row_a_reject(read: Read, row: str) -> None:
    rows = row.format(long="x" * 131_073)
    result = read(f"record_id,forename,surname,ignored\n{rows}\n2,Bo,Lee,x\n")
    assert list(result.records["record_id"]) == ["2"]
    assert codes(result)[0] == (2, "", "cell_too_long")


def test_a_cell_at_the_limit_is_read(read: Read) -> None:
    result = read(f"record_id,name,ignored\n1,A,{'x' * 131_072}\n2,B,x\n")
    assert list(result.records["record_id"]) == ["1", "2"]


@pytest.mark.parametrize(
    ("column", "longest"), [("record_id", 200), ("surname", 500), ("family_id", 500), ("upn", 64)]
)
def test_a_value_that_is_longer_than_its_field_makes_its_row_a_reject(
    read: Read, column: str, longest: int
) -> None:
    cells = {"record_id": "2", "surname": "B", "family_id": "F", "upn": "U"}
    rows = [{**cells, column: "x" * size} for size in (longest, longest + 1)]
    lines = [",".join(one.values()) for one in rows]
    result = read("\n".join([",".join(cells), *lines, "3,C,F,U", ""]))
    assert len(result.records) == 2
    assert codes(result) == [(3, column, "cell_too_long")]


def test_an_address_in_parts_is_measured_as_one_line(read: Read, generic: SourceDefinition) -> None:
    (people,) = generic.tables
    columns = {**people.columns, "line1": ("line1",), "line2": ("line2",)}
    parts = people.model_copy(update={"columns": columns, "address": (("line1", "line2"),)})
    definition = generic.model_copy(update={"tables": (parts,)})
    lines = [f"1,A,{'x' * 300},{'y' * 198}", f"2,B,{'x' * 300},{'y' * 199}", ""]
    result = read("\n".join(["record_id,surname,line1,line2", *lines]), definition)
    assert list(result.records["record_id"]) == ["1"]
    assert codes(result) == [(3, "address", "cell_too_long")]


def test_a_stray_quote_before_a_cell_beyond_the_limit_swallows_no_rows(read: Read) -> None:
    result = read(f'record_id,name,address\n1,A,"x\n2,B,{"x" * 200_000}\n3,C,x\n')
    assert list(result.records["record_id"]) == ["1", "3"]
    assert codes(result) == [(3, "", "cell_too_long")]


def test_cells_beyond_the_header_may_be_empty(read: Read) -> None:
    result = read("record_id,name,,\n1,A,,,\n2,B\n3,C,,,x\n4,D, ,\u00a0\n")
    assert list(result.records["record_id"]) == ["1", "2", "4"]
    assert codes(result) == [(4, "", "too_many_fields")]


def test_a_cell_under_a_column_without_a_name_is_not_one_too_many(read: Read) -> None:
    result = read("record_id,name,\n1,A,moved\n2,B\n3,C,,x\n")
    assert list(result.records["record_id"]) == ["1", "2"]
    assert codes(result) == [(4, "", "too_many_fields")]


def test_more_rows_than_a_batch_keep_their_order_and_lines(read: Read) -> None:
    rows = "".join(f"{number},Name {number % 7}\n" for number in range(100_500))
    result = read("record_id,name\n" + rows + ",x\n")
    assert list(result.records["record_id"]) == [str(number) for number in range(100_500)]
    assert codes(result) == [(100_502, "record_id", "missing_record_id")]
    assert len(result.records["name"].cat.categories) == 7


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_lines_of_two_encodings_are_each_read_as_what_they_are(
    read: Read, end: str, mark: bytes
) -> None:
    utf8 = f"record_id,name{end}1,Zoë Müller{end}2,Łucja{end}".encode()
    legacy = f"3,Chloé{end}4,Ann{end}5,Zo\x81{end}".encode("latin-1")
    result = read(mark + utf8 + legacy)
    assert list(result.records["name"]) == ["Zoë Müller", "Łucja", "Chloé", "Ann", "Zo\ufffd"]
    assert notes(result) == {("", "mixed_encodings"): 2, ("", "characters_replaced"): 1}


def test_a_long_file_of_two_encodings_is_read_to_its_end(read: Read) -> None:
    rows = [f"{number},Zoë{'x' * 497}".encode() for number in range(4_000)]
    content = b"\n".join([b"record_id,name", "0x,Ann\xe9".encode("latin-1"), *rows])
    names = read(content).records["name"]
    assert len(names) == 4_001
    assert set(names) == {"Anné", "Zoë" + "x" * 497}


def test_a_list_that_may_be_either_tells_that_it_was_taken_for_windows_1252(read: Read) -> None:
    """Polish letters would be others in the encoding of a Polish spreadsheet."""
    assert notes(read(TEXT.encode("cp1252"))) == {("", "read_as_windows_1252"): 1}
    assert notes(read(TEXT.encode())) == {}
    polish = read("record_id,name\n1,Łukasz".encode("cp1250"))
    assert notes(polish) == {("", "read_as_windows_1252"): 1}


def test_what_is_utf8_is_read_so_whatever_is_declared(
    read: Read, generic: SourceDefinition
) -> None:
    declared = generic.model_copy(update={"encodings": ("cp1252",)})
    result = read(TEXT.encode(), declared)
    assert list(result.records["name"]) == ["Zoë O’Brien"]
    assert notes(result) == {("", "read_as_utf8"): 1}
    for content in (TEXT.encode("cp1252"), b"record_id,name\n1,Ann\n"):
        assert notes(read(content, declared)) == {}


def test_no_other_encoding_is_read_where_only_utf8_is_declared(
    read: Read, generic: SourceDefinition
) -> None:
    declared = generic.model_copy(update={"encodings": ("utf-8",)})
    with pytest.raises(ExtractRefused) as refused:
        read(TEXT.encode("cp1252"), declared)
    assert refused.value.code == "wrong_encoding"
