"""Taking in an extract: who it is from, whether it is news, and its file."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path

from sqlalchemy import Connection, insert, or_, select, update

from api.db.models import Agreement, Extract, ExtractState, Source
from api.db.turns import take_turn
from api.services.extracts.changes import Mode
from api.services.extracts.columns import mapping_of_file
from api.services.extracts.files import Arrived, arriving, keep_file, kept_file
from api.services.extracts.mapping import extended, mappings_of_source
from api.services.extracts.reading import OTHER_LAYOUT, layout_of, refusal_by
from api.services.extracts.states import (
    WAITING,
    StateError,
    check_date,
    note,
    require,
    will_be_current,
)
from api.services.rules import GENERIC, RuleBook
from matcher.errors import ExtractRefused
from matcher.rules.sources import SourceDefinition

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class NewSourceError(ExtractRefused):
    """Nobody knows the source, and nobody said that it is new; whoever asks is told how to."""


@dataclass(frozen=True, slots=True)
class Received:
    """The extract's id; ``unchanged`` if the same content is there already, as that extract."""

    extract: int
    unchanged: bool


def receive(
    connection: Connection,
    *,
    source: str,
    path: Path,
    as_of: date,
    mode: Mode,
    by: str,
    book: RuleBook,
    now: datetime,
    any_columns: bool = False,
    new_source: bool = True,
    known_to: Collection[str] | None = None,
) -> Received:
    """Keep an extract's file and register its source with its agreement, if they are new.

    With ``any_columns`` a file is kept that nobody can read yet; somebody is to say what its
    columns mean, see `mapping`. Without ``new_source`` a name is refused that neither the
    rules nor the register know: it may be a slip. A refusal names no other sources than those
    of ``known_to``, if it is given.

    Nothing is written if the same content waits or is current already, or will be again, for the
    same date and in the same mode. Raises ExtractRefused if the source is unknown
    (NewSourceError, if it might be new) or has a definition and the content is another's, or if
    there is no such file, and StateError if the date is older than that of what is current by then.
    """
    if not _NAME.fullmatch(source):
        message = "write the name of a source in small letters, digits and underscores"
        raise ExtractRefused("", "", "source_name", message)
    if not new_source:
        _refuse_if_new(connection, source, book, known_to)
    with arriving(source, path, book.definition(source)) as arrived:
        number = source_number(connection, source)
        if number is None:
            if not any_columns:
                _refuse_if_unknown(source, arrived, book)
            number = _register(connection, source, book)
        take_turn(connection, f"file {arrived.file_hash}")
        known = _same(connection, number, arrived.file_hash, as_of, mode)
        if known is not None:
            return Received(known, unchanged=True)
        _refuse_if_of_another(
            connection, source, number, arrived.file_hash, book, known_to=known_to
        )
        check_date(connection, source=number, as_of=as_of)
        extract = connection.execute(
            insert(Extract)
            .values(
                source=number,
                state=ExtractState.RECEIVED,
                mode=mode,
                as_of=as_of,
                file_hash=arrived.file_hash,
                file_kind=arrived.kind,
                received_at=now,
                received_by=by,
                mapping=_mapping(connection, number, source, arrived.path, book),
            )
            .returning(Extract.id)
        ).scalar_one()
        keep_file(connection, extract, arrived.path)
    size = {"bytes": arrived.size, "mode": mode, "as_of": as_of.isoformat()}
    note(connection, extract, "extract_received", by=by, now=now, detail=size)
    return Received(extract, unchanged=False)


def move_to_source(
    connection: Connection, extract: int, source: str, *, by: str, book: RuleBook, now: datetime
) -> None:
    """Have a received extract be one of another source, since it was brought for a wrong one.

    Raises StateError if it was looked over already, if the other source has the same
    content, or one that is later, and ExtractRefused if a third has the content.
    """
    row = require(connection, extract, ExtractState.RECEIVED)
    number = source_number(connection, source)
    if number is None:
        number = _register(connection, source, book)
    take_turn(connection, f"file {row.file_hash}")
    known = _same(connection, number, row.file_hash, row.as_of, row.mode)
    if known not in (None, extract):
        raise StateError(f"the same file is there already, as extract {known}")
    _refuse_if_of_another(connection, source, number, row.file_hash, book, but=extract)
    check_date(connection, source=number, as_of=row.as_of)
    with kept_file(connection, extract) as path:
        mapping = _mapping(connection, number, source, path, book)
    connection.execute(
        update(Extract).where(Extract.id == extract).values(source=number, mapping=mapping)
    )
    detail = {"from": row.source, "to": number}
    note(connection, extract, "extract_moved", by=by, now=now, detail=detail)


def read_alike(
    connection: Connection, extract: int, *, by: str, book: RuleBook, now: datetime
) -> list[int]:
    """Have those of its source that wait for the same be read by what was said of its columns.

    The numbers of the extracts that can be: they came before anything was said.
    """
    own = select(Extract.source, Extract.mapping, Source.name).join(Source)
    row = connection.execute(own.where(Extract.id == extract)).one()
    definition = extended(
        book.definition(row.name), mappings_of_source(connection, row.source)[row.mapping]
    )
    waiting = (
        select(Extract.id)
        .where(
            Extract.source == row.source,
            Extract.state == ExtractState.RECEIVED,
            Extract.job.is_(None),
            Extract.id != extract,
        )
        .order_by(Extract.id)
    )
    found = []
    for other in connection.scalars(waiting).all():
        with kept_file(connection, other) as path:
            mapping = _mapping(connection, row.source, row.name, path, book)
            if mapping != row.mapping or refusal_by(row.name, path, definition) is not None:
                continue
        connection.execute(update(Extract).where(Extract.id == other).values(mapping=mapping))
        note(connection, other, "columns_mapped", by=by, now=now, detail={"mapping": mapping})
        found.append(other)
    return found


def _mapping(
    connection: Connection, number: int, source: str, path: Path, book: RuleBook
) -> int | None:
    kept = mappings_of_source(connection, number)
    return mapping_of_file(source, path, book.definition(source), kept)


def source_number(connection: Connection, source: str) -> int | None:
    """By which a source is known in other tables; None if nothing ever came of it."""
    return connection.scalar(select(Source.number).where(Source.name == source))


def _refuse_if_new(
    connection: Connection, source: str, book: RuleBook, known_to: Collection[str] | None
) -> None:
    """A name that nothing is known by must be said to be new."""
    known = {*book.sources, *connection.scalars(select(Source.name))} - {GENERIC}
    if source in known:
        return
    told = known if known_to is None else known.intersection(known_to)
    meant = did_you_mean(source, told)
    listed = f"{'K' if meant else 'k'}nown sources are {', '.join(sorted(told))}. " if told else ""
    raise NewSourceError(
        source,
        "",
        "unknown_source",
        f"no source of this name is known; {meant}{listed}{'I' if told else 'i'}f it is a new one, "
        "whose extracts are plain lists of people, say so",
    )


def did_you_mean(source: str, known: Iterable[str]) -> str:
    """A question that names those known sources whose names are like one; else nothing."""
    near = get_close_matches(source, sorted(known), n=3)
    return f"did you mean {' or '.join(near)}? " if near else ""


def _refuse_if_unknown(source: str, arrived: Arrived, book: RuleBook) -> None:
    """A name that no definition has must come with a file that needs none, and can be read."""
    if source in book.sources:
        return
    refusal = refusal_by(source, arrived.path, book.sources[GENERIC])
    if refusal is None:
        return
    if refusal.code not in OTHER_LAYOUT:
        raise refusal
    known = ", ".join(sorted(set(book.sources) - {GENERIC}))
    looks = layout_of(arrived.path, book, without=source)
    raise ExtractRefused(
        source,
        "",
        "unknown_source",
        f"there is no definition of this source, and the file is no plain list of people. "
        f"Known sources are {known}"
        + (f"; the file looks like one of {' or '.join(looks)}" if looks else ""),
    )


def _refuse_if_of_another(
    connection: Connection,
    source: str,
    number: int,
    file_hash: str,
    book: RuleBook,
    *,
    but: int | None = None,
    known_to: Collection[str] | None = None,
) -> None:
    """Two systems with definitions of their own never send the same file: one is a slip.

    ``but`` is an extract that does not count. Plain lists may go by several names. Of a source
    that is not ``known_to`` whoever asks the name is not told, nor the extract.
    """
    if source not in book.sources:
        return
    found = connection.execute(
        select(Extract.id, Source.name)
        .join(Source)
        .where(
            Extract.file_hash == file_hash,
            Extract.source != number,
            Extract.id != (but or 0),
            Extract.state.not_in([ExtractState.REFUSED, ExtractState.WITHDRAWN]),
        )
        .order_by(Extract.id.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        return
    named = known_to is None or found.name in known_to
    where = f"extract {found.id} of {found.name}" if named else "an extract of another source"
    other = f"extract {found.id}" if named else "that extract"
    raise ExtractRefused(
        source,
        "",
        "other_source",
        f"the same file is there already, as {where}; check the name of the source and the file. "
        f"If it is one of {source}, withdraw {other} first",
    )


def _register(connection: Connection, source: str, book: RuleBook) -> int:
    """Enter a source with what it may be used for, unless somebody just did; its number."""
    take_turn(connection, f"source {source}")
    known = source_number(connection, source)
    if known is not None:
        return known
    definition = book.definition(source)
    number: int = connection.execute(
        insert(Source)
        .values(
            name=source,
            title=definition.title
            if source in book.sources
            else source.replace("_", " ").capitalize(),
            one_record_per_child=definition.one_record_per_child,
        )
        .returning(Source.number)
    ).scalar_one()
    connection.execute(
        insert(Agreement).values(
            source=number,
            lawful_basis=definition.lawful_basis,
            purposes={
                "purposes": list(definition.purposes),
                "fields": _purposes_of_fields(definition),
            },
            ends=definition.agreement_ends,
        )
    )
    return number


def _purposes_of_fields(definition: SourceDefinition) -> dict[str, list[str]]:
    """Fields with purposes of their own: those defined, and a record id that is one of them."""
    own = definition.field_purposes
    found = {name: list(may) for name, may in own.items()}
    for table in definition.tables:
        ids = set(table.columns.get("record_id", ())) if "records" in table.yields else set()
        for name in own.keys() & table.columns.keys():
            if ids & set(table.columns[name]):
                may = found.get("record_id", own[name])
                found["record_id"] = [purpose for purpose in may if purpose in own[name]]
    return found


def _same(
    connection: Connection, source: int, file_hash: str, as_of: date, mode: str
) -> int | None:
    """An extract of the same content that waits, or is current by the time that this one is."""
    current = [row.id for row in will_be_current(connection, source)]
    return connection.scalar(
        select(Extract.id)
        .where(
            Extract.source == source,
            Extract.file_hash == file_hash,
            Extract.as_of == as_of,
            Extract.mode == mode,
            or_(Extract.state.in_(WAITING), Extract.id.in_(current)),
        )
        .order_by(Extract.id.desc())
        .limit(1)
    )
