"""Children searched by what any of their records says."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, literal, select, tuple_

from api.db.among import among
from api.db.models import SearchEntry, Source
from api.services.register.criteria import Criterion
from api.services.register.golden_told import golden_now
from api.services.register.lookalikes import not_lookalike
from api.services.register.searching import wanted
from api.services.register.shields import PLACES, shielded_children
from api.services.register.states import Holdings, State, in_state
from matcher.errors import DataError


class ListChangedError(DataError):
    """A page cannot begin where it was to: whoever stood there is not in the list any more."""


@dataclass(frozen=True, slots=True)
class FoundChild:
    """A child of which records agree, with its golden values, by GOLDEN_COLUMNS.

    ``location_hidden`` says that where it lives was left out.
    """

    child_id: str
    values: Mapping[str, str]
    location_hidden: bool


@dataclass(frozen=True, slots=True)
class FoundChildren:
    """Some of the children that were found, and after which the next page begins."""

    children: tuple[FoundChild, ...]
    after: str | None


def search_children(
    connection: Connection,
    values: Mapping[str, str],
    criteria: Collection[Criterion] = (),
    *,
    after: str | None = None,
    limit: int = 50,
    cleared: bool = False,
    sources: Collection[str] | None = None,
    seen: Collection[str] | None = None,
    state: State = State.ALL,
    listing: bool = False,
) -> FoundChildren:
    """Children of whom any record agrees, in order of the first name that does.

    Arguments are those of `search_records`; something must be looked for, unless this is for
    ``listing`` all. Only records of ``sources`` are looked at, if any are named.
    """
    where = wanted(connection, values, criteria, cleared)
    if not listing and not any(values.values()):
        raise DataError("give something to search by")
    where += not_lookalike(SearchEntry.record, cleared=cleared)
    if sources is not None:
        numbers = select(Source.number).where(among(Source.name, sorted(sources)))
        where.append(SearchEntry.source.in_(numbers))
    if state is not State.ALL:
        holdings = Holdings.of(connection, seen=seen, cleared=cleared)
        where += in_state(connection, holdings, state)
    # The first in order of name, as one text, since a row cannot be the least of several.
    name = func.min(
        SearchEntry.surname + "\x1f" + SearchEntry.forename + "\x1f" + SearchEntry.date_of_birth
    )
    grouped = (
        select(SearchEntry.child, name.label("name")).where(*where).group_by(SearchEntry.child)
    )
    named = grouped.subquery()
    query = select(named.c.child).order_by(named.c.name, named.c.child).limit(limit + 1)
    if after is not None:
        start = connection.scalar(select(named.c.name).where(named.c.child == after))
        if start is None:
            raise ListChangedError("this list has changed; begin it again")
        query = query.where(
            tuple_(named.c.name, named.c.child) > tuple_(literal(start), literal(after))
        )
    found = list(connection.scalars(query))
    shown = found[:limit]
    children = _golden(connection, shown, cleared)
    return FoundChildren(tuple(children), shown[-1] if len(found) > limit else None)


def _golden(connection: Connection, ids: Sequence[str], cleared: bool) -> list[FoundChild]:
    shielded = set() if cleared else shielded_children(connection, ids)
    known = golden_now(connection, ids, cleared=cleared)
    return [
        FoundChild(
            one,
            {
                name: value
                for name, value in known.get(one, {}).items()
                if value and not (one in shielded and name.startswith(PLACES))
            },
            one in shielded,
        )
        for one in ids
    ]
