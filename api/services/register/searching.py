"""Records searched, listed and counted, for any system as the base.

Pages follow one another by key: the last record of one says where the next begins. For a
caller who is not cleared, a search by place leaves shielded children out, and nobody's list
tells where they live. Two severed children are never the answer to one search.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
)

from api.db.engine import is_sqlite
from api.db.models import SearchEntry, Severance, Source
from api.services.register.columns import among
from api.services.register.criteria import Asked, Condition, Criterion, asked_by
from api.services.register.listed import ListedRecord, listed_records
from api.services.register.shields import shielded_records
from api.services.register.standing import Standing
from api.services.register.sundered import severed_children
from matcher.errors import DataError


class State(StrEnum):
    """Which records of a base system to list."""

    ALL = "all"
    MATCHED = "matched"  # another system holds the child
    UNMATCHED = "unmatched"
    POSSIBLE = "possible"  # a possible link of the child waits
    CHECKED = "checked"  # a person checked the record


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

# Written out, not as parameters: so the indexes of those few can be used.
_IN_STATE: Mapping[State, ColumnElement[bool]] = {
    State.MATCHED: SearchEntry.matched == literal_column("1"),
    State.UNMATCHED: SearchEntry.matched == literal_column("0"),
    State.POSSIBLE: SearchEntry.possible == literal_column("1"),
    State.CHECKED: SearchEntry.checked == literal_column("1"),
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
        seen: other systems that count for the state of a base system's records; None for all.

    Raises DataError if it cannot be asked like this; its message repeats no value.
    """
    where = wanted(connection, values or {}, criteria, cleared)
    where += _listed(connection, source, state, seen)
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
    where += _listed(connection, source, state, seen)
    return connection.scalar(select(func.count()).select_from(SearchEntry).where(*where)) or 0


def _listed(
    connection: Connection, source: str | None, state: State, seen: Collection[str] | None
) -> list[Condition]:
    """That a record is of a source, if one is named, and in a state."""
    found: list[Condition] = []
    if source is not None:
        number = source_number(connection, source)
        found.append(_of_source(connection, state) == number)
        if seen is not None and state in (State.MATCHED, State.UNMATCHED):
            others = select(Source.number).where(Source.name != source)
            among_seen = among(connection, Source.name, sorted(seen))
            told = set(connection.scalars(others.where(among_seen)))
            if told != set(connection.scalars(others)):
                held = literal(" ") + SearchEntry.held + " "
                matched = or_(false(), *(held.contains(f" {one} ") for one in sorted(told)))
                return [*found, matched if state is State.MATCHED else not_(matched)]
    if state is not State.ALL:
        found.append(_IN_STATE[state])
    return found


def _of_source(connection: Connection, state: State) -> Any:
    """The column of the base system, such that a list of most of its records is walked in order.

    SQLite would rather take all of a source and sort them; a plus keeps it from that.
    """
    if is_sqlite(connection) and state in (State.ALL, State.MATCHED):
        return literal_column("+search_entry.source")
    return SearchEntry.source


def count_records(
    connection: Connection, source: str, *, seen: Collection[str] | None = None
) -> BaseCounts:
    """How many records a base system has in each state, and in common with each other one.

    Only other systems that are ``seen`` count, if any are named.
    """
    number = source_number(connection, source)
    kinds = (SearchEntry.held, SearchEntry.possible, SearchEntry.checked)
    query = select(*kinds, func.count()).where(SearchEntry.source == number).group_by(*kinds)
    names: dict[int, str] = {
        one: name
        for one, name in connection.execute(select(Source.number, Source.name))
        if seen is None or name in seen
    }
    by_state = dict.fromkeys(State, 0)
    by_source = {name: 0 for _, name in sorted(names.items()) if name != source}
    for held, possible, checked, records in connection.execute(query):
        numbers = [int(one) for one in held.split()]
        others = [names[one] for one in numbers if one != number and one in names]
        state = State.MATCHED if others else State.UNMATCHED
        for one, so in ((State.ALL, 1), (state, 1), (State.POSSIBLE, possible),
                        (State.CHECKED, checked)):  # fmt: skip
            by_state[one] += records * so
        for name in others:
            by_source[name] += records
    return BaseCounts(by_state, by_source)


def source_number(connection: Connection, source: str) -> int:
    """The number of a source. Raises DataError if the register has none of that name."""
    number = connection.scalar(select(Source.number).where(Source.name == source))
    if number is None:
        raise DataError("the register has no such source")
    return int(number)


def in_state(state: State) -> Condition:
    """That a record is in a state other than `State.ALL`."""
    return _IN_STATE[state]


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
            left_out.append(not_(among(connection, SearchEntry.record, shielded)))
    together = _severed(connection, asked.conditions)
    if together:
        left_out.append(not_(among(connection, SearchEntry.child, sorted(together))))
    return left_out


def _severed(connection: Connection, conditions: Sequence[Condition]) -> set[str]:
    """Children who agree as well as one that they are severed from."""
    if connection.scalar(select(Severance.id).limit(1)) is None:
        return set()
    pairs = severed_children(connection)
    some = sorted(set().union(*pairs))
    query = select(SearchEntry.child).where(*conditions, among(connection, SearchEntry.child, some))
    agree = set(connection.scalars(query.distinct()))
    return set().union(*(pair for pair in pairs if pair <= agree))
