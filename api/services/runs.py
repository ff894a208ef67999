"""Runs, models and sources as they are shown."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, or_, select

from api.db.models import Agreement, Extract, ModelFile, Run, Source
from api.db.tables import in_utc


@dataclass(frozen=True, slots=True)
class RunView:
    """One run; ``applied`` and ``undone`` are extracts that it linked and took back."""

    id: int
    kind: str
    at: datetime
    by: str
    rules: str
    model: str
    counts: dict[str, Any]
    applied: tuple[int, ...]
    undone: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelView:
    """A trained model by its hash; ``content`` is its file."""

    hash: str
    first_used_at: datetime
    in_force: bool
    content: str | None = None


@dataclass(frozen=True, slots=True)
class AgreementView:
    """What a source may be used for; ``in_force`` says whether it holds on the day."""

    lawful_basis: str
    purposes: tuple[str, ...]
    fields: dict[str, list[str]]
    starts: date | None
    ends: date | None
    in_force: bool


@dataclass(frozen=True, slots=True)
class LatestExtract:
    """The last extract of a source that was received."""

    id: int
    state: str
    mode: str
    as_of: date
    received_at: datetime


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source with its agreements. ``as_of`` is the date of what is current of it."""

    name: str
    title: str
    one_record_per_child: bool
    agreements: tuple[AgreementView, ...]
    latest: LatestExtract | None
    as_of: date | None


def list_runs(connection: Connection, *, before: int | None, limit: int) -> list[RunView]:
    """Newest first."""
    query = select(Run.__table__).order_by(Run.id.desc()).limit(limit)
    return _runs(connection, query if before is None else query.where(Run.id < before))


def find_run(connection: Connection, run: int) -> RunView | None:
    """One of them."""
    found = _runs(connection, select(Run.__table__).where(Run.id == run))
    return found[0] if found else None


def _runs(connection: Connection, query: Select[Any]) -> list[RunView]:
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    applied: defaultdict[int | None, list[int]] = defaultdict(list)
    undone: defaultdict[int | None, list[int]] = defaultdict(list)
    named = select(Extract.id, Extract.run, Extract.undone_run).order_by(Extract.id)
    mine = or_(Extract.run.in_(ids), Extract.undone_run.in_(ids))
    for extract, run, undone_run in connection.execute(named.where(mine)):
        applied[run].append(extract)
        undone[undone_run].append(extract)
    return [
        RunView(
            id=row.id,
            kind=row.kind,
            at=in_utc(row.at),
            by=row.by,
            rules=row.rules,
            model=row.model,
            counts=row.counts,
            applied=tuple(applied[row.id]),
            undone=tuple(undone[row.id]),
        )
        for row in rows
    ]


def list_models(connection: Connection, *, after: str | None, limit: int) -> list[ModelView]:
    """Those that were ever used, the last one to come first; after one, so many at most."""
    query = select(ModelFile.hash, ModelFile.first_used_at)
    if after is not None:
        began = select(ModelFile.first_used_at).where(ModelFile.hash == after).scalar_subquery()
        same = (ModelFile.first_used_at == began) & (ModelFile.hash > after)
        query = query.where((ModelFile.first_used_at < began) | same)
    ordered = query.order_by(ModelFile.first_used_at.desc(), ModelFile.hash)
    rows = connection.execute(ordered.limit(limit)).all()
    present = _model_in_force(connection)
    return [ModelView(row.hash, in_utc(row.first_used_at), row.hash == present) for row in rows]


def find_model(connection: Connection, model: str) -> ModelView | None:
    """One of them, with its content."""
    table = ModelFile.__table__
    row = connection.execute(select(table).where(table.c.hash == model)).one_or_none()
    if row is None:
        return None
    in_force = row.hash == _model_in_force(connection)
    return ModelView(row.hash, in_utc(row.first_used_at), in_force, row.content)


def _model_in_force(connection: Connection) -> str | None:
    return connection.scalar(select(Run.model).order_by(Run.id.desc()).limit(1))


def list_sources(
    connection: Connection,
    sources: Collection[str] | None,
    today: date,
    *,
    after: str = "",
    limit: int | None = None,
) -> list[SourceView]:
    """Some sources, or all if None, by name; those after one, so many at most."""
    query = select(Source.__table__).where(Source.name > after).order_by(Source.name).limit(limit)
    if sources is not None:
        query = query.where(Source.name.in_(sorted(sources)))
    rows = connection.execute(query).all()
    agreements: defaultdict[int, list[AgreementView]] = defaultdict(list)
    for row in connection.execute(select(Agreement.__table__).order_by(Agreement.id)):
        agreements[row.source].append(_agreement(row, today))
    last = select(func.max(Extract.id)).group_by(Extract.source)
    latest = {
        row.source: LatestExtract(row.id, row.state, row.mode, row.as_of, in_utc(row.received_at))
        for row in connection.execute(select(Extract.__table__).where(Extract.id.in_(last)))
    }
    current = select(Extract.source, func.max(Extract.as_of)).where(Extract.state == "current")
    as_of = dict(iter(connection.execute(current.group_by(Extract.source))))
    return [
        SourceView(
            name=row.name,
            title=row.title,
            one_record_per_child=row.one_record_per_child,
            agreements=tuple(agreements[row.number]),
            latest=latest.get(row.number),
            as_of=as_of.get(row.number),
        )
        for row in rows
    ]


def _agreement(row: Row[Any], today: date) -> AgreementView:
    return AgreementView(
        lawful_basis=row.lawful_basis,
        purposes=tuple(row.purposes.get("purposes", ())),
        fields={name: list(may) for name, may in row.purposes.get("fields", {}).items()},
        starts=row.starts,
        ends=row.ends,
        in_force=(row.starts or today) <= today <= (row.ends or today),
    )
