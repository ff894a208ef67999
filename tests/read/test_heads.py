"""Which row of a list that nobody knows is taken to be its header."""

from pathlib import Path

import pytest

from api.services.rules import load_rule_book, shipped_rules
from matcher.read import heads

HEADER = "Ref,First,Last,Born"
CHILDREN = [f"R{at},Ann,Lee,2015-03-{at:02}" for at in range(1, 8)]


def header_of(folder: Path, *lines: str) -> tuple[int, tuple[str, ...]] | None:
    file = folder / "list.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    definition = load_rule_book(shipped_rules()).definition("generic")
    found = heads("nursery", file, definition, rows=5)
    return (found[0].row, found[0].headers) if found else None


@pytest.mark.parametrize(
    ("lines", "row"),
    [
        ([HEADER, *CHILDREN], 1),
        (["Nursery list,,,", "printed 1 Nov 2026,,,", "", HEADER, *CHILDREN], 4),
        # A row with text in more cells than the header has names.
        ([HEADER + ",", *CHILDREN, "R9,Bob,Lee,two thousand,moved in June"], 1),
        # One with more cells than the list has columns.
        ([HEADER, CHILDREN[0], "R9,Bob,Lee,a,b,c,d,e,2015-03-09,OL8 1EU", *CHILDREN], 1),
        # A register by day.
        (["Ref,First,01/09/2026,08/09/2026,15/09/2026", *CHILDREN], 1),
    ],
)
def test_the_header_is_the_first_row_that_names_most_columns(
    tmp_path: Path, lines: list[str], row: int
) -> None:
    found = header_of(tmp_path, *lines)
    assert found is not None
    assert found[0] == row


def test_cells_with_line_breaks_are_shown_as_they_are_read(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    lines = ['Ref,"First\nname",Last,"Date\nof birth"', 'R1,"Zo ""x"" y","a\n\nb",2015-03-01']
    last = ['R2,"Max, Al",Lee,"2015-03-02\n"', 'R3,"a\nR9,Bob,Bo,2015-03-09\nb",Lee,2015-03-03']
    file.write_text("\n".join([*lines, *last, ""]), encoding="utf-8")
    definition = load_rule_book(shipped_rules()).definition("generic")
    (head,) = heads("nursery", file, definition, rows=5)
    assert (head.row, head.headers) == (1, ("Ref", "First name", "Last", "Date of birth"))
    assert head.rows == (
        ("R1", 'Zo "x" y', "a b", "2015-03-01"),
        ("R2", "Max, Al", "Lee", "2015-03-02"),
        ("R3", "a R9,Bob,Bo,2015-03-09 b", "Lee", "2015-03-03"),
    )


@pytest.mark.parametrize(
    "child",
    [
        "R{},Max,Lee,09/02/16",
        "R{},Max,Lee,OL8 1EU",
        "R{},Max,Lee,B353200519002",
        "R{},Max,Lee,9434765919",
        "R{},Max,Lee,943 476 5919",
        "2100{:02},Max,Lee,B",
    ],
)
def test_a_list_of_children_without_a_header_has_none(tmp_path: Path, child: str) -> None:
    rows = [child.format(at) for at in range(40)]
    assert header_of(tmp_path, *rows) is None
    # Nor where one of them has more to say than the others.
    assert header_of(tmp_path, *rows[:20], rows[20] + ",Ann Mary,Grange School", *rows[21:]) is None
