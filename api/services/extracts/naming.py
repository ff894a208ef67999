"""What the files within a folder or zip are called where it is shown or kept.

People name files as they like, also after a child. Only that a name is the one that a table's
files have says something that may be told.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from matcher.errors import ExtractRefused
from matcher.read import ReadResult
from matcher.read.files import expected_table
from matcher.read.members import Member, open_members
from matcher.read.result import FileCount
from matcher.rules.sources import SourceDefinition


@contextmanager
def telling_no_names(source: str, path: Path, definition: SourceDefinition) -> Iterator[None]:
    """Raises what is raised within, of an ExtractRefused without any file's own name."""
    try:
        yield
    except ExtractRefused as refusal:
        names = shown_names(source, path, definition)
        message = refusal.message
        for name, shown in names.items():
            message = message.replace(repr(name), shown)
        raise ExtractRefused(
            refusal.source, _shown(refusal.file, names), refusal.code, message
        ) from None


def without_names(
    read: ReadResult, source: str, path: Path, definition: SourceDefinition
) -> ReadResult:
    """What was read, with files called by their table or place."""
    names = shown_names(source, path, definition, read.files)
    if not names:
        return read
    rejects = read.rejects.copy()
    rejects["file"] = [_shown(file, names) for file in rejects["file"]]
    return replace(
        read,
        rejects=rejects,
        files=tuple(replace(one, file=_shown(one.file, names)) for one in read.files),
        notes=tuple(replace(one, file=_shown(one.file, names)) for one in read.notes),
    )


def shown_names(
    source: str, path: Path, definition: SourceDefinition, read: Sequence[FileCount] = ()
) -> dict[str, str]:
    """By name of a file within a folder or zip, what it is called; nothing for a single file.

    ``read`` says which tables were found in which file.
    """
    kind = "folder" if path.is_dir() else "zip"
    try:
        with open_members(source, path, definition) as (members, alone):
            tables = [_table_of(member, definition, read) for member in members]
    except ExtractRefused:
        return {}
    if alone:
        return {}
    found = {}
    for place, (member, table) in enumerate(zip(members, tables, strict=True), start=1):
        shown = f"file {place} of the {kind}"
        if table is not None:
            only = tables.count(table) == 1
            shown = table if only else f"{table}, {shown}"
        found[member.name] = shown
    return found


def _table_of(
    member: Member, definition: SourceDefinition, read: Sequence[FileCount]
) -> str | None:
    """The one table that a file holds, or is expected to hold."""
    held = {count.table for count in read if _is_of(count.file, member.name)}
    expected = expected_table(member, definition)
    if len(held) == 1:
        return held.pop()
    return None if held or expected is None else expected.name


def _is_of(file: str, name: str) -> bool:
    return file == name or file.startswith(f"{name} sheet ")


def _shown(file: str, names: Mapping[str, str]) -> str:
    """A file's name may go on with the sheet of a workbook."""
    for name, shown in names.items():
        if _is_of(file, name):
            return shown + file[len(name) :]
    return file
