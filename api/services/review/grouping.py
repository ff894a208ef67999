"""The children of two records with all their records, as a reviewer may see them together."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from api.db.models import Source
from api.services.register.acts import ActError, keys_of
from api.services.register.decisions import decisions_in_force
from api.services.register.history import child_of
from api.services.register.severances import severed_between
from api.services.register.viewing import ShownRecord, view_child, view_records
from api.services.review.names import IN_PARTS
from api.services.review.pairs import PairId, Reviewer, UnknownPairError
from matcher.rules.review import ReviewRules

# More records than that nobody can look through at once.
_RECORDS = 40

# A place for records of neither child.
NEW = "new"


@dataclass(frozen=True, slots=True)
class Group:
    """The records of one or two children, as far as they may be seen, without what is masked.

    ``names`` and ``born``, their dates of birth, are those of the children's golden values,
    empty or none where they may not be seen.
    ``child_of`` is by record.id. ``state`` names all of it, so that a change is noticed.
    """

    children: tuple[str, ...]
    names: Mapping[str, str]
    born: Mapping[str, Any]
    records: tuple[ShownRecord, ...]
    child_of: Mapping[int, str]
    state: str

    @property
    def places(self) -> tuple[str, ...]:
        """Where a record can go."""
        return (*self.children, NEW)


def group_of(connection: Connection, rules: ReviewRules, reviewer: Reviewer, pair: PairId) -> Group:
    """The children of both records, with all that may be seen of them.

    Raises UnknownPairError if the two may not be seen together, and ActError if there are too
    many records.
    """
    keys = keys_of(connection, [pair.low, pair.high])
    if len(keys) < 2 or not {source for source, _ in keys.values()} <= reviewer.view.sources:
        raise UnknownPairError("there is no such pair")
    of = [child_of(connection, *keys[record]) for record in (pair.low, pair.high)]
    children = tuple(dict.fromkeys(child for child in of if child is not None))
    if None in of:
        raise UnknownPairError("there is no such pair")
    found: list[ShownRecord] = []
    belongs: dict[int, str] = {}
    for child in children:
        own = view_records(connection, reviewer.view, child, limit=_RECORDS + 1)
        found += [_without_masked(one, rules) for one in own]
        belongs |= {one.key.record: child for one in own}
    if len(found) > _RECORDS:
        raise ActError(f"these children have more than {_RECORDS} records; decide pair by pair")
    numbers = np.array([one.key.record for one in found], dtype=np.int64)
    l, r = (np.array(side, dtype=np.int64) for side in zip(*combinations(numbers, 2), strict=True))
    if severed_between(connection, l, r).any():
        raise UnknownPairError("there is no such pair")
    decisions = decisions_in_force(connection, numbers)["id"].tolist()
    said = sorted((one.key.record, belongs[one.key.record], one.version) for one in found)
    state = hashlib.sha256(repr((said, decisions)).encode()).hexdigest()[:20]
    golden = {child: _golden(connection, rules, reviewer, child) for child in children}
    names = {
        child: " ".join(str(values[part]) for part in IN_PARTS if part in values)
        for child, values in golden.items()
    }
    born = {child: values.get("date_of_birth") for child, values in golden.items()}
    return Group(children, names, born, tuple(found), belongs, state)


def _without_masked(record: ShownRecord, rules: ReviewRules) -> ShownRecord:
    kept = {name: value for name, value in record.values.items() if name not in rules.masked}
    return replace(record, values=kept)


def _golden(
    connection: Connection, rules: ReviewRules, reviewer: Reviewer, child: str
) -> dict[str, Any]:
    """A child's golden values, without what is masked."""
    shown = view_child(connection, reviewer.view, child)
    golden = {} if shown is None else shown.golden
    return {name: value for name, (value, _) in golden.items() if name not in rules.masked}


def single_sources(connection: Connection) -> frozenset[str]:
    """Sources that hold each child once."""
    return frozenset(connection.scalars(select(Source.name).where(Source.one_record_per_child)))
