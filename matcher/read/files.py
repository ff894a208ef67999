"""One file of an extract as the tables in it, whatever kind of file it is."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath

from matcher.read.cells import RawCell
from matcher.read.delimited import read_delimited, top_rows
from matcher.read.kinds import refuse_other_text
from matcher.read.members import DAMAGED, Member
from matcher.read.result import Note
from matcher.read.tables import HEADER_WITHIN, Progress, RawTable, missing_columns, nearest_row
from matcher.read.workbook import HIDDEN, is_workbook_start, read_workbook
from matcher.read.workbook import top_rows as top_rows_of_workbook
from matcher.read.xml import read_xml
from matcher.rules.sources import SourceDefinition
from matcher.rules.tables import Table


def read_file(
    member: Member, definition: SourceDefinition, *, alone: bool, progress: Progress | None
) -> tuple[list[RawTable], list[Note]]:
    """The tables of one file.

    A file that is the whole extract, or whose name is one that a table expects, must hold
    a table. Any other file without one is passed over and noted.
    """
    expected = expected_table(member, definition)
    must = alone or expected is not None
    in_xml = any(table.element for table in definition.tables)
    if not must and (in_xml or not member.is_tabular):
        return [], [Note(member.name, "", "file_ignored", 1)]
    try:
        with member.open() as stream:
            start = stream.read(512)
    except DAMAGED as error:
        raise member.refused("damaged_file", "the file cannot be read") from error
    notes: list[Note] = []
    if in_xml:
        tables = read_xml(member, definition, progress)
    elif is_workbook_start(start):
        tables, notes = read_workbook(member, definition, progress)
    else:
        table = read_delimited(member, definition, expected, progress)
        tables = [table] if table else []
    if tables:
        return tables, notes
    if not must:
        hidden = [note for note in notes if note.code == HIDDEN]
        return [], [*hidden, Note(member.name, "", "file_ignored", 1)]
    wanted = expected or definition.tables[0]
    if in_xml:
        raise member.refused("wrong_columns", _no_elements(wanted, definition))
    rows: Iterable[tuple[int, Sequence[RawCell]]]
    if is_workbook_start(start):
        rows = top_rows_of_workbook(member)
    else:
        refuse_other_text(member, start)
        rows = top_rows(member, definition)
    problem = _no_header(wanted, definition, rows)
    raise member.refused("wrong_columns", problem + hidden_sheets(notes, of_file=False))


def hidden_sheets(notes: Iterable[Note], *, of_file: bool) -> str:
    """That sheets are hidden, as the end of a refusal: the list may be on one of them."""
    found = []
    for note in notes:
        if note.code == HIDDEN:
            file, _, number = note.file.rpartition(" sheet ")
            found.append(f"sheet {number} of {file!r}" if of_file else f"sheet {number}")
    if not found:
        return ""
    many, listed = len(found) > 1, " and ".join(found)
    are, them = ("are", "one of them") if many else ("is", "it")
    return (
        f". {listed[0].upper()}{listed[1:]} {are} hidden and {are} not read. If the list is on "
        f"{them}, unhide it and save the workbook"
    )


def _no_elements(wanted: Table, definition: SourceDefinition) -> str:
    return (
        f"the XML holds nothing of this source ({definition.title}): the rows of the table "
        f"{wanted.name!r} are elements {wanted.element!r}, and there is no place for them. Check "
        "that this is the right file, or name this system's own elements in a copy of the source "
        "definition"
    )


def _no_header(
    wanted: Table, definition: SourceDefinition, rows: Iterable[tuple[int, Sequence[RawCell]]]
) -> str:
    nearest = nearest_row(rows, wanted)
    if nearest and nearest[2]:
        row, _, foreign = nearest
        return (
            f"row {row} has {_quoted(foreign)}, which lists of this source ({definition.title}) "
            "never have. Check that this is the right file and source, or take the header out of "
            "'never' in a copy of the source definition"
        )
    if nearest:
        row, lacking, _ = nearest
        problem = (
            f"row {row} is nearly a header of the table {wanted.name!r} of this source "
            f"({definition.title}), but lacks {lacking}"
        )
    else:
        problem = (
            f"no header row of this source ({definition.title}) in the first {HEADER_WITHIN} rows; "
            f"the table {wanted.name!r} needs the columns {missing_columns(wanted)}"
        )
    remedy = "Add them, or name this system's own headers in a copy of the source definition"
    return f"{problem}. {remedy}"


def _quoted(headers: Iterable[str]) -> str:
    return " and ".join(f"'{header}'" for header in headers)


def expected_table(member: Member, definition: SourceDefinition) -> Table | None:
    """The table that a file of this name must be, if any."""
    name = PurePosixPath(member.name).name.casefold()
    for table in definition.tables:
        if any(fnmatch(name, pattern.casefold()) for pattern in table.files):
            return table
    return None
