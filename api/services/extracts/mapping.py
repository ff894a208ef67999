"""What people said that the headers of a source's lists mean, beside its definition.

A saying holds for every extract that comes after it with the same headers, the last one of
several. Each extract keeps which one it is read by, so that it reads the same whenever it is
read again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from api.db.models import Extract, ExtractState, Source, SourceMapping
from api.db.tables import in_utc
from api.services.access.audit import note_act
from api.services.rules import RuleBook
from matcher.rules.sources import SourceDefinition
from matcher.rules.tables import Table, normalise_header

_ACCEPTED = (ExtractState.ACCEPTED, ExtractState.CURRENT, ExtractState.SUPERSEDED)


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """By field of the table ``within``, the header that it is found under.

    None for a field that this source's lists do not have, whatever a header looks like.
    """

    within: str
    columns: Mapping[str, str | None]


def extended(definition: SourceDefinition, mapping: ColumnMapping | None) -> SourceDefinition:
    """The definition, with the mapped headers as the best ones of their fields.

    What the definition does not have, by now, is passed over.
    """
    if mapping is None:
        return definition
    tables = tuple(
        _table(table, mapping.columns) if table.name == mapping.within else table
        for table in definition.tables
    )
    return definition.model_copy(update={"tables": tables})


def _table(table: Table, mapped: Mapping[str, str | None]) -> Table:
    columns = dict(table.columns)
    for field, header in mapped.items():
        if field in columns:
            columns[field] = () if header is None else (header, *columns[field])
    own = {normalise_header(header) for header in mapped.values() if header is not None}
    never = tuple(header for header in table.never if normalise_header(header) not in own)
    return table.model_copy(update={"columns": columns, "never": never})


def keep_mapping(
    connection: Connection,
    extract: int,
    mapping: ColumnMapping,
    *,
    by: str,
    now: datetime,
) -> None:
    """Have an extract read so, and those of its source that come after it with such headers."""
    source = select(Extract.source).where(Extract.id == extract)
    number = connection.execute(
        insert(SourceMapping)
        .values(
            source=connection.execute(source).scalar_one(),
            within=mapping.within,
            columns=dict(mapping.columns),
            by=by,
            at=now,
        )
        .returning(SourceMapping.id)
    ).scalar_one()
    connection.execute(update(Extract).where(Extract.id == extract).values(mapping=number))
    detail = {"mapping": number, "fields": sorted(mapping.columns)}
    note_act(connection, "columns_mapped", f"extract {extract}", by=by, now=now, detail=detail)


def mappings_of_source(connection: Connection, source: int) -> dict[int, ColumnMapping]:
    """All that was said of a source, by number, the last first."""
    query = (
        select(SourceMapping.id, SourceMapping.within, SourceMapping.columns)
        .where(SourceMapping.source == source)
        .order_by(SourceMapping.id.desc())
    )
    return {
        number: ColumnMapping(within, columns)
        for number, within, columns in connection.execute(query)
    }


def accepted_mappings(connection: Connection) -> set[int]:
    """Numbers of those by which an accepted extract is read, that of today or an earlier one."""
    query = select(Extract.mapping).where(
        Extract.mapping.is_not(None), Extract.state.in_(_ACCEPTED)
    )
    return set(connection.scalars(query.distinct()))


@dataclass(frozen=True, slots=True)
class KeptMapping:
    """A mapping, and who said so when."""

    mapping: ColumnMapping
    by: str
    at: datetime


def mapping_of(connection: Connection, extract: int) -> KeptMapping | None:
    """What an extract keeps of what people said; none if its source's definition is all."""
    row = connection.execute(
        select(SourceMapping.within, SourceMapping.columns, SourceMapping.by, SourceMapping.at)
        .join(Extract, Extract.mapping == SourceMapping.id)
        .where(Extract.id == extract)
    ).one_or_none()
    if row is None:
        return None
    return KeptMapping(ColumnMapping(row.within, row.columns), row.by, in_utc(row.at))


def definition_of(connection: Connection, extract: int, book: RuleBook) -> SourceDefinition:
    """The definition that an extract is read by: its source's, with what it keeps of mappings."""
    found = connection.execute(
        select(Source.name, SourceMapping.within, SourceMapping.columns)
        .select_from(Extract)
        .join(Source, Source.number == Extract.source)
        .outerjoin(SourceMapping, SourceMapping.id == Extract.mapping)
        .where(Extract.id == extract)
    ).one()
    own = book.definition(found.name)
    if found.within is None:
        return own
    return extended(own, ColumnMapping(found.within, found.columns))


def is_first_of_its_mapping(connection: Connection, extract: int) -> bool:
    """Whether a mapping says how the extract is read, and no run has linked any by it yet."""
    mapping = connection.scalar(select(Extract.mapping).where(Extract.id == extract))
    if mapping is None:
        return False
    linked = select(Extract.id).where(Extract.mapping == mapping, Extract.run.is_not(None))
    return connection.execute(linked.limit(1)).first() is None
