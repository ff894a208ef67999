"""Rows of generic extracts: which become records, which rejects, and with what."""

from collections.abc import Callable
from datetime import date
from itertools import permutations

import pandas as pd
import pytest
from small_extracts import codes, notes, record

from matcher.frames import RECORD_COLUMNS, REJECT_COLUMNS
from matcher.read import ReadResult
from matcher.rules.sources import SourceDefinition

Read = Callable[..., ReadResult]


def test_a_record_has_the_columns_and_types_of_the_contract(read: Read) -> None:
    result = read("record_id,name,date_of_birth\n1,Aisha Khan,03/04/2014\n")
    assert tuple(result.records.columns) == RECORD_COLUMNS
    assert tuple(result.rejects.columns) == REJECT_COLUMNS
    assert result.records["record_id"].dtype == object
    assert str(result.records["date_of_birth"].dtype) == "datetime64[ns]"
    assert result.records["as_of"].isna().all()
    for name in ("source", "role", "forename", "postcode"):
        column = result.records[name]
        assert isinstance(column.dtype, pd.CategoricalDtype)
        assert column.cat.categories.dtype == object
    assert list(result.records["role"].cat.categories) == ["child"]
    assert record(result)["source"] == "somewhere"


@pytest.mark.parametrize(
    ("column", "written", "meant"),
    [
        ("forename", "  Aisha\u00a0 Noor ", "Aisha Noor"),
        ("surname", "O&#39;Brien", "O'Brien"),
        ("surname", "Null", "Null"),
        ("surname", "NULL", None),
        ("surname", "N/K", None),
        ("surname", "Wiśniewska", "Wiśniewska"),
        ("sex", "Girl", "F"),
        ("sex", "1", "M"),
        ("sex", "Not Known", None),
        ("sex", "U", None),
        ("role", "Carer", "carer"),
        ("role", "", "child"),
        ("nhs_number", "943 476 5919", "9434765919"),
        ("nhs_number", "943-476-5919", "9434765919"),
        ("nhs_number", "9434765919.0", "9434765919"),
        ("nhs_number", "9.434765919E+09", "9434765919"),
        ("nhs_number", "9.43E+09", None),
        ("upn", "h353200621029", "H353200621029"),
        ("family_id", "000123", "000123"),
        ("family_id", "123.0", "123"),
        ("address", '"1 High Street\nOldham"', "1 High Street, Oldham"),
        ("postcode", "ol1 1aa", "ol1 1aa"),
        ("as_of", "2024-09-01", pd.Timestamp("2024-09-01")),
        ("date_of_birth", "-", None),
        ("date_of_birth", "00/01/1900", None),
    ],
)
def test_a_cell_means(read: Read, column: str, written: str, meant: object) -> None:
    result = read(f"record_id,name,{column}\n1,Aisha Khan,{written}\n")
    assert record(result)[column] == meant


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (",Aisha,,", "record_id", "missing_record_id"),
        ("n/k,Aisha,,", "record_id", "missing_record_id"),
        ("1.2E+05,Aisha,,", "record_id", "record_id_damaged"),
        ("1,,,child", "name", "no_name"),
        ("1,Aisha,,teacher", "role", "role_unknown"),
        ("1,Aisha,31/02/2014,", "date_of_birth", "date_impossible"),
        ("1,Aisha,soon,", "date_of_birth", "date_unreadable"),
        ("1,Aisha,01/01/1066,", "date_of_birth", "date_implausible"),
        ("1,Aisha,,,Oldham", "", "too_many_fields"),
        ("1,Aisha", "", "too_few_fields"),
        ("record_id,Name,DATE OF BIRTH,role", "", "repeated_header"),
        ("Total,250,,", "", "totals_row"),
        ("Total records: 250,,,", "", "totals_row"),
        ("9,Zoe,,", "record_id", "duplicate_record_id"),
        ('"1\n2",Aisha,,', "record_id", "record_id_of_lines"),
    ],
)
def test_a_row_is_rejected(read: Read, row: str, column: str, code: str) -> None:
    result = read(f"record_id,name,date_of_birth,role\n9,Zoe,,\n{row}\n")
    assert codes(result) == [(3, column, code)]
    assert len(result.records) == 1


def test_a_nameless_row_with_a_date_of_birth_or_an_identifier_stays(read: Read) -> None:
    result = read(
        "record_id,name,date_of_birth,nhs_number,upn\n"
        "1,,03/04/2014,,\n2,,,9434765919,\n3,,,,H353200621029\n4,,,,\n"
    )
    assert list(result.records["record_id"]) == ["1", "2", "3"]


def test_a_row_that_cannot_be_read_is_not_chosen_over_a_good_one(read: Read) -> None:
    result = read("record_id,name,date_of_birth\n1,Bad,31/02/2014\n1,Good,\n1,Good,\n")
    assert list(result.records["name"]) == ["Good"]
    assert codes(result) == [
        (2, "date_of_birth", "date_impossible"),
        (4, "record_id", "duplicate_record_id"),
    ]


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        # The latest counts, then the fullest, then the content, never the place.
        (["1,New,,,01/02/2024", "1,Old,2014-04-03,OL1 1AA,01/01/2024"], "New"),
        (["1,Dated,,,01/01/2024", "1,Undated,2014-04-03,OL1 1AA,"], "Dated"),
        (["1,Bare,,,", "1,Full,2014-04-03,OL1 1AA,"], "Full"),
        (["1,Zoe,2014-04-02,,", "1,Aisha,2014-04-03,,"], "Zoe"),
        (["1,Zoe,2014-04-03,,", "1,Aisha,2014-04-03,,"], "Aisha"),
        (["1,Zoe,,OL2 1AA,", "1,Aisha,,OL1 1AA,", "1,Zoe,,OL2 1AA,"], "Aisha"),
    ],
)
def test_of_rows_with_one_id_the_same_counts_in_any_order(
    read: Read, rows: list[str], name: str
) -> None:
    for order in permutations(rows):
        result = read("\n".join(["record_id,name,date_of_birth,postcode,as_of", *order]))
        assert list(result.records["name"]) == [name]
        assert list(result.rejects["code"]) == ["duplicate_record_id"] * (len(rows) - 1)


def test_rows_that_are_alike_collapse_into_the_first(read: Read) -> None:
    result = read("record_id,name\n1,Zoe\n1,Zoe\n1,Zoe\n")
    assert len(result.records) == 1
    assert [row for row, _, _ in codes(result)] == [3, 4]


def test_two_ids_in_one_cell_become_no_third(read: Read) -> None:
    result = read('record_id,name\n"1\n",Aisha\n"1\r\n2",Zoe\n1 2,Lily\n')
    assert list(result.records["record_id"]) == ["1", "1 2"]
    assert codes(result) == [(4, "record_id", "record_id_of_lines")]


def test_a_child_called_total_is_a_child(read: Read) -> None:
    result = read("surname,forename,record_id\nTotal,Aisha,A1\n")
    assert len(result.records) == 1


def test_blank_lines_and_titles_are_no_rows_but_lines_are_counted(read: Read) -> None:
    result = read("List of members\n\nrecord_id,name\n\n1,Aisha\n,\n,,\n2,\n")
    assert result.files[0].rows == 2
    assert codes(result) == [(8, "name", "no_name")]


def test_a_comma_shows_that_the_surname_comes_first(read: Read) -> None:
    result = read('record_id,name\n1,"KHAN, Aisha"\n2,Aisha Khan\n')
    assert record(result)["name_order"] == "surname_first"
    assert record(result, 1)["name_order"] is None


def test_ambiguous_dates_are_decided_by_the_column(read: Read) -> None:
    result = read(
        "record_id,name,date_of_birth,as_of\n"
        "1,A,03/04/2014,03/04/2024\n2,B,12/25/2014,\n3,C,25/12/2014,\n"
    )
    assert codes(result) == [(2, "date_of_birth", "date_ambiguous")]
    assert notes(result)["date_of_birth", "mixed_date_orders"] == 1


def test_damage_is_counted(read: Read) -> None:
    result = read("record_id,name,nhs_number,sex,junk\n1,A,9.43E+09,?!,x\n2,B,9.4E+09,F,\n")
    assert notes(result) == {
        ("", "columns_ignored"): 1,
        ("nhs_number", "scientific_notation"): 2,
        ("sex", "not_recognised"): 1,
    }


def test_a_birth_after_the_extract_was_taken_is_missing_and_counted(read: Read) -> None:
    # 1 was not born then; a case may be opened for a child who is not, as 2; 3 is dated later.
    result = read(
        "record_id,name,date_of_birth,as_of\n1,A,03/04/2024,01/01/2024\n2,B,25/12/2023,01/02/2023\n"
        "3,C,25/04/2024,26/04/2024\n4,D,02/02/2024,\n",
        taken=date(2024, 2, 1),
    )
    assert list(result.records["date_of_birth"].isna()) == [True, False, False, True]
    assert notes(result)["date_of_birth", "birth_in_future"] == 2
    assert notes(result)["date_of_birth", "born_after_as_of"] == 1


@pytest.mark.parametrize("taken", [None, date(2024, 2, 1)])
def test_what_a_record_says_does_not_depend_on_the_rows_beside_it(
    read: Read, taken: date | None
) -> None:
    header = "record_id,name,date_of_birth,as_of\n"
    rows = ["1,A,13/08/24,27/11/2021\n", "2,B,13/08/2023,27/11/2024\n", "3,C,13/08/23,\n",
            "4,D,13/08/2023,27/11/2021\n"]  # fmt: skip
    together = read(header + "".join(rows), taken=taken).records
    alone = [read(header + row, taken=taken).records for row in rows]
    pd.testing.assert_frame_equal(
        together.astype(object), pd.concat(alone, ignore_index=True).astype(object)
    )


def test_a_birth_after_the_last_year_that_is_believed_is_missing(read: Read) -> None:
    result = read("record_id,name,date_of_birth\n1,A,31/12/2029\n2,B,01/01/2030\n3,C,2090-05-05\n")
    assert list(result.records["date_of_birth"].isna()) == [False, True, True]
    assert notes(result) == {("date_of_birth", "birth_in_future"): 2}


def test_a_date_in_the_future_is_nothing_to_know_a_person_by(read: Read) -> None:
    result = read("record_id,name,date_of_birth\n1,,31/12/2090\n")
    assert codes(result) == [(2, "name", "no_name")]


def test_the_last_year_of_birth_is_a_rule(read: Read, generic: SourceDefinition) -> None:
    dates = generic.dates.model_copy(update={"latest_birth_year": 2014})
    changed = generic.model_copy(update={"dates": dates})
    result = read("record_id,name,date_of_birth\n1,A,31/12/2014\n2,B,01/01/2015\n", changed)
    assert list(result.records["date_of_birth"].isna()) == [False, True]


def test_no_reject_tells_a_value(read: Read) -> None:
    result = read("record_id,name,date_of_birth\n1,Zebedee,Quixotic\n1.5E+05,Zebedee,\n")
    shown = result.rejects.to_csv()
    assert "Zebedee" not in shown and "Quixotic" not in shown and "1.5E" not in shown
    assert result.rejects["message"].str.len().min() > 20


def test_rejected_values_do_not_stay_behind_as_categories(read: Read) -> None:
    result = read("record_id,name,date_of_birth\n1,Zebedee,soon\n2,Aisha,\n")
    assert list(result.records["name"].cat.categories) == ["Aisha"]


def test_a_column_named_twice_is_read_once_and_noted(read: Read) -> None:
    result = read("record_id,name,postcode,postcode\n1,A,OL1 1AA,OL2 2BB\n")
    assert record(result)["postcode"] == "OL1 1AA"
    assert notes(result)["postcode", "column_twice"] == 1


def test_progress_tells_the_file_and_the_rows(tmp_path, generic) -> None:
    from matcher.read import read_extract

    (tmp_path / "x.csv").write_text("record_id,name\n1,A\n2,B\n")
    told: list[tuple[str, int]] = []
    read_extract("x", tmp_path / "x.csv", generic, progress=lambda f, n: told.append((f, n)))
    assert told == [("x.csv", 2)]


def test_digits_of_other_keyboards_are_digits(read: Read) -> None:
    header = "record_id,name,date_of_birth,nhs_number,upn"
    plain = "1,Ali,03/04/2014,943 476 5919,E353200116007"
    wide = "2,Ali,０３／０４／２０１４,９４３　４７６　５９１９,Ｅ３５３２００１１６００７"
    bengali = "3,Ali,০৩\u2011০৪\u2011২০১৪,৯৪৩৪৭৬৫৯১৯,E৩৫৩২০০১১৬০০৭"
    result = read("\n".join([header, plain, wide, bengali]))
    assert codes(result) == []
    assert set(result.records["date_of_birth"]) == {pd.Timestamp("2014-04-03")}
    assert set(result.records["nhs_number"]) == {"9434765919"}
    assert set(result.records["upn"]) == {"E353200116007"}


@pytest.mark.parametrize(
    "types",
    [
        ["(text),(text),(date),(10 digits)"],
        ["text,varchar(50),dd/mm/yyyy,"],
        ["[id],<name>,Date,Number", "(must),(may),(may),(may)"],
    ],
)
def test_lines_that_tell_the_types_of_the_columns_are_rejects_of_their_own(
    read: Read, types: list[str]
) -> None:
    header = "record_id,name,date_of_birth,nhs_number"
    result = read("\n".join([header, *types, "1,Ali,03/04/2014,", "2,(Ann),,"]))
    assert codes(result) == [(2 + at, "", "column_types") for at in range(len(types))]
    assert list(result.records["record_id"]) == ["1", "2"]


def test_only_lines_right_below_the_header_tell_types(read: Read) -> None:
    result = read("record_id,name\n1,Ali\n(2),(Ann)\n")
    assert list(result.records["record_id"]) == ["1", "(2)"]
    assert list(read("record_id,name\n,Date\n").rejects["code"]) == ["missing_record_id"]


def test_a_reject_tells_the_id_of_its_record_unless_something_is_wrong_with_that(
    read: Read,
) -> None:
    longest = "9" * 201
    result = read(
        "record_id,name,date_of_birth\n"
        "1,A,soon\n"
        ",B,2014-05-03\n"
        "1.5E+05,C,soon\n"
        f"{longest},D,soon\n"
        "5,E,2014-05-03,more\n"
        "6,F,2014-05-03\n"
        "6,F,2014-05-04\n"
    )
    found = result.rejects[["row", "record_id", "code"]].itertuples(index=False)
    assert [tuple(one) for one in found] == [
        (2, "1", "date_unreadable"),
        (3, "", "missing_record_id"),
        (4, "", "record_id_damaged"),
        (5, "", "cell_too_long"),
        (6, "", "too_many_fields"),
        (8, "6", "duplicate_record_id"),
    ]


def test_values_that_held_characters_nobody_sees_are_counted(read: Read) -> None:
    rows = ["record_id,forename,surname,date_of_birth,address"]
    rows += ["1,Ad\u202ea,Lees,2019-05-03,1 High St"]
    rows += ["2,Ad\u202ea,Lees\u200b,2019-05-\u200b04,2 High St"]
    rows += ["3,&#8203;Ben,Le\u00a0es\t,2019-05-05,"]
    rows += ['4,Zo\u00eb \U0001f600,O\u2019Hara,2019-05-06,"4 High St\r\nOldham"']
    result = read("\n".join(rows) + "\n")
    assert result.records["forename"].tolist() == ["Ada", "Ada", "Ben", "Zo\u00eb \U0001f600"]
    assert notes(result) == {
        ("forename", "unseen_characters"): 3,
        ("surname", "unseen_characters"): 1,
        ("date_of_birth", "unseen_characters"): 1,
    }
