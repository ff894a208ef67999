"""Possible matches of one record, system by system: what the workbench searches for.

Records agree by the ticked criteria, whatever they weigh; where the register has weighed
the two, the weight is told. Records of the same child, and of one severed from it, are
left out.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, or_, select

from api.db.models import Pair, SearchEntry, Source
from api.services.access.policy import View
from api.services.register.acts import Key, find_record
from api.services.register.columns import columns
from api.services.register.criteria import (
    LOOKS_AT,
    OF_PLACES,
    Asked,
    Condition,
    Criterion,
    conditions,
)
from api.services.register.listed import ListedRecord, listed_records
from api.services.register.searching import unseen
from api.services.register.severances import severed_between
from api.services.register.shields import PLACES, shielded_records
from api.services.register.withholding import seen_pairs
from matcher.classify import probability
from matcher.standardise.values import swap_day_and_month


@dataclass(frozen=True, slots=True)
class Resembling:
    """A record that agrees; weight in bits and probability, if the two were weighed.

    They are left out where the place of either may not be told of, since it counts in them.
    """

    record: ListedRecord
    weight: float | None
    probability: float | None


@dataclass(frozen=True, slots=True)
class InSystem:
    """How many records of a system agree, and the first of them, the strongest first."""

    count: int
    records: tuple[Resembling, ...]


@dataclass(frozen=True, slots=True)
class Resemblances:
    """What agrees with a record, by other source; empty where nothing does.

    ``left_out`` are criteria that could not be asked, since the record lacks what they
    compare or its place may not be told.
    """

    by_source: Mapping[str, InSystem]
    left_out: tuple[Criterion, ...]


def resembling(
    connection: Connection,
    record: Key,
    criteria: Collection[Criterion],
    *,
    view: View,
    limit: int = 20,
) -> Resemblances:
    """Records of other sources that agree with a record by all of some criteria.

    Args:
        connection: sees the register.
        record: a current record of a child.
        criteria: those that are ticked; those that cannot be asked are left out.
        view: what the caller may see: it is in no weight what they may not.
        limit: how many records of each source at most.

    Raises ActError if there is no such record.
    """
    number = find_record(connection, record)
    own = connection.execute(
        select(SearchEntry.__table__).where(SearchEntry.record == number)
    ).one()
    shielded = set() if view.cleared else set(shielded_records(connection).tolist())
    said = _said(own, placeless=number in shielded)
    askable = {one for one in criteria if all(said.get(name) for name in LOOKS_AT[one])}
    asked = Asked(tuple(conditions(said, askable)), bool(askable & OF_PLACES))
    found = _found(connection, own, asked, view)
    weights = _weights(connection, view, number, found.values())
    first = {
        source: sorted(ones, key=lambda one: (-weights.get(one, -math.inf), one))[:limit]
        for source, ones in found.items()
    }
    wanted = [one for ones in first.values() for one in ones]
    listed = iter(listed_records(connection, wanted, cleared=view.cleared))
    # Where the record itself may not be placed, no weight may tell how near another is.
    untold = set(wanted) if number in shielded else shielded
    by_source = {
        source: InSystem(
            len(found[source]),
            tuple(_told(next(listed), None if one in untold else weights.get(one)) for one in ones),
        )
        for source, ones in first.items()
    }
    left_out = tuple(one for one in Criterion if one in criteria and one not in askable)
    return Resemblances(by_source, left_out)


def _said(own: Row[Any], *, placeless: bool) -> dict[str, str]:
    """What a record's entry says, and its date with day and month exchanged."""
    said = {name: value for name, value in own._mapping.items() if isinstance(value, str)}
    if said["date_of_birth"]:
        said["date_of_birth_swapped"] = swap_day_and_month(said["date_of_birth"]) or ""
    if placeless:
        said = {name: value for name, value in said.items() if not name.startswith(PLACES)}
    return said


def _found(connection: Connection, own: Row[Any], asked: Asked, view: View) -> dict[str, list[int]]:
    """Records of other children that agree with an entry, by other source, in order of name."""
    names = select(Source.number, Source.name).where(Source.number != own.source)
    systems: dict[int, str] = dict(iter(connection.execute(names.order_by(Source.name))))
    found: dict[str, list[int]] = {name: [] for name in systems.values()}
    if asked.conditions:
        where = (
            *asked.conditions,
            *unseen(connection, asked, view.cleared),
            SearchEntry.source != own.source,
            SearchEntry.child != own.child,
        )
        for one, source in _agreeing(connection, own.record, where):
            found[systems[source]].append(one)
    return found


def _agreeing(
    connection: Connection, record: int, where: Sequence[Condition]
) -> Iterator[tuple[int, int]]:
    """Records that agree and their sources, without those severed from the record."""
    query = select(SearchEntry.record, SearchEntry.source).where(*where)
    found, source = columns(connection, query)
    severed = severed_between(connection, np.full(len(found), record, dtype=np.int64), found)
    return zip(found[~severed].tolist(), source[~severed].tolist(), strict=True)


def _weights(
    connection: Connection, view: View, record: int, found: Iterable[Sequence[int]]
) -> dict[int, float]:
    """Weight in bits of a record with each of those that were found, if it is kept."""
    query = select(Pair.l, Pair.r).where(or_(Pair.l == record, Pair.r == record))
    kept = {l + r - record for l, r in connection.execute(query)}
    ends = [(record, one) for own in found for one in own if one in kept]
    pairs = seen_pairs(connection, view, ends)
    return {sum(pair) - record: told.weight for pair, told in pairs.items()}


def _told(record: ListedRecord, weight: float | None) -> Resembling:
    likely = None if weight is None else float(probability(np.array([weight]))[0])
    return Resembling(record, weight, likely)
