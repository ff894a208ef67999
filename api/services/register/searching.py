"""Records searched, listed and counted, for any system as the base.

Pages follow one another by key: the last record of one says where the next begins. For a
caller who is not cleared, a search by place leaves shielded children out, and nobody's list
tells where they live. Two severed children are never the answer to one search.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, literal, literal_column, not_, select, tuple_

from api.db.among import among
from api.db.engine import is_sqlite
from api.db.models import SearchEntry, Severance, Source
from api.services.register.criteria import Asked, Condition, Criterion, asked_by
from api.services.register.listed import ListedRecord, listed_records
from api.services.register.lookalikes import not_lookalike
from api.services.register.shields import shielded_records
from api.services.register.standing import Standing
from api.services.register.states import Holdings, State, in_state
from api.services.register.sundered import severed_children
from matcher.errors import DataError


class Sort(StrEnum):
    """What to list in order of; of equal ones, by the others, and at last by arrival."""

    SURNAME = "surname"
    FORENAME = "forename"
    DATE_OF_BIRTH = "date_of_birth"


_ORDER: Mapping[Sort, tuple[Any, ...]] = {
    Sort.SURNAME: (SearchEntry.surname, SearchEntry.forename, SearchEntry.date_of_birth),
    Sort.FORENAME: (SearchEntry.forename, SearchEntry.surname, SearchEntry.date_of_birth),
    Sort.DATE_OF_BIRTH: (SearchEntry.date_of_birth,),
}


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of a list, and record.id after which the next page begins, if any does."""

    records: tuple[ListedRecord, ...]
    after: int | None


@dataclass(frozen=True, slots=True)
class BaseCounts:
    """Records of a base system by `State`, and those whose child another system holds."""

    by_state: Mapping[State, int]
    by_source: Mapping[str, int]


def search_records(
    connection: Connection,
    values: Mapping[str, str] | None = None,
    criteria: Collection[Criterion] = (),
    *,
    source: str | None = None,
    state: State = State.ALL,
    sort: Sort = Sort.SURNAME,
    descending: bool = False,
    after: int | None = None,
    limit: int = 50,
    cleared: bool = False,
    seen: Collection[str] | None = None,
) -> Page:
    """Records that agree with values by some criteria, or all; see `criteria.asked_by`.

    Args:
        connection: sees the register.
        values: what to look for, as written; nothing lists everything.
        criteria: how to compare it.
        source: the base system, or every one.
        state: which of its records.
        sort: in which order.
        descending: the other way round.
        after: where the page before this one ended.
        limit: how many at most.
        cleared: whether the caller may know the place of shielded children.
        seen: systems that count for the state of a record; None for all.

    Raises DataError if it cannot be asked like this; its message repeats no value.
    """
    where = wanted(connection, values or {}, criteria, cleared)
    where += _listed(connection, source, state, seen, cleared)
    order = (*_ORDER[sort], SearchEntry.record)
    if after is not None:
        start = connection.execute(select(*order).where(SearchEntry.record == after)).one_or_none()
        if start is None:
            raise DataError("this list has changed; begin it again")
        place = tuple_(*map(literal, start))
        where.append(tuple_(*order) < place if descending else tuple_(*order) > place)
    directed = [column.desc() for column in order] if descending else order
    query = select(SearchEntry.record).where(*where).order_by(*directed).limit(limit + 1)
    found = list(connection.scalars(query))
    shown = found[:limit]
    records = listed_records(connection, shown, cleared=cleared)
    return Page(tuple(records), shown[-1] if len(found) > limit else None)


def count_found(
    connection: Connection,
    values: Mapping[str, str],
    criteria: Collection[Criterion],
    *,
    source: str,
    state: State = State.ALL,
    cleared: bool = False,
    seen: Collection[str] | None = None,
) -> int:
    """How many records `search_records` would list on all its pages. Raises DataError."""
    where = wanted(connection, values, criteria, cleared)
    where += _listed(connection, source, state, seen, cleared)
    return connection.scalar(select(func.count()).select_from(SearchEntry).where(*where)) or 0


def _listed(
    connection: Connection,
    source: str | None,
    state: State,
    seen: Collection[str] | None,
    cleared: bool,
) -> list[Condition]:
    """That a record is of a source, if one is named, in a state, and may be told of."""
    found = not_lookalike(SearchEntry.record, cleared=cleared)
    if source is not None:
        found.append(_of_source(connection, state) == source_number(connection, source))
    if state is State.ALL:
        return found
    holdings = Holdings.of(connection, seen=seen, cleared=cleared)
    return [*found, *in_state(connection, holdings, state)]


def _of_source(connection: Connection, state: State) -> Any:
    """The column of the base system, such that a list of most of its records is walked in order.

    SQLite would rather take all of a source and sort them; a plus keeps it from that.
    """
    if is_sqlite(connection) and state in (State.ALL, State.MATCHED):
        return literal_column("+search_entry.source")
    return SearchEntry.source


def count_records(
    connection: Connection,
    source: str,
    *,
    seen: Collection[str] | None = None,
    cleared: bool = False,
) -> BaseCounts:
    """How many records a base system has in each state, and in common with each other one.

    What counts is what `search_records` lists: see `states`.
    """
    number = source_number(connection, source)
    holdings = Holdings.of(connection, seen=seen, cleared=cleared)
    own = (SearchEntry.source == number, *not_lookalike(SearchEntry.record, cleared=cleared))
    names = {
        one: name
        for one, name in connection.execute(select(Source.number, Source.name))
        if holdings.counts(one)
    }
    by_state = dict.fromkeys(State, 0)
    by_source = {name: 0 for _, name in sorted(names.items()) if name != source}
    for held, possible, checked, records in _counted(connection, holdings, own):
        others = holdings.others(held, number)
        state = State.MATCHED if others else State.UNMATCHED
        for one, so in ((State.ALL, 1), (state, 1), (State.POSSIBLE, possible),
                        (State.CHECKED, checked)):  # fmt: skip
            by_state[one] += records * so
        for other in others:
            by_source[names[other]] += records
    if not holdings.are_all:
        waits = in_state(connection, holdings, State.POSSIBLE)
        query = select(func.count()).select_from(SearchEntry).where(*own, *waits)
        by_state[State.POSSIBLE] = connection.scalar(query) or 0
    return BaseCounts(by_state, by_source)


def _counted(
    connection: Connection, holdings: Holdings, where: Sequence[Condition]
) -> Iterator[tuple[Collection[int], int, int, int]]:
    """Entries that are alike: systems, whether a link waits, whether checked, how many."""
    kinds = (SearchEntry.held, SearchEntry.possible, SearchEntry.checked)
    few = among(SearchEntry.child, sorted(holdings.held))
    plain = [*where, not_(few)] if holdings.held else where
    grouped = select(*kinds, func.count()).where(*plain).group_by(*kinds)
    for held, possible, checked, records in connection.execute(grouped):
        yield [int(one) for one in held.split()], possible, checked, records
    if holdings.held:
        query = select(SearchEntry.child, SearchEntry.possible, SearchEntry.checked)
        for child, possible, checked in connection.execute(query.where(*where, few)):
            yield holdings.held[child], possible, checked, 1


def source_number(connection: Connection, source: str) -> int:
    """The number of a source. Raises DataError if the register has none of that name."""
    number = connection.scalar(select(Source.number).where(Source.name == source))
    if number is None:
        raise DataError("the register has no such source")
    return int(number)


def wanted(
    connection: Connection,
    values: Mapping[str, str],
    criteria: Collection[Criterion],
    cleared: bool,
) -> list[Condition]:
    """Conditions of a search that agrees with values, and that gives nothing away."""
    standing = Standing.at(connection) if values or criteria else None
    if standing is None:
        return []
    asked = asked_by(standing.linkage, values, criteria)
    return [*asked.conditions, *unseen(connection, asked, cleared)]


def unseen(connection: Connection, asked: Asked, cleared: bool) -> list[Condition]:
    """Conditions that leave out what a search must not give away."""
    left_out = []
    if asked.of_places and not cleared:
        shielded = shielded_records(connection)
        if len(shielded):
            left_out.append(not_(among(SearchEntry.record, shielded)))
    together = _severed(connection, asked.conditions)
    if together:
        left_out.append(not_(among(SearchEntry.child, sorted(together))))
    return left_out


def _severed(connection: Connection, conditions: Sequence[Condition]) -> set[str]:
    """Children who agree as well as one that they are severed from."""
    if connection.scalar(select(Severance.id).limit(1)) is None:
        return set()
    pairs = severed_children(connection)
    some = sorted(set().union(*pairs))
    query = select(SearchEntry.child).where(*conditions, among(SearchEntry.child, some))
    agree = set(connection.scalars(query.distinct()))
    return set().union(*(pair for pair in pairs if pair <= agree))
