"""Reading an extract by its source's definition, and telling whose it may be if that fails."""

from dataclasses import replace
from datetime import date
from pathlib import Path

from sqlalchemy import Connection, select

from api.db.models import Extract, Source
from api.services.extracts.files import kept_file
from api.services.extracts.mapping import definition_of
from api.services.extracts.naming import telling_no_names, without_names
from api.services.rules import GENERIC, RuleBook
from matcher.errors import ExtractRefused
from matcher.read import Progress, ReadResult, read_extract
from matcher.rules.sources import SourceDefinition

# What a file is refused for if it is sound but not laid out as its source's extracts are.
OTHER_LAYOUT = frozenset({"wrong_columns", "missing_table", "is_file"})


def read_kept(
    connection: Connection, extract: int, book: RuleBook, *, progress: Progress | None = None
) -> ReadResult:
    """Read an extract whose file is kept. Raises ExtractRefused.

    Kinds of activity are left out if the extract has no table of them at all: it says
    nothing of them, which is not that there are none.
    """
    source, taken = connection.execute(
        select(Source.name, Extract.as_of)
        .join(Extract, Extract.source == Source.number)
        .where(Extract.id == extract)
    ).one()
    own = definition_of(connection, extract, book)
    with kept_file(connection, extract) as path:
        return read_as(source, path, book, own=own, taken=taken, progress=progress)


def read_as(
    source: str,
    path: Path,
    book: RuleBook,
    *,
    own: SourceDefinition | None = None,
    taken: date | None = None,
    progress: Progress | None = None,
) -> ReadResult:
    """Read by the source's own definition, or as generic if the file is laid out like that.

    ``own`` is that definition, if more is known of the source than the rules say; ``taken``
    is the day of the extract. Files within a folder or zip are called by their table, or by
    their place in it. Raises ExtractRefused; if the file is laid out like another source's,
    it says so.
    """
    definition = own or book.definition(source)
    with telling_no_names(source, path, definition):
        read = _read_as(source, path, book, definition, taken, progress)
        _refuse_if_empty(source, read)
    return without_names(read, source, path, definition)


def _read_as(
    source: str,
    path: Path,
    book: RuleBook,
    own: SourceDefinition,
    taken: date | None,
    progress: Progress | None,
) -> ReadResult:
    def read(definition: SourceDefinition) -> ReadResult:
        found = read_extract(source, path, definition, taken=taken, progress=progress)
        return _told(found, definition)

    try:
        return read(own)
    except ExtractRefused as refusal:
        if refusal.code not in OTHER_LAYOUT:
            raise
        generic = book.sources[GENERIC]
        if is_generic(source, path, book) and own is not generic:
            return read(generic)
        others = layout_of(path, book, without=source)
        if not others:
            raise
        raise ExtractRefused(
            source,
            path.name,
            "other_source",
            f"the file is laid out like an extract of {' or '.join(others)}, not of {source}; "
            "check the name of the source and the file",
        ) from refusal


def is_generic(source: str, path: Path, book: RuleBook) -> bool:
    """Whether the file is a plain list of people with this software's own headers."""
    return is_laid_out_as(source, path, book.sources[GENERIC])


def layout_of(path: Path, book: RuleBook, *, without: str) -> list[str]:
    """Sources like whose extracts the file is laid out."""
    others = [name for name in sorted(book.sources) if name not in (without, GENERIC)]
    return [name for name in others if is_laid_out_as(name, path, book.sources[name])]


class _SeenEnoughError(Exception):
    """The first rows of a table have been read."""


def is_laid_out_as(source: str, path: Path, definition: SourceDefinition) -> bool:
    """Whether there is a table of this definition."""
    return refusal_by(source, path, definition) is None


def refusal_by(source: str, path: Path, definition: SourceDefinition) -> ExtractRefused | None:
    """Why the extract cannot be read so; reads no further than the first rows of a table."""

    def stop(_: str, rows: int) -> None:
        if rows:
            raise _SeenEnoughError

    try:
        with telling_no_names(source, path, definition):
            _refuse_if_empty(source, read_extract(source, path, definition, progress=stop))
    except _SeenEnoughError:
        return None
    except ExtractRefused as refusal:
        return refusal
    return None


def _refuse_if_empty(source: str, read: ReadResult) -> None:
    """A list of nobody says nothing, or as a snapshot that everybody is gone: a mistake. Raises."""
    if not any(count.rows for count in read.files):
        raise ExtractRefused(
            source,
            "",
            "no_rows",
            "the list has headers but no row below them; export it again and check that it holds "
            "the records",
        )


def _told(read: ReadResult, definition: SourceDefinition) -> ReadResult:
    """What was read, with only the kinds of activity of which there is a table."""
    present = {count.table for count in read.files}
    kinds = {kind for table in definition.tables if table.name in present for kind in table.yields}
    return replace(read, activity={k: v for k, v in read.activity.items() if k in kinds})
