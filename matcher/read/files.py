"""One file of an extract as the tables in it, whatever kind of file it is."""

from fnmatch import fnmatch
from pathlib import PurePosixPath

from matcher.read.delimited import read_delimited
from matcher.read.members import DAMAGED, Member
from matcher.read.result import Note
from matcher.read.tables import HEADER_WITHIN, Progress, RawTable, missing_columns
from matcher.read.workbook import is_workbook_start, read_workbook
from matcher.read.xml import read_xml
from matcher.rules.sources import SourceDefinition, Table


def read_file(
    member: Member, definition: SourceDefinition, *, alone: bool, progress: Progress | None
) -> tuple[list[RawTable], list[Note]]:
    """The tables of one file.

    A file that is the whole extract, or whose name is one that a table expects, must hold
    a table. Any other file without one is passed over and noted.
    """
    expected = _expected(member, definition)
    must = alone or expected is not None
    in_xml = any(table.element for table in definition.tables)
    if not must and (in_xml or not member.is_tabular):
        return [], [Note(member.name, "", "file_ignored", 1)]
    try:
        with member.open() as stream:
            start = stream.read(512)
    except DAMAGED as error:
        raise member.refused("damaged_file", "the file cannot be read") from error
    if in_xml:
        tables = read_xml(member, definition, progress)
    elif is_workbook_start(start):
        tables = read_workbook(member, definition, progress)
    else:
        table = read_delimited(member, definition, expected, progress)
        tables = [table] if table else []
    if tables:
        return tables, []
    if must:
        wanted = expected or definition.tables[0]
        raise member.refused(
            "wrong_columns",
            f"no header row of this source ({definition.title}) in the first {HEADER_WITHIN} rows; "
            f"the table {wanted.name!r} needs the columns {missing_columns(wanted)}. Add them, "
            "or name this system's own headers in a copy of the source definition",
        )
    return [], [Note(member.name, "", "file_ignored", 1)]


def _expected(member: Member, definition: SourceDefinition) -> Table | None:
    name = PurePosixPath(member.name).name.casefold()
    for table in definition.tables:
        if any(fnmatch(name, pattern.casefold()) for pattern in table.files):
            return table
    return None
