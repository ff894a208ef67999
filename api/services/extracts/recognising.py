"""What a file that somebody brings is, before it is read: told from its first rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, select

from api.db.models import Source, SourceMapping
from api.services.extracts.columns import unknown_list
from api.services.extracts.mapping import accepted_mappings, extended, mappings_of_source
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


Definitions = Sequence[SourceDefinition]


def definitions_now(connection: Connection, book: RuleBook, source: str) -> dict[str, Definitions]:
    """By source, what its next extract can be read by: of the rules, and with each mapping.

    Of others than ``source`` only mappings by which an extract was accepted, and none that have
    nothing else: what somebody only tried out is no sign of where a file comes from. What was
    said last of the columns comes first.
    """
    query = select(Source.name, Source.number).join(
        SourceMapping, SourceMapping.source == Source.number
    )
    numbers: dict[str, int] = dict(iter(connection.execute(query.distinct())))
    found: dict[str, Definitions] = {}
    accepted = accepted_mappings(connection)
    for name in sorted({*book.sources, *numbers} - {GENERIC}):
        own = book.definition(name)
        kept = mappings_of_source(connection, numbers[name]) if name in numbers else {}
        if name != source:
            kept = {number: one for number, one in kept.items() if number in accepted}
        if kept or name in book.sources or name == source:
            found[name] = [*(extended(own, mapping) for mapping in kept.values()), own]
    return found


def recognise(
    source: str, path: Path, book: RuleBook, known: Mapping[str, Definitions]
) -> Recognised:
    """What the file is; ``known`` comes from `definitions_now` of the source."""
    own = known.get(source) or [book.definition(source)]
    refusals = [refusal_by(source, path, definition) for definition in own]
    refusal = refusals[0]
    if refusal is None or None in refusals:
        return Recognised("fits" if source in known else "plain")
    if refusal.code not in OTHER_LAYOUT:
        return Recognised("unusable", refusal=refusal)
    if is_generic(source, path, book):
        return Recognised("plain")
    if _is_empty(source, path, own[0]):
        message = "the list has headers but no row below them"
        refused = ExtractRefused(source, refusal.file, refusal.code, message)
        return Recognised("unusable", refusal=refused)
    others = tuple(
        name
        for name, definitions in known.items()
        if name != source and any(is_laid_out_as(name, path, one) for one in definitions)
    )
    if others:
        return Recognised("others", others, refusal)
    try:
        unknown_list(source, path, own[0])
    except DataError as error:
        refused = ExtractRefused(source, refusal.file, refusal.code, str(error))
        return Recognised("unusable", refusal=refused)
    return Recognised("unknown", refusal=refusal)


def _is_empty(source: str, path: Path, definition: SourceDefinition) -> bool:
    try:
        return not unknown_list(source, path, definition).head.rows
    except DataError:
        return False
