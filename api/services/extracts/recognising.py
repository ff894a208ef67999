"""What a file that somebody brings is, before it is read: told from its first rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, select

from api.db.models import Source, SourceMapping
from api.services.extracts.columns import unknown_list
from api.services.extracts.mapping import extended, mapping_of_source
from api.services.extracts.reading import OTHER_LAYOUT, is_generic, is_laid_out_as, refusal_by
from api.services.rules import GENERIC, RuleBook
from matcher.errors import DataError, ExtractRefused
from matcher.rules.sources import SourceDefinition


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a file looks like.

    ``fits`` the source it was brought for; a ``plain`` list of people; like ``others``; a
    list whose columns are ``unknown``; or ``unusable``, as ``refusal`` says.
    """

    kind: Literal["fits", "plain", "others", "unknown", "unusable"]
    others: tuple[str, ...] = ()
    refusal: ExtractRefused | None = None

    @property
    def can_be_read(self) -> bool:
        """Whether nothing needs to be said about it first."""
        return self.kind in ("fits", "plain")


def definitions_now(connection: Connection, book: RuleBook) -> dict[str, SourceDefinition]:
    """By source, what its next extract is read by: of the rules, and those with mappings."""
    mapped = select(Source.name).join(SourceMapping, SourceMapping.source == Source.number)
    names = {*book.sources, *connection.scalars(mapped.distinct())} - {GENERIC}
    return {
        name: extended(book.definition(name), mapping_of_source(connection, name))
        for name in sorted(names)
    }


def recognise(
    source: str, path: Path, book: RuleBook, known: Mapping[str, SourceDefinition]
) -> Recognised:
    """What the file is; ``known`` comes from `definitions_now`."""
    refusal = refusal_by(source, path, known.get(source) or book.definition(source))
    if refusal is None:
        return Recognised("fits" if source in known else "plain")
    if refusal.code not in OTHER_LAYOUT:
        return Recognised("unusable", refusal=refusal)
    if is_generic(source, path, book):
        return Recognised("plain")
    others = tuple(
        name
        for name, definition in known.items()
        if name != source and is_laid_out_as(name, path, definition)
    )
    if others:
        return Recognised("others", others, refusal)
    try:
        unknown_list(source, path, known.get(source) or book.definition(source))
    except DataError as error:
        refused = ExtractRefused(source, refusal.file, refusal.code, str(error))
        return Recognised("unusable", refusal=refused)
    return Recognised("unknown", refusal=refusal)
