"""Which columns of a list that nobody knows yet hold what: offered, chosen, checked."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from api.services.extracts.mapping import ColumnMapping
from api.services.rules import RuleBook
from matcher.errors import DataError, ExtractRefused
from matcher.read import Head, heads
from matcher.read.tables import match_header, wanted_columns
from matcher.rules.sources import SourceDefinition
from matcher.rules.tables import Table, normalise_header

# A list with more columns is no list of people that somebody could be asked about.
MOST = 80
_SHOWN_ROWS = 5


@dataclass(frozen=True)
class UnknownList:
    """The list of an extract whose columns nobody knows, and the table that it should be."""

    table: Table
    head: Head

    @property
    def places(self) -> dict[str, int]:
        """Where each header is that can be told from the others, in order."""
        found: dict[str, int] = {}
        for place, header in enumerate(self.head.headers):
            found.setdefault(normalise_header(header), place)
        found.pop("", None)
        return found

    def recognised(self, table: Table) -> dict[str, int]:
        """By field, the place of the header that a table of that kind knows."""
        places, found = self.places, {}
        for field, headers in table.columns.items():
            for header in headers:
                if normalise_header(header) in places:
                    found[field] = places[normalise_header(header)]
                    break
        return found


def unknown_list(source: str, path: Path, definition: SourceDefinition) -> UnknownList:
    """The one list of an extract of which the definition knows no table.

    Raises DataError if there is none or are several, or it cannot be asked about.
    """
    people = [one for one in definition.tables if "records" in one.yields and not one.element]
    if not people:
        raise DataError(f"extracts of this source ({definition.title}) are XML, not lists")
    try:
        found = heads(source, path, definition, rows=_SHOWN_ROWS)
    except ExtractRefused as refusal:
        raise DataError(refusal.message) from None
    strange = [head for head in found if not _is_known(head, definition.tables)]
    if not strange:
        raise DataError("the file has no row that could be the header of a list")
    if len({head.headers for head in strange}) > 1:
        raise DataError(
            f"it holds {len(strange)} lists with different headers; bring each list by itself"
        )
    head = strange[0]
    if len(head.headers) > MOST:
        raise DataError(
            f"the list has {len(head.headers)} columns, and can have {MOST} at most; leave out "
            "those that are not about the child"
        )
    return UnknownList(people[0], head)


def _is_known(head: Head, tables: Iterable[Table]) -> bool:
    return any(match_header(head.headers, head.row, table) for table in tables)


def mapping_of_file(
    source: str, path: Path, definition: SourceDefinition, kept: Mapping[int, ColumnMapping]
) -> int | None:
    """Which of the sayings on a source, the last first, a file is to be read by.

    The first all of whose headers it has. If there is none: none if the definition knows its
    headers, else the last, by which it can at least be asked about.
    """
    if not kept:
        return None
    try:
        found = heads(source, path, definition, rows=_SHOWN_ROWS)
    except ExtractRefused:
        return next(iter(kept))
    headers = [{normalise_header(header) for header in head.headers} for head in found]
    for number, mapping in kept.items():
        said = {normalise_header(header) for header in mapping.columns.values() if header}
        if any(said <= own for own in headers):
            return number
    if any(_is_known(head, definition.tables) for head in found):
        return None
    return next(iter(kept))


def suggested(
    found: UnknownList, book: RuleBook, earlier: Collection[ColumnMapping] = ()
) -> dict[str, int]:
    """By field, the column that it probably is: known to its own table, or else to any.

    ``earlier`` is what was said of other lists of the source, the last first.
    """
    guess: dict[str, int] = {}
    for mapping in earlier:
        for field, header in mapping.columns.items():
            place = found.places.get(normalise_header(header or ""))
            if place is not None:
                guess.setdefault(field, place)
    for definition in book.sources.values():
        for table in definition.tables:
            for field, place in found.recognised(table).items():
                guess.setdefault(field, place)
    own = found.recognised(found.table)
    taken = set(own.values())
    more = {
        field: place
        for field, place in guess.items()
        if field in found.table.columns and field not in own and place not in taken
    }
    # Of fields that would share a guess, the first in the table's order has it.
    first: dict[int, str] = {}
    for field in found.table.columns:
        if field in more:
            first.setdefault(more[field], field)
    return own | {field: place for place, field in first.items()}


def needed_fields(table: Table) -> list[tuple[str, ...]]:
    """Groups of fields of which a list must have one each."""
    known = set(wanted_columns(table)) & set(table.columns)
    return [tuple(group) for group in table.required if known.issuperset(group)]


def as_mapping(found: UnknownList, chosen: Mapping[str, int]) -> ColumnMapping:
    """What was chosen; a column that the table knows and nobody chose is something else."""
    columns: dict[str, str | None] = dict.fromkeys(found.recognised(found.table))
    columns |= {field: found.head.headers[place] for field, place in chosen.items()}
    return ColumnMapping(found.table.name, columns)
