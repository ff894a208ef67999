"""Whatever comes in: nothing is lost, nothing crashes, nothing is told."""

import csv
import io
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from small_extracts import ROOT, assert_counts_add_up, zipped

from matcher.errors import ExtractRefused
from matcher.read import ReadResult, read_extract
from matcher.rules.sources import load_source_definitions

DEFINITIONS = load_source_definitions(ROOT / "linkage_rules" / "sources")
HEADER = ["record_id", "name", "date_of_birth", "nhs_number", "role"]


def read(content: bytes, definition: str = "generic") -> ReadResult | None:
    """The result, or None if the file is refused."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        path.write_bytes(content)
        try:
            result = read_extract("x", path, DEFINITIONS[definition])
        except ExtractRefused:
            return None
    assert_counts_add_up(result)
    return result


STARTS = st.sampled_from(
    [
        b"",
        b"PK\x03\x04",
        b"\xd0\xcf\x11\xe0",
        b"<CTfile>",
        b"record_id,name\n",
        b"\xff\xfe",
        b"%PDF",
    ]
)


@settings(max_examples=200, deadline=None)
@given(STARTS, st.binary(max_size=300), st.sampled_from(sorted(DEFINITIONS)))
def test_any_bytes_are_read_or_refused(start: bytes, rest: bytes, definition: str) -> None:
    result = read(start + rest, definition)
    # What is not refused has the table of records in it.
    assert result is None or any(
        "records" in DEFINITIONS[definition].table(count.table).yields for count in result.files
    )


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1000), st.binary(min_size=1, max_size=4))
def test_a_zip_with_any_bytes_changed_is_read_or_refused(at: int, change: bytes) -> None:
    content = bytearray(zipped({"a.csv": "record_id,name\n1,A\n", "b.csv": "record_id,name\n"}))
    at %= len(content)
    content[at : at + len(change)] = change
    result = read(bytes(content))
    # Names and sizes can change, cells cannot: they have a checksum.
    assert result is None or list(result.records["name"]) in (["A"], [])


CELLS = st.one_of(
    st.sampled_from(
        [
            *("", "-", "1", "2", "A1", "Total", "9.43E+09", "42063", "child", "carer"),
            *("03/04/2014", "12/25/2014", "25/12/2014", "31/02/2014"),
            *("record_id", "name", '"', "a\nb"),
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=6), max_size=12))
def test_any_rows_all_become_records_or_rejects(rows: list[list[str]]) -> None:
    stream = io.StringIO()
    csv.writer(stream).writerows([HEADER, *rows])
    result = read(stream.getvalue().encode())
    assert result is not None
    assert result.files[0].records == len(result.records)
    assert result.records["record_id"].is_unique
    written = sum(any(cell.strip() for cell in row) for row in rows)
    # Cells with line breaks may count as several rows, never as fewer.
    assert result.files[0].rows >= written


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("qxzj", min_size=6, max_size=9), min_size=5, max_size=5))
def test_no_reject_holds_a_value_but_the_record_id(cells: list[str]) -> None:
    result = read((",".join(HEADER) + "\n" + ",".join(cells) + "\n").encode())
    assert result is not None and len(result.rejects) == 1
    assert set(result.rejects.pop("record_id")) == {cells[HEADER.index("record_id")]}
    shown = result.rejects.to_csv()
    assert not any(cell in shown for cell in cells)


ROWS = st.tuples(
    st.sampled_from(["1", "2", "3", ""]),
    st.sampled_from(["Aisha", "Zoe", "", "-"]),
    st.sampled_from(["25/12/2014", "2014-12-25", "31/02/2014", "2090-01-02", ""]),
    st.sampled_from(["", "9434765919", "9.43E+09"]),
    st.sampled_from(["child", "carer", "", "teacher"]),
    st.sampled_from(["", "2024-01-01", "2023-01-01"]),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_rows_with_one_id_make_the_same_records_in_any_order(
    rows: list[tuple[str, ...]], random: Random
) -> None:
    shuffled = random.sample(rows, len(rows))
    plain, mixed = (read_rows([*HEADER, "as_of"], of) for of in (rows, shuffled))
    pd.testing.assert_frame_equal(by_id(plain), by_id(mixed))
    assert Counter(plain.rejects["code"]) == Counter(mixed.rejects["code"])


def by_id(result: ReadResult) -> pd.DataFrame:
    return result.records.astype(object).sort_values("record_id", ignore_index=True)


def read_rows(header: list[str], rows: Sequence[Sequence[str]]) -> ReadResult:
    stream = io.StringIO()
    csv.writer(stream).writerows([header, *rows])
    result = read(stream.getvalue().encode())
    assert result is not None
    return result


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(12)))
def test_the_order_of_rows_changes_no_record(order: list[int]) -> None:
    lines = [f"{n},Name {n},{n + 1:02d}/{n + 2:02d}/2014,,child" for n in range(11)]
    lines.append("11,Last,25/12/2014,,")
    header = ",".join(HEADER)
    plain = read("\n".join([header, *lines]).encode())
    mixed = read("\n".join([header, *(lines[at] for at in order)]).encode())
    assert plain is not None and mixed is not None
    columns = ["record_id", "name", "date_of_birth"]
    assert sorted(map(tuple, plain.records[columns].astype(str).to_numpy())) == sorted(
        map(tuple, mixed.records[columns].astype(str).to_numpy())
    )
